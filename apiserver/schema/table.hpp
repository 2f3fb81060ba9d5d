#pragma once
// meta.k8s.io/v1 Table: what `kubectl get` prints. Pure: `now` is an argument.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/result.hpp"

namespace datamesh::apiserver {

// A JSONPath of additionalPrinterColumns and selectableFields, compiled: `.spec.x`, `.a['b.c']`, `.a[0]`, `.a[*]`,
// `.a[?(@.type=="Ready")].status`, `..`-less. Thread-safe.
class JsonPath {
 public:
  static Result<JsonPath> compile(std::string_view text);
  // All values it finds, in order; nothing when the path does not exist.
  std::vector<const nlohmann::json*> find(const nlohmann::json& object) const;

  struct Step;

 private:
  std::shared_ptr<const std::vector<Step>> steps_;
};

struct Column {
  std::string name;
  std::string type = "string";  // string | integer | number | boolean | date
  std::string format;
  std::string description;
  std::int32_t priority = 0;  // above 0: only with -o wide
  std::string json_path;
};

// The columns of one kind, compiled.
class TableColumns {
 public:
  // A CRD's additionalPrinterColumns (a JSON array; null or empty: Name and Age). Name always comes first.
  static Result<TableColumns> of_crd(const nlohmann::json& additional_printer_columns);
  // A built-in kind's ("", "v1", "Namespace"); kinds that have no own columns get Name and Age.
  static TableColumns of_builtin(std::string_view group, std::string_view kind);

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

enum class IncludeObject { Metadata, Object, None };  // ?includeObject=, default Metadata

// {"kind":"Table","apiVersion":"meta.k8s.io/v1","columnDefinitions":[...],"rows":[...]}; `list_metadata` (may be null)
// becomes the table's metadata. Cells of type date print as an age at `now` (seconds since 1970).
// For a watch every event's object is such a table of one row; `with_definitions` false leaves columnDefinitions empty.
nlohmann::json table(const TableColumns& columns, const std::vector<const nlohmann::json*>& objects,
                     const nlohmann::json& list_metadata, std::int64_t now,
                     IncludeObject include = IncludeObject::Metadata, bool with_definitions = true);
// One row, for building a large table piece by piece.
nlohmann::json table_row(const TableColumns& columns, const nlohmann::json& object, std::int64_t now,
                         IncludeObject include);

// "5s", "3m10s", "4h", "3d2h", "<unknown>", "<invalid>": as kubectl prints ages.
std::string human_duration(std::int64_t seconds);
std::string age_since(std::string_view rfc3339, std::int64_t now);

}  // namespace datamesh::apiserver
