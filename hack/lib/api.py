"""Reads objects of a Kubernetes API without a process for each look.

A test that waits looks twenty times a second. A kubectl for each of these looks would keep a core busy, which what it
waits for needs. What people do, tests do with kubectl; this only looks.
"""

import base64
import http.client
import json
import pathlib
import ssl
import subprocess
import tempfile
import urllib.parse

from processes import Failed, find_tool

GROUPS = ("/api/v1", "/apis/datamesh.dev/v1alpha1", "/apis/rbac.authorization.k8s.io/v1", "/apis/events.k8s.io/v1",
          "/apis/coordination.k8s.io/v1", "/apis/apps/v1", "/apis/batch/v1",
          "/apis/admissionregistration.k8s.io/v1", "/apis/apiextensions.k8s.io/v1")
CALL_SECONDS = 60


class Reader:
    """The kubeconfig's current context; its user enters by a token or a client certificate."""

    def __init__(self, kubeconfig):
        text = subprocess.run([find_tool("kubectl"), "config", "view", "--raw", "--minify", "--flatten", "-o", "json"],
                              env={"KUBECONFIG": str(kubeconfig), "PATH": "", "HOME": "/"}, stdout=subprocess.PIPE,
                              check=True, text=True, timeout=CALL_SECONDS).stdout
        config = json.loads(text)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server = urllib.parse.urlsplit(cluster["server"])
        self.tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self.headers = {"Accept": "application/json"}
        if "token" in user:
            self.headers["Authorization"] = f"Bearer {user['token']}"
        else:
            with tempfile.TemporaryDirectory() as folder:
                pem = pathlib.Path(folder) / "user.pem"
                pem.touch(mode=0o600)
                pem.write_bytes(base64.b64decode(user["client-certificate-data"]) + b"\n" +
                                base64.b64decode(user["client-key-data"]))
                self.tls.load_cert_chain(pem)
        self.paths = {}  # by every name that a kind goes by

    def ask(self, path, method="GET", body=None, headers=None):
        """The status code and the answer."""
        connection = http.client.HTTPSConnection(self.server.hostname, self.server.port, context=self.tls,
                                                 timeout=CALL_SECONDS)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Failed(f"{method} {path}: {error!r}") from None
        finally:
            connection.close()

    def _find(self, kind):
        """(group's path, plural, whether it has namespaces)"""
        if kind not in self.paths:
            for group in GROUPS:
                for resource in self.ask(group)[1].get("resources", []):
                    if "/" in resource["name"]:
                        continue
                    suffix = group.split("/")[2] if group.startswith("/apis/") else ""
                    where = (group, resource["name"], resource["namespaced"])
                    for name in (resource["name"], resource["singularName"], *resource.get("shortNames", [])):
                        self.paths.setdefault(name, where)
                        self.paths[f"{name}.{suffix}"] = where
        if kind not in self.paths:
            raise Failed(f"the server has no kind {kind}")
        return self.paths[kind]

    def _path(self, kind, ns, name=""):
        group, plural, namespaced = self._find(kind.lower())
        place = f"/namespaces/{ns}" if namespaced and ns else ""
        return f"{group}{place}/{plural}" + (f"/{urllib.parse.quote(name)}" if name else "")

    def get(self, kind, name, ns=""):
        """The object, or None."""
        status, thing = self.ask(self._path(kind, ns or "default", name))
        if status == 404:
            return None
        if status != 200:
            raise Failed(f"{kind} {ns}/{name}: {status} {thing.get('message')}")
        return thing

    def list(self, kinds, ns="", selector=""):
        """Of every namespace where none is given. `kinds` may be several, by commas."""
        things = []
        for kind in kinds.split(","):
            query = f"?labelSelector={urllib.parse.quote(selector)}" if selector else ""
            status, found = self.ask(self._path(kind, ns) + query)
            if status != 200:
                raise Failed(f"{kinds}: {status} {found.get('message')}")
            # Items of a list do not repeat what the list says of them.
            about = {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}
            things += [{**about, **item} for item in found["items"]]
        return things
