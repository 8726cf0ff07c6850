"""How the cluster is reached: one client for a program, and none where no cluster is named."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import lightkube
import pytest
from pulumi_stateful_service.live import client as live_client
from pulumi_stateful_service.live import preflight
from pulumi_stateful_service.live.client import Connection

KUBECONFIG = """
clusters: [{name: one, cluster: {server: "http://one"}}]
users: [{name: one, user: {}}]
contexts: [{name: one, context: {cluster: one, user: one}}]
current-context: one
"""


class Client:
    """Notes who is connected, and how many requests are under way at once."""

    made: list["Client"]
    namespace = "default"

    def __init__(self, config: Any) -> None:
        self.config = config
        self.closed = False
        self.under_way: list[int] = []
        self._now = 0
        self.made.append(self)

    async def get(self, *_: Any, **__: Any) -> Any:
        self._now += 1
        self.under_way.append(self._now)
        await asyncio.sleep(0)
        self._now -= 1
        return self

    def to_dict(self) -> dict[str, Any]:
        return {}

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[Client]:
    Client.made = []
    monkeypatch.setattr(lightkube, "AsyncClient", Client)
    return Client.made


def test_all_services_of_a_program_share_one_client(clients: list[Client]) -> None:
    """Two hundred services look at the cluster through one client, which is closed after the last look."""

    async def look() -> None:
        async with live_client.connected(Connection(KUBECONFIG)) as cluster:
            await cluster.stateful_set("default", "rg")
            assert not clients[-1].closed

    async def all_of_them() -> None:
        await asyncio.gather(*(look() for _ in range(200)))
        assert [client.closed for client in clients] == [True]
        await look()

    asyncio.run(all_of_them())
    assert [client.closed for client in clients] == [True, True]


def test_the_first_request_goes_alone(clients: list[Client]) -> None:
    """What a credential plugin answers to the first request serves the others, and those are bounded."""

    async def look(cluster: live_client.Cluster) -> None:
        await cluster.stateful_set("default", "rg")

    async def all_of_them() -> None:
        async with live_client.connected(Connection(KUBECONFIG)) as cluster:
            await asyncio.gather(*(look(cluster) for _ in range(200)))

    asyncio.run(all_of_them())
    assert clients[0].under_way[:2] == [1, 1]
    assert max(clients[0].under_way) == live_client._AT_ONCE


def test_without_a_kubeconfig_there_is_nothing_to_look_at(
    clients: list[Client], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Manifests can be rendered where no cluster is known."""

    def not_in_a_pod() -> None:
        raise lightkube.ConfigError("no service account")

    monkeypatch.setattr(lightkube.KubeConfig, "from_service_account", not_in_a_pod)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    nothing: Any = None
    asyncio.run(preflight.set_to_recreate(Connection(), nothing, nothing))
    assert not clients


def answer(status: int) -> lightkube.ApiError:
    """An error as the API server answers with it."""
    body = {"kind": "Status", "code": status, "message": f"no: {status}"}
    request = httpx2.Request("GET", "http://one")
    return lightkube.ApiError(request=request, response=httpx2.Response(status, json=body, request=request))


def asked(monkeypatch: pytest.MonkeyPatch, answers: list[lightkube.ApiError]) -> int:
    """How often a cluster is asked that answers with these errors first."""
    monkeypatch.setattr(live_client, "_PAUSES", (0, 0))
    client = Client(None)
    asked = 0

    async def get(*_: Any, **__: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked <= len(answers):
            raise answers[asked - 1]
        return client

    monkeypatch.setattr(client, "get", get)
    cluster = live_client.Cluster(client, "default")  # type: ignore[arg-type]
    with suppress(live_client.ClusterError):
        asyncio.run(cluster.stateful_set("default", "rg"))
    return asked


@pytest.mark.usefixtures("clients")
@pytest.mark.parametrize(
    ("statuses", "expected"),
    [([429, 503], 3), ([500, 500, 502, 502], 3), ([403, 403], 1), ([404, 404], 1)],
)
def test_a_busy_api_server_is_asked_again(monkeypatch: pytest.MonkeyPatch, statuses: list[int], expected: int) -> None:
    """Too many requests and a restart pass, so it is asked again, but not for ever; a refusal would be the same."""
    assert asked(monkeypatch, [answer(status) for status in statuses]) == expected
