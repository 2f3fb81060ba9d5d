#include "drivers/postgres/desired.hpp"

#include "drivers/postgres/types.hpp"

namespace datamesh::postgres {
namespace {

class Builder {
 public:
  explicit Builder(const mesh::Workload& workload) : workload_(workload) { desired_.held = workload.held; }

  Desired<Spec> build() {
    for (const auto& domain : workload_.domains) add_domain(domain);
    hold_clashing_ports();
    // What is held stays; what is declared soundly next to it is made all the same.
    for (const auto& port : workload_.ports) {
      if (port.type == mesh::PortType::Tables && !clashing_.contains(port.owner)) add_port(port);
    }
    for (const auto& access : workload_.accesses) {
      if (!access.credential_version.empty()) add_access(access);
    }
    return std::move(desired_);
  }

 private:
  void want(ResourceId id, Spec spec, const ObjectKey& owner, bool keep = false, bool adopt = false) {
    desired_.resources.insert_or_assign(std::move(id), Wanted<Spec>{std::move(spec), owner, keep, adopt});
  }

  void add_membership(const std::string& group, const std::string& member, const ObjectKey& owner) {
    want(membership_id(group, member), Membership{group, member}, owner);
  }

  void add_domain(const mesh::DomainUse& domain) {
    const std::string team = names::domain(domain.name);
    const std::string urn = "urn:datamesh:domain:" + domain.name;
    want(role_id(team), Role{false, "", "", "", urn}, domain.owner);
    for (const auto& member : domain.members) {
      const std::string name = names::member(domain.name, member.username);
      // Without a credential there is nothing to log in with; the role exists, so that it can be granted to.
      const bool login = !member.credential_version.empty();
      const auto principal = mesh::member_principal(domain.name, workload_.backend, member.username);
      want(role_id(name),
           Role{login, member.credential_version, to_string(principal), member.producer ? team : "",
                urn + ":member:" + member.username},
           domain.owner);
      if (member.producer) add_membership(team, name, domain.owner);
    }
  }

  // compile() lets one port claim a name; should two come here all the same, neither may touch the other's data.
  void hold_clashing_ports() {
    std::map<std::string, const mesh::Port*> claimed;
    for (const auto& port : workload_.ports) {
      if (port.type != mesh::PortType::Tables) continue;
      const auto [at, first] = claimed.emplace(names::schema(port.key), &port);
      if (!first) clashing_.insert({at->second->owner, port.owner});
    }
    desired_.held.insert(clashing_.begin(), clashing_.end());
  }

  void add_port(const mesh::Port& port) {
    const std::string product = names::product(port.key.domain, port.key.product);
    const std::string schema = names::schema(port.key);
    const std::string urn = mesh::urn(port.key);

    // The product's role outlives its declaration with the first thing of its own that does.
    const auto other = desired_.resources.find(role_id(product));
    const bool keep = port.keep || (other != desired_.resources.end() && other->second.keep);
    want(role_id(product), Role{false, "", "", "", "urn:datamesh:product:" + port.key.domain + ":" + port.key.product},
         port.owner, keep, port.adopt);
    add_membership(product, names::domain(port.key.domain), port.owner);
    want(schema_id(schema), Schema{product, urn}, port.owner, port.keep, port.adopt);
    for (const auto& table : port.tables) add_table(port, table, schema, product, urn);
    for (const auto& role : port.roles) add_group(port, role, schema, product, urn);
  }

  void add_table(const mesh::Port& port, const mesh::Table& table, const std::string& schema,
                 const std::string& product, const std::string& urn) {
    TableBody body{schema, names::table(table.name), product, urn, {}, {}, {}};
    std::map<int, std::string> key;
    for (const auto& column : table.columns) {
      const std::string name = names::column(column.name);
      const auto type = type_of(column);
      if (!type && body.refused.empty()) {
        body.refused = "column " + table.name + "." + column.name + ": " + type.error().message;
      }
      const bool in_key = column.primary_key_position > 0;
      body.columns[name] = Column{type ? *type : "", column.required || in_key};
      body.aside.order.push_back(name);
      if (in_key) key.emplace(column.primary_key_position, name);
      if (column.unique && !in_key) body.unique[name] = names::unique_constraint(body.name, name);
    }
    for (auto& [position, name] : key) body.primary_key.push_back(std::move(name));
    ResourceId id = table_id(schema, body.name);
    want(std::move(id), Table(std::move(body)), port.owner, port.keep, port.adopt);
  }

  void add_group(const mesh::Port& port, const mesh::PortRole& role, const std::string& schema,
                 const std::string& product, const std::string& urn) {
    const std::string group = names::group(port.key, role.name);
    want(role_id(group), Role{false, "", "", "", urn + ":role:" + role.name}, port.owner, false, port.adopt);
    const auto grant = [&](Grant what) { want(grant_id(what), what, port.owner); };
    grant({On::Schema, schema, "", product, group, privileges("U")});
    for (const auto& table : port.tables) {
      const auto readable = role.readable.find(table.name);
      if (readable == role.readable.end()) continue;
      Grant access{On::Table, schema, names::table(table.name), product, group};
      for (const auto& column : table.columns) {
        if (readable->second.contains(column.name)) access.columns[names::column(column.name)] = privileges("r");
      }
      if (!access.columns.empty()) grant(std::move(access));
    }
  }

  void add_access(const mesh::Access& access) {
    const std::string name = names::subscription(access.subscription);
    want(role_id(name),
         Role{true, access.credential_version, to_string(access.subscription), "",
              "urn:datamesh:subscription:" + access.subscription.ns + ":" + access.subscription.name},
         access.subscription);
    for (const auto& role : access.roles) add_membership(names::group(access.port, role), name, access.subscription);
  }

  const mesh::Workload& workload_;
  Desired<Spec> desired_;
  std::set<ObjectKey> clashing_;
};

}  // namespace

Desired<Spec> desired(const mesh::Workload& workload) {
  return Builder(workload).build();
}

}  // namespace datamesh::postgres
