#include "drivers/postgres/lower.hpp"

#include <algorithm>

#include "drivers/postgres/types.hpp"

namespace datamesh::postgres {
namespace {

std::string join(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

std::string joined_columns(const std::vector<std::string>& columns) {
  std::vector<std::string> quoted;
  quoted.reserve(columns.size());
  for (const auto& column : columns) quoted.push_back(quote_identifier(column));
  return "(" + join(quoted) + ")";
}

std::string comment(const std::string& object, const Change<Spec>& change) {
  return "COMMENT ON " + object + " IS " + quote_literal(to_text(mark_of(change)));
}

// What a role gets and how it is taken back, for the attributes that the catalogue shows.
std::string without(const std::string& attribute) {
  if (attribute == "NOINHERIT") return "INHERIT";
  if (attribute == "CONNECTION LIMIT") return "CONNECTION LIMIT -1";
  if (attribute == "VALID UNTIL") return "VALID UNTIL 'infinity'";
  return "NO" + attribute;
}

class Lowering {
 public:
  Lowering(const Change<Spec>& change, const std::string& verifier) : change_(change), verifier_(verifier) {}

  Lowered run() {
    const Spec& spec = change_.after ? *change_.after : *change_.before;
    std::visit([this](const auto& value) { lower(value); }, spec);
    return std::move(out_);
  }

 private:
  template <class T>
  const T* before() const {
    return change_.before ? std::get_if<T>(&*change_.before) : nullptr;
  }
  Verb verb() const { return change_.verb == Verb::Hold ? change_.intent : change_.verb; }
  void act(std::string sql) { out_.act.push_back(std::move(sql)); }
  void deny(std::string sql) { out_.deny.push_back(std::move(sql)); }

  void lower(const Role& role) {
    const std::string name = quote_identifier(change_.id.name), object = "ROLE " + name;
    const Role* was = before<Role>();
    switch (verb()) {
      case Verb::Create:
        act("CREATE " + object + (role.login ? " LOGIN PASSWORD " + verifier_ : " NOLOGIN"));
        break;
      case Verb::Update:
        update(role, *was, object);
        break;
      case Verb::Delete:
        return drop_role(role, name);
      case Verb::Release:
      case Verb::Hold:
        break;
    }
    if (verb() != Verb::Release && role.default_role != (was ? was->default_role : "")) {
      act("ALTER " + object +
          (role.default_role.empty() ? " RESET role" : " SET role = " + quote_literal(role.default_role)));
    }
    act(comment(object, change_));
  }

  void update(const Role& role, const Role& was, const std::string& object) {
    std::string taken;
    for (const auto& attribute : was.extra) {
      if (role.extra.contains(attribute)) continue;
      if (attribute.starts_with("SET ")) {
        deny(reset(object, attribute.substr(4)));
      } else {
        taken += " " + without(attribute);
      }
    }
    if (!taken.empty()) deny("ALTER " + object + taken);
    if (was.login && !role.login) {
      deny("ALTER " + object + " NOLOGIN PASSWORD NULL");
      out_.logins.insert(change_.id.name);
    } else if (role.login && (!was.login || was.credential != role.credential)) {
      if (was.login) {  // Whoever came in with the old password goes before the new one counts.
        deny("ALTER " + object + " PASSWORD NULL");
        out_.logins.insert(change_.id.name);
      }
      act("ALTER " + object + " LOGIN PASSWORD " + verifier_);
    }
  }

  static std::string reset(const std::string& object, const std::string& name) {
    if (name.ends_with(kInDatabase)) {  // The database is known to the session alone.
      return "DO LANGUAGE plpgsql " +
             quote_literal("BEGIN EXECUTE 'ALTER '||" + quote_literal(object) +
                           "||' IN DATABASE '||quote_ident(current_database())||' RESET ALL'; END");
    }
    std::string quoted;
    for (std::size_t at = 0; at <= name.size();) {  // a.b: the names of extensions' settings
      const auto dot = std::min(name.find('.', at), name.size());
      quoted += (at == 0 ? "" : ".") + quote_identifier(name.substr(at, dot - at));
      at = dot + 1;
    }
    return "ALTER " + object + " RESET " + quoted;
  }

  // The owner of a routine must be allowed to create in its schema, so nobody is, meanwhile.
  static std::string reassign(const std::string& role, const std::string& nobody) {
    return "DECLARE spaces text[]; owners text[]; it text; BEGIN "
           "SELECT array_agg(DISTINCT quote_ident(n.nspname)), array_agg(DISTINCT pg_get_userbyid(n.nspowner)::text) "
           "INTO spaces, owners FROM pg_shdepend d, pg_identify_object(d.classid, d.objid, 0) i, pg_namespace n "
           "WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = " +
           role +
           "::regrole AND d.deptype = 'o' AND d.objsubid = 0 AND d.dbid = (SELECT oid FROM pg_database "
           "WHERE datname = current_database()) AND n.nspname = i.schema; "
           "SELECT array_agg(o) INTO owners FROM unnest(owners) o WHERE NOT pg_has_role(current_user, o::name, "
           "'MEMBER'); "
           "FOREACH it IN ARRAY coalesce(owners, '{}') LOOP EXECUTE format('GRANT %I TO CURRENT_USER', it); END LOOP; "
           "FOREACH it IN ARRAY coalesce(spaces, '{}') LOOP EXECUTE 'GRANT CREATE ON SCHEMA '||it||' TO '||" +
           nobody + "; END LOOP; EXECUTE 'REASSIGN OWNED BY '||" + role + "||' TO '||" + nobody +
           "; FOREACH it IN ARRAY coalesce(spaces, '{}') LOOP EXECUTE 'REVOKE CREATE ON SCHEMA '||it||' FROM '||" +
           nobody +
           "; END LOOP; FOREACH it IN ARRAY coalesce(owners, '{}') LOOP EXECUTE format('REVOKE %I FROM CURRENT_USER', "
           "it); "
           "END LOOP; END";
  }

  // What the role owns is never lost: it goes to nobody, since routines and views act with their owner's rights. Its
  // privileges go, so that DROP ROLE works.
  void drop_role(const Role& role, const std::string& name) {
    if (role.login) {
      deny("ALTER ROLE " + name + " NOLOGIN PASSWORD NULL");
      out_.logins.insert(change_.id.name);
    }
    out_.borrowed.insert(change_.id.name);
    const std::string nobody = quote_identifier(names::kNobody);
    act("DO LANGUAGE plpgsql " + quote_literal(reassign(quote_literal(name), quote_literal(nobody))));
    act("DROP OWNED BY " + name);
    act("DROP ROLE " + name);
  }

  void lower(const Schema& schema) {
    const std::string name = quote_identifier(change_.id.name);
    const Schema* was = before<Schema>();
    if (was) out_.borrowed.insert(was->owner);
    out_.borrowed.insert(schema.owner);
    switch (verb()) {
      case Verb::Create:
        act("CREATE SCHEMA " + name + " AUTHORIZATION " + quote_identifier(schema.owner));
        break;
      case Verb::Update:
        if (was->owner != schema.owner) {
          act("ALTER SCHEMA " + name + " OWNER TO " + quote_identifier(schema.owner));
          out_.former.insert(was->owner);
        }
        break;
      // Without CASCADE: what somebody else put in there, or built on it, is not ours to drop.
      case Verb::Delete:
        return act("DROP SCHEMA " + name);
      case Verb::Release:
      case Verb::Hold:
        break;
    }
    act(comment("SCHEMA " + name, change_));
  }

  void lower(const Table& table) {
    const std::string name = quote_qualified(table->schema, table->name);
    const Table* was = before<Table>();
    if (was) out_.borrowed.insert((*was)->owner);
    out_.borrowed.insert(table->owner);
    out_.refused = table->refused;
    switch (verb()) {
      case Verb::Create:
        create(*table, name);
        break;
      case Verb::Update:
        evolve(*table, **was, name);
        break;
      case Verb::Delete:
        return act("DROP TABLE " + name);
      case Verb::Release:
      case Verb::Hold:
        break;
    }
    act(comment("TABLE " + name, change_));
  }

  void create(const TableBody& table, const std::string& name) {
    std::vector<std::string> lines;
    for (const auto& column : table.aside.order) {
      const Column& it = table.columns.at(column);
      const bool in_key = std::ranges::find(table.primary_key, column) != table.primary_key.end();
      lines.push_back(quote_identifier(column) + " " + it.type + (it.not_null && !in_key ? " NOT NULL" : ""));
    }
    if (!table.primary_key.empty()) lines.push_back("PRIMARY KEY " + joined_columns(table.primary_key));
    for (const auto& [column, constraint] : table.unique) {
      lines.push_back("CONSTRAINT " + quote_identifier(constraint) + " UNIQUE " + joined_columns({column}));
    }
    act("CREATE TABLE " + name + " (" + join(lines) + ")");
    act("ALTER TABLE " + name + " OWNER TO " + quote_identifier(table.owner));
  }

  // Adds and widens; never drops a column, never narrows a type.
  void evolve(const TableBody& table, const TableBody& was, const std::string& name) {
    const std::string alter = "ALTER TABLE " + name + " ";
    const auto refuse = [&](const std::string& why) {
      if (out_.refused.empty()) out_.refused = why + "; a new major version of the port is the way";
    };
    if (was.owner != table.owner) {
      act(alter + "OWNER TO " + quote_identifier(table.owner));
      out_.former.insert(was.owner);
    }
    for (const auto& column : table.aside.order) {
      const Column& it = table.columns.at(column);
      const auto old = was.columns.find(column);
      if (old != was.columns.end()) {
        alter_column(column, it, old->second, name, refuse);
      } else {
        // It may be there all the same, left behind when the contract did not name it: then the next look compares it.
        act(alter + "ADD COLUMN IF NOT EXISTS " + quote_identifier(column) + " " + it.type +
            (it.not_null ? " NOT NULL" : ""));
      }
    }
    change_keys(table, was, alter, refuse);
  }

  template <class Refuse>
  void alter_column(const std::string& column, const Column& now, const Column& was, const std::string& table,
                    const Refuse& refuse) {
    const std::string target = "ALTER TABLE " + table + " ALTER COLUMN " + quote_identifier(column) + " ";
    if (now.type != was.type) {
      if (is_widening(was.type, now.type)) {
        refuse_checks(table);
        act(target + "TYPE " + now.type);
      } else {
        refuse("column " + change_.id.name + "." + column + " is " + was.type + " and cannot become " + now.type);
      }
    }
    if (now.not_null != was.not_null) act(target + (now.not_null ? "SET NOT NULL" : "DROP NOT NULL"));
  }

  // A change of type evaluates CHECK constraints anew, with the rights of whoever changes it: those that others put
  // there must not run with ours. Decided under a lock, so that none comes in between.
  void refuse_checks(const std::string& table) {
    if (checks_refused_) return;
    checks_refused_ = true;
    act("DO LANGUAGE plpgsql " +
        quote_literal(
            "DECLARE found text; BEGIN LOCK TABLE " + table +
            " IN ACCESS EXCLUSIVE MODE; WITH RECURSIVE tree AS (SELECT " + quote_literal(table) +
            "::regclass::oid AS oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree t ON i.inhparent = t.oid) "
            "SELECT string_agg(c.conname::text, ', ') INTO found FROM pg_constraint c JOIN tree t ON c.conrelid = "
            "t.oid WHERE c.contype = 'c'; IF found IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = "
            "'feature_not_supported', MESSAGE = format('the type of a column cannot change while there are CHECK "
            "constraints on its table: %s', found), DETAIL = 'drop them, or change the type as the table''s owner'; "
            "END IF; END"));
  }

  template <class Refuse>
  void change_keys(const TableBody& table, const TableBody& was, const std::string& alter, const Refuse& refuse) {
    if (table.primary_key != was.primary_key) {
      if (was.primary_key.empty()) {
        act(alter + "ADD PRIMARY KEY " + joined_columns(table.primary_key));
      } else {
        refuse("the primary key of " + change_.id.name + " is " + joined_columns(was.primary_key) +
               " and cannot become " + joined_columns(table.primary_key));
      }
    }
    for (const auto& [column, constraint] : was.unique) {
      const auto wanted = table.unique.find(column);
      // The key of a column that goes is left with it.
      if (wanted == table.unique.end() ? table.columns.contains(column) : wanted->second != constraint) {
        act(alter + "DROP CONSTRAINT " + quote_identifier(constraint));
      }
    }
    for (const auto& [column, constraint] : table.unique) {
      const auto old = was.unique.find(column);
      if (old != was.unique.end() && old->second == constraint) continue;
      act(alter + "ADD CONSTRAINT " + quote_identifier(constraint) + " UNIQUE " + joined_columns({column}));
    }
  }

  void lower(const Membership& membership) {
    const std::string group = quote_identifier(membership.group), member = quote_identifier(membership.member);
    out_.late = true;
    if (verb() == Verb::Delete) {
      deny("REVOKE " + group + " FROM " + member + " CASCADE");
      out_.losers.insert(membership.member);
    } else if (verb() == Verb::Update && !membership.admin) {
      deny("REVOKE ADMIN OPTION FOR " + group + " FROM " + member + " CASCADE");
    } else {
      act("GRANT " + group + " TO " + member);
    }
  }

  void lower(const Grant& grant) {
    if (grant.on == On::DefaultTables || grant.on == On::DefaultSequences) return lower_default(grant);
    const Grant* was = before<Grant>();
    out_.borrowed.insert(grant.owner);
    const std::string object = object_of(grant), grantee = grantee_of(grant);
    if (verb() == Verb::Delete) {
      const std::string revoke = "REVOKE ALL ON " + object + " FROM " + grantee + " CASCADE";
      deny(grant.on == On::Routine ? inside(grant.schema, revoke) : revoke);
      for (const auto& [column, held] : grant.columns) {
        if (!grant.whole.held) deny(revoke_column(column, held.held, object, grantee));
      }
      return lose(grant);
    }
    Privileges had_whole = was ? was->whole : Privileges{};
    std::map<std::string, Privileges> has = was ? was->columns : std::map<std::string, Privileges>();
    if (had_whole != Privileges{} && had_whole != grant.whole) {
      // Takes the privileges on columns with it: those that stay come back in the same transaction.
      deny("REVOKE ALL ON " + object + " FROM " + grantee + " CASCADE");
      std::erase_if(has, [&](const auto& entry) { return !keeps(grant, entry.first, entry.second); });
      for (const auto& [privilege, columns] : by_privilege(has)) deny(give(privilege, columns, object, grantee));
      had_whole = {};
      lose(grant);
    }
    for (auto it = has.begin(); it != has.end();) {
      if (keeps(grant, it->first, it->second)) {
        ++it;
        continue;
      }
      deny(revoke_column(it->first, it->second.held, object, grantee));
      lose(grant);
      it = has.erase(it);
    }
    if (grant.whole != had_whole) act("GRANT " + to_words(grant.whole.held) + " ON " + object + " TO " + grantee);
    std::map<std::string, Privileges> missing;
    for (const auto& [column, wanted] : grant.columns) {
      if (!has.contains(column)) missing.emplace(column, wanted);
    }
    for (const auto& [privilege, columns] : by_privilege(missing)) act(give(privilege, columns, object, grantee));
  }

  void lower_default(const Grant& grant) {
    out_.borrowed.insert(grant.owner);
    const std::string in = grant.schema.empty() ? "" : " IN SCHEMA " + quote_identifier(grant.schema);
    const std::string what = grant.on == On::DefaultTables ? "TABLES" : "SEQUENCES";
    // Only ever taken away: the mesh grants nothing on things to come.
    deny("ALTER DEFAULT PRIVILEGES FOR ROLE " + quote_identifier(grant.owner) + in + " REVOKE ALL ON " + what +
         " FROM " + grantee_of(grant) + " CASCADE");
  }

  static bool keeps(const Grant& grant, const std::string& column, const Privileges& held) {
    const auto wanted = grant.columns.find(column);
    return wanted != grant.columns.end() && wanted->second == held;
  }

  static std::map<std::uint32_t, std::vector<std::string>> by_privilege(
      const std::map<std::string, Privileges>& columns) {
    std::map<std::uint32_t, std::vector<std::string>> result;
    for (const auto& [column, privileges] : columns) result[privileges.held].push_back(column);
    return result;
  }

  static std::string with_columns(std::uint32_t bits, const std::vector<std::string>& columns) {
    std::vector<std::string> parts;
    for (std::uint32_t bit = 1; bit <= bits; bit <<= 1) {
      if (bits & bit) parts.push_back(to_words(bit) + " " + joined_columns(columns));
    }
    return join(parts);
  }
  static std::string give(std::uint32_t bits, const std::vector<std::string>& columns, const std::string& object,
                          const std::string& grantee) {
    return "GRANT " + with_columns(bits, columns) + " ON " + object + " TO " + grantee;
  }
  static std::string revoke_column(const std::string& column, std::uint32_t bits, const std::string& object,
                                   const std::string& grantee) {
    return "REVOKE " + with_columns(bits, {column}) + " ON " + object + " FROM " + grantee + " CASCADE";
  }

  // The owner of a routine may have lost the way into its schema; the owner of the schema has it.
  static std::string inside(const std::string& schema, const std::string& statement) {
    return "DO LANGUAGE plpgsql " +
           quote_literal("DECLARE space text := " + quote_literal(schema) +
                         "; host text := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = space); "
                         "barred boolean := NOT has_schema_privilege(space, 'USAGE'); BEGIN "
                         "IF barred THEN EXECUTE format('GRANT %I TO CURRENT_USER', host); END IF; " +
                         statement +
                         "; IF barred THEN EXECUTE format('REVOKE %I FROM CURRENT_USER', host); END IF; END");
  }

  void lose(const Grant& grant) {
    if (grant.grantee.empty()) {
      out_.cuts_public = grant.on != On::Routine;
    } else {
      out_.losers.insert(grant.grantee);
    }
  }

  static std::string grantee_of(const Grant& grant) {
    return grant.grantee.empty() ? "PUBLIC" : quote_identifier(grant.grantee);
  }
  static std::string object_of(const Grant& grant) {
    if (grant.on == On::Schema) return "SCHEMA " + quote_identifier(grant.schema);
    if (grant.on == On::Routine) return "ROUTINE " + grant.object;
    return (grant.on == On::Sequence ? "SEQUENCE " : "TABLE ") + quote_qualified(grant.schema, grant.object);
  }

  const Change<Spec>& change_;
  const std::string& verifier_;
  bool checks_refused_ = false;
  Lowered out_;
};

}  // namespace

Mark mark_of(const Change<Spec>& change) {
  const bool released = (change.verb == Verb::Hold ? change.intent : change.verb) == Verb::Release;
  Mark mark{change.owner, "", change.keep, released};
  const Spec& spec = change.after ? *change.after : *change.before;
  if (const auto* role = std::get_if<Role>(&spec)) {
    mark.urn = role->urn;
    mark.credential = role->credential;
    mark.principal = role->principal;
  } else if (const auto* schema = std::get_if<Schema>(&spec)) {
    mark.urn = schema->urn;
  } else if (const auto* table = std::get_if<Table>(&spec)) {
    mark.urn = (*table)->urn;
    if (const auto* was = change.before ? std::get_if<Table>(&*change.before) : nullptr) {
      mark.left = (*was)->aside.left;
      for (const auto& [column, found] : (*was)->columns) mark.left.insert(column);
      for (const auto& [column, wanted] : (*table)->columns) mark.left.erase(column);
    }
  }
  return mark;
}

Lowered lower(const Change<Spec>& change, const std::string& verifier) {
  return Lowering(change, verifier).run();
}

std::vector<std::string> describe(const Change<Spec>& change) {
  std::string version;
  if (const auto* role = change.after ? std::get_if<Role>(&*change.after) : nullptr) version = role->credential;
  Lowered lowered = lower(change, quote_literal("version:" + version));
  if (!lowered.refused.empty()) return {"-- refused: " + lowered.refused};
  std::vector<std::string> statements = std::move(lowered.deny);
  const auto cut = [&](const std::set<std::string>& roles, const std::string& where) {
    for (const auto& role : roles) {
      statements.push_back("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pg_has_role(usesysid, " +
                           quote_literal(role) + ", 'MEMBER')" + where);
    }
  };
  cut(lowered.losers, " AND datname = current_database()");
  cut(lowered.logins, "");
  if (lowered.cuts_public) {
    statements.push_back("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = " +
                         quote_literal(change.id.name));
  }
  std::ranges::move(lowered.act, std::back_inserter(statements));
  return statements;
}

}  // namespace datamesh::postgres
