"""When the names of the instances resolve: what of the ready Pods is missing in the EndpointSlices."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.live.after import target as target_module
from pulumi_stateful_service.live.after.reachable import wait_until_reachable, without_endpoint
from pulumi_stateful_service.live.after.target import RolloutTarget
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError

READY = {"rg-0": "a", "rg-1": "b"}
LABELS = {"app": "rg"}
SET = {"metadata": {"name": "rg"}, "spec": {"serviceName": "random", "template": {"metadata": {"labels": LABELS}}}}
TARGET = RolloutTarget("StatefulService 'rg'", "shop", "rg", "set", 1, {}, {}, None, 60, 60)


def endpoint(uid: str, *, ready: bool | None = True) -> dict[str, Any]:
    return {"targetRef": {"kind": "Pod", "uid": uid}, "conditions": {} if ready is None else {"ready": ready}}


def slice_of(*endpoints: Mapping[str, Any]) -> dict[str, Any]:
    return {"endpoints": list(endpoints)}


@pytest.mark.parametrize(
    ("slices", "missing"),
    [
        ([], ["rg-0", "rg-1"]),
        ([{"endpoints": None}], ["rg-0", "rg-1"]),
        ([slice_of(endpoint("a"))], ["rg-1"]),
        ([slice_of(endpoint("a")), slice_of(endpoint("b"))], []),
        ([slice_of(endpoint("a"), endpoint("b", ready=None))], []),
        ([slice_of(endpoint("a"), endpoint("b", ready=False))], ["rg-1"]),
        # A predecessor of the same name.
        ([slice_of(endpoint("a"), endpoint("earlier"))], ["rg-1"]),
        # Somebody's own endpoint beside them.
        ([slice_of(endpoint("a"), endpoint("b"), {"addresses": ["192.0.2.1"]})], []),
    ],
)
def test_p02_instances_without_an_endpoint(slices: Sequence[dict[str, Any]], missing: list[str]) -> None:
    """A ready Pod is reachable when a slice has its uid and does not say that it is not ready."""
    assert without_endpoint(READY, slices) == missing


class ScriptedCluster:
    """Answers each list of slices with the next of these, the last one again and again."""

    users = 1

    def __init__(self, *answers: Any, selector: Mapping[str, str] = LABELS) -> None:
        self.answers = list(answers)
        self.selector = selector
        self.asked: list[Any] = []

    async def list(self, kind: str, namespace: str, *, labels: Mapping[str, str]) -> Any:
        self.asked.append((kind, namespace, dict(labels)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def get_service(self, *_: object) -> dict[str, Any]:
        return {"spec": {"selector": dict(self.selector)}}

    async def list_pods(self, _: object) -> Any:
        status = {"conditions": [{"type": "Ready", "status": "True"}]}
        return [{"metadata": {"name": name, "uid": uid}, "status": status} for name, uid in READY.items()]


def wait(
    cluster: ScriptedCluster, monkeypatch: pytest.MonkeyPatch, ready: Mapping[str, str] = READY, seconds: float = 60
) -> list[str]:
    """Waits; the warnings."""
    said: list[str] = []
    monkeypatch.setattr(target_module, "_MAX_PAUSE", 0.01)
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_, **__: said.append(text))
    target: Any = replace(TARGET, rollout_timeout_seconds=seconds)  # type: ignore[arg-type] # shorter than anybody's
    resource: Any = None
    scripted: Any = cluster
    asyncio.run(wait_until_reachable(scripted, target, SET, ready, resource))
    return said


BOTH = [slice_of(endpoint("a"), endpoint("b"))]


def test_p02_one_request_where_all_are_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the Service's name, not the whole namespace."""
    cluster = ScriptedCluster(BOTH)
    assert wait(cluster, monkeypatch) == []
    assert cluster.asked == [("EndpointSlice", "shop", {"kubernetes.io/service-name": "random"})]


def test_p02_no_instance_is_waited_for_without_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """With zero replicas, or where none is called ready (``wait_for``), there is nothing to ask."""
    cluster = ScriptedCluster([])
    assert wait(cluster, monkeypatch, {}) == []
    assert cluster.asked == []


def test_p02_it_is_asked_until_all_are_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the API server does not answer in between."""
    cluster = ScriptedCluster([], ClusterError("connection refused"), [slice_of(endpoint("a"))], BOTH)
    assert wait(cluster, monkeypatch) == []
    assert len(cluster.asked) == 4


def test_p02_the_end_of_the_wait_names_service_and_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """One message, with what to do."""
    cluster = ScriptedCluster([slice_of(endpoint("a"))])
    with pytest.raises(RolloutError, match=r"EndpointSlices of Service shop/random did not have rg-1 within"):
        wait(cluster, monkeypatch, seconds=0.2)


def test_p02_without_the_right_it_is_said_and_not_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rollout is complete all the same."""
    cluster = ScriptedCluster(ForbiddenError("no right to list endpointslices in namespace shop"))
    [warning] = wait(cluster, monkeypatch)
    assert "does not wait until the names of the instances resolve: no right to list endpointslices" in warning
    assert len(cluster.asked) == 1


@pytest.mark.parametrize("selector", [{}, {"app": "other"}])
def test_p02_a_service_that_does_not_select_them_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, selector: dict[str, str]
) -> None:
    """A Service that was adopted or transformed leads elsewhere, or to endpoints that somebody writes."""
    assert wait(ScriptedCluster([], selector=selector), monkeypatch) == []
