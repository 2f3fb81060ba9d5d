#pragma once
// What all kinds of datamesh.dev/v1alpha1 share: metadata, conditions, and how a kind is decoded.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/clock.hpp"
#include "controller/core/ids.hpp"
#include "controller/core/result.hpp"

namespace datamesh::api {

inline constexpr std::string_view kGroup = "datamesh.dev";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kApiVersion = "datamesh.dev/v1alpha1";
inline constexpr std::string_view kFinalizer = "datamesh.dev/provisioned";
inline constexpr std::string_view kReconcileAnnotation = "datamesh.dev/reconcile";  // enabled | observe | paused
inline constexpr std::string_view kRequestedAtAnnotation = "datamesh.dev/requested-at";
inline constexpr std::string_view kAdoptAnnotation = "datamesh.dev/adopt";
// On a Backend: the number of deletes a person has confirmed ("12"); answered by one pass that may delete as many.
inline constexpr std::string_view kConfirmDeletesAnnotation = "datamesh.dev/confirm-deletes";

struct Metadata {
  std::string name, ns, uid, resource_version;
  std::int64_t generation = 0;
  std::map<std::string, std::string> labels, annotations;
  std::vector<std::string> finalizers;
  std::optional<WallTime> creation_time, deletion_time;
  bool operator==(const Metadata&) const = default;
};

enum class ReconcileMode { Enabled, Observe, Paused };
ReconcileMode reconcile_mode(const Metadata& metadata);  // anything unknown counts as Enabled

// metav1.Condition. `last_transition` changes only when `status` does (see set_condition).
struct Condition {
  std::string type;
  std::string status;  // "True" | "False" | "Unknown"
  std::string reason;  // CamelCase
  std::string message;
  std::int64_t observed_generation = 0;
  std::optional<WallTime> last_transition;
  bool operator==(const Condition&) const = default;
};

// Puts `condition` in the list by type, keeping the transition time when the status stays the same.
void set_condition(std::vector<Condition>& conditions, Condition condition, WallTime now);
void remove_condition(std::vector<Condition>& conditions, std::string_view type);
const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type);

struct LocalRef {
  std::string name;
  bool operator==(const LocalRef&) const = default;
};
struct NamespacedRef {
  std::string ns, name;  // JSON: namespace, name
  bool operator==(const NamespacedRef&) const = default;
};

// One thing wrong with a document, as an admission answer and as a CLI line.
struct Problem {
  std::string path;     // "spec.outputPorts[0].type"
  std::string value;    // what was found, as JSON text; empty: absent
  std::string message;  // what is allowed: "must be one of tables, documents, ..."
  bool operator==(const Problem&) const = default;
};
// "spec.outputPorts[0].type: \"tabels\": must be one of ..."
std::string to_string(const Problem& problem);
std::string join(const std::vector<Problem>& problems);

// A major version as ports and subscriptions write it: "1", "1.2.0", "v1.4.0". nullopt: not a version.
std::optional<int> major_of(std::string_view version);

// A number of bytes: "1048576", "512Mi", "10G". nullopt: not one, or more than 2^63-1.
std::optional<std::int64_t> parse_bytes(std::string_view text);

nlohmann::json encode_metadata(const Metadata& metadata);

// Everything wrong with one document of any of the seven kinds, alone; what decode_k would refuse it for.
std::vector<Problem> problems_of(const nlohmann::json& object);

// Each kind's header declares, for its struct K:
//   Result<K> decode_k(const Json& object);          Invalid with every problem joined (validate() included); applies
//                                                    defaults. A status is read as far as it can be, never refused.
//   std::vector<Problem> validate(const K& k);       what a schema can say and what it cannot, about one object alone
//   Json encode_spec(const K& k), encode_status(const KStatus& s);
// decode_k(encode(k)) == k. Fields of the standards that nothing here acts on stay in the stored document alone.

}  // namespace datamesh::api
