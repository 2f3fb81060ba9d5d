"""What goes when something goes: finalizers, owners, namespaces; and what a kill -9 leaves."""

import json
import signal
import threading
import unittest

from harness import KubectlTest, widget


class Deletion(KubectlTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls().k("create", "namespace", "work")

    def uid(self, name):
        return self.k("get", "widget", name, "-n", "work", "-o", "jsonpath={.metadata.uid}")

    def owned(self, name, owner, block=True):
        reference = (f"  ownerReferences: [{{apiVersion: test.dev/v1, kind: Widget, name: {owner}, "
                     f"uid: {self.uid(owner)}, blockOwnerDeletion: {'true' if block else 'false'}}}]\n")
        self.k("apply", "-f", "-", stdin=widget(name).replace("spec:\n", reference + "spec:\n"))

    def exists(self, name):
        return self.run_kubectl("get", "widget", name, "-n", "work").returncode == 0

    def test_a_finalizer_keeps_it_until_it_is_taken_off(self):
        self.k("apply", "-f", "-", stdin=widget("kept").replace("spec:\n", "  finalizers: [test.dev/hold]\nspec:\n"))
        # Newer clients add "from work namespace".
        self.assertRegex(self.k("delete", "widget", "kept", "-n", "work", "--wait=false"),
                         r'^widget.test.dev "kept" deleted')
        self.assertTrue(self.k("get", "widget", "kept", "-n", "work", "-o", "jsonpath={.metadata.deletionTimestamp}"))
        self.k("patch", "widget", "kept", "-n", "work", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        self.assertFalse(self.exists("kept"))

    def test_delete_by_label_and_all(self):
        for name in ("many-1", "many-2"):
            self.k("apply", "-f", "-", stdin=widget(name, color="violet"))
        out = self.k("delete", "widget", "-n", "work", "-l", "color=violet")
        self.assertEqual([line.split()[1:3] for line in sorted(out.splitlines())],
                         [['"many-1"', "deleted"], ['"many-2"', "deleted"]])
        self.k("apply", "-f", "-", stdin=widget("raw-1", color="ochre"))
        status, _, _ = self.server.request("DELETE", "/apis/test.dev/v1/namespaces/work/widgets?labelSelector=color%3Dochre")
        self.assertEqual(status, 200)
        self.assertFalse(self.exists("raw-1"))

    def test_an_owner_takes_its_dependents_along(self):
        self.k("apply", "-f", "-", stdin=widget("bg-owner"))
        self.owned("bg-child", "bg-owner")
        self.k("delete", "widget", "bg-owner", "-n", "work", "--cascade=background")
        self.eventually(lambda: not self.exists("bg-child"), "the dependent to go")

    def test_foreground_waits_for_the_dependents(self):
        self.k("apply", "-f", "-", stdin=widget("fg-owner"))
        self.owned("fg-child", "fg-owner")
        self.k("patch", "widget", "fg-child", "-n", "work", "--type=merge", "-p", '{"metadata":{"finalizers":["test.dev/hold"]}}')
        self.k("delete", "widget", "fg-owner", "-n", "work", "--cascade=foreground", "--wait=false")
        deleting = lambda: self.k("get", "widget", "fg-child", "-n", "work", "-o", "jsonpath={.metadata.deletionTimestamp}")
        self.eventually(deleting, "the dependent to be deleted")
        self.assertIn("foregroundDeletion", self.k("get", "widget", "fg-owner", "-n", "work", "-o", "jsonpath={.metadata.finalizers}"))
        self.k("patch", "widget", "fg-child", "-n", "work", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        self.eventually(lambda: not self.exists("fg-owner"), "the owner to go")

    def test_orphans_stay(self):
        self.k("apply", "-f", "-", stdin=widget("or-owner"))
        self.owned("or-child", "or-owner")
        self.k("delete", "widget", "or-owner", "-n", "work", "--cascade=orphan")
        self.eventually(lambda: not self.exists("or-owner"), "the owner to go")
        self.assertEqual(self.k("get", "widget", "or-child", "-n", "work", "-o", "jsonpath={.metadata.ownerReferences}"), "")

    def test_a_dependent_of_nobody_is_collected(self):
        self.k("apply", "-f", "-", stdin=widget("late-owner"))
        uid = self.uid("late-owner")
        self.k("delete", "widget", "late-owner", "-n", "work")
        reference = f"  ownerReferences: [{{apiVersion: test.dev/v1, kind: Widget, name: late-owner, uid: {uid}}}]\n"
        self.k("apply", "-f", "-", stdin=widget("late").replace("spec:\n", reference + "spec:\n"))
        self.eventually(lambda: not self.exists("late"), "the dependent to go")

    def test_circles_go(self):
        for name in ("ring-a", "ring-b"):
            self.k("apply", "-f", "-", stdin=widget(name))
        for name, owner in (("ring-a", "ring-b"), ("ring-b", "ring-a")):
            patch = {"metadata": {"ownerReferences": [{"apiVersion": "test.dev/v1", "kind": "Widget", "name": owner,
                                                       "uid": self.uid(owner), "blockOwnerDeletion": True}]}}
            self.k("patch", "widget", name, "-n", "work", "--type=merge", "-p", json.dumps(patch))
        self.k("delete", "widget", "ring-a", "-n", "work", "--cascade=foreground", "--wait=false")
        self.eventually(lambda: not self.exists("ring-a") and not self.exists("ring-b"), "the circle to go")

    def test_a_namespace_goes_with_what_it_holds_and_waits_for_finalizers(self):
        self.k("create", "namespace", "doomed")
        self.k("create", "configmap", "c", "-n", "doomed")
        self.k("apply", "-f", "-", stdin=widget("held", ns="doomed").replace("spec:\n", "  finalizers: [test.dev/hold]\nspec:\n"))
        self.k("delete", "namespace", "doomed", "--wait=false")
        self.assertEqual(self.k("get", "ns", "doomed", "-o", "jsonpath={.status.phase}"), "Terminating")
        self.eventually(lambda: self.run_kubectl("get", "cm", "c", "-n", "doomed").returncode != 0, "the contents to go")
        self.assertIn("is being terminated", self.refused("create", "configmap", "new", "-n", "doomed"))
        self.k("patch", "widget", "held", "-n", "doomed", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        self.k("wait", "--for=delete", "namespace/doomed", "--timeout=90s")
        self.assertIn("may not be deleted", self.refused("delete", "namespace", "default"))

    def test_what_is_needed_is_not_deleted(self):
        self.k("apply", "-f", "-", stdin=widget("needed"))
        self.k("annotate", "widget", "needed", "-n", "work", "test.dev/needed=true")
        self.assertIn("it is needed by others", self.refused("delete", "widget", "needed", "-n", "work"))

    def test_a_precondition_that_does_not_hold_is_a_conflict(self):
        self.k("apply", "-f", "-", stdin=widget("precise"))
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "other"}}
        status, _, text = self.server.request("DELETE", "/apis/test.dev/v1/namespaces/work/widgets/precise", body)
        self.assertEqual((status, json.loads(text)["reason"]), (409, "Conflict"))


class Crash(KubectlTest):
    def test_what_was_answered_survives_kill(self):
        self.k("create", "namespace", "work")
        for round_number in range(5):
            answered = []
            def write():
                for i in range(200):
                    name = f"c{round_number}-{i}"
                    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "v"}}
                    try:
                        status, _, _ = self.server.request("POST", "/api/v1/namespaces/work/configmaps", body)
                    except OSError:
                        return
                    if status == 201:
                        answered.append(name)
            writer = threading.Thread(target=write)
            writer.start()
            self.eventually(lambda: len(answered) > 3 + 4 * round_number, "some writes", seconds=120)
            self.server.stop(signal.SIGKILL)
            writer.join()
            self.server.start()
            there = set(self.k("get", "cm", "-n", "work", "-o", "jsonpath={.items[*].metadata.name}").split())
            self.assertEqual([name for name in answered if name not in there], [])


if __name__ == "__main__":
    unittest.main()
