"""VolumeSnapshots that are made before a change: which ones, what they are named, which can go, and what failed.

A snapshot tells by its annotation of which claim and which Pod it is. One that an interrupted ``up`` has left is used
again where it is of the same change and the Pod has not been touched since.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pulumi_stateful_service.arguments.types import SnapshotBefore
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, without_empty
from pulumi_stateful_service.foundation.names import (
    ATTEMPT_ANNOTATION,
    CHANGE_LABEL,
    COMPONENT_LABEL,
    IDENTITY_ANNOTATION,
    POD_NAME_LABEL,
    QUIESCED_ANNOTATION,
    RESTORE_TEST_ANNOTATION,
    SNAPSHOT,
    SNAPSHOT_GROUP,
    SNAPSHOT_LABEL,
    SNAPSHOT_OF_ANNOTATION,
    SNAPSHOTTED_WITH_LABEL,
    for_instance,
)
from pulumi_stateful_service.live.state.pod_status import ordinal_of, revision
from pulumi_stateful_service.live.state.restore_test import RestoreTest
from pulumi_stateful_service.outside_text import cleaned

GROUP_SNAPSHOT_GROUP, GROUP_SNAPSHOT = "groupsnapshot.storage.k8s.io", "VolumeGroupSnapshot"
"""API group and kind of the snapshots of several volumes at one moment."""
SNAPSHOT_CLASS, GROUP_CLASS = "VolumeSnapshotClass", "VolumeGroupSnapshotClass"
_DEFAULT_CLASS = "snapshot.storage.kubernetes.io/is-default-class"
_USED_AGAIN_FOR = timedelta(hours=1)
"""An older snapshot is none of the moment before a change, also where the change is the same."""
_REVISION_CHARACTERS = 10
NOT_KNOWN = "its effect is not known"
"""Why an instance is snapshotted where the change may be anything."""


@dataclass(frozen=True)
class Quiesce:
    """The commands around the snapshots of an instance."""

    command: Sequence[str]
    resume: Sequence[str]
    timeout_seconds: int = 30

    def words(self, command: Sequence[str], pod: KubernetesObject) -> list[str]:
        """One of both for one instance."""
        return [for_instance(word, pod["metadata"]["name"], ordinal_of(pod)) for word in command]


@dataclass(frozen=True)
class SnapshotPlan:
    """What the program asks for."""

    before: Collection[str] = tuple(each.value for each in SnapshotBefore)
    """Values of ``SnapshotBefore``."""
    class_name: str | None = None
    """Name of a VolumeSnapshotClass; None for the cluster's default."""
    group_class_name: str | None = None
    """Name of a VolumeGroupSnapshotClass, with which an instance's volumes are snapshotted at one moment; None where
    each volume is by itself."""
    keep: int = 3
    """How many each claim keeps."""
    volumes: Sequence[str] | None = None
    """The volumes that are snapshotted; None for all."""
    quiesce: Quiesce | None = None
    timeout_seconds: int = 300
    restore_test: RestoreTest | None = None
    """How the snapshots of one instance are tested before the change begins."""

    @property
    def class_kind(self) -> str:
        """Of which kind the class is."""
        return GROUP_CLASS if self.group_class_name is not None else SNAPSHOT_CLASS


def snapshot_plan(given: Mapping[str, Any]) -> SnapshotPlan:
    """The plan of the argument ``snapshots``, whose values are known."""
    kinds = {"quiesce": Quiesce, "restore_test": RestoreTest}
    return SnapshotPlan(**{name: kinds[name](**each) if name in kinds else each for name, each in given.items()})


@dataclass(frozen=True)
class InstanceToSnapshot:
    """An instance whose claims are snapshotted."""

    pod: KubernetesObject
    claims: Sequence[KubernetesObject]
    """Those without a snapshot that can be used again."""
    why: str
    """What the change does to it."""
    group: KubernetesObject | None = None
    """The VolumeGroupSnapshot of an interrupted ``up`` that is used again; None where one is made, or none is."""


@dataclass(frozen=True)
class SnapshotWork:
    """What is to be done before a change, from what is there."""

    plan: SnapshotPlan
    labels: Mapping[str, str]
    """By which the component knows its snapshots; each new one gets them."""
    change: str = ""
    """The digest of the change."""
    generation: int = 0
    """``metadata.generation`` of the live StatefulSet."""
    instances: Sequence[InstanceToSnapshot] = ()
    again: Mapping[str, str] = field(default_factory=dict)
    """Snapshots of an interrupted ``up`` that are used again, by claim."""
    failed: Sequence[KubernetesObject] = ()
    """Snapshots of the component that failed, and are deleted before they are made again."""
    existing: Sequence[KubernetesObject] = ()
    """All the component's snapshots, as they were before."""
    used: Collection[str] = ()
    """Names of the snapshots from which a claim is being made, or is to be."""
    tested: InstanceToSnapshot | None = None
    """The instance whose snapshots are restored to be tested, with all its claims; None where none is."""
    quiesced: Sequence[tuple[KubernetesObject, KubernetesObject | None]] = ()
    """Claims whose instance an earlier ``up`` has left quiesced, and its Pod if there is one."""

    @property
    def claims(self) -> list[str]:
        """The names of all claims that have a snapshot when the change begins."""
        return [*self.again, *(claim["metadata"]["name"] for each in self.instances for claim in each.claims)]

    @property
    def superseded(self) -> list[KubernetesObject]:
        """The snapshots that go when the new ones are ready."""
        new = {claim: 0 if claim in self.again else 1 for claim in self.claims}
        return without_parts_of_groups(superseded(self.existing, new, self.plan.keep, self.used), self.existing)


def snapshot_labels(set_name: str, component: str) -> dict[str, str]:
    """By which the component knows the snapshots of one StatefulSet as its own."""
    return {SNAPSHOT_LABEL: set_name, COMPONENT_LABEL: component}


def change_digest(stateful_set: KubernetesObject) -> str:
    """Tells one change from another: by the StatefulSet that is asked for, as far as its own notes do not count."""
    metadata = stateful_set["metadata"]
    notes = {ATTEMPT_ANNOTATION, IDENTITY_ANNOTATION}
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key not in notes}
    asked = [metadata["name"], metadata.get("labels"), annotations, stateful_set["spec"]]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]


def was_sent(live: KubernetesObject, desired: KubernetesObject, *, changes_template: bool) -> bool:
    """Whether an earlier ``up`` has sent this change already, so that only what it has not carried out is left."""
    mine = {ATTEMPT_ANNOTATION, IDENTITY_ANNOTATION}
    asked = {key: value for key, value in (desired["metadata"].get("annotations") or {}).items() if key not in mine}
    sent = live["metadata"].get("annotations") or {}
    is_noted = all(sent.get(key) == value for key, value in asked.items())
    return not changes_template and is_noted and live["spec"].get("replicas", 1) == desired["spec"].get("replicas", 1)


def new_snapshot(
    work: SnapshotWork, instance: InstanceToSnapshot, claim: KubernetesObject, now: datetime
) -> KubernetesObject:
    """The VolumeSnapshot of a claim. Its name tells the claim, and so the instance, the time and the revision."""
    name = claim["metadata"]["name"]
    return {
        "apiVersion": f"{SNAPSHOT_GROUP}/v1",
        "kind": SNAPSHOT,
        "metadata": {"name": _name(name, instance.pod, now), **notes_of_snapshot(work, instance, claim)},
        "spec": without_empty(volumeSnapshotClassName=work.plan.class_name, source={"persistentVolumeClaimName": name}),
    }


def _name(of: str, pod: KubernetesObject, now: datetime) -> str:
    of_revision = revision(pod).rpartition("-")[2][:_REVISION_CHARACTERS]
    return "-".join(filter(None, [of, f"{now:%Y%m%d%H%M%S}", of_revision]))


def notes_of_snapshot(work: SnapshotWork, instance: InstanceToSnapshot, claim: KubernetesObject) -> KubernetesObject:
    """The labels and annotations of a claim's snapshot, by which it is known as the component's own."""
    return _notes(work, instance, _made_of(claim, instance.pod, work.generation))


def _notes(work: SnapshotWork, instance: InstanceToSnapshot, made_of: Mapping[str, Any]) -> KubernetesObject:
    noted = {**made_of, "before": instance.why, "revision": revision(instance.pod)}
    return {
        "labels": {**work.labels, CHANGE_LABEL: work.change, POD_NAME_LABEL: instance.pod["metadata"]["name"]},
        "annotations": {SNAPSHOT_OF_ANNOTATION: json.dumps(noted, sort_keys=True)},
    }


def new_group(work: SnapshotWork, instance: InstanceToSnapshot, now: datetime) -> KubernetesObject:
    """The VolumeGroupSnapshot of an instance's claims, which have the label that it selects.

    By ``matchLabels``: the snapshot controller does not look at ``matchExpressions``.
    """
    made_of = _group_made_of(instance.claims, instance.pod, work.generation)
    return {
        "apiVersion": f"{GROUP_SNAPSHOT_GROUP}/v1",
        "kind": GROUP_SNAPSHOT,
        "metadata": {
            "name": _name(instance.pod["metadata"]["name"], instance.pod, now),
            **_notes(work, instance, made_of),
        },
        "spec": {
            "volumeGroupSnapshotClassName": work.plan.group_class_name,
            "source": {"selector": {"matchLabels": group_label(instance.claims)}},
        },
    }


def group_label(claims: Iterable[KubernetesObject]) -> dict[str, str]:
    """The label of these claims, which no others have, also not other claims of the same instance."""
    names = "\n".join(sorted(claim["metadata"]["name"] for claim in claims))
    return {SNAPSHOTTED_WITH_LABEL: hashlib.sha256(names.encode()).hexdigest()[:32]}


def kind_of(snapshot: KubernetesObject) -> str:
    """Its kind, which an object of a list may lack: a group has a selector."""
    return GROUP_SNAPSHOT if "selector" in (snapshot["spec"].get("source") or {}) else SNAPSHOT


def group_of(snapshot: KubernetesObject) -> Mapping[str, Any] | None:
    """The VolumeGroupSnapshot that has made it, as an owner; None for none."""
    owners = snapshot["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner["kind"] == GROUP_SNAPSHOT), None)


def without_parts_of_groups(
    going: Iterable[KubernetesObject], existing: Iterable[KubernetesObject]
) -> list[KubernetesObject]:
    """Those that can go: of a group all or none, as the snapshot controller has it."""
    going = list(going)
    names = {each["metadata"]["name"] for each in going}
    needed = {owner["uid"] for each in existing if each["metadata"]["name"] not in names and (owner := group_of(each))}
    return [each for each in going if (owner := group_of(each)) is None or owner["uid"] not in needed]


def _made_of(claim: KubernetesObject, pod: KubernetesObject, generation: int) -> dict[str, Any]:
    return {"claim": claim["metadata"]["uid"], "generation": generation, "pod": pod["metadata"]["uid"]}


def _group_made_of(claims: Iterable[KubernetesObject], pod: KubernetesObject, generation: int) -> dict[str, Any]:
    uids = {claim["metadata"]["name"]: claim["metadata"]["uid"] for claim in claims}
    return {"claims": uids, "generation": generation, "pod": pod["metadata"]["uid"]}


def usable_again(
    snapshots: Iterable[KubernetesObject],
    claim: KubernetesObject,
    pod: KubernetesObject,
    change: str,
    generation: int | None,
    now: datetime,
) -> str | None:
    """Name of the snapshot that an interrupted ``up`` has made of a claim before this very change; None for none.

    ``generation`` is that of the live StatefulSet; None where the change was sent already, and has raised it.
    """
    wanted = _made_of(claim, pod, generation or 0)
    for snapshot in newest_first(snapshots):
        if _is_of(snapshot, wanted, change, generation, now):
            return None if failure(snapshot) or has_failed_test(snapshot) else str(snapshot["metadata"]["name"])
    return None


def usable_group(
    groups: Iterable[KubernetesObject],
    instance: InstanceToSnapshot,
    change: str,
    generation: int | None,
    now: datetime,
) -> KubernetesObject | None:
    """The VolumeGroupSnapshot of an instance that an interrupted ``up`` has made before this very change."""
    wanted = _group_made_of(instance.claims, instance.pod, generation or 0)
    found = (each for each in newest_first(groups) if _is_of(each, wanted, change, generation, now))
    return next((each for each in found if not failure(each)), None)


def _is_of(
    snapshot: KubernetesObject, wanted: Mapping[str, Any], change: str, generation: int | None, now: datetime
) -> bool:
    made_of = _noted(snapshot)
    if generation is None:
        wanted = {**wanted, "generation": made_of.get("generation", 0)}
    is_young = now - created(snapshot) <= _USED_AGAIN_FOR and not is_going(snapshot)
    labels = snapshot["metadata"].get("labels") or {}
    return made_of.items() >= wanted.items() and labels.get(CHANGE_LABEL) == change and is_young


def _noted(snapshot: KubernetesObject) -> dict[str, Any]:
    try:
        value = json.loads((snapshot["metadata"].get("annotations") or {}).get(SNAPSHOT_OF_ANNOTATION) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def revision_before(snapshot: KubernetesObject) -> str:
    """Which revision the Pod ran when it was made before a rollout; empty where it was made before another change."""
    noted = _noted(snapshot)
    is_before_rollout = noted.get("before") in {SnapshotBefore.ROLLOUT.value, NOT_KNOWN}
    return str(noted.get("revision") or "") if is_before_rollout else ""


def claim_of(snapshot: KubernetesObject) -> str:
    """Name of the claim that it is of; empty where it was made from something else."""
    return str((snapshot["spec"].get("source") or {}).get("persistentVolumeClaimName") or "")


def created(snapshot: KubernetesObject) -> datetime:
    """When it was asked for."""
    return datetime.fromisoformat(snapshot["metadata"]["creationTimestamp"])


def is_going(snapshot: KubernetesObject) -> bool:
    """Whether it is being deleted."""
    return "deletionTimestamp" in snapshot["metadata"]


def holds_data(snapshot: KubernetesObject) -> bool:
    """Whether the driver has taken it: what is written afterwards is not in it."""
    status = snapshot.get("status") or {}
    return bool(status.get("readyToUse") or status.get("creationTime"))


def is_ready(snapshot: KubernetesObject) -> bool:
    """Whether a volume can be made from it."""
    return bool((snapshot.get("status") or {}).get("readyToUse"))


def failure(snapshot: KubernetesObject) -> str | None:
    """What the driver, or the snapshot controller, says that failed; None where nothing has."""
    error = (snapshot.get("status") or {}).get("error")
    if not error or is_ready(snapshot):
        return None
    return cleaned(error.get("message") or "it failed, without a message")


_PASSED, _FAILED = "passed", "failed"


def note_of_test(now: datetime, *, passed: bool) -> str:
    """What is noted on a snapshot that was restored to be tested."""
    return f"{_PASSED if passed else _FAILED} {now:%Y-%m-%dT%H:%M:%SZ}"


def _test(snapshot: KubernetesObject) -> tuple[str, str]:
    """The result of the test of a restore, and when it was; both empty where there was none."""
    noted = (snapshot["metadata"].get("annotations") or {}).get(RESTORE_TEST_ANNOTATION) or ""
    result, _, when = noted.partition(" ")
    return result, when


def has_failed_test(snapshot: KubernetesObject) -> bool:
    """Whether it was restored, and the check failed: it is not used again, and does not count as kept."""
    return _test(snapshot)[0] == _FAILED


def restore_tests(snapshots: Iterable[KubernetesObject]) -> dict[str, str]:
    """When each snapshot that is there passed the test of a restore, by its name."""
    found = {each["metadata"]["name"]: _test(each) for each in snapshots if not is_going(each)}
    return {name: when for name, (result, when) in sorted(found.items()) if result == _PASSED}


def newest_first(snapshots: Iterable[KubernetesObject]) -> list[KubernetesObject]:
    """In the order of their creation, the last one first."""
    return sorted(snapshots, key=lambda each: (created(each), each["metadata"]["name"]), reverse=True)


def newest(snapshots: Iterable[KubernetesObject]) -> dict[str, str]:
    """Name of the newest snapshot of each claim that is ready, by the claim's name."""
    found: dict[str, str] = {}
    for snapshot in newest_first(snapshots):
        if is_ready(snapshot) and not is_going(snapshot) and not has_failed_test(snapshot):
            found.setdefault(claim_of(snapshot), str(snapshot["metadata"]["name"]))
    return dict(sorted(found.items()))


def superseded(
    snapshots: Iterable[KubernetesObject], new: Mapping[str, int], keep: int, used: Collection[str]
) -> list[KubernetesObject]:
    """The snapshots of these claims that are more than ``keep`` with the ``new`` ones of each, the oldest last.

    And those that failed the test of a restore, which do not count.
    None from which a claim is made. Those that are not ready do not count, and stay: they may become so.
    """
    kept: dict[str, int] = dict(new)
    going = []
    for snapshot in newest_first(snapshots):
        claim = claim_of(snapshot)
        if claim not in kept or is_going(snapshot) or not is_ready(snapshot):
            continue
        if not has_failed_test(snapshot):
            kept[claim] += 1
        if (kept[claim] > keep or has_failed_test(snapshot)) and snapshot["metadata"]["name"] not in used:
            going.append(snapshot)
    return going


def sources_in_use(claims: Iterable[KubernetesObject]) -> set[str]:
    """Names of the VolumeSnapshots from which claims are made that have no volume yet."""
    return {
        source["name"]
        for claim in claims
        if claim.get("status", {}).get("phase") != "Bound"
        for source in (claim["spec"].get("dataSource"), claim["spec"].get("dataSourceRef"))
        if source and source.get("kind") == SNAPSHOT
    }


def quiesced_since(claim: KubernetesObject) -> str | None:
    """Since when the claim's instance is quiesced; None where it is not."""
    return (claim["metadata"].get("annotations") or {}).get(QUIESCED_ANNOTATION)


def class_refusals(
    plan: SnapshotPlan, classes: Sequence[KubernetesObject] | None, drivers: Mapping[str, Sequence[str]]
) -> list[str]:
    """Refuses snapshots without a VolumeSnapshotClass of the volumes' driver; ``classes`` are None where not known.

    ``drivers`` has the claims of each driver, as far as it is known.
    """
    if classes is None:
        return []
    by_name = {each["metadata"]["name"]: each for each in classes}
    kind, argument = plan.class_kind, f"snapshots.{'group_' if plan.group_class_name else ''}class_name"
    if (name := plan.group_class_name or plan.class_name) is not None:
        found = by_name.get(name)
        if found is None:
            has = f"it has {', '.join(sorted(by_name))}" if by_name else "it has none"
            return [f"the cluster has no {kind} {name!r} ({argument}); {has}"]
        return [
            f"{kind} {name!r} ({argument}) is of driver {found['driver']}, and {', '.join(claims)} of {driver}"
            for driver, claims in drivers.items()
            if driver != found["driver"]
        ]
    defaults = {each["driver"] for each in classes if _is_default(each)}
    missing = {driver: claims for driver, claims in drivers.items() if driver not in defaults}
    return [
        f"the cluster has no default VolumeSnapshotClass for driver {driver} ({', '.join(claims)}): set "
        "snapshots.class_name"
        for driver, claims in missing.items()
    ]


def _is_default(snapshot_class: KubernetesObject) -> bool:
    return (snapshot_class["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
