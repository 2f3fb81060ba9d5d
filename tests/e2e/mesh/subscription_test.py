"""The life of a subscription on both engines: asked, approved, given, proved, and taken away in every way there is."""

import datetime
import unittest

from harness import (MeshTest, OpenSession, approval, backend, contract, domain, namespace, product, subscription,
                     thing, wait_for)

ROLES = (("reader", "internal"), ("auditor", "restricted"))


def soon(seconds=4):
    """A time near enough to be waited for, in whole seconds, as a resource writes it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_past(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) <= datetime.datetime.now(datetime.timezone.utc)


class Lives(MeshTest):
    base = (namespace("sales"), namespace("growth"), backend("warehouse"), backend("events", "nats"),
            domain("sales", [("ana", "owner"), ("bo", "developer")]), domain("growth", [("gus", "owner")]),
            contract("sales", "orders", roles=ROLES), contract("sales", "placed", roles=(("reader", "restricted"),)),
            product("sales", "orders", "orders"), product("sales", "placed", "placed", "events"))

    def asked(self, name, to="sales/orders", **spec):
        made = subscription("growth", name, to, **spec)
        self.apply(made)
        self.mesh.wait_phase("growth", name, "Pending")
        self.assertIsNone(self.mesh.secret("growth", name), "nothing is given before it is approved")
        return made

    def test_tables_from_pending_to_revoked(self):
        made = self.asked("full")
        self.assertIn("level 1", self.mesh.wait_condition("subscription", "full", "growth", "Approved", "False",
                                                          "AwaitingApproval"))
        self.apply(approval(made))
        active = self.mesh.wait_phase("growth", "full", "Active")
        self.assertEqual(active["status"]["readable"], {"rows": ["city", "id"]})
        self.assertEqual(active["status"]["binding"], {"name": "full"})
        fields = self.mesh.secret("growth", "full")
        self.assertLessEqual({"type", "provider", "host", "port", "database", "username", "password", "uri"}, set(fields))
        self.works(fields["uri"], "SELECT id, city FROM sales__orders_v1.rows")
        self.fails(fields["uri"], "SELECT email FROM sales__orders_v1.rows", "permission denied")
        self.fails(fields["uri"], "INSERT INTO sales__orders_v1.rows (id) VALUES (1)", "permission denied")
        session = OpenSession(fields["uri"])
        self.addCleanup(session.close)
        self.assertEqual(session.ask("SELECT count(id) FROM sales__orders_v1.rows"), "0")
        self.delete("approval", "full", "sales")
        session.wait_until_cut()
        self.soon_fails(fields["uri"])
        self.secret_gone("growth", "full")
        self.mesh.wait_phase("growth", "full", "Pending")
        self.assertEqual(self.admin(f"SELECT count(*) FROM pg_roles WHERE rolname = '{fields['username']}' "
                                    "AND rolcanlogin"), "0")
        self.delete("subscription", "full", "growth")

    def test_topics_from_pending_to_revoked(self):
        made = self.asked("hears", "sales/placed")
        self.apply(approval(made))
        self.mesh.wait_phase("growth", "hears", "Active")
        fields = self.mesh.secret("growth", "hears")
        bo = wait_for(lambda: self.mesh.member_secret("sales", "bo@x.example", "events"), "bo has a Secret")
        self.mesh.wait_condition("domain", "sales")
        sent = self.mesh.nats(bo, "publish", "sales.placed.placed.v1.a", "one")
        self.assertTrue(sent.ok, sent)
        self.assertEqual(self.mesh.nats(fields, "consume", "1", "60").out, "sales.placed.placed.v1.a\tone")
        self.assertFalse(self.mesh.nats(fields, "publish", "sales.placed.placed.v1.a", "by a reader").ok)
        self.delete("approval", "hears", "sales")
        self.secret_gone("growth", "hears")
        refused = self.mesh.nats(fields, "consume", "1", "2")
        self.assertEqual((refused.code, refused.out), (1, ""), refused)
        self.apply(approval(made))
        self.mesh.wait_phase("growth", "hears", "Active")
        again = self.mesh.secret("growth", "hears")
        self.assertNotEqual(again["username"], fields["username"], "what was taken away comes back under another key")
        self.delete("subscription", "hears", "growth")
        self.assertEqual(self.mesh.nats(again, "consume", "1", "2").code, 1)

    def test_rejected_after_it_was_active(self):
        made = self.asked("turned")
        self.apply(approval(made))
        uri = self.uri_of("growth", "turned")
        self.apply(approval(made, decision="Rejected"))
        self.mesh.wait_phase("growth", "turned", "Rejected")
        self.soon_fails(uri)
        self.secret_gone("growth", "turned")

    def test_the_clock_ends_it(self):
        made = subscription("growth", "brief", "sales/orders", endTimestamp="2999-01-01T00:00:00Z")
        self.apply(made, approval(made))
        uri = self.uri_of("growth", "brief")
        self.works(uri, "SELECT id FROM sales__orders_v1.rows")
        end = soon()
        self.patch("subscription", "brief", "growth", endTimestamp=end)
        self.mesh.wait_phase("growth", "brief", "Expired")
        self.assertTrue(is_past(end), "it ended before its time")
        self.soon_fails(uri)
        self.secret_gone("growth", "brief")

    def test_an_approval_that_runs_out_ends_it(self):
        made = self.asked("lent")
        self.apply(approval(made, until="2999-01-01T00:00:00Z"))
        uri = self.uri_of("growth", "lent")
        end = soon()
        self.apply(approval(made, until=end))
        self.mesh.wait_phase("growth", "lent", "Expired")
        self.assertTrue(is_past(end), "it ended before its time")
        self.soon_fails(uri)

    def test_a_policy_that_denies_takes_it_away_and_gives_it_back(self):
        made = subscription("growth", "barred", "sales/barred")
        self.apply(contract("sales", "barred"), product("sales", "barred", "barred", tags=["secret"]), made,
                   approval(made))
        uri = self.uri_of("growth", "barred")
        other = self.asked("untouched")
        self.apply(approval(other))
        bystander = self.uri_of("growth", "untouched")
        self.apply(thing("Policy", "no-secrets", {
            "description": {"purpose": "A test."}, "enforcement": "Enforce",
            "match": {"kinds": ["DataProduct"], "tags": ["secret"]}, "access": {"approval": "Deny"}}))
        self.mesh.wait_phase("growth", "barred", "Rejected")
        self.mesh.wait_condition("subscription", "barred", "growth", "Approved", "False", "DeniedByPolicy")
        self.soon_fails(uri)
        self.works(bystander, "SELECT id FROM sales__orders_v1.rows")
        self.delete("policy", "no-secrets")
        self.works(self.uri_of("growth", "barred"), "SELECT id FROM sales__barred_v1.rows")

    def test_one_that_grows_needs_a_new_approval(self):
        made = self.asked("grows")
        self.apply(approval(made))
        uri = self.uri_of("growth", "grows")
        self.fails(uri, "SELECT email FROM sales__orders_v1.rows", "permission denied")
        self.patch("subscription", "grows", "growth", roles=[{"role": "reader"}, {"role": "auditor"}])
        self.mesh.wait_phase("growth", "grows", "Pending")
        self.mesh.wait_condition("approval", "grows", "sales", "Applied", "False", "DoesNotCover")
        self.soon_fails(uri, "SELECT id FROM sales__orders_v1.rows")
        self.apply(approval(made, roles=("reader", "auditor"), name="grows-2"))
        found = self.mesh.wait_phase("growth", "grows", "Active")
        self.assertEqual(found["status"]["readable"], {"rows": ["city", "email", "id"]})
        self.works(self.uri_of("growth", "grows"), "SELECT email FROM sales__orders_v1.rows")

    def test_an_approval_counts_in_the_providers_namespace_only(self):
        made = self.asked("own-approval")
        wrong = approval(made, name="self-made")
        wrong["metadata"]["namespace"] = "growth"
        self.assertIn("only its provider can approve", self.refused(wrong))
        self.mesh.wait_phase("growth", "own-approval", "Pending")

    def test_what_it_names_may_come_later(self):
        self.apply(subscription("growth", "early", "sales/later"))
        self.assertIn("later", self.mesh.wait_condition("subscription", "early", "growth", "Resolved", "False",
                                                        "DataProductNotFound"))
        made = subscription("growth", "early", "sales/later")
        self.apply(approval(made), product("sales", "later", "later"), contract("sales", "later"))
        self.works(self.uri_of("growth", "early"), "SELECT id FROM sales__later_v1.rows")

    def test_a_secret_that_is_deleted_is_made_anew_and_the_old_password_refused(self):
        made = self.asked("rotates")
        self.apply(approval(made))
        old = self.uri_of("growth", "rotates")
        self.delete("secret", "rotates", "growth")
        def rotated():
            found = self.mesh.secret("growth", "rotates")
            return found["uri"] if found and found["uri"] != old else None
        new = wait_for(rotated, "another Secret is minted")
        self.soon_fails(old)
        wait_for(lambda: self.mesh.get("secret", "rotates", "growth") and self.uri_of("growth", "rotates") == new,
                 "it is Active with the new one")
        self.works(new, "SELECT id FROM sales__orders_v1.rows")

    def test_a_revocation_leaves_no_session(self):
        """Sessions that are busy end as well."""
        made = self.asked("busy")
        self.apply(approval(made))
        uri = self.uri_of("growth", "busy")
        user = uri.split("//")[1].split(":")[0]
        sessions = [OpenSession(uri) for _ in range(5)]
        for session in sessions:
            self.addCleanup(session.close)
            session.tell("SELECT pg_sleep(600);\n")
        count = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{user}'"
        wait_for(lambda: int(self.admin(count)) >= 5, "all sessions are busy")
        self.delete("subscription", "busy", "growth")
        self.assertEqual(self.admin(count), "0")


if __name__ == "__main__":
    unittest.main()
