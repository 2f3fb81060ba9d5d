#include <algorithm>
#include <iostream>

#include "controller/app/cli.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"

namespace datamesh::app {
namespace {

constexpr const char* kTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

// The kinds a word stands for: a plural, a kind, a short name, or the category "datamesh".
std::vector<kube::ResourceType> kinds_of(std::string word) {
  static const std::map<std::string, std::string> short_names = {
      {"be", "backends"},       {"dom", "domains"},    {"dp", "dataproducts"}, {"dc", "datacontracts"},
      {"sub", "subscriptions"}, {"appr", "approvals"}, {"pol", "policies"}};
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (const auto longer = short_names.find(word); longer != short_names.end()) word = longer->second;
  if (word == "datamesh") return kube::mesh_types();
  const auto matches = [&](const kube::ResourceType& type) {
    std::string kind = type.kind;
    std::ranges::transform(kind, kind.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return word == type.plural || word == kind || word == type.plural + "." + type.group;
  };
  std::vector<kube::ResourceType> found;
  for (const auto& type : kube::mesh_types()) {
    if (matches(type)) found.push_back(type);
  }
  for (const auto* type :
       {&kube::namespaces(), &kube::secrets(), &kube::events(), &kube::roles(), &kube::role_bindings()}) {
    if (matches(*type)) found.push_back(*type);
  }
  return found;
}

std::string cell_text(const Json& cell) {
  if (cell.is_null()) return "";
  return cell.is_string() ? cell.get<std::string>() : cell.dump();
}

// Columns as wide as their widest cell, as kubectl prints them.
void print_table(const Json& table, bool wide, bool namespaces) {
  std::vector<std::vector<std::string>> lines(1);
  std::vector<std::size_t> columns;
  const Json definitions = table.value("columnDefinitions", Json::array());
  if (namespaces) lines[0].push_back("NAMESPACE");
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    if (!wide && definitions[i].value("priority", 0) > 0) continue;
    columns.push_back(i);
    std::string name = string_at(definitions[i], {"name"});
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    lines[0].push_back(name);
  }
  for (const auto& row : table.value("rows", Json::array())) {
    std::vector<std::string> line;
    if (namespaces) line.push_back(string_at(row, {"object", "metadata", "namespace"}));
    for (const auto column : columns) line.push_back(cell_text(row["cells"].at(column)));
    lines.push_back(std::move(line));
  }
  std::vector<std::size_t> widths(lines[0].size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text += std::string(widths[i] - line[i].size() + 3, ' ');
    }
    std::cout << text << '\n';
  }
}

struct Shown {
  bool any = false, failed = false;
};

void show_tables(kube::RemoteStore& store, const GetOptions& options, const std::string& ns, Shown& shown) {
  const auto kinds = kinds_of(options.what.front());
  for (const auto& type : kinds) {
    const bool everywhere = options.server.all_namespaces || !type.namespaced;
    std::vector<std::string> names(options.what.begin() + 1, options.what.end());
    if (names.empty()) names.emplace_back();
    for (const auto& name : names) {
      std::string target = kube::path_of(type, everywhere ? "" : ns, name);
      if (!options.selector.empty()) target += "?labelSelector=" + http::percent_encode(options.selector);
      const auto table = store.request({.target = target, .headers = {{"Accept", kTable}}});
      if (!table) {
        std::cerr << "error: " << table.error().message << '\n';
        shown.failed = true;
        continue;
      }
      if (table->value("rows", Json::array()).empty()) continue;
      if (shown.any && kinds.size() > 1) std::cout << '\n';
      shown.any = true;
      print_table(*table, options.output == "wide", options.server.all_namespaces && type.namespaced);
    }
  }
}

void show_objects(kube::RemoteStore& store, const GetOptions& options, const std::string& ns, Shown& shown) {
  Json items = Json::array();
  for (const auto& type : kinds_of(options.what.front())) {
    const bool everywhere = options.server.all_namespaces || !type.namespaced;
    for (std::size_t i = 1; i < options.what.size(); ++i) {
      const auto object = store.get(type, ns, options.what[i]);
      if (object) {
        items.push_back(*object);
      } else {
        std::cerr << "error: " << object.error().message << '\n';
        shown.failed = true;
      }
    }
    if (options.what.size() > 1) continue;
    const auto listed = store.list(type, everywhere ? "" : ns);
    if (!listed) {
      std::cerr << "error: " << listed.error().message << '\n';
      shown.failed = true;
      continue;
    }
    for (const auto& object : *listed) items.push_back(object);
  }
  shown.any = !items.empty();
  if (options.output == "name") {
    for (const auto& item : items) {
      std::string kind = string_at(item, {"kind"});
      std::ranges::transform(kind, kind.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      std::cout << kind << "/" << string_at(item, {"metadata", "name"}) << '\n';
    }
    return;
  }
  const Json out = items.size() == 1 && options.what.size() == 2
                       ? items[0]
                       : Json{{"apiVersion", "v1"}, {"kind", "List"}, {"items", items}};
  std::cout << (options.output == "yaml" ? kube::to_yaml(out) : out.dump(2) + "\n");
}

}  // namespace

int run_get(const GetOptions& options) {
  if (kinds_of(options.what.front()).empty()) {
    std::cerr << "error: the server doesn't have a resource type \"" << options.what.front()
              << "\" that datamesh shows\n";
    return kFailed;
  }
  std::string ns;
  const auto store = connect(options.server, &ns);
  if (!store) {
    std::cerr << "error: " << store.error().message << '\n';
    return kFailed;
  }
  Shown shown;
  if (options.output.empty() || options.output == "wide") {
    show_tables(**store, options, ns, shown);
  } else {
    show_objects(**store, options, ns, shown);
  }
  if (!shown.any && !shown.failed) std::cerr << "No resources found\n";
  return shown.failed ? kFailed : kDone;
}

}  // namespace datamesh::app
