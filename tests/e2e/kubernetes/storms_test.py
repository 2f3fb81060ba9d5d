"""An API server that is busy or broken answers 429 and 5xx, in storms. Nothing is lost, and the control plane does not add to it."""

import os
import threading
import time
import unittest

from proxy import Answers
from world import FaultTest, skip_without_assets

STORM_SECONDS = int(os.environ.get("DATAMESH_STORM_SECONDS", "20"))
REQUESTS_PER_SECOND_MAX = 100  # of a control plane that is refused all the time


class Storms(FaultTest):
    @classmethod
    def make_lab(cls):
        mesh = super().make_lab()
        cls.proxy = Answers(mesh.cluster)
        cls.addClassCleanup(cls.proxy.close)
        mesh.controller_kubeconfig = mesh.controller_through(cls.proxy.url)
        return mesh

    def storm(self, answer):
        """For some seconds, with declarations in it: the statuses that were answered."""
        self.proxy.answered = {}
        counted = [0]

        def weather(method, path):
            counted[0] += 1
            return answer(counted[0], method, path)

        self.proxy.storm = weather
        self.proxy.cut()
        over = threading.Event()
        try:
            over.wait(STORM_SECONDS)
        finally:
            self.proxy.storm = lambda method, path: None
        return dict(self.proxy.answered)

    def through(self, name, answer):
        with self.unharmed():
            begin = time.monotonic()
            self.declare(name)
            answered = self.storm(answer)
            took = time.monotonic() - begin
            self.assertGreater(sum(count for status, count in answered.items() if status), 0, answered)
            self.assertLess(sum(answered.values()) / took, REQUESTS_PER_SECOND_MAX, answered)
            self.serves(name)
        self.steady()

    def test_two_of_three_requests_are_too_many(self):
        self.through("toomany", lambda n, method, path: 429 if n % 3 else None)

    def test_every_write_fails(self):
        self.through("nowrites", lambda n, method, path: None if method == "GET" else 500)

    def test_nothing_works_at_all(self):
        self.through("nothing", lambda n, method, path: (503, 504, 500)[n % 3])

    def test_lists_and_watches_fail(self):
        self.through("deaf", lambda n, method, path: 503 if method == "GET" and "/apis/datamesh.dev" in path else None)


if __name__ == "__main__":
    skip_without_assets()
    unittest.main()
