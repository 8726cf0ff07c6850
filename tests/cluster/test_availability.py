"""P11, P14: a quorum that evictions and updates keep, instances on different nodes, one Pod for each identity."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness import SOON, Service, eventually, local, only, parts, watching
from lightkube import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Pod, PodEviction
from lightkube.resources.policy_v1 import PodDisruptionBudget

Make = Callable[..., Service]
TOO_MANY_REQUESTS = 429


def evict(rg: Service, pod: str) -> int:
    """Evicts a Pod as a drain does; returns the API's answer."""
    try:
        rg.client.create(PodEviction(metadata=ObjectMeta(name=pod)), pod, namespace=rg.namespace)
    except ApiError as error:
        return int(error.status.code or 0)
    return 201


def budget(rg: Service) -> Any:
    """The live budget's status."""
    return rg.client.get(PodDisruptionBudget, "rg", namespace=rg.namespace).status


@contextmanager
def silent_kubelet() -> Iterator[None]:
    """The kubelet is stopped while its containers keep running; afterwards it runs again."""
    [pid] = parts()["kubelet"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def simulated_nodes() -> Iterator[int]:
    """Three more nodes, deleted afterwards."""
    local("scale-simulated-nodes", "3")
    yield 3
    local("scale-simulated-nodes", "0")


def test_p14_an_eviction_that_would_break_the_quorum_is_refused(service: Make) -> None:
    """With one of three not ready, no other can be evicted, but that one can; with all ready, one can."""
    rg = service(replicas=3, pod_management_policy="Parallel", quorum=True)
    rg.deploy()
    assert budget(rg).desiredHealthy == 2
    eventually("one may go", lambda: budget(rg).disruptionsAllowed == 1)
    rg.http("rg-0", "/ready?state=off", "PUT")
    eventually("none may go", lambda: budget(rg).disruptionsAllowed == 0)
    assert evict(rg, "rg-1") == TOO_MANY_REQUESTS
    assert evict(rg, "rg-2") == TOO_MANY_REQUESTS
    before = rg.uids()
    assert evict(rg, "rg-0") == 201
    eventually("the broken one is replaced", lambda: rg.uids().get("rg-0") not in (None, before["rg-0"]))
    eventually("one may go again", lambda: rg.is_ready("rg-0") and budget(rg).disruptionsAllowed == 1)
    assert evict(rg, "rg-1") == 201
    rg.until_replaced("rg-1", before["rg-1"])
    rg.refresh()
    rg.unchanged()


def test_p14_an_update_keeps_the_quorum(service: Make) -> None:
    """While a new version rolls out, never fewer than the quorum are ready; a larger step is refused beforehand."""
    rg = service(replicas=4, quorum=True, max_unavailable=1, pod_management_policy="Parallel")
    rg.deploy()
    away: set[str] = set()
    fewest = 4
    with watching(rg) as seen:
        rg.deploy(image="random-generator:2.0")
    for event, pod in only(seen, "ending", "ready"):
        (away.add if event == "ending" else away.discard)(pod)
        fewest = min(fewest, 4 - len(away))
    assert fewest == 3
    assert not away
    rg.set(max_unavailable=2, image="random-generator:1.0")
    before = rg.uids()
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert (
        "max_unavailable=2 would leave 2 of 4 instances during an update, but quorum requires 3 of 4. Use at most 1"
        in said
    )
    assert "Traceback" not in said
    assert rg.uids() == before


def test_p14_spreading_strictly_does_not_stop_where_only_some_nodes_may_be_used(service: Make) -> None:
    """Nodes whose taints keep the instances away do not count, so that one node may hold several."""
    rg = service(spread_over_nodes="DoNotSchedule", spread_over_zones="Off", pod_management_policy="Parallel")
    rg.deploy()
    assert sorted(rg.pods()) == ["rg-0", "rg-1"]


@pytest.mark.alone
def test_p14_instances_are_spread_over_nodes(simulated_nodes: int, service: Make) -> None:
    """With strict spreading, each of three instances is on a node of its own, and a fourth finds none."""
    on_simulated = {
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
    }
    rg = service(
        replicas=simulated_nodes,
        readiness_probe=None,
        volumes=[],
        spread_over_nodes="DoNotSchedule",
        pod_template={"spec": on_simulated},
    )
    rg.deploy()
    assert len({pod.spec.nodeName for pod in rg.pods().values()}) == simulated_nodes


@pytest.mark.alone
def test_p11_no_second_one_while_the_node_does_not_answer(service: Make) -> None:
    """A Pod deleted while its node does not answer keeps running; no other gets its name until it is gone."""
    rg = service(replicas=1)
    rg.deploy()
    rg.write("rg-0", 3)
    first = rg.uids()
    with silent_kubelet():
        rg.client.delete(Pod, "rg-0", namespace=rg.namespace)
        # The set's controller looks at a change, and still makes no other Pod, not even of a new version.
        rg.set(image="random-generator:2.0", rollout_timeout_seconds=SOON)
        said = rg.must_fail("up", "--yes", "--skip-preview")
        assert "rg-0: terminating" in said
        live = rg.stateful_set()
        assert live.status.observedGeneration == live.metadata.generation
        written = rg.write("rg-0")
        assert rg.uids() == first
    rg.deploy(rollout_timeout_seconds=None)
    assert rg.uids().keys() == first.keys()
    assert rg.uids() != first
    assert rg.log("rg-0")[: len(written)] == written
