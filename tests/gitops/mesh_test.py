"""What GitOps tools do with a mesh: apply and prune in any order, and wait by kstatus (Helm, Flux) or by the health script
of Argo CD. On one control plane; DATAMESH_SERVER says on which API server."""

import json
import os
import random
import sys
import unittest

import yaml

from argocd import ROOT, health

sys.path.insert(0, str(ROOT / "hack" / "lib"))
from cluster import skip_without_assets  # noqa: E402
from lab import RETAIL, Lab, condition  # noqa: E402
from processes import Failed, wait_for  # noqa: E402

CHART = ROOT / "tests" / "e2e" / "mesh" / "chart"
KINDS = "backends,domains,policies,datacontracts,dataproducts,subscriptions,approvals"
# What becomes of those that do not become Ready, as their comments in examples/retail say.
OTHERWISE = {"campaigns-read-inventory": ("Pending", "Suspended"), "invoices-read-customers": ("Rejected", "Degraded"),
             "campaigns-read-payments": ("Rejected", "Degraded"), "spring-sale-reads-shipments": ("Expired", "Degraded")}
LATE = """apiVersion: datamesh.dev/v1alpha1
kind: Subscription
metadata: {{name: {name}, namespace: {ns}}}
spec:
  description: {{purpose: A test.}}
  provider: {{dataProductRef: {{name: visits}}, outputPort: {{name: visits, version: '1'}}}}
  endTimestamp: '2024-05-31T23:59:59Z'
"""


def key_of(item):
    metadata = item["metadata"]
    return f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


class Mesh(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.mesh = Lab()
        cls.addClassCleanup(cls.mesh.close)
        cls.mesh.start()

    def rounds(self, items, act, most=20):
        """act() on one after the other, and again on those that were refused, as a GitOps tool does. How many rounds."""
        for count in range(1, most + 1):
            refused = [(item, answer) for item, answer in ((item, act(item)) for item in items) if not answer.ok]
            if not refused:
                return count
            items = [item for item, _ in refused]
        self.fail(f"still refused after {most} rounds: {[(key_of(item), answer.err) for item, answer in refused]}")

    def kubectl(self, *words, stdin=None):
        return self.mesh.run("kubectl", *words, stdin=stdin)

    def delete(self, item):
        ns = item["metadata"].get("namespace")
        return self.kubectl("delete", item["kind"], item["metadata"]["name"], "--wait=false", "--ignore-not-found",
                            *(["-n", ns] if ns else []))

    def verdicts_of_retail(self):
        """Raises until every object of the example is what it is to be."""
        late = []
        for thing in self.mesh.list(KINDS, "-A"):
            name = thing["metadata"]["name"]
            phase, verdict = OTHERWISE.get(name, ("Active", "Healthy")) if thing["kind"] == "Subscription" else ("", "Healthy")
            if thing.get("status", {}).get("phase", "") != phase or health(thing)[0] != verdict:
                late.append(f"{key_of(thing)}: {thing.get('status', {}).get('phase')} {health(thing)} {condition(thing, 'Ready')}")
        if late:
            raise Failed("; ".join(late))
        return True

    def test_any_order_of_apply_and_of_prune_ends_the_same(self):
        seed = int(os.environ.get("DATAMESH_SEED") or random.randrange(1 << 32))
        print(f"DATAMESH_SEED={seed}", flush=True)
        order = random.Random(seed)
        items = [item for path in sorted(RETAIL.glob("*.yaml")) for item in yaml.safe_load_all(path.read_text()) if item]
        self.assertGreater(len(items), 40)
        order.shuffle(items)
        self.rounds(items, lambda item: self.kubectl("apply", "-f", "-", stdin=json.dumps(item)))
        wait_for(self.verdicts_of_retail, "every object is as it is to be", 180)
        kinds = {item["kind"] for item in items if item["kind"] != "Namespace"}
        self.assertEqual(len(kinds), 7)

        order.shuffle(items)

        def sweep():
            """Deletes what is left; refused is what others still use."""
            left = {key_of(thing) for thing in self.mesh.list(KINDS, "-A")}
            refused = [answer.err for item in items if key_of(item) in left for answer in [self.delete(item)] if not answer.ok]
            if left:
                raise Failed(f"left: {sorted(left)}; refused: {refused}")
            return True
        wait_for(sweep, "everything is gone", 180)
        for item in items:
            if item["kind"] == "Namespace":
                self.assertTrue(self.delete(item).ok)
        wait_for(lambda: not {item["metadata"]["name"] for item in self.mesh.list("namespaces")}
                 & {item["metadata"]["name"] for item in items if item["kind"] == "Namespace"}, "the namespaces are gone", 180)

    def helm(self, *words):
        return self.mesh.run("helm", *words, seconds=300)

    def backend(self):
        self.mesh.apply("apiVersion: datamesh.dev/v1alpha1\nkind: Backend\nmetadata: {name: warehouse}\n"
                        "spec: {engine: postgresql, managed: {}}\n")
        self.mesh.wait_condition("backend", "warehouse", seconds=120)

    def release(self, name, chart=CHART, *words, timeout="180s"):
        return self.helm("upgrade", "--install", name, chart, "-n", name, "--create-namespace", "--wait", "--timeout", timeout,
                         *words)

    def uninstall(self, name, ns):
        """Helm deletes by kind, contracts before subscriptions. A contract that is still read is refused, and goes when that
        is over: helm is asked again, as its own message says."""
        def look():
            done = self.helm("uninstall", name, "-n", ns, "--wait", "--timeout", "180s", "--ignore-not-found")
            if not done.ok:
                raise Failed(str(done))
            return True
        wait_for(look, f"release {name} is gone", 180)

    def test_helm_waits_until_all_is_ready_and_says_what_never_will_be(self):
        self.backend()
        done = self.release("visitors")
        self.assertTrue(done.ok, done)
        for thing in self.mesh.list("domains,datacontracts,dataproducts,subscriptions", "-A"):
            self.assertEqual(condition(thing, "Ready")[0], "True", f"helm was content with {key_of(thing)}: {thing['status']}")
            self.assertEqual(health(thing)[0], "Healthy")
        # Ready it was; what now changes is waited for, too: it is not the old status that counts.
        done = self.release("visitors", CHART, "--set=columns={city,street}")
        self.assertTrue(done.ok, done)
        found = self.mesh.get("dataproduct", "visits", "visitors")
        self.assertEqual(found["status"]["observedGeneration"], found["metadata"]["generation"])
        self.assertEqual(condition(found, "Ready")[0], "True")

        chart = self.mesh.root / "chart"
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: late\nversion: 0.1.0\n")
        (chart / "templates" / "late.yaml").write_text(LATE.format(name="late", ns="visitors"))
        done = self.helm("install", "late", chart, "-n", "visitors", "--wait", "--timeout", "170s")
        self.assertFalse(done.ok, done)
        self.assertRegex(done.err, r"(?i)late.*failed")
        self.assertNotIn("deadline exceeded", done.err)
        self.assertEqual(health(self.mesh.get("subscription", "late", "visitors"))[0], "Degraded")

        for name in ("late", "visitors"):
            self.uninstall(name, "visitors")
        self.assertEqual(self.mesh.list("domains,datacontracts,dataproducts,subscriptions", "-A"), [])


if __name__ == "__main__":
    if os.environ.get("DATAMESH_SERVER") == "kubernetes":
        skip_without_assets()
    unittest.main()
