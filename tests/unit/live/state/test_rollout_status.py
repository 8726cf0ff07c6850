"""When a rollout is complete, from a StatefulSet and its Pods as a cluster returns them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import NEW, OLD, a_pod, a_set, partition
from pulumi_stateful_service.live.state.pod_status import Diagnostics
from pulumi_stateful_service.live.state.rollout_status import may_be_complete, rollout_status


def test_p10_complete_when_the_ordinals_from_the_partition_on_are_updated() -> None:
    """With partition 2, only rg-2 must run the update revision."""
    stateful_set = a_set(strategy=partition(2), updatedReplicas=1)
    assert rollout_status(stateful_set, [a_pod(0), a_pod(1), a_pod(2, NEW)]).is_complete
    assert rollout_status(stateful_set, [a_pod(0), a_pod(1), a_pod(2)]).pending == [
        "rg-2: still on the previous revision"
    ]


def test_p10_the_partition_counts_from_the_first_ordinal() -> None:
    """With ordinals from 5, a partition of 2 keeps the revision of rg-5 and rg-6."""
    stateful_set = a_set(start=5, strategy=partition(2), updatedReplicas=1)
    assert rollout_status(stateful_set, [a_pod(5), a_pod(6), a_pod(7, NEW)]).is_complete
    assert not rollout_status(stateful_set, [a_pod(5), a_pod(6, NEW), a_pod(7)]).is_complete


@pytest.mark.parametrize("below", [OLD, NEW])
def test_p10_the_others_must_be_ready_too(below: str) -> None:
    """An instance below the partition that is not ready blocks the rollout, whatever its revision."""
    stateful_set = a_set(strategy=partition(2), updatedReplicas=1, readyReplicas=2)
    rollout = rollout_status(stateful_set, [a_pod(0, below, ready=False), a_pod(1), a_pod(2, NEW)])
    assert rollout.pending == ["rg-0: running but not ready"]


def test_a_status_older_than_the_change_does_not_count() -> None:
    """Until the controller has observed the change, its status is about the StatefulSet before it."""
    stateful_set = a_set(strategy=partition(3), observedGeneration=1)
    assert not may_be_complete(stateful_set)
    assert (
        "rg: the StatefulSet controller has not observed the change yet"
        in rollout_status(stateful_set, [a_pod(i) for i in range(3)]).pending
    )


def test_updated_replicas_must_be_up_to_date() -> None:
    """The Pods are right, but the status is older than they are."""
    stateful_set = a_set(strategy=partition(2), updatedReplicas=0)
    rollout = rollout_status(stateful_set, [a_pod(0), a_pod(1), a_pod(2, NEW)])
    assert rollout.pending == ["rg: status.updatedReplicas is not up to date yet"]


def test_an_update_of_all_pods_makes_the_update_revision_the_current_one() -> None:
    """Only then it is complete."""
    pods = [a_pod(i, NEW) for i in range(3)]
    rollout = rollout_status(a_set(updatedReplicas=3), pods)
    assert rollout.pending == ["rg: status.currentRevision is not up to date yet"]
    assert rollout_status(a_set(updatedReplicas=3, currentRevision=NEW), pods).is_complete


def test_after_creation_all_pods_must_be_ready_with_a_partition_too() -> None:
    """Both revisions are the same then."""
    stateful_set = a_set(strategy=partition(2), currentRevision=NEW, updatedReplicas=3)
    assert rollout_status(stateful_set, [a_pod(i, NEW) for i in range(3)]).is_complete
    assert rollout_status(stateful_set, [a_pod(0, NEW), a_pod(1, NEW)]).pending == ["rg-2: not created yet"]


def test_scaled_down_instances_must_be_deleted() -> None:
    """A Pod beyond the last ordinal is pending."""
    stateful_set = a_set(replicas=1, currentRevision=NEW)
    assert rollout_status(stateful_set, [a_pod(0, NEW), a_pod(1, NEW)]).pending == [
        "rg-1: not deleted yet (scaled down)"
    ]


def test_zero_replicas() -> None:
    """The rollout is complete when no Pod exists."""
    stateful_set = a_set(replicas=0)
    assert may_be_complete(stateful_set)
    assert rollout_status(stateful_set, []).is_complete
    assert not rollout_status(stateful_set, [a_pod(0)]).is_complete


def test_on_delete_requires_no_revision() -> None:
    """With OnDelete all Pods must be ready, of whatever revision."""
    stateful_set = a_set(strategy={"type": "OnDelete"}, updatedReplicas=1)
    assert rollout_status(stateful_set, [a_pod(0), a_pod(1, NEW), a_pod(2)]).is_complete
    assert not rollout_status(stateful_set, [a_pod(0), a_pod(1, NEW, ready=False), a_pod(2)]).is_complete


def test_min_ready_seconds() -> None:
    """Pods must have been ready for as long."""
    stateful_set = a_set(strategy=partition(3), availableReplicas=2)
    stateful_set["spec"]["minReadySeconds"] = 10
    assert rollout_status(stateful_set, [a_pod(i) for i in range(3)]).pending == [
        "rg: 2 of 3 Pods have been ready for min_ready_seconds (10)"
    ]


def test_a_terminating_pod_does_not_count() -> None:
    """Even while it is still ready."""
    terminating = a_pod(0, NEW, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    rollout = rollout_status(a_set(replicas=1, currentRevision=NEW), [terminating])
    assert rollout.pending == ["rg-0: terminating"]
    assert not rollout.not_ready


def test_pods_that_are_not_ready_come_first() -> None:
    """They are named before those that wait for them."""
    rollout = rollout_status(a_set(readyReplicas=2), [a_pod(0), a_pod(1), a_pod(2, NEW, ready=False)])
    assert [line.partition(":")[0] for line in rollout.pending] == ["rg-2", "rg-0", "rg-1"]
    assert rollout.not_ready == ["rg-2"]


def hopeless(stateful_set: dict[str, Any], pod: dict[str, Any]) -> dict[str, str]:
    """The Pods that are evicted without being asked for, by name, with their uid."""
    blocking = rollout_status(stateful_set, [pod]).blocking
    return {name: each.uid for name, each in blocking.items() if each.is_hopeless}


def test_only_outdated_pods_that_were_never_ready_are_evicted() -> None:
    """Not those that were ready, that have the update revision, or that a partition or OnDelete holds back."""
    outdated = a_pod(2, "rg-third", ready=False, was_ready=False)
    assert hopeless(a_set(), outdated) == {"rg-2": "uid-2"}
    assert not hopeless(a_set(), a_pod(2, "rg-third", ready=False))
    assert not hopeless(a_set(), a_pod(2, NEW, ready=False, was_ready=False))
    assert not hopeless(a_set(strategy=partition(3)), outdated)
    assert not hopeless(a_set(strategy={"type": "OnDelete"}), outdated)
    assert not hopeless(a_set(observedGeneration=1), outdated)


def test_a_pod_without_its_new_volume_is_replaced_when_all_are_ready() -> None:
    """The lowest ordinal first, and none while another one is missing."""
    stateful_set = a_set(replicas=2, currentRevision=NEW)
    stateful_set["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "logs"}}, {"metadata": {"name": "more"}}]
    pods = [a_pod(0, NEW), a_pod(1, NEW)]
    for pod in pods:
        pod["spec"] = {"volumes": [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs"}}]}
    rollout = rollout_status(stateful_set, pods)
    assert list(rollout.without_volume) == ["rg-0", "rg-1"]
    assert rollout.pending[0] == "rg-0: waiting for its new volume"
    assert not rollout_status(stateful_set, pods[:1]).without_volume
    pods[0]["spec"]["volumes"].append({"name": "more", "persistentVolumeClaim": {"claimName": "more"}})
    assert list(rollout_status(stateful_set, pods).without_volume) == ["rg-1"]


def test_a_pod_that_cannot_be_created_is_explained() -> None:
    """By the StatefulSet's latest warning: a quota, an admission policy. Not by one of an earlier StatefulSet."""
    pending = rollout_status(a_set(replicas=1), [], Diagnostics({"uid-rg": "exceeded quota"})).pending
    assert pending == ["rg-0: not created yet: exceeded quota"]
    pending = rollout_status(a_set(replicas=1), [], Diagnostics({"uid-earlier-rg": "exceeded quota"})).pending
    assert pending == ["rg-0: not created yet"]


def test_an_outdated_pod_that_is_not_ready_is_marked() -> None:
    """The reader must know that its problem may be one of the previous revision."""
    rollout = rollout_status(a_set(), [a_pod(0), a_pod(1), a_pod(2, ready=False)])
    assert rollout.pending[0] == "rg-2: running but not ready (outdated revision)"


def test_crashes_are_those_of_pods_that_are_not_ready() -> None:
    """A container that was restarted long ago is none."""
    restarted = {"name": "app", "ready": True, "lastState": {"terminated": {"exitCode": 1}}}
    failed = {"name": "app", "ready": False, "state": {"terminated": {"exitCode": 1}}}
    pods = [a_pod(0, NEW, containerStatuses=[restarted]), a_pod(1, NEW, ready=False, containerStatuses=[failed])]
    assert [crash.pod for crash in rollout_status(a_set(replicas=2), pods).crashes] == ["rg-1"]


@given(
    replicas=st.integers(0, 4),
    keeps=st.integers(0, 5),
    pods=st.lists(st.tuples(st.sampled_from([OLD, NEW]), st.booleans()), max_size=5),
)
def test_complete_means_that_exactly_the_desired_pods_are_ready(
    replicas: int, keeps: int, pods: list[tuple[str, bool]]
) -> None:
    """Whatever Pods there are: the desired ones, all ready, and of the update revision from the partition on."""
    live = [a_pod(i, revision, ready=ready) for i, (revision, ready) in enumerate(pods)]
    updated = sum(revision == NEW for revision, _ in pods)
    current = NEW if replicas and updated == replicas == len(pods) else OLD
    stateful_set = a_set(replicas=replicas, strategy=partition(keeps), updatedReplicas=updated, currentRevision=current)
    expected = len(pods) == replicas and all(
        ready and (revision == NEW or i < keeps) for i, (revision, ready) in enumerate(pods)
    )
    assert rollout_status(stateful_set, live).is_complete == expected


def test_what_holds_deleted_objects_is_named() -> None:
    """A Pod that was scaled away, and the StatefulSet itself."""
    held = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/hold"]}
    stateful_set = a_set(replicas=1, currentRevision=NEW)
    stateful_set["metadata"] |= held
    pods = [a_pod(0, NEW), a_pod(1, NEW, metadata={"name": "rg-1", "labels": {}, **held})]
    assert rollout_status(stateful_set, pods).pending == [
        "rg: the StatefulSet is being deleted, held by finalizers: example.com/hold",
        "rg-1: not deleted yet (scaled down), held by finalizers: example.com/hold",
    ]


def test_pods_that_are_not_ready_and_held_back_are_known() -> None:
    """Those that the partition keeps on the revision before; with OnDelete nothing is held back."""
    pods = [a_pod(0, ready=False), a_pod(1, ready=False), a_pod(2, NEW, ready=False)]
    assert rollout_status(a_set(strategy=partition(1)), pods).held_back == ["rg-0"]
    assert rollout_status(a_set(strategy={"type": "OnDelete"}), pods).held_back == []
