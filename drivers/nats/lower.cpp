#include "drivers/nats/lower.hpp"

#include "controller/core/json.hpp"
#include "drivers/nats/names.hpp"

namespace datamesh::nats {
namespace {

using Lines = std::vector<std::string>;

Lines lower_account(const Change<Spec>& change) {
  const std::string name = change.id.name;
  if (change.after) return {"CLAIMS.UPDATE " + name + ": limits, exports and signing key"};
  return {"CLAIMS.DELETE " + name + " (without users and imports, if it still holds streams)"};
}

Lines lower_stream(const Change<Spec>& change) {
  const std::string name = part(change.id, 1), in = " in " + part(change.id, 0);
  if (change.verb == Verb::Delete || change.intent == Verb::Delete) return {"STREAM.DELETE " + name + in};
  const bool release = !change.after;
  const StreamSpec& spec = std::get<StreamSpec>(release ? *change.before : *change.after);
  const Mark mark{change.owner, change.keep, release, spec.urn};
  return {std::string(change.before ? "STREAM.UPDATE " : "STREAM.CREATE ") + name + in + " " +
          stream_config(name, spec, mark)};
}

Lines lower_consumer(const Change<Spec>& change) {
  const std::string stream = part(change.id, 1), durable = part(change.id, 2), in = " in " + part(change.id, 0);
  if (!change.after) return {"CONSUMER.DELETE " + stream + "." + durable + in};
  return {
      "CONSUMER.DURABLE.CREATE " + stream + "." + durable + in + " " +
      consumer_request(stream, durable, std::get<ConsumerSpec>(*change.after), Mark{change.owner, false, false, ""})};
}

std::string list(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

Lines lower_key(const std::string& in, const std::string& key, const Permissions& permissions) {
  return {"CLAIMS.UPDATE " + in + ": honour " + key + ", who may publish to " + list(permissions.publish) +
          " and subscribe to " + list(permissions.subscribe)};
}

Lines lower_access(const Change<Spec>& change) {
  const std::string in = part(change.id, 0);
  if (change.after) {
    const AccessSpec& access = std::get<AccessSpec>(*change.after);
    Lines lines = lower_key(in, access.key, access.permissions);
    for (const Import& import : access.imports) {
      lines.push_back("CLAIMS.UPDATE " + in + ": import " + import.subject + " of " + import.account + " as " +
                      import.local_subject);
    }
    if (!change.before || std::get<AccessSpec>(*change.before).key == access.key) return lines;
  }
  const AccessSpec& before = std::get<AccessSpec>(*change.before);
  Lines lines = change.after ? lower_access({Verb::Create, change.id, change.owner, {}, change.after, ""}) : Lines{};
  if (!change.after) lines.push_back("CLAIMS.UPDATE " + in + ": drop the imports of " + to_string(change.owner));
  lines.push_back("CLAIMS.UPDATE " + in + ": stop honouring " + before.key + ", which closes its connections");
  return lines;
}

Lines lower_member(const Change<Spec>& change) {
  const std::string in = part(change.id, 0);
  Lines lines;
  if (change.after) {
    const MemberSpec& member = std::get<MemberSpec>(*change.after);
    lines = lower_key(in, member.key, member.permissions);
    if (!change.before || std::get<MemberSpec>(*change.before).key == member.key) return lines;
  }
  lines.push_back("CLAIMS.UPDATE " + in + ": stop honouring " + std::get<MemberSpec>(*change.before).key +
                  ", which closes its connections");
  return lines;
}

}  // namespace

std::vector<std::string> lower(const Change<Spec>& change) {
  if (!change.after && !change.before) return {};
  switch ((change.after ? *change.after : *change.before).index()) {
    case 0:
      return lower_account(change);
    case 1:
      return lower_stream(change);
    case 2:
      return lower_consumer(change);
    case 3:
      return lower_access(change);
    default:
      return lower_member(change);
  }
}

std::string stream_config(const std::string& name, const StreamSpec& spec, const Mark& mark) {
  return Json{{"name", name},
              {"description", to_text(mark)},
              {"subjects", spec.subjects},
              {"retention", spec.retention},
              {"storage", spec.storage},
              {"discard", spec.discard},
              {"max_age", spec.max_age_ns},
              {"max_bytes", spec.max_bytes},
              {"max_msgs", spec.max_messages},
              {"max_msg_size", spec.max_message_size},
              {"max_msgs_per_subject", spec.max_per_subject},
              {"max_consumers", -1},
              {"num_replicas", spec.replicas}}
      .dump();
}

std::string consumer_request(const std::string& stream, const std::string& durable, const ConsumerSpec& spec,
                             const Mark& mark) {
  Json config{{"durable_name", durable},
              {"description", to_text(mark)},
              {"deliver_policy", spec.deliver_policy},
              {"ack_policy", spec.ack_policy},
              {"max_ack_pending", spec.max_ack_pending},
              {"max_deliver", spec.max_deliver}};
  if (!spec.filter_subject.empty()) config["filter_subject"] = spec.filter_subject;
  if (!spec.deliver_subject.empty()) config["deliver_subject"] = spec.deliver_subject;
  return Json{{"stream_name", stream}, {"config", std::move(config)}}.dump();
}

}  // namespace datamesh::nats
