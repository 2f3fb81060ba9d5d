#include "drivers/postgres/observe.hpp"

#include <array>
#include <charconv>
#include <unordered_map>

namespace datamesh::postgres {
namespace {

// Rows: kind, name of the schema, name, owner, acl, comment, detail, more.
//   R  role          name       comment; detail: attributes; more: its settings; acl: those in this database
//   M  membership    group = schema column, member = name; detail: t when WITH ADMIN OPTION
//   S  schema        name, owner, acl, comment
//   T  relation      detail: kind and columns; more: its keys
//   F  routine       with the rights of its owner (SECURITY DEFINER); detail: its signature
//   D  default       name: r or S
// Comments come by subqueries and columns by LATERAL: one look into an index for each row, whatever the planner thinks
// of the number of rows. Just after a thousand things were made it thinks of four, and a join becomes quadratic. Texts
// in `detail` and `more` that may hold anything are netstrings (5:hello), so that no name can forge a separator.
constexpr std::string_view kHead = R"sql(
WITH here AS MATERIALIZED (SELECT oid FROM pg_database WHERE datname = current_database()),
named AS MATERIALIZED (SELECT oid FROM pg_roles WHERE {ROLES}),
edges AS MATERIALIZED (SELECT roleid, member, admin_option FROM pg_auth_members WHERE {EDGES}),
spaces AS MATERIALIZED (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE {SPACES}),
relations AS MATERIALIZED (SELECT c.oid, c.relkind, s.nspname, c.relname, c.relowner, c.relacl FROM {RELATIONS}
  WHERE c.relkind IN ('r','p','v','m','f','S') AND (c.relkind <> 'S' OR c.relacl IS NOT NULL))
SELECT 'R', NULL, r.rolname::text, NULL,
  CASE WHEN EXISTS (SELECT FROM pg_db_role_setting h WHERE h.setdatabase = (SELECT oid FROM here))
    THEN (SELECT g.setconfig::text FROM pg_db_role_setting g WHERE g.setrole = r.oid
          AND g.setdatabase = (SELECT oid FROM here)) END,
  (SELECT d.description FROM pg_shdescription d WHERE d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass),
  concat_ws(',', CASE WHEN r.rolcanlogin THEN 'LOGIN' END, CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
    CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
    CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
    CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END, CASE WHEN r.rolconnlimit <> -1 THEN 'CONNECTION LIMIT' END,
    CASE WHEN r.rolvaliduntil < 'infinity' THEN 'VALID UNTIL' END),
  r.rolconfig::text
FROM pg_roles r WHERE {SHOWN}
UNION ALL
SELECT 'M', pg_get_userbyid(e.roleid)::text, pg_get_userbyid(e.member)::text, NULL, NULL, NULL,
  CASE WHEN e.admin_option THEN 't' END, NULL
FROM edges e WHERE e.member <> (SELECT oid FROM pg_roles WHERE rolname = session_user)
UNION ALL
SELECT 'S', NULL, s.nspname::text, pg_get_userbyid(s.nspowner)::text, s.nspacl::text,
  (SELECT d.description FROM pg_description d
   WHERE d.objoid = s.oid AND d.classoid = 'pg_namespace'::regclass AND d.objsubid = 0), NULL, NULL
FROM spaces s
UNION ALL
SELECT 'T', c.nspname::text, c.relname::text, pg_get_userbyid(c.relowner)::text, c.relacl::text,
  (SELECT d.description FROM pg_description d
   WHERE d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0),
  concat(c.relkind, a.columns), k.keys
FROM relations c
LEFT JOIN LATERAL (SELECT string_agg(concat(t.attnum, CASE WHEN t.attnotnull THEN '!' ELSE '?' END,
    octet_length(t.attname::text), ':', t.attname, octet_length(f.type), ':', f.type,
    octet_length(coalesce(t.attacl::text, '')), ':', t.attacl::text), '') AS columns
  FROM pg_attribute t CROSS JOIN LATERAL (SELECT format_type(t.atttypid, t.atttypmod) AS type OFFSET 0) f
  WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped) a ON true
LEFT JOIN LATERAL (SELECT string_agg(concat(x.contype, octet_length(x.conname::text), ':', x.conname,
    octet_length(x.conkey::text), ':', x.conkey::text), '') AS keys
  FROM pg_constraint x WHERE x.conrelid = c.oid AND x.contype IN ('p','u')) k ON c.relkind IN ('r','p')
UNION ALL
SELECT 'F', s.nspname::text, f.proname::text, pg_get_userbyid(f.proowner)::text,
  coalesce(f.proacl, acldefault('f', f.proowner))::text, NULL, f.oid::regprocedure::text, NULL
FROM {ROUTINES} WHERE f.prosecdef
UNION ALL
SELECT 'D', n.nspname::text, d.defaclobjtype::text, pg_get_userbyid(d.defaclrole)::text, d.defaclacl::text, NULL, NULL, NULL
FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
WHERE d.defaclobjtype IN ('r','S') AND {DEFAULTS})sql";

using Replacements = std::initializer_list<std::pair<std::string_view, std::string_view>>;

std::string fill(std::string_view text, Replacements replacements) {
  std::string out(text);
  for (const auto& [mark, value] : replacements) {
    out.replace(out.find(mark), mark.size(), value);
  }
  return out;
}

// Relations are read only in schemas that are named as ours are: what other schemas hold is nobody's business here.
const std::string& query_of_everything() {
  static const std::string sql =
      fill(kHead,
           {{"{ROLES}", "false"},
            {"{EDGES}", "true"},
            {"{SPACES}", "nspname !~ '^pg_' AND nspname NOT IN ('information_schema','datamesh')"},
            {"{RELATIONS}", "spaces s JOIN pg_class c ON c.relnamespace = s.oid AND strpos(s.nspname::text, '__') > 0"},
            {"{SHOWN}", "true"},
            {"{ROUTINES}", "spaces s JOIN pg_proc f ON f.pronamespace = s.oid"},
            {"{DEFAULTS}", "true"}});
  return sql;
}

// $1 roles, $2 schemas. Each part is found by an index: pg_class has none on its schema alone, pg_depend has.
const std::string& query_of_named() {
  static const std::string sql = fill(
      kHead,
      {{"{ROLES}", "rolname = ANY($1::name[])"},
       {"{EDGES}",
        "roleid = ANY(ARRAY(SELECT oid FROM named)) UNION SELECT roleid, member, admin_option FROM pg_auth_members "
        "WHERE member = ANY(ARRAY(SELECT oid FROM named))"},
       {"{SPACES}", "nspname = ANY($2::name[])"},
       {"{RELATIONS}",
        "spaces s JOIN pg_depend p ON p.refclassid = 'pg_namespace'::regclass AND p.refobjid = s.oid AND p.classid = "
        "'pg_class'::regclass JOIN pg_class c ON c.oid = p.objid"},
       {"{SHOWN}",
        "r.oid = ANY(ARRAY(SELECT oid FROM named UNION SELECT roleid FROM edges UNION SELECT member FROM edges))"},
       {"{ROUTINES}",
        "spaces s JOIN pg_depend p ON p.refclassid = 'pg_namespace'::regclass AND p.refobjid = s.oid AND p.classid = "
        "'pg_proc'::regclass JOIN pg_proc f ON f.oid = p.objid"},
       {"{DEFAULTS}",
        "(d.defaclnamespace = ANY(ARRAY(SELECT oid FROM spaces)) OR d.defaclrole = ANY(ARRAY(SELECT oid FROM "
        "named)))"}});
  return sql;
}

enum Field { KindField, SpaceField, NameField, OwnerField, AclField, CommentField, DetailField, MoreField };

// Takes "5:hello" off the front.
std::string_view take_netstring(std::string_view& text) {
  std::size_t size = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), size);
  const auto start = static_cast<std::size_t>(end - text.data()) + 1;
  if (failed != std::errc() || start + size > text.size()) {
    text = {};
    return {};
  }
  const auto value = text.substr(start, size);
  text.remove_prefix(start + size);
  return value;
}

struct FoundColumn {
  int number = 0;
  std::string_view name, type, acl;
  bool not_null = false;
};

std::vector<FoundColumn> parse_columns(std::string_view text) {
  std::vector<FoundColumn> columns;
  while (!text.empty()) {
    FoundColumn column;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), column.number);
    if (failed != std::errc()) break;
    column.not_null = *end == '!';
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
    column.name = take_netstring(text);
    column.type = take_netstring(text);
    column.acl = take_netstring(text);
    columns.push_back(column);
  }
  return columns;
}

class Reader {
 public:
  Reader(const Rows& rows, const Scope& scope) : rows_(rows), scope_(scope) {}

  Observed<Spec> read() {
    read_marks();
    for (int row = 0; row < rows_.size(); ++row) {
      switch (text(row, KindField).front()) {
        case 'R':
          read_role(row);
          break;
        case 'M':
          read_membership(row);
          break;
        case 'S':
          read_schema(row);
          break;
        case 'T':
          read_relation(row);
          break;
        case 'F':
          read_routine(row);
          break;
        case 'D':
          read_default(row);
          break;
        default:
          break;
      }
    }
    return std::move(observed_);
  }

 private:
  struct Known {
    std::optional<Mark> mark;
    bool login = false;
  };

  std::string_view text(int row, Field field) const { return rows_.at(row, field); }

  static const Mark* mark_of(const std::unordered_map<std::string_view, Known>& known, std::string_view name) {
    const auto found = known.find(name);
    return found != known.end() && found->second.mark ? &*found->second.mark : nullptr;
  }

  void read_marks() {
    for (int row = 0; row < rows_.size(); ++row) {
      const char kind = text(row, KindField).front();
      if (kind == 'R') {
        roles_[text(row, NameField)] = {parse_mark(text(row, CommentField)),
                                        text(row, DetailField).starts_with("LOGIN")};
      } else if (kind == 'S') {
        schemas_[text(row, NameField)] = {parse_mark(text(row, CommentField))};
      }
    }
  }

  void add(ResourceId id, Spec spec, const Mark* mark) {
    Found<Spec> found{std::move(spec), {}, false, false};
    if (mark) {
      found.owner = mark->owner;
      found.keep = mark->keep;
      found.retained = mark->retained;
    }
    add(std::move(id), std::move(found));
  }

  void add(ResourceId id, Found<Spec> found) {
    // What is not ours is shown as well: it may be in the way of what would be built on it.
    if (!scope_.all && found.owner && !scope_.covers(*found.owner) && !scope_.ids.contains(id)) return;
    observed_.resources.insert_or_assign(std::move(id), std::move(found));
  }

  void add_relation(ResourceId id, Spec spec, const Mark& mark, bool other_is_ours) {
    if (mark.retained && !other_is_ours) return;
    add(std::move(id), Found<Spec>{std::move(spec), mark.owner, false, false});
  }

  void read_role(int row) {
    const auto name = text(row, NameField);
    if (name.starts_with("pg_")) return;
    const auto& known = roles_[name];
    Role role{known.login, "", "", "", ""};
    for (std::string_view words = text(row, DetailField); !words.empty();) {
      const auto word = words.substr(0, words.find(','));
      if (word != "LOGIN") role.extra.emplace(word);
      words.remove_prefix(std::min(word.size() + 1, words.size()));
    }
    for (const auto& setting : parse_array(text(row, MoreField))) {
      if (setting.starts_with("role=")) {
        role.default_role = setting.substr(5);
      } else {
        role.extra.insert("SET " + setting.substr(0, setting.find('=')));
      }
    }
    for (const auto& setting : parse_array(text(row, AclField))) {
      role.extra.insert("SET " + setting.substr(0, setting.find('=')) + std::string(kInDatabase));
    }
    if (known.mark) {
      role.credential = known.mark->credential;
      role.principal = known.mark->principal;
      role.urn = known.mark->urn;
    }
    add(role_id(name), std::move(role), known.mark ? &*known.mark : nullptr);
  }

  void read_membership(int row) {
    const auto group = text(row, SpaceField), member = text(row, NameField);
    const Mark* of_group = mark_of(roles_, group);
    const Mark* of_member = mark_of(roles_, member);
    if (!of_group && !of_member) return;
    const bool member_first = of_member && (!of_member->principal.empty() || !of_group);
    add_relation(membership_id(group, member),
                 Membership{std::string(group), std::string(member), text(row, DetailField) == "t"},
                 member_first ? *of_member : *of_group, member_first ? of_group != nullptr : of_member != nullptr);
  }

  void read_schema(int row) {
    const auto name = text(row, NameField), owner = text(row, OwnerField);
    const Mark* mark = mark_of(schemas_, name);
    add(schema_id(name), Schema{std::string(owner), mark ? mark->urn : ""}, mark);
    if (!mark) return;
    Grant grant{On::Schema, std::string(name), "", std::string(owner), ""};
    for (auto& entry : parse_acl(text(row, AclField))) {
      if (entry.grantee == owner) continue;
      grant.grantee = std::move(entry.grantee);
      grant.whole = entry.privileges;
      add_grant(grant, *mark);
    }
  }

  void add_grant(const Grant& grant, const Mark& mark) {
    add_relation(grant_id(grant), grant, mark, mark_of(roles_, grant.grantee) != nullptr);
  }

  void read_relation(int row) {
    const auto space = text(row, SpaceField), name = text(row, NameField), owner = text(row, OwnerField);
    std::string_view detail = text(row, DetailField);
    const char kind = detail.front();
    const auto columns = parse_columns(detail.substr(1));
    const auto mark = parse_mark(text(row, CommentField));
    if (kind == 'r' || kind == 'p') read_table(row, columns, mark);

    const Mark* of_schema = mark_of(schemas_, space);
    const Mark* responsible = of_schema ? of_schema : mark ? &*mark : nullptr;
    if (!responsible) return;
    std::map<std::string, Grant> grants;  // by grantee
    const auto of = [&](const std::string& grantee) -> Grant& {
      Grant& grant = grants[grantee];
      grant.on = kind == 'S' ? On::Sequence : On::Table;
      return grant;
    };
    for (const auto& entry : parse_acl(text(row, AclField))) of(entry.grantee).whole = entry.privileges;
    for (const auto& column : columns) {
      if (column.acl.empty()) continue;
      for (const auto& entry : parse_acl(column.acl)) {
        of(entry.grantee).columns.emplace(column.name, entry.privileges);
      }
    }
    for (auto& [grantee, grant] : grants) {
      if (grantee == owner) continue;
      grant.schema = space;
      grant.object = name;
      grant.owner = owner;
      grant.grantee = grantee;
      add_grant(grant, *responsible);
    }
  }

  void read_table(int row, const std::vector<FoundColumn>& columns, const std::optional<Mark>& mark) {
    TableBody body{std::string(text(row, SpaceField)),
                   std::string(text(row, NameField)),
                   std::string(text(row, OwnerField)),
                   mark ? mark->urn : "",
                   {},
                   {},
                   {}};
    if (mark) body.aside.left = mark->left;
    for (const auto& column : columns) {
      std::string name(column.name);
      if (body.aside.left.contains(name)) continue;
      body.columns.emplace(std::move(name), Column{std::string(column.type), column.not_null});
    }
    std::string_view keys = text(row, MoreField);
    while (!keys.empty()) {
      const char kind = keys.front();
      keys.remove_prefix(1);
      const auto constraint = take_netstring(keys);
      std::vector<std::string> names;
      for (const auto& number : parse_array(take_netstring(keys))) {
        const auto column = std::ranges::find(columns, std::atoi(number.c_str()), &FoundColumn::number);
        if (column != columns.end()) names.emplace_back(column->name);
      }
      if (kind == 'p') {
        body.primary_key = std::move(names);
      } else if (names.size() == 1 && !body.aside.left.contains(names[0])) {
        body.unique[names[0]] = constraint;
      }
    }
    const auto id = table_id(body.schema, body.name);
    add(id, Table(std::move(body)), mark ? &*mark : nullptr);
  }

  // It does what its owner may do, for whoever may call it; new ones can be called by everybody.
  void read_routine(int row) {
    const auto owner = text(row, OwnerField);
    const Mark* mark = mark_of(schemas_, text(row, SpaceField));
    if (!mark) mark = mark_of(roles_, owner);
    if (!mark) return;
    Grant grant{On::Routine, std::string(text(row, SpaceField)), std::string(text(row, DetailField)),
                std::string(owner), ""};
    for (auto& entry : parse_acl(text(row, AclField))) {
      if (entry.grantee == owner) continue;
      grant.grantee = std::move(entry.grantee);
      grant.whole = entry.privileges;
      add_grant(grant, *mark);
    }
  }

  void read_default(int row) {
    const auto space = text(row, SpaceField), owner = text(row, OwnerField);
    const Mark* mark = space.empty() ? nullptr : mark_of(schemas_, space);
    if (!mark) mark = mark_of(roles_, owner);
    if (!mark) return;
    Grant grant{text(row, NameField) == "r" ? On::DefaultTables : On::DefaultSequences, std::string(space), "",
                std::string(owner), ""};
    for (auto& entry : parse_acl(text(row, AclField))) {
      if (entry.grantee == owner) continue;
      grant.grantee = std::move(entry.grantee);
      grant.whole = entry.privileges;
      add_grant(grant, *mark);
    }
  }

  const Rows& rows_;
  const Scope& scope_;
  std::unordered_map<std::string_view, Known> roles_, schemas_;
  Observed<Spec> observed_;
};

// A name in an aclitem: bare, or in quotes with quotes doubled (putid() in PostgreSQL's acl.c).
std::string take_acl_name(std::string_view& text) {
  std::string name;
  if (!text.starts_with('"')) {
    const auto end = std::min(text.find_first_of("=/"), text.size());
    name = text.substr(0, end);
    text.remove_prefix(end);
    return name;
  }
  for (text.remove_prefix(1); !text.empty();) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') {
      if (!text.starts_with('"')) break;
      text.remove_prefix(1);
    }
    name += c;
  }
  return name;
}

}  // namespace

std::vector<std::string> parse_array(std::string_view text) {
  std::vector<std::string> values;
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return values;
  text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    std::string value;
    bool quoted = false;
    std::size_t at = 0;
    for (; at < text.size() && (quoted || text[at] != ','); ++at) {
      if (text[at] == '"') {
        quoted = !quoted;
      } else {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        value += text[at];
      }
    }
    values.push_back(std::move(value));
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return values;
}

std::vector<AclEntry> parse_acl(std::string_view acl) {
  std::vector<AclEntry> entries;
  for (const auto& item : parse_array(acl)) {
    std::string_view text = item;
    std::string grantee = take_acl_name(text);
    if (!text.starts_with('=')) continue;
    const auto held = privileges(text.substr(1, std::min(text.find('/'), text.size()) - 1));
    // Several grantors of one grantee are one row of access.
    const auto same = std::ranges::find(entries, grantee, &AclEntry::grantee);
    if (same == entries.end()) {
      entries.push_back({std::move(grantee), held});
    } else {
      same->privileges.held |= held.held;
      same->privileges.grantable |= held.grantable;
    }
  }
  return entries;
}

Result<Observed<Spec>> observe(Session& session, const Scope& scope, std::stop_token stop) {
  if (scope.all) {
    DATAMESH_TRY(const Rows rows, session.query(query_of_everything(), stop));
    return Reader(rows, scope).read();
  }
  Named named;
  for (const auto& id : scope.ids) add_names(id, named);
  const std::vector<std::string> roles(named.roles.begin(), named.roles.end());
  const std::vector<std::string> schemas(named.schemas.begin(), named.schemas.end());
  const std::array<std::string, 2> parameters = {array_text(roles), array_text(schemas)};
  // Planning it takes longer than running it.
  DATAMESH_TRY(const Rows rows, session.query_prepared("look", query_of_named(), parameters, stop));
  return Reader(rows, scope).read();
}

Result<std::string> change_token(Session& session, std::stop_token stop) {
  // Not one sum: a row deleted in one table and one inserted in another are two changes. The counters start again after
  // a crash: any other value, also a smaller one, is a change.
  static const std::string sql =
      "SELECT string_agg((pg_stat_get_tuples_inserted(r)+pg_stat_get_tuples_updated(r)+pg_stat_get_tuples_deleted(r))"
      "::text, ',') FROM (VALUES ('pg_namespace'::regclass),('pg_class'),('pg_attribute'),('pg_authid'),"
      "('pg_auth_members'),('pg_default_acl'),('pg_constraint'),('pg_description'),('pg_shdescription'),"
      "('pg_db_role_setting'),('pg_proc')) v(r)";
  DATAMESH_TRY(const Rows rows, session.query_prepared("token", sql, {}, stop));
  return std::string(rows.size() == 1 ? rows.at(0, 0) : "");
}

}  // namespace datamesh::postgres
