"""Which snapshots are made, used again and deleted, from those that there are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pulumi_stateful_service.foundation.names import CHANGE_LABEL, RESTORE_TEST_ANNOTATION
from pulumi_stateful_service.live.state.volume_snapshots import (
    InstanceToSnapshot,
    Quiesce,
    SnapshotPlan,
    SnapshotWork,
    change_digest,
    class_refusals,
    failure,
    group_of,
    new_snapshot,
    newest,
    note_of_test,
    restore_tests,
    revision_before,
    snapshot_labels,
    snapshot_plan,
    sources_in_use,
    superseded,
    usable_again,
    was_sent,
    without_parts_of_groups,
)

NOW = datetime(2026, 11, 29, 17, 22, tzinfo=UTC)
CLAIM: dict[str, Any] = {"metadata": {"name": "data-db-0", "uid": "c"}, "spec": {}}
POD: dict[str, Any] = {"metadata": {"name": "db-0", "uid": "p", "labels": {"controller-revision-hash": "db-6d5f7c8b9"}}}
INSTANCE = InstanceToSnapshot(POD, [CLAIM], "Rollout")
WORK = SnapshotWork(SnapshotPlan(class_name="csi"), snapshot_labels("db", "component"), "change", 7)


def made(minutes_ago: float = 5, work: SnapshotWork = WORK, **status: Any) -> dict[str, Any]:
    """A snapshot as the API server has it."""
    then = NOW - timedelta(minutes=minutes_ago)
    snapshot = new_snapshot(work, INSTANCE, CLAIM, then)
    snapshot["metadata"] |= {"creationTimestamp": f"{then:%Y-%m-%dT%H:%M:%SZ}", "uid": f"{then}"}
    return {**snapshot, "status": {"readyToUse": True} | status}


def name(snapshot: Any) -> str:
    return str(snapshot["metadata"]["name"])


def test_a_snapshot_tells_what_it_is_of() -> None:
    """Its name the instance, the time and the revision; its labels whose it is."""
    snapshot = new_snapshot(WORK, INSTANCE, CLAIM, NOW)
    assert name(snapshot) == "data-db-0-20261129172200-6d5f7c8b9"
    assert snapshot["spec"] == {
        "volumeSnapshotClassName": "csi",
        "source": {"persistentVolumeClaimName": "data-db-0"},
    }
    assert snapshot["metadata"]["labels"] == {
        "pulumi-stateful-service/snapshot-of": "db",
        "pulumi-stateful-service/component": "component",
        "pulumi-stateful-service/change": "change",
        "statefulset.kubernetes.io/pod-name": "db-0",
    }
    assert "ownerReferences" not in snapshot["metadata"]
    assert revision_before(snapshot) == "db-6d5f7c8b9"
    before_growth = new_snapshot(WORK, InstanceToSnapshot(POD, [CLAIM], "ClaimChange"), CLAIM, NOW)
    assert revision_before(before_growth) == ""


class TestAgain:
    """A snapshot of an interrupted ``up``."""

    def again(self, snapshot: Any, change: str = "change", generation: int | None = 7, pod: Any = POD) -> str | None:
        return usable_again([snapshot], CLAIM, pod, change, generation, NOW)

    def test_of_the_same_change(self) -> None:
        """Is used, ready or not; also after the change was sent, which raises the generation."""
        assert self.again(made()) == name(made())
        assert self.again(made(readyToUse=False)) == name(made())
        assert self.again(made(), generation=None) == name(made())

    def test_of_another_moment(self) -> None:
        """Is not: another change, another Pod, a StatefulSet that was changed since, another claim, an hour."""
        assert self.again(made(), change="other") is None
        assert self.again(made(), generation=8) is None
        assert self.again(made(), pod={"metadata": {**POD["metadata"], "uid": "other"}}) is None
        assert self.again(made(minutes_ago=61)) is None
        recreated = {"metadata": {"name": "data-db-0", "uid": "other"}, "spec": {}}
        assert usable_again([made()], recreated, POD, "change", 7, NOW) is None

    def test_that_has_failed_or_goes(self) -> None:
        """Is not, and neither is one with a damaged note."""
        assert self.again(made(readyToUse=False, error={"message": "full"})) is None
        going = made()
        going["metadata"]["deletionTimestamp"] = "2026-11-29T17:21:00Z"
        assert self.again(going) is None
        for note in ("", "[]", "{", '{"claim": "c"}'):
            damaged = made()
            damaged["metadata"]["annotations"] = {"pulumi-stateful-service/snapshot": note}
            assert self.again(damaged) is None

    def test_the_newest_counts(self) -> None:
        """Of several."""
        assert usable_again([made(9), made(2), made(5)], CLAIM, POD, "change", 7, NOW) == name(made(2))


def test_a_change_is_known_by_what_is_asked_for() -> None:
    """Without the numbers of attempts, which an interrupted ``up`` raises."""
    desired = {"metadata": {"name": "db", "annotations": {"a": "b"}}, "spec": {"replicas": 1}}
    noted = {**desired, "metadata": {"name": "db", "annotations": {"a": "b", "pulumi-stateful-service/attempt": "2"}}}
    assert change_digest(desired) == change_digest(noted)
    assert change_digest(desired) != change_digest({**desired, "spec": {"replicas": 2}})


def test_a_change_was_sent() -> None:
    """Where template, annotations and number are live already."""
    desired = {"metadata": {"annotations": {"a": "b", "pulumi-stateful-service/attempt": "2"}}, "spec": {"replicas": 2}}
    live = {"metadata": {"annotations": {"a": "b", "others": "c"}}, "spec": {"replicas": 2}}
    assert was_sent(live, desired, changes_template=False)
    assert not was_sent(live, desired, changes_template=True)
    assert not was_sent({**live, "spec": {"replicas": 3}}, desired, changes_template=False)
    assert not was_sent({**live, "metadata": {}}, desired, changes_template=False)


class TestSuperseded:
    """Old snapshots."""

    def test_each_claim_keeps_so_many(self) -> None:
        """The newest, with the new ones that are not among them yet."""
        old = [made(minutes) for minutes in (10, 20, 30, 40)]
        assert superseded(old, {"data-db-0": 1}, 3, ()) == old[2:]
        assert superseded(old, {"data-db-0": 0}, 3, ()) == old[3:]
        assert superseded(old, {"data-db-0": 1}, 1, ()) == old

    def test_what_stays(self) -> None:
        """Those of other claims, those from which a claim is made, those that are not ready or go already."""
        old = [made(minutes) for minutes in (10, 20, 30)]
        assert superseded(old, {"data-db-1": 1}, 1, ()) == []
        assert superseded(old, {"data-db-0": 1}, 1, {name(old[1])}) == [old[0], old[2]]
        assert superseded([made(10, readyToUse=False)], {"data-db-0": 1}, 1, ()) == []

    def test_the_last_stays(self) -> None:
        """Where no new one is ready, one of them."""
        assert superseded([made(10)], {"data-db-0": 0}, 1, ()) == []

    def test_the_work_knows_them(self) -> None:
        """One that is used again is there already."""
        old = [made(10), made(20)]
        work = SnapshotWork(SnapshotPlan(keep=1), {}, again={"data-db-0": name(old[0])}, existing=old)
        assert work.superseded == [old[1]]


class TestRestoreTests:
    def noted(self, minute: int, *, passed: bool) -> dict[str, Any]:
        note = note_of_test(datetime(2026, 11, 29, 18, tzinfo=UTC), passed=passed)
        snapshot = made(minute)
        annotations = {**snapshot["metadata"].get("annotations", {}), RESTORE_TEST_ANNOTATION: note}
        return {**snapshot, "metadata": {**snapshot["metadata"], "annotations": annotations}}

    def test_one_that_failed_is_nobodys_newest(self) -> None:
        """And goes when new ones are ready, without being one of those that are kept."""
        bad, good = self.noted(20, passed=False), made(10)
        assert newest([bad, good]) == {"data-db-0": name(good)}
        assert superseded([bad, good], {"data-db-0": 1}, 2, ()) == [bad]

    def test_those_that_passed_are_told_with_the_time(self) -> None:
        """A note that nobody can read is none."""
        good = self.noted(10, passed=True)
        odd = {**good, "metadata": {**good["metadata"], "name": "odd", "annotations": {RESTORE_TEST_ANNOTATION: "x"}}}
        assert restore_tests([good, odd, self.noted(20, passed=False), made(5)]) == {name(good): "2026-11-29T18:00:00Z"}

    def test_one_that_failed_is_not_used_again(self) -> None:
        """The next ``up`` makes another one."""
        assert usable_again([made(5)], CLAIM, POD, "change", 7, NOW) == name(made(5))
        assert usable_again([self.noted(5, passed=False)], CLAIM, POD, "change", 7, NOW) is None


def test_claims_that_are_being_made_use_their_source() -> None:
    """Until they have their volume."""

    def claim(phase: str | None, **spec: Any) -> dict[str, Any]:
        return {"spec": spec, **({"status": {"phase": phase}} if phase else {})}

    source = {"kind": "VolumeSnapshot", "name": "a", "apiGroup": "snapshot.storage.k8s.io"}
    other = {"kind": "PersistentVolumeClaim", "name": "b"}
    claims = [claim("Bound", dataSource={**source, "name": "c"}), claim("Pending", dataSourceRef=other)]
    assert sources_in_use([*claims, claim("Pending", dataSource=source)]) == {"a"}
    assert sources_in_use([claim(None, dataSourceRef=source), claim("Pending")]) == {"a"}


def test_the_newest_of_each_claim() -> None:
    """That is ready."""
    assert newest([made(9), made(5), made(1, readyToUse=False)]) == {"data-db-0": name(made(5))}
    assert newest([]) == {}


def test_a_failure_is_what_the_driver_says() -> None:
    """Until it is ready; a failure without a message is one too."""
    assert failure(made(readyToUse=False, error={"message": "the back end\nis full"})) == "the back end is full"
    assert failure(made(readyToUse=False, error={"time": "now"})) == "it failed, without a message"
    assert failure(made(error={"message": "earlier"})) is None
    assert failure({"metadata": {}}) is None


def test_the_plan() -> None:
    """As the argument says; all changes by default."""
    assert snapshot_plan({}) == SnapshotPlan()
    assert set(SnapshotPlan().before) == {"Rollout", "ClaimChange", "ScaleDown"}
    plan = snapshot_plan({"keep": 1, "quiesce": {"command": ["freeze", "{pod}"], "resume": ["thaw", "{ordinal}"]}})
    assert plan == SnapshotPlan(keep=1, quiesce=Quiesce(["freeze", "{pod}"], ["thaw", "{ordinal}"]))
    assert plan.quiesce is not None
    assert plan.quiesce.words(plan.quiesce.command, POD) == ["freeze", "db-0"]
    assert plan.quiesce.words(plan.quiesce.resume, POD) == ["thaw", "0"]


def of_driver(class_name: str, driver: str, **annotations: str) -> dict[str, Any]:
    return {"metadata": {"name": class_name, "annotations": annotations}, "driver": driver}


DEFAULT = {"snapshot.storage.kubernetes.io/is-default-class": "true"}


@pytest.mark.parametrize(
    ("class_name", "classes", "refusal"),
    [
        ("csi", [of_driver("csi", "ebs")], None),
        ("csi", [], "no VolumeSnapshotClass 'csi' (snapshots.class_name); it has none"),
        ("csi", [of_driver("other", "ebs")], "no VolumeSnapshotClass 'csi' (snapshots.class_name); it has other"),
        ("csi", [of_driver("csi", "efs")], "'csi' (snapshots.class_name) is of driver efs, and data-db-0 of ebs"),
        (None, [of_driver("csi", "ebs", **DEFAULT)], None),
        (None, [of_driver("csi", "ebs")], "no default VolumeSnapshotClass for driver ebs (data-db-0): set"),
        (None, [of_driver("csi", "efs", **DEFAULT)], "no default VolumeSnapshotClass for driver ebs (data-db-0): set"),
        ("csi", None, None),
        (None, None, None),
    ],
)
def test_the_class_is_of_the_driver(class_name: str | None, classes: Any, refusal: str | None) -> None:
    """By name, or the default one; what may not be read is not refused."""
    refusals = class_refusals(SnapshotPlan(class_name=class_name), classes, {"ebs": ["data-db-0"]})
    assert bool(refusals) == (refusal is not None)
    assert refusal is None or refusal in refusals[0]


def test_without_a_known_driver_the_class_must_exist() -> None:
    """No more is known."""
    assert class_refusals(SnapshotPlan(class_name="csi"), [of_driver("csi", "ebs")], {}) == []
    assert class_refusals(SnapshotPlan(), [], {}) == []


def test_labels_hold_the_change() -> None:
    """By which a snapshot of the same change is found."""
    assert made()["metadata"]["labels"][CHANGE_LABEL] == "change"


def test_a_group_goes_as_a_whole() -> None:
    """Also where one of its snapshots has no more to be there."""
    owner = {"kind": "VolumeGroupSnapshot", "name": "g", "uid": "g"}
    one, other, single = made(), made(), made()
    for each, uid in ((one, "a"), (other, "b"), (single, "c")):
        each["metadata"] |= {"name": uid, "uid": uid}
    for each in (one, other):
        each["metadata"]["ownerReferences"] = [owner]
    assert without_parts_of_groups([one, other, single], [one, other, single]) == [one, other, single]
    assert without_parts_of_groups([one, single], [one, other, single]) == [single]
    assert group_of(single) is None
    assert group_of(one) == owner
