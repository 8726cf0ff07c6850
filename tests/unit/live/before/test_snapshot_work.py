"""Which snapshots a change needs, and what is said and refused before it, against a scripted cluster."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from pulumi_stateful_service import RefusedError
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.forecast import (
    ClaimOutcome,
    Forecast,
    InstanceOutcome,
    Resizes,
    StatefulSetOutcome,
)
from pulumi_stateful_service.live.before.preflight import rendering_warnings
from pulumi_stateful_service.live.before.volume_snapshots import snapshot_lines, snapshot_work, touched_instances
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.state.volume_snapshots import (
    InstanceToSnapshot,
    Quiesce,
    SnapshotPlan,
    SnapshotWork,
    change_digest,
    new_group,
    new_snapshot,
    snapshot_labels,
)

ALL = ("Rollout", "ClaimChange", "ScaleDown")
QUIESCED = "pulumi-stateful-service/quiesced"


def template(volume: str) -> dict[str, Any]:
    return {"metadata": {"name": volume}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}


LIVE: dict[str, Any] = {
    "metadata": {"name": "db", "namespace": "prod", "annotations": {}, "generation": 4},
    "spec": {"replicas": 2, "volumeClaimTemplates": [template("data"), template("wal")]},
}
PODS = [{"metadata": {"name": f"db-{ordinal}", "uid": f"p{ordinal}"}} for ordinal in (1, 0)]
CHANGE = Change(
    "P", ["ours", "before"], "prod", LIVE, {}, None, recreate_keeping_pods=False, adopt=False, autoscaled=False
)
WANTED = replace(CHANGE, snapshots=SnapshotPlan(class_name="csi"))
ROLLOUT = Forecast(
    StatefulSetOutcome.UPDATED,
    {"db-0": InstanceOutcome.KEPT, "db-1": InstanceOutcome.REPLACED},
    {},
    order=["db-1"],
    changes_template=True,
)


def claim(volume: str, ordinal: int, phase: str = "Bound", **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{volume}-db-{ordinal}", "uid": f"{volume}{ordinal}", "annotations": annotations},
        "spec": {"storageClassName": "fast"},
        "status": {"phase": phase},
    }


CLAIMS = [claim(volume, ordinal) for volume in ("data", "wal") for ordinal in (0, 1)]


class Cluster:
    """A cluster with these snapshots and one class; what is created is noted."""

    def __init__(
        self,
        snapshots: Any = (),
        error: ClusterError | None = None,
        *,
        reads_classes: bool = True,
        groups: Any = (),
    ) -> None:
        self.snapshots, self.error, self.reads_classes = list(snapshots), error, reads_classes
        self.groups = list(groups)
        self.tried: list[str] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 29, 17, 22, tzinfo=UTC)

    async def list_pods(self, _: Any) -> Any:
        return PODS

    async def list(self, kind: str, namespace: str | None, *, labels: Any = None) -> Any:
        if kind in {"VolumeSnapshotClass", "VolumeGroupSnapshotClass"}:
            if not self.reads_classes:
                raise ForbiddenError("no right to list volumesnapshotclasses")
            return [{"metadata": {"name": "csi"}, "driver": "disks"}]
        if kind == "VolumeGroupSnapshot":
            return self.groups
        if kind == "VolumeSnapshot":
            assert labels["pulumi-stateful-service/component"] == ["ours", "before"]
            return self.snapshots
        assert (kind, namespace) == ("PersistentVolumeClaim", "prod")
        return CLAIMS

    async def get(self, kind: str, *_: Any) -> Any:
        assert kind == "StorageClass"
        if not self.reads_classes:
            raise ForbiddenError("no right to get storageclasses")
        return {"provisioner": "disks"}

    async def create(self, kind: str, _: str, body: Any, *, action: Action) -> Any:
        assert action.row.is_dry_run
        action.require("create", kind)
        if self.error:
            raise self.error
        self.tried.append(body["metadata"]["name"])


def work(cluster: Cluster, change: Change = WANTED, forecast: Forecast | None = ROLLOUT, claims: Any = None) -> Any:
    return asyncio.run(
        snapshot_work(cast("Any", cluster), change, LIVE, CLAIMS if claims is None else claims, forecast)
    )


def test_none_of_a_claim_that_is_rolled_back() -> None:
    """Its volume is kept; the instance's other volume is not, and has one."""
    rolled_back = replace(ROLLOUT, claims={"data-db-1": ClaimOutcome.RESTORED})
    made = work(Cluster(), forecast=rolled_back)
    assert made.claims == ["wal-db-1"]
    both = {"data-db-1": ClaimOutcome.RESTORED, "wal-db-1": ClaimOutcome.RESTORED}
    assert work(Cluster(), forecast=replace(ROLLOUT, claims=both)) is None


class TestTouched:
    """The instances that a change touches."""

    def touched(self, forecast: Forecast | None, *before: str) -> dict[str, str]:
        return touched_instances(forecast, before, {pod["metadata"]["name"]: pod for pod in cast("Any", PODS)})

    def test_by_a_rollout(self) -> None:
        """Those that are replaced; those that are held back, or deleted by the user, are not."""
        assert self.touched(ROLLOUT, *ALL) == {"db-1": "Rollout"}
        assert self.touched(replace(ROLLOUT, order=[], held_back=["db-1"], on_delete=["db-0"]), *ALL) == {}
        assert self.touched(ROLLOUT, "ClaimChange", "ScaleDown") == {}

    def test_by_a_resize(self) -> None:
        """That may end in a replacement (``InPlaceOrReplace``), and by no other."""
        resized = replace(ROLLOUT, order=[], resizes=Resizes(pods=cast("Any", {"db-0": None})))
        pods = {pod["metadata"]["name"]: pod for pod in cast("Any", PODS)}
        assert touched_instances(resized, ALL, pods) == {}
        assert touched_instances(resized, ALL, pods, may_replace=True) == {"db-0": "Rollout"}

    def test_by_a_change_of_a_claim(self) -> None:
        """That grows, gets another class, or is recreated; not by one that is created or stays."""
        for outcome in (ClaimOutcome.EXPANDED, ClaimOutcome.MODIFIED, ClaimOutcome.REDUCED, ClaimOutcome.RECREATED):
            changed = replace(ROLLOUT, order=[], claims={"data-db-0": outcome, "data-db-10": outcome})
            assert self.touched(changed, *ALL) == {"db-0": "ClaimChange"}
            assert self.touched(changed, "Rollout") == {}
        kept = replace(ROLLOUT, order=[], claims={"data-db-0": ClaimOutcome.CREATED, "data-db-1": ClaimOutcome.KEPT})
        assert self.touched(kept, *ALL) == {}

    def test_by_a_removal(self) -> None:
        """Of instances."""
        removed = replace(ROLLOUT, order=[], instances={"db-1": InstanceOutcome.REMOVED})
        assert self.touched(removed, "ScaleDown") == {"db-1": "ScaleDown"}
        assert self.touched(removed, "Rollout", "ClaimChange") == {}

    def test_where_that_is_not_known(self) -> None:
        """All."""
        assert list(self.touched(None, "Rollout")) == ["db-0", "db-1"]
        assert self.touched(None) == {}


class TestWork:
    """What is done before a change."""

    def test_nothing(self) -> None:
        """Without the argument, without a StatefulSet, and where no instance is touched."""
        assert work(Cluster(), CHANGE) is None
        assert work(Cluster(), forecast=replace(ROLLOUT, order=[])) is None
        assert asyncio.run(snapshot_work(cast("Any", Cluster()), WANTED, None, [], None)) is None

    def test_the_volumes_of_an_instance_are_snapshotted_together(self) -> None:
        """All of it, or those that the program names; the API server is asked whether it takes the first."""
        cluster = Cluster()
        done = work(cluster)
        assert done.claims == ["data-db-1", "wal-db-1"]
        assert cluster.tried == ["data-db-1-20261129172200"]
        assert snapshot_lines(done) == [
            "before this change (Rollout) VolumeSnapshots are made of data-db-1, wal-db-1, of class csi"
        ]
        some = replace(CHANGE, snapshots=SnapshotPlan(class_name="csi", volumes=["wal"]))
        assert work(Cluster(), some).claims == ["wal-db-1"]

    def test_what_has_no_volume_has_no_data(self) -> None:
        """And gets no snapshot."""
        assert work(Cluster(), claims=[claim("data", 1, "Pending"), claim("wal", 1)]).claims == ["wal-db-1"]
        assert work(Cluster(), claims=[claim("data", 1, "Pending")]) is None

    def test_an_interrupted_up_is_continued(self) -> None:
        """With its snapshots, if there is one of each volume; else the instance is snapshotted again as a whole."""
        made = [self.made(cast("Any", CLAIMS[place])) for place in (1, 3)]
        cluster = Cluster(made)
        done = work(cluster)
        assert done.again == {
            "data-db-1": "data-db-1-20261129172000",
            "wal-db-1": "wal-db-1-20261129172000",
        }
        assert (list(done.instances), cluster.tried) == ([], [])
        assert "are used again: data-db-1-20261129172000, wal-db-1-" in snapshot_lines(done)[0]
        half = work(Cluster(made[:1]))
        assert [each["metadata"]["name"] for each in half.instances[0].claims] == ["data-db-1", "wal-db-1"]
        assert half.again == {}

    def made(self, of: Any) -> Any:
        snapshotted = SnapshotWork(SnapshotPlan(), snapshot_labels("db", "ours"), change_digest(LIVE), 4)
        made = new_snapshot(
            snapshotted, InstanceToSnapshot(PODS[0], [of], "Rollout"), of, datetime(2026, 11, 29, 17, 20, tzinfo=UTC)
        )
        made["metadata"] |= {"creationTimestamp": "2026-11-29T17:20:00Z", "uid": "1"}
        return {**made, "status": {"readyToUse": True}}

    def test_what_goes_is_said(self) -> None:
        """With the number that each claim keeps."""
        old = self.made(CLAIMS[1])
        old["metadata"] |= {"name": "old", "creationTimestamp": "2026-11-28T17:20:00Z"}
        lines = snapshot_lines(work(Cluster([old]), replace(CHANGE, snapshots=SnapshotPlan(class_name="csi", keep=1))))
        assert lines[-1] == "VolumeSnapshots are deleted when the new ones are ready (keep: 1): old"

    def test_an_instance_that_is_still_quiesced(self) -> None:
        """Is resumed first, also where nothing is snapshotted; without the command the user has to."""
        claims = [claim("data", 1, **{QUIESCED: "2026-11-29T17:00:00Z"}), *CLAIMS[:1]]
        [by_hand] = snapshot_lines(work(Cluster(), CHANGE, claims=claims))
        assert by_hand == (
            "db-1 is quiesced since 2026-11-29T17:00:00Z, by a pulumi up that was interrupted: the program has no "
            "snapshots.quiesce any more, so resume it by hand"
        )
        with_command = replace(CHANGE, snapshots=SnapshotPlan(quiesce=Quiesce(["a"], ["b"])))
        left = work(Cluster(), with_command, replace(ROLLOUT, order=[]), claims)
        assert "it is resumed first" in snapshot_lines(left)[0]


class TestGroups:
    """The volumes of an instance at one moment."""

    GROUPED = replace(CHANGE, snapshots=SnapshotPlan(group_class_name="csi"))

    def group(self, uid: str, **status: Any) -> Any:
        snapshotted = SnapshotWork(SnapshotPlan(group_class_name="csi"), {}, change_digest(LIVE), 4)
        of_instance = InstanceToSnapshot(PODS[0], [CLAIMS[1], CLAIMS[3]], "Rollout")
        made = new_group(snapshotted, of_instance, datetime(2026, 11, 29, 17, 20, tzinfo=UTC))
        made["metadata"] |= {"creationTimestamp": "2026-11-29T17:20:00Z", "uid": uid}
        return {**made, "status": status}

    def test_they_are_made_by_one_object(self) -> None:
        """Which the API server is asked about, and the preview names."""
        cluster = Cluster()
        done = work(cluster, self.GROUPED)
        assert cluster.tried == ["db-1-20261129172200"]
        [line] = snapshot_lines(done)
        assert line.endswith(
            "made of data-db-1, wal-db-1, those of each instance at one moment, by a VolumeGroupSnapshot of class csi"
        )
        assert done.instances[0].group is None

    def test_the_group_of_an_interrupted_up(self) -> None:
        """Is used again, also where its snapshots have no labels yet; one that failed, or of another change, goes."""
        failed = self.group("f", error={"message": "no"})
        other = self.group("o")
        other["metadata"]["labels"]["pulumi-stateful-service/change"] = "other"
        done = work(Cluster(groups=[failed, self.group("g"), other]), self.GROUPED)
        assert done.instances[0].group["metadata"]["uid"] == "g"
        assert [each["metadata"]["uid"] for each in done.failed] == ["f", "o"]

    def test_where_there_are_none(self) -> None:
        """No such class, and no such kind."""
        other = replace(CHANGE, snapshots=SnapshotPlan(group_class_name="other"))
        with pytest.raises(RefusedError, match=r"no VolumeGroupSnapshotClass 'other' .*group_class_name.*; it has csi"):
            work(Cluster(), other)
        with pytest.raises(RefusedError, match=r"or no groupsnapshot\.storage\.k8s\.io/v1: the CRDs of VolumeGroup"):
            work(Cluster(error=ClusterError("no such kind", status=404)), self.GROUPED)


class TestRefusals:
    """Snapshots that cannot be made."""

    @pytest.mark.parametrize(
        ("error", "why"),
        [
            (ClusterError("cannot list volumesnapshots", status=404), "the cluster has no snapshot.storage.k8s.io/v1"),
            (ForbiddenError("no right to create volumesnapshots", status=403), "no right to create volumesnapshots"),
        ],
    )
    def test_by_the_api_server(self, error: ClusterError, why: str) -> None:
        """The message names the claims and the reason, in previews too."""
        with pytest.raises(
            RefusedError, match=f"VolumeSnapshots of data-db-1, wal-db-1 cannot be made before it: {why}"
        ):
            work(Cluster(error=error))

    def test_without_a_class(self) -> None:
        """By that name; where classes may not be read it is left to the driver."""
        other = replace(CHANGE, snapshots=SnapshotPlan(class_name="other"))
        with pytest.raises(RefusedError, match="no VolumeSnapshotClass 'other'"):
            work(Cluster(), other)
        assert work(Cluster(reads_classes=False), other).claims == ["data-db-1", "wal-db-1"]

    def test_rendered_manifests(self) -> None:
        """Have none, which is said."""
        assert "snapshots has no effect in rendered manifests" in rendering_warnings(WANTED)[0]
