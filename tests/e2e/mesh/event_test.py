"""What happened is told by Events, once each, where `kubectl describe` shows them. DATAMESH_SERVER says on which API."""

import unittest

from harness import MeshTest, approval, backend, contract, domain, namespace, product, subscription, wait_for


class Events(MeshTest):
    base = (namespace("sales"), namespace("growth"), backend("warehouse"), domain("sales", [("ana", "owner")]),
            domain("growth", [("gus", "owner")]), contract("sales", "orders"), product("sales", "orders", "orders"))

    def events(self, name, ns, reason):
        return [event for event in self.mesh.list("events.events.k8s.io", "-n", ns)
                if event["regarding"]["name"] == name and event["reason"] == reason]

    def the_event(self, name, ns, reason):
        found = wait_for(lambda: self.events(name, ns, reason), f"{reason} about {ns}/{name}")
        self.assertEqual(len(found), 1, found)
        return found[0]

    def described(self, kind, name, ns=""):
        said = self.mesh.kubectl("describe", kind, name, *(["-n", ns] if ns else []))
        return said.split("\nEvents:", 1)[1]

    def test_giving_and_taking_access_is_told_on_the_subscription(self):
        reads = subscription("growth", "reads", "sales/orders")
        self.apply(reads, approval(reads))
        self.mesh.wait_phase("growth", "reads", "Active")
        given = self.the_event("reads", "growth", "Granted")
        self.assertEqual((given["type"], given["action"], given["reportingController"]),
                         ("Normal", "Grant", "datamesh.dev/controller"))
        self.assertEqual(given["regarding"]["uid"], self.mesh.get("subscription", "reads", "growth")["metadata"]["uid"])
        self.assertTrue(given["reportingInstance"])
        self.assertRegex(self.described("subscription", "reads", "growth"), r"Normal +Granted .* holds")

        self.delete("approval", "reads", "sales")
        self.the_event("reads", "growth", "Revoked")
        self.assertRegex(self.described("subscription", "reads", "growth"), r"(?s)Granted.*Revoked .* is refused")

    def test_what_happens_again_is_counted_in_one_event(self):
        often = subscription("growth", "often", "sales/orders")
        self.apply(often, approval(often))
        self.mesh.wait_phase("growth", "often", "Active")
        role = self.mesh.secret("growth", "often")["uri"].split("//")[1].split(":")[0]
        group = self.admin("SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles s "
                           f"ON s.oid = m.member WHERE s.rolname = '{role}'").strip()
        for times in (1, 2):
            self.admin(f'REVOKE "{group}" FROM "{role}"')
            wait_for(lambda: self.admin(f"SELECT pg_has_role('{role}', '{group}', 'MEMBER')") == "t", "it is given again")
            wait_for(lambda: sum(event.get("series", {}).get("count", 1)
                                 for event in self.events("often", "growth", "DriftRepaired")) == times, f"it is told, {times}")
        event = self.the_event("often", "growth", "DriftRepaired")
        self.assertEqual(event["series"]["count"], 2)
        self.assertGreater(event["series"]["lastObservedTime"], event["eventTime"])
        self.assertIn(group, event["note"])
        self.assertRegex(self.described("subscription", "often", "growth"), r"DriftRepaired +\S+ \(x2 over \S+\)")

    def test_what_is_about_a_cluster_wide_object_is_found_from_it(self):
        self.admin('ALTER ROLE d_sales LOGIN')
        found = wait_for(lambda: self.events("sales", "default", "DriftRepaired"), "it is told on the Domain")
        self.assertEqual(found[0]["regarding"]["kind"], "Domain")
        self.assertIn("d_sales", self.described("domain", "sales"))


if __name__ == "__main__":
    unittest.main()
