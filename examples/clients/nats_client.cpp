// A client of the mesh on NATS, with nothing but the fields of a Secret. See README.md beside it.
//
//   nats_client consume DIR [COUNT [SECONDS]]   what a subscription may read: prints the messages, acknowledged
//   nats_client publish DIR SUBJECT TEXT        what a member of the domain may say; returns when it is stored
//   nats_client request DIR SUBJECT [TEXT]      any request; prints the answer
//
// DIR has one file for each field of the Secret, as Kubernetes mounts it. Exit 0: done, 1: refused or failed,
// 3: there were fewer messages than asked for.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <nats/nats.h>

namespace {

constexpr int kDone = 0, kFailed = 1, kTooFew = 3;
// nats.c spoils the signature of one log-in in 256, so that a refused one is tried again.
constexpr int kLoginsMax = 4;
constexpr int kRequestMilliseconds = 3000;

template <class T, void (*destroy)(T*)>
struct Destroyer {
  void operator()(T* it) const { destroy(it); }
};
using Options = std::unique_ptr<natsOptions, Destroyer<natsOptions, natsOptions_Destroy>>;
using Connection = std::unique_ptr<natsConnection, Destroyer<natsConnection, natsConnection_Destroy>>;
using JetStream = std::unique_ptr<jsCtx, Destroyer<jsCtx, jsCtx_Destroy>>;
using Subscription = std::unique_ptr<natsSubscription, Destroyer<natsSubscription, natsSubscription_Destroy>>;

int fail(const std::string& what, natsStatus status) {
  std::cerr << "error: " << what << ": " << natsStatus_GetText(status) << '\n';
  return kFailed;
}

// A field of the Secret; empty when it has none of that name.
std::string field(const std::string& folder, const std::string& name) {
  std::ifstream file(folder + "/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

natsStatus log_in(const std::string& folder, Connection& connection) {
  natsOptions* made = nullptr;
  natsStatus status = natsOptions_Create(&made);
  const Options options(made);
  const std::string uri = field(folder, "uri"), inbox = field(folder, "inboxPrefix");
  const std::string credentials = folder + "/credentials";
  if (status == NATS_OK) status = natsOptions_SetURL(made, uri.c_str());
  if (status == NATS_OK && !field(folder, "credentials").empty()) {
    status = natsOptions_SetUserCredentialsFromFiles(made, credentials.c_str(), nullptr);
  }
  // The users of an account share its subjects: each listens under a prefix of its own.
  if (status == NATS_OK && !inbox.empty()) status = natsOptions_SetCustomInboxPrefix(made, inbox.c_str());
  if (status == NATS_OK) status = natsOptions_SetAllowReconnect(made, false);
  if (status != NATS_OK) return status;
  for (int i = 0; i < kLoginsMax; ++i) {
    natsConnection* opened = nullptr;
    status = natsConnection_Connect(&opened, made);
    connection.reset(opened);
    if (status != NATS_CONNECTION_AUTH_FAILED) break;
  }
  return status;
}

// The stream is in the provider's account. What of its API was imported is found below `jsApiPrefix`.
natsStatus bind(const std::string& folder, natsConnection* connection, JetStream& js, Subscription& pull) {
  const std::string prefix = field(folder, "jsApiPrefix"), stream = field(folder, "stream"),
                    consumer = field(folder, "consumer");
  jsOptions context;
  jsOptions_Init(&context);
  context.Prefix = prefix.c_str();
  context.Wait = kRequestMilliseconds;
  jsCtx* made = nullptr;
  natsStatus status = natsConnection_JetStream(&made, connection, &context);
  js.reset(made);
  if (status != NATS_OK) return status;
  jsSubOptions durable;
  jsSubOptions_Init(&durable);
  durable.Stream = stream.c_str();
  durable.Consumer = consumer.c_str();
  natsSubscription* bound = nullptr;
  status = js_PullSubscribe(&bound, made, nullptr, consumer.c_str(), nullptr, &durable, nullptr);
  pull.reset(bound);
  return status;
}

int consume(const std::string& folder, int count, int seconds) {
  Connection connection;
  JetStream js;
  Subscription pull;
  if (const auto status = log_in(folder, connection); status != NATS_OK) return fail("log in", status);
  if (const auto status = bind(folder, connection.get(), js, pull); status != NATS_OK) {
    return fail("bind to the consumer", status);
  }
  int seen = 0;
  const std::int64_t deadline = nats_Now() + seconds * 1000LL;
  while (seen < count && nats_Now() < deadline) {
    natsMsgList list{};
    const auto status = natsSubscription_Fetch(&list, pull.get(), count - seen, deadline - nats_Now(), nullptr);
    if (status != NATS_OK && status != NATS_TIMEOUT) return fail("fetch", status);
    for (int i = 0; i < list.Count; ++i) {
      natsMsg* message = list.Msgs[i];
      std::cout << natsMsg_GetSubject(message) << '\t';
      std::cout.write(natsMsg_GetData(message), natsMsg_GetDataLength(message)) << std::endl;
      if (const auto acked = natsMsg_AckSync(message, nullptr, nullptr); acked != NATS_OK) {
        natsMsgList_Destroy(&list);
        return fail("acknowledge", acked);
      }
      ++seen;
    }
    natsMsgList_Destroy(&list);
  }
  return seen < count ? kTooFew : kDone;
}

int publish(const std::string& folder, const std::string& subject, const std::string& text) {
  Connection connection;
  if (const auto status = log_in(folder, connection); status != NATS_OK) return fail("log in", status);
  jsOptions context;
  jsOptions_Init(&context);
  context.Wait = kRequestMilliseconds;
  jsCtx* made = nullptr;
  natsStatus status = natsConnection_JetStream(&made, connection.get(), &context);
  const JetStream js(made);
  if (status == NATS_OK) {
    status = js_Publish(nullptr, made, subject.c_str(), text.data(), static_cast<int>(text.size()), nullptr, nullptr);
  }
  return status == NATS_OK ? kDone : fail("publish to " + subject, status);
}

int request(const std::string& folder, const std::string& subject, const std::string& text) {
  Connection connection;
  if (const auto status = log_in(folder, connection); status != NATS_OK) return fail("log in", status);
  natsMsg* answer = nullptr;
  const auto status = natsConnection_Request(&answer, connection.get(), subject.c_str(), text.data(),
                                             static_cast<int>(text.size()), kRequestMilliseconds);
  if (status != NATS_OK) return fail("request " + subject, status);
  std::cout.write(natsMsg_GetData(answer), natsMsg_GetDataLength(answer)) << std::endl;
  natsMsg_Destroy(answer);
  return kDone;
}

}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> words(values + 1, values + count);
  const auto word = [&](std::size_t at, const char* usual) { return words.size() > at ? words[at] : usual; };
  const std::string command = word(0, "");
  int code = kFailed;
  if (command == "consume" && words.size() >= 2) {
    code = consume(words[1], std::atoi(word(2, "1").c_str()), std::atoi(word(3, "10").c_str()));
  } else if (command == "publish" && words.size() == 4) {
    code = publish(words[1], words[2], words[3]);
  } else if (command == "request" && words.size() >= 3) {
    code = request(words[1], words[2], word(3, ""));
  } else {
    std::cerr << "usage: nats_client consume DIR [COUNT [SECONDS]] | publish DIR SUBJECT TEXT | "
                 "request DIR SUBJECT [TEXT]\n";
  }
  nats_Close();
  return code;
}
