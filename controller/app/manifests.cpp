#include "controller/app/manifests.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "api/backend.hpp"
#include "api/data_contract.hpp"
#include "api/data_product.hpp"
#include "api/domain.hpp"
#include "api/policy.hpp"
#include "api/subscription.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"

namespace datamesh::app {
namespace {

namespace fs = std::filesystem;

bool is_manifest(const fs::path& path) {
  const auto extension = path.extension();
  if (extension != ".yaml" && extension != ".yml" && extension != ".json") return false;
  return path.stem() != "kustomization";
}

void read_text(const std::string& source, const std::string& text, Manifests& manifests) {
  const auto documents = kube::parse_yaml(text);
  if (!documents) {
    manifests.problems.push_back(source + ": " + documents.error().message);
    return;
  }
  const auto add = [&](const Json& object, const std::string& where) {
    if (string_at(object, {"kind"}).empty() || string_at(object, {"apiVersion"}).empty()) {
      manifests.problems.push_back(where + ": apiVersion and kind are required");
    } else {
      manifests.objects.push_back({where, std::make_shared<const Json>(object)});
    }
  };
  for (std::size_t i = 0; i < documents->size(); ++i) {
    const Json& document = (*documents)[i];
    const std::string where = documents->size() == 1 ? source : source + " (document " + std::to_string(i + 1) + ")";
    if (string_at(document, {"kind"}) == "List" && document.contains("items")) {
      for (const auto& item : document["items"]) add(item, where);
    } else {
      add(document, where);
    }
  }
}

void read_path(const fs::path& path, Manifests& manifests) {
  std::ifstream file(path);
  if (!file) {
    manifests.problems.push_back(path.string() + ": cannot be read");
    return;
  }
  std::ostringstream text;
  text << file.rdbuf();
  read_text(path.string(), text.str(), manifests);
}

template <class T>
std::vector<api::Problem> judge(const Result<T>& decoded) {
  if (!decoded) return {{"", "", decoded.error().message}};
  return api::validate(*decoded);
}

}  // namespace

Manifests read_manifests(const std::vector<std::string>& paths) {
  Manifests manifests;
  for (const auto& path : paths) {
    if (path == "-") {
      std::ostringstream text;
      text << std::cin.rdbuf();
      read_text("standard input", text.str(), manifests);
      continue;
    }
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      read_path(path, manifests);
      continue;
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
      if (entry.is_regular_file() && is_manifest(entry.path())) files.push_back(entry.path());
    }
    if (error) manifests.problems.push_back(path + ": " + error.message());
    std::ranges::sort(files);
    for (const auto& file : files) read_path(file, manifests);
  }
  return manifests;
}

bool is_ours(const Json& object) {
  return string_at(object, {"apiVersion"}) == api::kApiVersion;
}

std::vector<api::Problem> check(const Json& object) {
  if (!is_ours(object)) return {};
  const std::string kind = string_at(object, {"kind"});
  if (kind == "Backend") return judge(api::decode_backend(object));
  if (kind == "Domain") return judge(api::decode_domain(object));
  if (kind == "DataProduct") return judge(api::decode_data_product(object));
  if (kind == "DataContract") return judge(api::decode_data_contract(object));
  if (kind == "Subscription") return judge(api::decode_subscription(object));
  if (kind == "Approval") return judge(api::decode_approval(object));
  if (kind == "Policy") return judge(api::decode_policy(object));
  return {{"kind", "\"" + kind + "\"",
           "must be one of Backend, Domain, DataProduct, DataContract, Subscription, Approval, Policy"}};
}

}  // namespace datamesh::app
