// `datamesh lint`: everything that can be said of manifests without any server.

#include <iostream>

#include "controller/app/cli.hpp"
#include "controller/app/lint_schema.hpp"
#include "controller/app/manifests.hpp"
#include "controller/core/json.hpp"
#include "mesh/evaluate.hpp"
#include "reconcilers/declarations.hpp"

namespace datamesh::app {
namespace {

struct Finding {
  std::string source, object, path, message;
};

// What objects say of each other; a reference to what is not among the files may be right on the server: no finding.
void judge_together(const Manifests& manifests, std::vector<Finding>& findings) {
  mesh::Catalog catalog;
  for (const auto& manifest : manifests.objects) {
    if (is_ours(*manifest.object)) decode_declaration (*manifest.object)(catalog);
  }
  const WallTime now = real_clock().wall();
  for (const auto& manifest : manifests.objects) {
    const ObjectKey key = key_of(*manifest.object);
    const auto add = [&](const mesh::Objection& objection, const std::string& path) {
      if (objection.terminal)
        findings.push_back({manifest.source, to_string(key), path, objection.reason + ": " + objection.message});
    };
    if (!is_ours(*manifest.object) || !catalog.invalid(key).empty()) continue;
    if (key.kind == "DataProduct") {
      const auto verdict = mesh::evaluate_product(catalog, key, now);
      add(verdict.objection, "spec");
      for (const auto& port : verdict.ports) add(port.objection, "spec.outputPorts[name=" + port.name + "]");
    } else if (key.kind == "Subscription") {
      add(mesh::evaluate_subscription(catalog, key, now).objection, "spec");
    }
  }
}

}  // namespace

int run_lint(const LintOptions& options) {
  const Manifests manifests = read_manifests(options.files);
  std::vector<Finding> findings;
  for (const auto& problem : manifests.problems) findings.push_back({"", "", "", problem});
  for (const auto& manifest : manifests.objects) {
    const std::string name = to_string(key_of(*manifest.object));
    for (const auto& line : check_schema(*manifest.object)) findings.push_back({manifest.source, name, "", line});
    for (const auto& problem : check(*manifest.object)) {
      findings.push_back({manifest.source, name, problem.path, to_string(problem)});
    }
  }
  judge_together(manifests, findings);

  if (options.output == "json") {
    Json out = Json::array();
    for (const auto& finding : findings) {
      out.push_back({{"source", finding.source},
                     {"object", finding.object},
                     {"path", finding.path},
                     {"message", finding.message}});
    }
    std::cout << out.dump(2) << '\n';
  } else {
    for (const auto& finding : findings) {
      std::cout << (finding.source.empty() ? "" : finding.source + ": ")
                << (finding.object.empty() ? "" : finding.object + ": ") << finding.message << '\n';
    }
    std::cout << manifests.objects.size() << " objects, " << findings.size() << " problems\n";
  }
  return findings.empty() ? kDone : kFailed;
}

}  // namespace datamesh::app
