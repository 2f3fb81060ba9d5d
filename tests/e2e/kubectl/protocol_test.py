"""The list/watch contract and the details of answers that client libraries rely on, without kubectl between."""

import http.client
import json
import os
import ssl
import threading
import unittest

from harness import KubectlTest

WORK = "/apis/test.dev/v1/namespaces/work/widgets"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def body(name, color="red", **metadata):
    return {"apiVersion": "test.dev/v1", "kind": "Widget", "metadata": {"name": name, **metadata}, "spec": {"color": color}}


class Protocol(KubectlTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls().k("create", "namespace", "work")

    def call(self, method, path, sent=None, status=None, headers=None):
        code, _, text = self.server.request(method, path, sent, headers=headers)
        if status is not None:
            self.assertEqual(code, status, text)
        return json.loads(text) if text.startswith("{") else text

    def merge(self, path, change, status=200):
        return self.call("PATCH", path, change, status, {"Content-Type": "application/merge-patch+json"})

    def watch(self, path, headers=None):
        host, port = self.server.url.removeprefix("https://").rsplit(":", 1)
        context = ssl.create_default_context(cafile=os.path.join(self.server.data, "ca.crt"))
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=20)
        connection.request("GET", path, headers={"Authorization": "Bearer " + self.server.token(), **(headers or {})})
        self.addCleanup(connection.close)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        return answer

    def event(self, answer):
        line = answer.readline()
        return json.loads(line) if line else None

    def test_a_watch_from_a_version_delivers_what_came_after(self):
        first = self.call("POST", WORK, body("after-1"), 201)
        second = self.call("POST", WORK, body("after-2"), 201)
        self.assertLess(int(first["metadata"]["resourceVersion"]), int(second["metadata"]["resourceVersion"]))
        watch = self.watch(f"{WORK}?watch=1&resourceVersion={first['metadata']['resourceVersion']}")
        event = self.event(watch)
        self.assertEqual((event["type"], event["object"]["metadata"]["name"]), ("ADDED", "after-2"))
        self.assertEqual(event["object"], second)

    def test_selectors_turn_changes_into_additions_and_deletions(self):
        made = self.call("POST", WORK, body("turn", labels={"side": "left"}), 201)
        rv = made["metadata"]["resourceVersion"]
        left = self.watch(f"{WORK}?watch=1&labelSelector=side%3Dleft&resourceVersion={rv}")
        right = self.watch(f"{WORK}?watch=1&labelSelector=side%3Dright&resourceVersion={rv}")
        self.merge(f"{WORK}/turn", {"spec": {"color": "blue"}})
        moved = self.merge(f"{WORK}/turn", {"metadata": {"labels": {"side": "right"}}})
        self.call("DELETE", f"{WORK}/turn", status=200)
        events = [self.event(left) for _ in range(2)]
        self.assertEqual([e["type"] for e in events], ["MODIFIED", "DELETED"])
        self.assertEqual(events[1]["object"]["metadata"]["resourceVersion"], moved["metadata"]["resourceVersion"])
        self.assertEqual(events[1]["object"]["metadata"]["labels"], {"side": "left"})
        self.assertEqual([self.event(right)["type"] for _ in range(2)], ["ADDED", "DELETED"])

    def test_a_streaming_list_ends_with_a_marked_bookmark(self):
        self.call("POST", WORK, body("stream"), 201)
        watch = self.watch(f"{WORK}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
                           "&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Dstream")
        self.assertEqual(self.event(watch)["type"], "ADDED")
        mark = self.event(watch)
        self.assertEqual((mark["type"], mark["object"]["metadata"]["annotations"]),
                         ("BOOKMARK", {"k8s.io/initial-events-end": "true"}))
        periodic = self.event(watch)
        self.assertEqual(periodic["type"], "BOOKMARK")
        self.assertNotIn("annotations", periodic["object"]["metadata"])
        self.call("GET", f"{WORK}?watch=1&sendInitialEvents=true", status=422)

    def test_a_watch_ends_at_its_time(self):
        watch = self.watch(f"{WORK}?watch=1&timeoutSeconds=1&resourceVersion={self.current()}")
        self.assertEqual(watch.read(), b"")

    def current(self):
        return self.call("GET", f"{WORK}?limit=1", status=200)["metadata"]["resourceVersion"]

    def test_versions_that_are_not_there_yet(self):
        ahead = int(self.current()) + 1000
        refused = self.call("GET", f"{WORK}?resourceVersion={ahead}&resourceVersionMatch=NotOlderThan", status=504)
        self.assertEqual((refused["reason"], refused["details"]["causes"][0]["reason"]), ("Timeout", "ResourceVersionTooLarge"))
        self.call("GET", f"{WORK}?resourceVersionMatch=Exact", status=422)
        self.call("GET", f"{WORK}?resourceVersion=abc", status=422)

    def test_pages_show_one_moment(self):
        for i in range(5):
            self.call("POST", WORK, body(f"page-{i}", labels={"p": "y"}), 201)
        query = f"{WORK}?labelSelector=p%3Dy&limit=2"
        page = self.call("GET", query, status=200)
        self.call("DELETE", f"{WORK}/page-4", status=200)
        names = [item["metadata"]["name"] for item in page["items"]]
        while page["metadata"].get("continue"):
            page = self.call("GET", f"{query}&continue={page['metadata']['continue']}", status=200)
            names += [item["metadata"]["name"] for item in page["items"]]
        self.assertEqual(names, [f"page-{i}" for i in range(5)])

    def test_metadata_alone_and_tables(self):
        self.call("POST", WORK, body("meta"), 201)
        partial = self.call("GET", f"{WORK}/meta", status=200,
                            headers={"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"})
        self.assertEqual((partial["kind"], partial["metadata"]["name"], "spec" in partial),
                         ("PartialObjectMetadata", "meta", False))
        listed = self.call("GET", WORK, status=200,
                           headers={"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"})
        self.assertEqual(listed["kind"], "PartialObjectMetadataList")
        table = self.call("GET", WORK, status=200, headers={"Accept": TABLE})
        self.assertEqual((table["kind"], table["columnDefinitions"][1]["name"]), ("Table", "Color"))
        self.call("GET", WORK, status=406, headers={"Accept": "application/vnd.kubernetes.protobuf"})

    def test_a_stale_update_is_a_conflict(self):
        made = self.call("POST", WORK, body("stale"), 201)
        self.merge(f"{WORK}/stale", {"spec": {"color": "blue"}})
        refused = self.call("PUT", f"{WORK}/stale", made, 409)
        self.assertEqual(refused["reason"], "Conflict")
        self.call("PUT", f"{WORK}/stale", {**made, "metadata": {"name": "stale", "uid": "another"}}, 409)

    def test_patches_that_race_all_count(self):
        self.call("POST", WORK, body("raced"), 201)
        def patch(i):
            self.merge(f"{WORK}/raced", {"metadata": {"annotations": {f"k{i}": "v"}}})
        threads = [threading.Thread(target=patch, args=(i,)) for i in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.call("GET", f"{WORK}/raced", status=200)["metadata"]["annotations"]), 24)

    def test_what_changes_nothing_is_no_new_version(self):
        made = self.call("POST", WORK, body("still"), 201)
        again = self.merge(f"{WORK}/still", {"spec": {"color": "red"}})
        self.assertEqual(again["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"])

    def test_bad_requests_say_why(self):
        cases = [
            ("POST", WORK, "{", 400, "BadRequest"),
            ("POST", WORK, "[]", 400, "BadRequest"),
            ("POST", WORK, {**body("k"), "kind": "Other"}, 400, "BadRequest"),
            ("POST", WORK, {**body("k"), "apiVersion": "test.dev/v2"}, 400, "BadRequest"),
            ("POST", WORK, body("k", namespace="other"), 400, "BadRequest"),
            ("POST", WORK, {**body("k"), "metadata": "text"}, 400, "BadRequest"),
            ("POST", WORK, {**body("k"), "metadata": {"name": "k", "labels": [1]}}, 400, "BadRequest"),
            ("POST", WORK, {**body("k"), "spec": "text"}, 422, "Invalid"),
            ("POST", "/api/v1/namespaces/work/configmaps", {"data": [1]}, 400, "BadRequest"),
            ("POST", "/api/v1/namespaces/work/configmaps", {"metadata": {"name": "c"}, "data": {"a/b": "x"}}, 422, "Invalid"),
            ("POST", "/api/v1/namespaces", {"metadata": {"name": "c"}, "spec": "x"}, 400, "BadRequest"),
            ("PUT", f"{WORK}/absent", body("absent"), 404, "NotFound"),
            ("DELETE", f"{WORK}/absent", None, 404, "NotFound"),
            ("GET", "/apis/test.dev/v9/widgets", None, 404, "NotFound"),
            ("GET", f"{WORK}?labelSelector=a%20b%20c", None, 400, "BadRequest"),
            ("POST", f"{WORK}?dryRun=Some", body("k"), 422, "Invalid"),
            ("POST", f"{WORK}/named", body("named"), 405, "MethodNotAllowed"),
            ("DELETE", "/api/v1/namespaces", None, 405, "MethodNotAllowed"),
        ]
        for method, path, sent, code, reason in cases:
            refused = self.call(method, path, sent, code)
            self.assertEqual((refused["kind"], refused["reason"]), ("Status", reason), (method, path, sent))
        self.assertEqual(self.call("PATCH", f"{WORK}/absent", {}, 415)["reason"], "UnsupportedMediaType")

    def test_a_part_of_an_object_is_not_deleted_nor_what_is_in_all_namespaces(self):
        self.call("POST", WORK, body("whole"), 201)
        for method, path, code in (("DELETE", f"{WORK}/whole/status", 405), ("POST", f"{WORK}/whole/status", 405),
                                   ("DELETE", "/apis/test.dev/v1/widgets", 404), ("DELETE", "/api/v1/configmaps", 405),
                                   ("POST", "/api/v1/configmaps", 405), ("GET", "/api/v1/namespaces/work/namespaces", 404)):
            self.call(method, path, body("whole") if method == "POST" else None, code)
        self.call("GET", f"{WORK}/whole", status=200)
        self.call("GET", "/apis/test.dev/v1/widgets", status=200)

    def test_health_is_asked_whole_or_by_check(self):
        for path, code in (("/healthz", 200), ("/livez/ping", 200), ("/readyz?verbose", 200), ("/healthz/absent", 404),
                           ("/healthz/../api/v1/secrets", 404), ("/healthzz", 404)):
            self.assertEqual(self.server.request("GET", path)[0], code, path)
        self.assertIn("[+]startup ok", self.server.request("GET", "/readyz?verbose")[2])
        self.assertEqual(self.server.request("GET", "/healthzz", token="")[0], 401)

    def test_every_answer_has_an_audit_id(self):
        _, headers, _ = self.server.request("GET", WORK)
        self.assertRegex(headers["Audit-Id"], "^[0-9a-f-]{36}$")

    def test_immutable_data_stays(self):
        path = "/api/v1/namespaces/work/configmaps"
        self.call("POST", path, {"metadata": {"name": "fixed"}, "data": {"a": "1"}, "immutable": True}, 201)
        self.merge(f"{path}/fixed", {"data": {"a": "2"}}, 422)
        self.merge(f"{path}/fixed", {"metadata": {"labels": {"a": "b"}}})


if __name__ == "__main__":
    unittest.main()
