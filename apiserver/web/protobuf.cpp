#include "apiserver/web/protobuf.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

// A line a message: its fields as NUMBER=NAME:TYPE. Types: s string, i integer, b boolean, y bytes, T time, U time with
// microseconds, Q quantity, or another message; [] is repeated, {} a map from strings.
constexpr std::string_view kMessages = R"(
Meta 1=name:s 2=generateName:s 3=namespace:s 5=uid:s 6=resourceVersion:s 7=generation:i 8=creationTimestamp:T 9=deletionTimestamp:T 10=deletionGracePeriodSeconds:i 11=labels:{}s 12=annotations:{}s 13=ownerReferences:[]Owner 14=finalizers:[]s
Owner 1=kind:s 3=name:s 4=uid:s 5=apiVersion:s 6=controller:b 7=blockOwnerDeletion:b
Reference 1=kind:s 2=namespace:s 3=name:s 4=uid:s 5=apiVersion:s 6=resourceVersion:s 7=fieldPath:s
LocalReference 1=name:s
Selector 1=matchLabels:{}s 2=matchExpressions:[]Requirement
Requirement 1=key:s 2=operator:s 3=values:[]s
v1/Namespace 1=metadata:Meta 2=spec:NamespaceSpec 3=status:NamespaceStatus
NamespaceSpec 1=finalizers:[]s
NamespaceStatus 1=phase:s
v1/Secret 1=metadata:Meta 2=data:{}y 3=type:s 4=stringData:{}s 5=immutable:b
v1/ConfigMap 1=metadata:Meta 2=data:{}s 3=binaryData:{}y 4=immutable:b
v1/ServiceAccount 1=metadata:Meta 2=secrets:[]Reference 3=imagePullSecrets:[]LocalReference 4=automountServiceAccountToken:b
v1/ResourceQuota 1=metadata:Meta 2=spec:QuotaSpec
QuotaSpec 1=hard:{}Q 2=scopes:[]s
v1/Event 1=metadata:Meta 2=involvedObject:Reference 3=reason:s 4=message:s 5=source:Source 6=firstTimestamp:T 7=lastTimestamp:T 8=count:i 9=type:s 10=eventTime:U 11=series:Series 12=action:s 13=related:Reference 14=reportingComponent:s 15=reportingInstance:s
Source 1=component:s 2=host:s
Series 1=count:i 2=lastObservedTime:U
events.k8s.io/v1/Event 1=metadata:Meta 2=eventTime:U 3=series:Series 4=reportingController:s 5=reportingInstance:s 6=action:s 7=reason:s 8=regarding:Reference 9=related:Reference 10=note:s 11=type:s 12=deprecatedSource:Source 13=deprecatedFirstTimestamp:T 14=deprecatedLastTimestamp:T 15=deprecatedCount:i
coordination.k8s.io/v1/Lease 1=metadata:Meta 2=spec:LeaseSpec
LeaseSpec 1=holderIdentity:s 2=leaseDurationSeconds:i 3=acquireTime:U 4=renewTime:U 5=leaseTransitions:i 6=strategy:s 7=preferredHolder:s
rbac.authorization.k8s.io/v1/Role 1=metadata:Meta 2=rules:[]Rule
rbac.authorization.k8s.io/v1/ClusterRole 1=metadata:Meta 2=rules:[]Rule 3=aggregationRule:Aggregation
Aggregation 1=clusterRoleSelectors:[]Selector
Rule 1=verbs:[]s 2=apiGroups:[]s 3=resources:[]s 4=resourceNames:[]s 5=nonResourceURLs:[]s
rbac.authorization.k8s.io/v1/RoleBinding 1=metadata:Meta 2=subjects:[]Subject 3=roleRef:RoleRef
rbac.authorization.k8s.io/v1/ClusterRoleBinding 1=metadata:Meta 2=subjects:[]Subject 3=roleRef:RoleRef
Subject 1=kind:s 2=apiGroup:s 3=name:s 4=namespace:s
RoleRef 1=apiGroup:s 2=kind:s 3=name:s
authentication.k8s.io/v1/TokenRequest 1=metadata:Meta 2=spec:TokenRequestSpec
TokenRequestSpec 1=audiences:[]s 3=boundObjectRef:BoundObject 4=expirationSeconds:i
BoundObject 1=kind:s 2=apiVersion:s 3=name:s 4=uid:s
authentication.k8s.io/v1/TokenReview 1=metadata:Meta 2=spec:TokenReviewSpec
TokenReviewSpec 1=token:s 2=audiences:[]s
authentication.k8s.io/v1/SelfSubjectReview 1=metadata:Meta
authorization.k8s.io/v1/SelfSubjectAccessReview 1=metadata:Meta 2=spec:SelfAccessSpec
SelfAccessSpec 1=resourceAttributes:ResourceAttributes 2=nonResourceAttributes:UrlAttributes
authorization.k8s.io/v1/SubjectAccessReview 1=metadata:Meta 2=spec:AccessSpec
authorization.k8s.io/v1/LocalSubjectAccessReview 1=metadata:Meta 2=spec:AccessSpec
AccessSpec 1=resourceAttributes:ResourceAttributes 2=nonResourceAttributes:UrlAttributes 3=user:s 4=groups:[]s 6=uid:s
ResourceAttributes 1=namespace:s 2=verb:s 3=group:s 4=version:s 5=resource:s 6=subresource:s 7=name:s
UrlAttributes 1=path:s 2=verb:s
authorization.k8s.io/v1/SelfSubjectRulesReview 1=metadata:Meta 2=spec:RulesSpec
RulesSpec 1=namespace:s
DeleteOptions 1=gracePeriodSeconds:i 2=preconditions:Preconditions 3=orphanDependents:b 4=propagationPolicy:s 5=dryRun:[]s
Preconditions 1=uid:s 2=resourceVersion:s
)";

struct Field {
  std::string name, type;
  bool repeated = false, map = false;
};
using Message = std::map<std::uint64_t, Field>;

std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

const std::map<std::string, Message, std::less<>>& messages() {
  static const auto all = [] {
    std::map<std::string, Message, std::less<>> out;
    std::string_view text = kMessages;
    while (!text.empty()) {
      std::string_view line = take(text, '\n');
      if (line.empty()) continue;
      Message& message = out[std::string(take(line, ' '))];
      while (!line.empty()) {
        std::string_view field = take(line, ' ');
        const std::uint64_t number = std::stoul(std::string(take(field, '=')));
        Field& made = message[number];
        made.name = take(field, ':');
        made.repeated = field.starts_with("[]");
        made.map = field.starts_with("{}");
        made.type = made.repeated || made.map ? field.substr(2) : field;
      }
    }
    return out;
  }();
  return all;
}

// The wire format: a number and a value, one after the other. nullopt: broken.
class Wire {
 public:
  explicit Wire(std::string_view bytes) : bytes_(bytes) {}
  bool at_end() const { return bytes_.empty(); }

  struct Entry {
    std::uint64_t number = 0, integer = 0;
    std::string_view bytes;
  };
  std::optional<Entry> next() {
    const auto tag = varint();
    if (!tag) return std::nullopt;
    Entry entry;
    entry.number = *tag >> 3;
    switch (*tag & 7) {
      case 0: {
        const auto value = varint();
        if (!value) return std::nullopt;
        entry.integer = *value;
        return entry;
      }
      case 1:
        return fixed(entry, 8);
      case 2: {
        const auto size = varint();
        if (!size || *size > bytes_.size()) return std::nullopt;
        return fixed(entry, *size);
      }
      case 5:
        return fixed(entry, 4);
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<Entry> fixed(Entry entry, std::uint64_t size) {
    if (size > bytes_.size()) return std::nullopt;
    entry.bytes = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return entry;
  }
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::string_view bytes_;
};

std::optional<Json> decode_message(std::string_view bytes, const Message& message);

std::optional<Json> decode_time(std::string_view bytes, bool micro) {
  Wire wire(bytes);
  std::int64_t seconds = 0, nanos = 0;
  while (!wire.at_end()) {
    const auto entry = wire.next();
    if (!entry) return std::nullopt;
    (entry->number == 1 ? seconds : nanos) = static_cast<std::int64_t>(entry->integer);
  }
  // The zero time of Go is no time.
  if (seconds <= 0) return Json();
  const WallTime time{std::chrono::seconds(seconds) + std::chrono::milliseconds(nanos / 1'000'000)};
  return Json(micro ? format_micro_time(time) : format_time(time));
}

// null: an empty value of a field that Go writes whether it is set or not.
std::optional<Json> decode_value(const Wire::Entry& entry, const std::string& type) {
  if (type == "s") return Json(std::string(entry.bytes));
  if (type == "y") return Json(base64_encode(entry.bytes));
  if (type == "i") return Json(static_cast<std::int64_t>(entry.integer));
  if (type == "b") return Json(entry.integer != 0);
  if (type == "T" || type == "U") return decode_time(entry.bytes, type == "U");
  if (type == "Q") {
    Wire wire(entry.bytes);
    const auto text = wire.next();
    return text ? std::optional(Json(std::string(text->bytes))) : std::nullopt;
  }
  return decode_message(entry.bytes, messages().at(type));
}

bool is_unset(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  if (value.is_number_integer()) return value == 0;
  return value.is_null() || (value.is_object() && value.empty());
}

bool add_map_entry(std::string_view bytes, const std::string& type, Json& map) {
  Wire wire(bytes);
  std::string key;
  Json value = "";
  while (!wire.at_end()) {
    const auto entry = wire.next();
    if (!entry) return false;
    if (entry->number == 1) {
      key = entry->bytes;
    } else if (entry->number == 2) {
      auto decoded = decode_value(*entry, type);
      if (!decoded) return false;
      value = *std::move(decoded);
    }
  }
  map[key] = std::move(value);
  return true;
}

std::optional<Json> decode_message(std::string_view bytes, const Message& message) {
  Json out = Json::object();
  Wire wire(bytes);
  while (!wire.at_end()) {
    const auto entry = wire.next();
    if (!entry) return std::nullopt;
    const auto field = message.find(entry->number);
    if (field == message.end()) continue;
    const auto& [name, type, repeated, map] = field->second;
    if (map) {
      if (!add_map_entry(entry->bytes, type, out[name])) return std::nullopt;
      continue;
    }
    auto value = decode_value(*entry, type);
    if (!value) return std::nullopt;
    if (repeated) {
      out[name].push_back(*std::move(value));
    } else if (!is_unset(*value)) {
      out[name] = *std::move(value);
    }
  }
  return out;
}

}  // namespace

Result<Json> decode_protobuf(std::string_view body) {
  const Error broken{Code::Invalid, "the body is not a Kubernetes object in protobuf"};
  constexpr std::string_view kMagic("k8s\0", 4);
  if (!body.starts_with(kMagic)) return broken;
  std::string api_version, kind;
  std::string_view raw;
  Wire wire(body.substr(kMagic.size()));
  while (!wire.at_end()) {
    const auto entry = wire.next();
    if (!entry) return broken;
    if (entry->number == 2) raw = entry->bytes;
    if (entry->number != 1) continue;
    Wire type(entry->bytes);
    while (!type.at_end()) {
      const auto part = type.next();
      if (!part) return broken;
      (part->number == 1 ? api_version : kind) = part->bytes;
    }
  }
  // DeleteOptions belong to every group.
  const std::string name = kind == "DeleteOptions" ? kind : api_version + "/" + kind;
  const auto message = messages().find(name);
  if (message == messages().end()) {
    return Error{Code::Invalid, "no kind " + kind + " of " + api_version + " is known in protobuf; send JSON"};
  }
  auto object = decode_message(raw, message->second);
  if (!object) return broken;
  (*object)["apiVersion"] = api_version;
  (*object)["kind"] = kind;
  return *std::move(object);
}

}  // namespace datamesh::apiserver
