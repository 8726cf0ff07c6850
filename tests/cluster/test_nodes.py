"""Nodes without power, frozen, cut off, drained and full.

P02, P05, P11 and P14 on three real nodes.
"""

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import nodes
import pytest
from harness import (
    SOON,
    CommandError,
    Service,
    absent_as_none,
    condition,
    eventually,
    local,
    only,
    parts,
    traces,
    watching,
)
from lightkube import Client
from lightkube.resources.core_v1 import Node, Pod
from nodes import IdentityWatch, LogWriter

Make = Callable[..., Service]

pytestmark = [pytest.mark.alone, pytest.mark.usefixtures("three_nodes", "uncordoned")]


@pytest.fixture
def on_network_disks(service: Make, namespace: str) -> Iterator[Make]:
    """Creates the chapter's service on network disks, with instances that soon leave a node that does not answer.

    All nodes are healthy before it is destroyed.
    """

    def make(**changes: Any) -> Service:
        defaults: dict[str, Any] = {
            "storage_class_name": "network",
            "tolerations": nodes.SOON_EVICTED,
            "pod_management_policy": "Parallel",
            "termination_grace_period_seconds": 1,
            "env": {"LOG_FILE": "/opt/logs/random.log", "WATCHED": namespace},
        }
        return service(**(defaults | changes))

    yield make
    nodes.heal()


@pytest.fixture
def writer() -> Iterator[Callable[[Service], LogWriter]]:
    """Starts a client that writes to all instances throughout the test."""
    started: list[LogWriter] = []

    def start(rg: Service) -> LogWriter:
        started.append(LogWriter(rg))
        started[-1].start()
        started[-1].wait_for_a_write()
        return started[-1]

    yield start
    for each in started:
        each.end()


StartWriter = Callable[[Service], LogWriter]


def is_leaving(rg: Service, pod: str) -> bool:
    """Whether a Pod is terminating."""
    live = rg.pod(pod)
    return live is not None and live.metadata.deletionTimestamp is not None


def test_p11_an_instance_of_a_node_without_power_moves_when_the_node_is_known_to_be_gone(
    on_network_disks: Make, writer: StartWriter, client: Client, namespace: str
) -> None:
    """A node switched off: its instance starts elsewhere with its data, once that is known, and not before."""
    rg = on_network_disks()
    rg.deploy()
    node, before = nodes.node_of(rg, "rg-0"), rg.uids()["rg-0"]
    with IdentityWatch(namespace) as watch:
        writing = writer(rg)
        nodes.act("off", node)
        assert watch.nodes("rg-0") == [], "its processes have ended"
        nodes.until_noticed(client, node)
        eventually("the instance is to leave", lambda: is_leaving(rg, "rg-0"))
        assert rg.uids()["rg-0"] == before, "no other takes its place"
        with nodes.known_to_be_gone(rg, node):
            rg.until_replaced("rg-0", before)
            assert watch.nodes("rg-0") == [nodes.node_of(rg, "rg-0")] != [node]
            writing.wait_for_a_write()
        writing.end()
    assert not writing.lost()


@pytest.mark.long
def test_p11_a_node_that_hangs_keeps_its_instances(
    on_network_disks: Make, writer: StartWriter, client: Client, namespace: str
) -> None:
    """A frozen node: its instances continue when it does, or are replaced after it has ended them."""
    rg = on_network_disks()
    rg.deploy()
    node, before = nodes.node_of(rg, "rg-0"), rg.uids()
    with IdentityWatch(namespace) as watch:
        writing = writer(rg)
        nodes.act("freeze", node)
        eventually("it does not answer", lambda: not _answers(rg, "rg-0"))
        nodes.act("thaw", node)
        eventually("it answers again", lambda: _answers(rg, "rg-0"))
        assert rg.uids() == before, "nothing was replaced"
        nodes.act("freeze", node)
        nodes.until_noticed(client, node)
        eventually("the instance is to leave", lambda: is_leaving(rg, "rg-0"))
        assert watch.nodes("rg-0") == [node], "it is still there"
        nodes.act("thaw", node)
        rg.until_replaced("rg-0", before["rg-0"])
        writing.wait_for_a_write()
        writing.end()
    assert not writing.lost()


def _answers(rg: Service, pod: str) -> bool:
    try:
        return rg.http(pod, "/healthz", timeout=1).is_success
    except Exception:  # noqa: BLE001 - of whatever kind: it does not answer
        return False


@pytest.mark.long
def test_p11_an_instance_that_is_cut_off_runs_on_alone(
    on_network_disks: Make, writer: StartWriter, client: Client, namespace: str
) -> None:
    """A node that is cut off: its instance keeps running, and no other gets its name before it has ended."""
    rg = on_network_disks(spread_over_nodes="DoNotSchedule")
    rg.deploy()
    node, before = nodes.node_of(rg, "rg-0"), rg.uids()["rg-0"]
    with IdentityWatch(namespace) as watch:
        writing = writer(rg)
        assert rg.get_from("rg-1", f"http://{rg.pod('rg-0').status.podIP}:8080/healthz")
        nodes.act("cut-off", node)
        nodes.until_noticed(client, node)
        eventually("the instance is to leave", lambda: is_leaving(rg, "rg-0"))
        assert watch.nodes("rg-0") == [node], "it runs on"
        assert rg.uids()["rg-0"] == before, "no other takes its place"
        nodes.act("reconnect", node)
        rg.until_replaced("rg-0", before)
        writing.wait_for_a_write()
        writing.end()
    assert not writing.lost()


def test_p14_each_node_is_drained_while_a_version_rolls_out(
    on_network_disks: Make, writer: StartWriter, namespace: str
) -> None:
    """Each node drained while a version rolls out: a majority of the instances is ready throughout."""
    rg = on_network_disks(replicas=3, quorum=True, rollout_timeout_seconds=300)
    rg.deploy()
    assert len(set(nodes.place(rg).values())) == 3, "one on each node"
    with IdentityWatch(namespace), watching(rg) as seen:
        writing = writer(rg)
        rg.set(image="random-generator:2.0")
        rollout = threading.Thread(target=rg.up)
        rollout.start()
        for node in sorted(nodes.place(rg).values()):
            rg.kubectl("drain", node, "--ignore-daemonsets", "--timeout=180s", f"--pod-selector={_selector(rg)}")
            rg.kubectl("uncordon", node)
        rollout.join()
        eventually("all are ready", lambda: all(rg.is_ready(f"rg-{number}") for number in range(3)))
        writing.end()
    rg.unchanged()
    assert _fewest_ready(seen, 3) == 2
    assert {pod.spec.containers[0].image for pod in rg.pods().values()} == {"random-generator:2.0"}
    assert not writing.lost()


def _selector(rg: Service) -> str:
    labels: dict[str, str] = rg.stateful_set().spec.selector.matchLabels
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _fewest_ready(seen: list[tuple[str, str]], replicas: int) -> int:
    """The smallest number of ready instances."""
    away: set[str] = set()
    fewest = replicas
    for event, pod in only(seen, "ending", "ready"):
        (away.add if event == "ending" else away.discard)(pod)
        fewest = min(fewest, replicas - len(away))
    return fewest


@pytest.mark.long
def test_p14_spread_over_zones_a_quorum_outlives_one_of_them(
    on_network_disks: Make, writer: StartWriter, client: Client, namespace: str
) -> None:
    """A zone lost: two of three instances keep serving, and the third returns with its zone."""
    rg = on_network_disks(replicas=3, quorum=True, spread_over_zones="DoNotSchedule")
    rg.deploy()
    where = nodes.place(rg)
    assert len(set(where.values())) == 3
    with IdentityWatch(namespace):
        writing = writer(rg)
        nodes.act("off", where["rg-1"])
        nodes.until_noticed(client, where["rg-1"])
        assert rg.is_ready("rg-0")
        assert rg.is_ready("rg-2")
        writing.wait_for_a_write()
        nodes.heal()
        eventually("rg-1 is ready again", lambda: rg.is_ready("rg-1"))
        writing.end()
    assert nodes.place(rg)["rg-1"] == where["rg-1"]
    assert not writing.lost()


@pytest.mark.long
def test_p14_with_a_group_for_each_zone_no_rollout_stops_a_second_one(
    on_network_disks: Make, writer: StartWriter, client: Client, namespace: str
) -> None:
    """A zone lost: a change of another one, or of all, is refused after its timeout, and ends when the zone is back."""
    zones = {zone: {"zone": zone} for zone in "abc"}
    rg = on_network_disks(replicas=None, quorum=True, groups=zones)
    rg.deploy()
    before, lost = rg.uids(), nodes.node_of(rg, "rg-b-0")
    with IdentityWatch(namespace), watching(rg) as seen:
        writing = writer(rg)
        nodes.act("off", lost)
        nodes.until_noticed(client, lost)
        rg.set(groups={**zones, "a": {"zone": "a", "env": {"CHANGED": "1"}}}, rollout_timeout_seconds=SOON)
        refused = rg.must_fail("up", "--yes", "--skip-preview")
        assert "group 'a': no instance is stopped, because 2 of 3 instances of the service are ready" in refused
        assert "(not rg-b-0), and 2 must stay available" in refused
        rg.set(image="random-generator:2.0")
        assert "because group 'b' could not be completed" in rg.must_fail("up", "--yes", "--skip-preview")
        assert before.items() - rg.uids().items() <= {("rg-b-0", before["rg-b-0"])}
        writing.wait_for_a_write()
        nodes.heal()
        rg.deploy(rollout_timeout_seconds=300)
        writing.end()
    assert _fewest_ready([each for each in seen if each[1] != "rg-b-0"], 2) == 1, "one at a time"
    assert {pod.spec.containers[0].image for pod in rg.pods().values()} == {"random-generator:2.0"}
    assert not writing.lost()
    rg.unchanged()


@pytest.fixture
def full_node(client: Client, namespace: str) -> Iterator[str]:
    """A node without processor time for another Pod."""
    node = "real-node-c"
    live: Any = client.get(Node, node)
    spec = {
        "nodeSelector": {"kubernetes.io/hostname": node},
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "filler",
                "image": "random-generator:1.0",
                "resources": {"requests": {"cpu": f"{int(live.status.allocatable['cpu']) * 1000 - 100}m"}},
            }
        ],
    }
    filler: Any = Pod.from_dict({"metadata": {"name": "filler", "namespace": namespace}, "spec": spec})
    client.create(filler)
    yield node
    client.delete(Pod, "filler", namespace=namespace)


@pytest.mark.parametrize(("spread", "ready"), [("DoNotSchedule", 2), ("ScheduleAnyway", 3)])
def test_p14_a_node_that_is_full(on_network_disks: Make, full_node: str, spread: str, ready: int) -> None:
    """A full node: with strict spreading an instance waits for it, and `up` says so; otherwise it shares a node."""
    rg = on_network_disks(
        replicas=3,
        spread_over_nodes=spread,
        spread_over_zones="Off",
        resources={"requests": {"cpu": "200m"}},
        rollout_timeout_seconds=SOON,
    )
    if ready == 3:
        rg.deploy(rollout_timeout_seconds=None)
    else:
        said = rg.must_fail("up", "--yes", "--skip-preview")
        assert "didn't match pod topology spread constraints" in said
    placed = nodes.place(rg)
    assert [pod for pod, node in placed.items() if node == full_node] == ["filler"]
    assert sum(rg.is_ready(f"rg-{number}") for number in range(3)) == ready


def test_p05_a_local_disk_holds_its_instance(service: Make, client: Client) -> None:
    """A cordoned node that has the instance's disk: `up` says that it cannot move, and it returns with the node."""
    rg = service(replicas=1)
    rg.deploy()
    rg.write("rg-0", 3)
    node = nodes.node_of(rg, "rg-0")
    rg.kubectl("cordon", node)
    client.delete(Pod, "rg-0", namespace=rg.namespace)
    eventually("it cannot be scheduled", lambda: _is_unschedulable(rg, "rg-0"))
    rg.set(rollout_timeout_seconds=5, labels={"changed": "yes"})
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-0: " in said
    assert "didn't match PersistentVolume's node affinity" in said
    rg.kubectl("uncordon", node)
    rg.deploy(rollout_timeout_seconds=None)
    assert len(rg.log("rg-0")) == 3
    assert nodes.node_of(rg, "rg-0") == node


def _is_unschedulable(rg: Service, pod: str) -> bool:
    live = rg.pod(pod)
    return live is not None and condition(live, "PodScheduled") == "False"


def test_p11_a_claim_for_one_pod_is_never_shared(on_network_disks: Make, client: Client, namespace: str) -> None:
    """Another Pod with an instance's claim: with ReadWriteOncePod it does not get the disk, on any node."""
    volume = {"name": "logs", "mount_path": "/opt/logs", "size": "10Mi", "access_modes": ["ReadWriteOncePod"]}
    rg = on_network_disks(replicas=1, volumes=[volume])
    rg.deploy()
    intruder: Any = Pod.from_dict(
        {
            "metadata": {"name": "intruder", "namespace": namespace},
            "spec": {
                "containers": [
                    {
                        "name": "intruder",
                        "image": "random-generator:1.0",
                        "volumeMounts": [{"name": "logs", "mountPath": "/opt/logs"}],
                    }
                ],
                "volumes": [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs-rg-0"}}],
            },
        }
    )
    client.create(intruder)
    eventually("it cannot be scheduled", lambda: _is_unschedulable(rg, "intruder"))
    [reason] = [each.message for each in rg.pods()["intruder"].status.conditions if each.type == "PodScheduled"]
    assert "ReadWriteOncePod access mode" in reason
    rg.client.delete(Pod, "intruder", namespace=namespace)
    eventually("it is gone", lambda: absent_as_none(lambda: client.get(Pod, "intruder", namespace=namespace)) is None)
    rg.replace_pod("rg-0")


def test_p02_names_services_and_policies_reach_across_nodes(on_network_disks: Make) -> None:
    """Instances on three nodes: names and Services reach all of them, and network policies apply."""
    rg = on_network_disks(replicas=3, load_balancer={"port": 80}, network_policy={"clients": []})
    rg.deploy()
    assert len(set(nodes.place(rg).values())) == 3
    everybody = {f"rg-{number}" for number in range(3)}
    for source in everybody:
        for target in everybody:
            answer = rg.get_from(source, f"http://{target}.random-generator.{rg.namespace}.svc.cluster.local:8080/")
            assert f'"instance":"{target}"' in answer
    for source in sorted(everybody):
        # To itself as well, on whichever node it is.
        eventually(f"the Service leads {source} to all nodes", partial(_leads_to, rg, source, everybody))
    rg.kubectl("run", "stranger", "--image=random-generator:1.0", "--image-pull-policy=Never")
    rg.kubectl("wait", "--for=condition=Ready", "pod/stranger")
    with pytest.raises(CommandError):
        rg.get_from("stranger", f"http://{rg.pod('rg-0').status.podIP}:8080/")
    rg.kubectl("delete", "pod", "stranger", "--grace-period=1")


def _leads_to(rg: Service, source: str, instances: set[str]) -> bool:
    url = f"http://random-generator-lb.{rg.namespace}.svc.cluster.local/"
    return {str(json.loads(rg.get_from(source, url))["instance"]) for _ in range(10)} == instances


def test_a_part_of_a_node_that_died_is_reported_and_restarted(on_network_disks: Make) -> None:
    """A kubelet, containerd or driver that died: `make cluster` starts it and nothing else, and no Pod restarts."""
    rg = on_network_disks(replicas=3)
    rg.deploy()
    uids = rg.uids()
    for part in ("kubelet-b", "containerd-b", "network-disks-b"):
        before = parts()
        [pid] = before[part]
        os.kill(pid, signal.SIGKILL)
        eventually("it does not run", lambda part=part: parts()[part] == [])  # type: ignore[misc]
        nodes.heal()
        after = parts()
        assert after[part] not in ([], before[part])
        assert after | {part: before[part]} == before
    assert rg.uids() == uids
    assert all(rg.is_ready(name) for name in uids)


@pytest.mark.long
def test_p11_an_instance_with_a_local_disk_outlives_its_node(
    on_network_disks: Make, client: Client, namespace: str
) -> None:
    """A node with a local disk is switched off: by `lost_node` its instance starts on another, with an empty disk."""
    rg = on_network_disks(replicas=3, quorum=True, storage_class_name="standard", rollout_timeout_seconds=30)
    rg.deploy()
    node = nodes.node_of(rg, "rg-2")
    before = {name: str(claim.spec.volumeName) for name, claim in rg.claims().items()}
    on_it = sorted(pod for pod, where in nodes.place(rg).items() if where == node)
    assert on_it == ["rg-2"], "one on each"
    with IdentityWatch(namespace) as watch:
        nodes.act("off", node)
        nodes.until_noticed(client, node)
        eventually("the instance is to leave", lambda: is_leaving(rg, "rg-2"))
        rg.set(labels={"changed": "yes"})
        [line] = set(re.findall(r"rebuild=(\[\{.*\}\])", rg.must_fail("up", "--yes", "--skip-preview")))
        words = json.loads(line)
        lost = before["logs-rg-2"]
        assert words == [{"ordinal": 2, "volume_name": lost, "lost_node": node}]
        rg.set(rebuild=[{"ordinal": 2, "volume_name": lost, "lost_node": nodes.node_of(rg, "rg-1")}])
        assert f"but rg-2 is on node {node}" in rg.must_fail("preview")
        rg.deploy(rebuild=words, rollout_timeout_seconds=None)
        assert nodes.node_of(rg, "rg-2") != node
        assert watch.nodes("rg-2") == [nodes.node_of(rg, "rg-2")]
        volumes = {name: str(claim.spec.volumeName) for name, claim in rg.claims().items()}
        assert {name for name, volume in volumes.items() if volume != before[name]} == {"logs-rg-2"}
        nodes.heal()
        rg.unchanged()


@pytest.mark.long
def test_three_nodes_leave_nothing_behind() -> None:
    """`make cluster-down` with a node cut off: the machine is as it was."""
    nodes.act("cut-off", "real-node-b")
    local("cluster-down")
    first = traces()
    own = re.compile(r"pulumi-stateful-service|stateful0|kube-proxy|containerd|10\.244\.|^veth")
    left = {what: [each for each in found if own.search(each)] for what, found in first.items() if what != "folders"}
    assert not any(left.values()), left
    nodes.heal()
    local("cluster-down")
    assert traces() == first
    nodes.heal()
