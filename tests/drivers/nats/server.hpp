#pragma once
// A real nats-server in operator mode, in a temporary directory, on a free port; and workloads to make on it.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <nats/nats.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/core/json.hpp"
#include "controller/core/nkeys.hpp"
#include "drivers/nats/claims.hpp"
#include "drivers/nats/driver.hpp"
#include "drivers/nats/names.hpp"

namespace datamesh::nats {

inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) std::abort();
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

template <class Condition>
bool eventually(Condition holds, std::chrono::milliseconds within = std::chrono::seconds(60)) {
  for (auto left = within; left.count() > 0; left -= std::chrono::milliseconds(5)) {
    if (holds()) return true;
    ::poll(nullptr, 0, 5);
  }
  return holds();
}

class TestServer {
 public:
  TestServer() : port(free_port()) {
    char name[] = "/tmp/datamesh-nats-XXXXXX";
    dir = ::mkdtemp(name);
    using nkeys::Key;
    using nkeys::KeyType;
    const Key system = Key::generate(KeyType::Account), user = Key::generate(KeyType::User);
    const auto account = [&](const Key& key) {
      Json limits{{"wildcards", true}};
      for (const char* l : {"subs", "data", "payload", "imports", "exports", "conn", "leaf"}) limits[l] = -1;
      return nkeys::sign_jwt(signing, {{"sub", key.id()},
                                       {"name", "SYS"},
                                       {"iat", 1},
                                       {"nats", {{"type", "account"}, {"version", 2}, {"limits", limits}}}});
    };
    write("operator.jwt", nkeys::sign_jwt(op, {{"sub", op.id()},
                                               {"name", "mesh"},
                                               {"iat", 1},
                                               {"nats",
                                                {{"type", "operator"},
                                                 {"version", 2},
                                                 {"system_account", system.id()},
                                                 {"signing_keys", Json::array({signing.id()})}}}}));
    write("nats.conf", "listen: \"127.0.0.1:" + std::to_string(port) +
                           "\"\nserver_name: n1\nauthorization { timeout: 30 }\njetstream { store_dir: \"" + dir +
                           "/js\", max_mem: 1G, max_file: 10G }\noperator: \"" + dir +
                           "/operator.jwt\"\nsystem_account: " + system.id() + "\nresolver: { type: full, dir: \"" +
                           dir + "/jwt\", allow_delete: true, interval: \"2m\", limit: 100000 }\nresolver_preload: { " +
                           system.id() + ": " + account(system) + " }\n");
    options = {"events", "nats://127.0.0.1:" + std::to_string(port), signing.seed(),
               nkeys::to_text({user_jwt(system, false, user.id(), "cp", system.id(), real_clock().wall(), {}), user})};
    start();
  }
  ~TestServer() {
    stop(SIGKILL);
    std::filesystem::remove_all(dir);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  void start() {
    const std::string conf = dir + "/nats.conf", log = dir + "/log";
    pid = ::fork();
    if (pid == 0) {
      ::execlp("nats-server", "nats-server", "-c", conf.c_str(), "-l", log.c_str(), nullptr);
      ::_exit(127);
    }
    if (!eventually([&] { return accepts(); })) std::abort();
  }
  void stop(int signal) {
    if (pid <= 0) return;
    ::kill(pid, signal);
    ::waitpid(pid, nullptr, 0);
    pid = -1;
  }

  std::string dir;
  int port;
  pid_t pid = -1;
  nkeys::Key op = nkeys::Key::generate(nkeys::KeyType::Operator),
             signing = nkeys::Key::generate(nkeys::KeyType::Operator);
  Options options;

 private:
  void write(const std::string& file, const std::string& text) { std::ofstream(dir + "/" + file) << text; }
  bool accepts() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool ok = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return ok;
  }
};

// A stock nats.c client, logged in with the text of a .creds file.
class Client {
 public:
  Client(const std::string& url, const Secret& credentials, const std::string& inbox_prefix) {
    char name[] = "/tmp/datamesh-creds-XXXXXX";
    const int fd = ::mkstemp(name);
    const std::string& text = credentials.reveal();
    if (::write(fd, text.data(), text.size()) < 0) std::abort();
    ::close(fd);
    natsOptions* set = nullptr;
    natsOptions_Create(&set);
    natsOptions_SetURL(set, url.c_str());
    natsOptions_SetUserCredentialsFromFiles(set, name, nullptr);
    natsOptions_SetAllowReconnect(set, false);
    natsOptions_SetTimeout(set, 30000);
    natsOptions_SetErrorHandler(
        set, [](natsConnection*, natsSubscription*, natsStatus, void*) {}, nullptr);
    if (!inbox_prefix.empty()) natsOptions_SetCustomInboxPrefix(set, inbox_prefix.c_str());
    // nats.c 3.4 spoils one signature in 256.
    for (int i = 0; i < 4 && (i == 0 || status == NATS_CONNECTION_AUTH_FAILED); ++i) {
      status = natsConnection_Connect(&connection, set);
    }
    natsOptions_Destroy(set);
    ::unlink(name);
  }
  ~Client() {
    natsSubscription_Destroy(pull);
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool is_in() const { return status == NATS_OK; }
  bool is_open() const { return natsConnection_Status(connection) == NATS_CONN_STATUS_CONNECTED; }

  natsStatus publish(const std::string& to, const std::string& text) {
    jsCtx* context = nullptr;
    jsOptions set;
    jsOptions_Init(&set);
    set.Wait = 30000;
    natsConnection_JetStream(&context, connection, &set);
    const auto done =
        js_Publish(nullptr, context, to.c_str(), text.data(), static_cast<int>(text.size()), nullptr, nullptr);
    jsCtx_Destroy(context);
    return done;
  }
  natsStatus bind(const std::string& prefix, const std::string& stream, const std::string& durable) {
    jsOptions set;
    jsOptions_Init(&set);
    set.Prefix = prefix.c_str();
    set.Wait = 30000;
    natsConnection_JetStream(&js, connection, &set);
    jsSubOptions how;
    jsSubOptions_Init(&how);
    how.Stream = stream.c_str();
    how.Consumer = durable.c_str();
    return js_PullSubscribe(&pull, js, nullptr, durable.c_str(), nullptr, &how, nullptr);
  }
  // Texts of the messages that were fetched and acknowledged.
  std::vector<std::string> fetch(int count, int timeout_ms = 30000) {
    natsMsgList list{};
    std::vector<std::string> texts;
    fetched = natsSubscription_Fetch(&list, pull, count, timeout_ms, nullptr);
    for (int i = 0; i < list.Count; ++i) {
      texts.emplace_back(natsMsg_GetData(list.Msgs[i]), static_cast<std::size_t>(natsMsg_GetDataLength(list.Msgs[i])));
      acked = natsMsg_AckSync(list.Msgs[i], nullptr, nullptr);
    }
    natsMsgList_Destroy(&list);
    return texts;
  }
  // The answer to a request, or nothing; what is refused gets none.
  std::string request(const std::string& to, const std::string& text, int timeout_ms = 700) {
    natsMsg* message = nullptr;
    if (natsConnection_Request(&message, connection, to.c_str(), text.data(), static_cast<int>(text.size()),
                               timeout_ms) != NATS_OK) {
      return {};
    }
    std::string answer(natsMsg_GetData(message) ? natsMsg_GetData(message) : "",
                       static_cast<std::size_t>(natsMsg_GetDataLength(message)));
    natsMsg_Destroy(message);
    return answer;
  }

  // Sends all of these as requests, and then one that is answered; which of them were answered as well.
  std::vector<std::string> answered(const std::vector<std::string>& subjects, const std::string& inbox,
                                    const std::string& permitted) {
    natsSubscription* replies = nullptr;
    natsConnection_SubscribeSync(&replies, connection, (inbox + ".try.*").c_str());
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      natsConnection_PublishRequest(connection, subjects[i].c_str(), (inbox + ".try." + std::to_string(i)).c_str(), "",
                                    0);
    }
    natsConnection_FlushTimeout(connection, 30000);  // the server has read all of them
    if (request(permitted, "", 30000).empty()) return {"nothing was answered at all"};
    std::vector<std::string> answered;
    for (natsMsg* message = nullptr; natsSubscription_NextMsg(&message, replies, 100) == NATS_OK;) {
      const std::string to = natsMsg_GetSubject(message);
      answered.push_back(subjects[std::stoul(to.substr(to.rfind('.') + 1))]);
      natsMsg_Destroy(message);
    }
    natsSubscription_Destroy(replies);
    return answered;
  }
  // What is heard on a subject while `act` is done and for a moment after it; a refused subscription hears nothing.
  template <class Act>
  int heard(const std::string& subject, Act act) {
    natsSubscription* listening = nullptr;
    natsConnection_SubscribeSync(&listening, connection, subject.c_str());
    natsConnection_FlushTimeout(connection, 30000);
    act();
    natsConnection_FlushTimeout(connection, 30000);
    int count = 0;
    for (natsMsg* message = nullptr; natsSubscription_NextMsg(&message, listening, 100) == NATS_OK; ++count) {
      natsMsg_Destroy(message);
    }
    natsSubscription_Destroy(listening);
    return count;
  }

  natsConnection* connection = nullptr;
  natsStatus status = NATS_OK, fetched = NATS_OK, acked = NATS_OK;
  jsCtx* js = nullptr;
  natsSubscription* pull = nullptr;
};

inline ObjectKey domain_key(const std::string& name) {
  return {"Domain", "", name};
}
inline ObjectKey subscription_key(const std::string& ns, const std::string& name) {
  return {"Subscription", ns, name};
}

inline mesh::Port topic(const std::string& domain, const std::string& product, const std::string& name) {
  mesh::Port port;
  port.key = {domain, product, name, 1};
  port.owner = {"DataProduct", domain, product};
  port.type = mesh::PortType::Topic;
  port.version = "1.0.0";
  port.roles = {{"reader", {}}};
  return port;
}

inline mesh::DomainUse domain_use(const std::string& name) {
  return {domain_key(name), name, {}};
}

inline mesh::Access access_to(const mesh::Port& port, const ObjectKey& subscription, const std::string& consumer,
                              const std::string& version) {
  mesh::Access access;
  access.subscription = subscription;
  access.port = port.key;
  access.consumer_domain = consumer;
  access.credential_version = version;
  return access;
}

}  // namespace datamesh::nats
