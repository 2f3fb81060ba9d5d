"""The CRDs on a real API server: it takes them with their rules, and judges as cases.yaml says. agreement_test.cpp asks the
embedded server's schemas and api/ the same."""

import json
import pathlib
import shutil
import sys
import tempfile
import unittest

import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "hack" / "lib"))
from api import Reader  # noqa: E402
from cluster import Cluster, skip_without_assets  # noqa: E402

CRDS = HERE.parents[1] / "crds"
NAMESPACED = ("DataProduct", "DataContract", "Subscription", "Approval")
ID = "fbe8d147-28db-4f1d-bedf-a3fe9f458427"
ASKED = {"provider": {"dataProductRef": {"name": "o"}, "outputPort": {"name": "o", "version": "1"}}}
APPROVED = {"subscriptionRef": {"namespace": "a", "name": "b"}, "outputPort": {"name": "o", "version": "1"}, "roles": ["r"],
            "decision": "Approved", "approver": "ana"}
# (kind, what is there, a merge patch of it, what is said; nothing: it is taken)
CHANGES = (
    ("DataProduct", {"id": ID}, {"name": "Renamed"}, ""),
    ("DataProduct", {"id": ID}, {"id": "00000000" + ID[8:]}, "spec.id: Invalid value: \"object\": cannot be changed"),
    ("DataProduct", {"id": ID}, {"id": None}, "spec.id: Invalid value: \"object\": cannot be changed"),
    ("DataProduct", {}, {"id": ID}, ""),
    ("DataContract", {"version": "1", "id": "a"}, {"version": "2"}, ""),
    ("DataContract", {"version": "1", "id": "a"}, {"id": "b"}, "spec.id: Invalid value: \"object\": cannot be changed"),
    ("Subscription", ASKED, {"roles": [{"role": "r"}]}, ""),
    ("Subscription", ASKED, {"provider": {"outputPort": {"version": "2"}}}, "a Subscription is for one port; make another one"),
    ("Approval", APPROVED, {"decision": "Rejected", "roles": ["s"]}, ""),
    ("Approval", APPROVED, {"subscriptionRef": {"name": "c"}}, "an Approval is about one Subscription; make another one"),
)


class OnARealServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        root = pathlib.Path(tempfile.mkdtemp(prefix="datamesh-crds-"))
        cls.addClassCleanup(shutil.rmtree, root, True)
        cls.cluster = Cluster(root / "cluster")
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        files = [word for path in sorted(CRDS.glob("*.yaml")) for word in ("-f", path)]
        cls.cluster.kubectl("apply", "--server-side", *files)
        cls.cluster.kubectl("wait", "--for=condition=Established", "--timeout=120s", *files)
        cls.cluster.kubectl("create", "namespace", "crds")
        cls.api = Reader(cls.cluster.kubeconfig)

    def send(self, method, kind, name, body, *query, how="application/json"):
        plural = {"Policy": "policies"}.get(kind, kind.lower() + "s")
        place = "/namespaces/crds" if kind in NAMESPACED else ""
        path = f"/apis/datamesh.dev/v1alpha1{place}/{plural}" + (f"/{name}" if name else "") + "".join(query)
        return self.api.ask(path, method, json.dumps(body), {"Content-Type": how})

    @staticmethod
    def thing(kind, name, spec):
        return {"apiVersion": "datamesh.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}

    def test_it_judges_specs_as_the_table_says(self):
        cases = yaml.safe_load((HERE / "cases.yaml").read_text())
        self.assertGreater(len(cases), 70)
        for case in cases:
            with self.subTest(json.dumps(case)):
                item = self.thing(case["kind"], case.get("name", "thing"), case["spec"])
                code, said = self.send("POST", case["kind"], "", item, "?dryRun=All")
                self.assertEqual(code, 201 if case.get("good", True) else 422, said)
                self.assertIn(case.get("words", ""), said.get("message", ""))

    def test_it_judges_changes_as_the_rules_say(self):
        for number, (kind, before, patch, words) in enumerate(CHANGES):
            with self.subTest(f"{kind} {patch}"):
                name = f"change{number}"
                code, said = self.send("POST", kind, "", self.thing(kind, name, before))
                self.assertEqual(code, 201, said)
                code, said = self.send("PATCH", kind, name, {"spec": patch}, how="application/merge-patch+json")
                self.assertEqual(code, 422 if words else 200, said)
                self.assertIn(words, said.get("message", ""))

    def test_what_nobody_has_looked_at_says_so(self):
        code, said = self.send("POST", "Domain", "", self.thing("Domain", "fresh", {}))
        self.assertEqual(code, 201, said)
        self.assertEqual(said["status"], {"observedGeneration": -1})


if __name__ == "__main__":
    skip_without_assets()
    unittest.main()
