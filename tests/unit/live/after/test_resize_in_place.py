"""P10: Pods are resized one after another, against a scripted cluster: what a real one does not do on demand."""

import asyncio
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pulumi
import pytest
from pulumi_stateful_service import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.live.after import resize_in_place as module
from pulumi_stateful_service.live.after import target as target_module
from pulumi_stateful_service.live.after.resize_in_place import release, resize_in_place
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.rollout_plan import ResizePlan

TARGET = target_module.RolloutTarget("StatefulService 'db'", "prod", "db", "the-set", 1, {}, {}, None, 1, 1)
STARTED = "2026-01-01T00:00:00Z"


def template(cpu: str) -> dict[str, Any]:
    container = {"name": "app", "image": "db:1", "resources": {"requests": {"cpu": cpu}}}
    return {"metadata": {"labels": {}}, "spec": {"containers": [container]}}


class ScriptedCluster:
    """Three Pods of the old revision, and a kubelet that has resized a Pod two looks later."""

    users = 1

    def __init__(self, **strategy: Any) -> None:
        self.done: list[str] = []
        self.pods = [self.new_pod(ordinal) for ordinal in range(3)]
        self.partition = 3
        self.strategy = strategy
        self.refuse: Callable[[str, str], Exception | None] = lambda *_: None
        self.kubelet: Callable[[dict[str, Any]], None] = self.resize
        self.most_at_once = 0

    def new_pod(self, ordinal: int, uid: str = "") -> dict[str, Any]:
        return {
            "metadata": {
                "name": f"db-{ordinal}",
                "uid": uid or f"uid-{ordinal}",
                "namespace": "prod",
                "resourceVersion": "1",
                "labels": {"controller-revision-hash": "old"},
            },
            "spec": deepcopy(template("100m")["spec"]),
            "status": {
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": STARTED}],
                "containerStatuses": [{"name": "app", "resources": {"requests": {"cpu": "100m"}}}],
            },
        }

    def resize(self, pod: dict[str, Any]) -> None:
        pod["looks"] = pod.get("looks", 0) + 1
        if pod["looks"] > 1:
            pod["status"]["containerStatuses"][0]["resources"] = pod["spec"]["containers"][0]["resources"]

    def now(self) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC)

    async def get_stateful_set(self, *_: Any) -> Any:
        rolling = {"partition": self.partition, **self.strategy}
        return {
            "metadata": {"name": "db", "namespace": "prod", "uid": "the-set", "generation": 1},
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": {}},
                "template": template("200m"),
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            },
            "status": {"observedGeneration": 1, "updateRevision": "new", "currentRevision": "old"},
        }

    async def list_pods(self, _: Any) -> Any:
        busy = [pod for pod in self.pods if self.is_busy(pod)]
        self.most_at_once = max(self.most_at_once, len(busy))
        for pod in busy:
            self.kubelet(pod)
        return deepcopy(self.pods)

    def is_busy(self, pod: dict[str, Any]) -> bool:
        has = pod["status"]["containerStatuses"][0]["resources"]
        return bool(has != pod["spec"]["containers"][0]["resources"])

    async def list(self, *_: Any, **__: Any) -> Any:
        named = (("old", "100m"), ("new", "200m"))
        return [{"metadata": {"name": name}, "data": {"spec": {"template": template(cpu)}}} for name, cpu in named]

    async def resize_pod(self, pod: Any, spec: Any, **_: Any) -> None:
        self.note("resize", pod)["spec"]["containers"][0]["resources"] = spec["containers"][0]["resources"]

    async def label_pod(self, pod: Any, labels: Any, **_: Any) -> None:
        self.note("label", pod)["metadata"]["labels"] = labels

    async def patch_stateful_set(self, *_: Any, spec: Any, **__: Any) -> None:
        self.partition = spec["updateStrategy"]["rollingUpdate"]["partition"]
        self.done.append(f"partition {self.partition}")

    def note(self, what: str, pod: Any) -> Any:
        name = pod["metadata"]["name"]
        if error := self.refuse(what, name):
            raise error
        self.done.append(f"{what} {name}")
        [live] = [each for each in self.pods if each["metadata"]["name"] == name]
        if live["metadata"]["uid"] != pod["metadata"]["uid"]:
            raise ClusterError("another uid", status=409)
        return live


@pytest.fixture(autouse=True)
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user is told, and no pauses."""
    said: list[str] = []
    monkeypatch.setattr(target_module, "_MIN_PAUSE", 0.001)
    monkeypatch.setattr(target_module, "_PAUSE_FRACTION", 0)
    monkeypatch.setattr(target_module, "_READS_PER_SECOND", 10**6)
    monkeypatch.setattr(messages, "info", lambda *_, **__: None)
    monkeypatch.setattr(messages, "warn", lambda text, *_: said.append(text))
    return said


def run(cluster: ScriptedCluster, plan: ResizePlan | None = None) -> None:
    async def both() -> None:
        scripted: Any = cluster
        await resize_in_place(scripted, TARGET, plan or ResizePlan(), Mock(spec=pulumi.Resource))
        await release(scripted, TARGET)

    asyncio.run(both())


IN_TURN = [f"{what} db-{ordinal}" for ordinal in (2, 1, 0) for what in ("resize", "label")]


def test_one_after_another_and_then_the_partition() -> None:
    """Each has its label before the next one begins."""
    cluster = ScriptedCluster()
    run(cluster)
    assert cluster.done == [*IN_TURN, "partition 0"]
    assert cluster.most_at_once == 1


def test_as_many_as_may_be_unavailable() -> None:
    """At the same time."""
    cluster = ScriptedCluster(maxUnavailable=2)
    run(cluster)
    assert cluster.done[:2] == ["resize db-2", "resize db-1"]
    assert cluster.most_at_once == 2


@pytest.mark.parametrize("kept", range(len(IN_TURN)))
def test_it_continues_where_another_was_killed(kept: int) -> None:
    """Wherever that was: what is left to do is read from the Pods."""
    cluster = ScriptedCluster()

    class KilledError(Exception):
        pass

    cluster.refuse = lambda *_: KilledError() if len(cluster.done) == kept else None
    with pytest.raises(KilledError):
        run(cluster)
    cluster.refuse = lambda *_: None
    run(cluster)
    assert cluster.done == [*IN_TURN, "partition 0"]


def test_a_pod_that_was_created_again_is_resized_again() -> None:
    """The partition has it created from the revision before."""
    cluster = ScriptedCluster()

    def die(what: str, name: str) -> Exception | None:
        if (what, name) == ("label", "db-1") and "label db-1" not in cluster.done:
            cluster.pods[1] = cluster.new_pod(1, "another")
        return None

    cluster.refuse = die
    run(cluster)
    assert cluster.done.count("resize db-1") == 2
    assert cluster.done[-1] == "partition 0"
    assert {pod["metadata"]["labels"]["controller-revision-hash"] for pod in cluster.pods} == {"new"}


def test_a_pod_that_is_going_at_the_end_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Released before, it would come back with the revision before, and be replaced at once."""
    cluster = ScriptedCluster()
    looks = iter(range(3))

    def delete(what: str, name: str) -> Exception | None:
        if (what, name) == ("label", "db-0"):
            cluster.pods[2]["metadata"]["deletionTimestamp"] = STARTED
        return None

    async def list_pods(of: Any) -> Any:
        if "deletionTimestamp" in cluster.pods[2]["metadata"] and next(looks, None) is None:
            cluster.pods[2] = cluster.new_pod(2, "another")
        return await ScriptedCluster.list_pods(cluster, of)

    cluster.refuse = delete
    monkeypatch.setattr(cluster, "list_pods", list_pods)
    run(cluster)
    assert cluster.done == [*IN_TURN, "resize db-2", "label db-2", "partition 0"]


def test_a_pod_that_does_not_come_back_is_left_to_the_rollout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one on a node that is lost: the wait for the rollout says so."""
    monkeypatch.setattr(module, "_RETURN_SECONDS", -30)
    cluster = ScriptedCluster()
    cluster.pods[2]["metadata"]["deletionTimestamp"] = STARTED
    for pod in cluster.pods[:2]:  # otherwise they would wait for it
        pod["status"]["conditions"][0]["status"] = "False"
    run(cluster)
    assert {*cluster.done[:-1]} == {*IN_TURN[2:]}
    assert cluster.done[-1] == "partition 0"


def test_the_next_one_waits_until_all_are_ready() -> None:
    """Such as one whose container restarts (resize_policy)."""
    cluster = ScriptedCluster()

    def restart(pod: dict[str, Any]) -> None:
        cluster.resize(pod)
        [ready] = pod["status"]["conditions"]
        ready["status"] = "False"

    cluster.kubelet = restart
    with pytest.raises(RolloutError, match="db-1: waits for the others to be ready"):
        run(cluster)
    assert cluster.done == ["resize db-2", "label db-2"]


def test_those_that_are_not_ready_come_first() -> None:
    """More memory may be what they need."""
    cluster = ScriptedCluster()
    cluster.pods[0]["status"]["conditions"][0]["status"] = "False"

    def heal(pod: dict[str, Any]) -> None:
        cluster.resize(pod)
        pod["status"]["conditions"][0]["status"] = "True"

    cluster.kubelet = heal
    run(cluster)
    assert cluster.done[0] == "resize db-0"
    assert cluster.done[-1] == "partition 0"


def pending(reason: str) -> Callable[[dict[str, Any]], None]:
    """A kubelet that cannot."""

    def say(pod: dict[str, Any]) -> None:
        condition = {"type": "PodResizePending", "status": "True", "reason": reason, "message": "capacity: 2000"}
        pod["status"]["conditions"] = [pod["status"]["conditions"][0], condition]

    return say


@pytest.mark.parametrize("reason", ["Infeasible", "Deferred"])
def test_what_a_node_cannot_give_is_told(reason: str) -> None:
    """At once where it never will, and else after the timeout; the instances stay held back."""
    cluster = ScriptedCluster()
    cluster.kubelet = pending(reason)
    with pytest.raises(RolloutError, match=f"db-2: {reason}: capacity: 2000") as raised:
        run(cluster)
    assert "No Pod was replaced" in str(raised.value)
    assert ("rollout_timeout_seconds" in str(raised.value)) == (reason == "Deferred")
    assert cluster.done == ["resize db-2"]
    assert cluster.partition == 3


@pytest.mark.parametrize("reason", ["Infeasible", "Deferred"])
def test_what_a_node_cannot_give_is_left_to_the_rollout_on_request(reason: str, warned: list[str]) -> None:
    """It keeps the label of its revision, so that the controller replaces it; the others are resized."""
    cluster = ScriptedCluster()

    def only_one_cannot(pod: dict[str, Any]) -> None:
        (pending(reason) if pod["metadata"]["name"] == "db-2" else cluster.resize)(pod)

    cluster.kubelet = only_one_cannot
    run(cluster, ResizePlan(replaces=True))
    assert cluster.done == ["resize db-2", *IN_TURN[2:], "partition 0"]
    assert cluster.pods[2]["metadata"]["labels"] == {"controller-revision-hash": "old"}
    assert warned == [
        f"StatefulService 'db': db-2 cannot be resized in place, so it is replaced (resize): {reason}: capacity: 2000"
    ]


def test_what_the_api_server_refuses_is_told() -> None:
    """Such as a quota that others have used up since the preview."""
    cluster = ScriptedCluster()
    cluster.refuse = lambda what, _: ClusterError("exceeded quota", status=422) if what == "resize" else None
    with pytest.raises(RolloutError, match="db-2: exceeded quota"):
        run(cluster)
    assert cluster.done == []


def test_a_right_that_is_missing_is_named_at_once() -> None:
    """It is not asked again."""
    cluster = ScriptedCluster()
    cluster.refuse = lambda what, _: ForbiddenError("no right to patch pods", status=403) if what == "label" else None
    with pytest.raises(ForbiddenError, match="no right to patch pods"):
        run(cluster)


def test_an_api_server_that_is_away_is_asked_again() -> None:
    """Until the timeout."""
    cluster = ScriptedCluster()
    left = [ClusterError("away", transient=True)] * 2
    cluster.refuse = lambda *_: left.pop() if left else None
    run(cluster)
    assert cluster.done == [*IN_TURN, "partition 0"]
    cluster = ScriptedCluster()
    cluster.refuse = lambda *_: ClusterError("away", transient=True)
    with pytest.raises(RolloutError, match="does not answer: away"):
        run(cluster)


def test_a_pod_that_somebody_has_changed_gets_no_label() -> None:
    """It would lie about its revision: the rollout replaces it."""
    cluster = ScriptedCluster()
    cluster.pods[1]["spec"]["containers"][0]["image"] = "db:hotfix"
    run(cluster)
    assert cluster.done == [*IN_TURN[:2], *IN_TURN[4:], "partition 0"]
    assert cluster.pods[1]["metadata"]["labels"] == {"controller-revision-hash": "old"}
