"""Runs a command in a container, as ``kubectl exec`` does: over a WebSocket to the API server."""

import asyncio
import json
import ssl
import time
from enum import Enum
from typing import NamedTuple

import aiohttp

from pulumi_stateful_service.live.client.http_error import HttpError
from pulumi_stateful_service.live.client.transport import Headers, Http, NotOpenedError, close
from pulumi_stateful_service.outside_text import cleaned

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _ERROR = b"\1", b"\2", b"\3"
_UNKNOWN_STATUS = 255
_OPEN_SECONDS = 15.0
"""How long the API server has to accept a connection: one that hangs must leave time for another attempt."""
_MAX_OUTPUT = 1024**2
"""Bytes of a command's output that are kept."""
_BY_THE_NODE = ("error executing command in container", "container not found")
"""How the kubelet and the container runtime begin to say that they cannot start a command. Whatever else goes wrong is
between the API server and the node, and tells nothing of the instance."""


class Ended(NamedTuple):
    """How a command has ended."""

    status: int
    output: str
    """The beginning of all that it printed."""
    stdout: str
    """The part of it that went to the standard output."""


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


async def run_command(http: Http, url: str, headers: Headers, tls: ssl.SSLContext | None, timeout: float) -> Ended:
    """Exit status of the command, and the beginning of what it printed. Raises ExecError where it did not end in time.

    All in all, it takes no longer than ``timeout`` and a second. It is never started a second time.
    """
    ends = time.monotonic() + timeout
    try:
        socket = await http.open(url, headers, tls=tls, protocols=_PROTOCOLS, seconds=min(timeout, _OPEN_SECONDS))
    except NotOpenedError as error:
        raise ExecError(_said(error.content), error.status) from None
    except HttpError as error:
        raise ExecError(str(error)) from None
    try:
        async with asyncio.timeout(max(0, ends - time.monotonic())):
            return await _answer(socket, http.host)
    except TimeoutError:
        raise ExecError(f"the command did not end within {timeout:g} s", failure=ExecFailure.TIMED_OUT) from None
    finally:
        await close(socket)


async def _answer(socket: aiohttp.ClientWebSocketResponse, host: str) -> Ended:
    output, stdout = bytearray(), bytearray()
    while True:
        message = await socket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            why = cleaned(message.data) if isinstance(message.data, Exception) else ""
            raise ExecError(f"the connection to {host} broke{': ' if why else ''}{why}")
        channel, content = message.data[:1], message.data[1:]
        if channel in {_STDOUT, _STDERR}:
            kept = content[: _MAX_OUTPUT - len(output)]
            output += kept
            stdout += kept if channel == _STDOUT else b""
        elif channel == _ERROR:
            return Ended(_exit_status(content), output.decode(errors="replace"), stdout.decode(errors="replace"))


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
