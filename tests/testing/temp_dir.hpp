#pragma once
// A directory that goes away with the object, with everything in it.

#include <filesystem>
#include <string>
#include <string_view>

namespace datamesh::test {

class TempDir {
 public:
  TempDir();  // aborts the test program when there is no room for one
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // The path of a file in it: dir / "state.db".
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  // Writes a file in it, making the folders on the way; its path.
  std::filesystem::path write(std::string_view name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

// The content of a file; empty when there is none.
std::string read_file(const std::filesystem::path& path);

}  // namespace datamesh::test
