"""Two controllers on one cluster: one leads, the other takes over when it ends, and one that was paused changes nothing."""

import os
import signal
import time
import unittest

from world import WAIT_SECONDS, Another, ElsewhereTest, psql, skip_without_assets, wait_for

SKEW_SECONDS = 3 * 3600


def leads(controller):
    return controller.metric("leader_election_master_status") == 1


class Leadership(ElsewhereTest):
    arguments = ("--leader-elect",)

    def setUp(self):
        super().setUp()
        if self.mesh.process.poll() is not None:
            self.mesh.start()
        wait_for(lambda: leads(self.mesh), "the first leads")

    def another(self, **variables):
        other = Another(self.mesh, "--leader-elect", **variables)
        self.addCleanup(other.close)
        self.assertFalse(leads(other), "two lead")
        return other

    def takes_over(self, other, name, end):
        """Once the first has ended that way, the other serves; the seconds until it led."""
        with self.unharmed():
            begin = time.monotonic()
            end()
            wait_for(lambda: leads(other), "the other leads")
            took = time.monotonic() - begin
            self.declare(name)
            self.serves(name)
        print(f"{name}: the other led after {took:.1f} s", flush=True)
        return took

    def test_the_other_takes_over_from_one_that_is_killed(self):
        self.takes_over(self.another(), "afterkill", self.mesh.kill)

    def test_the_other_takes_over_at_once_from_one_that_stops(self):
        self.takes_over(self.another(), "afterstop", self.mesh.stop)

    def test_clocks_that_are_hours_apart_make_no_second_leader(self):
        for name, skew in (("early", SKEW_SECONDS), ("late", -SKEW_SECONDS)):
            with self.subTest(name):
                other = self.another(LD_PRELOAD=os.environ["SKEWED_CLOCK"], SKEW_SECONDS=str(skew))
                transitions = self.transitions()
                self.declare(f"while{name}")
                self.serves(f"while{name}")
                # Long enough for the other to see the lease end several times, if it took the times in it at their word.
                renewed = self.lease()["spec"]["renewTime"]
                for _ in range(3):
                    wait_for(lambda: self.lease()["spec"]["renewTime"] != renewed, "the lease is renewed")
                    renewed = self.lease()["spec"]["renewTime"]
                self.assertEqual(self.transitions(), transitions)
                self.assertTrue(leads(self.mesh))
                self.assertFalse(leads(other))
                self.takes_over(other, f"after{name}", self.mesh.stop)
                other.close()
                self.mesh.start()
                wait_for(lambda: leads(self.mesh), "the first leads again")

    def lease(self):
        return self.mesh.get("lease", "datamesh", "datamesh-system")

    def transitions(self):
        return self.lease()["spec"].get("leaseTransitions", 0)

    def test_a_leader_that_was_paused_changes_nothing(self):
        other = self.another()
        self.declare("paused")
        self.serves("paused")
        uri = self.mesh.secret("growth", "reads-paused")["uri"]
        self.mesh.process.send_signal(signal.SIGSTOP)
        try:
            wait_for(lambda: leads(other), "the other leads")
            self.mesh.kubectl("delete", "approval", "reads-paused", "-n", "sales")
            self.soon_fails(uri)
            self.secret_gone("growth", "reads-paused")  # the last thing to go
            before = self.noted()
        finally:
            self.mesh.process.send_signal(signal.SIGCONT)
        self.assertNotEqual(self.mesh.process.wait(WAIT_SECONDS), 0, "it ended as if nothing had happened")
        self.assertFalse(psql(uri, "SELECT 1").ok, "the old leader gave the access again")
        self.assertEqual(self.noted(), before)
        self.declare("unpaused")
        self.serves("unpaused")


class Unelected(ElsewhereTest):
    def test_two_that_do_not_elect_do_no_harm(self):
        other = Another(self.mesh)
        self.addCleanup(other.close)
        with self.unharmed():
            names = [f"twice{n}" for n in range(5)]
            for name in names:
                self.declare(name)
            self.serves(*names)
        self.mesh.kubectl("delete", "subscription", "reads-twice0", "-n", "growth", "--timeout=120s")
        self.steady()


if __name__ == "__main__":
    skip_without_assets()
    unittest.main()
