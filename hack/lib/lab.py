"""A mesh of one's own in a temporary directory, and the clients that real users have: `datamesh up`, or `datamesh
controller` against a real Kubernetes API server.

Shared by hack/demo and the tests of tests/e2e/mesh. Nothing here knows how the product works inside: it starts the
program, and talks to it with kubectl, psql and nats_client, as a user would.
"""

import base64
import contextlib
import json
import os
import pathlib
import pwd
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import processes
from api import Reader
from cluster import Cluster
from processes import (BINARY, CALL_SECONDS, Failed, ROOT, START_SECONDS, WAIT_SECONDS, call, find_tool, is_alive,
                       search_path, wait_for)

RETAIL = ROOT / "examples" / "retail"
CRDS, INSTALL = ROOT / "crds", ROOT / "manifests" / "kubernetes"
SYSTEM = "datamesh-system"
SERVERS = ("embedded", "kubernetes")


def nats_client():
    """Beside the product, or where NATS_CLIENT says."""
    path = pathlib.Path(os.environ.get("NATS_CLIENT") or BINARY.parent / "nats_client")
    if not path.exists():
        raise Failed(f"there is no {path}: build the target nats_client")
    return str(path)


def condition(thing, kind):
    """(status, reason, message) of a condition; empty words where there is none."""
    for item in (thing or {}).get("status", {}).get("conditions", []):
        if item["type"] == kind:
            return item["status"], item.get("reason", ""), item.get("message", "")
    return "", "", ""


def patch_of(**spec):
    return json.dumps({"spec": spec})


def psql_environment():
    # What the machine has in ~/.psqlrc, ~/.pgpass and PG* is not the consumer's.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "PSQLRC": "/dev/null", "PGPASSFILE": "/dev/null", "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C.UTF-8"}


def psql(uri, sql, seconds=CALL_SECONDS):
    """One run of psql: rows as lines, columns apart by a bar."""
    return call(find_tool("psql"), uri, "-X", "-At", "-v", "ON_ERROR_STOP=1", "-f", "-", stdin=sql,
                env=psql_environment(), seconds=seconds)


class OpenSession:
    """A psql that stays connected between its questions."""

    def __init__(self, uri):
        self.process = processes.start(find_tool("psql"), uri, "-X", "-At", "-v", "ON_ERROR_STOP=1",
                                       env=psql_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT)
        self.said = ""
        self.asked = 0
        self.events = selectors.DefaultSelector()
        self.events.register(self.process.stdout, selectors.EVENT_READ)

    def tell(self, sql):
        """Sends a statement whose answer nobody waits for."""
        with contextlib.suppress(BrokenPipeError):  # then it has ended, and its last words are to be read
            self.process.stdin.write(sql.encode())
            self.process.stdin.flush()

    def ask(self, sql, seconds=WAIT_SECONDS):
        """The lines of the answer, or None when the session is over; `said` has its last words."""
        self.asked += 1
        mark = f"--asked {self.asked}--"
        self.tell(f"{sql};\n\\echo {mark}\n")
        text, deadline = b"", time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.events.select(timeout=deadline - time.monotonic()):
                continue
            read = os.read(self.process.stdout.fileno(), 65536)
            if not read:
                self.said += text.decode()
                return None
            text += read
            if text.rstrip().endswith(mark.encode()):
                return text.decode().rsplit(mark, 1)[0].strip()
        raise Failed(f"no answer to {sql} in {seconds} s: {text.decode()}")

    def wait_until_cut(self):
        """Once the server has ended the session, which psql tells by its exit code: its last words.

        It is asked for nothing that needs a right: rights are taken before sessions are cut, and psql ends at an error.
        """
        wait_for(lambda: self.ask("SELECT 1") is None, "the open session is ended")
        code = self.process.wait(WAIT_SECONDS)
        if code != 2 or "terminating connection" not in self.said:
            raise Failed(f"it ended in another way, exit code {code}: {self.said}")
        return self.said

    def close(self):
        processes.end(self.process, signal.SIGKILL)
        self.events.close()


class Lab:
    """One control plane, its data directory, and the clients. Use it as a context: nothing outlives it.

    `server` is one of SERVERS; DATAMESH_SERVER chooses for those who do not say. Everything else is the same with both,
    but that a real API server outlives a control plane that is killed.
    """

    def __init__(self, *arguments, root=None, server=None):
        self.server = server or os.environ.get("DATAMESH_SERVER") or SERVERS[0]
        if self.server not in SERVERS:
            raise ValueError(f"no such server: {self.server}; there are {', '.join(SERVERS)}")
        self.root = pathlib.Path(root or tempfile.mkdtemp(prefix="datamesh-lab-"))
        self.root.chmod(0o755)  # managed servers run as another user
        self.data = self.root / "data"
        self.home = self.root / "home"
        self.home.mkdir(exist_ok=True)
        self.arguments = arguments
        self.process = None
        self.endpoints = {}
        self._reader = None
        self.cluster = Cluster(self.root / "cluster") if self.server == "kubernetes" else None
        self.controller_kubeconfig = None
        self.variables = {}  # more of the control plane's environment
        self.closing = contextlib.ExitStack()

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # --- the process -------------------------------------------------------------------------------------------------

    def install(self):
        """A cluster with what people apply to it; there are no nodes, so the controller runs here, with its rights there."""
        self.cluster.start()
        self.cluster.kubectl("apply", "--server-side", "-k", INSTALL)
        self.cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", CRDS)
        self.controller_kubeconfig = self.controller_through(self.cluster.url)

    def controller_through(self, server):
        """A kubeconfig for the controller, as its ServiceAccount, by that way to the API server."""
        return self.cluster.token_kubeconfig(SYSTEM, "datamesh", path=self.root / "controller.kubeconfig", server=server)

    def _command(self):
        if self.cluster:
            return ["controller", "--kubeconfig", self.controller_kubeconfig]
        return ["up", "--port", "0"]

    def start(self):
        if self.cluster and not self.controller_kubeconfig:
            self.install()
        with open(self.root / "log", "ab") as log:
            self.process = processes.start(BINARY, *self._command(), "--data-dir", self.data, "--telemetry-port", "0",
                                           *self.arguments, stdout=log, stderr=log,
                                           env={**os.environ, "PATH": search_path(), **self.variables},
                                           start_new_session=True)
        self.endpoints = wait_for(self._endpoints, "the control plane answers", START_SECONDS)
        self._reader = None

    def _endpoints(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"datamesh {self._command()[0]} ended with {self.process.returncode}:\n{self.log()}")
        try:
            endpoints = json.loads((self.data / "endpoints.json").read_text())
            if endpoints["pid"] != self.process.pid:
                return None
            with urllib.request.urlopen(endpoints["telemetry"] + "/readyz", timeout=10) as answer:
                return endpoints if answer.status == 200 else None
        except (OSError, urllib.error.URLError):
            return None  # not yet

    def stop(self):
        """As a person would; its servers stop with it."""
        return processes.end(self.process) if self.process else None

    def kill(self):
        """As the machine would."""
        if self.process:
            processes.end(self.process, signal.SIGKILL)

    def close(self):
        self.closing.close()
        try:
            self.stop()
        finally:
            self._end_servers()
            if self.cluster:
                self.cluster.stop()
            shutil.rmtree(self.root, ignore_errors=True)

    def _end_servers(self):
        """What a killed control plane left behind, by process id."""
        for backend in self.backends_running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.server_pid(backend), signal.SIGKILL)

    def backends_running(self):
        return [folder.name for folder in (self.data / "backends").glob("*") if self.server_pid(folder.name)]

    def server_pid(self, backend):
        """The process of a managed server, or 0."""
        try:
            pid = int((self.data / "backends" / backend / "pid").read_text().split()[0])
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            return 0
        return pid if is_alive(pid) and str(self.data / "backends" / backend).encode() in command else 0

    def log(self):
        return (self.root / "log").read_text(errors="replace")[-6000:]

    # --- clients -----------------------------------------------------------------------------------------------------

    @property
    def kubeconfig(self):
        """The administrator's."""
        return self.cluster.kubeconfig if self.cluster else self.endpoints["kubeconfig"]

    def environment(self, **more):
        return {**os.environ, "PATH": search_path(), "HOME": str(self.home), "NO_COLOR": "1", "LC_ALL": "C.UTF-8",
                "KUBECONFIG": self.kubeconfig, **more}

    def run(self, tool, *words, stdin=None, seconds=CALL_SECONDS):
        """Answer of kubectl, helm or datamesh with the administrator's kubeconfig."""
        path = BINARY if tool == "datamesh" else find_tool(tool)
        return call(path, *words, stdin=stdin, env=self.environment(), seconds=seconds)

    def kubectl(self, *words, stdin=None, seconds=CALL_SECONDS):
        """Output of a kubectl that must succeed."""
        answer = self.run("kubectl", *words, stdin=stdin, seconds=seconds)
        if not answer.ok:
            raise Failed(f"kubectl {' '.join(str(word) for word in words)}: {answer}")
        return answer.out

    def apply(self, yaml):
        return self.kubectl("apply", "-f", "-", stdin=yaml)

    def reader(self):
        # A control plane that was started again answers elsewhere.
        if self._reader is None:
            self._reader = Reader(self.kubeconfig)
        return self._reader

    def list(self, kinds, *words):
        """Of several kinds by commas. `words`: "-n", namespace; or "-A"."""
        return self.reader().list(kinds, words[1] if words[:1] == ("-n",) else "")

    def get(self, kind, name, ns=""):
        """The object, or None."""
        return self.reader().get(kind, name, ns)

    def secret(self, ns, name):
        """The fields of a Secret as text, or None."""
        found = self.get("secret", name, ns)
        return found and {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}

    def member_secret(self, ns, user, backend):
        """The Secret of a domain's member, found by whom it is for."""
        for found in self.list("secret", "-n", ns):
            principal = found["metadata"].get("annotations", {}).get("datamesh.dev/principal", "")
            if principal.startswith("Member/") and principal.endswith(f"@{backend}/{user}"):
                return self.secret(ns, found["metadata"]["name"])
        return None

    def admin_uri(self, backend):
        """The control plane's own way into a PostgreSQL server: what a person with too many rights would use."""
        admin = self.secret(SYSTEM, f"{backend}-admin")
        return admin["endpoint"].replace("://", f"://{admin['username']}:{admin['password']}@", 1)

    def superuser_psql(self, backend, sql):
        """psql as the server's superuser, over its socket in the data directory."""
        folder = self.data / "backends" / backend
        port = (folder / "port").read_text().split()[0]
        owner = os.stat(folder / "data").st_uid
        words = [find_tool("psql"), "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", str(folder / "run"), "-p", port, "-U",
                 pwd.getpwuid(owner).pw_name, "-d", "mesh", "-f", "-"]
        if owner != os.getuid():
            words = [find_tool("setpriv"), f"--reuid={owner}", "--clear-groups", *words]
        return call(*words, stdin=sql, env=psql_environment())

    def nats(self, fields, command, *words, seconds=CALL_SECONDS):
        """nats_client with the fields of a Secret, which it reads as files."""
        with tempfile.TemporaryDirectory(dir=self.root) as folder:
            for name, value in fields.items():
                pathlib.Path(folder, name).write_text(value)
            return call(nats_client(), command, folder, *words, seconds=seconds)

    def nats_system(self, backend):
        """Fields for nats_client as the server's own administrator."""
        admin = self.secret(SYSTEM, f"{backend}-admin")
        return {"uri": admin["endpoint"], "credentials": admin["systemCredentials"]}

    def drop_streams(self, backend, member):
        """All streams of a member's account, as an administrator who slipped would."""
        answer = self.nats(self.nats_system(backend), "request", f"$JS.API.ACCOUNT.PURGE.{account_of(member)}", "{}")
        if '"initiated":true' not in answer.out:
            raise Failed(f"the streams could not be dropped: {answer}")

    def interrupted_apply(self, manifest, answers):
        """kubectl apply, and kill -9 of the control plane after that many answers. The names that were answered."""
        with processes.start(find_tool("kubectl"), "apply", "-f", manifest, env=self.environment(), text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as applying:
            lines = []
            for line in applying.stdout:
                lines.append(line)
                if len(lines) == answers:
                    self.kill()
        if len(lines) < answers:
            raise Failed(f"kubectl was told of {len(lines)} objects only")
        return [line.split()[0] for line in lines]

    # --- waiting -----------------------------------------------------------------------------------------------------

    def wait_condition(self, kind, name, ns="", type_="Ready", status="True", reason=None,
                       seconds=WAIT_SECONDS):
        """The message of a condition, once it is as given, about the newest generation."""
        def look():
            thing = self.get(kind, name, ns)
            found = condition(thing, type_)
            if thing and thing["status"].get("observedGeneration", 0) < thing["metadata"]["generation"]:
                raise Failed(f"an older generation: {found}")
            if found[0] != status or reason not in (None, found[1]):
                raise Failed(str(found))
            return found[2] or " "
        return wait_for(look, f"{kind} {ns}/{name} has {type_}={status} {reason or ''}", seconds)

    def wait_phase(self, ns, name, phase, seconds=WAIT_SECONDS):
        def look():
            found = self.get("subscription", name, ns)
            if not found or found.get("status", {}).get("phase") != phase:
                raise Failed(str(found and found.get("status")))
            return found
        return wait_for(look, f"subscription {ns}/{name} is {phase}", seconds)

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels."""
        return metric(self.endpoints["telemetry"], name, **labels)


def answers(url):
    """Whether that URL answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def metric(telemetry, name, **labels):
    """The sum of a metric's samples that have these labels."""
    with urllib.request.urlopen(telemetry + "/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines
               if line.startswith((name + "{", name + " ")) and all(part in line for part in wanted))


def account_of(fields):
    """The NATS account that a credential belongs to, as its token says."""
    token = fields["credentials"].split("-----\n", 1)[1].split("\n", 1)[0]
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["nats"]["issuer_account"]
