"""What the controller may do is what it does: run as its ServiceAccount through the life of a mesh, on a real API server
whose audit log is on. Nothing was denied, and nothing is granted that was not used."""

import json
import pathlib
import unittest

import yaml

from rendered import KUSTOMIZATION, NAMESPACE, kustomize
from cluster import skip_without_assets
from lab import RETAIL, Lab, condition, patch_of
from processes import Failed, wait_for

ACCOUNT = f"system:serviceaccount:{NAMESPACE}:datamesh"
AUDIT = f"""apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {{level: Metadata, users: ['{ACCOUNT}']}}
- {{level: None}}
"""
KINDS = "approvals,subscriptions,dataproducts,datacontracts,domains,policies,backends"
ACTIVE = 5  # subscriptions of examples/retail
# Granted, and never the verb of a request.
NOT_REQUESTS = {
    # The API server asks for it itself when a RoleBinding is written; test_only_the_roles_of_the_mesh_can_be_handed_out.
    ("rbac.authorization.k8s.io", "clusterroles", "bind"),
}
LATER = """apiVersion: datamesh.dev/v1alpha1
kind: Domain
metadata: {name: later}
spec:
  name: Later
  namespaces: [later]
  team: {name: later, members: [{username: lea@retail.example, role: owner}]}
"""


def granted(roles):
    """(group, resource, verb) -> the names it is limited to, of all rules."""
    found = {}
    for role in roles:
        for rule in role["rules"]:
            for key in [(group, resource, verb) for group in rule["apiGroups"] for resource in rule["resources"]
                        for verb in rule["verbs"]]:
                found.setdefault(key, set()).update(rule.get("resourceNames", [""]))
    return found


class Controller(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.mesh = mesh = Lab("--leader-elect", server="kubernetes")
        cls.addClassCleanup(mesh.close)
        policy, cls.audit = mesh.root / "audit.yaml", mesh.root / "audit.log"
        policy.write_text(AUDIT)
        # Where lists are streamed, a watch is all that is asked for; elsewhere a list comes first.
        mesh.cluster.more = (*mesh.cluster.more, "--audit-policy-file", policy, "--audit-log-path", cls.audit,
                             "--audit-log-mode", "blocking", "--feature-gates", "WatchList=false")
        mesh.start()

    def events(self):
        return [json.loads(line) for line in self.audit.read_text().splitlines()]

    def roles_of_the_account(self):
        items = kustomize(KUSTOMIZATION)
        bound = {(item["roleRef"]["kind"], item["roleRef"]["name"]) for item in items if item["kind"].endswith("Binding")
                 and {"kind": "ServiceAccount", "name": "datamesh", "namespace": NAMESPACE} in item["subjects"]}
        roles = [item for item in items if (item["kind"], item["metadata"]["name"]) in bound]
        self.assertEqual(len(roles), len(bound))
        self.assertGreater(len(roles), 1)
        return roles

    def phases(self, phase):
        return [item["metadata"]["name"] for item in self.mesh.list("subscriptions", "-A")
                if item.get("status", {}).get("phase") == phase]

    def live(self):
        """The life of a mesh: declared, given, drifted, changed, taken back, deleted."""
        mesh = self.mesh
        mesh.kubectl("apply", "-k", RETAIL)
        mesh.apply(LATER)  # a namespace that the controller makes
        wait_for(lambda: len(self.phases("Active")) == ACTIVE, "subscriptions are active", 180)
        mesh.wait_condition("domain", "later", seconds=120)

        binding = wait_for(lambda: mesh.list("rolebindings", "-n", "later"), "the team is bound")[0]["metadata"]["name"]

        def team(user, role):
            spec = patch_of(team={"name": "later", "members": [{"username": user, "role": role}]})
            mesh.kubectl("patch", "domain", "later", "--type=merge", "-p", spec)
        team("lou@retail.example", "owner")
        wait_for(lambda: "lou@retail.example" in json.dumps(mesh.get("rolebinding", binding, "later")), "the team changed")
        team("lou@retail.example", "viewer")
        wait_for(lambda: not mesh.get("rolebinding", binding, "later"), "the owners' binding is gone")

        def quota():
            return (mesh.get("resourcequota", "datamesh", "sales") or {}).get("spec", {}).get("hard", {})
        wait_for(lambda: "pods" not in quota() and quota(), "the quota is there once the cluster counts", 180)
        wanted = quota()
        mesh.kubectl("patch", "resourcequota", "datamesh", "-n", "sales", "--type=merge", "-p",
                     '{"spec": {"hard": {"pods": "0"}}}')
        wait_for(lambda: quota() == wanted, "the quota is as declared again")

        mesh.kubectl("delete", "approval", "churn-reads-orders-1", "-n", "sales")
        wait_for(lambda: len(self.phases("Active")) == ACTIVE - 1, "one subscription was revoked")
        wait_for(lambda: mesh.list("events.events.k8s.io", "-n", "marketing"), "an event was written")
        # A Secret that somebody damaged is written anew.
        mesh.kubectl("patch", "secret", "shipments-read-inventory", "-n", "logistics", "--type=json",
                     "-p", '[{"op": "replace", "path": "/data", "value": {}}]')
        wait_for(lambda: "password" in mesh.secret("logistics", "shipments-read-inventory"), "the Secret is mended")

        def sweep():
            left = mesh.list(KINDS, "-A")
            for item in left:
                ns = item["metadata"].get("namespace")
                mesh.run("kubectl", "delete", item["kind"], item["metadata"]["name"], "--wait=false", *(["-n", ns] if ns else []))
            if left:
                raise Failed(str([(item["kind"], item["metadata"]["name"], condition(item, "Ready")) for item in left]))
            return True
        wait_for(sweep, "all is deleted", 180)
        mesh.stop()

    def test_what_is_granted_is_what_is_used(self):
        self.live()
        events = self.events()
        denied = [event for event in events if event.get("responseStatus", {}).get("code") in (401, 403)]
        self.assertEqual([(event["verb"], event["requestURI"], event["responseStatus"].get("message")) for event in denied], [])
        used = {}
        for event in events:
            if "objectRef" not in event:
                continue
            ref = event["objectRef"]
            resource = ref["resource"] + ("/" + ref["subresource"] if "subresource" in ref else "")
            used.setdefault((ref.get("apiGroup", ""), resource, event["verb"]), set()).add(ref.get("name", ""))
        self.assertGreater(len(used), 20)
        rights = granted(self.roles_of_the_account())
        self.assertEqual(sorted(set(used) - set(rights)), [], "used by another right")
        self.assertEqual(sorted(set(rights) - set(used) - NOT_REQUESTS), [], "granted, never used")
        for key, names in rights.items():
            if "" not in names and key not in NOT_REQUESTS:
                self.assertEqual(used[key] - names, set(), key)

    def test_only_the_roles_of_the_mesh_can_be_handed_out(self):
        for role, allowed in (("datamesh-owner", True), ("datamesh-viewer", True), ("cluster-admin", False),
                              ("admin", False)):
            answer = self.mesh.run("kubectl", "create", "rolebinding", "probe", "-n", "default", f"--clusterrole={role}",
                                   "--user=eve", "--dry-run=server", f"--as={ACCOUNT}")
            self.assertEqual(answer.ok, allowed, f"{role}: {answer}")
            if not allowed:
                self.assertIn("forbidden", answer.err)


if __name__ == "__main__":
    skip_without_assets()
    unittest.main()
