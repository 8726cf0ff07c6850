"""Requests to Pods and commands in them: whose answer it is, how long it may take, and how large it may be."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from api_server import ApiServer, Request, api_server
from kubeconfigs import Kubeconfig, look
from pulumi_stateful_service.live.client import api as api_module
from pulumi_stateful_service.live.client import cluster as client
from pulumi_stateful_service.live.client import exec as exec_module
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError, PodError, TimedOutError

Do = Callable[[Cluster], Awaitable[Any]]
POD = {"Audit-Id": "1"}
"""What the API server adds to every answer that it passes on."""


def status(code: int, message: str = "no") -> tuple[int, dict[str, Any]]:
    """The API server's own word."""
    return code, {"kind": "Status", "apiVersion": "v1", "message": message}


@pytest.fixture
def ask(kubeconfig: Kubeconfig) -> Callable[[Do], Any]:
    """Does something with the cluster."""

    def asked(do: Do) -> Any:
        async def connect() -> Any:
            async with connected(Connection(kubeconfig())) as cluster:
                return await do(cluster)

        return asyncio.run(connect())

    return asked


def get(cluster: Cluster, seconds: float = 5, pod: str = "rg-0") -> Awaitable[tuple[int, bytes]]:
    return cluster.get_from_pod("ns", pod, 8080, "/healthz", "http", seconds)


class TestWhoseAnswer:
    @pytest.mark.parametrize("code", [200, 302, 404, 429, 500, 503])
    def test_the_pods_own_answer(self, api: ApiServer, ask: Callable[[Do], Any], code: int) -> None:
        """Whatever its status is."""
        api.headers, api.answer = POD, lambda _: (code, b"mine")
        assert ask(get) == (code, b"mine")
        [request] = api.requests
        assert request.path == "/api/v1/namespaces/ns/pods/http%3Arg-0%3A8080/proxy/healthz"

    @pytest.mark.parametrize("why", ["dial tcp 10.244.0.7:8080: connect: connection refused", "EOF"])
    def test_a_pod_that_takes_no_connection(self, api: ApiServer, ask: Callable[[Do], Any], why: str) -> None:
        """The API server says so in its own answer, and it is the Pod's failure."""
        api.headers, api.answer = POD, lambda _: status(503, f"error trying to reach service: {why}")
        with pytest.raises(PodError, match=f"it cannot be reached: {why}"):
            ask(get)

    @pytest.mark.parametrize("code", [400, 404, 429, 500, 503, 504])
    def test_the_api_servers_own_answer(self, api: ApiServer, ask: Callable[[Do], Any], code: int) -> None:
        """It is busy, or knows no such Pod (any more): nothing that the Pod has said."""
        api.headers, api.answer = POD, lambda _: status(code, "etcd does not answer")
        with pytest.raises(ClusterError, match="etcd does not answer") as caught:
            ask(get)
        assert not isinstance(caught.value, PodError)

    @pytest.mark.parametrize(
        ("headers", "code", "content"),
        [
            ({}, 502, b"<html>Bad Gateway"),
            ({}, 503, b"no backend"),
            (POD, 429, b"Too many requests, please try again later.\n"),
        ],
    )
    def test_the_answer_of_what_is_before_the_pod(
        self, api: ApiServer, ask: Callable[[Do], Any], headers: dict[str, str], code: int, content: bytes
    ) -> None:
        """A load balancer without API servers, or one that has too much to do."""
        api.headers, api.answer = headers, lambda _: (code, content)
        with pytest.raises(ClusterError, match=f"answered with {code}") as caught:
            ask(get)
        assert not isinstance(caught.value, PodError)

    @pytest.mark.parametrize("code", [401, 403])
    def test_a_missing_right(self, api: ApiServer, ask: Callable[[Do], Any], code: int) -> None:
        """That of the API server ends the operation; a Pod may want to know who asks, too."""
        api.headers, api.answer = POD, lambda _: status(code)
        with pytest.raises(ForbiddenError):
            ask(get)
        api.answer = lambda _: (code, b"who are you?")
        assert ask(get) == (code, b"who are you?")

    def test_a_connection_that_breaks(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """Before the answer, or in it."""
        api.answer = lambda _: (0, None)
        with pytest.raises(ClusterError, match="closed the connection without an answer") as caught:
            ask(get)
        assert not isinstance(caught.value, PodError)
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nAudit-Id: 1\r\n\r\nhalf"
        api.answer = lambda _: (200, iter([half]))
        with pytest.raises(ClusterError, match="closed the connection in the middle of its answer") as caught:
            ask(get)
        assert not isinstance(caught.value, PodError)
        assert len(api.requests) == 2


class TestRedirects:
    def test_that_of_a_pod_is_an_answer(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """And nobody is asked instead."""
        with api_server(None) as elsewhere:
            api.headers, api.answer = {**POD, "Location": f"{elsewhere.url}/admin"}, lambda _: (302, b"over there")
            assert ask(get) == (302, b"over there")
            assert elsewhere.requests == []

    @pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
    def test_that_of_an_api_server_is_named(self, api: ApiServer, kubeconfig: Kubeconfig, code: int) -> None:
        """No credentials go elsewhere."""
        with api_server(None) as elsewhere:
            api.headers, api.answer = {"Location": f"{elsewhere.url}/\x1b[1mx"}, lambda _: (code, b"")
            with pytest.raises(
                ClusterError, match=rf"the answer is {code}, a redirect to {elsewhere.url}/x, and redir"
            ):
                look(kubeconfig())
            assert elsewhere.requests == []

    def test_that_of_prometheus_is_named(self, ask: Callable[[Do], Any]) -> None:
        """A login page is no result."""
        with api_server(None) as elsewhere, api_server(None) as prometheus:
            prometheus.headers, prometheus.answer = {"Location": elsewhere.url}, lambda _: (302, b"log in")
            with pytest.raises(ClusterError, match=rf"answered with 302 \(to {elsewhere.url}; redirects are not foll"):
                ask(lambda c: c.query_prometheus(prometheus.url, "up", 5))
            assert elsewhere.requests == []

    def test_that_of_a_command_is_no_answer(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """A WebSocket is not opened elsewhere."""
        with api_server(None) as elsewhere:
            api.headers, api.answer = {"Location": f"{elsewhere.url}/x"}, lambda _: (302, b"")
            with pytest.raises(ClusterError):
                ask(lambda c: c.run_in_pod("ns", "rg-0", "app", ["a"], 5, action=Action.RUN_CHECK))
            assert elsewhere.requests == []
            assert len(api.requests) == 1


def drip(head: bytes, piece: bytes = b"x") -> Iterator[bytes]:
    """An answer that never ends, a byte every now and then."""
    yield head
    while True:
        time.sleep(0.05)
        yield piece


HEAD = b"HTTP/1.1 200 OK\r\nAudit-Id: 1\r\n"
DRIPPING = {
    "its length known": (HEAD + b"Content-Length: 100000\r\n\r\n", b"x"),
    "in chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "until the connection ends": (HEAD + b"\r\n", b"x"),
    "its headers already": (HEAD + b"X: ", b"x"),
}


class TestTime:
    @pytest.mark.parametrize(("head", "piece"), DRIPPING.values(), ids=DRIPPING)
    def test_a_pod_that_drips(self, api: ApiServer, ask: Callable[[Do], Any], head: bytes, piece: bytes) -> None:
        """Its time is over when it is over, whatever has come; the API server answers meanwhile."""
        api.answer = lambda request: (200, {}) if request.path == "/version" else (200, drip(head, piece))
        with pytest.raises(PodError, match=r"no answer within 0\.3 s"):
            ask(lambda c: get(c, 0.3))

    def test_an_api_server_that_does_not_answer(
        self, api: ApiServer, ask: Callable[[Do], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither for the Pod nor for itself: that is nothing that the Pod does."""
        monkeypatch.setattr(client, "_PROBE_SECONDS", 0.2)
        api.answer = lambda _: (200, drip(HEAD))
        with pytest.raises(TimedOutError, match="does not answer in time"):
            ask(lambda c: get(c, 0.2))
        api.answer = lambda request: status(503) if request.path == "/version" else (200, drip(HEAD))
        with pytest.raises(TimedOutError):
            ask(lambda c: get(c, 0.2))

    def test_an_object_that_drips(
        self, api: ApiServer, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """All requests have a time in which they end."""
        monkeypatch.setattr(api_module.Api._send, "__kwdefaults__", {"seconds": 0.3, "most": 100})
        api.answer = lambda _: (200, drip(HEAD + b"\r\n"))
        with pytest.raises(ClusterError, match="does not answer in time"):
            look(kubeconfig())

    @pytest.mark.parametrize("at_once", [40, 4])
    def test_time_begins_when_the_request_is_sent(
        self, api: ApiServer, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch, at_once: int
    ) -> None:
        """However many ask at once, and wait for their turn."""
        monkeypatch.setattr(api_module, "ASKED_PODS", at_once)

        def answer(_: Request) -> tuple[int, bytes]:
            time.sleep(0.3)
            return 200, b"ok"

        api.headers, api.answer = POD, answer

        async def program() -> list[tuple[int, bytes]]:
            async with connected(Connection(kubeconfig())) as cluster:
                return await asyncio.gather(*(get(cluster, 2, f"rg-{n}") for n in range(40)))

        assert asyncio.run(program()) == [(200, b"ok")] * 40

    def test_a_program_does_not_wait_for_what_it_has_left(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """A request that nobody awaits any more keeps no process from ending."""
        api.answer = lambda _: (200, drip(HEAD + b"\r\n"))
        program = f"""
import asyncio
from pulumi_stateful_service.live.client.cluster import connected
from pulumi_stateful_service.live.client.connection import Connection

async def main():
    async with connected(Connection({kubeconfig()!r})) as cluster:
        asking = asyncio.create_task(cluster.get_from_pod("ns", "rg-0", 80, "/", "http", 10**6))
        await asyncio.sleep(0.5)
        assert not asking.done(), asking
        print("the last line", flush=True)

asyncio.run(main())
"""
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
        assert done.stdout == "the last line\n"
        assert len(api.requests) == 1


class TestSize:
    def test_a_pods_answer_is_cut(
        self, api: ApiServer, ask: Callable[[Do], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is beyond is not read, however much it is."""
        monkeypatch.setattr(client, "MAX_POD_ANSWER", 1000)
        api.headers, api.answer = POD, lambda _: (200, b"x" * 10_000)
        assert ask(get) == (200, b"x" * 1000)
        api.answer = lambda _: (200, drip(HEAD + b"\r\n", b"x" * 1000))
        assert ask(get) == (200, b"x" * 1000)

    def test_an_object_that_is_too_large(
        self, api: ApiServer, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is not taken for a part of it."""
        monkeypatch.setattr(api_module.Api._send, "__kwdefaults__", {"seconds": 5, "most": 1024**2})
        api.answer = lambda _: (200, {"data": "x" * 1024**2})
        with pytest.raises(ClusterError, match=r"the answer about namespaces/it \(cluster-wide\) is larger than 1 MiB"):
            look(kubeconfig())


class TestClock:
    @pytest.mark.parametrize("hours", [-1, 0, 1])
    def test_the_time_is_the_api_servers(self, api: ApiServer, ask: Callable[[Do], Any], hours: int) -> None:
        """However wrong this machine's clock is, or a Pod's."""
        there = datetime.now(UTC) + timedelta(hours=hours)

        async def now(cluster: Cluster) -> datetime:
            api.headers = {"Date": format_datetime(there, usegmt=True)}
            await cluster.get("Namespace", None, "it")
            api.headers = {"Date": format_datetime(there + timedelta(days=9), usegmt=True)}
            await get(cluster)
            return cluster.now()

        assert abs(ask(now) - there) < timedelta(minutes=1)

    def test_without_its_time_there_is_this_machines(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """And a date that is none is like none."""

        async def now(cluster: Cluster) -> datetime:
            api.headers = {"Date": "yesterday"}
            await cluster.get("Namespace", None, "it")
            return cluster.now()

        assert abs(ask(now) - datetime.now(UTC)) < timedelta(minutes=1)


def closing(code: int = 0, *, message: str = "command terminated", success: bool = False) -> bytes:
    """What the API server says of a command's end."""
    causes = [{"reason": "ExitCode", "message": str(code)}] if code else []
    end = {"status": "Success" if success else "Failure", "message": message, "details": {"causes": causes}}
    return b"\x03" + json.dumps(end).encode()


class TestCommands:
    @contextmanager
    def _server(self, handle: Callable[[web.WebSocketResponse], Awaitable[None]]) -> Iterator[Callable[[float], Any]]:
        self.asked: list[web.Request] = []

        async def open_socket(request: web.Request) -> web.WebSocketResponse:
            self.asked.append(request)
            socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
            await socket.prepare(request)
            await handle(socket)
            return socket

        async def run(timeout: float) -> Any:
            server = web.Server(open_socket)  # type: ignore[arg-type, unused-ignore]
            listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
            kubeconfig = {
                "clusters": [
                    {
                        "name": "one",
                        "cluster": {"server": f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"},
                    }
                ],
                "contexts": [{"name": "it", "context": {"cluster": "one"}}],
                "current-context": "it",
            }
            try:
                async with connected(Connection(json.dumps(kubeconfig))) as cluster:
                    command, action = ["a", "b c"], Action.RUN_CHECK
                    return await cluster.run_in_pod("ns", "rg-0", "app", command, timeout, action=action)
            finally:
                listening.close()

        yield lambda timeout: asyncio.run(run(timeout))

    @pytest.mark.parametrize(
        ("end", "expected"),
        [
            (closing(success=True), (0, "out")),
            (closing(3), (3, "out")),
            (closing(137), (137, "out")),
        ],
    )
    def test_a_command_that_ends(self, end: bytes, expected: tuple[int, str]) -> None:
        """With its exit status and its output."""

        async def handle(socket: web.WebSocketResponse) -> None:
            await socket.send_bytes(b"\x01ou")
            await socket.send_bytes(b"\x02t")
            await socket.send_bytes(end)

        with self._server(handle) as run:
            assert run(5) == expected
        [request] = self.asked
        assert request.path == "/api/v1/namespaces/ns/pods/rg-0/exec"
        assert request.query.getall("command") == ["a", "b c"]
        # An API server opens no WebSocket for one who wants JSON.
        assert request.headers.get("Accept", "*/*") == "*/*"

    @pytest.mark.parametrize(
        "message",
        [
            'error executing command in container: exec: "a": executable file not found in $PATH',
            'unable to upgrade connection: container not found ("app")',
        ],
    )
    def test_a_command_that_cannot_be_started(self, message: str) -> None:
        """The node says so: the instance cannot do what it is asked."""

        async def handle(socket: web.WebSocketResponse) -> None:
            await socket.send_bytes(closing(message=message))

        with (
            self._server(handle) as run,
            pytest.raises(PodError, match=r"executable file not found|container not found"),
        ):
            run(5)

    @pytest.mark.parametrize(
        "message",
        [
            "Internal error occurred: error dialing backend: dial tcp 10.0.0.4:10250: connect: connection refused",
            "Internal error occurred: error reading from error stream: EOF",
            "Timeout occurred",
        ],
    )
    def test_a_command_that_did_not_reach_the_node(self, message: str) -> None:
        """Nothing is known of the instance."""

        async def handle(socket: web.WebSocketResponse) -> None:
            await socket.send_bytes(closing(message=message))

        with self._server(handle) as run, pytest.raises(ClusterError) as caught:
            run(5)
        assert not isinstance(caught.value, PodError)

    @pytest.mark.parametrize("sent", [b"", b"\x01half", b"\x03not json"])
    def test_a_connection_that_breaks(self, sent: bytes) -> None:
        """Nor here: the command may have succeeded."""

        async def handle(socket: web.WebSocketResponse) -> None:
            if sent:
                await socket.send_bytes(sent)
            assert socket._req is not None
            assert socket._req.transport is not None
            socket._req.transport.abort()

        with self._server(handle) as run, pytest.raises(ClusterError) as caught:
            run(5)
        assert not isinstance(caught.value, PodError)

    def test_much_output_comes_as_fast_as_it_is_read(self) -> None:
        """A hundred megabytes in pieces as large as a node sends; a message of any size would not be read."""

        async def handle(socket: web.WebSocketResponse) -> None:
            for _ in range(3200):
                await socket.send_bytes(b"\x01" + b"x" * 32 * 1024)
            await socket.send_bytes(closing(0, success=True))

        with self._server(handle) as run:
            assert run(60) == (0, "x" * exec_module._MAX_OUTPUT)

        async def at_once(socket: web.WebSocketResponse) -> None:
            await socket.send_bytes(b"\x01" + b"x" * 8 * 1024**2)

        with self._server(at_once) as run, pytest.raises(ClusterError, match="the connection to"):
            run(60)

    def test_output_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its beginning is kept, and the exit status all the same."""
        monkeypatch.setattr(exec_module, "_MAX_OUTPUT", 1000)

        async def handle(socket: web.WebSocketResponse) -> None:
            for _ in range(100):
                await socket.send_bytes(b"\x01" + b"x" * 100)
            await socket.send_bytes(closing(2))

        with self._server(handle) as run:
            assert run(5) == (2, "x" * 1000)

    def test_a_command_that_drips(self) -> None:
        """Its time is over when it is over; the server refuses what is no WebSocket, so it answers."""

        async def handle(socket: web.WebSocketResponse) -> None:
            while True:
                await socket.send_bytes(b"\x01x")
                await asyncio.sleep(0.02)

        with self._server(handle) as run, pytest.raises(PodError, match=r"no answer within 0\.3 s"):
            run(0.3)
