"""A Kubernetes API server for unit tests: TLS on loopback, answers as told, and what it was asked. And a proxy."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
OBJECT = {"kind": "Namespace", "metadata": {"name": "it", "uid": "1"}}


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    @property
    def both(self) -> tuple[str, str]:
        return self.certificate.read_text(), self.key.read_text()


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder, self._name = folder, name
        self.pair = self._pair(name, "/CN=authority", [], self_signed=True)

    def signs(self, name: str, subject: str, names: str = "") -> Pair:
        """A certificate for a subject, and for names such as ``DNS:a,IP:127.0.0.1``."""
        return self._pair(f"{self._name}-{name}", subject, ["-addext", f"subjectAltName={names}"] if names else [])

    def _pair(self, name: str, subject: str, extensions: list[str], *, self_signed: bool = False) -> Pair:
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        authority = [] if self_signed else ["-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key)]
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(pair.key)]
        command = ["openssl", "req", "-x509", *new_key, "-subj", subject, "-days", "2", *authority, *extensions]
        subprocess.run([*command, "-out", str(pair.certificate)], check=True, capture_output=True)
        return pair


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    client: str | None
    """Common name in the client's certificate."""

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[[Request], tuple[int, Any]]


@dataclass
class ApiServer:
    """What it was asked, and how it answers."""

    url: str
    answer: Answer = lambda _: (200, OBJECT)
    """Status and content, or pieces of it that come one after another until the client has gone; a status of 0 ends the
    connection without an answer."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of every answer."""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


def _common_name(connection: socket.socket) -> str | None:
    peer: Any = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    return {key: value for part in (peer or {}).get("subject", ()) for key, value in part}.get("commonName")


def _server_context(pair: Pair | None, clients: Authority | None) -> ssl.SSLContext | None:
    if pair is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if clients:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(clients.pair.certificate)
    return context


def _send_pieces(stream: BufferedIOBase, pieces: Iterator[bytes]) -> None:
    with suppress(OSError):
        stream.writelines(pieces)


@contextmanager
def api_server(pair: Pair | None, clients: Authority | None = None, port: int = 0) -> Iterator[ApiServer]:
    """An API server that shows this certificate, or does without TLS, and takes these clients' certificates.

    At this port, or at one that is free.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            state.connections += 1

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name = _common_name(self.connection)
            request = Request(self.command, self.path, list(self.headers.items()), body, name)
            state.requests.append(request)
            self.send(*state.answer(request))

        def send(self, status: int, content: Any) -> None:
            if not status or isinstance(content, Iterator):
                self.close_connection = True
                _send_pieces(self.wfile, content or iter(()))
                return
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            (self.send_response_only if "Date" in state.headers else self.send_response)(status)
            for name, value in {"Content-Length": str(len(data)), **state.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def finish_request(self, request: Any, client_address: Any) -> None:
            with suppress(OSError):
                # The handshake is this thread's, so that one that fails does not keep others.
                if not context:
                    return super().finish_request(request, client_address)
                with context.wrap_socket(request, server_side=True) as wrapped:
                    super().finish_request(wrapped, client_address)
            return None

    context = _server_context(pair, clients)
    server = Server((HOST, port), Handler)
    state = ApiServer(f"{'https' if pair else 'http'}://{HOST}:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Proxy:
    """What a proxy was asked for."""

    url: str
    asked: list[str] = field(default_factory=list)
    """The first lines of requests, and the header that names who asks."""


@contextmanager
def connect_proxy(port: int, *, socks: bool = False) -> Iterator[Proxy]:
    """A proxy for CONNECT or for SOCKS 5, which leads to one port on loopback whatever it is asked for."""
    listener = socket.create_server((HOST, 0))
    proxy = Proxy(f"{'socks5' if socks else 'http'}://{HOST}:{listener.getsockname()[1]}")

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def greet_socks(client: socket.socket) -> None:
        client.recv(64)
        client.sendall(bytes([5, 0]))
        asked = client.recv(512)
        proxy.asked.append(asked[5:-2].decode())  # the name that follows its length, before the port
        client.sendall(bytes([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))

    def greet(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        lines = head.decode().split("\r\n")
        proxy.asked += [line for line in lines if line.lower().startswith(("connect", "proxy-a"))]
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    def serve(client: socket.socket) -> None:
        with client, socket.create_connection((HOST, port)) as upstream:
            (greet_socks if socks else greet)(client)
            back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
            back.start()
            pump(client, upstream)
            back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield proxy
    finally:
        listener.close()
