"""Starts the API server of a test binary in a temporary directory and runs stock kubectl against it."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
MAIN = os.environ.get("APISERVER_MAIN", "apiserver_main")
WIDGETS = os.path.join(HERE, "widgets.yaml")


def find_tool(name):
    """On PATH, or where hack/install-deps puts it."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cached = os.path.join(cache, "datamesh", "bin", name)
    return shutil.which(name) or (cached if os.path.exists(cached) else None)


class Server:
    def __init__(self, *crds, data=None):
        self.own = data is None
        self.root = tempfile.mkdtemp(prefix="datamesh-e2e-")
        self.data = data or os.path.join(self.root, "data")
        self.crds = crds or (WIDGETS,)
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([MAIN, self.data, *self.crds], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the server did not start: " + self.process.stderr.read())
        self.kubeconfig = os.path.join(self.data, "kubeconfig")

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
            self.process.stderr.close()
            self.process = None

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

    def run_kubectl(self, *args, stdin=None, env=None, timeout=120):
        return subprocess.run([self.kubectl, *args], input=stdin, env=self.environment(**(env or {})), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)

    def k(self, *args, stdin=None, env=None, timeout=120):
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
        process = subprocess.Popen([self.kubectl, *args], env=self.environment(), text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        def end():
            process.kill()
            process.wait()
            process.stdout.close()
        self.addCleanup(end)
        return process

    def eventually(self, check, what, seconds=60):
        deadline = time.monotonic() + seconds
        last = None
        while time.monotonic() < deadline:
            try:
                last = check()
                if last:
                    return last
            except AssertionError as error:
                last = error
            time.sleep(0.05)
        self.fail(f"not in {seconds} s: {what}; last: {last}")

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
