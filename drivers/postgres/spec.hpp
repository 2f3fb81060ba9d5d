#pragma once
// What a PostgreSQL server holds for the mesh, as plain values in canonical form: equal values mean "up to date".

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/core/ids.hpp"
#include "controller/plan/plan.hpp"
#include "drivers/postgres/names.hpp"

namespace datamesh::postgres {

struct Role {
  bool login = false;
  std::string credential;    // version of the password; the password itself is never here
  std::string principal;     // whose credential: "Member/sales/..."; empty for a NOLOGIN role
  std::string default_role;  // ALTER ROLE ... SET role: what its sessions create belongs to that role
  std::string urn;
  // Attributes and settings that nobody asked for: "CREATEDB", "VALID UNTIL", "SET search_path", "SET x IN DATABASE".
  std::set<std::string> extra = {};
  bool operator==(const Role&) const = default;
};

struct Schema {
  std::string owner;
  std::string urn;
  bool operator==(const Schema&) const = default;
};

struct Column {
  std::string type;  // as format_type() writes it
  bool not_null = false;
  bool operator==(const Column&) const = default;
};

// Ends the names of settings of a role that hold in the mesh's database only.
inline constexpr std::string_view kInDatabase = " IN DATABASE";

// What travels with a table without being part of "up to date".
struct Aside {
  std::vector<std::string> order = {};  // of the contract; PostgreSQL cannot reorder columns
  std::set<std::string> left = {};      // columns that the contract no longer names: kept, readable by nobody
  bool operator==(const Aside&) const { return true; }
};

struct TableBody {
  std::string schema, name, owner, urn;
  std::map<std::string, Column> columns;  // without those that were left behind
  std::vector<std::string> primary_key;
  std::map<std::string, std::string> unique;  // column -> constraint
  std::string refused = {};                   // why this table cannot be made as declared; empty: it can
  Aside aside = {};
  bool operator==(const TableBody&) const = default;
};

// Shared and immutable: a Spec stays small, and its many copies cheap.
class Table {
 public:
  explicit Table(TableBody body) : body_(std::make_shared<const TableBody>(std::move(body))) {}
  const TableBody* operator->() const { return body_.get(); }
  const TableBody& operator*() const { return *body_; }
  bool operator==(const Table& other) const { return *body_ == *other.body_; }

 private:
  std::shared_ptr<const TableBody> body_;
};

// `member` may do what `group` may.
struct Membership {
  std::string group, member;
  bool admin = false;  // WITH ADMIN OPTION
  bool operator==(const Membership&) const = default;
};

// Privileges as the letters of an ACL (PostgreSQL documentation, "Privileges"), in a set.
struct Privileges {
  std::uint32_t held = 0, grantable = 0;  // bit of the letter in kPrivilegeLetters
  bool operator==(const Privileges&) const = default;
};
Privileges privileges(std::string_view letters);  // "r", "r*w"; unknown letters are ignored
std::string to_words(std::uint32_t bits);         // "SELECT, INSERT"
inline constexpr std::string_view kPrivilegeLetters = "rawdDxtUCXcTsAm";

enum class On { Schema, Table, Sequence, Routine, DefaultTables, DefaultSequences };

// One row of access: what `grantee` may do with one object. Defaults are what will be granted on future objects.
struct Grant {
  On on = On::Schema;
  // `object` is empty for schemas and defaults; of a routine it is the server's text: a.b(integer). `schema` may be
  // empty for defaults.
  std::string schema, object;
  std::string owner;    // of the object; of defaults: whose objects
  std::string grantee;  // empty: PUBLIC
  Privileges whole = {};
  std::map<std::string, Privileges> columns = {};
  bool operator==(const Grant&) const = default;
};

using Spec = std::variant<Role, Schema, Table, Membership, Grant>;

// "grant" or "default" with a text that names all ends: "table sales__orders_v1.orders to op_sales__orders_v1__reader".
ResourceId grant_id(const Grant& grant);

// The mark on a thing: its comment, written in the transaction that makes the thing.
struct Mark {
  ObjectKey owner;
  std::string urn;
  bool keep = false, retained = false;
  std::string credential = {}, principal = {};  // of a role
  std::set<std::string> left = {};              // of a table
  bool operator==(const Mark&) const = default;
};
// {"datamesh":1,"owner":"DataProduct/sales/orders","urn":"...","keep":true,"retained":false}
std::string to_text(const Mark& mark);
// Nothing when the comment is not a mark of ours.
std::optional<Mark> parse_mark(std::string_view comment);

// The inverse of to_string(ObjectKey).
std::optional<ObjectKey> parse_key(std::string_view text);

}  // namespace datamesh::postgres
