"""Snapshots of an instance's volumes at one moment, against a scripted snapshot controller."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from pulumi_stateful_service.live.after import group_snapshots as module
from pulumi_stateful_service.live.after.group_snapshots import GroupFailedError, make_group
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.state.volume_snapshots import (
    InstanceToSnapshot,
    SnapshotPlan,
    SnapshotWork,
    group_label,
    snapshot_labels,
)

WORK = SnapshotWork(SnapshotPlan(group_class_name="csi"), snapshot_labels("db", "ours"), "change", 7)
POD = {"metadata": {"name": "db-0", "uid": "p", "labels": {"controller-revision-hash": "db-6d5f7c8b9"}}}
CLAIMS: list[dict[str, Any]] = [{"metadata": {"name": f"{each}-db-0", "uid": each}} for each in ("data", "wal")]
INSTANCE = InstanceToSnapshot(POD, CLAIMS, "Rollout")
LABEL = group_label(CLAIMS)


class Cluster:
    """Has the group, and its snapshots at the second look, unless it fails or is deleted."""

    def __init__(self, *, members: int = 2, error: str = "", deleted: bool = False) -> None:
        self.members, self.error, self.deleted = members, error, deleted
        self.group: Any = None
        self.done: list[str] = []
        self.notes: dict[str, Any] = {}
        self.looks = 0

    def now(self) -> datetime:
        return datetime(2026, 11, 29, 17, 22, tzinfo=UTC)

    async def patch_claim(self, _: str, name: str, patch: Any, *, action: Action, field_manager: str) -> None:
        assert (action, field_manager) == (Action.LABEL_CLAIM, "pulumi-stateful-service.db")
        assert patch == {"metadata": {"labels": LABEL}}
        self.done.append(f"label {name}")

    async def create(self, kind: str, _: str, body: Any, *, action: Action, field_manager: str) -> Any:
        assert (action, field_manager) == (Action.MAKE_GROUP_SNAPSHOT, "pulumi-stateful-service.db")
        action.require("create", kind)
        self.done.append(f"create {body['metadata']['name']}")
        self.group = {**body, "metadata": {**body["metadata"], "uid": "g"}}
        return self.group

    async def list(self, kind: str, _: str, *, labels: Any = None) -> Any:
        if kind == "VolumeGroupSnapshot":
            assert labels == {"pulumi-stateful-service/snapshot-of": "db"}
            self.looks += 1
            status = {"error": {"message": self.error}} if self.error else {}
            return [] if self.deleted else [{**self.group, "status": status}]
        owner = {"kind": "VolumeGroupSnapshot", "name": "any", "uid": "g"}
        others = [snapshot("other", "data-db-0", []), snapshot("another", "wal-db-0", [{**owner, "uid": "else"}])]
        made = [snapshot(f"snapshot-{each['metadata']['uid']}", each["metadata"]["name"], [owner]) for each in CLAIMS]
        return [*others, *(made[: self.members] if self.looks > 1 else [])]

    async def patch(self, kind: str, _: str, name: str, patch: Any, *, action: Action, field_manager: str) -> None:
        assert (kind, action, field_manager) == (
            "VolumeSnapshot",
            Action.LABEL_SNAPSHOT,
            "pulumi-stateful-service.db",
        )
        self.notes[name] = patch["metadata"]


def snapshot(name: str, claim: str, owners: list[Any]) -> dict[str, Any]:
    metadata = {"name": name, "ownerReferences": owners}
    return {"metadata": metadata, "spec": {"source": {"persistentVolumeClaimName": claim}}}


def made(cluster: Cluster, instance: InstanceToSnapshot = INSTANCE, seconds: float = 5) -> dict[str, str]:
    return asyncio.run(make_group(cast("Any", cluster), "prod", WORK, instance, time.monotonic() + seconds))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "_ERROR_SECONDS", 0.01)


def test_the_snapshots_of_a_group_get_the_labels_of_single_ones() -> None:
    """Found by their owner; the claims get the label first that the group selects, and no others have."""
    cluster = Cluster()
    assert made(cluster) == {"data-db-0": "snapshot-data", "wal-db-0": "snapshot-wal"}
    assert cluster.done == ["label data-db-0", "label wal-db-0", "create db-0-20261129172200-6d5f7c8b9"]
    assert cluster.group["spec"] == {
        "volumeGroupSnapshotClassName": "csi",
        "source": {"selector": {"matchLabels": LABEL}},
    }
    assert cluster.notes.keys() == {"snapshot-data", "snapshot-wal"}
    labels = cluster.notes["snapshot-wal"]["labels"]
    assert labels["pulumi-stateful-service/snapshot-of"] == "db"
    assert labels["pulumi-stateful-service/change"] == "change"
    assert group_label(CLAIMS[:1]) != LABEL


def test_what_is_there_already() -> None:
    """A claim that has the label is not labelled again; the group of an interrupted ``up`` is used again."""
    labelled = [{"metadata": {**each["metadata"], "labels": LABEL}} for each in CLAIMS]
    cluster = Cluster()
    made(cluster, InstanceToSnapshot(POD, labelled, "Rollout"))
    assert cluster.done == ["create db-0-20261129172200-6d5f7c8b9"]
    again = Cluster()
    again.group = cluster.group
    assert len(made(again, InstanceToSnapshot(POD, CLAIMS, "Rollout", cluster.group))) == 2
    assert again.done == []


@pytest.mark.parametrize(
    ("cluster", "why"),
    [
        (Cluster(members=1), "has made no VolumeSnapshots in time"),
        (Cluster(members=0, error="the driver has no groups"), "failed: the driver has no groups"),
        (Cluster(members=0, deleted=True), "was deleted"),
    ],
)
def test_a_group_that_fails(cluster: Cluster, why: str) -> None:
    """Ends it; the message names the claims and the group."""
    with pytest.raises(GroupFailedError) as error:
        made(cluster, seconds=0.2)
    assert str(error.value) == f"data-db-0, wal-db-0: VolumeGroupSnapshot db-0-20261129172200-6d5f7c8b9 {why}"
