"""A proxy between Pulumi and the API server: it sees each request, and delays or refuses those that a test names."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
from harness import Project
from own_requests import OURS, is_documented


@dataclass(frozen=True)
class Answered:
    """A request that was answered, by the proxy or by the API server."""

    agent: str
    method: str
    path: str
    begun: float
    ended: float
    """When it came, and when its answer had been passed on: seconds of the monotonic clock."""
    size: int
    """Bytes of the API server's answer."""


class Troubled:
    """A proxy between Pulumi and the API server that answers some requests itself.

    ``refuse`` is asked for each request (its number, method and path), and gives the status to answer with, if any;
    with 0 the connection ends without an answer.
    """

    def __init__(self, project: Project, refuse: Callable[[int, str, str], int | None]) -> None:
        self.refused: list[str] = []
        self.asked: list[tuple[str, str, str]] = []
        """User agent, method and path of each request."""
        self.undocumented: list[str] = []
        """Requests of the component that SECURITY.md does not have."""
        self.answered: list[Answered] = []
        """The same requests, once they are answered."""
        self.latency = 0.0
        """Seconds that each request takes longer."""
        self.hold: Callable[[str], object] = lambda _: None
        """Waits with each request, which has this path, until it is answered."""
        self._refuse = refuse
        self._lock = threading.Lock()
        config = json.loads(Path(project.env["KUBECONFIG"]).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        certificate = project.folder / "client.pem"
        keys = [user["client-certificate-data"], user["client-key-data"]]
        certificate.write_bytes(b"\n".join(base64.b64decode(key) for key in keys))
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        tls = ssl.create_default_context(cadata=authority)
        tls.load_cert_chain(certificate)
        self._upstream = httpx2.Client(base_url=cluster["server"], verify=tls, trust_env=False, timeout=None)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self._server.server_port}"}
        config["users"][0]["user"] = {}
        self.kubeconfig = project.folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(config))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Ends."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        troubled = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def relay(self) -> None:
                begun, size = time.monotonic(), 0
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                time.sleep(troubled.latency)
                asked = self.headers.get("User-Agent", ""), self.command, self.path
                with troubled._lock:
                    troubled.asked.append(asked)
                    if asked[0].startswith(OURS) and not is_documented(self.command, self.path):
                        troubled.undocumented.append(f"{self.command} {self.path}")
                    status = troubled._refuse(len(troubled.asked), self.command, self.path)
                troubled.hold(self.path)
                if status is None:
                    size = troubled._relay(self, body)
                else:
                    troubled.refused.append(f"{status} {self.command} {self.path}")
                    _answer(self, status)
                troubled.answered.append(Answered(*asked, begun, time.monotonic(), size))

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = relay  # noqa: N815

        return Handler

    def _relay(self, request: BaseHTTPRequestHandler, body: bytes) -> int:
        size = 0
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP}
        with (
            suppress(OSError, httpx2.HTTPError),
            self._upstream.stream(request.command, request.path, headers=headers, content=body) as answer,
        ):
            request.send_response(answer.status_code)
            for key, value in answer.headers.items():
                if key.lower() not in _HOP:
                    request.send_header(key, value)
            request.send_header("Transfer-Encoding", "chunked")
            request.end_headers()
            for chunk in answer.iter_raw():
                size += len(chunk)
                request.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                request.wfile.flush()
            request.wfile.write(b"0\r\n\r\n")
        return size


_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
_REASONS = {200: "OK", 409: "Conflict", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


def _answer(request: BaseHTTPRequestHandler, status: int) -> None:
    """An error in the form of the API server's; with 0 the end of the connection."""
    if not status:
        request.close_connection = True
        return
    said: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
    said |= {"reason": _REASONS[status], "message": f"the test says {_REASONS[status]}"}
    body = json.dumps(said).encode()
    request.send_response(status)
    if status == 429:
        request.send_header("Retry-After", "1")
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def troubled(project: Project, refuse: Callable[[int, str, str], int | None]) -> Iterator[Troubled]:
    """Pulumi alone reaches the API server through a proxy that refuses some requests.

    What the component asks for is what SECURITY.md has.
    """
    before = project.env
    between = Troubled(project, refuse)
    project.env = {**before, "KUBECONFIG": str(between.kubeconfig)}
    try:
        yield between
        assert between.undocumented == []
    finally:
        project.env = before
        between.close()
