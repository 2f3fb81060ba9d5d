"""A mesh on a real API server that faults are done to, and what must hold through all of them.

The world: a product with a row in it, a consumer who reads it, a team with a member, a schema that somebody else made.
What is in the server is noted before a fault. Afterwards the same must be there, none of it made anew; and nobody who may
read was refused in between.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mesh"))
from harness import (Lab, MeshTest, OpenSession, approval, backend, contract, domain, namespace,  # noqa: E402
                     product, psql, subscription, thing, wait_for)
from processes import WAIT_SECONDS  # noqa: E402,F401
import lab as kit  # noqa: E402,F401: harness.py has made hack/lib known
from cluster import skip_without_assets  # noqa: E402,F401

READ = "SELECT id FROM sales__orders_v1.rows"
READ_SECONDS = 0.5  # between two looks of the consumer
# Everything that the world consists of in the server: who is who, what is theirs, and what they may do with it. The
# control plane's own password is a new one each time that it starts the server.
NOTE = """
SELECT 'role', oid, rolname, CASE WHEN rolname <> 'mesh_cp' THEN rolpassword END FROM pg_authid WHERE rolname !~ '^pg_'
UNION ALL SELECT 'member', roleid, roleid::regrole || ' to ' || member::regrole, NULL FROM pg_auth_members
  WHERE roleid > 16383
UNION ALL SELECT 'schema', oid, nspname, nspacl::text FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'
UNION ALL SELECT 'relation', c.oid, n.nspname || '.' || relname, relacl::text FROM pg_class c
  JOIN pg_namespace n ON n.oid = relnamespace WHERE n.nspname !~ '^(pg_|information_schema)'
UNION ALL SELECT 'column', attrelid, attrelid::regclass || '.' || attname, attacl::text FROM pg_attribute
  WHERE attacl IS NOT NULL AND attrelid > 16383
ORDER BY 1, 2, 3
"""


class FaultTest(MeshTest):
    """One cluster, one controller, one world for the tests of a class. Tests use names of their own."""

    asked = subscription("growth", "reads-orders", "sales/orders")
    world = (domain("sales", [("ana", "owner")]), domain("growth", [("gus", "owner")]), contract("sales", "plain"),
             product("sales", "orders", "plain"), asked, approval(asked))
    base = (namespace("sales"), namespace("growth"), backend("warehouse"), *world)
    arguments = ()  # of the controller
    machine = None  # the lab that the database server runs in

    @classmethod
    def make_lab(cls):
        mesh = Lab(*cls.arguments, server="kubernetes")
        cls.addClassCleanup(mesh.close)
        mesh.install()
        cls.machine = mesh
        return mesh

    @classmethod
    def superuser(cls, sql):
        """As the superuser of the PostgreSQL server."""
        answer = cls.machine.superuser_psql("warehouse", sql)
        assert answer.ok, answer
        return answer.out

    def admin(self, sql, backend_name="warehouse"):
        return self.superuser(sql)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mesh.wait_phase("growth", "reads-orders", "Active")
        cls.uri = cls.mesh.secret("growth", "reads-orders")["uri"]
        cls.superuser("INSERT INTO sales__orders_v1.rows (id) VALUES (7); CREATE SCHEMA theirs; "
                      "CREATE TABLE theirs.treasure (id int)")

    def noted(self):
        return self.admin(NOTE).splitlines()

    def said(self):
        """By the control plane, since the test began."""
        return (self.mesh.root / "log").read_text(errors="replace")[self.begun:]

    @contextlib.contextmanager
    def unharmed(self, but=None, reads=True):
        """What is there now is there afterwards, as it was, but what has the name `but`; the consumer reads all the time,
        where that is asked for."""
        before = [line for line in self.noted() if but is None or but not in line]
        refusals, over = [], threading.Event()

        def read():
            while not over.wait(READ_SECONDS):
                answer = psql(self.uri, READ)
                # On a loaded machine an answer may come too late; that is no refusal.
                if answer.out != "7" and "timeout expired" not in answer.err:
                    refusals.append(answer)

        with contextlib.ExitStack() as closing:
            if reads:
                session = OpenSession(self.uri)
                closing.callback(session.close)
                reader = threading.Thread(target=read, daemon=True)
                reader.start()
                closing.callback(reader.join)
                closing.callback(over.set)
            yield
            if reads:
                self.assertEqual(session.ask(READ), "7", session.said)
        self.assertEqual(refusals, [], "the consumer was refused")
        after = self.noted()
        self.assertEqual([line for line in before if line not in after], [], "something was deleted or made anew")

    def declare(self, name, **more):
        """A product and its reader."""
        asked = subscription("growth", f"reads-{name}", f"sales/{name}")
        self.apply(product("sales", name, "plain", **more), asked, approval(asked))

    def serves(self, *names, seconds=180):
        """Those products are Ready, and their readers read."""
        for name in names:
            self.mesh.wait_condition("dataproduct", name, "sales", seconds=seconds)
            self.mesh.wait_phase("growth", f"reads-{name}", "Active", seconds=seconds)
            uri = self.mesh.secret("growth", f"reads-{name}")["uri"]
            self.works(uri, f"SELECT id FROM sales__{name}_v1.rows")
        self.mesh.wait_condition("backend", "warehouse", "", "InSync", seconds=seconds)

    def gone(self, name, seconds=180):
        wait_for(lambda: self.mesh.get("dataproduct", name, "sales") is None, f"product {name} is gone", seconds)
        found = self.admin(f"SELECT count(*) FROM pg_namespace WHERE nspname = 'sales__{name}_v1'")
        self.assertEqual(found, "0", "the schema is still there")

    def steady(self):
        """Nothing is written any more: the declarations keep their resourceVersions."""
        def versions():
            return {item["metadata"]["uid"]: item["metadata"]["resourceVersion"]
                    for item in self.mesh.list("backend,domain,dataproduct,datacontract,subscription,approval", "-A")}
        seen = [versions()]

        def same():
            passes = self.mesh.metric("datamesh_pass_seconds_count")
            wait_for(lambda: self.mesh.metric("datamesh_pass_seconds_count") > passes, "another look at the backend")
            seen.append(versions())
            return seen[-1] == seen[-2]
        wait_for(same, "the declarations are at rest")


class Another:
    """A second controller on the same cluster, which runs no servers."""

    def __init__(self, mesh, *arguments, **variables):
        self.log = mesh.root / f"another-{time.monotonic_ns()}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [kit.find_tool("setpriv"), "--pdeathsig", "TERM", str(kit.BINARY), "controller", "--kubeconfig",
                 mesh.controller_kubeconfig, "--telemetry-port", "0", *arguments], stdout=log, stderr=log,
                env={**os.environ, "PATH": kit.search_path(), **variables}, start_new_session=True)
        self.telemetry = wait_for(self._telemetry, "the other control plane answers", kit.START_SECONDS)

    def _telemetry(self):
        assert self.process.poll() is None, self.said()
        found = re.search(r"telemetry +(\S+)/metrics", self.said())
        if found and kit.answers(found[1] + "/readyz"):
            return found[1]
        return None

    def said(self):
        return self.log.read_text(errors="replace")

    def metric(self, name, **labels):
        return kit.metric(self.telemetry, name, **labels)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()


class ElsewhereTest(FaultTest):
    """The database server is not the controller's own, so that it lives on when that is killed."""

    @classmethod
    def make_lab(cls):
        # A control plane that keeps a server running, and does nothing else with it.
        machine = Lab(server="embedded")
        cls.addClassCleanup(machine.close)
        machine.start()
        machine.apply(json.dumps(backend("warehouse")))
        machine.wait_condition("backend", "warehouse")
        machine.kubectl("annotate", "backend", "warehouse", "datamesh.dev/reconcile=paused")
        machine.wait_condition("backend", "warehouse", "", "Reachable", "Unknown", "Paused")
        admin = machine.secret(kit.SYSTEM, "warehouse-admin")
        mesh = super().make_lab()
        cls.machine = machine
        endpoint = admin.pop("endpoint")
        secret = {**thing("Secret", "warehouse-login", None, kit.SYSTEM), "stringData": admin}
        mesh.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(secret))
        external = {"endpoint": endpoint, "credentialsRef": {"namespace": kit.SYSTEM, "name": "warehouse-login"}}
        cls.base = (namespace("sales"), namespace("growth"), backend("warehouse", external=external), *cls.world)
        return mesh
