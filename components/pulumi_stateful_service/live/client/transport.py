"""HTTP requests and WebSockets with aiohttp: connections that are kept, TLS and proxies as a kubeconfig says.

Each request has a deadline and each answer a size, whatever the server does. No redirect is followed: a server does not
decide where requests go. And nothing is sent twice from here: ``repeating`` alone decides that.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.client.failures import described
from pulumi_stateful_service.live.client.http_error import HttpError
from pulumi_stateful_service.live.client.proxies import is_socks, proxy_for
from pulumi_stateful_service.live.client.resolver import Resolver

REQUEST_SECONDS = 60.0
"""How long an API server works on a request by default."""
MAX_OBJECT_BYTES = 64 * 1024**2
"""Of an answer about objects. One object has at most 1.5 MiB."""
_CONNECT_SECONDS, _IDLE_SECONDS = 10.0, 30.0
_KEPT_SECONDS = 30.0
"""How long a connection is kept without a request: less than API servers and what is before them keep it."""
_MAX_HEADER_BYTES = 64 * 1024
_MAX_REFUSAL_BYTES = 64 * 1024
"""Of an answer in place of a WebSocket."""
_SWITCHING_PROTOCOLS = 101
_CLOSE_SECONDS = 1.0
MAX_MESSAGE_BYTES = 4 * 1024**2
"""Of one message of a WebSocket: kubelets send 32 KiB."""

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What a server has answered."""

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=CIMultiDict)
    is_cut: bool = False
    """Whether there was more than was wanted."""
    tried: float = 0
    """For how many seconds it was asked for before."""


class NotOpenedError(Exception):
    """A server's answer in place of a WebSocket."""

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.content = content


class _FailedError(Exception):
    """An error that the HTTP client would take as a reason to send the request again."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Http:
    """Connections to one server, directly or through a proxy. Made in the event loop that uses it."""

    def __init__(self, server: str, *, server_name: str | None = None, proxy: str | None = None) -> None:
        """``server_name`` is the name in the server's certificate, where it is another than the address has.

        Raises ClusterError where the proxy needs a package that is not installed.
        """
        self.host = urlsplit(server).netloc.rpartition("@")[2]
        """For messages: name and port."""
        self._server_name = server_name if server.startswith("https:") else None
        proxy = proxy or proxy_for(server)
        self._proxy_host = urlsplit(proxy).netloc.rpartition("@")[2] if proxy else None
        self._proxy = None if proxy is None or is_socks(proxy) else proxy
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_note_sent)
        self._errors: tuple[type[Exception], ...] = (aiohttp.ClientError, OSError, ValueError)
        connector: aiohttp.BaseConnector
        if proxy and is_socks(proxy):
            connector, errors = _through_socks(proxy)
            self._errors += errors
        else:
            connector = _Connector(resolver=Resolver(), **_CONNECTIONS)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": "pulumi-stateful-service",
                "Accept-Encoding": "identity",
            },
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_IDLE_SECONDS),
            auto_decompress=False,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
            middlewares=[_sent_once],
            trace_configs=[tracing],
        )

    async def request(
        self,
        method: str,
        url: str,
        headers: Headers = (),
        body: bytes | None = None,
        *,
        tls: ssl.SSLContext | None,
        seconds: float = REQUEST_SECONDS,
        most: int = MAX_OBJECT_BYTES,
    ) -> Answer:
        """The answer, of which at most so many bytes are read, within ``seconds`` in all.

        Raises HttpError where there is none.
        """
        course = SimpleNamespace(sent=False)
        timeout = aiohttp.ClientTimeout(sock_connect=min(seconds, _CONNECT_SECONDS), sock_read=_IDLE_SECONDS)
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(
                    method,
                    URL(url, encoded=True),
                    headers=CIMultiDict([("Accept", "application/json"), *headers]),
                    data=body,
                    timeout=timeout,
                    allow_redirects=False,
                    trace_request_ctx=course,
                    **self._way(tls),
                ) as response,
            ):
                content, is_cut = await _read(response, most)
                return Answer(response.status, content, response.headers, is_cut=is_cut)
        except _FailedError as failed:
            raise self._described(failed.error, sent=course.sent) from None
        except self._errors as error:
            raise self._described(error, sent=course.sent) from None

    async def open(
        self, url: str, headers: Headers, *, tls: ssl.SSLContext | None, protocols: Iterable[str], seconds: float
    ) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket. Raises NotOpenedError where the server answers otherwise, and HttpError where it does not."""
        try:
            async with asyncio.timeout(seconds):
                socket: aiohttp.ClientWebSocketResponse = await self._session.ws_connect(
                    URL(url, encoded=True),
                    headers=CIMultiDict(headers),
                    protocols=tuple(protocols),
                    max_msg_size=MAX_MESSAGE_BYTES,
                    **self._way(tls),
                )
                return socket
        except _FailedError as failed:
            raise self._described(failed.error, sent=True) from None
        except aiohttp.WSServerHandshakeError as error:
            raise HttpError(f"{self.host} opens no WebSocket: {error.message}") from None
        except self._errors as error:
            raise self._described(error, sent=True) from None

    async def close(self) -> None:
        """Ends the connections."""
        await self._session.close()

    def abandon(self) -> None:
        """Leaves the connections to the operating system, and says nothing of it, where the event loop has ended."""
        self._session.detach()

    def _way(self, tls: ssl.SSLContext | None) -> dict[str, Any]:
        named = {"server_hostname": self._server_name} if self._server_name else {}
        return {"ssl": True if tls is None else tls, "proxy": self._proxy, **named}

    def _described(self, error: Exception, *, sent: bool) -> HttpError:
        return described(error, self.host, self._proxy_host, sent=sent)


async def close(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Ends a WebSocket, whatever the server still sends."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await socket.close()


class _Quiet:
    """Connections may outlive the event loop: a program that has failed ends without closing them."""

    def __del__(self, *_: object) -> None:
        """Says nothing of connections that are not closed, in place of what aiohttp says."""


class _Connector(_Quiet, aiohttp.TCPConnector):
    pass


_CONNECTIONS: dict[str, Any] = {"limit": 0, "keepalive_timeout": _KEPT_SECONDS}


def _through_socks(proxy: str) -> tuple[aiohttp.BaseConnector, tuple[type[Exception], ...]]:
    """Connections through a SOCKS proxy, which resolves names, as in Go; and the errors of the way there."""
    try:
        from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError
    except ImportError:
        raise ClusterError(
            "a proxy is socks5://, which needs one more package in the program: pip install aiohttp-socks"
        ) from None

    class Connector(_Quiet, ProxyConnector):  # type: ignore[misc, unused-ignore]
        pass

    parts = urlsplit(proxy)
    return Connector.from_url(f"socks5://{parts.netloc}", rdns=True, **_CONNECTIONS), (
        ProxyConnectionError,
        ProxyError,
        ProxyTimeoutError,
    )


async def _note_sent(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    if (course := context.trace_request_ctx) is not None:
        course.sent = True


async def _sent_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keeps the HTTP client from sending a request again, and from taking another answer for a WebSocket."""
    try:
        response = await send(request)
    except (OSError, aiohttp.ServerDisconnectedError) as error:
        raise _FailedError(error) from None
    if "Upgrade" in request.headers and response.status != _SWITCHING_PROTOCOLS:
        async with response:
            content, _ = await _read(response, _MAX_REFUSAL_BYTES)
        raise NotOpenedError(response.status, content)
    return response


async def _read(response: aiohttp.ClientResponse, most: int) -> tuple[bytes, bool]:
    """At most so many bytes, and whether there are more."""
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > most:
            response.close()
            return b"".join(pieces)[:most], True
    return b"".join(pieces), False
