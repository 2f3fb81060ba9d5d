"""The cluster side of a Domain: its namespaces, its team's RoleBindings, its quota; and what becomes of them."""

import json
import unittest

from harness import MeshTest, domain, namespace, wait_for

LABEL = "datamesh.dev/domain"
TEAM = [("ana", "owner"), ("bo", "developer"), ("vi", "viewer")]


class Surroundings(MeshTest):
    def declare(self, name, members=TEAM, **spec):
        self.apply(domain(name, members, **spec))
        self.mesh.wait_condition("domain", name, type_="NamespacesReady")

    def label(self, ns):
        return (self.mesh.get("namespace", ns) or {}).get("metadata", {}).get("labels", {}).get(LABEL)

    def bindings(self, ns):
        """{name: [users]} of those that carry the label."""
        return {item["metadata"]["name"]: [subject["name"] for subject in item["subjects"]]
                for item in self.mesh.reader().list("rolebindings", ns, LABEL)}

    def hard(self, ns):
        return (self.mesh.get("resourcequota", "datamesh", ns) or {}).get("spec", {}).get("hard")

    def becomes(self, look, wanted, what):
        wait_for(lambda: look() == wanted, what)

    def wanted(self):
        return {"datamesh-owner": ["ana@x.example"], "datamesh-developer": ["bo@x.example"],
                "datamesh-viewer": ["vi@x.example"]}

    def test_a_domain_gets_what_it_declares(self):
        self.declare("plain", namespaces=["plain-a", "plain-b"], quota={"dataProducts": 5, "subscriptions": 7})
        for ns in ("plain-a", "plain-b"):
            self.assertEqual(self.label(ns), "plain")
            self.assertEqual(self.bindings(ns), self.wanted())
            self.becomes(lambda n=ns: self.hard(n), {"count/dataproducts.datamesh.dev": "5",
                                                     "count/subscriptions.datamesh.dev": "7"}, "the quota is there")
        self.patch("domain", "plain", quota={"subscriptions": None}, team={"members": []})
        for ns in ("plain-a", "plain-b"):
            self.becomes(lambda n=ns: self.bindings(n), {}, "nobody may do anything")
            self.becomes(lambda n=ns: self.hard(n), {"count/dataproducts.datamesh.dev": "5"}, "the quota follows")
        self.patch("domain", "plain", quota=None)
        self.becomes(lambda: self.hard("plain-a"), None, "the quota goes")

    def test_what_others_change_is_put_right(self):
        self.declare("drift", quota={"dataProducts": 5})
        self.becomes(lambda: self.hard("drift"), {"count/dataproducts.datamesh.dev": "5"}, "the quota is there")
        kubectl = self.mesh.kubectl
        stranger = json.dumps({"subjects": [{"kind": "User", "name": "mallory", "apiGroup": "rbac.authorization.k8s.io"}]})
        pods = json.dumps({"spec": {"hard": {"pods": "0", "count/dataproducts.datamesh.dev": "900"}}})
        for words in (("label", "namespace", "drift", LABEL + "-"),
                      ("label", "--overwrite", "namespace", "drift", LABEL + "=other"),
                      ("delete", "rolebinding", "-n", "drift", "datamesh-owner"),
                      ("label", "rolebinding", "-n", "drift", "datamesh-owner", LABEL + "-"),
                      ("patch", "rolebinding", "-n", "drift", "datamesh-viewer", "--type=merge", "-p", stranger),
                      ("patch", "resourcequota", "-n", "drift", "datamesh", "--type=merge", "-p", pods),
                      ("delete", "resourcequota", "-n", "drift", "datamesh")):
            with self.subTest(words):
                kubectl(*words)
                self.becomes(lambda: self.label("drift"), "drift", "the label is back")
                self.becomes(lambda: self.bindings("drift"), self.wanted(), "the team is as declared")
                self.becomes(lambda: self.hard("drift"), {"count/dataproducts.datamesh.dev": "5"}, "so is the quota")

    def test_a_binding_to_another_role_is_replaced(self):
        self.declare("roleref")
        self.mesh.kubectl("delete", "rolebinding", "-n", "roleref", "datamesh-viewer")
        self.becomes(lambda: self.bindings("roleref"), self.wanted(), "it is made again")
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": {"name": "datamesh-steward", "namespace": "roleref"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"kind": "User", "name": "mallory", "apiGroup": "rbac.authorization.k8s.io"}]}
        self.apply(role)
        self.patch("domain", "roleref", team={"members": [{"username": "sam@x.example", "role": "steward"}]})
        self.becomes(lambda: self.bindings("roleref"), {"datamesh-steward": ["sam@x.example"]}, "ours is there instead")
        live = self.mesh.get("rolebinding", "datamesh-steward", "roleref")
        self.assertEqual(live["roleRef"]["name"], "datamesh-steward")

    def test_a_namespace_belongs_to_one_domain_and_can_be_handed_over(self):
        self.declare("first", namespaces=["first", "shared"])
        self.apply(domain("second", [("gus", "owner")], namespaces=["shared"]))
        taken = self.mesh.wait_condition("domain", "second", type_="NamespacesReady", status="False",
                                         reason="NamespaceTaken")
        self.assertIn("the namespace shared belongs to the Domain first", taken)
        self.assertEqual(self.label("shared"), "first")
        self.assertEqual(self.bindings("shared"), self.wanted())
        self.patch("domain", "first", namespaces=["first"])
        self.mesh.wait_condition("domain", "second", type_="NamespacesReady")
        self.becomes(lambda: self.label("shared"), "second", "the label says so")
        self.becomes(lambda: self.bindings("shared"), {"datamesh-owner": ["gus@x.example"]}, "the other team is in")
        self.assertEqual(self.bindings("first"), self.wanted())

    def test_a_namespace_that_was_there_before_stays_when_its_domain_goes(self):
        self.apply({**namespace("before"), "metadata": {"name": "before", "labels": {"team": "old"}}})
        mine = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": {"name": "mine", "namespace": "before", "labels": {LABEL: "before"}},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
                "subjects": [{"kind": "User", "name": "me", "apiGroup": "rbac.authorization.k8s.io"}]}
        self.apply(mine)
        self.declare("before", quota={"dataProducts": 1})
        self.becomes(lambda: self.bindings("before"), {**self.wanted(), "mine": ["me"]}, "the team is in")
        self.assertEqual(self.mesh.get("namespace", "before")["metadata"]["labels"]["team"], "old")
        self.delete("domain", "before")
        self.assertIsNone(self.label("before"))
        self.assertEqual(self.bindings("before"), {"mine": ["me"]})
        self.assertIsNone(self.hard("before"))
        self.assertEqual(self.mesh.get("namespace", "before")["metadata"]["labels"]["team"], "old")

    def test_a_namespace_that_was_deleted_is_made_again(self):
        self.declare("again")
        uid = self.mesh.get("namespace", "again")["metadata"]["uid"]
        self.mesh.kubectl("delete", "namespace", "again", "--timeout=120s")
        wait_for(lambda: (self.mesh.get("namespace", "again") or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid,
                 "there is a new one")
        self.becomes(lambda: self.bindings("again"), self.wanted(), "the team is in")
        self.mesh.wait_condition("domain", "again", type_="NamespacesReady")

    def test_nothing_is_written_when_nothing_differs(self):
        self.declare("still", quota={"dataProducts": 5})
        self.becomes(lambda: self.hard("still"), {"count/dataproducts.datamesh.dev": "5"}, "the quota is there")

        def versions():
            things = [self.mesh.get("namespace", "still"), *self.mesh.reader().list("rolebindings", "still", LABEL)]
            return [item["metadata"]["resourceVersion"] for item in things]

        before = versions()
        self.annotate("domain", "still", "", "datamesh.dev/requested-at=look-again")
        wait_for(lambda: self.mesh.get("domain", "still")["status"].get("lastHandledRequest") == "look-again",
                 "it was looked at")
        self.assertEqual(versions(), before)


if __name__ == "__main__":
    unittest.main()
