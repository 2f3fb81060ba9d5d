#include "apiserver/schema/table.hpp"

#include <algorithm>
#include <cctype>
#include <functional>
#include <optional>

#include "apiserver/schema/schema_tree.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

struct TableColumns::Impl {
  struct Compiled {
    Column column;
    std::function<Json(const Json& object, std::int64_t now)> cell;
  };
  std::vector<Compiled> columns;
};

namespace {

using Cell = std::function<Json(const Json& object, std::int64_t now)>;
using Compiled = TableColumns::Impl::Compiled;

std::int64_t days_from_civil(std::int64_t year, int month, int day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

std::optional<std::int64_t> seconds_of(std::string_view text) {
  if (!has_format(text, Format::DateTime)) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t count) { return std::stoi(std::string{text.substr(at, count)}); };
  std::int64_t seconds = days_from_civil(number(0, 4), number(5, 2), number(8, 2)) * 86400 + number(11, 2) * 3600 +
                         number(14, 2) * 60 + number(17, 2);
  if (const char zone = text[text.size() - 6]; text.back() != 'Z' && text.back() != 'z') {
    const std::int64_t offset = number(text.size() - 5, 2) * 3600 + number(text.size() - 2, 2) * 60;
    seconds += zone == '-' ? offset : -offset;
  }
  return seconds;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// One value in the type of its column; null when it has another type (kubectl prints <none>).
Json cell_of(const std::string& type, const std::vector<const Json*>& found, std::int64_t now) {
  if (found.empty() || found.front()->is_null()) return nullptr;
  const Json& value = *found.front();
  if (type == "string") {
    std::string text;
    for (const Json* one : found) text.append(text.empty() ? "" : " ").append(text_of(*one));
    return text;
  }
  if (type == "integer") return value.is_number() ? Json(value.get<std::int64_t>()) : Json();
  if (type == "number") return value.is_number() ? value : Json();
  if (type == "boolean") return value.is_boolean() ? value : Json();
  if (type == "date") return value.is_string() ? Json(age_since(value.get_ref<const std::string&>(), now)) : Json();
  return nullptr;
}

Cell path_cell(std::string_view type, const JsonPath& path) {
  return [type = std::string{type}, path](const Json& object, std::int64_t now) {
    return cell_of(type, path.find(object), now);
  };
}

constexpr const char* name_text =
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a "
    "client to request the generation of an appropriate name automatically. Cannot be updated.";
constexpr const char* age_text =
    "CreationTimestamp is a timestamp representing the server time when this object was created. Populated by the "
    "system. "
    "Read-only.";

Compiled name_column() {
  return {{"Name", "string", "name", name_text, 0, ".metadata.name"}, [](const Json& object, std::int64_t) {
            return Json(string_at(object, {"metadata", "name"}));
          }};
}

// Age is text: the server has already made it readable.
Compiled age_column() {
  return {{"Age", "string", "", age_text, 0, ""}, [](const Json& object, std::int64_t now) {
            return Json(age_since(string_at(object, {"metadata", "creationTimestamp"}), now));
          }};
}

Compiled created_column() {
  return {{"Created At", "date", "", age_text, 0, ""}, [](const Json& object, std::int64_t) {
            return Json(string_at(object, {"metadata", "creationTimestamp"}));
          }};
}

Compiled text_column(std::string name, std::string description, Cell cell, std::int32_t priority = 0,
                     std::string type = "string") {
  return {{std::move(name), std::move(type), "", std::move(description), priority, ""}, std::move(cell)};
}

Cell count_of(std::vector<std::string> keys) {
  return [keys = std::move(keys)](const Json& object, std::int64_t) {
    std::size_t count = 0;
    for (const std::string& key : keys) {
      if (const auto it = object.find(key); it != object.end()) count += it->size();
    }
    return Json(count);
  };
}

Cell text_at_path(std::vector<std::string> keys) {
  return [keys = std::move(keys)](const Json& object, std::int64_t) {
    const Json* at = &object;
    for (const std::string& key : keys) {
      const auto it = at->is_object() ? at->find(key) : at->end();
      if (!at->is_object() || it == at->end()) return Json("");
      at = &*it;
    }
    return Json(at->is_null() ? std::string{} : text_of(*at));
  };
}

Cell subjects_of(std::string kind) {
  return [kind = std::move(kind)](const Json& object, std::int64_t) {
    std::string text;
    const auto subjects = object.find("subjects");
    if (subjects == object.end() || !subjects->is_array()) return Json(text);
    for (const Json& one : *subjects) {
      if (string_at(one, {"kind"}) != kind) continue;
      const std::string space = kind == "ServiceAccount" ? string_at(one, {"namespace"}) + "/" : std::string{};
      text.append(text.empty() ? "" : ", ").append(space).append(string_at(one, {"name"}));
    }
    return Json(text);
  };
}

Json event_object(const Json& event, std::int64_t) {
  const char* key = event.contains("regarding") ? "regarding" : "involvedObject";
  std::string kind = string_at(event, {key, "kind"});
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return kind + "/" + string_at(event, {key, "name"});
}

// The age of the first time that is set; a path is one or two names.
Json first_age(const Json& event, std::int64_t now,
               std::initializer_list<std::pair<std::string_view, std::string_view>> paths) {
  for (const auto& [name, below] : paths) {
    const std::string time = below.empty() ? string_at(event, {name}) : string_at(event, {name, below});
    if (!time.empty()) return age_since(time, now);
  }
  return "<unknown>";
}

Json event_last_seen(const Json& event, std::int64_t now) {
  return first_age(event, now,
                   {{"series", "lastObservedTime"},
                    {"lastTimestamp", ""},
                    {"deprecatedLastTimestamp", ""},
                    {"eventTime", ""},
                    {"firstTimestamp", ""}});
}

Json event_first_seen(const Json& event, std::int64_t now) {
  return first_age(event, now, {{"firstTimestamp", ""}, {"deprecatedFirstTimestamp", ""}, {"eventTime", ""}});
}

Json event_count(const Json& event, std::int64_t) {
  for (const Json* value : {datamesh::find(event, {"series", "count"}), datamesh::find(event, {"count"}),
                            datamesh::find(event, {"deprecatedCount"})}) {
    if (value && value->is_number()) return *value;
  }
  return 1;
}

Json event_source(const Json& event, std::int64_t) {
  for (const char* key : {"reportingController", "reportingComponent"}) {
    if (std::string text = string_at(event, {key}); !text.empty()) return text;
  }
  return string_at(event, {"source", "component"});
}

std::vector<Compiled> event_columns() {
  const auto message = [](const Json& event, std::int64_t) {
    std::string text = string_at(event, {"message"});
    if (text.empty()) text = string_at(event, {"note"});
    text.erase(0, std::min(text.find_first_not_of(" \n\t"), text.size()));
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    return Json(text);
  };
  return {text_column("Last Seen", "Time when this event was last observed.", event_last_seen),
          text_column("Type", "Type of this event (Normal, Warning).", text_at_path({"type"})),
          text_column("Reason", "Why the action was taken.", text_at_path({"reason"})),
          text_column("Object", "The object this event is about.", event_object),
          text_column("Subobject", "The part of the object this event is about.",
                      text_at_path({"involvedObject", "fieldPath"}), 1),
          text_column("Source", "Who reports the event.", event_source, 1),
          text_column("Message", "A human-readable description.", message),
          text_column("First Seen", "Time when this event was first observed.", event_first_seen, 1),
          text_column("Count", "How often this event occurred.", event_count, 1, "integer"),
          {{"Name", "string", "name", name_text, 1, ""}, [](const Json& object, std::int64_t) {
             return Json(string_at(object, {"metadata", "name"}));
           }}};
}

std::vector<Compiled> binding_columns() {
  const auto role = [](const Json& object, std::int64_t) {
    return Json(string_at(object, {"roleRef", "kind"}) + "/" + string_at(object, {"roleRef", "name"}));
  };
  return {name_column(),
          text_column("Role", "The role that is bound.", role),
          age_column(),
          text_column("Users", "Users in the binding.", subjects_of("User"), 1),
          text_column("Groups", "Groups in the binding.", subjects_of("Group"), 1),
          text_column("ServiceAccounts", "ServiceAccounts in the binding.", subjects_of("ServiceAccount"), 1)};
}

std::vector<Compiled> columns_of(std::string_view kind) {
  if (kind == "Namespace") {
    return {name_column(), text_column("Status", "The status of the namespace", text_at_path({"status", "phase"})),
            age_column()};
  }
  if (kind == "Secret") {
    return {name_column(), text_column("Type", "What the data is for.", text_at_path({"type"})),
            text_column("Data", "How many keys it has.", count_of({"data"}), 0, "integer"), age_column()};
  }
  if (kind == "ConfigMap") {
    return {name_column(), text_column("Data", "How many keys it has.", count_of({"data", "binaryData"}), 0, "integer"),
            age_column()};
  }
  if (kind == "ServiceAccount") {
    return {name_column(), text_column("Secrets", "How many secrets it has.", count_of({"secrets"}), 0, "integer"),
            age_column()};
  }
  if (kind == "Event") return event_columns();
  if (kind == "Lease") {
    return {name_column(), text_column("Holder", "Who holds the lease.", text_at_path({"spec", "holderIdentity"})),
            age_column()};
  }
  if (kind == "Role" || kind == "ClusterRole" || kind == "CustomResourceDefinition")
    return {name_column(), created_column()};
  if (kind == "RoleBinding" || kind == "ClusterRoleBinding") return binding_columns();
  return {name_column(), age_column()};
}

}  // namespace

Result<TableColumns> TableColumns::of_crd(const Json& additional_printer_columns) {
  auto impl = std::make_shared<Impl>();
  impl->columns.push_back(name_column());
  if (!additional_printer_columns.is_array() || additional_printer_columns.empty()) {
    DATAMESH_TRY(const JsonPath path, JsonPath::compile(".metadata.creationTimestamp"));
    impl->columns.push_back({{"Age", "date", "", age_text, 0, ".metadata.creationTimestamp"}, path_cell("date", path)});
  } else {
    for (const Json& one : additional_printer_columns) {
      Column column{string_at(one, {"name"}),
                    string_at(one, {"type"}),
                    string_at(one, {"format"}),
                    string_at(one, {"description"}),
                    0,
                    string_at(one, {"jsonPath"})};
      if (const auto it = one.find("priority"); it != one.end() && it->is_number_integer())
        column.priority = it->get<std::int32_t>();
      DATAMESH_TRY(const JsonPath path, JsonPath::compile(column.json_path));
      if (column.description.empty()) {
        column.description = "Custom resource definition column (in JSONPath format): " + column.json_path;
      }
      Cell cell = path_cell(column.type, path);
      impl->columns.push_back({std::move(column), std::move(cell)});
    }
  }
  TableColumns columns;
  columns.impl_ = std::move(impl);
  return columns;
}

TableColumns TableColumns::of_builtin(std::string_view, std::string_view kind) {
  auto impl = std::make_shared<Impl>();
  impl->columns = columns_of(kind);
  TableColumns columns;
  columns.impl_ = std::move(impl);
  return columns;
}

Json table_row(const TableColumns& columns, const Json& object, std::int64_t now, IncludeObject include) {
  Json cells = Json::array();
  for (const Compiled& one : columns.impl().columns) cells.push_back(one.cell(object, now));
  Json row = {{"cells", std::move(cells)}};
  if (include == IncludeObject::Object) {
    row["object"] = object;
  } else if (include == IncludeObject::Metadata) {
    Json& partial = row["object"];
    partial = {{"kind", "PartialObjectMetadata"}, {"apiVersion", "meta.k8s.io/v1"}};
    if (const auto it = object.find("metadata"); it != object.end()) partial["metadata"] = *it;
  } else {
    row["object"] = nullptr;
  }
  return row;
}

Json table(const TableColumns& columns, const std::vector<const Json*>& objects, const Json& list_metadata,
           std::int64_t now, IncludeObject include, bool with_definitions) {
  Json definitions = Json::array();
  for (const Compiled& one : columns.impl().columns) {
    if (!with_definitions) break;
    definitions.push_back({{"name", one.column.name},
                           {"type", one.column.type},
                           {"format", one.column.format},
                           {"description", one.column.description},
                           {"priority", one.column.priority}});
  }
  Json rows = Json::array();
  for (const Json* object : objects) rows.push_back(table_row(columns, *object, now, include));
  return {{"kind", "Table"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", list_metadata.is_object() ? list_metadata : Json::object()},
          {"columnDefinitions", std::move(definitions)},
          {"rows", std::move(rows)}};
}

std::string human_duration(std::int64_t seconds) {
  const auto both = [](std::int64_t a, const char* unit, std::int64_t b, const char* below) {
    return std::to_string(a) + unit + (b == 0 ? std::string{} : std::to_string(b) + below);
  };
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return both(seconds, "s", 0, "");
  const std::int64_t minutes = seconds / 60;
  if (minutes < 10) return both(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return both(minutes, "m", 0, "");
  const std::int64_t hours = minutes / 60;
  if (hours < 8) return both(hours, "h", minutes % 60, "m");
  if (hours < 48) return both(hours, "h", 0, "");
  const std::int64_t days = hours / 24;
  if (days < 8) return both(days, "d", hours % 24, "h");
  if (days < 365 * 2) return both(days, "d", 0, "");
  if (days < 365 * 8) return both(days / 365, "y", days % 365, "d");
  return both(days / 365, "y", 0, "");
}

std::string age_since(std::string_view rfc3339, std::int64_t now) {
  if (rfc3339.empty()) return "<unknown>";
  const auto then = seconds_of(rfc3339);
  return then ? human_duration(now - *then) : "<invalid>";
}

}  // namespace datamesh::apiserver
