#include "apiserver/storage/checkpoint.hpp"

namespace datamesh::apiserver::storage {
namespace {

// Of 4 KB. A log that is longer than `restart_pages` begins anew, for which the writer has to wait once.
constexpr int due_pages = 1'000;
constexpr int restart_pages = 16'000;

}  // namespace

Result<std::unique_ptr<Checkpointer>> Checkpointer::start(const std::string& path, sqlite3* writer) {
  DATAMESH_TRY(auto connection, sqlite::Connection::open(path));
  DATAMESH_CHECK(connection.execute("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0"));
  return std::unique_ptr<Checkpointer>(new Checkpointer(std::move(connection), writer));
}

Checkpointer::Checkpointer(sqlite::Connection connection, sqlite3* writer)
    : connection_(std::move(connection)), writer_(writer) {
  sqlite3_wal_hook(
      writer,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Checkpointer*>(self)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  thread_ = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
}

Checkpointer::~Checkpointer() {
  sqlite3_wal_hook(writer_, nullptr, nullptr);
}

void Checkpointer::after_commit() {
  if (log_pages_ >= restart_pages) {
    // Not an error if the thread is at it, too (SQLITE_BUSY): the next commit tries again.
    sqlite3_wal_checkpoint_v2(writer_, nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
  }
  if (log_pages_ < due_pages) return;
  const std::scoped_lock lock(mutex_);
  due_ = true;
  wake_.notify_one();
}

void Checkpointer::make_room() {
  sqlite3_wal_checkpoint_v2(writer_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

void Checkpointer::run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return due_; })) {
    due_ = false;
    lock.unlock();
    // A failure (a full disk) leaves everything in the log, where it is safe.
    sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    lock.lock();
  }
}

}  // namespace datamesh::apiserver::storage
