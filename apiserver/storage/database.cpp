#include "apiserver/storage/database.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "apiserver/storage/checkpoint.hpp"
#include "controller/core/ids.hpp"

namespace datamesh::apiserver::storage {
namespace {

constexpr auto application_id = "1684891496";  // "dmsh"
constexpr auto format_version = "1";
constexpr std::string_view key_check_text = "datamesh";
constexpr char plain_data = 0;
constexpr char sealed_data = 1;
constexpr std::size_t plain_head = 1 + sizeof(std::uint32_t);

constexpr auto tables = R"(
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE resource(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE object(id INTEGER PRIMARY KEY, rv INTEGER NOT NULL, resource INTEGER NOT NULL, ns TEXT NOT NULL,
                    name TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE log(rv INTEGER PRIMARY KEY, time INTEGER NOT NULL, id INTEGER NOT NULL, resource INTEGER, ns TEXT,
                 name TEXT, previous_rv INTEGER, previous BLOB);
INSERT INTO meta VALUES('compacted', 1);
)";

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

std::string bound_to(std::string_view resource, std::string_view ns, std::string_view name, Rv rv) {
  std::string text;
  for (const auto part : {resource, ns, name}) text.append(part).push_back('\n');
  return text.append(std::to_string(rv));
}

Error system_error(const std::string& path) {
  return {Code::Unavailable, path + ": " + std::strerror(errno)};
}

Error damaged(std::string_view what) {
  return {Code::Invalid, "the database is damaged: " + std::string(what)};
}

// Holds until the descriptor is closed, also by the end of the process.
Result<int> lock_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return Error{Code::Unavailable, directory + ": " + error.message()};
  const std::string path = directory + "/lock";
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return system_error(path);
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  ::close(lock);
  return Error{Code::Unavailable, directory + ": in use by another process"};
}

// With a mode of its own, which SQLite gives to its other files, too.
Result<void> touch(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return system_error(path);
  ::close(file);
  return {};
}

Result<void> sync_directory(const std::string& directory) {
  const int folder = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return system_error(directory);
  const int code = ::fsync(folder);
  ::close(folder);
  if (code != 0) return system_error(directory);
  return {};
}

}  // namespace

Database::Database(sqlite::Connection connection, std::set<std::string> sealed)
    : connection_(std::move(connection)), sealed_(std::move(sealed)) {}

Database::~Database() {
  checkpointer_.reset();
  for (auto* statement : {&begin_, &commit_, &insert_, &update_, &erase_, &log_, &forget_, &compacted_, &resource_})
    *statement = {};
  { const auto closed = std::move(connection_); }
  if (lock_ >= 0) ::close(lock_);
}

Result<std::unique_ptr<Database>> Database::open(const std::string& directory, std::set<std::string> sealed) {
  if (directory.empty()) {
    DATAMESH_TRY(auto connection, sqlite::Connection::open(":memory:"));
    auto database = std::unique_ptr<Database>(new Database(std::move(connection), {}));
    DATAMESH_CHECK(database->prepare({}, true));
    return database;
  }
  DATAMESH_TRY(const int lock, lock_directory(directory));
  const std::string path = directory + "/datamesh.db";
  auto touched = touch(path);
  auto connection = touched ? sqlite::Connection::open(path) : Result<sqlite::Connection>(touched.error());
  if (!connection) {
    ::close(lock);
    return with_context(path, connection.error());
  }
  auto database = std::unique_ptr<Database>(new Database(*std::move(connection), std::move(sealed)));
  database->lock_ = lock;
  auto count = database->connection_.value("SELECT count(*) FROM sqlite_master");
  if (!count) return with_context(path, count.error());
  if (auto prepared = database->prepare(directory, *count == "0"); !prepared)
    return with_context(path, prepared.error());
  return database;
}

Result<void> Database::prepare(const std::string& directory, bool fresh) {
  if (!fresh) DATAMESH_CHECK(check_tables());
  if (!directory.empty()) {
    DATAMESH_TRY(const auto mode, connection_.value("PRAGMA journal_mode=WAL"));
    if (mode != "wal") return Error{Code::Unavailable, "the file system does not allow a write-ahead log"};
    DATAMESH_TRY(auto key, load_key(directory + "/encryption.key", fresh));
    sealer_ = std::make_unique<Sealer>(std::move(key));
  }
  DATAMESH_CHECK(connection_.execute(
      "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY; "
      "PRAGMA journal_size_limit=16777216"));
  if (fresh) {
    std::string key_check;
    if (sealer_) {
      DATAMESH_TRY(key_check, sealer_->seal(key_check_text, "key check"));
    }
    DATAMESH_CHECK(create_tables(key_check));
    if (!directory.empty()) DATAMESH_CHECK(sync_directory(directory));
  }
  if (sealer_) {
    DATAMESH_TRY(const auto key_check, connection_.value("SELECT value FROM meta WHERE key = 'key_check'"));
    if (sealer_->open(key_check, "key check") != key_check_text)
      return Error{Code::Invalid, "encryption.key is not the key of this database"};
  }
  DATAMESH_TRY(begin_, connection_.prepare("BEGIN IMMEDIATE"));
  DATAMESH_TRY(commit_, connection_.prepare("COMMIT"));
  DATAMESH_TRY(insert_, connection_.prepare("INSERT INTO object(id, rv, resource, ns, name, data) "
                                            "VALUES(?1, ?2, ?3, ?4, ?5, ?6)"));
  DATAMESH_TRY(update_, connection_.prepare("UPDATE object SET rv = ?2, data = ?3 WHERE id = ?1"));
  DATAMESH_TRY(erase_, connection_.prepare("DELETE FROM object WHERE id = ?1"));
  DATAMESH_TRY(log_, connection_.prepare("INSERT INTO log(rv, time, id, resource, ns, name, previous_rv, previous) "
                                         "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
  DATAMESH_TRY(forget_, connection_.prepare("DELETE FROM log WHERE rv <= ?1"));
  DATAMESH_TRY(compacted_, connection_.prepare("UPDATE meta SET value = ?1 WHERE key = 'compacted'"));
  DATAMESH_TRY(resource_, connection_.prepare("INSERT INTO resource(id, name) VALUES(?1, ?2)"));
  DATAMESH_CHECK(load_resources());
  if (!directory.empty()) {
    DATAMESH_TRY(checkpointer_, Checkpointer::start(directory + "/datamesh.db", connection_.get()));
  }
  return {};
}

Result<void> Database::create_tables(const std::string& key_check) {
  DATAMESH_CHECK(connection_.execute("BEGIN IMMEDIATE"));
  DATAMESH_CHECK(connection_.execute(tables));
  DATAMESH_CHECK(connection_.execute(std::string("PRAGMA application_id=") + application_id +
                                     "; PRAGMA user_version=" + format_version));
  DATAMESH_TRY(auto insert, connection_.prepare("INSERT INTO meta VALUES('key_check', ?1)"));
  DATAMESH_CHECK(insert.bind_blob(1, key_check).run());
  return connection_.execute("COMMIT");
}

Result<void> Database::check_tables() {
  DATAMESH_TRY(const auto id, connection_.value("PRAGMA application_id"));
  if (id != application_id) return Error{Code::Invalid, "not a database of datamesh"};
  DATAMESH_TRY(const auto version, connection_.value("PRAGMA user_version"));
  if (version != format_version)
    return Error{Code::Invalid,
                 std::string("written by another version of datamesh (format ").append(version).append(")")};
  DATAMESH_TRY(const auto check, connection_.value("PRAGMA quick_check(1)"));
  if (check != "ok") return damaged(check);
  return {};
}

Result<void> Database::load_resources() {
  DATAMESH_TRY(auto rows, connection_.prepare("SELECT id, name FROM resource"));
  while (true) {
    DATAMESH_TRY(const bool row, rows.step());
    if (!row) return {};
    resource_numbers_.emplace(rows.bytes(1), rows.number(0));
  }
}

Result<Rv> Database::load(Index& index, History& history) const {
  std::unordered_map<std::uint64_t, RecordPtr> by_id;
  DATAMESH_CHECK(load_objects(index, by_id));
  return load_log(index, history, by_id);
}

namespace {

// Reads the names that rows refer to by number.
Result<std::unordered_map<std::uint64_t, const std::string*>> names_of(
    const std::unordered_map<std::string, std::uint64_t>& numbers, Index& index) {
  std::unordered_map<std::uint64_t, const std::string*> names;
  for (const auto& [name, number] : numbers) names.emplace(number, &index.intern(name));
  return names;
}

}  // namespace

Result<void> Database::load_objects(Index& index, std::unordered_map<std::uint64_t, RecordPtr>& by_id) const {
  DATAMESH_TRY(const auto resources, names_of(resource_numbers_, index));
  DATAMESH_TRY(auto rows, connection_.prepare("SELECT id, rv, resource, ns, name, data FROM object"));
  while (true) {
    DATAMESH_TRY(const bool row, rows.step());
    if (!row) return {};
    const auto resource = resources.find(rows.number(2));
    if (resource == resources.end()) return damaged("an object of an unknown resource");
    const std::string& ns = index.intern(std::string(rows.bytes(3)));
    const Rv rv = rows.number(1);
    DATAMESH_TRY(auto packed, decode(rows.bytes(5), *resource->second, ns, rows.bytes(4), rv));
    auto record = std::make_shared<const Record>(*resource->second, ns, rv, rows.number(0), std::move(packed));
    if (!by_id.emplace(rows.number(0), record).second || index.find(record->resource(), place_of(*record)))
      return damaged("an object is there twice");
    index.put(std::move(record));
  }
}

Result<Rv> Database::load_log(Index& index, History& history,
                              std::unordered_map<std::uint64_t, RecordPtr>& by_id) const {
  DATAMESH_TRY(const auto compacted_text, connection_.value("SELECT value FROM meta WHERE key = 'compacted'"));
  const Rv compacted = std::strtoull(compacted_text.c_str(), nullptr, 10);
  if (compacted == 0) return damaged("no version to begin with");
  DATAMESH_TRY(const auto resources, names_of(resource_numbers_, index));
  DATAMESH_TRY(auto rows, connection_.prepare("SELECT rv, time, id, resource, ns, name, previous_rv, previous FROM log "
                                              "ORDER BY rv DESC"));
  std::vector<Change> changes;  // newest first
  while (true) {
    DATAMESH_TRY(const bool row, rows.step());
    if (!row || rows.number(0) <= compacted) break;
    const std::uint64_t id = rows.number(2);
    Change change{rows.number(0), static_cast<std::int64_t>(rows.number(1)), nullptr, nullptr, !rows.is_null(3)};
    if (!changes.empty() && changes.back().rv != change.rv + 1) return damaged("a change is missing");
    const std::string* resource = nullptr;
    const std::string* ns = nullptr;
    std::string name;
    if (change.removed) {
      const auto found = resources.find(rows.number(3));
      if (found == resources.end()) return damaged("a removal of an unknown resource");
      resource = found->second;
      ns = &index.intern(std::string(rows.bytes(4)));
      name = rows.bytes(5);
    } else {
      const auto after = by_id.find(id);
      if (after == by_id.end() || !after->second || after->second->rv() != change.rv)
        return damaged("a change of nothing");
      change.record = after->second;
      resource = &change.record->resource();
      ns = &change.record->ns();
      name = change.record->name();
    }
    if (!rows.is_null(7)) {
      DATAMESH_TRY(auto packed, decode(rows.bytes(7), *resource, *ns, name, rows.number(6)));
      change.previous = std::make_shared<const Record>(*resource, *ns, rows.number(6), id, packed);
      if (change.removed) change.record = std::make_shared<const Record>(*resource, *ns, change.rv, id, packed);
    }
    if (!change.record) return damaged("a removal of nothing");
    by_id[id] = change.previous;
    changes.push_back(std::move(change));
  }
  if (!changes.empty() && changes.back().rv != compacted + 1) return damaged("the first change is missing");
  const Rv current = changes.empty() ? compacted : changes.front().rv;
  history.start_after(compacted);
  for (; !changes.empty(); changes.pop_back()) history.add(std::move(changes.back()));
  return current;
}

Result<void> Database::commit(const std::vector<Change>& changes, Rv forget) {
  const auto work = [&]() -> Result<void> {
    DATAMESH_CHECK(begin_.run());
    if (forget > 0) {
      DATAMESH_CHECK(forget_.bind(1, forget).run());
      DATAMESH_CHECK(compacted_.bind(1, forget).run());
    }
    for (const auto& change : changes) DATAMESH_CHECK(write(change));
    return commit_.run();
  };
  auto result = work();
  if (!result) {
    roll_back();
    return result;
  }
  new_resources_.clear();
  if (checkpointer_) checkpointer_->after_commit();
  return result;
}

void Database::roll_back() {
  // SQLite has done it by itself after some errors. There is nothing to do about a ROLLBACK that fails: it only does
  // so when there is no transaction.
  if (connection_.in_transaction()) static_cast<void>(connection_.execute("ROLLBACK"));
  for (const auto& resource : new_resources_) resource_numbers_.erase(resource);
  new_resources_.clear();
  if (checkpointer_) checkpointer_->make_room();
}

Result<void> Database::write(const Change& change) {
  const Record& record = *change.record;
  if (change.removed) {
    DATAMESH_CHECK(erase_.bind(1, record.created_rv()).run());
    return write_log(change);
  }
  DATAMESH_TRY(const std::string data, encode(record));
  if (change.previous) {
    DATAMESH_CHECK(update_.bind(1, record.created_rv()).bind(2, record.rv()).bind_blob(3, data).run());
  } else {
    DATAMESH_TRY(const auto resource, resource_number(record.resource()));
    insert_.bind(1, record.created_rv()).bind(2, record.rv()).bind(3, resource);
    DATAMESH_CHECK(insert_.bind_text(4, record.ns()).bind_text(5, record.name()).bind_blob(6, data).run());
  }
  return write_log(change);
}

Result<void> Database::write_log(const Change& change) {
  const Record& record = *change.record;
  std::uint64_t resource = 0;
  std::string data;
  if (change.removed) {
    DATAMESH_TRY(resource, resource_number(record.resource()));
  }
  if (change.previous) {
    DATAMESH_TRY(data, encode(*change.previous));
  }
  // Bound last: a statement that is bound is run.
  log_.bind(1, change.rv).bind(2, static_cast<std::uint64_t>(change.time_ms)).bind(3, record.created_rv());
  if (change.removed) log_.bind(4, resource).bind_text(5, record.ns()).bind_text(6, record.name());
  if (change.previous) log_.bind(7, change.previous->rv()).bind_blob(8, data);
  return log_.run();
}

Result<std::uint64_t> Database::resource_number(const std::string& resource) {
  const auto [it, added] = resource_numbers_.emplace(resource, resource_numbers_.size() + 1);
  if (!added) return it->second;
  new_resources_.push_back(resource);
  DATAMESH_CHECK(resource_.bind(1, it->second).bind_text(2, resource).run());
  return it->second;
}

Result<std::string> Database::encode(const Record& record) const {
  const std::string_view bytes = record.packed()->bytes();
  if (sealed_.contains(record.resource())) {
    DATAMESH_TRY(const std::string sealed,
                 sealer_->seal(bytes, bound_to(record.resource(), record.ns(), record.name(), record.rv())));
    return std::string(1, sealed_data) + sealed;
  }
  const std::uint32_t sum = checksum(bytes);
  std::string data;
  data.reserve(plain_head + bytes.size());
  data.push_back(plain_data);
  data.append(reinterpret_cast<const char*>(&sum), sizeof sum).append(bytes);
  return data;
}

Result<std::shared_ptr<const Packed>> Database::decode(std::string_view data, const std::string& resource,
                                                       const std::string& ns, std::string_view name, Rv rv) const {
  std::optional<Packed> packed;
  if (data.size() > plain_head && data.front() == plain_data) {
    std::uint32_t sum = 0;
    std::memcpy(&sum, data.data() + 1, sizeof sum);
    const auto bytes = data.substr(plain_head);
    if (checksum(bytes) == sum) packed = Packed::parse(bytes);
  } else if (!data.empty() && data.front() == sealed_data && sealer_) {
    if (const auto bytes = sealer_->open(data.substr(1), bound_to(resource, ns, name, rv)))
      packed = Packed::parse(*bytes);
  }
  if (!packed || packed->name() != name)
    return damaged(resource + " " + (ns.empty() ? "" : ns + "/") + std::string(name));
  return std::make_shared<const Packed>(std::move(*packed));
}

}  // namespace datamesh::apiserver::storage
