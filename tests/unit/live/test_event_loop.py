"""The event loop goes on: all services of a program, and Pulumi's engine, share it."""

import asyncio
import gc
import json
import sys
import time
from asyncio.events import Handle
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from api_server import OBJECT, ApiServer, Authority, Pair
from kubeconfigs import Kubeconfig, in_base64
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.credential import Credential
from pulumi_stateful_service.live.client.large_json import read_json
from pulumi_stateful_service.live.client.tls import Verification

MOST = 0.02
"""Seconds that one callback may compute."""
LONGEST = 0.5
"""Seconds that one may take by the clock on the wall: on a machine that has much to do, others come in between."""


@pytest.fixture
def callbacks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[float, float, str]]]:
    """How long each callback of an event loop computes and takes, and which it is.

    asyncio's own measure (``slow_callback_duration``) is the clock on the wall alone.
    """
    measured: list[tuple[float, float, str]] = []
    run = Handle._run

    def measure(handle: Handle) -> None:
        computed, taken = time.thread_time(), time.monotonic()
        run(handle)
        measured.append((time.thread_time() - computed, time.monotonic() - taken, repr(handle)))

    monkeypatch.setattr(Handle, "_run", measure)
    # Collections take as long as the whole process has objects.
    gc.collect()
    gc.disable()
    yield measured
    gc.enable()
    slow = [each for each in measured if each[0] > MOST or each[1] > LONGEST]
    assert measured
    assert slow == []


def pods(number: int) -> bytes:
    """A list of so many Pods of 4 KB."""
    pod = {"metadata": {"name": "x" * 50, "labels": None}, "spec": {"containers": [{"image": "c" * 100}] * 30}}
    return json.dumps({"kind": "List", "metadata": {}, "items": [pod] * number}, separators=(",", ":")).encode()


def program(connection: Connection, do: Callable[[Cluster], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with connected(connection) as cluster:
            return await do(cluster)

    return asyncio.run(run())


@pytest.mark.usefixtures("callbacks")
class TestNothingBlocks:
    def test_a_first_look(self, api: ApiServer, kubeconfig: Kubeconfig, client_pair: Pair) -> None:
        """That reads a large kubeconfig, certificates and a client certificate."""
        certificate, key = client_pair.both
        others = [{"name": f"other-{number}", "cluster": {"server": "https://x"}} for number in range(2000)]
        mine = json.loads(kubeconfig())["clusters"]
        user = {"client-certificate-data": in_base64(certificate), "client-key-data": in_base64(key)}
        config = kubeconfig(user, clusters=[*others, *mine])
        assert program(Connection(config), lambda c: c.get("Service", "ns", "p")) == OBJECT
        assert [request.client for request in api.requests] == ["jane"]

    def test_the_certificates_of_the_operating_system(self) -> None:
        """There are many."""
        verification = Verification()

        async def make() -> None:
            contexts = await asyncio.gather(*(verification.context(Credential()) for _ in range(5)))
            assert len(set(contexts)) == 1

        asyncio.run(make())

    def test_a_plugin_that_takes_its_time(self, kubeconfig: Kubeconfig, api: ApiServer) -> None:
        """And a client certificate that it gives."""
        version = "client.authentication.k8s.io/v1"
        answer = json.dumps({"kind": "ExecCredential", "apiVersion": version, "status": {"token": "t"}})
        script = f"import time; time.sleep(1); print({answer!r})"
        fields = {"command": sys.executable, "args": ["-c", script], "apiVersion": version, "interactiveMode": "Never"}
        assert program(Connection(kubeconfig({"exec": fields})), lambda c: c.get("Service", "ns", "p")) == OBJECT
        assert len(api.requests) == 1

    def test_a_large_list(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """Of 2 000 Pods in one answer, of 8 MB, with nulls in it."""
        content = pods(2000)
        assert len(content) > 6 * 1024**2
        api.answer = lambda _: (200, content)
        found = program(Connection(kubeconfig()), lambda c: c.list("Pod", "ns"))
        assert len(found) == 2000
        assert "labels" not in found[0]["metadata"]


class TestLargeJson:
    @pytest.mark.parametrize(
        "text",
        [
            b'{"items":[],"a":{"b":[1,2,{"c":null}]}}',
            b' { "kind" : "List" , "items" : [ 1 , {"x":null} , "y" ] , "n" : null , "f" : 1.5e3 } ',
            b"[1,2,3]",
            b"{}",
            b'"text"',
            '{"items":["ä","\\u00e4"]}'.encode(),
        ],
    )
    def test_it_reads_what_json_does(self, text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        """In pieces as at once."""
        at_once = asyncio.run(read_json(text))
        monkeypatch.setattr("pulumi_stateful_service.live.client.large_json._AT_ONCE", 0)
        assert asyncio.run(read_json(text)) == at_once

    @pytest.mark.parametrize("text", [b"", b"<html>", b'{"a":1', b'{"a" 1}', b'{"a":[1 2]}', b'{"a":1} x', b"\xff"])
    def test_what_is_no_json(self, text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is said."""
        monkeypatch.setattr("pulumi_stateful_service.live.client.large_json._AT_ONCE", 0)
        with pytest.raises(ValueError, match=r".*"):
            asyncio.run(read_json(text))


def test_a_client_certificate_is_read_once(authority: Authority, client_pair: Pair) -> None:
    """For all requests with it."""
    certificate, key = (each.encode() for each in client_pair.both)
    verification = Verification(authority.pair.certificate.read_bytes(), "ca")

    async def make() -> int:
        credentials = [Credential(f"Bearer {number}", certificate, key) for number in range(5)]
        contexts = await asyncio.gather(*(verification.context(each) for each in credentials))
        return len(set(contexts))

    assert asyncio.run(make()) == 1
