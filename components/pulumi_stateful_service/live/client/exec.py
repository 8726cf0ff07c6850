"""Runs a command in a container, as ``kubectl exec`` does: over a WebSocket to the API server."""

import asyncio
import json
import ssl
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from pulumi_stateful_service.live.client.proxies import proxy_for

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _ERROR = 1, 2, 3
_UNKNOWN_STATUS = 255
_OPEN_SECONDS = 15.0
"""How long the API server has to accept a connection: one that hangs must leave time for another attempt."""


class ExecError(Exception):
    """The command was not run; ``status`` is the HTTP status of the answer, 0 where there was none."""

    def __init__(self, problem: str, status: int = 0) -> None:
        super().__init__(problem)
        self.status = status


async def run_command(
    url: str,
    tls: ssl.SSLContext,
    headers: Iterable[tuple[str, str]],
    *,
    server_name: str | None,
    proxy: str | None,
    timeout: float,
) -> tuple[int, str]:
    """Exit status of the command, and what it printed. Raises ExecError where it was not run."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, WebSocketException
    from websockets.typing import Subprotocol

    secure = urlsplit(url).scheme == "https"
    options: dict[str, Any] = {"ssl": tls} if secure else {}
    if secure and server_name:
        options["server_hostname"] = server_name
    try:
        async with connect(
            f"{'wss' if secure else 'ws'}{url[url.index(':') :]}",
            additional_headers=list(headers),
            subprotocols=[Subprotocol(each) for each in _PROTOCOLS],
            open_timeout=min(timeout, _OPEN_SECONDS),
            proxy=proxy or proxy_for(url),
            **options,
        ) as connection:
            async with asyncio.timeout(timeout):
                return await _answer(connection)
    except InvalidStatus as error:
        raise ExecError(_said(bytes(error.response.body or b"")), error.response.status_code) from None
    except (WebSocketException, OSError, TimeoutError) as error:
        raise ExecError(str(error) or type(error).__name__) from None


async def _answer(connection: Any) -> tuple[int, str]:
    output = b""
    while True:
        message = await connection.recv()
        channel, content = message[0], message[1:]
        if channel in {_STDOUT, _STDERR}:
            output += content
        elif channel == _ERROR:
            return _exit_status(content), output.decode(errors="replace")


def _exit_status(content: bytes) -> int:
    status = json.loads(content)
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or []
    codes = [int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode"]
    if not codes:
        raise ExecError(str(status.get("message") or "the command could not be started"))
    return codes[0] or _UNKNOWN_STATUS


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
