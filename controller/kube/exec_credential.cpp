#include "controller/kube/exec_credential.hpp"

#include <csignal>
#include <memory>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/core/json.hpp"

namespace datamesh::kube {
namespace {

constexpr std::size_t kOutputMax = 1 << 20;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

Error failed(const ExecPlugin& plugin, const std::string& why) {
  std::string message = "credential plugin " + plugin.command + ": " + why;
  if (!plugin.install_hint.empty()) message += "\n" + plugin.install_hint;
  return {Code::Unavailable, message};
}

// A child and the pipe it prints to. The child is ended and waited for in any case.
class Child {
 public:
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    if (output_ >= 0) ::close(output_);
  }

  // 0, or what went wrong.
  int start(const ExecPlugin& plugin, const std::map<std::string, std::string>& environment) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
    output_ = ends[0];
    std::vector<std::string> arguments = {plugin.command};
    arguments.insert(arguments.end(), plugin.arguments.begin(), plugin.arguments.end());
    auto all = environment;
    for (const auto& [name, value] : plugin.environment) all[name] = value;
    all["KUBERNETES_EXEC_INFO"] = plugin.info;
    std::vector<std::string> variables;
    variables.reserve(all.size());
    for (const auto& [name, value] : all) variables.push_back(name + "=" + value);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);  // threads of ours block the signals that end a program
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const int problem = ::posix_spawnp(&pid_, plugin.command.c_str(), &actions, &attributes, pointers(arguments).data(),
                                       pointers(variables).data());
    if (problem != 0) pid_ = -1;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    return problem;
  }

  // Everything it prints; empty optional: too long, or too much.
  std::optional<std::string> read(Steady until) const {
    std::string text;
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - real_clock().steady());
      pollfd watched{output_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&watched, 1, static_cast<int>(left.count())) <= 0) return std::nullopt;
      char buffer[4096];
      const auto got = ::read(output_, buffer, sizeof buffer);
      if (got == 0) return text;
      if (got < 0) return std::nullopt;
      text.append(buffer, static_cast<std::size_t>(got));
      if (text.size() > kOutputMax) return std::nullopt;
    }
  }

  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

}  // namespace

Result<Credential> run_plugin(const ExecPlugin& plugin, const std::map<std::string, std::string>& environment,
                              std::chrono::milliseconds at_most) {
  Child child;
  if (const int problem = child.start(plugin, environment); problem != 0) {
    return failed(plugin, std::generic_category().message(problem));
  }
  const auto printed = child.read(real_clock().steady() + at_most);
  if (!printed) return failed(plugin, "it took too long, or printed too much");
  const int status = child.wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return failed(plugin, WIFEXITED(status) ? "it ended with code " + std::to_string(WEXITSTATUS(status))
                                            : "it was ended by a signal");
  }
  auto credential = parse_exec_credential(*printed, plugin.api_version);
  if (!credential) return with_context("credential plugin " + plugin.command, credential.error());
  return credential;
}

Result<Credential> parse_exec_credential(std::string_view text, std::string_view api_version) {
  const auto body = parse_json(text, {.bytes = kOutputMax});
  if (!body) return Error{Code::Invalid, "what it prints is no JSON"};  // the message could quote a token
  if (string_at(*body, {"kind"}) != "ExecCredential") return Error{Code::Invalid, "it prints no ExecCredential"};
  if (string_at(*body, {"apiVersion"}) != api_version) {
    return Error{Code::Invalid, "it speaks \"" + string_at(*body, {"apiVersion"}) + "\", the kubeconfig says \"" +
                                    std::string(api_version) + "\""};
  }
  Credential credential{.token = Secret(string_at(*body, {"status", "token"})),
                        .certificate_pem = string_at(*body, {"status", "clientCertificateData"}),
                        .key_pem = Secret(string_at(*body, {"status", "clientKeyData"})),
                        .expires = {}};
  if (credential.token.empty() && credential.certificate_pem.empty()) {
    return Error{Code::Invalid, "it gives neither a token nor a certificate"};
  }
  if (credential.certificate_pem.empty() != credential.key_pem.empty()) {
    return Error{Code::Invalid, "it gives a certificate without its key, or a key without its certificate"};
  }
  if (const std::string until = string_at(*body, {"status", "expirationTimestamp"}); !until.empty()) {
    DATAMESH_TRY(credential.expires, parse_time(until));
  }
  return credential;
}

}  // namespace datamesh::kube
