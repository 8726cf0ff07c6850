"""Snapshots are made, awaited and pruned; an instance is never left quiesced by what can be helped."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pulumi
import pytest
from pulumi_stateful_service import RefusedError
from pulumi_stateful_service.live.after import volume_snapshots as module
from pulumi_stateful_service.live.after.volume_snapshots import newest_snapshots, take_snapshots
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.errors import ClusterError, PodError
from pulumi_stateful_service.live.state.volume_snapshots import (
    InstanceToSnapshot,
    Quiesce,
    SnapshotPlan,
    SnapshotWork,
    snapshot_labels,
)

LIVE = {"metadata": {"name": "db", "namespace": "prod"}}
RUNS: dict[str, Any] = {"containerStatuses": [{"state": {"running": {}}}]}
QUIESCE = Quiesce(["freeze", "{pod}"], ["thaw", "{pod}"])
NOTE = "pulumi-stateful-service/quiesced"


def pod(ordinal: int, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": f"db-{ordinal}", "uid": f"p{ordinal}"}, "status": status or RUNS}


def instance(ordinal: int, of: Any = None) -> InstanceToSnapshot:
    claims = [{"metadata": {"name": f"{volume}-db-{ordinal}", "uid": volume}} for volume in ("data", "wal")]
    return InstanceToSnapshot(of or pod(ordinal), claims, "Rollout")


class Cluster:
    """Makes snapshots as told; what is done is noted, in order."""

    def __init__(self, status: Callable[[str], Any] = lambda _: {"readyToUse": True}) -> None:
        self.status = status
        self.done: list[str] = []
        self.snapshots: dict[str, Any] = {}
        self.fails: dict[str, Any] = {}
        self.looked_at: asyncio.Event | None = None

    def now(self) -> datetime:
        return datetime(2026, 11, 29, 17, 22, tzinfo=UTC)

    def note(self, what: str) -> None:
        self.done.append(what)
        if (failure := self.fails.get(what)) is not None:
            raise failure

    async def create(self, kind: str, _: str, body: Any, *, action: Action, field_manager: str) -> None:
        assert (action, field_manager) == (Action.MAKE_SNAPSHOT, "pulumi-stateful-service.db")
        action.require("create", kind)
        name = body["metadata"]["name"]
        self.snapshots[name] = {**body, "metadata": {**body["metadata"], "creationTimestamp": "2026-11-29T17:22:00Z"}}
        self.note(f"snapshot {body['spec']['source']['persistentVolumeClaimName']}")

    async def list(self, kind: str, _: str, *, labels: Any) -> Any:
        assert (kind, labels) == ("VolumeSnapshot", snapshot_labels("db", "ours"))
        self.note("look")
        if self.looked_at is not None:
            self.looked_at.set()
        return [{**each, "status": self.status(name)} for name, each in self.snapshots.items()]

    async def run_in_pod(self, _: str, __: str, container: str, words: Any, seconds: float, *, action: Action) -> Any:
        assert (container, seconds, action) == ("app", 30, Action.RUN_QUIESCE)
        self.note(" ".join(words))
        return (1, "busy") if f"{words[0]} exits" in self.fails else (0, "")

    async def patch_claim(self, _: str, name: str, patch: Any, *, action: Action, field_manager: str) -> Any:
        assert (action, field_manager) == (Action.NOTE_QUIESCED, "pulumi-stateful-service.db")
        since = patch["metadata"]["annotations"][NOTE]
        self.note(f"{name} {'noted' if since else 'clear'}")

    async def delete(self, kind: str, _: str, name: str, *, action: Action, uid: str) -> None:
        assert (kind, action, uid) == ("VolumeSnapshot", Action.DELETE_SNAPSHOT, "1")
        self.note(f"delete {name}")


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user reads; and nobody waits."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda message, *_, **__: lines.append(message))
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "_ERROR_SECONDS", 0.0)
    return lines


def take(cluster: Cluster, *instances: InstanceToSnapshot, **more: Any) -> None:
    plan = SnapshotPlan(quiesce=more.pop("quiesce", None), timeout_seconds=more.pop("timeout_seconds", 60))
    work = SnapshotWork(plan, snapshot_labels("db", "ours"), "change", 1, instances, **more)
    asyncio.run(take_snapshots(cast("Any", cluster), "P", cast("Any", LIVE), work, cast("Any", None)))


def old(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": "1", "creationTimestamp": "2026-11-01T00:00:00Z"},
        "spec": {"source": {"persistentVolumeClaimName": "data-db-0"}},
        "status": {"readyToUse": True},
    }


def test_all_are_made_before_one_is_awaited(said: list[str]) -> None:
    """And named when they are ready."""
    cluster = Cluster()
    take(cluster, instance(0), instance(1))
    assert cluster.done == [f"snapshot {each}" for each in ("data-db-0", "wal-db-0", "data-db-1", "wal-db-1")] + [
        "look"
    ]
    assert "VolumeSnapshots are ready: data-db-0-20261129172200, data-db-1-20261129172200, wal-db-0-" in said[-1]


def test_old_ones_go_when_the_new_ones_are_ready() -> None:
    """And those that have failed before the new ones are made."""
    cluster = Cluster()
    work = {"existing": [old("a"), old("b"), old("c")], "failed": [old("failed")]}
    take(cluster, instance(0), **work)
    assert cluster.done == ["delete failed", "snapshot data-db-0", "snapshot wal-db-0", "look", "delete a"]


def test_none_goes_where_a_new_one_fails() -> None:
    """The message names the claim, what the driver says, and that nothing was begun."""
    cluster = Cluster(lambda name: {"error": {"message": "full"}} if name.startswith("wal") else {"readyToUse": True})
    with pytest.raises(
        RefusedError, match=r"wal-db-0: VolumeSnapshot wal-db-0-\d+ failed: full.*no instance was touched"
    ):
        take(cluster, instance(0), existing=[old("a"), old("b"), old("c")])
    assert not [each for each in cluster.done if each.startswith("delete")]


def test_an_error_that_passes_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot controller tries again."""
    monkeypatch.setattr(module, "_ERROR_SECONDS", 60.0)
    states = iter([{"error": {"message": "conflict"}}, {"error": {"message": "conflict"}}])
    take(Cluster(lambda _: next(states, {"readyToUse": True})), instance(0))


def test_a_snapshot_that_is_not_ready_in_time() -> None:
    """Is named with its claim, and so is one that somebody deletes."""
    with pytest.raises(
        RefusedError, match=r"not ready to use within snapshots.timeout_seconds: data-db-0 \(data-db-0-"
    ):
        take(Cluster(lambda _: {"readyToUse": False}), instance(0), timeout_seconds=0)
    with pytest.raises(RefusedError, match="data-db-0: VolumeSnapshot gone was deleted"):
        take(Cluster(), again={"data-db-0": "gone"})


def test_an_instance_is_resumed_when_its_snapshots_hold_the_data() -> None:
    """Before they are ready, and one instance after another."""
    cluster = Cluster(lambda _: {"creationTime": "2026-11-29T17:22:00Z", "readyToUse": cluster.done.count("look") > 3})
    take(cluster, instance(0), instance(1), quiesce=QUIESCE)
    one = ["data-db-{0} noted", "freeze db-{0}", "snapshot data-db-{0}", "snapshot wal-db-{0}", "look", "thaw db-{0}"]
    each = [*one, "data-db-{0} clear"]
    assert cluster.done == [text.format(number) for number in (0, 1) for text in each] + ["look", "look"]


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        (
            {"freeze db-0": PodError("no answer within 30 s")},
            "snapshots.quiesce.command of db-0: no answer within 30 s",
        ),
        ({"freeze exits": True}, "snapshots.quiesce.command of db-0: exit status 1: busy"),
        ({"snapshot wal-db-0": ClusterError("no right to create")}, "wal-db-0: no right to create"),
        ({"look": ClusterError("away")}, "before this change: away"),
    ],
)
def test_an_instance_is_resumed_where_something_fails(fails: dict[str, Any], message: str) -> None:
    """The command, a snapshot, or the cluster."""
    cluster = Cluster()
    cluster.fails = fails
    with pytest.raises(RefusedError, match=message):
        take(cluster, instance(0), quiesce=QUIESCE)
    assert cluster.done[-2:] == ["thaw db-0", "data-db-0 clear"]


def test_an_instance_is_resumed_where_the_engine_is_interrupted() -> None:
    """What waits is cancelled then."""

    async def interrupted() -> None:
        plan = SnapshotPlan(quiesce=QUIESCE)
        work = SnapshotWork(plan, snapshot_labels("db", "ours"), "change", 1, [instance(0)])
        taking = asyncio.ensure_future(
            take_snapshots(cast("Any", cluster), "P", cast("Any", LIVE), work, cast("Any", None))
        )
        cluster.looked_at = asyncio.Event()
        await cluster.looked_at.wait()
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking

    cluster = Cluster(lambda _: {})
    asyncio.run(interrupted())
    assert cluster.done[-2:] == ["thaw db-0", "data-db-0 clear"]


def test_an_instance_that_cannot_be_resumed_keeps_its_note() -> None:
    """And the message says that it may still be quiesced."""
    cluster = Cluster()
    cluster.fails = {"thaw exits": True}
    with pytest.raises(
        RefusedError, match=r"snapshots.quiesce.resume of db-0: exit status 1: busy. It may still be quies"
    ):
        take(cluster, instance(0), quiesce=QUIESCE)
    assert "data-db-0 clear" not in cluster.done


def test_an_instance_that_does_not_run_is_not_quiesced(said: list[str]) -> None:
    """A version that crashes could not be replaced otherwise."""
    cluster = Cluster()
    crashed = pod(0, containerStatuses=[{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}])
    take(cluster, instance(0, crashed), quiesce=QUIESCE)
    assert cluster.done == ["snapshot data-db-0", "snapshot wal-db-0", "look"]
    assert "db-0 does not run" in said[0]


def test_what_an_earlier_up_has_left_is_resumed_first() -> None:
    """Where the instance runs; without the command the note stays, and the user is told before."""
    claim = {"metadata": {"name": "data-db-1"}}
    left = [(claim, pod(1))]
    cluster = Cluster()
    take(cluster, quiesced=left, quiesce=QUIESCE)
    assert cluster.done == ["thaw db-1", "data-db-1 clear"]
    for gone in (None, pod(1, containerStatuses=[])):
        cluster = Cluster()
        take(cluster, quiesced=[(claim, gone)], quiesce=QUIESCE)
        assert cluster.done == ["data-db-1 clear"]
    cluster = Cluster()
    take(cluster, quiesced=left)
    assert cluster.done == []


def test_the_output_is_empty_where_nothing_can_be_read() -> None:
    """And nothing is asked without the argument."""
    cluster = Cluster()
    cluster.fails = {"look": ClusterError("no such kind", status=404)}
    assert asyncio.run(newest_snapshots(cast("Any", cluster), "prod", {})) == {}
    assert cluster.done == []
    assert asyncio.run(newest_snapshots(cast("Any", cluster), "prod", snapshot_labels("db", "ours"))) == {}


def test_each_action_is_of_the_argument() -> None:
    """So that a program without it needs none of these rights."""
    for action in (Action.MAKE_SNAPSHOT, Action.DELETE_SNAPSHOT, Action.RUN_QUIESCE, Action.NOTE_QUIESCED):
        assert all(each.startswith("snapshots") for each in action.row.arguments)
