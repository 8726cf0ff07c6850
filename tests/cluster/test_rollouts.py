"""P08, P09, P10: order, steps and an ``up`` that ends; Kubernetes' own StatefulSet scenarios."""

from collections.abc import Callable
from typing import Any

import pytest
from harness import CHAPTER, SOON, Service, eventually, only, watching
from lightkube.resources.core_v1 import Pod

Make = Callable[..., Service]
NEW = "random-generator:2.0"
NEVER_READY = {"http_get": {"path": "/nothing-here", "port": "http"}, "period_seconds": 1}


def images(rg: Service) -> dict[str, str]:
    """The version that each instance runs."""
    return {name: pod.spec.containers[0].image.partition(":")[2] for name, pod in rg.pods().items()}


def all_ready(rg: Service) -> bool:
    """Whether every Pod is ready."""
    return all(rg.is_ready(name) for name in rg.pods())


def settled(rg: Service) -> None:
    """After a refresh a preview and an up have nothing to do, and no Pod restarts."""
    before = rg.uids()
    rg.refresh()
    rg.unchanged()
    assert rg.uids() == before


def test_p10_a_canary_goes_in_steps_and_each_up_ends(service: Make) -> None:
    """One instance, then two, then all get the new version; each up ends when they have it."""
    rg = service(replicas=3, canary=1)
    rg.deploy()
    assert images(rg) == {"rg-0": "1.0", "rg-1": "1.0", "rg-2": "1.0"}
    written = rg.write("rg-2", 2)
    for step, expected in (
        ({"image": NEW}, {"rg-0": "1.0", "rg-1": "1.0", "rg-2": "2.0"}),
        ({"canary": 2}, {"rg-0": "1.0", "rg-1": "2.0", "rg-2": "2.0"}),
        ({"canary": None}, {"rg-0": "2.0", "rg-1": "2.0", "rg-2": "2.0"}),
    ):
        rg.deploy(**step)
        # At once, without waiting: up said that it was done.
        assert images(rg) == expected
        assert all_ready(rg)
        outputs = rg.outputs()
        assert {name: revision == outputs["update_revision"] for name, revision in outputs["revisions"].items()} == {
            name: version == "2.0" for name, version in expected.items()
        }
    assert rg.log("rg-2")[:2] == written


@pytest.mark.long
def test_p10_nothing_to_do_at_any_step(service: Make) -> None:
    """Preview, refresh and up have nothing to do after creation with a partition, at a canary, and at the end."""
    rg = service(replicas=2, partition=1)
    rg.deploy()
    settled(rg)
    rg.deploy(image=NEW)
    assert images(rg) == {"rg-0": "1.0", "rg-1": "2.0"}
    settled(rg)
    rg.deploy(partition=None)
    settled(rg)


def test_p10_deleted_pods_return_at_their_own_version(service: Make) -> None:
    """Below the partition a deleted Pod comes back with the old version, from it on with the new one."""
    rg = service(replicas=2, partition=1)
    rg.deploy()
    rg.deploy(image=NEW)
    rg.replace_pod("rg-0")
    rg.replace_pod("rg-1")
    assert images(rg) == {"rg-0": "1.0", "rg-1": "2.0"}


@pytest.mark.long
def test_p10_a_partition_beyond_the_end_holds_all_back(service: Make) -> None:
    """No instance gets the new version, up says so and ends; a lower partition rolls it out."""
    rg = service(partition=2)
    rg.deploy()
    before = rg.uids()
    said = rg.deploy(image=NEW)
    assert "no instance is updated" in said
    assert rg.uids() == before
    rg.deploy(partition=1)
    assert images(rg) == {"rg-0": "1.0", "rg-1": "2.0"}


@pytest.mark.long
def test_p10_scaling_while_partitioned(service: Make) -> None:
    """New instances above the partition start with the new version; scaling down removes only them."""
    rg = service(replicas=2, partition=1)
    rg.deploy()
    rg.deploy(image=NEW)
    rg.deploy(replicas=3)
    assert images(rg) == {"rg-0": "1.0", "rg-1": "2.0", "rg-2": "2.0"}
    assert all_ready(rg)
    rg.deploy(replicas=1)
    assert images(rg) == {"rg-0": "1.0"}
    rg.deploy(replicas=0)
    assert rg.pods() == {}
    settled(rg)


def test_p10_a_canary_is_rolled_back(service: Make) -> None:
    """The old version again during a canary: its instance is replaced, the others are never touched."""
    rg = service(replicas=2, canary=1)
    rg.deploy()
    rg.deploy(image=NEW)
    others = rg.uids()["rg-0"]
    rg.deploy(image=CHAPTER["image"])
    assert images(rg) == {"rg-0": "1.0", "rg-1": "1.0"}
    assert all_ready(rg)
    assert rg.uids()["rg-0"] == others


@pytest.mark.long
def test_p10_steps_where_the_numbering_starts_at_five(service: Make) -> None:
    """A partition is an ordinal: with the numbering from 5, partition 6 updates rg-6 alone."""
    rg = service(ordinals={"start": 5}, partition=6)
    rg.deploy()
    rg.deploy(image=NEW)
    assert images(rg) == {"rg-5": "1.0", "rg-6": "2.0"}
    assert [instance["pod"] for instance in rg.outputs()["instances"]] == ["rg-5", "rg-6"]


def test_a_broken_canary_is_explained_and_the_next_up_recovers(service: Make) -> None:
    """An image that does not exist: up names the Pod, the reason and what to do; the others keep running."""
    rg = service(replicas=2, canary=1)
    rg.deploy()
    others = rg.uids()["rg-0"]
    written = rg.write("rg-1", 2)
    rg.set(image="nothing-of-this-name:1.0", image_pull_policy="Never", rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-1: container app: ErrImageNeverPull" in said
    assert f"kubectl --namespace {rg.namespace} delete pod rg-1" in said
    assert "Traceback" not in said
    assert rg.uids()["rg-0"] == others
    # An up that has nothing to change must not say that all is well.
    assert "rg-1: container app" in rg.must_fail("up", "--yes", "--skip-preview")
    said = rg.deploy(image=NEW, image_pull_policy=None, rollout_timeout_seconds=None)
    assert "rg-1 has an outdated revision and never became ready, so it is replaced" in said
    assert images(rg) == {"rg-0": "1.0", "rg-1": "2.0"}
    assert rg.log("rg-1")[:2] == written
    assert rg.uids()["rg-0"] == others


def test_a_broken_first_version_recovers(service: Make) -> None:
    """A first version that never becomes ready does not block: the next up replaces it."""
    rg = service(readiness_probe=NEVER_READY, rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-0: running but not ready: Readiness probe failed" in said
    assert "rg-1: not created yet" in said
    rg.deploy(readiness_probe=CHAPTER["readiness_probe"], rollout_timeout_seconds=None)
    assert all_ready(rg)
    assert sorted(rg.pods()) == ["rg-0", "rg-1"]


@pytest.mark.parametrize(
    ("mistake", "reason"),
    [
        ({"resources": {"requests": {"cpu": "1000"}}}, "rg-0: cannot be scheduled: 0/"),
        ({"storage_class_name": "no-such-class"}, "no-such-class"),
        ({"command": ["/no-such-program"]}, "rg-0: container app"),
    ],
)
def test_what_an_instance_waits_for_is_named(service: Make, mistake: Any, reason: str) -> None:
    """A Pod without a node, a claim without a class, a command that does not exist."""
    rg = service(replicas=1, rollout_timeout_seconds=SOON, **mistake)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert reason in said
    assert f"did not complete within rollout_timeout_seconds ({SOON})" in said
    assert "Traceback" not in said


def test_p08_instances_start_in_order_and_stop_in_reverse(service: Make) -> None:
    """Each instance is created after its predecessor is ready; scaling down removes the highest first, one by one."""
    rg = service(replicas=3)
    with watching(rg) as seen:
        rg.deploy()
    assert only(seen, "added", "ready") == [
        (event, f"rg-{ordinal}") for ordinal in range(3) for event in ("added", "ready")
    ]
    with watching(rg) as seen:
        rg.deploy(replicas=1)
        eventually("both are gone", lambda: len(only(seen, "deleted")) == 2)
    assert only(seen, "ending", "deleted") == [
        ("ending", "rg-2"),
        ("deleted", "rg-2"),
        ("ending", "rg-1"),
        ("deleted", "rg-1"),
    ]


def test_p08_an_instance_that_is_not_ready_holds_the_others_back(service: Make) -> None:
    """While rg-0 is not ready, rg-2 is not created and rg-1 not removed; when rg-0 is ready again, rg-2 is created."""
    rg = service(replicas=2)
    rg.deploy()
    rg.http("rg-0", "/ready?state=off", "PUT").raise_for_status()
    eventually("rg-0 is not ready", lambda: not rg.is_ready("rg-0"))
    rg.set(replicas=3, rollout_timeout_seconds=SOON)
    assert "rg-2: not created yet" in rg.must_fail("up", "--yes", "--skip-preview")
    assert sorted(rg.pods()) == ["rg-0", "rg-1"]
    rg.set(replicas=1)
    assert "rg-1: not deleted yet (scaled down)" in rg.must_fail("up", "--yes", "--skip-preview")
    assert sorted(rg.pods()) == ["rg-0", "rg-1"]
    rg.http("rg-0", "/ready?state=on", "PUT").raise_for_status()
    rg.deploy(replicas=3, rollout_timeout_seconds=None)
    assert sorted(rg.pods()) == ["rg-0", "rg-1", "rg-2"]


def test_p08_a_rolling_update_goes_from_the_highest_down(service: Make) -> None:
    """One instance at a time, rg-1 first, rg-0 only when rg-1 is ready again, and back; every line is kept."""
    rg = service()
    rg.deploy()
    first = rg.outputs()["current_revision"]
    written = {name: rg.write(name, 2) for name in ("rg-0", "rg-1")}
    with watching(rg) as seen:
        rg.deploy(image=NEW)
    assert only(seen, "ending", "ready") == [
        ("ending", "rg-1"),
        ("ready", "rg-1"),
        ("ending", "rg-0"),
        ("ready", "rg-0"),
    ]
    assert {name: rg.log(name)[:2] for name in written} == written
    rg.deploy(image=CHAPTER["image"])
    assert set(images(rg).values()) == {"1.0"}
    assert rg.outputs()["current_revision"] == first
    assert {name: rg.log(name)[:2] for name in written} == written


def test_p09_parallel_instances_do_not_wait_for_each_other(service: Make) -> None:
    """With Parallel all Pods are created although none becomes ready, and all are deleted at once."""
    rg = service(
        replicas=3, pod_management_policy="Parallel", readiness_probe=NEVER_READY, rollout_timeout_seconds=SOON
    )
    with watching(rg) as seen:
        said = rg.must_fail("up", "--yes", "--skip-preview")
    assert {pod for _, pod in only(seen, "added")} == {"rg-0", "rg-1", "rg-2"}
    assert all(f"rg-{ordinal}: running but not ready" in said for ordinal in range(3))
    with watching(rg) as seen:
        rg.deploy(replicas=0, rollout_timeout_seconds=None)
        eventually("all are gone", lambda: len(only(seen, "deleted")) == 3)
    assert {event for event, _ in only(seen, "ending", "deleted")[:3]} == {"ending"}


@pytest.mark.long
def test_p10_a_parallel_canary(service: Make) -> None:
    """Parallel instances take a new version in steps as well."""
    rg = service(replicas=3, pod_management_policy="Parallel", canary=1)
    rg.deploy()
    rg.deploy(image=NEW)
    assert images(rg) == {"rg-0": "1.0", "rg-1": "1.0", "rg-2": "2.0"}
    rg.deploy(canary=None)
    assert set(images(rg).values()) == {"2.0"}
    assert all_ready(rg)


def test_on_delete_leaves_the_update_to_the_user(service: Make) -> None:
    """Up ends at once and outputs the revision of each instance; a deleted Pod returns with the new version."""
    rg = service(update_strategy="OnDelete")
    rg.deploy()
    before = rg.uids()
    rg.deploy(image=NEW)
    assert rg.uids() == before
    outputs = rg.outputs()
    assert outputs["outdated"] == ["rg-0", "rg-1"]
    settled(rg)
    rg.client.delete(Pod, "rg-1", namespace=rg.namespace)
    rg.up()
    assert all_ready(rg)
    assert images(rg) == {"rg-0": "1.0", "rg-1": "2.0"}
    outputs = rg.outputs()
    assert outputs["outdated"] == ["rg-0"]


def test_min_ready_seconds_are_waited_for(service: Make) -> None:
    """An update continues, and up ends, only when each instance has been ready for that long."""
    rg = service(min_ready_seconds=4)
    rg.deploy()
    rg.deploy(image=NEW)
    assert rg.stateful_set().status.availableReplicas == 2
    started = {name: pod.metadata.creationTimestamp for name, pod in rg.pods().items()}
    became_ready = {
        name: next(c.lastTransitionTime for c in pod.status.conditions if c.type == "Ready")
        for name, pod in rg.pods().items()
    }
    # rg-0 was replaced only after rg-1 had been ready for min_ready_seconds (the API server's times are whole seconds).
    assert (started["rg-0"] - became_ready["rg-1"]).total_seconds() >= 3
    settled(rg)


def test_max_unavailable_is_used_and_never_exceeded(service: Make) -> None:
    """With two of four allowed to be unavailable, two are replaced at a time, and never more."""
    rg = service(replicas=4, pod_management_policy="Parallel", max_unavailable="50%")
    rg.deploy()
    away: set[str] = set()
    most = 0
    with watching(rg) as seen:
        rg.deploy(image=NEW)
    for event, pod in only(seen, "ending", "ready"):
        (away.add if event == "ending" else away.discard)(pod)
        most = max(most, len(away))
    assert most == 2
    assert not away
    assert set(images(rg).values()) == {"2.0"}


@pytest.mark.long
def test_changing_the_pod_management_policy_needs_an_argument(service: Make) -> None:
    """Refused in the preview, with the argument that allows it; no Pod stops."""
    rg = service()
    rg.deploy()
    before = rg.uids()
    rg.set(pod_management_policy="Parallel")
    said = rg.must_fail("preview")
    assert "pod_management_policy (OrderedReady → Parallel): Kubernetes accepts this only in a new StatefulSet" in said
    assert "recreate_keeping_pods=True" in said
    assert rg.uids() == before


@pytest.mark.long
def test_the_revision_history_limit_changes_in_place(service: Make) -> None:
    """Set to the default, to another number, and removed: no Pod restarts, and the StatefulSet is not replaced."""
    rg = service()
    rg.deploy()
    before, uid = rg.uids(), rg.stateful_set().metadata.uid
    for limit, expected in ((10, 10), (3, 3), (None, 10)):
        rg.deploy(revision_history_limit=limit)
        assert rg.stateful_set().spec.revisionHistoryLimit == expected
        rg.unchanged()
    assert rg.uids() == before
    assert rg.stateful_set().metadata.uid == uid


@pytest.mark.long
def test_destroy_during_a_canary_and_up_again(service: Make) -> None:
    """A destroy during a step, and an up right after it, lose nothing."""
    rg = service(replicas=2, canary=1)
    rg.deploy()
    rg.deploy(image=NEW)
    written = {name: rg.write(name, 2) for name in ("rg-0", "rg-1")}
    rg.destroy()
    rg.up()
    assert all_ready(rg)
    assert {name: rg.log(name)[:2] for name in written} == written
