#include "drivers/nats/connection.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include <nats/nats.h>

#include "controller/core/ids.hpp"

namespace datamesh::nats {
namespace {

constexpr std::size_t window = 64;
// A server answers what it read at once only when it has done all of it. Claims of large accounts take it tens of
// milliseconds each, so that a window full of them would look like silence.
constexpr std::size_t window_bytes = 128 << 10;
constexpr std::chrono::milliseconds slice{100};  // how soon a wait notices that it is to stop

struct MessageDeleter {
  void operator()(natsMsg* message) const { natsMsg_Destroy(message); }
};
using Message = std::unique_ptr<natsMsg, MessageDeleter>;

std::string_view data_of(const Message& message) {
  const char* data = natsMsg_GetData(message.get());
  return data ? std::string_view(data, static_cast<std::size_t>(natsMsg_GetDataLength(message.get())))
              : std::string_view();
}

std::string last_error(natsConnection* connection) {
  const char* text = nullptr;
  natsConnection_GetLastError(connection, &text);
  return text ? text : "";
}

// Never a secret: nats.c's texts name statuses and the server's refusals.
Error error_of(natsStatus status, std::string_view doing) {
  const std::string message = std::string(doing) + ": " + natsStatus_GetText(status);
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
      return {Code::Denied, message};
    case NATS_NO_RESPONDERS:
      return {Code::NotFound, message};
    case NATS_INVALID_ARG:
    case NATS_INVALID_SUBJECT:
      return {Code::Internal, message};
    default:
      return {Code::Unavailable, message};
  }
}

// Refusals are read with last_error() where they matter; nats.c would print them.
void ignore_refusal(natsConnection*, natsSubscription*, natsStatus, void*) {}

}  // namespace

// Where the answers to a batch of requests arrive: numbered subjects under one wildcard subscription.
class Connection::Inbox {
 public:
  static Result<std::unique_ptr<Inbox>> open(Connection& owner) {
    auto inbox = std::unique_ptr<Inbox>(new Inbox(owner));
    auto status =
        natsConnection_SubscribeSync(&inbox->subscription_, owner.connection_, (inbox->prefix_ + "*").c_str());
    if (status == NATS_OK) status = natsSubscription_SetPendingLimits(inbox->subscription_, -1, -1);
    if (status != NATS_OK) return error_of(status, "subscribe");
    return inbox;
  }
  ~Inbox() { natsSubscription_Destroy(subscription_); }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  Result<void> send(const Request& request, std::size_t number) {
    const std::string reply = prefix_ + std::to_string(number);
    natsMsg* raw = nullptr;
    auto status = natsMsg_Create(&raw, request.subject.c_str(), reply.c_str(), request.payload.data(),
                                 static_cast<int>(request.payload.size()));
    const Message message(raw);
    for (const auto& [name, value] : request.headers) {
      if (status == NATS_OK) status = natsMsgHeader_Set(raw, name.c_str(), value.c_str());
    }
    if (status == NATS_OK) status = natsConnection_PublishMsg(owner_.connection_, raw);
    if (status != NATS_OK) return error_of(status, request.subject);
    return {};
  }

  // The next answer and the number of its request.
  Result<std::pair<std::size_t, Result<std::string>>> next(std::stop_token stop) {
    natsMsg* raw = nullptr;
    natsStatus status = NATS_TIMEOUT;
    for (auto left = owner_.timeout_; status == NATS_TIMEOUT && left.count() > 0; left -= slice) {
      if (stop.stop_requested()) return Error{Code::Cancelled, "stopped"};
      status = natsSubscription_NextMsg(&raw, subscription_, std::min(left, slice).count());
    }
    if (status != NATS_OK) return error_of(status, "waiting for an answer");
    const Message message(raw);
    const std::string_view subject = natsMsg_GetSubject(raw);
    std::size_t number = 0;
    const auto digits = subject.substr(std::min(subject.size(), prefix_.size()));
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (natsMsg_IsNoResponders(raw)) {
      return std::pair(number, Result<std::string>(Error{Code::NotFound, "nobody answers there"}));
    }
    const char* status_code = nullptr;
    std::string text(data_of(message));
    // A consumer's answers to a fetch carry their meaning in a header.
    if (text.empty() && natsMsgHeader_Get(raw, "Status", &status_code) == NATS_OK) text = status_code;
    return std::pair(number, Result<std::string>(std::move(text)));
  }

 private:
  explicit Inbox(Connection& owner) : owner_(owner), prefix_(owner.inbox_prefix_ + "." + random_token(22) + ".") {}

  Connection& owner_;
  std::string prefix_;
  natsSubscription* subscription_ = nullptr;
};

Connection::Connection(const ConnectOptions& options)
    : user_(options.user), inbox_prefix_(options.inbox_prefix), timeout_(options.timeout) {}

// nats.c 3.4 drops a leading zero byte when it encodes a signature: one log-in in 256 is refused. The server's next
// nonce gives another signature.
int Connection::give_signature(unsigned char** signature, int* size, const char* nonce) {
  const std::string signed_nonce = user_.key.sign(nonce);
  is_misencoded_ = signed_nonce[0] == '\0';
  *signature = static_cast<unsigned char*>(std::malloc(signed_nonce.size()));
  if (!*signature) return NATS_NO_MEMORY;
  std::memcpy(*signature, signed_nonce.data(), signed_nonce.size());
  *size = static_cast<int>(signed_nonce.size());
  return NATS_OK;
}

Result<void> Connection::connect(const std::string& url) {
  natsOptions* raw = nullptr;
  natsStatus status = natsOptions_Create(&raw);
  const std::unique_ptr<natsOptions, decltype(&natsOptions_Destroy)> set(raw, natsOptions_Destroy);
  const auto then = [&](natsStatus next) {
    if (status == NATS_OK) status = next;
  };
  const natsUserJWTHandler give_jwt = [](char** jwt, char**, void* self) {
    *jwt = ::strdup(static_cast<Connection*>(self)->user_.jwt.c_str());
    return *jwt ? NATS_OK : NATS_NO_MEMORY;
  };
  const natsSignatureHandler sign = [](char**, unsigned char** signature, int* size, const char* nonce, void* self) {
    return static_cast<natsStatus>(static_cast<Connection*>(self)->give_signature(signature, size, nonce));
  };
  then(natsOptions_SetURL(raw, url.c_str()));
  then(natsOptions_SetName(raw, "datamesh"));
  then(natsOptions_SetUserCredentialsCallbacks(raw, give_jwt, this, sign, this));
  then(natsOptions_SetAllowReconnect(raw, false));
  then(natsOptions_SetIgnoreDiscoveredServers(raw, true));
  then(natsOptions_SetTimeout(raw, timeout_.count()));
  then(natsOptions_SetErrorHandler(raw, ignore_refusal, nullptr));
  // Otherwise a flusher thread waits a millisecond for more to send.
  then(natsOptions_SetSendAsap(raw, true));
  if (url.starts_with("tls://")) then(natsOptions_SetSecure(raw, true));
  do {
    is_misencoded_ = false;
    if (status == NATS_OK || status == NATS_CONNECTION_AUTH_FAILED) status = natsConnection_Connect(&connection_, raw);
  } while (status == NATS_CONNECTION_AUTH_FAILED && is_misencoded_);
  if (status != NATS_OK) return error_of(status, "connect");
  return {};
}

Result<std::shared_ptr<Connection>> Connection::open(const ConnectOptions& options) {
  std::shared_ptr<Connection> opened(new Connection(options));
  DATAMESH_CHECK(opened->connect(options.url));
  return opened;
}

Connection::~Connection() {
  natsConnection_Destroy(connection_);
}

bool Connection::is_open() const {
  return natsConnection_Status(connection_) == NATS_CONN_STATUS_CONNECTED;
}

Result<std::string> Connection::request(const Request& request, std::stop_token stop) {
  DATAMESH_TRY(const auto inbox, Inbox::open(*this));
  DATAMESH_CHECK(inbox->send(request, 0));
  DATAMESH_TRY(auto answer, inbox->next(stop));
  if (!answer.second) return with_context(request.subject, answer.second.error());
  return std::move(answer.second);
}

std::vector<Result<std::string>> Connection::request_all(std::span<const Request> requests, std::stop_token stop) {
  std::vector<Result<std::string>> answers(requests.size(), Error{Code::Unavailable, "not sent"});
  if (requests.empty()) return answers;
  std::vector<bool> answered(requests.size(), false);
  const auto fail = [&](const Error& error) {
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (!answered[i]) answers[i] = error;
    }
    return answers;
  };
  auto inbox = Inbox::open(*this);
  if (!inbox) return fail(inbox.error());
  std::size_t bytes = 0;  // under way
  const auto has_room = [&](std::size_t under_way, const Request& next) {
    return under_way == 0 || (under_way < window && bytes + next.payload.size() <= window_bytes);
  };
  for (std::size_t sent = 0, got = 0; got < requests.size(); ++got) {
    for (; sent < requests.size() && has_room(sent - got, requests[sent]); ++sent) {
      if (auto done = (*inbox)->send(requests[sent], sent); !done) return fail(done.error());
      bytes += requests[sent].payload.size();
    }
    auto answer = (*inbox)->next(stop);
    if (!answer) return fail(answer.error());
    if (answer->first >= answers.size()) continue;
    bytes -= requests[answer->first].payload.size();
    answered[answer->first] = true;
    answers[answer->first] = std::move(answer->second);
  }
  return answers;
}

Result<std::vector<std::string>> Connection::gather(const Request& request,
                                                    const std::function<bool(std::string_view)>& last,
                                                    std::stop_token stop) {
  DATAMESH_TRY(const auto inbox, Inbox::open(*this));
  DATAMESH_CHECK(inbox->send(request, 0));
  std::vector<std::string> answers;
  do {
    DATAMESH_TRY(auto answer, inbox->next(stop));
    if (!answer.second) return with_context(request.subject, answer.second.error());
    answers.push_back(*std::move(answer.second));
  } while (!last(answers.back()));
  return answers;
}

Result<std::vector<std::string>> Connection::request_until(std::span<const Request> requests, const Request& sentinel,
                                                           std::stop_token stop) {
  std::vector<std::string> answers(requests.size());
  DATAMESH_TRY(const auto inbox, Inbox::open(*this));
  for (std::size_t i = 0; i < requests.size(); ++i) DATAMESH_CHECK(inbox->send(requests[i], i));
  DATAMESH_CHECK(inbox->send(sentinel, requests.size()));
  for (;;) {
    DATAMESH_TRY(auto answer, inbox->next(stop));
    if (answer.first >= requests.size()) {
      if (!answer.second) return with_context(sentinel.subject, answer.second.error());
      return answers;
    }
    if (answer.second) answers[answer.first] = *std::move(answer.second);
  }
}

Result<std::string> Connection::refusal(const std::string& subject) {
  natsMsg* raw = nullptr;
  const std::string reply = inbox_prefix_ + "." + random_token(22);
  natsStatus status = natsMsg_Create(&raw, subject.c_str(), reply.c_str(), "", 0);
  const Message message(raw);
  // Should it arrive in spite of all, a stream of another name refuses to store it.
  if (status == NATS_OK) status = natsMsgHeader_Set(raw, "Nats-Expected-Stream", "datamesh-probe");
  if (status == NATS_OK) status = natsConnection_PublishMsg(connection_, raw);
  // The refusal precedes the answer to the ping of a flush.
  if (status == NATS_OK) status = natsConnection_FlushTimeout(connection_, timeout_.count());
  if (status != NATS_OK) return error_of(status, subject);
  const std::string said = last_error(connection_);
  return said.find("\"" + subject + "\"") == std::string::npos ? std::string() : said;
}

}  // namespace datamesh::nats
