#include "apiserver/data_dir.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/core/ids.hpp"

namespace datamesh::apiserver {

namespace {

constexpr auto kYear = std::chrono::hours(24 * 365);

bool is_ip_address(const std::string& text) {
  unsigned char buffer[16];
  return ::inet_pton(AF_INET, text.c_str(), buffer) == 1 || ::inet_pton(AF_INET6, text.c_str(), buffer) == 1;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string();
}

}  // namespace

Result<void> write_file(const std::string& path, const std::string& text, unsigned mode) {
  const std::string temporary = path + ".new";
  const auto failed = [&] { return Error{Code::Unavailable, path + ": " + std::strerror(errno)}; };
  const int file = ::open(temporary.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);
  if (file < 0) return failed();
  const bool written = ::fchmod(file, mode) == 0 &&
                       ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(file) == 0;
  if (!written) {
    const Error error = failed();
    ::close(file);
    return error;
  }
  ::close(file);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed();
  return {};
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Code::NotFound, path + ": " + std::strerror(errno)};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<void> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{Code::Unavailable, path + ": " + std::strerror(errno)};
  }
  return {};
}

Result<http::KeyPair> load_or_create_ca(const std::string& directory, WallTime now) {
  const std::string certificate_path = directory + "/ca.crt";
  const std::string key_path = directory + "/ca.key";
  auto certificate = read_file(certificate_path);
  auto key = read_file(key_path);
  if (certificate && key) return http::KeyPair{*certificate, Secret(*key)};
  DATAMESH_TRY(http::KeyPair ca, http::make_ca("datamesh", {now - std::chrono::hours(1), now + 20 * kYear}));
  DATAMESH_CHECK(write_file(key_path, ca.key_pem.reveal(), 0600));
  DATAMESH_CHECK(write_file(certificate_path, ca.certificate_pem, 0644));
  return ca;
}

Result<http::KeyPair> issue_server_certificate(const http::KeyPair& ca, const std::string& address,
                                               const std::vector<std::string>& names, WallTime now) {
  http::CertificateWish wish;
  wish.subject.common_name = "datamesh-apiserver";
  wish.dns_names = {"localhost", "datamesh", "datamesh.default.svc", "kubernetes.default.svc"};
  wish.ip_addresses = {"127.0.0.1", "::1"};
  wish.validity = {now - std::chrono::hours(1), now + 2 * kYear};
  std::vector<std::string> all = names;
  all.push_back(address);
  all.push_back(host_name());
  for (const std::string& name : all) {
    if (name.empty() || name == "0.0.0.0" || name == "::") continue;
    auto& list = is_ip_address(name) ? wish.ip_addresses : wish.dns_names;
    if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
  }
  return http::issue(ca, wish);
}

std::uint16_t last_port(const std::string& directory) {
  const auto text = read_file(directory + "/port");
  std::uint16_t port = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), port);
  return port;
}

std::string kubeconfig_text(const std::string& url, const std::string& ca_pem, const std::string& user,
                            const Secret& token) {
  return "apiVersion: v1\n"
         "kind: Config\n"
         "clusters:\n"
         "- name: datamesh\n"
         "  cluster:\n"
         "    server: " +
         url +
         "\n"
         "    certificate-authority-data: " +
         base64_encode(ca_pem) +
         "\n"
         "users:\n"
         "- name: \"" +
         user +
         "\"\n"
         "  user:\n"
         "    token: " +
         token.reveal() +
         "\n"
         "contexts:\n"
         "- name: datamesh\n"
         "  context:\n"
         "    cluster: datamesh\n"
         "    user: \"" +
         user +
         "\"\n"
         "current-context: datamesh\n";
}

}  // namespace datamesh::apiserver
