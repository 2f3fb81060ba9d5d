"""The image as the chart deploys it: two replicas, each started as the kubelet would start the Pod that the API server took
- its arguments, environment, user, ServiceAccount, a read-only root filesystem with nothing but the image - on a real
Kubernetes API server. The mesh is on the engine `memory`."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

from image_test import USER, make_image
from rendered import CHART, NAMESPACE, call, find_tool
from cluster import SKIPPED, Cluster, skip_without_assets
from lab import condition
from api import Reader
from processes import Failed, end, free_port, search_path, start, wait_for

ACCOUNT = "var/run/secrets/kubernetes.io/serviceaccount"
# As root, so that the tree is mounted read-only, and its place is the whole of what the program sees.
AS_A_POD = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$1" || exit
user=$2; shift 2
exec chroot --userspec="$user" . "$@"
"""
MESH = """
apiVersion: datamesh.dev/v1alpha1
kind: Backend
metadata: {name: toy}
spec: {engine: memory, managed: {}}
---
apiVersion: datamesh.dev/v1alpha1
kind: Domain
metadata: {name: sales}
spec: {name: Sales, team: {name: sales, members: []}}
---
apiVersion: datamesh.dev/v1alpha1
kind: DataContract
metadata: {name: orders, namespace: sales}
spec:
  name: Orders
  version: 1.0.0
  schema: [{name: orders, properties: [{name: id, logicalType: string, primaryKey: true}]}]
---
apiVersion: datamesh.dev/v1alpha1
kind: DataProduct
metadata: {name: orders, namespace: sales}
spec:
  name: Orders
  version: 1.0.0
  outputPorts:
  - {name: orders, version: 1.0.0, type: tables, provisioning: {contractRef: {name: orders}, backend: toy}}
"""


class Replica:
    """One Pod of the Deployment."""

    def __init__(self, name, folder, image, cluster, deployment):
        self.name, self.root, self.port = name, folder / name, free_port()
        shutil.copytree(image, self.root, symlinks=True)
        account = self.root / ACCOUNT
        account.mkdir(parents=True)
        (account / "token").write_text(cluster.kubectl("create", "token", "datamesh", "-n", NAMESPACE, "--duration=1h"))
        (account / "ca.crt").write_bytes(cluster.authority.read_bytes())
        (account / "namespace").write_text(NAMESPACE)
        pod = deployment["spec"]["template"]["spec"]
        container, = pod["containers"]
        user = pod["securityContext"]
        # Two Pods on this machine have one network.
        arguments = [f"--telemetry-port={self.port}" if word.startswith("--telemetry-port=") else word for word in container["args"]]
        assert arguments != container["args"]
        fields = {"metadata.name": name, "metadata.namespace": NAMESPACE}
        environment = {"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                       "KUBERNETES_SERVICE_PORT": str(cluster.port)}
        for variable in container["env"]:
            environment[variable["name"]] = fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        self.log = open(folder / f"{name}.log", "ab")
        self.process = start(find_tool("unshare"), "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", AS_A_POD,
                             "sh", self.root, f"{user['runAsUser']}:{user['runAsGroup']}", "/usr/bin/datamesh",
                             *arguments, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment)
        self.probes = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")}

    def passes(self, kind):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.probes[kind]}", timeout=10) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def pid(self):
        """Of the program; within its own namespace it is 1."""
        parent = self.process.pid
        return int(wait_for(lambda: pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split(), "it runs")[0])

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            os.kill(self.pid(), how)
        code = end(self.process, 0)
        self.log.close()
        return code


class Deployed(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="datamesh-deployed-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder, True)
        made = make_image(self.folder / "image")
        self.assertTrue(made.ok, made)
        self.cluster = Cluster(self.folder / "cluster")
        self.addCleanup(self.cluster.stop)
        self.cluster.start()
        environment = {**os.environ, "PATH": search_path(), "HOME": str(self.folder), "KUBECONFIG": self.cluster.kubeconfig}
        done = call(find_tool("helm"), "install", "datamesh", CHART, "-n", NAMESPACE, "--create-namespace", env=environment)
        self.assertTrue(done.ok, done)
        self.api = Reader(self.cluster.kubeconfig)
        self.replicas = []
        self.addCleanup(lambda: [replica.stop(signal.SIGKILL) for replica in self.replicas])

    @contextlib.contextmanager
    def what_was_said_shown(self):
        try:
            yield
        except AssertionError:
            for path in sorted(self.folder.glob("*.log")):
                print(f"--- {path.stem}\n{path.read_text(errors='replace')[-3000:]}", file=sys.stderr)
            raise

    def leader(self):
        """The replica that the Lease names."""
        lease = self.api.get("lease", "datamesh", NAMESPACE) or {"spec": {}}
        holder = lease["spec"].get("holderIdentity") or ""
        return next((replica for replica in self.replicas if holder.startswith(replica.name)), None)

    def product_is_ready(self):
        found = self.api.get("dataproduct", "orders", "sales")
        if condition(found, "Ready")[0] != "True" or found["status"]["observedGeneration"] != found["metadata"]["generation"]:
            raise Failed(str(found and found.get("status")))
        return True

    def test_two_replicas_run_as_they_are_deployed_and_one_takes_over(self):
        with self.what_was_said_shown():
            self.run_and_take_over()

    def run_and_take_over(self):
        deployment = self.api.get("deployment", "datamesh", NAMESPACE)
        for name in ("datamesh-one", "datamesh-two"):
            self.replicas.append(Replica(name, self.folder, self.folder / "image" / "rootfs", self.cluster, deployment))
        for replica in self.replicas:
            wait_for(lambda: replica.passes("readiness") and replica.passes("liveness"), f"{replica.name} passes its probes")
            status = pathlib.Path(f"/proc/{replica.pid()}/status").read_text()
            self.assertRegex(status, rf"(?m)^Uid:\s+{USER}\s+{USER}\s+{USER}")
            self.assertRegex(status, r"(?m)^CapEff:\s+0+$")
        first = wait_for(self.leader, "one leads")
        self.cluster.kubectl("create", "namespace", "sales")
        self.cluster.kubectl("apply", "-f", "-", stdin=MESH)
        wait_for(self.product_is_ready, "the product is Ready")

        self.replicas.remove(first)
        self.assertEqual(first.stop(), 0)
        second = wait_for(self.leader, "the other leads")
        self.assertIsNot(second, first)
        self.cluster.kubectl("patch", "dataproduct", "orders", "-n", "sales", "--type=merge", "-p",
                             '{"spec": {"description": {"purpose": "Another."}}}')
        wait_for(self.product_is_ready, "the change is taken in")
        self.assertTrue(second.passes("readiness"))


if __name__ == "__main__":
    skip_without_assets()
    if os.geteuid() != 0:
        print("install/deployed: skipped: only root may mount and change the root of a process", file=sys.stderr)
        sys.exit(SKIPPED)
    unittest.main()
