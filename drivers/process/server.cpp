#include "drivers/process/server.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"

namespace datamesh::process {
namespace {

Error failed(const std::filesystem::path& path) {
  return {Code::Unavailable, path.string() + ": " + ::strerrordesc_np(errno)};
}

// Directories that the pattern names; "*" as a whole component stands for any, the highest number first.
std::vector<std::filesystem::path> matches(const std::string& pattern) {
  const auto star = pattern.find("/*/");
  if (star == std::string::npos) return {pattern};
  std::vector<std::pair<int, std::filesystem::path>> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(pattern.substr(0, star), error)) {
    const std::string name = entry.path().filename();
    int number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    found.emplace_back(-number, entry.path() / pattern.substr(star + 3));
  }
  std::ranges::sort(found);
  std::vector<std::filesystem::path> paths;
  paths.reserve(found.size());
  for (auto& [rank, path] : found) paths.push_back(std::move(path));
  return paths;
}

}  // namespace

Result<std::filesystem::path> find_program(const std::string& name, const std::vector<std::string>& directories) {
  std::vector<std::string> all = directories;
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path ? path : ""; !rest.empty();) {
    const auto part = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.starts_with('/')) all.emplace_back(part);
  }
  for (const auto& pattern : all) {
    for (const auto& directory : matches(pattern)) {
      const auto program = directory / name;
      if (::access(program.c_str(), X_OK) == 0) return program;
    }
  }
  return Error{Code::Unavailable, "'" + name + "' is not installed here; install it, or use an external backend"};
}

Result<void> make_private_directory(const std::filesystem::path& directory, const std::optional<Identity>& owner) {
  std::error_code error;
  std::filesystem::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return failed(directory);
  if (owner && ::chown(directory.c_str(), owner->uid, owner->gid) != 0) return failed(directory);
  if (::chmod(directory.c_str(), 0700) != 0) return failed(directory);
  return {};
}

Result<int> stable_port(const std::filesystem::path& file) {
  std::ifstream known(file);
  int port = 0;
  if (known >> port && port > 0 && port < 65536) return port;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool is_free = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (fd >= 0) ::close(fd);
  if (!is_free) return Error{Code::Unavailable, "no free port on 127.0.0.1"};
  port = ntohs(address.sin_port);
  DATAMESH_CHECK(write_file(file, std::to_string(port) + "\n", 0644, {}));
  return port;
}

Result<std::map<std::string, Secret>> stable_secrets(const std::filesystem::path& file,
                                                     const std::function<std::map<std::string, Secret>()>& make) {
  std::map<std::string, Secret> secrets;
  if (std::filesystem::exists(file)) {
    auto text = parse_json(read_file(file));
    if (!text || !text->is_object()) return Error{Code::Unavailable, file.string() + " cannot be read; restore it"};
    for (const auto& [name, value] : text->items()) {
      if (value.is_string()) secrets.emplace(name, Secret(value.get<std::string>()));
    }
    return secrets;
  }
  secrets = make();
  Json text = Json::object();
  for (const auto& [name, value] : secrets) text[name] = value.reveal();
  DATAMESH_CHECK(write_file(file, text.dump(), 0600, {}));
  return secrets;
}

Result<void> write_file(const std::filesystem::path& file, const std::string& text, int mode,
                        const std::optional<Identity>& owner) {
  const std::string draft = file.string() + ".new";
  ::unlink(draft.c_str());
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) return failed(draft);
  const bool is_written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                          ::fchmod(fd, static_cast<mode_t>(mode)) == 0 &&
                          (!owner || ::fchown(fd, owner->uid, owner->gid) == 0) && ::fsync(fd) == 0;
  ::close(fd);
  if (!is_written || ::rename(draft.c_str(), file.c_str()) != 0) return failed(file);
  return {};
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace datamesh::process
