"""Servers that are away, strange, refuse us, die in the middle of a pass, or are to be removed."""

import json
import os
import signal
import unittest

from harness import (MeshTest, approval, backend, contract, domain, free_port, namespace, product, psql, subscription,
                     thing, wait_for)


class Servers(MeshTest):
    base = (namespace("sales"), namespace("growth"), backend("warehouse"), backend("events", "nats"),
            domain("sales", [("ana", "owner")]), domain("growth", [("gus", "owner")]), contract("sales", "plain"),
            contract("sales", "event", ({"name": "id", "logicalType": "integer"},)),
            product("sales", "steady", "plain"), product("sales", "told", "event", "events"))

    def test_an_unknown_backend_and_an_unknown_engine(self):
        self.apply(product("sales", "lost", "plain", "nowhere"))
        self.assertIn("nowhere", self.mesh.wait_condition("dataproduct", "lost", "sales", "Provisioned", "False",
                                                          "BackendNotFound"))
        answer = self.mesh.run("kubectl", "apply", "-f", "-", stdin=json.dumps(backend("odd", "oracle")))
        words = answer.err if not answer.ok else self.mesh.wait_condition("backend", "odd", "", "Reachable", "False",
                                                                          "EngineUnknown")
        self.assertIn("oracle", words)
        self.mesh.run("kubectl", "delete", "backend", "odd", "--ignore-not-found")
        self.delete("dataproduct", "lost", "sales")

    def test_an_unreachable_backend_holds_nobody_else_up(self):
        port = free_port()
        self.external("away", f"postgres://127.0.0.1:{port}/mesh", username="x", password="y")
        self.apply(product("sales", "waits", "plain", "away"), product("sales", "goes-on", "plain"))
        self.assertIn(str(port), self.mesh.wait_condition("backend", "away", "", "Reachable", "False", "Unreachable"))
        self.mesh.wait_condition("dataproduct", "waits", "sales", "Provisioned", "Unknown", "BackendUnreachable")
        self.mesh.wait_condition("dataproduct", "goes-on", "sales")

    def test_wrong_credentials(self):
        endpoint = self.mesh.secret("datamesh-system", "warehouse-admin")["endpoint"]
        self.external("shut", endpoint, username="mesh_cp", password="wrong")
        said = self.mesh.wait_condition("backend", "shut", "", "Reachable", "False", "AccessDenied")
        self.assertNotIn("wrong", said)

    def test_wrong_credentials_of_nats(self):
        endpoint = self.mesh.secret("datamesh-system", "events-admin")["endpoint"]
        self.external("deaf", endpoint, "nats", operatorSigningKey="SOAAAA", systemCredentials="none")
        self.mesh.wait_condition("backend", "deaf", "", "Reachable", "False")
        self.mesh.wait_condition("dataproduct", "told", "sales")

    def test_a_backend_in_use_is_not_removed(self):
        answer = self.mesh.run("kubectl", "delete", "backend", "warehouse", "--wait=false")
        self.assertFalse(answer.ok, answer)
        self.assertIn("sales/steady", answer.err)
        self.assertNotIn("deletionTimestamp", self.mesh.get("backend", "warehouse")["metadata"])

    def test_servers_that_are_killed_come_back_and_nothing_is_lost(self):
        asked = subscription("growth", "reads", "sales/steady"), subscription("growth", "hears", "sales/told")
        self.apply(*asked, *(approval(one) for one in asked))
        uri = self.uri_of("growth", "reads")
        self.mesh.wait_phase("growth", "hears", "Active")
        ana = wait_for(lambda: self.mesh.member_secret("sales", "ana@x.example", "events"), "ana has a Secret")
        self.admin("INSERT INTO sales__steady_v1.rows (id) VALUES (1) ON CONFLICT DO NOTHING")
        wait_for(lambda: self.mesh.nats(ana, "publish", "sales.told.told.v1.a", "kept").ok, "the event is stored")
        for round_ in range(2):
            names = [f"crash{round_}-{n}" for n in range(5)]
            self.apply(*(product("sales", name, "plain") for name in names),
                       *(product("sales", name + "-t", "event", "events") for name in names))
            for name in ("warehouse", "events"):  # while these are being made
                pid = wait_for(lambda n=name: self.mesh.server_pid(n), "it runs")
                os.kill(pid, signal.SIGKILL)
            for name in names:
                self.mesh.wait_condition("dataproduct", name, "sales")
                self.mesh.wait_condition("dataproduct", name + "-t", "sales")
        for name in ("warehouse", "events"):
            self.mesh.wait_condition("backend", name, "", "InSync")
        wait_for(lambda: psql(uri, "SELECT id FROM sales__steady_v1.rows").out == "1", "the reader reads on")
        self.fails(uri, "SELECT email FROM sales__steady_v1.rows", "permission denied")
        hears = self.mesh.secret("growth", "hears")
        wait_for(lambda: self.mesh.nats(hears, "consume", "1", "3").out.endswith("kept"), "the event was kept")

    def test_a_managed_backend_that_is_removed_ends_its_server(self):
        self.apply(backend("short-lived", "nats", managed={}))
        self.mesh.wait_condition("backend", "short-lived")
        pid = self.mesh.server_pid("short-lived")
        self.assertTrue(pid)
        self.delete("backend", "short-lived")
        wait_for(lambda: not self.mesh.server_pid("short-lived"), "its server ends")


if __name__ == "__main__":
    unittest.main()
