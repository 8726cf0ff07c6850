"""HTTP requests with urllib3: connections that are kept and shared by threads, TLS and proxies as a kubeconfig says."""

import re
import ssl
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.client.proxies import proxy_for

AT_ONCE = 16
"""Requests under way at once, of all the services of a program: many services start with a look each."""
_TIMEOUT = urllib3.Timeout(connect=10, read=30)
_RETRIES = urllib3.Retry(total=3, connect=0, read=0, status=0, other=0, redirect=3, respect_retry_after_header=False)


class HttpError(Exception):
    """A server that could not be reached; the message says which, and why."""

    def __init__(self, problem: str, *, transient: bool) -> None:
        super().__init__(problem)
        self.transient = transient
        """Whether it may be reached later."""


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
        settings: dict[str, Any] = {"ssl_context": tls, "maxsize": AT_ONCE, "block": True, "retries": _RETRIES}
        if server_name:
            settings["server_hostname"] = server_name
        self._pool = _proxied(proxy, tls, settings) if proxy else urllib3.PoolManager(**settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self, method: str, url: str, headers: Iterable[tuple[str, str]] = (), body: bytes | None = None
    ) -> tuple[int, bytes]:
        """Status and content of the answer. Raises HttpError where there is none."""
        sent = urllib3.HTTPHeaderDict({"User-Agent": "pulumi-stateful-service", "Accept": "application/json"})
        for name, value in headers:
            sent.add(name, value)
        try:
            try:
                answer = self._pool.request(method, url, headers=sent, body=body, timeout=_TIMEOUT)
            except (ProtocolError, MaxRetryError) as error:
                # The server may close a connection that was kept while a request is on its way.
                if method != "GET" or not isinstance(_reason(error), ProtocolError):
                    raise
                answer = self._pool.request(method, url, headers=sent, body=body, timeout=_TIMEOUT)
        except (HTTPError, OSError, ValueError) as error:
            raise self._described(error) from None
        return answer.status, answer.data

    def close(self) -> None:
        """Ends the connections that are not in use."""
        self._pool.clear()

    def _described(self, error: Exception) -> HttpError:
        reason = _reason(error)
        if isinstance(reason, ProxyError):
            inner = reason.original_error
            return HttpError(f"the proxy {self._proxy} does not lead to {self._host}: {_detail(inner)}", transient=True)
        if isinstance(reason, SSLError | ssl.SSLError):
            return HttpError(f"TLS to {self._host} failed: {_detail(reason)}", transient=False)
        if isinstance(reason, NameResolutionError):
            return HttpError(f"the name in {self._host} is not known", transient=True)
        if isinstance(reason, ConnectTimeoutError | ReadTimeoutError) and not isinstance(reason, NewConnectionError):
            return HttpError(f"{self._host} does not answer in time", transient=True)
        return HttpError(
            f"{self._host} cannot be reached: {_detail(reason)}", transient=not isinstance(reason, ValueError)
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


def _reason(error: BaseException) -> BaseException:
    return error.reason if isinstance(error, MaxRetryError) and error.reason else error


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
