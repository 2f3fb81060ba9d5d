"""A mesh for tests: one control plane for a class, and short ways to declare things in it."""

import contextlib
import json
import os
import pathlib
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "hack" / "lib"))
import lab as kit  # noqa: E402
from cluster import skip_without_assets  # noqa: E402
from lab import Failed, Lab, OpenSession, condition, patch_of, psql, wait_for  # noqa: E402,F401
from processes import WAIT_SECONDS, free_port  # noqa: E402,F401

if os.environ.get("DATAMESH_SERVER") == "kubernetes":
    skip_without_assets()

COLUMNS = ({"name": "id", "logicalType": "integer", "primaryKey": True, "required": True},
           {"name": "city", "logicalType": "string"},
           {"name": "email", "logicalType": "string", "classification": "restricted"})


def thing(kind, name, spec, ns="", annotations=None):
    version = "v1" if kind in ("Namespace", "Secret") else "datamesh.dev/v1alpha1"
    metadata = {"name": name, **({"namespace": ns} if ns else {}),
                **({"annotations": annotations} if annotations else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **({"spec": spec} if spec is not None else {})}


def namespace(name):
    return thing("Namespace", name, None)


def backend(name, engine="postgresql", **spec):
    return thing("Backend", name, {"engine": engine, "syncInterval": "2s", **(spec or {"managed": {}})})


def domain(name, members=(), **spec):
    team = [{"username": f"{user}@x.example", "role": role} for user, role in members]
    return thing("Domain", name, {"name": name, "team": {"name": name, "members": team}, **spec})


def contract(ns, name, columns=COLUMNS, table="rows", roles=()):
    spec = {"name": name, "version": "1.0.0", "schema": [{"name": table, "properties": list(columns)}]}
    if roles:
        spec["roles"] = [{"role": role, "access": "read"} for role, _ in roles]
        spec["provisioning"] = {"roles": [{"role": role, "maxClassification": most} for role, most in roles]}
    return thing("DataContract", name, spec, ns)


def product(ns, name, contract_name, backend_name="warehouse", annotations=None, tags=(), port="", **provisioning):
    kind = "topic" if backend_name.startswith("events") else "tables"
    made = {"contractRef": {"name": contract_name}, "backend": backend_name, **provisioning}
    port = {"name": port or name, "version": "1.0.0", "type": kind, "provisioning": made}
    spec = {"name": name, "version": "1.0.0", "outputPorts": [port], **({"tags": list(tags)} if tags else {})}
    return thing("DataProduct", name, spec, ns, annotations)


def subscription(ns, name, to, roles=(), **spec):
    """To "namespace/product", whose port has its name."""
    provider, product_name = to.split("/")
    return thing("Subscription", name, {
        "description": {"purpose": "A test."}, **({"roles": [{"role": role} for role in roles]} if roles else {}),
        "provider": {"dataProductRef": {"namespace": provider, "name": product_name},
                     "outputPort": {"name": product_name, "version": "1"}}, **spec}, ns)


def approval(of, roles=("reader",), decision="Approved", name="", **spec):
    """Of what subscription() made."""
    provider = of["spec"]["provider"]
    return thing("Approval", name or of["metadata"]["name"], {
        "subscriptionRef": {"namespace": of["metadata"]["namespace"], "name": of["metadata"]["name"]},
        "outputPort": provider["outputPort"], "roles": list(roles), "decision": decision, "approver": "ana@x.example",
        **spec}, provider["dataProductRef"]["namespace"])


class Proxy:
    """A door to a server, by the URL of that, which can be shut: for the clients, the server is away then."""

    def __init__(self, url):
        host, port = url.split("://", 1)[1].split("/")[0].rsplit(":", 1)
        self.target = host, int(port)
        self.lock = threading.Lock()
        self.open = []
        self.port = free_port()
        self.listening = None
        self.mend()

    def mend(self):
        self.listening = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, args=(self.listening,), daemon=True).start()

    def cut(self):
        listening, self.listening = self.listening, None
        with self.lock:
            ends, self.open = [*self.open, *filter(None, [listening])], []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    close = cut

    def _accept(self, listening):
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return  # shut
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            with self.lock:
                if self.listening is not listening:
                    client.close()
                    server.close()
                    return
                self.open += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class MeshTest(unittest.TestCase):
    """One control plane for the tests of a class, `base` applied and Ready in it. Tests use names of their own."""

    base = ()
    maxDiff = 4000

    @classmethod
    def make_lab(cls):
        """Which API server, and what is changed about it before the control plane starts, is for those who override."""
        mesh = Lab()
        cls.addClassCleanup(mesh.close)
        return mesh

    @classmethod
    def setUpClass(cls):
        cls.mesh = cls.make_lab()
        cls.mesh.start()
        spaces = [item for item in cls.base if item["kind"] == "Namespace"]
        if spaces:
            cls.apply(*spaces)
        if cls.base:
            cls.apply(*cls.base)
        for item in cls.base:
            if item["kind"] in ("Backend", "Domain", "DataProduct"):
                cls.mesh.wait_condition(item["kind"].lower(), item["metadata"]["name"],
                                        item["metadata"].get("namespace", ""), seconds=2 * WAIT_SECONDS)

    @classmethod
    def apply(cls, *things):
        return cls.mesh.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(things)}))

    @classmethod
    def external(cls, name, endpoint, engine="postgresql", **fields):
        """A backend that is reached with the fields of a Secret."""
        secret = thing("Secret", f"{name}-admin", None, "datamesh-system")
        secret["stringData"] = {key: value for key, value in fields.items() if key != "endpoint"}
        cls.apply(secret, backend(name, engine, external={
            "endpoint": endpoint, "credentialsRef": {"namespace": "datamesh-system", "name": f"{name}-admin"}}))

    def setUp(self):
        self.begun = len((self.mesh.root / "log").read_text(errors="replace"))

    def run(self, result=None):
        """Shows what the control plane said during a test that failed."""
        before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > before and hasattr(self, "begun"):
            said = (self.mesh.root / "log").read_text(errors="replace")[self.begun:]
            print(f"--- the control plane during {self.id()}\n{said[-3000:]}---", file=sys.stderr)

    def refused(self, item):
        """What the API says to an object that it must not take."""
        answer = self.mesh.run("kubectl", "apply", "-f", "-", stdin=json.dumps(item))
        self.assertFalse(answer.ok, answer)
        return answer.err

    def delete(self, kind, name, ns="", seconds=WAIT_SECONDS):
        """Deletes, and waits until it is gone."""
        self.mesh.kubectl("delete", kind, name, f"--timeout={seconds}s", *(["-n", ns] if ns else []),
                          seconds=seconds + 30)

    def patch(self, kind, name, ns="", **spec):
        self.mesh.kubectl("patch", kind, name, "--type=merge", "-p", patch_of(**spec), *(["-n", ns] if ns else []))

    @classmethod
    def annotate(cls, kind, name, ns, *notes):
        cls.mesh.kubectl("annotate", "--overwrite", kind, name, *notes, *(["-n", ns] if ns else []))

    def looked_at(self, kind, name, ns, request):
        """Asks for a look, and waits until it was made. `request` is a word that was not used before."""
        self.annotate(kind, name, ns, f"datamesh.dev/requested-at={request}")
        wait_for(lambda: self.mesh.get(kind, name, ns)["status"].get("lastHandledRequest") == request,
                 f"the request {request} to {kind} {name} is answered")

    def admin(self, sql, backend_name="warehouse"):
        """As the superuser of a managed PostgreSQL."""
        answer = self.mesh.superuser_psql(backend_name, sql)
        self.assertTrue(answer.ok, answer)
        return answer.out

    def works(self, uri, sql):
        answer = psql(uri, sql)
        self.assertTrue(answer.ok, answer)
        return answer.out

    def fails(self, uri, sql, word):
        answer = psql(uri, sql)
        self.assertFalse(answer.ok, f"it worked: {sql}: {answer}")
        self.assertIn(word, answer.err)

    def soon_fails(self, uri, sql="SELECT 1", seconds=WAIT_SECONDS):
        def look():
            answer = psql(uri, sql)
            return None if answer.ok else answer
        return wait_for(look, f"{sql} is refused", seconds)

    def uri_of(self, ns, name):
        """The consumer's way in, once its subscription is Active."""
        self.mesh.wait_phase(ns, name, "Active")
        return self.mesh.secret(ns, name)["uri"]

    def secret_gone(self, ns, name):
        wait_for(lambda: self.mesh.secret(ns, name) is None, f"the Secret {ns}/{name} is removed")
