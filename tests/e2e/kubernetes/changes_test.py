"""What people do to a cluster that a control plane must live through: definitions, tokens, namespaces and clocks change."""

import contextlib
import datetime
import json
import os
import unittest

from world import FaultTest, contract, domain, kit, namespace, product, psql, skip_without_assets, wait_for

CROWD = int(os.environ.get("DATAMESH_CROWD", "300"))  # products in the namespace that is deleted, and as many contracts
SKEW_SECONDS = 3 * 3600


class Changes(FaultTest):
    def test_the_definition_of_products_is_deleted_and_comes_back(self):
        with self.unharmed_data():
            self.reinstalled("dataproducts")
            # Access ends with the product that it is to; the data stay.
            wait_for(lambda: not psql(self.uri, "SELECT 1").ok, "the consumer is refused")
        self.as_before()

    def test_the_definition_of_subscriptions_is_deleted_and_comes_back(self):
        with self.unharmed_data():
            self.reinstalled("subscriptions")
            wait_for(lambda: not psql(self.uri, "SELECT 1").ok, "the consumer is refused")
            self.mesh.wait_condition("dataproduct", "orders", "sales")
        self.as_before()

    @contextlib.contextmanager
    def unharmed_data(self):
        """The consumer may be refused; the table stays that which it was, with its row."""
        table = "SELECT 'sales__orders_v1.rows'::regclass::oid, id FROM sales__orders_v1.rows"
        before = self.admin(table)
        yield
        self.assertEqual(self.admin(table), before)

    def reinstalled(self, plural):
        name = f"{plural}.datamesh.dev"
        self.mesh.kubectl("delete", "crd", name, "--timeout=180s", seconds=200)
        wait_for(lambda: "watch interrupted" in self.said(), "the control plane noticed")
        self.mesh.cluster.kubectl("apply", "--server-side", "-f", kit.CRDS / f"{plural}.yaml")
        self.mesh.cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/{name}")

    def as_before(self):
        """All is declared once more, and the consumer reads."""
        def applied():
            answer = self.mesh.run("kubectl", "apply", "-f", "-", stdin=json.dumps(
                {"apiVersion": "v1", "kind": "List", "items": list(self.world)}))
            assert answer.ok, answer  # the API server may not have taken up the definition yet
            return True
        wait_for(applied, "the world is declared")
        self.mesh.wait_phase("growth", "reads-orders", "Active", seconds=180)
        type(self).uri = self.mesh.secret("growth", "reads-orders")["uri"]
        wait_for(lambda: psql(self.uri, "SELECT id FROM sales__orders_v1.rows").out == "7", "the consumer reads")
        self.mesh.wait_condition("dataproduct", "orders", "sales")

    def test_the_token_is_revoked_and_another_given(self):
        with self.unharmed():
            # Tokens end with the account that they were made for, even when there is a new one of its name.
            self.mesh.kubectl("delete", "serviceaccount", "datamesh", "-n", kit.SYSTEM)
            self.mesh.kubectl("create", "serviceaccount", "datamesh", "-n", kit.SYSTEM)
            wait_for(lambda: not self.mesh.run("kubectl", "--kubeconfig", self.mesh.controller_kubeconfig, "auth",
                                               "whoami").ok, "the API server refuses the old token")
            errors = self.mesh.metric("controller_runtime_reconcile_errors_total")
            self.declare("tokenless")
            wait_for(lambda: self.mesh.metric("controller_runtime_reconcile_errors_total") > errors,
                     "the control plane is refused")
            self.mesh.controller_through(self.mesh.cluster.url)
            self.serves("tokenless")
        self.steady()

    def test_a_namespace_goes_with_thousands_of_objects(self):
        self.apply(namespace("crowd"), domain("crowd", [("zoe", "owner")]))
        self.mesh.wait_condition("domain", "crowd")
        things = []
        for n in range(CROWD):
            name = f"crowd{n}"
            things += [contract("crowd", name), product("crowd", name, name)]
        with self.unharmed():
            for begin in range(0, len(things), 100):
                self.apply(*things[begin:begin + 100])
            count = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'crowd\\_\\_crowd%'"
            wait_for(lambda: self.admin(count) == str(CROWD), f"{CROWD} products are made", 600)
            self.mesh.kubectl("delete", "namespace", "crowd", "--timeout=600s", seconds=630)
            self.assertEqual(self.mesh.list("dataproduct,datacontract", "-n", "crowd"), [])
            # Data outlives its declaration, unless that says otherwise.
            self.assertEqual(self.admin(count), str(CROWD))
            self.serves("orders")
        self.steady()

    def test_the_clock_is_hours_ahead_or_behind(self):
        for hours, skew in (("ahead", SKEW_SECONDS), ("behind", -SKEW_SECONDS)):
            with self.subTest(hours), self.unharmed(reads=False):  # its servers stop with it
                self.mesh.stop()
                self.mesh.variables = {"LD_PRELOAD": os.environ["SKEWED_CLOCK"], "SKEW_SECONDS": str(skew)}
                self.mesh.start()
                self.declare(hours)
                self.serves(hours)
                told = self.mesh.get("dataproduct", hours, "sales")
                at = next(item["lastTransitionTime"] for item in told["status"]["conditions"] if item["type"] == "Ready")
                off = datetime.datetime.fromisoformat(at) - datetime.datetime.now(datetime.timezone.utc)
                self.assertLess(abs(off.total_seconds() - skew), SKEW_SECONDS / 2, "the clock was not wrong")
                self.steady()
        self.mesh.stop()
        self.mesh.variables = {}
        self.mesh.start()
        self.serves("ahead", "behind", "orders")


if __name__ == "__main__":
    skip_without_assets()
    unittest.main()
