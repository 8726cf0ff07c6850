"""Snapshots are made, awaited and pruned; an instance is never left quiesced by what can be helped."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest
from pulumi_stateful_service import RefusedError
from pulumi_stateful_service.live.after import restore_test
from pulumi_stateful_service.live.after import volume_snapshots as module
from pulumi_stateful_service.live.after.volume_snapshots import take_snapshots, with_snapshots
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.errors import ClusterError, PodError
from pulumi_stateful_service.live.state.restore_test import RestoreTest
from pulumi_stateful_service.live.state.rollout_status import rollout_status
from pulumi_stateful_service.live.state.volume_snapshots import (
    InstanceToSnapshot,
    Quiesce,
    SnapshotPlan,
    SnapshotWork,
    snapshot_labels,
)

LIVE = {"metadata": {"name": "db", "namespace": "prod"}}
DESIRED: dict[str, Any] = {
    "metadata": {"name": "db"},
    "spec": {
        "template": {"spec": {"containers": [{"name": "app", "image": "db:2"}]}},
        "volumeClaimTemplates": [{"metadata": {"name": each}} for each in ("data", "wal")],
    },
}
RUNS: dict[str, Any] = {"containerStatuses": [{"state": {"running": {}}}]}
QUIESCE = Quiesce(["freeze", "{pod}"], ["thaw", "{pod}"])
NOTE = "pulumi-stateful-service/quiesced"
TEST = RestoreTest(["check"])
REVISIONS = {"replicas": 0, "currentRevision": "db-1", "updateRevision": "db-1"}


def pod(ordinal: int, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": f"db-{ordinal}", "uid": f"p{ordinal}"}, "status": status or RUNS}


def instance(ordinal: int, of: Any = None) -> InstanceToSnapshot:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claims = [
        {"metadata": {"name": f"{volume}-db-{ordinal}", "uid": volume}, "spec": spec} for volume in ("data", "wal")
    ]
    return InstanceToSnapshot(of or pod(ordinal), claims, "Rollout")


class Cluster:
    """Makes snapshots as told; what is done is noted, in order."""

    def __init__(self, status: Callable[[str], Any] = lambda _: {"readyToUse": True}) -> None:
        self.status = status
        self.done: list[str] = []
        self.snapshots: dict[str, Any] = {}
        self.fails: dict[str, Any] = {}
        self.answers: list[Any] = []
        """What the Job is, one look after another."""
        self.looked_at: asyncio.Event | None = None

    def now(self) -> datetime:
        return datetime(2026, 11, 29, 17, 22, tzinfo=UTC)

    def note(self, what: str) -> None:
        self.done.append(what)
        if (failure := self.fails.get(what)) is not None:
            raise failure

    async def create(self, kind: str, _: str, body: Any, *, action: Action, field_manager: str) -> None:
        action.require("create", kind)
        if kind == "Job":
            self.note("job")
            return
        assert (action, field_manager) == (Action.MAKE_SNAPSHOT, "pulumi-stateful-service.db")
        name = body["metadata"]["name"]
        self.snapshots[name] = {**body, "metadata": {**body["metadata"], "creationTimestamp": "2026-11-29T17:22:00Z"}}
        self.note(f"snapshot {body['spec']['source']['persistentVolumeClaimName']}")

    async def get(self, kind: str, _: str, __: str) -> Any:
        assert kind == "Job"
        self.note("look at the job")
        return self.answers.pop(0)

    async def patch(self, kind: str, _: str, name: str, patch: Any, *, action: Action, field_manager: str) -> None:
        assert field_manager == "pulumi-stateful-service.db"
        action.require("patch", kind)
        if kind == "PersistentVolumeClaim":
            assert action is Action.NOTE_QUIESCED
            self.note(f"{name} {'noted' if patch['metadata']['annotations'][NOTE] else 'clear'}")
            return
        [note] = patch["metadata"]["annotations"].values()
        self.note(f"{name} {note.split()[0]}")

    async def list(self, kind: str, _: str, *, labels: Any) -> Any:
        if kind == "Pod":
            return []
        assert (kind, labels) == ("VolumeSnapshot", snapshot_labels("db", "ours"))
        self.note("look")
        if self.looked_at is not None:
            self.looked_at.set()
        return [{**each, "status": self.status(name)} for name, each in self.snapshots.items()]

    async def run_in_pod(self, _: str, __: str, container: str, words: Any, seconds: float, *, action: Action) -> Any:
        assert (container, seconds, action) == ("app", 30, Action.RUN_QUIESCE)
        self.note(" ".join(words))
        return (1, "busy") if f"{words[0]} exits" in self.fails else (0, "")

    async def delete(self, kind: str, _: str, name: str, *, action: Action, uid: str = "") -> None:
        if kind == "Job":
            action.require("delete", kind)
            self.note("delete the job")
            return
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
    names = ("quiesce", "restore_test", "keep", "timeout_seconds")
    plan = SnapshotPlan(**{"timeout_seconds": 60, **{each: more.pop(each) for each in names if each in more}})
    work = SnapshotWork(plan, snapshot_labels("db", "ours"), "change", 1, instances, **more)
    asyncio.run(take_snapshots(cast("Any", cluster), "P", cast("Any", LIVE), DESIRED, work, cast("Any", None)))


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
            take_snapshots(cast("Any", cluster), "P", cast("Any", LIVE), DESIRED, work, cast("Any", None))
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
    live = {"metadata": {"name": "db", "generation": 1}, "spec": {"replicas": 0}, "status": REVISIONS}
    rollout = rollout_status(live, [])
    for labels in ({}, snapshot_labels("db", "ours")):
        target: Any = SimpleNamespace(namespace="prod", snapshot_labels=labels)
        assert asyncio.run(with_snapshots(cast("Any", cluster), target, rollout)) == rollout
        assert cluster.done == (["look"] if labels else [])


class TestRestores:
    """The snapshots of one instance are restored before the change begins."""

    @pytest.fixture
    def cluster(self, monkeypatch: pytest.MonkeyPatch) -> Cluster:
        monkeypatch.setattr(restore_test, "_FIRST_PAUSE", 0.001)
        return Cluster()

    def test_one_that_passes(self, cluster: Cluster, said: list[str]) -> None:
        """Is noted on the snapshots; its Job goes, and so do older snapshots."""
        cluster.answers = [{}, {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}]
        take(cluster, instance(0), tested=instance(0), restore_test=TEST, existing=[old("a")], keep=1)
        assert [each for each in cluster.done if not each.startswith("snapshot") and each != "look"] == [
            "job",
            "look at the job",
            "look at the job",
            "data-db-0-20261129172200 passed",
            "wal-db-0-20261129172200 passed",
            "delete the job",
            "delete a",
        ]
        assert said[-1] == "P: db-0 was restored from its snapshots, and snapshots.restore_test passed."

    def test_one_that_fails(self, cluster: Cluster) -> None:
        """The change does not begin, no older snapshot goes, and the Job stays to be looked at."""
        cluster.answers = [{"status": {"conditions": [{"type": "Failed", "status": "True", "message": "bad"}]}}]
        with pytest.raises(RefusedError) as caught:
            take(cluster, instance(0), tested=instance(0), restore_test=TEST, existing=[old("a")], keep=1)
        assert cluster.done[-1] == "wal-db-0-20261129172200 failed"
        told = str(caught.value)
        assert "snapshots.restore_test did not pass: Job db-restore-" in told
        assert "bad" in told
        assert "no instance was touched" in told

    def test_one_that_an_earlier_up_has_begun(self, cluster: Cluster) -> None:
        """Is awaited."""
        cluster.fails = {"job": ClusterError("exists", status=409)}
        cluster.answers = [{"status": {"conditions": [{"type": "Complete", "status": "True"}]}}]
        cluster.snapshots = {each: {**old(each), "spec": {"source": {}}} for each in ("a", "b")}
        take(cluster, again={"data-db-0": "a", "wal-db-0": "b"}, tested=instance(0), restore_test=TEST)
        assert cluster.done[-3:] == ["a passed", "b passed", "delete the job"]

    def test_one_that_does_not_end_or_is_deleted(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        """The Job's own time limit ends it; where its controller does not work, ours."""
        monkeypatch.setattr(restore_test, "_GRACE_SECONDS", -1)
        for answers, why in (([{}], "has not ended within"), ([None], "was deleted")):
            cluster.answers = answers
            with pytest.raises(RefusedError, match=why):
                take(cluster, instance(0), tested=instance(0), restore_test=RestoreTest(["check"], timeout_seconds=1))


def test_each_action_is_of_the_argument() -> None:
    """So that a program without it needs none of these rights."""
    for action in (
        Action.MAKE_SNAPSHOT,
        Action.DELETE_SNAPSHOT,
        Action.RUN_QUIESCE,
        Action.NOTE_QUIESCED,
        Action.TEST_RESTORE,
        Action.END_RESTORE_TEST,
        Action.NOTE_RESTORE_TEST,
    ):
        assert all(each.startswith("snapshots") for each in action.row.arguments)
