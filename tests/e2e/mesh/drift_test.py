"""What others change is noticed and put right; what a person paused, or has to confirm, waits."""

import unittest

from harness import (MeshTest, approval, backend, condition, contract, domain, namespace, product, psql,
                     subscription, wait_for)

SALES = "sales__orders_v1"


def ok(uri, sql):
    return psql(uri, sql).ok


class Holds(MeshTest):
    base = (namespace("sales"), namespace("growth"), backend("warehouse"), backend("events", "nats"),
            domain("sales", [("ana", "owner"), ("bo", "developer"), ("vi", "viewer")]),
            domain("growth", [("gus", "owner")]), contract("sales", "orders"),
            contract("sales", "placed", ({"name": "id", "logicalType": "integer"},)),
            product("sales", "orders", "orders"), product("sales", "placed", "placed", "events"))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reads = subscription("growth", "reads", "sales/orders")
        cls.hears = subscription("growth", "hears", "sales/placed")
        cls.apply(cls.reads, approval(cls.reads), cls.hears, approval(cls.hears))
        for name in ("reads", "hears"):
            cls.mesh.wait_phase("growth", name, "Active")

    def repaired(self, kind):
        return self.mesh.metric("datamesh_drift_found_total", kind=kind)

    def test_a_grant_made_by_hand_goes(self):
        uri = self.mesh.secret("growth", "reads")["uri"]
        role = uri.split("//")[1].split(":")[0]
        for statement in (f'GRANT SELECT ON {SALES}.rows TO "{role}"', f"GRANT SELECT ON {SALES}.rows TO PUBLIC",
                          f'GRANT SELECT (email) ON {SALES}.rows TO "{role}"'):
            with self.subTest(statement):
                before = self.repaired("grant")
                self.admin(statement)
                self.soon_fails(uri, f"SELECT email FROM {SALES}.rows")
                self.works(uri, f"SELECT id FROM {SALES}.rows")
                wait_for(lambda: self.repaired("grant") > before, "it is counted as drift")

    def test_a_grant_that_was_taken_comes_back(self):
        uri = self.mesh.secret("growth", "reads")["uri"]
        role = uri.split("//")[1].split(":")[0]
        groups = self.admin("SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles s "
                            f"ON s.oid = m.member WHERE s.rolname = '{role}'").split()
        self.assertEqual(len(groups), 1)
        self.admin(f'REVOKE "{groups[0]}" FROM "{role}"')
        wait_for(lambda: self.admin(f"SELECT pg_has_role('{role}', '{groups[0]}', 'MEMBER')") == "t", "it is back")
        self.works(uri, f"SELECT id FROM {SALES}.rows")

    def test_a_membership_made_by_hand_goes(self):
        uri = self.mesh.secret("growth", "reads")["uri"]
        role = uri.split("//")[1].split(":")[0]
        self.admin(f'GRANT d_sales TO "{role}"')
        wait_for(lambda: self.admin(f"SELECT pg_has_role('{role}', 'd_sales', 'MEMBER')") == "f", "it is gone")

    def test_a_table_and_a_column_that_were_dropped_come_back(self):
        self.admin(f"ALTER TABLE {SALES}.rows DROP COLUMN city")
        wait_for(lambda: "city" in self.admin("SELECT string_agg(column_name, ',') FROM information_schema.columns "
                                              f"WHERE table_schema = '{SALES}'"), "the column is back")
        self.admin(f"DROP TABLE {SALES}.rows")
        wait_for(lambda: self.admin(f"SELECT to_regclass('{SALES}.rows') IS NOT NULL") == "t", "the table is back")
        uri = self.mesh.secret("growth", "reads")["uri"]
        wait_for(lambda: ok(uri, f"SELECT id FROM {SALES}.rows"), "the consumer reads again")

    def test_a_dropped_stream_comes_back_with_its_consumers(self):
        bo = self.mesh.member_secret("sales", "bo@x.example", "events")
        hears = self.mesh.secret("growth", "hears")
        before = self.repaired("stream")
        self.mesh.drop_streams("events", bo)
        wait_for(lambda: self.mesh.nats(bo, "publish", "sales.placed.placed.v1.a", "x").ok, "it takes events again")
        wait_for(lambda: self.mesh.nats(hears, "consume", "1", "2").out == "sales.placed.placed.v1.a\tx",
                 "the consumer is served again")
        self.assertGreater(self.repaired("stream"), before)

    def test_members_move_within_seconds(self):
        wait_for(lambda: self.mesh.member_secret("sales", "bo@x.example", "warehouse"), "bo has a Secret")
        bo = self.mesh.member_secret("sales", "bo@x.example", "warehouse")["uri"]
        speaks = self.mesh.member_secret("sales", "bo@x.example", "events")
        insert = f"INSERT INTO {SALES}.rows (id) VALUES ((random() * 1e9)::int)"
        wait_for(lambda: ok(bo, insert), "bo may insert")
        viewer = wait_for(lambda: self.mesh.member_secret("sales", "vi@x.example", "warehouse"), "vi has a Secret")
        self.fails(viewer["uri"], insert, "permission denied")
        gus = {"username": "gus@x.example", "role": "owner"}
        keep = [{"username": f"{name}@x.example", "role": role} for name, role in (("ana", "owner"), ("vi", "viewer"))]
        self.patch("domain", "sales", team={"members": keep})
        self.patch("domain", "growth", team={"members": [gus, {"username": "bo@x.example", "role": "developer"}]})
        self.soon_fails(bo)
        wait_for(lambda: not self.mesh.nats(speaks, "publish", "sales.placed.placed.v1.a", "late").ok,
                 "bo does not speak for sales any more")
        wait_for(lambda: self.mesh.member_secret("sales", "bo@x.example", "warehouse") is None, "the Secret is removed")
        for verb, ns, wanted in (("create", "sales", "no"), ("create", "growth", "yes")):
            answer = self.mesh.run("kubectl", "auth", "can-i", verb, "dataproducts", "-n", ns, "--as=bo@x.example")
            self.assertEqual(answer.out.splitlines()[-1], wanted, (ns, answer))
        self.patch("domain", "sales", team={"members": keep + [{"username": "bo@x.example", "role": "developer"}]})
        again = wait_for(lambda: self.mesh.member_secret("sales", "bo@x.example", "warehouse"), "bo has a Secret again")
        wait_for(lambda: ok(again["uri"], insert), "bo may insert again")
        self.assertNotEqual(again["uri"], bo)

    def test_an_object_that_is_observed_or_paused_is_left_alone(self):
        self.apply(contract("sales", "quiet", table="quiet"), product("sales", "quiet", "quiet"))
        self.mesh.wait_condition("dataproduct", "quiet", "sales")
        there = "SELECT to_regclass('sales__quiet_v1.quiet') IS NOT NULL"
        for mode in ("observe", "paused"):
            with self.subTest(mode):
                self.annotate("dataproduct", "quiet", "sales", f"datamesh.dev/reconcile={mode}")
                self.admin("DROP TABLE sales__quiet_v1.quiet")
                self.looked_at("backend", "warehouse", "", f"after-{mode}")
                self.assertEqual(self.admin(there), "f")
                self.annotate("dataproduct", "quiet", "sales", "datamesh.dev/reconcile-")
                wait_for(lambda: self.admin(there) == "t", "it is made again")
        self.mesh.wait_condition("dataproduct", "quiet", "sales")

    def test_a_backend_that_is_observed_reports_and_does_not_write(self):
        self.annotate("backend", "warehouse", "", "datamesh.dev/reconcile=observe")
        try:
            self.admin(f"GRANT SELECT ON {SALES}.rows TO PUBLIC")
            self.mesh.wait_condition("backend", "warehouse", "", "InSync", "False", "Differs")
            granted = f"SELECT count(*) FROM pg_class WHERE oid = '{SALES}.rows'::regclass AND relacl::text LIKE '%,=r/%'"
            self.assertEqual(self.admin(granted), "1")
        finally:
            self.annotate("backend", "warehouse", "", "datamesh.dev/reconcile-")
        self.mesh.wait_condition("backend", "warehouse", "", "InSync")
        self.assertEqual(self.admin(granted), "0")

    def test_a_request_is_answered(self):
        for kind, name, ns in (("backend", "warehouse", ""), ("dataproduct", "orders", "sales"), ("domain", "sales", ""),
                               ("subscription", "reads", "growth")):
            with self.subTest(kind):
                self.looked_at(kind, name, ns, "now-7")

    def test_many_deletes_wait_for_a_person(self):
        self.patch("backend", "warehouse", limits={"deletesPerPass": 2})
        names = [f"crowd{n}" for n in range(5)]
        self.apply(contract("growth", "crowd"), *(product("growth", name, "crowd", deletionPolicy="Delete")
                                                  for name in names))
        for name in names:
            self.mesh.wait_condition("dataproduct", name, "growth")
        self.annotate("backend", "warehouse", "", "datamesh.dev/reconcile=paused")
        self.mesh.kubectl("delete", "dataproduct", "-n", "growth", *names, "--wait=false")
        self.annotate("backend", "warehouse", "", "datamesh.dev/reconcile-")
        held = wait_for(lambda: "TooManyDeletes" in str(self.mesh.get("dataproduct", names[0], "growth")["status"]) and
                        self.mesh.get("dataproduct", names[0], "growth"), "they are held")
        self.assertNotEqual(condition(held, "Ready")[0], "True")
        count = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'growth__crowd%'"
        self.assertEqual(self.admin(count), "5")
        self.annotate("backend", "warehouse", "", "datamesh.dev/confirm-deletes=5")
        wait_for(lambda: self.admin(count) == "0", "once confirmed, they go")
        wait_for(lambda: not self.mesh.list("dataproduct", "-n", "growth"), "and so do the objects")
        self.annotate("backend", "warehouse", "", "datamesh.dev/confirm-deletes-")


if __name__ == "__main__":
    unittest.main()
