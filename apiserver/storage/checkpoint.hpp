#pragma once
// Moves what is in the write-ahead log to the database file, on a thread and connection of its own: commits go on
// meanwhile. Only when the log gets far ahead must the writer wait for the rest.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "apiserver/storage/sqlite.hpp"

namespace datamesh::apiserver::storage {

class Checkpointer {
 public:
  // `writer` outlives this, and its write-ahead log is watched from here on.
  static Result<std::unique_ptr<Checkpointer>> start(const std::string& path, sqlite3* writer);
  ~Checkpointer();

  // The writer, after a commit.
  void after_commit();
  // The writer, after a commit that failed: gives the log's room back to the next one.
  void make_room();

 private:
  Checkpointer(sqlite::Connection connection, sqlite3* writer);
  void run(std::stop_token stop);

  sqlite::Connection connection_;
  sqlite3* writer_;
  int log_pages_ = 0;  // of the writer thread
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool due_ = false;
  std::jthread thread_;
};

}  // namespace datamesh::apiserver::storage
