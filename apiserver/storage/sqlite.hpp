#pragma once
// SQLite with owners: a connection and its prepared statements. One thread at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "controller/core/result.hpp"

namespace datamesh::apiserver::storage::sqlite {

class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement, &sqlite3_finalize) {}

  // Parameters count from 1. What a view points at must live until the statement is run.
  Statement& bind(int at, std::uint64_t number);
  Statement& bind_text(int at, std::string_view text);
  Statement& bind_blob(int at, std::string_view bytes);
  Statement& bind_null(int at);
  // Binds nothing twice: runs to the end, forgets the parameters. Unavailable with SQLite's words.
  Result<void> run();

  // The next row: true, false at the end. Columns count from 0 and are valid until the next step.
  Result<bool> step();
  bool is_null(int column) const;
  std::uint64_t number(int column) const;
  std::string_view bytes(int column) const;

 private:
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement_{nullptr, &sqlite3_finalize};
};

class Connection {
 public:
  // `path` ":memory:" is a database of its own.
  static Result<Connection> open(const std::string& path);

  Result<void> execute(const std::string& sql) const;
  Result<Statement> prepare(std::string_view sql) const;
  // The first column of the first row.
  Result<std::string> value(std::string_view sql) const;
  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  sqlite3* get() const { return handle_.get(); }

 private:
  explicit Connection(sqlite3* handle) : handle_(handle, &sqlite3_close_v2) {}
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle_;
};

// Invalid: what was read makes no sense (SQLITE_CORRUPT, SQLITE_NOTADB). Unavailable: everything else.
Error error_of(sqlite3* handle);

}  // namespace datamesh::apiserver::storage::sqlite
