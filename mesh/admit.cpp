// What the server refuses before it stores, because of what is stored already.

#include <algorithm>

#include "api/change.hpp"
#include "controller/core/json.hpp"
#include "mesh/compatibility.hpp"
#include "mesh/resolve.hpp"

namespace datamesh::mesh {
namespace {

constexpr std::size_t kNamesShown = 10;

std::string words(const ObjectKey& key) {
  return key.kind + " " + (key.ns.empty() ? "" : key.ns + "/") + key.name;
}

std::string some_of(const std::vector<std::string>& names) {
  if (names.size() <= kNamesShown) return list_of(names);
  return list_of({names.begin(), names.begin() + kNamesShown}) + " and " + std::to_string(names.size() - kNamesShown) +
         " more";
}

struct Reader {
  std::string name;  // "marketing/churn-reads-orders"
  std::string consumer_domain;
  PortKey port;
  Access access;
};

// Who has access now to the ports of a product.
std::vector<Reader> readers_of(const Catalog& catalog, const api::DataProduct& product, WallTime now) {
  std::vector<Reader> readers;
  const auto subscriptions = catalog.subscriptions_to(key_of(product));
  if (subscriptions.empty()) return readers;
  const ProductView view = view_of(catalog, std::make_shared<const api::DataProduct>(product), now);
  for (const auto& subscription : subscriptions) {
    Decision decision = decide(catalog, *subscription, &view, now);
    if (!decision.verdict.access) continue;
    const PortKey port = decision.verdict.access->port;
    readers.push_back({subscription->metadata.ns + "/" + subscription->metadata.name, decision.verdict.consumer_domain,
                       port, std::move(*decision.verdict.access)});
  }
  return readers;
}

class Admission {
 public:
  Admission(const Catalog& catalog, const Json* before, const Json* after, WallTime now, std::string_view user)
      : catalog_(catalog), before_(before), after_(after), now_(now), user_(user) {}

  std::vector<api::Problem> run() {
    const Json& object = after_ ? *after_ : *before_;
    key_ = {string_at(object, {"kind"}), string_at(object, {"metadata", "namespace"}),
            string_at(object, {"metadata", "name"})};
    const bool leaving = !after_ || (find(*after_, {"metadata", "deletionTimestamp"}) &&
                                     !(before_ && find(*before_, {"metadata", "deletionTimestamp"})));
    if (leaving) {
      check_delete();
      return std::move(problems_);
    }
    // Statuses, labels and finalizers are nobody's business here.
    if (before_ && spec_of(*before_) == spec_of(*after_)) return {};
    problems_ = api::problems_of(*after_);
    if (before_ && problems_.empty()) problems_ = api::problems_of_change(*before_, *after_);
    if (problems_.empty()) check_write();
    return std::move(problems_);
  }

 private:
  static Json spec_of(const Json& object) {
    const Json* spec = find(object, {"spec"});
    return spec ? *spec : Json();
  }

  void refuse(std::string path, std::string value, std::string message) {
    const api::Problem problem{std::move(path), std::move(value), std::move(message)};
    if (std::ranges::find(problems_, problem) == problems_.end()) problems_.push_back(problem);
  }
  static std::string quoted(const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  void check_delete() {
    if (key_.kind == "Backend") {
      const auto users = evaluate_backend(catalog_, key_, now_).used_by;
      if (!users.empty())
        refuse("metadata.name", quoted(key_.name), "is used by " + some_of(users) + ": move or delete these first");
      // A Domain may be deleted together with what it holds, in any order: it stays until that is gone.
    } else if (key_.kind == "DataContract") {
      std::vector<std::string> readers;
      for (const auto& product : catalog_.products_using_contract(key_))
        for (const Reader& reader : readers_by_contract(*product)) readers.push_back(reader.name);
      if (!readers.empty())
        refuse("metadata.name", quoted(key_.name), "is what these active subscriptions read by: " + some_of(readers));
    }
  }

  void check_write() {
    if (key_.kind == "Approval") return check_approval();
    if (key_.kind == "DataProduct") return check_product();
    if (!before_ && key_.kind == "Subscription") return check_quota(&api::Domain::quota_subscriptions);
    if (!before_) return;
    if (key_.kind == "DataContract") return check_contract();
    if (key_.kind == "Backend") return check_backend();
    if (key_.kind == "Domain") return check_domain();
  }

  // What is there already is over the quota only together with what comes: it is counted when it comes.
  void check_quota(std::optional<std::int64_t> api::Domain::*quota) {
    const auto domain = catalog_.domain_of_namespace(key_.ns);
    if (!domain || !((*domain).*quota)) return;
    const bool products = key_.kind == "DataProduct";
    const std::size_t count = products ? catalog_.count_products(*domain) : catalog_.count_subscriptions(*domain);
    if (static_cast<std::int64_t>(count) < *((*domain).*quota)) return;
    const std::string what =
        products ? " data products (spec.quota.dataProducts)" : " subscriptions (spec.quota.subscriptions)";
    refuse("metadata.namespace", quoted(key_.ns),
           "the Domain " + domain->metadata.name + " may have " + std::to_string(*((*domain).*quota)) + what +
               ", and has " + std::to_string(count));
  }

  bool is_member(std::string_view user) const {
    return std::ranges::any_of(catalog_.domains(), [&](const auto& entry) {
      return std::ranges::any_of(entry.second->members, [&](const auto& member) { return member.username == user; });
    });
  }

  void check_approval() {
    const auto approval = api::decode_approval(*after_);
    if (!approval) return;
    if (!user_.empty() && approval->approver != user_ && is_member(user_))
      refuse("spec.approver", quoted(approval->approver),
             "must be " + std::string(user_) + ", who asks: a person approves in no other name");
    const auto asked = catalog_.subscription(approval->subscription_ref.ns, approval->subscription_ref.name);
    if (!asked || asked->product.ns == approval->metadata.ns) return;
    refuse("metadata.namespace", quoted(approval->metadata.ns),
           "must be " + asked->product.ns + ", the namespace of the DataProduct " + asked->product.name +
               " that Subscription " + asked->metadata.ns + "/" + asked->metadata.name +
               " asks for: only its provider can approve");
  }

  void check_backend() {
    const auto before = api::decode_backend(*before_);
    const auto after = api::decode_backend(*after_);
    if (!before || !after || before->engine == after->engine) return;
    const auto users = evaluate_backend(catalog_, key_, now_).used_by;
    if (!users.empty())
      refuse("spec.engine", quoted(after->engine), "cannot change while " + some_of(users) + " are served from it");
  }

  void check_domain() {
    const auto before = api::decode_domain(*before_);
    const auto after = api::decode_domain(*after_);
    if (!before || !after) return;
    for (const std::string& ns : catalog_.namespaces_of(*before)) {
      if (std::ranges::find(after->namespaces, ns) != after->namespaces.end()) continue;
      std::vector<std::string> left;
      for (const auto& product : catalog_.products_in(ns)) left.push_back(words(key_of(*product)));
      for (const auto& subscription : catalog_.subscriptions_in(ns)) left.push_back(words(key_of(*subscription)));
      if (!left.empty()) refuse("spec.namespaces", "", "cannot let go of " + ns + ", which still has " + some_of(left));
    }
  }

  void check_product() {
    const auto after = api::decode_data_product(*after_);
    if (!after) return;
    const auto before =
        before_ ? api::decode_data_product(*before_) : Result<api::DataProduct>(Error{Code::NotFound, ""});
    if (!before_) check_quota(&api::Domain::quota_data_products);
    if (before && before->id != after->id)
      refuse("spec.id", quoted(after->id), "cannot be changed: it is " + before->id);
    check_contract_ids(*after, before ? &*before : nullptr);
    check_backends(*after, before ? &*before : nullptr);
    if (before) check_ports(*before, *after);
  }

  void check_contract_ids(const api::DataProduct& after, const api::DataProduct* before) {
    for (std::size_t i = 0; i < after.output_ports.size(); ++i) {
      const api::OutputPort& port = after.output_ports[i];
      const bool old = before && std::ranges::any_of(before->output_ports, [&](const auto& known) {
                         return known.contract_ref == port.contract_ref && known.contract_id == port.contract_id;
                       });
      if (old) continue;
      if (const Objection objection = contract_id_objection(catalog_, after, port))
        refuse("spec.outputPorts[" + std::to_string(i) + "].contractId", quoted(port.contract_id), objection.message);
    }
  }

  // What is missing may still come; what is forbidden will not.
  void check_backends(const api::DataProduct& after, const api::DataProduct* before) {
    const auto domain = catalog_.domain_of_namespace(after.metadata.ns);
    if (!domain) return;
    for (std::size_t i = 0; i < after.output_ports.size(); ++i) {
      const api::OutputPort& port = after.output_ports[i];
      const bool old = before && std::ranges::any_of(before->output_ports, [&](const auto& known) {
                         return known.name == port.name && known.backend == port.backend;
                       });
      if (old) continue;
      Objection objection;
      backend_of(catalog_, *domain, port, objection);
      if (objection.reason == "BackendNotAllowed" || objection.reason == "PortTypeUnsupported")
        refuse("spec.outputPorts[" + std::to_string(i) + "].provisioning.backend", quoted(port.backend),
               objection.message);
    }
  }

  void check_ports(const api::DataProduct& before, const api::DataProduct& after) {
    const auto readers = readers_of(catalog_, before, now_);
    for (const Reader& reader : readers) {
      const api::PortRef ref{reader.port.port, std::to_string(reader.port.major)};
      const api::OutputPort* was = port_of(before, ref);
      const api::OutputPort* now = port_of(after, ref);
      if (!was) continue;
      const std::string name = was->name + " v" + ref.version;
      const bool elsewhere = !now || now->backend != was->backend;
      const bool other_team = reader.consumer_domain != reader.port.domain;
      if (elsewhere && other_team && was->deletion_policy == api::DeletionPolicy::Delete)
        refuse("spec.outputPorts", "",
               "the data of port " + name + " would be deleted (deletionPolicy Delete) while " + reader.name +
                   " reads it");
      if (!now) continue;
      if (now->type != was->type)
        refuse("spec.outputPorts", quoted(now->type),
               "the type of port " + name + " cannot change while " + reader.name +
                   " reads it: declare a new major version");
      const auto old_contract = contract_of(catalog_, before, *was);
      const auto new_contract = contract_of(catalog_, after, *now);
      if (old_contract && new_contract && old_contract != new_contract)
        refuse_breaks(*old_contract, *new_contract, {reader});
    }
  }

  static const api::OutputPort* port_of(const api::DataProduct& product, const api::PortRef& ref) {
    for (const api::OutputPort& port : product.output_ports)
      if (port.name == ref.name && api::major_of(port.version) == api::major_of(ref.version)) return &port;
    return nullptr;
  }

  std::vector<Reader> readers_by_contract(const api::DataProduct& product) const {
    auto readers = readers_of(catalog_, product, now_);
    std::erase_if(readers, [&](const Reader& reader) {
      const api::OutputPort* port = port_of(product, {reader.port.port, std::to_string(reader.port.major)});
      const auto contract = port ? contract_of(catalog_, product, *port) : nullptr;
      return !contract || contract->metadata.name != key_.name;
    });
    return readers;
  }

  void check_contract() {
    const auto before = api::decode_data_contract(*before_);
    const auto after = api::decode_data_contract(*after_);
    if (!before || !after) return;
    std::vector<Reader> readers;
    for (const auto& product : catalog_.products_using_contract(key_)) {
      auto more = readers_by_contract(*product);
      std::move(more.begin(), more.end(), std::back_inserter(readers));
    }
    refuse_breaks(*before, *after, readers);
  }

  // One problem for each thing that breaks, with all whom it breaks for.
  void refuse_breaks(const api::DataContract& before, const api::DataContract& after,
                     const std::vector<Reader>& readers) {
    std::vector<std::pair<Break, std::vector<std::string>>> found;
    for (const Reader& reader : readers)
      for (Break& one : breaks(before, after, reader.access.roles, reader.access.readable)) {
        auto known = std::ranges::find(found, one, [](const auto& entry) -> const Break& { return entry.first; });
        if (known == found.end()) known = found.insert(found.end(), std::pair(one, std::vector<std::string>()));
        known->second.push_back(reader.name);
      }
    for (const auto& [one, names] : found)
      refuse(one.path, "",
             one.what + ", which breaks the active subscriptions " + some_of(names) +
                 ": declare a new major version as a contract and a port of its own");
  }

  const Catalog& catalog_;
  const Json* before_;
  const Json* after_;
  WallTime now_;
  std::string_view user_;
  ObjectKey key_;
  std::vector<api::Problem> problems_;
};

}  // namespace

std::vector<api::Problem> admit(const Catalog& catalog, const Json* before, const Json* after, WallTime now,
                                std::string_view user) {
  if (!before && !after) return {};
  return Admission(catalog, before, after, now, user).run();
}

}  // namespace datamesh::mesh
