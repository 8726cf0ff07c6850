"""When a rollout is done, judged from a set and its Pods as a cluster shows them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service.live.rollout_status import Diagnostics, judge, may_be_done

OLD, NEW = "rg-old", "rg-new"


def a_set(*, replicas: int = 3, start: int = 0, strategy: Any = None, **status: Any) -> dict[str, Any]:
    counted = {
        "observedGeneration": 2,
        "replicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "currentRevision": OLD,
        "updateRevision": NEW,
        "updatedReplicas": 0,
    }
    return {
        "metadata": {"name": "rg", "generation": 2},
        "spec": {
            "replicas": replicas,
            "ordinals": {"start": start},
            "updateStrategy": strategy or {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        },
        "status": counted | status,
    }


def a_pod(
    ordinal: int, revision: str = OLD, *, ready: bool = True, was_ready: bool = True, **more: Any
) -> dict[str, Any]:
    conditions = [
        {"type": "Initialized", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"},
        {
            "type": "Ready",
            "status": str(ready),
            "lastTransitionTime": "2026-01-01T00:00:05Z" if was_ready else "2026-01-01T00:00:00Z",
        },
    ]
    return {
        "metadata": {
            "name": f"rg-{ordinal}",
            "uid": f"uid-{ordinal}",
            "labels": {"controller-revision-hash": revision},
            **more.pop("metadata", {}),
        },
        "spec": {},
        "status": {"phase": "Running", "conditions": conditions, **more},
    }


def partition(number: int) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}


def test_p10_done_when_the_chosen_ordinals_run_the_new_version() -> None:
    """With partition 2, rg-2 at the new version is all that is asked for."""
    stateful_set = a_set(strategy=partition(2), updatedReplicas=1)
    assert judge(stateful_set, [a_pod(0), a_pod(1), a_pod(2, NEW)]).done
    assert judge(stateful_set, [a_pod(0), a_pod(1), a_pod(2)]).missing == ["rg-2: does not run the new version yet"]


def test_p10_the_partition_counts_from_the_first_ordinal() -> None:
    """Where the numbering starts at 5, a partition of 2 keeps rg-5 and rg-6."""
    stateful_set = a_set(start=5, strategy=partition(2), updatedReplicas=1)
    assert judge(stateful_set, [a_pod(5), a_pod(6), a_pod(7, NEW)]).done
    assert not judge(stateful_set, [a_pod(5), a_pod(6, NEW), a_pod(7)]).done


@pytest.mark.parametrize("below", [OLD, NEW])
def test_p10_the_others_must_be_ready_too(below: str) -> None:
    """An instance below the partition that is not ready holds the rollout up, whatever it runs."""
    stateful_set = a_set(strategy=partition(2), updatedReplicas=1, readyReplicas=2)
    rollout = judge(stateful_set, [a_pod(0, below, ready=False), a_pod(1), a_pod(2, NEW)])
    assert rollout.missing == ["rg-0: runs but is not ready"]


def test_a_status_from_before_the_change_never_counts() -> None:
    """A controller that has not seen the change says nothing about it."""
    stateful_set = a_set(strategy=partition(3), observedGeneration=1)
    assert not may_be_done(stateful_set)
    assert "rg: its controller has not seen the change yet" in judge(stateful_set, [a_pod(i) for i in range(3)]).missing


def test_a_status_that_does_not_count_the_updated_yet_is_not_enough() -> None:
    """The Pods are there, but the status is one from before they were replaced."""
    stateful_set = a_set(strategy=partition(2), updatedReplicas=0)
    [line] = judge(stateful_set, [a_pod(0), a_pod(1), a_pod(2, NEW)]).missing
    assert "does not count the updated" in line


def test_an_update_of_all_is_complete_when_the_status_says_so() -> None:
    """The new revision becomes the current one last."""
    pods = [a_pod(i, NEW) for i in range(3)]
    [line] = judge(a_set(updatedReplicas=3), pods).missing
    assert "does not say yet that the update is complete" in line
    assert judge(a_set(updatedReplicas=3, currentRevision=NEW), pods).done


def test_a_first_creation_with_a_partition_wants_all_of_them() -> None:
    """At first both revisions are the same, and every instance must be ready."""
    stateful_set = a_set(strategy=partition(2), currentRevision=NEW, updatedReplicas=3)
    assert judge(stateful_set, [a_pod(i, NEW) for i in range(3)]).done
    assert judge(stateful_set, [a_pod(0, NEW), a_pod(1, NEW)]).missing == ["rg-2: is not there yet"]


def test_scaled_away_instances_must_be_gone() -> None:
    """A Pod beyond the last ordinal is still to be removed."""
    stateful_set = a_set(replicas=1, currentRevision=NEW)
    assert judge(stateful_set, [a_pod(0, NEW), a_pod(1, NEW)]).missing == ["rg-1: is to be removed"]


def test_zero_replicas() -> None:
    """Nothing asked for is done when nothing is there."""
    stateful_set = a_set(replicas=0)
    assert may_be_done(stateful_set)
    assert judge(stateful_set, []).done
    assert not judge(stateful_set, [a_pod(0)]).done


def test_on_delete_asks_for_no_version() -> None:
    """With OnDelete all must be ready, at whatever version."""
    stateful_set = a_set(strategy={"type": "OnDelete"}, updatedReplicas=1)
    assert judge(stateful_set, [a_pod(0), a_pod(1, NEW), a_pod(2)]).done
    assert not judge(stateful_set, [a_pod(0), a_pod(1, NEW, ready=False), a_pod(2)]).done


def test_min_ready_seconds() -> None:
    """Ready is not enough where instances have to be ready for a while."""
    stateful_set = a_set(strategy=partition(3), availableReplicas=2)
    stateful_set["spec"]["minReadySeconds"] = 10
    assert judge(stateful_set, [a_pod(i) for i in range(3)]).missing == [
        "rg: 2 of 3 have been ready for min_ready_seconds (10)"
    ]


def test_an_ending_pod_is_not_there() -> None:
    """A Pod that is being deleted does not count, even if it is still ready."""
    ending = a_pod(0, NEW, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    rollout = judge(a_set(replicas=1, currentRevision=NEW), [ending])
    assert rollout.missing == ["rg-0: is ending"]
    assert not rollout.broken


def test_what_holds_the_others_up_comes_first() -> None:
    """The broken instance is named before those that wait for it."""
    rollout = judge(a_set(readyReplicas=2), [a_pod(0), a_pod(1), a_pod(2, NEW, ready=False)])
    assert [line.partition(":")[0] for line in rollout.missing] == ["rg-2", "rg-0", "rg-1"]
    assert rollout.broken == ["rg-2"]


def test_only_a_pod_that_never_was_ready_is_abandoned() -> None:
    """A Pod of an unwanted version is replaced by us only if it never served."""
    third = "rg-third"
    assert judge(a_set(), [a_pod(2, third, ready=False, was_ready=False)]).abandoned == {"rg-2": "uid-2"}
    assert not judge(a_set(), [a_pod(2, third, ready=False)]).abandoned
    assert not judge(a_set(), [a_pod(2, NEW, ready=False, was_ready=False)]).abandoned
    assert not judge(a_set(strategy=partition(3)), [a_pod(2, third, ready=False, was_ready=False)]).abandoned
    assert not judge(a_set(strategy={"type": "OnDelete"}), [a_pod(2, third, ready=False, was_ready=False)]).abandoned
    assert not judge(a_set(observedGeneration=1), [a_pod(2, third, ready=False, was_ready=False)]).abandoned


def test_an_instance_without_its_new_volume_is_replaced_when_all_others_are_ready() -> None:
    """The lowest ordinal first, and none while another one is away."""
    stateful_set = a_set(replicas=2, currentRevision=NEW)
    stateful_set["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "logs"}}, {"metadata": {"name": "more"}}]
    pods = [a_pod(0, NEW), a_pod(1, NEW)]
    for pod in pods:
        pod["spec"] = {"volumes": [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs"}}]}
    rollout = judge(stateful_set, pods)
    assert list(rollout.without_volume) == ["rg-0", "rg-1"]
    assert rollout.missing[0] == "rg-0: does not have its new volume yet"
    assert not judge(stateful_set, pods[:1]).without_volume
    pods[0]["spec"]["volumes"].append({"name": "more", "persistentVolumeClaim": {"claimName": "more"}})
    assert list(judge(stateful_set, pods).without_volume) == ["rg-1"]


def waiting(reason: str, message: str, **more: Any) -> dict[str, Any]:
    return {"name": "app", "ready": False, "state": {"waiting": {"reason": reason, "message": message}}, **more}


@pytest.mark.parametrize(
    ("status", "facts", "expected"),
    [
        (
            {"containerStatuses": [waiting("ImagePullBackOff", "Back-off pulling image")]},
            Diagnostics(),
            "container app: ImagePullBackOff: Back-off pulling image",
        ),
        (
            {
                "containerStatuses": [
                    waiting("CrashLoopBackOff", "", lastState={"terminated": {"exitCode": 3, "reason": "Error"}})
                ]
            },
            Diagnostics(),
            "container app ends again and again, last with exit code 3 (Error)",
        ),
        (
            {"containerStatuses": [{"name": "app", "state": {"terminated": {"exitCode": 1, "reason": "OOMKilled"}}}]},
            Diagnostics(),
            "container app ended with exit code 1 (OOMKilled)",
        ),
        (
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]},
            Diagnostics(),
            "cannot be scheduled: 0/1 nodes",
        ),
        ({}, Diagnostics({("Pod", "rg-0"): "Readiness probe failed"}), "runs but is not ready: Readiness probe failed"),
        (
            {"phase": "Pending"},
            Diagnostics({("PersistentVolumeClaim", "logs-rg-0"): "no class"}, {"logs-rg-0"}),
            "its claim logs-rg-0 has no volume: no class",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "pod has unbound claims"}]},
            Diagnostics(unbound_claims={"logs-rg-0"}),
            "cannot be scheduled: pod has unbound claims (logs-rg-0)",
        ),
        ({"phase": "Pending", "containerStatuses": [waiting("ContainerCreating", "")]}, Diagnostics(), "is starting"),
    ],
)
def test_the_reason_is_named(status: Any, facts: Diagnostics, expected: str) -> None:
    """The message repeats what the kubelet, the scheduler or the storage controller says."""
    pod = a_pod(0, NEW, ready=False, **status)
    pod["spec"] = {"volumes": [{"persistentVolumeClaim": {"claimName": "logs-rg-0"}}]}
    assert judge(a_set(replicas=1), [pod], facts).missing == [f"rg-0: {expected}"]


def test_a_refused_pod_is_explained() -> None:
    """A Pod that the API refuses (a quota, an admission policy) is explained by the set's warning."""
    rollout = judge(a_set(replicas=1), [], Diagnostics({("StatefulSet", "rg"): "exceeded quota"}))
    assert rollout.missing == ["rg-0: is not there yet: exceeded quota"]


@given(
    replicas=st.integers(0, 4),
    keeps=st.integers(0, 5),
    pods=st.lists(st.tuples(st.sampled_from([OLD, NEW]), st.booleans()), max_size=5),
)
def test_done_means_done(replicas: int, keeps: int, pods: list[tuple[str, bool]]) -> None:
    """Whatever the Pods are: done only if exactly those asked for are there, ready, and at the version asked for."""
    live = [a_pod(i, revision, ready=ready) for i, (revision, ready) in enumerate(pods)]
    updated = sum(revision == NEW for revision, _ in pods)
    current = NEW if replicas and updated == replicas == len(pods) else OLD
    stateful_set = a_set(replicas=replicas, strategy=partition(keeps), updatedReplicas=updated, currentRevision=current)
    expected = len(pods) == replicas and all(
        ready and (revision == NEW or i < keeps) for i, (revision, ready) in enumerate(pods)
    )
    assert judge(stateful_set, live).done == expected
