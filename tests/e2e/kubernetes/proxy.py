"""What can stand between a control plane and its API server: a line that is cut, and a server that answers in its stead.

Both listen on a free port of 127.0.0.1, which the API server's certificate is good for.
"""

import contextlib
import select
import socket
import ssl
import threading

CHUNK = 65536
HEAD_MAX = 1 << 20


class Proxy:
    """Accepts connections and hands each to serve() in a thread of its own."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self.lock = threading.Lock()
        self.open = set()
        self.is_closed = False
        self.accepting = threading.Thread(target=self._accept, daemon=True)
        self.accepting.start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with contextlib.suppress(OSError, ValueError), self.held(peer):
            self.serve(peer)

    @contextlib.contextmanager
    def held(self, connection):
        """Knows the connection for as long as it is used, and closes it then."""
        with self.lock:
            self.open.add(connection)
            refused = self.is_closed
        try:
            if refused:
                raise OSError("closed")
            yield connection
        finally:
            with self.lock:
                self.open.discard(connection)
            connection.close()

    def cut(self):
        """Ends every connection, as a network that breaks does."""
        with self.lock:
            for connection in self.open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def refuse(self, refused):
        """Whether new connections end at once; with True, those that are open end as well."""
        with self.lock:
            self.is_closed = refused
        if refused:
            self.cut()

    def close(self):
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.refuse(True)


class Line(Proxy):
    """Bytes both ways, of which it understands nothing."""

    def serve(self, peer):
        with self.held(socket.create_connection(("127.0.0.1", self.target_port))) as server:
            back = threading.Thread(target=self._pump, args=(server, peer), daemon=True)
            back.start()
            self._pump(peer, server)
            back.join()

    @staticmethod
    def _pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Answers(Proxy):
    """Ends TLS, reads each request, and asks storm(method, path) what to answer: None, and the API server is asked; or a
    status, and it is not. One request on each connection. Clients must have a token: certificates end here."""

    def __init__(self, cluster, storm=lambda method, path: None):
        certificate, key = cluster.certify("proxy", "/CN=proxy", "serverAuth", "subjectAltName=IP:127.0.0.1")
        self.inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.inward.load_cert_chain(certificate, key)
        self.outward = ssl.create_default_context(cafile=str(cluster.authority))
        self.storm = storm
        self.answered = {}  # by status, those it gave itself; 0: those that it let through
        super().__init__(cluster.port)

    def serve(self, peer):
        with self.held(self.inward.wrap_socket(peer, server_side=True)) as client:
            head, body = self._read_request(client)
            if not head:
                return
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
            status = self.storm(method, path) or 0
            with self.lock:
                self.answered[status] = self.answered.get(status, 0) + 1
            if status:
                client.sendall(self._refusal(status))
                return
            self._forward(client, head, body)

    def _forward(self, client, head, body):
        first, *fields = head.split(b"\r\n")
        kept = [field for field in fields if field and not field.lower().startswith(b"connection:")]
        with socket.create_connection(("127.0.0.1", self.target_port)) as plain:
            with self.held(self.outward.wrap_socket(plain, server_hostname="127.0.0.1")) as server:
                server.sendall(b"\r\n".join([first, *kept, b"Connection: close", b"", b""]) + body)
                while True:
                    # The client may go before the answer is over: a watch that is stopped.
                    if not server.pending() and client in select.select([client, server], [], [])[0]:
                        return
                    data = server.recv(CHUNK)
                    if not data:
                        return
                    client.sendall(data)

    @staticmethod
    def _read_request(client):
        data = b""
        while b"\r\n\r\n" not in data and len(data) < HEAD_MAX:
            more = client.recv(CHUNK)
            if not more:
                return b"", b""
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        length = 0
        for field in head.split(b"\r\n")[1:]:
            name, value = field.split(b":", 1)
            if name.strip().lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            more = client.recv(CHUNK)
            if not more:
                return b"", b""
            body += more
        return head, body

    @staticmethod
    def _refusal(status):
        reason = {429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}[status]
        body = (f'{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"a storm","reason":"{reason}",'
                f'"code":{status}}}').encode()
        wait = "Retry-After: 1\r\n" if status == 429 else ""
        return (f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n{wait}Connection: close\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body
