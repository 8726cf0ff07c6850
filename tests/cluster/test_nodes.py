"""P04, P05, P11, P14 where nodes fail: three real nodes, which lose power, hang, are cut off, drained and come back."""

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import nodes
import pytest
from harness import (
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

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module", autouse=True)
def three_nodes() -> Iterator[None]:
    """Three real nodes; one again afterwards."""
    local("cluster", "--nodes", "3")
    yield
    local("cluster", "--nodes", "1")


@pytest.fixture
def on_network_disks(service: Make, namespace: str) -> Iterator[Make]:
    """Makes the chapter's service on disks that any node can have, with instances that soon leave a silent node.

    Whatever was done to the nodes is over before it is destroyed.
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
    """Starts a client that writes to all instances until the end of the test."""
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


def replaced(rg: Service, pod: str, before: str) -> None:
    """Waits until another Pod has an instance's name and is ready."""
    eventually(f"{pod} is replaced", lambda: rg.uids().get(pod) not in (None, before) and rg.is_ready(pod), 180)


def is_leaving(rg: Service, pod: str) -> bool:
    """Whether a Pod is to be deleted, and still there."""
    live = rg.pod(pod)
    return live is not None and live.metadata.deletionTimestamp is not None


def test_p11_an_instance_of_a_node_without_power_moves_when_the_node_is_known_to_be_gone(
    on_network_disks: Make, writer: StartWriter, client: Client, namespace: str
) -> None:
    """Not before that: nobody can know that it does not run there. Then it comes back elsewhere with what it wrote."""
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
            replaced(rg, "rg-0", before)
            assert watch.nodes("rg-0") == [nodes.node_of(rg, "rg-0")] != [node]
            writing.wait_for_a_write()
        writing.end()
    assert not writing.lost()


@pytest.mark.long
def test_p11_a_node_that_hangs_keeps_its_instances(
    on_network_disks: Make, writer: StartWriter, client: Client, namespace: str
) -> None:
    """A short hang is no event. A long one is: the instance leaves, but another runs only when the node has let go."""
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
        replaced(rg, "rg-0", before["rg-0"])
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
    """It runs on where nobody reaches it, under a name that no other gets before the node is back and has ended it."""
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
        replaced(rg, "rg-0", before)
        writing.wait_for_a_write()
        writing.end()
    assert not writing.lost()


def test_p14_each_node_is_drained_while_a_version_rolls_out(
    on_network_disks: Make, writer: StartWriter, namespace: str
) -> None:
    """Nodes are emptied one after another, an update goes on, and a majority of the instances is ready throughout."""
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
    """How many were ready when the fewest were."""
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
    """One instance in each zone; without a zone two of three serve on, and the third returns with its zone."""
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
        eventually("rg-1 is ready again", lambda: rg.is_ready("rg-1"), 120)
        writing.end()
    assert nodes.place(rg)["rg-1"] == where["rg-1"]
    assert not writing.lost()


@pytest.fixture
def full_node(client: Client, namespace: str) -> Iterator[str]:
    """A node that has no processor left for another Pod."""
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
    """Strictly spread, the third instance waits for it, and pulumi up says so; otherwise it shares another node."""
    rg = on_network_disks(
        replicas=3,
        spread_over_nodes=spread,
        spread_over_zones="Off",
        resources={"requests": {"cpu": "200m"}},
        rollout_timeout_seconds=10,
    )
    if ready == 3:
        rg.deploy(rollout_timeout_seconds=120)
    else:
        said = rg.must_fail("up", "--yes", "--skip-preview")
        assert "didn't match pod topology spread constraints" in said
    placed = nodes.place(rg)
    assert [pod for pod, node in placed.items() if node == full_node] == ["filler"]
    assert sum(rg.is_ready(f"rg-{number}") for number in range(3)) == ready


def test_p05_a_local_disk_holds_its_instance(service: Make, client: Client) -> None:
    """With a disk that is built into a node an instance cannot move: pulumi up says so, and its node's return helps."""
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
    rg.deploy(rollout_timeout_seconds=120)
    assert len(rg.log("rg-0")) == 3
    assert nodes.node_of(rg, "rg-0") == node


def _is_unschedulable(rg: Service, pod: str) -> bool:
    live = rg.pod(pod)
    return live is not None and condition(live, "PodScheduled") == "False"


def test_p11_a_claim_for_one_pod_is_never_shared(on_network_disks: Make, client: Client, namespace: str) -> None:
    """With ReadWriteOncePod nobody else gets the instance's disk, on whichever node."""
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
    """Instances on different nodes find each other by name and by the Service, and who is not let in stays out."""
    rg = on_network_disks(replicas=3, load_balancer={"port": 80}, network_policy={"clients": []})
    rg.deploy()
    assert len(set(nodes.place(rg).values())) == 3
    everybody = {f"rg-{number}" for number in range(3)}
    for source in everybody:
        for target in everybody:
            answer = rg.get_from(source, f"http://{target}.random-generator.{rg.namespace}.svc.cluster.local:8080/")
            assert f'"instance":"{target}"' in answer
    eventually("the Service leads to all nodes", lambda: _behind_the_service(rg, "rg-0") == everybody)
    rg.kubectl("run", "stranger", "--image=random-generator:1.0", "--image-pull-policy=Never")
    rg.kubectl("wait", "--for=condition=Ready", "pod/stranger")
    with pytest.raises(CommandError):
        rg.get_from("stranger", f"http://{rg.pod('rg-0').status.podIP}:8080/")
    rg.kubectl("delete", "pod", "stranger", "--grace-period=1")


def _behind_the_service(rg: Service, source: str) -> set[str]:
    url = f"http://random-generator-lb.{rg.namespace}.svc.cluster.local/"
    return {str(json.loads(rg.get_from(source, url))["instance"]) for _ in range(10)}


def test_a_part_of_a_node_that_died_is_said_and_comes_back(on_network_disks: Make) -> None:
    """The list of parts says that it does not run; `make cluster` starts it again and nothing else, and no Pod ends."""
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
def test_three_nodes_leave_nothing_behind() -> None:
    """After `make cluster-down` the machine is as it was, a node that was cut off included."""
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
