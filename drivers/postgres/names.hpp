#pragma once
// What things are called in PostgreSQL, and how names and texts are put into SQL. Pure; the same on every machine.
//
// Names of roles and schemas are at most 63 bytes of [a-z0-9_] and never begin with "pg_". Different inputs give
// different names: whatever cannot be read back from the name (capitals, '-', '.', "__", too long) puts the hash of the
// input at its end ("s_marketing__churn_reads_orders__1f0c88d2").

#include <optional>
#include <string>
#include <string_view>

#include "controller/plan/plan.hpp"
#include "mesh/workload.hpp"

namespace datamesh::postgres {
namespace names {

std::string domain(std::string_view domain);                             // d_sales
std::string member(std::string_view domain, std::string_view username);  // m_sales__ana
std::string product(std::string_view domain, std::string_view product);  // p_sales__orders
std::string schema(const mesh::PortKey& port);                           // sales__orders_v1
std::string group(const mesh::PortKey& port, std::string_view role);     // op_sales__orders_v1__reader
std::string subscription(const ObjectKey& subscription);                 // s_marketing__churn
// Tables and columns keep the contract's name when PostgreSQL can hold it: 1 to 63 bytes of UTF-8 without control
// characters.
std::string table(std::string_view name);
std::string column(std::string_view name);
// Who gets what a dropped role owned: nobody's role, without login, rights and members.
inline constexpr std::string_view kNobody = "datamesh_nobody";
// Of the UNIQUE of one column; unique within the schema.
std::string unique_constraint(std::string_view table, std::string_view column);

}  // namespace names

// "x": always quoted, a quote inside doubled. PostgreSQL holds no NUL: it becomes U+FFFD, as does nothing else.
std::string quote_identifier(std::string_view name);
// 'x', or E'x' when there is a backslash: safe under both settings of standard_conforming_strings.
std::string quote_literal(std::string_view text);
// "a"."b"
std::string quote_qualified(std::string_view schema, std::string_view name);

// Ids of relations and of things in a schema are texts: names in them are quoted unless plain ([a-z_][a-z0-9_]*), so
// that they can be taken apart again.
std::string id_part(std::string_view name);
ResourceId role_id(std::string_view role);
ResourceId schema_id(std::string_view schema);
ResourceId table_id(std::string_view schema, std::string_view table);       // sales__orders_v1.orders
ResourceId membership_id(std::string_view group, std::string_view member);  // d_sales to m_sales__ana

// The roles and schemas that a look for these ids has to cover.
struct Named {
  std::set<std::string> roles, schemas;
};
void add_names(const ResourceId& id, Named& named);

}  // namespace datamesh::postgres
