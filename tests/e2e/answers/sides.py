"""The two servers that the same questions are put to: the embedded API server, and a real kube-apiserver on etcd."""

import contextlib
import http.client
import json
import os
import pathlib
import secrets
import shutil
import ssl
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "kubectl"), str(HERE.parents[2] / "hack" / "lib")]

import cluster  # noqa: E402
import harness  # noqa: E402

ANSWER_SECONDS = 60


class Side:
    """Something that answers HTTPS requests with a bearer token."""

    def __init__(self, url, token, ca):
        self.host, port = url.removeprefix("https://").rsplit(":", 1)
        self.port, self.token = int(port), token
        self.context = ssl.create_default_context(cafile=ca)

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, bytes); body: bytes, or anything that becomes JSON."""
        sent = {"Authorization": "Bearer " + self.token}
        if body is not None:
            sent["Content-Type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=ANSWER_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()


@contextlib.contextmanager
def embedded():
    server = harness.Server()
    try:
        yield Side(server.url, server.token(), os.path.join(server.data, "ca.crt"))
    finally:
        server.close()


def has_real():
    """Says why not on stderr."""
    return cluster.assets() is not None


@contextlib.contextmanager
def real():
    """A kube-apiserver with etcd and the controllers that delete: namespaces, dependents."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="datamesh-real-"))
    token, tokens = secrets.token_hex(16), root / "tokens"
    tokens.write_text(f'{token},admin,admin,"system:masters"\n')
    one = cluster.Cluster(root / "cluster", apiserver=("--token-auth-file", tokens))
    try:
        one.start()
        yield Side(one.url, token, str(one.authority))
    finally:
        one.stop()
        shutil.rmtree(root, ignore_errors=True)
