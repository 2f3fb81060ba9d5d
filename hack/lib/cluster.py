"""A real Kubernetes API of one's own: etcd, kube-apiserver and kube-controller-manager in a temporary directory.

Shared by hack/lib/lab.py (`Lab(server="kubernetes")`) and the tests of tests/e2e/kubernetes. There are no nodes and no
pods: what is tested is the API, with RBAC, TLS, ServiceAccount tokens, quotas, namespace deletion and garbage collection.
The programs come from hack/kubernetes-assets. Each part can be stopped, killed, paused and started again.
"""

import base64
import datetime
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

from processes import ROOT, free_port

START_SECONDS, STOP_SECONDS, STARTS_MAX = 120, 60, 3
SKIPPED = 77  # what ctest counts as skipped
CONTROLLERS = ("namespace-controller", "garbage-collector-controller", "serviceaccount-controller",
               "serviceaccount-token-controller", "resourcequota-controller", "root-ca-certificate-publisher-controller",
               "clusterrole-aggregation-controller")
AUTHORITY = """
[ca]
default_ca = here
[here]
database = {folder}/ca.index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
organizationName = optional
commonName = supplied
"""
ADMISSION = "NamespaceLifecycle,ResourceQuota,OwnerReferencesPermissionEnforcement,ServiceAccount"


def assets():
    """The folder with the programs, or None where they cannot be had; then a line on stderr says why."""
    found = subprocess.run([str(ROOT / "hack" / "kubernetes-assets"), "--find"], stdout=subprocess.PIPE, text=True,
                           check=False)
    if found.returncode not in (0, SKIPPED):
        raise RuntimeError(f"hack/kubernetes-assets ended with {found.returncode}")
    return pathlib.Path(found.stdout.strip()) if found.returncode == 0 else None


def skip_without_assets():
    """Ends a test program, as skipped, where there is no real API server."""
    if assets() is None:
        sys.exit(SKIPPED)


class Part:
    """One program of the cluster, with a log of its own."""

    def __init__(self, name, folder, command, ready):
        self.name, self.folder, self.command, self.ready = name, folder, command, ready
        self.process = None

    def start(self):
        with open(self.folder / f"{self.name}.log", "ab") as log:
            # Whoever ends this program, however, ends its servers with it.
            self.process = subprocess.Popen([shutil.which("setpriv"), "--pdeathsig", "KILL", *map(str, self.command())],
                                            stdout=log, stderr=log, start_new_session=True)
        self.wait_ready()

    def wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} is not ready in {START_SECONDS} s:\n{self.log()}")
            time.sleep(0.1)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.is_running():
            self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        if self.process is None:
            return
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def log(self):
        return (self.folder / f"{self.name}.log").read_text(errors="replace")[-4000:]


class Cluster:
    """The three parts and the ways in.

    `durable`: etcd writes to the disk itself before it answers, as in production. `apiserver`: more arguments for it.
    """

    def __init__(self, folder, durable=False, apiserver=()):
        self.more = apiserver
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.durable = durable
        self.bin = assets()
        if self.bin is None:
            raise RuntimeError("there is no real Kubernetes API server: see hack/kubernetes-assets")
        self.etcd = Part("etcd", self.folder, self._etcd, lambda: self._answers(self.etcd_url + "/readyz"))
        self.apiserver = Part("kube-apiserver", self.folder, self._apiserver, lambda: self._answers(self.url + "/readyz"))
        self.controllers = Part("kube-controller-manager", self.folder, self._controllers, lambda: True)
        self.parts = (self.etcd, self.apiserver, self.controllers)
        self.kubeconfig = str(self.folder / "admin.kubeconfig")
        self.authority = self.folder / "ca.crt"

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self):
        """All parts, on the ports of before when there was a before."""
        if (self.authority).exists():
            for part in self.parts:
                if not part.is_running():
                    part.start()
            return
        self._make_authority()
        for attempt in range(1, STARTS_MAX + 1):
            self.etcd_port, self.peer_port, self.port = free_port(), free_port(), free_port()
            try:
                self.etcd.start()
                self.apiserver.start()
                break
            except RuntimeError as error:
                self.apiserver.kill()
                self.etcd.kill()
                if "address already in use" not in str(error) or attempt == STARTS_MAX:
                    raise
                shutil.rmtree(self.folder / "etcd", ignore_errors=True)
        self.client_kubeconfig("admin", ["system:masters"], self.kubeconfig)
        self.controllers.start()

    def stop(self):
        for part in reversed(self.parts):
            part.stop()

    def pids(self):
        return [part.process.pid for part in self.parts if part.process]

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def etcd_url(self):
        return f"http://127.0.0.1:{self.etcd_port}"

    def _answers(self, url):
        context = ssl.create_default_context(cafile=str(self.authority))
        try:
            with urllib.request.urlopen(url, timeout=10, context=context) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def _etcd(self):
        peer = f"http://127.0.0.1:{self.peer_port}"
        return [self.bin / "etcd", "--name", "one", "--data-dir", self.folder / "etcd", "--listen-client-urls",
                self.etcd_url, "--advertise-client-urls", self.etcd_url, "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer, "--initial-cluster", f"one={peer}", "--log-level", "warn",
                *([] if self.durable else ["--unsafe-no-fsync"])]

    def _apiserver(self):
        here = self.folder
        return [self.bin / "kube-apiserver", "--etcd-servers", self.etcd_url, "--bind-address", "127.0.0.1",
                "--advertise-address", "127.0.0.1", "--secure-port", self.port, "--endpoint-reconciler-type", "none",
                "--tls-cert-file", here / "server.crt", "--tls-private-key-file", here / "server.key",
                "--client-ca-file", self.authority, "--authorization-mode", "RBAC",
                "--enable-admission-plugins", ADMISSION, "--service-cluster-ip-range", "10.0.0.0/24",
                "--service-account-issuer", "https://kubernetes.default.svc",
                "--service-account-key-file", here / "accounts.pub",
                "--service-account-signing-key-file", here / "accounts.key", *self.more]

    def _controllers(self):
        here = self.folder
        return [self.bin / "kube-controller-manager", "--kubeconfig", self.kubeconfig, "--leader-elect=false",
                "--secure-port", "0", "--controllers", ",".join(CONTROLLERS), "--use-service-account-credentials",
                "--service-account-private-key-file", here / "accounts.key", "--root-ca-file", self.authority]

    # --- who is who --------------------------------------------------------------------------------------------------

    def _openssl(self, *words):
        done = subprocess.run(["openssl", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode:
            raise RuntimeError(f"openssl {words[0]}: {done.stdout}")

    def _make_key(self, path):
        self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)

    def _make_authority(self):
        (self.folder / "ca.cnf").write_text(AUTHORITY.format(folder=self.folder))
        (self.folder / "ca.index").touch()
        self._make_key(self.folder / "ca.key")
        self._sign("ca", "/CN=test authority", "basicConstraints=critical,CA:TRUE\n"
                   "keyUsage=critical,keyCertSign,cRLSign,digitalSignature\nsubjectKeyIdentifier=hash", "-selfsign")
        self._make_key(self.folder / "accounts.key")
        self._openssl("pkey", "-in", self.folder / "accounts.key", "-pubout", "-out", self.folder / "accounts.pub")
        self.certify("server", "/CN=kube-apiserver", "serverAuth",
                     "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc")

    def certify(self, name, subject, usage, more=""):
        """A key and a certificate, as NAME.key and NAME.crt, valid from yesterday on: clocks differ."""
        self._make_key(self.folder / f"{name}.key")
        return self._sign(name, subject, f"keyUsage=critical,digitalSignature\nextendedKeyUsage={usage}\n{more}",
                          "-cert", self.authority)

    def _sign(self, name, subject, extensions, *how):
        key, request, made, said = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt", "ext"))
        self._openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
        said.write_text(extensions + "\n")
        now = datetime.datetime.now(datetime.timezone.utc)
        begin, end = ((now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ") for days in (-1, 2))
        self._openssl("ca", "-config", self.folder / "ca.cnf", "-batch", "-notext", "-preserveDN", "-in", request,
                      "-keyfile", self.folder / "ca.key", "-startdate", begin, "-enddate", end, "-extfile", said,
                      "-out", made, *how)
        return made, key

    def write_kubeconfig(self, path, user, server=None):
        """A kubeconfig for a user entry. `server`: another way to the API, a proxy's."""
        def entry(kind, value):
            return [{"name": "test", kind: value}]
        authority = base64.b64encode((self.authority).read_bytes()).decode()
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "test",
                  "clusters": entry("cluster", {"server": server or self.url, "certificate-authority-data": authority}),
                  "contexts": entry("context", {"cluster": "test", "user": "test"}), "users": entry("user", user)}
        path = pathlib.Path(path)
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=1))
        return str(path)

    def client_kubeconfig(self, user, groups=(), path=None, server=None):
        """For a person, by client certificate."""
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        name = "".join(c if c.isalnum() else "-" for c in user)
        certificate, key = self.certify(f"client-{name}", subject, "clientAuth")
        data = {field: base64.b64encode(file.read_bytes()).decode()
                for field, file in (("client-certificate-data", certificate), ("client-key-data", key))}
        return self.write_kubeconfig(path or self.folder / f"{name}.kubeconfig", data, server)

    def token_kubeconfig(self, ns, account, seconds=3600, path=None, server=None):
        """For a ServiceAccount that exists, by a token of limited life in a file beside the kubeconfig."""
        path = pathlib.Path(path or self.folder / f"{ns}-{account}.kubeconfig")
        token = path.with_suffix(".token")
        token.touch(mode=0o600)
        token.write_text(self.kubectl("create", "token", account, "-n", ns, f"--duration={seconds}s"))
        return self.write_kubeconfig(path, {"tokenFile": token.name}, server)

    # --- clients -----------------------------------------------------------------------------------------------------

    def kubectl(self, *words, stdin=None, seconds=120):
        """Output of a kubectl of the cluster's own version, as administrator, that must succeed."""
        done = subprocess.run([str(self.bin / "kubectl"), "--kubeconfig", self.kubeconfig, *map(str, words)], input=stdin,
                              text=True, timeout=seconds, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(map(str, words))}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def _etcd_call(self, path, body):
        request = urllib.request.Request(self.etcd_url + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def compact(self):
        """etcd forgets all but the present, as it would some minutes later by itself. The revision."""
        revision = int(self._etcd_call("/v3/kv/range", {"key": "AA==", "limit": 1})["header"]["revision"])
        self._etcd_call("/v3/kv/compaction", {"revision": revision, "physical": True})
        return revision
