"""The API server dies, forgets, and cannot be reached; another writer is in the way. The mesh goes on, and loses nothing."""

import datetime
import os
import threading
import time
import unittest

from proxy import Line
from world import FaultTest, skip_without_assets, wait_for

CUT_SECONDS = int(os.environ.get("DATAMESH_CUT_SECONDS", "60"))
WRITER_SECONDS = 20


class Faults(FaultTest):
    @classmethod
    def make_lab(cls):
        mesh = super().make_lab()
        cls.line = Line(mesh.cluster.port)
        cls.addClassCleanup(cls.line.close)
        mesh.controller_kubeconfig = mesh.controller_through(cls.line.url)
        return mesh

    def test_the_api_server_is_killed_and_comes_back(self):
        cluster = self.mesh.cluster
        with self.unharmed():
            cluster.apiserver.kill()
            wait_for(lambda: "watch interrupted" in self.said(), "the control plane noticed")
            cluster.etcd.kill()
            cluster.etcd.start()
            cluster.apiserver.start()
            self.declare("afterdeath")
            self.serves("afterdeath")
        self.steady()

    def test_what_ends_by_the_clock_ends_without_an_api_server(self):
        self.declare("ends")
        self.serves("ends")
        uri = self.mesh.secret("growth", "reads-ends")["uri"]
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=10)
        self.patch("subscription", "reads-ends", "growth", endTimestamp=end.strftime("%Y-%m-%dT%H:%M:%SZ"))
        wait_for(lambda: (found := self.mesh.get("subscription", "reads-ends", "growth"))["status"][
            "observedGeneration"] == found["metadata"]["generation"], "the control plane knows of the end")
        with self.unharmed(but="ends"):
            self.mesh.cluster.apiserver.kill()
            self.soon_fails(uri)
            self.mesh.cluster.apiserver.start()
            self.mesh.wait_phase("growth", "reads-ends", "Expired", seconds=120)
            self.secret_gone("growth", "reads-ends")

    def test_watches_are_cut_every_second(self):
        over = threading.Event()

        def cut():
            while not over.wait(1):
                self.line.cut()

        cutting = threading.Thread(target=cut, daemon=True)
        begin, names = time.monotonic(), []
        self.declare("shortlived", deletionPolicy="Delete")
        self.serves("shortlived")
        with self.unharmed(but="shortlived"):
            cutting.start()
            try:
                self.mesh.kubectl("delete", "subscription", "reads-shortlived", "-n", "growth", "--wait=false")
                while time.monotonic() < begin + CUT_SECONDS or not names:
                    names.append(f"cut{len(names)}")
                    self.declare(names[-1])
                    if len(names) == 1:
                        wait_for(lambda: self.mesh.get("subscription", "reads-shortlived", "growth") is None,
                                 "the subscription goes")
                        self.mesh.kubectl("delete", "dataproduct", "shortlived", "-n", "sales", "--wait=false")
                    self.mesh.wait_condition("dataproduct", names[-1], "sales", seconds=120)
            finally:
                over.set()
                cutting.join()
            self.serves(*names)
            self.gone("shortlived")
        self.steady()

    def test_etcd_is_compacted_while_a_watch_hangs_behind(self):
        self.declare("goes", deletionPolicy="Delete")
        self.serves("goes")
        with self.unharmed(but="goes"):
            self.line.refuse(True)
            self.mesh.kubectl("delete", "subscription", "reads-goes", "-n", "growth", "--wait=false")
            self.mesh.kubectl("delete", "dataproduct", "goes", "-n", "sales", "--wait=false")
            self.declare("comes")
            for round_ in range(20):
                self.annotate("dataproduct", "orders", "sales", f"test/round={round_}")
            self.mesh.cluster.compact()
            # Its own memory of changes would serve the watch all the same.
            self.mesh.cluster.apiserver.kill()
            self.mesh.cluster.apiserver.start()
            self.line.refuse(False)
            self.serves("comes")
            self.gone("goes")
            # Once more with a watch that is not behind.
            self.mesh.cluster.compact()
            self.declare("later")
            self.serves("later")
        self.steady()

    def test_another_writer_changes_everything_all_the_time(self):
        over, rounds = threading.Event(), [0]

        def write():
            while not over.is_set():
                rounds[0] += 1
                for kind, ns in (("dataproduct", "sales"), ("subscription", "growth"), ("secret", "growth"),
                                 ("domain", ""), ("namespace", "")):
                    where = ["-n", ns] if ns else []
                    self.mesh.run("kubectl", "annotate", "--overwrite", kind, "--all", f"test/writer={rounds[0]}", *where)

        writing = threading.Thread(target=write, daemon=True)
        with self.unharmed():
            writing.start()
            try:
                begin, names = time.monotonic(), []
                while time.monotonic() < begin + WRITER_SECONDS or not names:
                    names.append(f"contended{len(names)}")
                    self.declare(names[-1])
                    self.mesh.wait_phase("growth", f"reads-{names[-1]}", "Active", seconds=120)
            finally:
                over.set()
                writing.join()
            self.serves(*names)
        self.assertGreater(rounds[0], 1)
        self.steady()


if __name__ == "__main__":
    skip_without_assets()
    unittest.main()
