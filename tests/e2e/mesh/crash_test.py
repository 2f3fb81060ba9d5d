"""The control plane is killed, again and again, in the middle of its work. What it answered is there, and comes true."""

import json
import os
import random
import unittest

from harness import (MeshTest, approval, backend, contract, domain, namespace, product, psql, subscription, wait_for)

ROUNDS = int(os.environ.get("DATAMESH_CRASH_ROUNDS", "4"))
PRODUCTS = 8  # of each round


class Crashes(MeshTest):
    base = (namespace("sales"), namespace("growth"), backend("warehouse"), backend("events", "nats"),
            domain("sales", [("ana", "owner")]), domain("growth", [("gus", "owner")]), contract("sales", "plain"),
            contract("sales", "event", ({"name": "id", "logicalType": "integer"},)),
            product("sales", "steady", "plain"), product("sales", "told", "event", "events"))

    def names(self, kind, ns):
        return {f"{kind}.datamesh.dev/{item['metadata']['name']}" for item in self.mesh.list(kind, "-n", ns)}

    def test_killed_at_any_moment_nothing_is_lost(self):
        seed = random.randrange(1 << 32)
        rolls = random.Random(seed)
        asked = subscription("growth", "reads", "sales/steady")
        self.apply(asked, approval(asked))
        uri = self.uri_of("growth", "reads")
        self.admin("INSERT INTO sales__steady_v1.rows (id) VALUES (1)")
        answered = set()
        for round_ in range(ROUNDS):
            things = []
            for n in range(PRODUCTS):
                name = f"r{round_}n{n}"
                engine = "events" if n % 4 == 3 else "warehouse"
                made = subscription("growth", name, f"sales/{name}")
                things += [product("sales", name, "event" if engine == "events" else "plain", engine), made, approval(made)]
            manifest = self.mesh.root / f"round{round_}.json"
            manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": things}))
            after = rolls.randint(1, len(things))
            with self.subTest(seed=seed, round=round_, after=after):
                answered.update(self.mesh.interrupted_apply(manifest, after))
                self.mesh.start()
                have = self.names("dataproduct", "sales") | self.names("subscription", "growth") | self.names(
                    "approval", "sales")
                self.assertEqual(answered - have, set(), "answered, and lost")
                self.mesh.kubectl("apply", "-f", str(manifest))
        for kind, name in (("backend", "warehouse"), ("backend", "events"), ("domain", "sales"), ("domain", "growth")):
            self.mesh.wait_condition(kind, name)
        for kind, ns in (("dataproduct", "sales"), ("subscription", "growth")):
            self.mesh.kubectl("wait", "--for=condition=Ready", "--timeout=240s", "-n", ns, kind,
                              *(f"r{round_}n{n}" for round_ in range(ROUNDS) for n in range(PRODUCTS)), seconds=270)
        wait_for(lambda: psql(uri, "SELECT id FROM sales__steady_v1.rows").out == "1", "the data is there")
        for round_ in range(ROUNDS):
            self.works(self.mesh.secret("growth", f"r{round_}n0")["uri"], f"SELECT id FROM sales__r{round_}n0_v1.rows")
        self.assertEqual(self.admin("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'sales__r%'"),
                         str(ROUNDS * PRODUCTS * 3 // 4))
        for name in ("warehouse", "events"):
            self.mesh.wait_condition("backend", name, "", "InSync")

    def test_stopped_cleanly_no_server_is_left_and_the_secrets_stay(self):
        asked = subscription("growth", "stays", "sales/steady")
        self.apply(asked, approval(asked))
        uri = self.uri_of("growth", "stays")
        pids = [self.mesh.server_pid(name) for name in ("warehouse", "events")]
        self.assertTrue(all(pids), pids)
        self.assertEqual(self.mesh.stop(), 0, self.mesh.log())
        self.assertEqual(self.mesh.backends_running(), [])
        self.mesh.start()
        self.mesh.wait_condition("backend", "warehouse")
        self.assertEqual(self.mesh.secret("growth", "stays")["uri"], uri)
        wait_for(lambda: psql(uri, "SELECT count(*) FROM sales__steady_v1.rows").ok, "the old Secret still works")

    def test_access_that_ended_while_it_was_down_is_taken_away(self):
        asked = subscription("growth", "outlives", "sales/steady")
        self.apply(asked, approval(asked))
        self.uri_of("growth", "outlives")
        self.mesh.kubectl("delete", "approval", "outlives", "-n", "sales")
        self.mesh.kill()  # it may not have heard of it yet
        self.mesh.start()
        self.mesh.wait_phase("growth", "outlives", "Pending")
        self.secret_gone("growth", "outlives")
        self.delete("subscription", "outlives", "growth")


if __name__ == "__main__":
    unittest.main()
