#include "apiserver/storage/sqlite.hpp"

namespace datamesh::apiserver::storage::sqlite {

Error error_of(sqlite3* handle) {
  const int code = handle ? sqlite3_errcode(handle) & 0xff : SQLITE_NOMEM;
  std::string message = handle ? sqlite3_errmsg(handle) : "out of memory";
  const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  return {damaged ? Code::Invalid : Code::Unavailable, std::move(message)};
}

Statement& Statement::bind(int at, std::uint64_t number) {
  sqlite3_bind_int64(statement_.get(), at, static_cast<sqlite3_int64>(number));
  return *this;
}

Statement& Statement::bind_text(int at, std::string_view text) {
  // A view without data would be NULL.
  const char* data = text.empty() ? "" : text.data();
  sqlite3_bind_text(statement_.get(), at, data, static_cast<int>(text.size()), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_blob(int at, std::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), at, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_null(int at) {
  sqlite3_bind_null(statement_.get(), at);
  return *this;
}

Result<void> Statement::run() {
  int code = sqlite3_step(statement_.get());
  while (code == SQLITE_ROW) code = sqlite3_step(statement_.get());
  Result<void> result;
  if (code != SQLITE_DONE) result = error_of(sqlite3_db_handle(statement_.get()));
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  return result;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_of(sqlite3_db_handle(statement_.get()));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::uint64_t Statement::number(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::string_view Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view();
}

Result<Connection> Connection::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Connection connection(handle);
  if (code != SQLITE_OK) return error_of(handle);
  sqlite3_extended_result_codes(handle, 1);
  return connection;
}

Result<void> Connection::execute(const std::string& sql) const {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return error_of(handle_.get());
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK)
    return error_of(handle_.get());
  return Statement(statement);
}

Result<std::string> Connection::value(std::string_view sql) const {
  DATAMESH_TRY(auto statement, prepare(sql));
  DATAMESH_TRY(const bool row, statement.step());
  return row ? std::string(statement.bytes(0)) : std::string();
}

}  // namespace datamesh::apiserver::storage::sqlite
