#pragma once
// The file. Dumb: it writes the changes it is told to, in one transaction, and reads everything back.
//
// Each version is stored once: the current one in `object`; when a change replaces it, it moves to that change's row
// in `log`. Reading the log backwards from the objects gives every change its record and the one before.
//
//   object(id, rv, resource, ns, name, data)           id: version of its creation
//   log(rv, time, id, resource, ns, name, previous_rv, previous)
//                                                      resource, ns, name: only of a removal
//                                                      previous_rv, previous: not of a creation
//   data, previous: a byte 0, CRC-32, packed record; or a byte 1, the same sealed (bound to key and version)

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "apiserver/storage/history.hpp"
#include "apiserver/storage/index.hpp"
#include "apiserver/storage/seal.hpp"
#include "apiserver/storage/sqlite.hpp"

namespace datamesh::apiserver::storage {

class Checkpointer;

class Database {
 public:
  // Creates what is missing. `directory` empty: in memory. Errors as Store::open.
  static Result<std::unique_ptr<Database>> open(const std::string& directory, std::set<std::string> sealed);
  ~Database();

  // Into empty ones. The answer is the last version; at least 1.
  Result<Rv> load(Index& index, History& history) const;

  // All or nothing, on disk when it returns. Also forgets the log up to `forget`.
  Result<void> commit(const std::vector<Change>& changes, Rv forget);

 private:
  Database(sqlite::Connection connection, std::set<std::string> sealed);

  Result<void> prepare(const std::string& directory, bool fresh);
  Result<void> create_tables(const std::string& key_check);
  Result<void> check_tables();
  Result<void> load_resources();
  Result<void> write(const Change& change);
  Result<void> write_log(const Change& change);
  Result<std::uint64_t> resource_number(const std::string& resource);
  Result<std::string> encode(const Record& record) const;
  Result<std::shared_ptr<const Packed>> decode(std::string_view data, const std::string& resource,
                                               const std::string& ns, std::string_view name, Rv rv) const;
  Result<void> load_objects(Index& index, std::unordered_map<std::uint64_t, RecordPtr>& by_id) const;
  Result<Rv> load_log(Index& index, History& history, std::unordered_map<std::uint64_t, RecordPtr>& by_id) const;
  void roll_back();

  sqlite::Connection connection_;
  std::set<std::string> sealed_;
  std::unique_ptr<Sealer> sealer_;
  int lock_ = -1;  // of the directory, held as long as this lives
  std::unordered_map<std::string, std::uint64_t> resource_numbers_;
  std::vector<std::string> new_resources_;  // in the open transaction
  sqlite::Statement begin_, commit_, insert_, update_, erase_, log_, forget_, compacted_, resource_;
  std::unique_ptr<Checkpointer> checkpointer_;  // last: it uses the connection
};

}  // namespace datamesh::apiserver::storage
