"""Products: what stays, what goes, what is in the way, and names that quote badly."""

import json
import unittest

from harness import (MeshTest, approval, backend, condition, contract, domain, namespace, product, psql, subscription,
                     wait_for)

HOSTILE = ('"; DROP ROLE mesh_cp; --', "O'Reilly", "select", "Größe", "a b", "x" * 63, "%s{}$1\\n", "日本語")


class Products(MeshTest):
    base = (namespace("sales"), namespace("growth"), backend("warehouse"), domain("sales", [("ana", "owner")]),
            domain("growth", [("gus", "owner")]), contract("sales", "plain"))

    def there(self, schema):
        return self.admin(f"SELECT count(*) FROM pg_namespace WHERE nspname = '{schema}'") == "1"

    def made(self, name, **more):
        self.apply(product("sales", name, "plain", **more))
        self.mesh.wait_condition("dataproduct", name, "sales")
        return f"sales__{name}_v1"

    def test_what_is_retained_stays_without_access(self):
        schema = self.made("kept")
        asked = subscription("growth", "reads-kept", "sales/kept")
        self.apply(asked, approval(asked))
        uri = self.uri_of("growth", "reads-kept")
        self.admin(f"INSERT INTO {schema}.rows (id) VALUES (7)")
        self.delete("dataproduct", "kept", "sales")
        self.soon_fails(uri, f"SELECT id FROM {schema}.rows")
        self.assertEqual(self.admin(f"SELECT id FROM {schema}.rows"), "7")
        wait_for(lambda: self.mesh.get("backend", "warehouse")["status"]["resources"].get("retained"), "it is listed")
        self.apply(product("sales", "kept", "plain"))
        self.mesh.wait_condition("dataproduct", "kept", "sales")
        self.assertEqual(self.admin(f"SELECT id FROM {schema}.rows"), "7", "the data come back with the product")

    def test_delete_waits_for_the_readers_and_then_deletes(self):
        schema = self.made("gone", deletionPolicy="Delete")
        asked = subscription("growth", "reads-gone", "sales/gone")
        self.apply(asked, approval(asked))
        uri = self.uri_of("growth", "reads-gone")
        answer = self.mesh.run("kubectl", "delete", "dataproduct", "gone", "-n", "sales", "--wait=false")
        if answer.ok:
            blocked = self.mesh.wait_condition("dataproduct", "gone", "sales", "DeletionBlocked", "True")
        else:
            blocked = answer.err
        self.assertIn("growth/reads-gone", blocked)
        self.assertEqual(psql(uri, f"SELECT id FROM {schema}.rows").code, 0, "the reader goes on")
        self.delete("subscription", "reads-gone", "growth")
        self.mesh.run("kubectl", "delete", "dataproduct", "gone", "-n", "sales", "--wait=false")
        wait_for(lambda: self.mesh.get("dataproduct", "gone", "sales") is None, "the product goes")
        self.assertFalse(self.there(schema))

    def test_two_products_that_claim_one_port(self):
        self.made("first", port="shared", deletionPolicy="Delete")
        second = product("sales", "second", "plain", port="shared")
        answer = self.mesh.run("kubectl", "apply", "-f", "-", stdin=json.dumps(second))
        words = answer.err if not answer.ok else self.mesh.wait_condition("dataproduct", "second", "sales", "Provisioned",
                                                                          "False", "PortClaimed")
        self.assertIn("sales/first", words)
        self.assertEqual(condition(self.mesh.get("dataproduct", "first", "sales"), "Ready")[0], "True")
        self.delete("dataproduct", "first", "sales")
        self.apply(second)
        self.mesh.wait_condition("dataproduct", "second", "sales")

    def test_a_foreign_schema_in_the_way_is_never_touched(self):
        self.admin("CREATE SCHEMA sales__squat_v1; CREATE TABLE sales__squat_v1.treasure (id int); "
                   "INSERT INTO sales__squat_v1.treasure VALUES (5)")
        self.apply(product("sales", "squat", "plain"))
        self.mesh.wait_condition("dataproduct", "squat", "sales", "Provisioned", "False", "NotOurs")
        self.assertEqual(self.admin("SELECT count(*) FROM pg_tables WHERE schemaname = 'sales__squat_v1'"), "1")
        self.delete("dataproduct", "squat", "sales")
        self.assertEqual(self.admin("SELECT id FROM sales__squat_v1.treasure"), "5")

    def test_a_foreign_schema_is_adopted_when_a_person_says_so(self):
        self.admin("CREATE SCHEMA sales__taken_v1 AUTHORIZATION mesh_cp")
        self.apply(product("sales", "taken", "plain"))
        self.mesh.wait_condition("dataproduct", "taken", "sales", "Provisioned", "False", "NotOurs")
        self.annotate("dataproduct", "taken", "sales", "datamesh.dev/adopt=true")
        self.mesh.wait_condition("dataproduct", "taken", "sales")
        self.assertEqual(self.admin("SELECT to_regclass('sales__taken_v1.rows') IS NOT NULL"), "t")

    def test_names_that_quote_badly_are_names(self):
        columns = [{"name": name, "logicalType": "string"} for name in HOSTILE]
        columns.append({"name": "id", "logicalType": "integer", "primaryKey": True, "required": True})
        asked = subscription("growth", "reads-hostile", "sales/hostile")
        self.apply(contract("sales", "hostile", columns, table='user"; DROP SCHEMA public; --'),
                   product("sales", "hostile", "hostile"), asked, approval(asked))
        self.mesh.wait_condition("dataproduct", "hostile", "sales")
        found = self.admin("SELECT table_name || '|' || column_name FROM information_schema.columns "
                           "WHERE table_schema = 'sales__hostile_v1'").splitlines()
        self.assertEqual(set(found), {'user"; DROP SCHEMA public; --|' + name for name in (*HOSTILE, "id")})
        uri = self.uri_of("growth", "reads-hostile")
        for name in HOSTILE:
            quoted = name.replace('"', '""')
            self.works(uri, f'SELECT "{quoted}" FROM sales__hostile_v1."user""; DROP SCHEMA public; --"')
        self.assertEqual(self.admin("SELECT count(*) FROM pg_roles WHERE rolname = 'mesh_cp'"), "1")

    def test_names_that_the_engine_cannot_hold_are_refused_by_path(self):
        for name in ("y" * 64, "é" * 32, "tab\tname", ""):
            with self.subTest(name):
                columns = [{"name": name, "logicalType": "string"}, {"name": "id", "logicalType": "integer"}]
                things = (contract("sales", "unholdable", columns), product("sales", "unholdable", "unholdable"))
                answer = self.mesh.run("kubectl", "apply", "-f", "-",
                                       stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": things}))
                words = answer.err
                if answer.ok:
                    def told():
                        found = self.mesh.get("dataproduct", "unholdable", "sales")
                        ready = condition(found, "Ready")
                        return ready[2] if ready[0] == "False" and ready[1] not in ("Progressing", "") else None
                    words = wait_for(told, "a condition says why")
                self.assertRegex(words, "(?i)properties|column|name")
        self.mesh.run("kubectl", "delete", "dataproduct", "unholdable", "-n", "sales", "--ignore-not-found")

    def test_long_names_of_objects_do_not_meet(self):
        long = "p" * 60
        for end in ("a", "b"):
            self.apply(product("sales", long + end, "plain"))
        for end in ("a", "b"):
            self.mesh.wait_condition("dataproduct", long + end, "sales")
        schemas = [self.mesh.get("dataproduct", long + end, "sales")["status"]["outputPorts"][0]["dataset"]["name"]
                   for end in ("a", "b")]
        self.assertNotEqual(*schemas)
        for schema in schemas:
            self.assertTrue(self.there(schema.split(".")[1]), schema)

    def test_bad_input_names_the_path_and_everybody_else_goes_on(self):
        broken = self.mesh.run("kubectl", "apply", "-f", "-", stdin="kind: [unclosed\n")
        self.assertFalse(broken.ok)
        wrong = product("sales", "wrong", "plain")
        wrong["spec"]["outputPorts"][0]["typo"] = 1
        self.assertIn("spec.outputPorts[0].typo", self.refused(wrong))
        mistyped = product("sales", "wrong", "plain")
        mistyped["spec"]["version"] = 7
        self.assertIn("spec.version", self.refused(mistyped))
        self.made("bystander")

    def test_a_breaking_change_under_readers_is_refused_and_names_them(self):
        self.apply(contract("sales", "steady"), product("sales", "steady", "steady"))
        asked = subscription("growth", "reads-steady", "sales/steady")
        self.apply(asked, approval(asked))
        self.uri_of("growth", "reads-steady")
        broken = contract("sales", "steady", ({"name": "id", "logicalType": "integer", "primaryKey": True,
                                               "required": True},))
        words = self.refused(broken)
        self.assertIn("growth/reads-steady", words)
        self.assertIn("city", words)

    def test_a_namespace_that_goes_takes_its_subscriptions_and_their_access(self):
        self.apply(namespace("brief"))
        self.apply(domain("brief", [("zoe", "owner")]))
        self.made("lent")
        asked = subscription("brief", "reads-lent", "sales/lent")
        self.apply(asked, approval(asked))
        uri = self.uri_of("brief", "reads-lent")
        self.delete("namespace", "brief")
        self.soon_fails(uri)
        self.assertIsNone(self.mesh.get("subscription", "reads-lent", "brief"))
        self.mesh.wait_condition("dataproduct", "lent", "sales")


if __name__ == "__main__":
    unittest.main()
