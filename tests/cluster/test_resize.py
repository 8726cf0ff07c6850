"""P10: CPU and memory change in place, and the StatefulSet follows without a rollout."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from faults import Troubled, troubled
from harness import Service, eventually, only, watching
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
    """Killed before a Pod has its label, and before the partition goes: the next up completes it, no Pod restarts."""
    killed_at_each(service(resources=SMALL, resize="InPlace"), lambda requests: (_last(requests, "pods/rg-0"), -1))


@pytest.mark.long
def test_p10_a_resize_that_was_killed_between_any_two_requests(service: Make) -> None:
    """As above, before each request that changes something."""
    killed_at_each(service(resources=SMALL, resize="InPlace"), lambda requests: range(len(requests)))


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
            eventually("the request", reached.is_set, 90)
        finally:
            rg.kill(running)


def test_p10_what_a_node_cannot_give_is_told(service: Make) -> None:
    """With its numbers, in the preview and before anything is sent; replaced only by the user's word."""
    rg = service(resources=SMALL, resize="InPlace", rollout_timeout_seconds=15)
    rg.up()
    before = rg.uids()
    rg.set(resources=IMPOSSIBLE)
    numbers = "node didn't have enough allocatable resources: cpu, requested: 1000000, allocatable: "
    for said in (rg.must_fail("preview"), rg.must_fail("up", "--yes", "--skip-preview")):
        assert f"rg-1, rg-0 cannot be resized in place: {numbers}" in said
        assert "set resize to InPlaceOrReplace for a replacement" in said
        assert "Traceback" not in said
    assert rg.uids() == before
    assert rg.stateful_set().spec.template.spec.containers[0].resources.limits == SMALL["limits"]
    rg.set(resize="InPlaceOrReplace")
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-1, rg-0: replaced one after another (resources)" in said
    assert f"CPU and memory are not changed in place (resize): {numbers}" in said
    assert "rg-1: cannot be scheduled" in said
    assert rg.uids()["rg-0"] == before["rg-0"]
    rg.deploy(resources=LARGE)
    assert rg.uids()["rg-0"] == before["rg-0"]
    assert given(rg) == dict.fromkeys(before, LARGE["limits"])
    assert has_one_revision(rg)
    settled(rg)


def test_p10_sidecars_restarts_and_other_changes(service: Make) -> None:
    """A side-car in place, a container that restarts for its memory, and what becomes a rollout."""
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
    settled(rg)
    # Another change, another quality of service, and a limit that goes: a rollout, and why.
    for change, why in (
        ({"env": {**rg.args["env"], "A": "b"}, "resources": SMALL}, "the Pod template changes in more than CPU"),
        ({"resources": {"requests": LARGE["limits"], "limits": LARGE["limits"]}, "sidecars": None}, "more than CPU"),
        ({"resources": SMALL}, "Pod QOS Class may not change as a result of resizing"),
        ({"resources": {"requests": SMALL["requests"]}}, "cpu limit is removed, which a resize cannot do"),
    ):
        rg.set(**change)
        said = rg.must("preview")
        assert "rg-0: replaced" in said
        assert "CPU and memory are not changed in place (resize): " in said
        assert why in said
        before = rg.uids()
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
