"""P10: CPU and memory change in place, and the StatefulSet follows without a rollout."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from api_server_proxy import Troubled, troubled
from harness import CHAPTER, SOON, Service, eventually, only, watching
from lightkube.resources.core_v1 import Node, Pod
from pulumi_stateful_service.foundation.quantities import size_in_bytes
from test_rights import PROVIDER_RULES, documented_rules, limit, rules_of
from test_rollouts import settled

Make = Callable[..., Service]

SMALL = {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}}
LARGE = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "400m", "memory": "192Mi"}}
SIDECAR = {"name": "side", "env": {"PORT": "8090"}, "resources": SMALL}
IMPOSSIBLE = {"requests": {"cpu": "1k", "memory": "32Mi"}, "limits": {"cpu": "1k", "memory": "128Mi"}}
"""A thousand CPUs."""


def given(rg: Service, container: str = "app") -> dict[str, Mapping[str, Any]]:
    """The limits that the kubelet says each instance has."""
    return {
        name: status.resources.limits
        for name, pod in rg.pods().items()
        for status in [*(pod.status.containerStatuses or []), *(pod.status.initContainerStatuses or [])]
        if status.name == container
    }


def restarts(rg: Service) -> set[int]:
    return {
        status.restartCount
        for pod in rg.pods().values()
        for status in [*pod.status.containerStatuses, *(pod.status.initContainerStatuses or [])]
    }


def has_one_revision(rg: Service) -> bool:
    """Whether every Pod has the one revision that there is, and nothing is held back."""
    live = rg.stateful_set()
    labels = {pod.metadata.labels["controller-revision-hash"] for pod in rg.pods().values()}
    return labels == {live.status.updateRevision} == {live.status.currentRevision} and partition(rg) == 0


def partition(rg: Service) -> int:
    return int(rg.stateful_set().spec.updateStrategy.rollingUpdate.partition or 0)


def test_p10_resources_change_without_a_restart(service: Make) -> None:
    """Three instances, one after another; a Pod that is deleted afterwards comes back with the new values."""
    rg = service(replicas=3, resources=SMALL, resize="InPlace")
    rg.up()
    before = rg.uids()
    rg.set(resources=LARGE)
    preview = rg.must("preview")
    changes = (
        "cpu request 50m to 100m, cpu limit 200m to 400m, memory request 32Mi to 64Mi, memory limit 128Mi to 192Mi"
    )
    assert f"rg-2, rg-1, rg-0: {changes} in place, one after another" in preview
    assert "no Pod restarts" in preview
    assert rg.uids() == before
    assert set(given(rg)["rg-0"].values()) == {"200m", "128Mi"}
    with watching(rg) as events:
        rg.up()
    assert only(events, "deleted", "added", "ending") == []
    assert rg.uids() == before
    assert restarts(rg) == {0}
    assert given(rg) == dict.fromkeys(before, LARGE["limits"])
    assert has_one_revision(rg)
    outputs = rg.outputs()
    assert outputs["forecast"]["instances"] == dict.fromkeys(before, "Resized")
    assert outputs["outdated"] == []
    settled(rg)
    rg.replace_pod("rg-1")
    assert given(rg)["rg-1"] == LARGE["limits"]
    assert has_one_revision(rg)
    assert {name: uid for name, uid in rg.uids().items() if before[name] != uid}.keys() == {"rg-1"}
    settled(rg)


def test_p10_a_resize_that_was_killed_is_completed(service: Make) -> None:
    """Killed before the last Pod has its label: the next up completes it, and no Pod restarts."""
    killed_at_each(service(resources=SMALL, resize="InPlace"), lambda requests: (_last(requests, "pods/rg-0"),))


@pytest.mark.long
def test_p10_a_resize_that_was_killed_between_any_two_requests(service: Make) -> None:
    """As above, before each request that changes something; and continued after a refresh, and without the argument."""
    rg = service(resources=SMALL, resize="InPlace")
    killed_at_each(rg, lambda requests: range(len(requests)))
    for halfway in ({}, {"resize": None}):
        before, sizes = rg.uids(), LARGE if given(rg)["rg-0"] == SMALL["limits"] else SMALL
        rg.set(resources=sizes)
        killed_before(rg, 3)
        assert partition(rg) == 2
        rg.refresh()
        rg.deploy(**halfway)
        assert (rg.uids() == before) == (not halfway)
        assert given(rg) == dict.fromkeys(before, sizes["limits"])
        assert has_one_revision(rg)
        settled(rg)


def _last(requests: Sequence[str], part: str) -> int:
    return max(number for number, path in enumerate(requests) if part in path)


def killed_at_each(rg: Service, moments: Callable[[Sequence[str]], Sequence[int]]) -> None:
    """Kills an ``up`` before one of its requests, and lets the next one end; so for each of these moments."""
    rg.up()
    before, sizes = rg.uids(), [LARGE, SMALL]
    requests = changes_of(rg, sizes[0])
    for moment in moments(requests):
        sizes.reverse()
        rg.set(resources=sizes[0])
        killed_before(rg, moment % len(requests))
        rg.up()
        assert rg.uids() == before
        assert restarts(rg) == {0}
        assert given(rg) == dict.fromkeys(before, sizes[0]["limits"])
        assert has_one_revision(rg)
        settled(rg)


def changes_of(rg: Service, resources: Any) -> list[str]:
    """The requests that change Pods and StatefulSet in an ``up`` that is not disturbed."""
    rg.set(resources=resources)
    with troubled(rg, lambda *_: None) as between:
        rg.up()
    return [path for _, method, path in between.asked if is_change(method, path)]


def is_change(method: str, path: str) -> bool:
    return method == "PATCH" and "dryRun" not in path and ("/pods/" in path or "/statefulsets/" in path)


def killed_before(rg: Service, number: int) -> None:
    """Kills an ``up`` before the change with this number, from 0, has reached the API server."""
    reached, seen = threading.Event(), []

    def refuse(_: int, method: str, path: str) -> int | None:
        seen.extend([path] * is_change(method, path))
        if len(seen) > number:
            reached.set()
            return 0
        return None

    with troubled(rg, refuse) as between:
        assert isinstance(between, Troubled)
        running = rg.start_up()
        try:
            eventually("the request", reached.is_set)
        finally:
            rg.kill(running)


def test_p10_what_a_node_cannot_give_is_told(service: Make) -> None:
    """With its numbers, in the preview and before anything is sent."""
    rg = service(resources=SMALL, resize="InPlace")
    rg.up()
    before = rg.uids()
    rg.set(resources=IMPOSSIBLE)
    for said in (rg.must_fail("preview"), rg.must_fail("up", "--yes", "--skip-preview")):
        assert f"rg-1, rg-0 cannot be resized in place: {TOO_MUCH}" in said
        assert "set resize to InPlaceOrReplace for a replacement" in said
        assert "Traceback" not in said
    assert rg.uids() == before
    assert rg.stateful_set().spec.template.spec.containers[0].resources.limits == SMALL["limits"]


TOO_MUCH = "node didn't have enough allocatable resources: cpu, requested: 1000000, allocatable: "


@pytest.mark.long
def test_p10_what_a_node_cannot_give_is_replaced_if_asked_for(service: Make) -> None:
    """One instance is, and waits for a node; the others keep running, and the next values reach all in place."""
    rg = service(resources=SMALL, resize="InPlaceOrReplace")
    rg.up()
    before = rg.uids()
    rg.set(resources=IMPOSSIBLE, rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-1, rg-0: replaced one after another (resources)" in said
    assert f"CPU and memory are not changed in place (resize): {TOO_MUCH}" in said
    assert "rg-1: cannot be scheduled" in said
    assert rg.uids()["rg-0"] == before["rg-0"]
    rg.deploy(resources=LARGE, rollout_timeout_seconds=None)
    assert rg.uids()["rg-0"] == before["rg-0"]
    assert given(rg) == dict.fromkeys(before, LARGE["limits"])
    assert has_one_revision(rg)
    settled(rg)


@pytest.mark.alone
@pytest.mark.long
def test_p10_what_a_node_cannot_give_now_is_told(service: Make) -> None:
    """Where the kubelet says so: after the timeout, with its numbers. The way back restarts nothing either.

    Alone, since no other Pod finds memory on the node meanwhile.
    """
    rg = service(resources=SMALL, resize="InPlace")
    rg.up()
    before = rg.uids()
    most = f"{int(allocatable_memory(rg) * 0.6)}"
    large = {**SMALL, "requests": {"cpu": "50m", "memory": most}, "limits": {"cpu": "200m", "memory": most}}
    rg.set(resources=large, rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "CPU and memory could not be changed in place:" in said
    assert "rg-0: Deferred: Node didn't have enough resource: memory, requested: " in said
    assert f"Waited for rollout_timeout_seconds ({SOON})." in said
    assert partition(rg) == 2
    assert "rg-0: the resize that was begun is completed (Deferred: Node" in rg.must("preview")
    rg.deploy(resources=LARGE, rollout_timeout_seconds=None)
    assert rg.uids() == before
    assert restarts(rg) == {0}
    assert given(rg) == dict.fromkeys(before, LARGE["limits"])
    assert has_one_revision(rg)
    settled(rg)


def allocatable_memory(rg: Service) -> int:
    """In bytes, of the node on which the instances run."""
    node: Any = rg.client.get(Node, rg.pods()["rg-0"].spec.nodeName)
    return size_in_bytes(node.status.allocatable["memory"])


@pytest.mark.long
def test_p10_a_pod_that_is_deleted_meanwhile_is_resized_again(service: Make) -> None:
    """Also at the last moment: it comes back once, with the revision before, since the partition still stands."""
    rg = service(replicas=3, resources=SMALL, resize="InPlace")
    rg.up()
    before, deleted = rg.uids(), threading.Event()

    def delete(path: str) -> None:
        if path.endswith("/pods/rg-0") and not deleted.is_set():  # that gets its label
            deleted.set()
            rg.client.delete(Pod, "rg-2", namespace=rg.namespace)

    rg.set(resources=LARGE)
    with troubled(rg, lambda *_: None) as between:
        between.hold = delete
        with watching(rg) as events:
            rg.up()
    assert only(events, "added") == [("added", "rg-2")]
    assert {name for name, uid in rg.uids().items() if uid != before[name]} == {"rg-2"}
    assert given(rg) == dict.fromkeys(before, LARGE["limits"])
    assert has_one_revision(rg)
    settled(rg)


def test_p10_sidecars_restarts_and_other_changes(service: Make) -> None:
    """A side-car in place, a container that restarts for its memory, and another change in the same up: a rollout."""
    rg = service(replicas=1, resources=SMALL, sidecars=[SIDECAR], resize="InPlace", resize_policy=RESTART)
    rg.up()
    before = rg.uids()
    more = {**SMALL, "limits": {"cpu": "300m", "memory": "128Mi"}}
    said = rg.deploy(sidecars=[{**SIDECAR, "resources": more}])
    assert "rg-0: side: cpu limit 200m to 300m in place" in said
    assert given(rg, "side") == {"rg-0": more["limits"]}
    assert restarts(rg) == {0}
    said = rg.deploy(resources=LARGE)
    assert "memory limit 128Mi to 192Mi in place (app restarts: resize_policy)" in said
    assert "no Pod restarts" not in said
    assert rg.uids() == before
    [app] = rg.pods()["rg-0"].status.containerStatuses
    assert app.restartCount == 1
    assert rg.is_ready("rg-0")
    assert has_one_revision(rg)
    becomes_a_rollout(
        rg, "the Pod template changes in more than CPU and memory", env={**CHAPTER["env"], "A": "b"}, resources=SMALL
    )


@pytest.mark.long
def test_p10_what_kubernetes_does_not_change_in_place(service: Make) -> None:
    """Another quality of service, and a limit that goes: a rollout, and why."""
    rg = service(replicas=1, resources={"requests": LARGE["limits"], "limits": LARGE["limits"]}, resize="InPlace")
    rg.up()
    becomes_a_rollout(rg, "Pod QOS Class may not change as a result of resizing", resources=SMALL)
    without = {"requests": SMALL["requests"]}
    becomes_a_rollout(rg, "cpu limit is removed, which a resize cannot do", resources=without)


def becomes_a_rollout(rg: Service, why: str, **changes: Any) -> None:
    """The one instance is replaced, and the preview says why."""
    before = rg.uids()
    rg.set(**changes)
    said = rg.must("preview")
    assert "rg-0: replaced" in said
    assert "CPU and memory are not changed in place (resize): " in said
    assert why in said
    rg.up()
    assert rg.uids() != before
    assert has_one_revision(rg)


RESTART = {"cpu": "NotRequired", "memory": "RestartContainer"}


@pytest.mark.parametrize(
    "how",
    [
        {"rollout": {"steps": [1], "bake_seconds": 1}},
        {"leader_last": {"labels": {"role": "leader"}}},
        {"max_unavailable": 2},
    ],
    ids=["rollout", "leader_last", "max_unavailable"],
)
@pytest.mark.long
def test_p10_resize_beside_other_ways_to_roll_out(service: Make, how: dict[str, Any]) -> None:
    """Resized before the steps, and before the leader is asked for: none of them has anything left to do."""
    rg = service(replicas=3, resources=SMALL, resize="InPlace", **how)
    rg.up()
    before = rg.uids()
    rg.deploy(resources=LARGE)
    assert rg.uids() == before
    assert restarts(rg) == {0}
    assert given(rg) == dict.fromkeys(before, LARGE["limits"])
    assert rg.outputs()["outdated"] == []
    settled(rg)
    rg.deploy(image="random-generator:2.0")
    assert not set(rg.uids().values()) & set(before.values())
    settled(rg)


@pytest.mark.long
def test_p10_a_canary_replaces(service: Make) -> None:
    """The program says which instance gets the change; when it no longer does, the others are resized."""
    rg = service(resources=SMALL, resize="InPlace")
    rg.up()
    before = rg.uids()
    said = rg.deploy(resources=LARGE, canary=1)
    assert "(resize): canary decides which instances get the change" in said
    assert {name for name, uid in rg.uids().items() if uid != before[name]} == {"rg-1"}
    settled(rg)
    before = rg.uids()
    rg.deploy(canary=None)
    assert rg.uids() == before
    assert given(rg) == dict.fromkeys(before, LARGE["limits"])
    assert has_one_revision(rg)
    settled(rg)


def test_p10_missing_rights_to_resize_are_named_before(service: Make, tmp_path: Path) -> None:
    """In the preview, and before anything is sent; with those of the page it works."""
    rg = service(replicas=1, resources=SMALL, resize="InPlace")
    rules = [*PROVIDER_RULES, *documented_rules()]
    everything = rg.env
    limit(rg, rules, tmp_path)
    rg.up()
    rg.set(resources=LARGE)
    missing = f"no right to patch pods/resize, patch pods in namespace {rg.namespace}: with the argument resize"
    assert missing in rg.must_fail("preview")
    assert missing in rg.must_fail("up", "--yes", "--skip-preview")
    assert rg.stateful_set().spec.template.spec.containers[0].resources.limits == SMALL["limits"]
    rg.env = everything
    limit(rg, [*rules, *rules_of("resize")], tmp_path)
    before = rg.uids()
    rg.up()
    assert rg.uids() == before
    assert has_one_revision(rg)
    rg.unchanged()
