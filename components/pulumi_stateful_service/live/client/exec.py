"""Runs a command in a container, as ``kubectl exec`` does: over a WebSocket to the API server."""

import asyncio
import json
import ssl
from collections.abc import Iterable
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from pulumi_stateful_service.live.client.proxies import proxy_for
from pulumi_stateful_service.outside_text import cleaned

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _ERROR = 1, 2, 3
_UNKNOWN_STATUS = 255
_OPEN_SECONDS = 15.0
"""How long the API server has to accept a connection: one that hangs must leave time for another attempt."""
_CLOSE_SECONDS = 1.0
_MAX_OUTPUT = 1024**2
"""Bytes of a command's output that are kept."""
_BY_THE_NODE = ("error executing command in container", "container not found")
"""How the kubelet and the container runtime begin to say that they cannot start a command. Whatever else goes wrong is
between the API server and the node, and tells nothing of the instance."""


class ExecFailure(Enum):
    """Why there is no exit status."""

    NOT_ASKED = "the command did not reach the node, or its end did not reach us"
    NOT_STARTED = "the node could not start it"
    TIMED_OUT = "it did not end in time"


class ExecError(Exception):
    """The command has no exit status; ``status`` is the HTTP status of the answer, 0 where there was none."""

    def __init__(self, problem: str, status: int = 0, failure: ExecFailure = ExecFailure.NOT_ASKED) -> None:
        super().__init__(problem)
        self.status = status
        self.failure = failure


async def run_command(
    url: str,
    tls: ssl.SSLContext,
    headers: Iterable[tuple[str, str]],
    *,
    server_name: str | None,
    proxy: str | None,
    timeout: float,
) -> tuple[int, str]:
    """Exit status of the command, and the beginning of what it printed. Raises ExecError where it did not end in time.

    All in all, it takes no longer than ``timeout`` and a second.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, WebSocketException
    from websockets.typing import Subprotocol

    class Connect(connect):
        def process_redirect(self, exc: Exception) -> Exception | str:
            """No redirect is followed."""
            return exc

    secure = urlsplit(url).scheme == "https"
    options: dict[str, Any] = {"ssl": tls} if secure else {}
    if secure and server_name:
        options["server_hostname"] = server_name
    host, is_open = urlsplit(url).netloc.rpartition("@")[2], False
    try:
        async with (
            asyncio.timeout(timeout),
            Connect(
                f"{'wss' if secure else 'ws'}{url[url.index(':') :]}",
                additional_headers=list(headers),
                subprotocols=[Subprotocol(each) for each in _PROTOCOLS],
                open_timeout=min(timeout, _OPEN_SECONDS),
                close_timeout=_CLOSE_SECONDS,
                proxy=proxy or proxy_for(url),
                **options,
            ) as connection,
        ):
            is_open = True
            return await _answer(connection)
    except InvalidStatus as error:
        raise ExecError(_said(bytes(error.response.body or b"")), error.response.status_code) from None
    except TimeoutError:
        if is_open:
            raise ExecError(f"the command did not end within {timeout:g} s", failure=ExecFailure.TIMED_OUT) from None
        raise ExecError(f"{host} does not answer in time") from None
    except (WebSocketException, OSError) as error:
        what = f"the connection to {host} broke" if is_open else f"{host} cannot be reached"
        raise ExecError(f"{what}: {cleaned(error) or type(error).__name__}") from None


async def _answer(connection: Any) -> tuple[int, str]:
    output = b""
    while True:
        message = await connection.recv()
        channel, content = message[0], message[1:]
        if channel in {_STDOUT, _STDERR}:
            output += content[: _MAX_OUTPUT - len(output)]
        elif channel == _ERROR:
            return _exit_status(content), output.decode(errors="replace")


def _exit_status(content: bytes) -> int:
    try:
        status = json.loads(content)
        if status.get("status") == "Success":
            return 0
        causes = (status.get("details") or {}).get("causes") or []
        codes = [int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode"]
        said = cleaned(status.get("message") or "the command could not be started")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ExecError("the API server's answer about the command's end cannot be read") from None
    if codes:
        return codes[0] or _UNKNOWN_STATUS
    is_node = any(each in said for each in _BY_THE_NODE)
    raise ExecError(said, failure=ExecFailure.NOT_STARTED if is_node else ExecFailure.NOT_ASKED)


def _said(body: bytes) -> str:
    try:
        return cleaned(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return cleaned(body.decode(errors="replace"))
