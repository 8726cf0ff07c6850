"""HTTP requests with urllib3: connections that are kept and shared by threads, TLS and proxies as a kubeconfig says.

Each request has a deadline and each answer a size, whatever the server does. No redirect is followed: a server does not
decide where requests go.
"""

import re
import ssl
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from pulumi_stateful_service.live.client.deadline import deadline, observe_deadlines, seconds_left
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.client.proxies import proxy_for

AT_ONCE = 16
"""Requests under way at once, of all the services of a program: many services start with a look each."""
ASKED_PODS = 256
"""Requests to Pods and commands in them under way at once; those take as long as the Pods do."""
REQUEST_SECONDS = 60.0
"""How long an API server works on a request by default."""
MAX_OBJECT_BYTES = 64 * 1024**2
"""Of an answer about objects. One object has at most 1.5 MiB."""
_CONNECT_SECONDS, _IDLE_SECONDS = 10.0, 30.0


@dataclass(frozen=True)
class Answer:
    """What a server has answered."""

    status: int
    content: bytes
    headers: urllib3.HTTPHeaderDict = field(default_factory=urllib3.HTTPHeaderDict)
    is_cut: bool = False
    """Whether there was more than was wanted."""


class HttpError(Exception):
    """A server that could not be reached; the message says which, and why."""

    def __init__(self, problem: str, *, transient: bool, timed_out: bool = False) -> None:
        super().__init__(problem)
        self.transient = transient
        """Whether it may be reached later."""
        self.timed_out = timed_out
        """Whether it was reached, and did not answer in time."""


class Http:
    """Connections to one server."""

    def __init__(
        self, server: str, tls: ssl.SSLContext, *, server_name: str | None = None, proxy: str | None = None
    ) -> None:
        parts = urlsplit(server)
        self._host = parts.netloc.rpartition("@")[2]
        if tls.verify_mode == ssl.CERT_NONE:
            # It was asked for, and kubectl and the provider say nothing either.
            about_it = f".*{re.escape(str(parts.hostname))}"
            warnings.filterwarnings("ignore", about_it, urllib3.exceptions.InsecureRequestWarning)
        proxy = proxy or proxy_for(server)
        self._proxy = urlsplit(proxy).netloc.rpartition("@")[2] if proxy else None
        settings: dict[str, Any] = {"ssl_context": tls, "maxsize": AT_ONCE + ASKED_PODS}
        if server_name:
            settings["server_hostname"] = server_name
        self._pool = _proxied(proxy, tls, settings) if proxy else urllib3.PoolManager(**settings)
        observe_deadlines(self._pool, _IDLE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        seconds: float = REQUEST_SECONDS,
        most: int = MAX_OBJECT_BYTES,
    ) -> Answer:
        """The answer, of which at most so many bytes are read, within ``seconds`` in all.

        Raises HttpError where there is none.
        """
        sent = urllib3.HTTPHeaderDict({"User-Agent": "pulumi-stateful-service", "Accept": "application/json"})
        for name, value in headers:
            sent.add(name, value)
        try:
            with deadline(seconds):
                try:
                    return self._request(method, url, sent, body, most)
                except ProtocolError:
                    # The server may close a connection that was kept while a request is on its way.
                    if method != "GET":
                        raise
                    return self._request(method, url, sent, body, most)
        except (HTTPError, OSError, ValueError) as error:
            raise self._described(error) from None

    def _request(self, method: str, url: str, headers: urllib3.HTTPHeaderDict, body: bytes | None, most: int) -> Answer:
        left = seconds_left()
        timeout = urllib3.Timeout(connect=min(left, _CONNECT_SECONDS), read=min(left, _IDLE_SECONDS))
        answer = self._pool.request(
            method,
            url,
            headers=headers,
            body=body,
            timeout=timeout,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        whole, content = False, b""
        try:
            # One that ends too early is an error at the read after its end.
            while len(content) <= most and (read := answer.read(most + 1 - len(content))):
                content += read
            whole = len(content) <= most
        finally:
            # One that was not read to its end cannot be used again.
            (answer.release_conn if whole else answer.close)()
        return Answer(answer.status, content[:most], answer.headers, is_cut=not whole)

    def close(self) -> None:
        """Ends the connections that are not in use."""
        self._pool.clear()

    def _described(self, error: Exception) -> HttpError:
        if isinstance(error, ProxyError):
            inner = error.original_error
            return HttpError(f"the proxy {self._proxy} does not lead to {self._host}: {_detail(inner)}", transient=True)
        if isinstance(error, SSLError | ssl.SSLError):
            return HttpError(f"TLS to {self._host} failed: {_detail(error)}", transient=False)
        if isinstance(error, NameResolutionError):
            return HttpError(f"the name in {self._host} is not known", transient=True)
        if isinstance(error, ReadTimeoutError | TimeoutError):
            return HttpError(f"{self._host} does not answer in time", transient=True, timed_out=True)
        if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
            return HttpError(f"{self._host} does not answer in time", transient=True)
        return HttpError(
            f"{self._host} cannot be reached: {_detail(error)}", transient=not isinstance(error, ValueError)
        )


def verification(
    ca: bytes | None, about: str, *, insecure: bool = False, certificate: tuple[bytes, bytes] | None = None
) -> ssl.SSLContext:
    """How TLS verifies a server, and which client certificate with key is shown to it.

    Without certificates to verify with, the system's are used. Raises ClusterError for certificates that are none.
    """
    context = _verifying(ca, about) if ca or insecure else _system()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        _load(context, certificate)
    return context


def _verifying(ca: bytes | None, about: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Go takes any certificate that is given for one to trust, not only those that have signed themselves.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if ca:
        try:
            context.load_verify_locations(cadata=ca.decode("ascii", errors="ignore"))
        except (ssl.SSLError, ValueError):
            raise ClusterError(f"{about} has no certificate in it") from None
    return context


def _system() -> ssl.SSLContext:
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _load(context: ssl.SSLContext, certificate: tuple[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Python loads them from files alone.
        files = [Path(folder, name) for name in ("certificate", "key")]
        for file, content in zip(files, certificate, strict=True):
            file.touch(mode=0o600)
            file.write_bytes(content)
        try:
            context.load_cert_chain(files[0], files[1], password="")
        except (ssl.SSLError, ValueError):
            raise ClusterError("the client certificate and its key are not valid, or do not belong together") from None


def _proxied(proxy: str, tls: ssl.SSLContext, settings: dict[str, Any]) -> urllib3.PoolManager:
    parts = urlsplit(proxy)
    if parts.scheme.startswith("socks5"):
        try:
            from urllib3.contrib.socks import SOCKSProxyManager
        except ImportError:
            raise ClusterError(
                "a proxy is socks5://, which needs one more package in the program: pip install PySocks"
            ) from None
        # As in Go, the proxy resolves names.
        return SOCKSProxyManager(f"socks5h://{parts.netloc}", **settings)
    headers = None
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=credentials)
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return urllib3.ProxyManager(address, proxy_headers=headers, proxy_ssl_context=tls, **settings)


def _detail(error: BaseException) -> str:
    """The innermost reason, in the operating system's or the TLS library's words."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        inner = error.__cause__ or error.__context__ or next((a for a in error.args if isinstance(a, Exception)), None)
        if inner is None:
            break
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
