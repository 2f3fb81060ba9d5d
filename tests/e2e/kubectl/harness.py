"""Starts the API server of a test binary in a temporary directory and runs stock kubectl against it."""

import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, str(pathlib.Path(HERE).resolve().parents[2] / "hack" / "lib"))
import processes  # noqa: E402
from processes import find_tool, wait_for  # noqa: E402,F401

MAIN = os.environ.get("APISERVER_MAIN", "apiserver_main")
WIDGETS = os.path.join(HERE, "widgets.yaml")


class Server:
    def __init__(self, *crds, data=None):
        self.own = data is None
        self.root = tempfile.mkdtemp(prefix="datamesh-e2e-")
        self.data = data or os.path.join(self.root, "data")
        self.crds = crds or (WIDGETS,)
        self.process = None
        self.start()

    def start(self):
        self.process = processes.start(MAIN, self.data, *self.crds, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the server did not start: " + self.process.stderr.read())
        self.kubeconfig = os.path.join(self.data, "kubeconfig")

    def stop(self, how=signal.SIGTERM):
        if self.process:
            process, self.process = self.process, None
            processes.end(process, how)

    def close(self):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def token(self):
        with open(self.kubeconfig) as file:
            for line in file:
                if "token:" in line:
                    return line.split("token:")[1].strip()
        raise RuntimeError("no token in the kubeconfig")

    def request(self, method, path, body=None, token=None, headers=None):
        """(status, headers, text) of a plain HTTPS request."""
        context = ssl.create_default_context(cafile=os.path.join(self.data, "ca.crt"))
        sent = dict(headers or {})
        token = self.token() if token is None else token
        if token:
            sent["Authorization"] = "Bearer " + token
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=sent)
        try:
            with urllib.request.urlopen(request, context=context, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read().decode()


class KubectlTest(unittest.TestCase):
    """One server for the tests of a class; a namespace `work` to put things in."""

    crds = ()
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.kubectl = find_tool("kubectl")
        cls.server = Server(*cls.crds)
        cls.home = os.path.join(cls.server.root, "home")
        os.makedirs(cls.home)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def environment(self, **more):
        return {**os.environ, "KUBECONFIG": self.server.kubeconfig, "HOME": self.home, **more}

    def run_kubectl(self, *args, stdin=None, env=None, timeout=processes.CALL_SECONDS):
        return processes.run(self.kubectl, *args, stdin=stdin, env=self.environment(**(env or {})), seconds=timeout)

    def k(self, *args, stdin=None, env=None, timeout=processes.CALL_SECONDS):
        """Output of a kubectl command that must succeed."""
        done = self.run_kubectl(*args, stdin=stdin, env=env, timeout=timeout)
        self.assertEqual(done.returncode, 0, f"kubectl {' '.join(args)}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def refused(self, *args, stdin=None, env=None):
        """Errors of a kubectl command that must fail."""
        done = self.run_kubectl(*args, stdin=stdin, env=env)
        self.assertNotEqual(done.returncode, 0, f"kubectl {' '.join(args)} succeeded\n{done.stdout}")
        return done.stderr

    def write(self, name, text):
        path = os.path.join(self.server.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def background(self, *args):
        process = processes.start(self.kubectl, *args, env=self.environment(), text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        self.addCleanup(processes.end, process, signal.SIGKILL)
        return process

    def eventually(self, check, what, seconds=processes.WAIT_SECONDS):
        return wait_for(check, what, seconds)

    def namespace(self, name):
        self.k("create", "namespace", name)
        return name


def widget(name, color="red", ns="work", extra=""):
    return f"""apiVersion: test.dev/v1
kind: Widget
metadata:
  name: {name}
  namespace: {ns}
  labels: {{color: {color}}}
spec:
  color: {color}
{extra}"""
