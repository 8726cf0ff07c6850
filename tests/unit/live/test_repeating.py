"""What is sent again, for how long, and what never is."""

import asyncio
import json
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from threading import Timer
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from api_server import HOST, OBJECT, ApiServer, Request, api_server
from kubeconfigs import Kubeconfig
from pulumi_stateful_service.live.client import repeating
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, TimedOutError

Do = Callable[[Cluster], Awaitable[Any]]
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"


def get(cluster: Cluster) -> Awaitable[Any]:
    return cluster.get("Service", "ns", "p")


SAFE: dict[str, Do] = {
    "get": get,
    "merge patch": lambda c: c.patch("StatefulSet", "ns", "p", {"spec": {}}, action=Action.SET_REPLICAS),
    "apply": lambda c: c.patch(
        "Secret", "ns", "p", {}, action=Action.CREATE_VERSION, patch_type="apply", field_manager="m", force=True
    ),
    "delete": lambda c: c.delete("Secret", "ns", "p", action=Action.DELETE_VERSION, uid="1"),
    "dry run": lambda c: c.create("StatefulSet", "ns", {}, action=Action.FORECAST),
    "review": lambda c: c.create("SelfSubjectAccessReview", None, {}, action=Action.REVIEW_RIGHTS),
}
ONCE: dict[str, Do] = {
    "create": lambda c: c.create(
        "PersistentVolumeClaim", "ns", {"metadata": {"name": "s"}}, action=Action.RESTORE_CLAIM
    ),
    "delete whatever has that name": lambda c: c.delete("Secret", "ns", "p", action=Action.DELETE_VERSION),
    "evict": lambda c: c.evict_pod("ns", "p", "1", action=Action.EVICT_UNREADY_POD),
    "ask a Pod": lambda c: c.get_from_pod("ns", "p", 80, "/", "http", 5),
    "run a command": lambda c: c.run_in_pod("ns", "p", "app", ["join"], 5, action=Action.RUN_MEMBER_COMMAND),
}


def asked(do: Do, config: str) -> Any:
    async def program() -> Any:
        async with connected(Connection(config)) as cluster:
            return await do(cluster)

    return asyncio.run(program())


@pytest.fixture
def ask(kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch) -> Callable[[Do], Any]:
    """Does something with the cluster, within a few seconds."""
    monkeypatch.setattr(repeating, "UP_SECONDS", 10)
    return lambda do: asked(do, kubeconfig())


@pytest.fixture
def preview(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)


def failing_at_first(api: ApiServer, *answers: tuple[int, Any]) -> None:
    left = list(answers)
    api.answer = lambda _: left.pop(0) if left else (200, OBJECT)


class TestAnswers:
    @pytest.mark.parametrize("statuses", [[503], [429, 503], [500, 502, 504], [503] * 20])
    def test_a_busy_api_server_is_asked_again(
        self, api: ApiServer, ask: Callable[[Do], Any], statuses: list[int]
    ) -> None:
        """It restarts, or has too much to do: that passes."""
        failing_at_first(api, *((status, {"message": "no"}) for status in statuses))
        assert ask(get) == OBJECT
        assert len(api.requests) == len(statuses) + 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
    def test_a_refusal_is_an_answer(self, api: ApiServer, ask: Callable[[Do], Any], status: int) -> None:
        """It would be the same again."""
        failing_at_first(api, (status, {"message": "no"}))
        with suppress(ClusterError):
            ask(get)
        assert len(api.requests) == 1

    def test_one_that_stays_busy(
        self, api: ApiServer, ask: Callable[[Do], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is asked for so long, and the message says for how long."""
        monkeypatch.setattr(repeating, "UP_SECONDS", 1.5)
        monkeypatch.setattr(repeating, "LONGEST_PAUSE", 0.1)
        api.answer = lambda _: (503, {"message": "etcd has no leader"})
        with pytest.raises(
            ClusterError, match=r"cannot get services/p in namespace ns: etcd has no leader \(tried for [12] s\)"
        ) as caught:
            ask(get)
        assert caught.value.transient
        assert len(api.requests) > 10

    @pytest.mark.parametrize("do", [ONCE["create"], get], ids=["create", "get"])
    def test_how_long_the_api_server_wants_to_be_left_alone(
        self, api: ApiServer, ask: Callable[[Do], Any], do: Do
    ) -> None:
        """That is how long it is: it has done nothing, so everything is sent again."""
        times: list[float] = []

        def answer(_: Request) -> tuple[int, Any]:
            times.append(time.monotonic())
            api.headers = {"Retry-After": "1"} if len(times) == 1 else {}
            return (429, {}) if len(times) == 1 else (200, OBJECT)

        api.answer = answer
        assert ask(do) == OBJECT
        assert times[1] - times[0] >= 1

    @pytest.mark.parametrize("wanted", ["3600", "tomorrow", "-1"])
    def test_that_is_bounded(
        self, api: ApiServer, ask: Callable[[Do], Any], monkeypatch: pytest.MonkeyPatch, wanted: str
    ) -> None:
        """An hour is not waited for."""
        monkeypatch.setattr(repeating, "LONGEST_RETRY_AFTER", 0.05)
        api.headers = {"Retry-After": wanted}
        failing_at_first(api, (429, {}))
        assert ask(get) == OBJECT

    def test_a_disruption_budget_is_an_answer(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """How long to wait for it is the business of the one who evicts."""
        api.headers, api.answer = {"Retry-After": "10"}, lambda _: (429, {})
        assert ask(ONCE["evict"]) is False
        assert len(api.requests) == 1

    @pytest.mark.parametrize("status", [500, 503, 504])
    def test_what_may_be_done_already_is_not_done_again(
        self, api: ApiServer, ask: Callable[[Do], Any], status: int
    ) -> None:
        """An object may have been created where the API server does not know it."""
        api.answer = lambda _: (status, {})
        with pytest.raises(ClusterError):
            ask(ONCE["create"])
        assert len(api.requests) == 1


class TestConnections:
    @pytest.mark.parametrize("cut", ["before the answer", "in the answer"])
    @pytest.mark.parametrize("do", SAFE.values(), ids=SAFE)
    def test_one_that_breaks_is_opened_again(self, api: ApiServer, ask: Callable[[Do], Any], do: Do, cut: str) -> None:
        """Whatever comes to the same when it is carried out twice is sent twice."""
        failing_at_first(api, *((0, None) if cut == "before the answer" else (200, iter([CUT])) for _ in range(3)))
        assert ask(do) in (OBJECT, True)
        assert len(api.requests) == 4
        assert len({(each.method, each.path, each.body) for each in api.requests}) == 1

    @pytest.mark.parametrize("cut", ["before the answer", "in the answer"])
    @pytest.mark.parametrize("do", ONCE.values(), ids=ONCE)
    def test_what_may_have_been_carried_out_is_not_sent_again(
        self, api: ApiServer, ask: Callable[[Do], Any], do: Do, cut: str
    ) -> None:
        """Neither from here nor from the HTTP client, on a new connection or on one that was kept."""

        async def after_another(cluster: Cluster) -> Any:
            await get(cluster)
            api.requests.clear()
            failing_at_first(api, (0, None) if cut == "before the answer" else (200, iter([CUT])))
            return await do(cluster)

        with pytest.raises(ClusterError) as caught:
            ask(after_another)
        assert caught.value.transient
        assert len(api.requests) == 1

    def test_the_fate_of_a_change_is_said(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """That it is not known."""
        failing_at_first(api, (0, None))
        with pytest.raises(ClusterError, match="Whether the POST request was carried out is not known"):
            ask(ONCE["create"])

    @pytest.mark.parametrize("do", [*SAFE.values(), ONCE["create"]], ids=[*SAFE, "create"])
    def test_an_api_server_that_comes_back(
        self, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch, do: Do
    ) -> None:
        """What could not be sent is sent, whatever it is."""
        monkeypatch.setattr(repeating, "UP_SECONDS", 10)
        with socket.socket() as reserved:
            # Bound and not listening: nobody answers there, and no other test's server gets the port.
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reserved.bind((HOST, 0))
            port = reserved.getsockname()[1]
            config = kubeconfig(cluster={"server": f"http://{HOST}:{port}", "certificate-authority-data": None})
            starting = api_server(None, port=port)
            timer = Timer(0.5, starting.__enter__)
            timer.start()
            try:
                assert asked(do, config) in (OBJECT, True)
            finally:
                timer.join()
                starting.__exit__(None, None, None)

    def test_a_server_with_the_wrong_certificate_is_not_asked_again(
        self, kubeconfig: Kubeconfig, api: ApiServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It would have the same one."""
        monkeypatch.setattr(repeating, "asyncio", SimpleNamespace(sleep=never))
        with pytest.raises(ClusterError, match="certificate") as caught:
            asked(get, kubeconfig(cluster={"certificate-authority-data": None}))
        assert not caught.value.transient
        assert api.requests == []


class TestTime:
    AWAY = json.dumps(
        {
            "clusters": [{"name": "one", "cluster": {"server": f"http://{HOST}:1"}}],
            "contexts": [{"name": "it", "context": {"cluster": "one"}}],
            "current-context": "it",
        }
    )

    def test_in_up_it_is_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From the first request on, and the message says for how long."""
        monkeypatch.setattr(repeating, "UP_SECONDS", 1.2)
        with pytest.raises(ClusterError) as caught:
            asked(get, self.AWAY)
        assert re.search(r"127\.0\.0\.1:1 cannot be reached: Connection refused \(tried for 1 s\)", str(caught.value))

    @pytest.mark.usefixtures("preview")
    def test_a_preview_without_a_cluster_is_quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One that has never answered is not waited for, and the looks that follow do not wait at all."""
        monkeypatch.setattr(repeating, "PREVIEW_SECONDS", 1000)
        monkeypatch.setattr(repeating, "UP_SECONDS", 1000)
        monkeypatch.setattr(repeating, "UNREACHED_SECONDS", 0.3)

        async def program() -> None:
            async with connected(Connection(self.AWAY)) as cluster:
                with pytest.raises(ClusterError, match="Connection refused"):
                    await get(cluster)
                monkeypatch.setattr(repeating, "asyncio", SimpleNamespace(sleep=never))
                for _ in range(2):
                    with pytest.raises(ClusterError, match="Connection refused"):
                        await get(cluster)

        asyncio.run(program())

    @pytest.mark.usefixtures("preview")
    def test_one_that_has_answered_in_a_preview_is_waited_for(
        self, api: ApiServer, kubeconfig: Kubeconfig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was there, so it comes back."""
        monkeypatch.setattr(repeating, "UNREACHED_SECONDS", 0)
        monkeypatch.setattr(repeating, "PREVIEW_SECONDS", 10)

        async def twice(cluster: Cluster) -> Any:
            await get(cluster)
            failing_at_first(api, *[(0, None)] * 5)
            return await get(cluster)

        assert asked(twice, kubeconfig()) == OBJECT
        assert len(api.requests) == 7

    def test_bounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An API server that is away for 10 seconds at any moment does not fail an up."""
        monkeypatch.undo()
        assert repeating.UP_SECONDS >= 30
        assert repeating.UNREACHED_SECONDS <= 3

    def test_one_that_does_not_answer_in_time(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """It is asked again within the same bound."""
        held = "pulumi_stateful_service.live.client.api.Api._send.__kwdefaults__"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(held, {"seconds": 0.1, "most": 100})
            api.answer = lambda _: (200, silence())
            with pytest.raises(TimedOutError, match="does not answer in time"):
                asked(get, kubeconfig())


async def never(seconds: float) -> None:
    """In place of a pause before a request is sent again, where none may be."""
    raise AssertionError(f"waits for {seconds} s")


def silence() -> Iterator[bytes]:
    time.sleep(0.5)
    yield b""
