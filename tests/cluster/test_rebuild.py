"""P05: an instance whose volume, data or node is lost starts again with an empty volume, once, and as a new member."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from harness import SOON, Service, eventually
from lightkube import ApiError, Client
from lightkube.models.core_v1 import NodeSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Node, PersistentVolume
from test_members import SHELL, members, noted

Make = Callable[..., Service]

COMMANDS = {name: {**noted(name), "timeout_seconds": 30} for name in ("add", "join", "leave", "remove")}
THREE: dict[str, Any] = {
    **SHELL,
    "replicas": 3,
    "quorum": True,
    "pod_management_policy": "Parallel",
    "termination_grace_period_seconds": 1,
}


@pytest.fixture
def made(service: Make, client: Client) -> Iterator[Make]:
    """Services whose volumes, also those that are given up, are deleted at the end."""
    services: list[Service] = []

    def make(**changes: Any) -> Service:
        services.append(service(**{**THREE, "members": COMMANDS, **changes}))
        return services[-1]

    yield make
    for rg in services:
        rg.run("destroy", "--yes", "--skip-preview")
        for name in volumes(rg):
            with suppress(ApiError):
                client.patch(PersistentVolume, name, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})


@pytest.fixture
def lost_node(client: Client, namespace: str) -> Iterator[str]:
    """A node on which nothing runs, and which does not answer."""
    name = f"lost-{namespace}"
    labels = {"type": "kwok", "kubernetes.io/hostname": name}
    client.create(Node(metadata=ObjectMeta(name=name, labels=labels), spec=NodeSpec(unschedulable=True)))
    yield name
    client.delete(Node, name)


def volumes(rg: Service) -> dict[str, Any]:
    """The volumes that were made for claims of the namespace, by name."""
    found: list[Any] = list(rg.client.list(PersistentVolume))
    return {
        str(volume.metadata.name): volume
        for volume in found
        if volume.spec.claimRef and volume.spec.claimRef.namespace == rg.namespace
    }


def volume_of(rg: Service, ordinal: int, name: str = "logs") -> str:
    """The volume of an instance."""
    return str(rg.claims()[f"{name}-rg-{ordinal}"].spec.volumeName)


def delete_volume(service: Service, claim: str) -> str:
    """Deletes the volume of a claim, as if its disk had never been, and returns its name."""
    volume = str(service.claims()[claim].spec.volumeName)
    service.kubectl("delete", "persistentvolume", volume, "--wait=false")
    service.kubectl("patch", "persistentvolume", volume, "--type=merge", '--patch={"metadata": {"finalizers": null}}')
    eventually("the claim is lost", lambda: service.claims()[claim].status.phase == "Lost")
    return volume


def lose_volume(rg: Service, ordinal: int) -> str:
    """Deletes the volume of an instance and its Pod, which cannot start again.

    An ordered controller does not even create another Pod, while one before it is not ready.
    """
    pod = f"rg-{ordinal}"
    volume = delete_volume(rg, f"logs-{pod}")
    rg.kubectl("delete", "pod", pod, "--wait=false")
    is_first = all(rg.is_ready(f"rg-{each}") for each in range(ordinal))
    is_parallel = rg.args["pod_management_policy"] == "Parallel"
    waits = is_pending if is_parallel or is_first else lambda rg, pod: rg.pod(pod) is None
    eventually("it cannot start again", lambda: waits(rg, pod))
    return volume


def is_pending(rg: Service, name: str) -> bool:
    """Whether a Pod has no node."""
    pod = rg.pod(name)
    return pod is not None and not pod.spec.nodeName and pod.metadata.deletionTimestamp is None


def line(said: str) -> list[dict[str, Any]]:
    """What the most precise message says to write."""
    return list(json.loads(max(re.findall(r"rebuild=(\[\{.*?\}\])", said), key=len)))


def test_p05_a_lost_disk_and_a_broken_instance_start_again_empty(made: Make, lost_node: str) -> None:
    """The message says what to write; only that instance restarts, leaves and joins, and once; the volume is kept."""
    rg = made()
    rg.up()
    pods, lost = rg.uids(), lose_volume(rg, 2)
    # Its Pod is on a node that does not answer, and can never end there.
    body = {"target": {"kind": "Node", "name": lost_node}, "metadata": {"name": "rg-2"}, "apiVersion": "v1"}
    path = f"/api/v1/namespaces/{rg.namespace}/pods/rg-2/binding"
    rg.kubectl("create", f"--raw={path}", "--filename=-", text=json.dumps({**body, "kind": "Binding"}))
    rg.kubectl("delete", "pod", "rg-2", "--wait=false")
    said = rg.must("preview")
    assert "PersistentVolumeClaim logs-rg-2 is Lost: its volume does not exist" in said
    assert line(said) == [{"ordinal": 2, "volume_name": lost}]

    rg.set(rebuild=[{"ordinal": 2, "volume_name": "another"}])
    refused = rg.must_fail("preview")
    assert "rebuild names the volume another of rg-2, but PersistentVolumeClaim logs-rg-2 has the volume" in refused
    rg.set(rebuild=line(refused))
    refused = rg.must_fail("up", "--yes", "--skip-preview")
    assert f"rg-2 is on node {lost_node}, which does not answer" in refused
    words = line(refused)
    assert words == [{"ordinal": 2, "volume_name": lost, "lost_node": lost_node}]

    rg.set(rebuild=words)
    preview = rg.must("preview")
    assert "rg-2: rebuilt: leaves, gets an empty volume, and joins" in preview
    assert f"rg-2: deleted without waiting until node {lost_node} has ended it (lost_node)" in preview
    assert f"logs-rg-2: deleted, and created again without data; its volume {lost} is kept (rebuild)" in preview
    rg.up()
    assert members(rg) == ["remove rg-2", "add rg-2", "join rg-2"]
    assert volume_of(rg, 2) != lost
    assert {name for name, uid in rg.uids().items() if uid != pods[name]} == {"rg-2"}
    rg.unchanged()

    # One that is up is asked to leave, and its volume stays. The word for the other one can stay in the program.
    pods, broken = rg.uids(), volume_of(rg, 1)
    rg.set(rebuild=[*words, {"ordinal": 1, "volume_name": broken}])
    rg.up()
    assert members(rg) == ["leave rg-1", "add rg-1", "join rg-1"]
    assert {name for name, uid in rg.uids().items() if uid != pods[name]} == {"rg-1"}
    kept = volumes(rg)[broken]
    assert (kept.spec.persistentVolumeReclaimPolicy, kept.status.phase) == ("Retain", "Released")
    rg.unchanged()
    rg.deploy(rebuild=None)
    assert members_stay(rg)


def members_stay(rg: Service) -> bool:
    """Whether no command has run since the last look."""
    return "No such file" in rg.kubectl("exec", "rg-0", "--", "sh", "-c", "busybox ls /opt/logs/members 2>&1 || true")


def noted_rejoining(rg: Service) -> bool:
    """Whether it is noted that an instance has to join again."""
    live = json.loads(rg.kubectl("get", "service", "random-generator", "--output=json"))
    return "pulumi-stateful-service/rejoining" in (live["metadata"].get("annotations") or {})


@pytest.mark.long
def test_p05_a_rebuild_is_continued_wherever_it_was_killed(made: Make) -> None:
    """Killed when it begins, when the claim goes, when the Pod is new, when it is ready: the end is the same."""
    rg = made()
    rg.up()
    moments: dict[str, Callable[[str, str], object]] = {
        "the instance leaves": lambda _, __: noted_rejoining(rg),
        "its claim goes": lambda claim, _: _is_going(rg, claim),
        "its Pod is new": lambda _, pod: rg.uids().get("rg-2", pod) != pod,
        "it is ready": lambda _, pod: rg.uids().get("rg-2", pod) != pod and rg.is_ready("rg-2"),
    }
    for what, condition in moments.items():
        lost, uids, claim = lose_volume(rg, 2), rg.uids(), str(rg.claims()["logs-rg-2"].metadata.uid)
        rg.set(rebuild=[{"ordinal": 2, "volume_name": lost}])
        rg.kill_up_when(what, partial(condition, claim, uids["rg-2"]))
        rg.up()
        done = members(rg)
        # A command may run again, and each in its turn.
        assert list(dict.fromkeys(done)) == ["remove rg-2", "add rg-2", "join rg-2"], what
        assert done[-1] == "join rg-2", what
        assert volume_of(rg, 2) != lost
        assert {name: uid for name, uid in rg.uids().items() if name != "rg-2"} == {
            name: uid for name, uid in uids.items() if name != "rg-2"
        }
        assert not noted_rejoining(rg)
        rg.unchanged()


def _is_going(rg: Service, uid: str) -> bool:
    claim = rg.claims().get("logs-rg-2")
    return claim is None or claim.metadata.uid != uid or claim.metadata.deletionTimestamp is not None


@pytest.mark.long
def test_p05_too_few_others_are_never_made_fewer(made: Make) -> None:
    """Three of five lost: refused; where two are said to be enough, the three are rebuilt in the controller's order."""
    rg = made(members=None, pod_management_policy="OrderedReady", replicas=5)
    rg.up()
    lost = {ordinal: lose_volume(rg, ordinal) for ordinal in (1, 3, 4)}
    words = [{"ordinal": ordinal, "volume_name": volume} for ordinal, volume in lost.items()]
    rg.set(rebuild=words, env={**rg.args["env"], "CHANGED": "1"})
    assert "rg-1, rg-3, rg-4 cannot be rebuilt while the Pod template changes (env)" in rg.must_fail("preview")
    rg.set(env={key: value for key, value in rg.args["env"].items() if key != "CHANGED"})
    refused = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-1 cannot be rebuilt: of the other instances rg-0, rg-2 are ready, and 3 must be" in refused
    assert {ordinal: volume_of(rg, ordinal) for ordinal in lost} == lost
    kept = rg.uids()
    rg.set(quorum=None, min_available=2)
    assert "rg-1, rg-3, rg-4: rebuilt with an empty volume, one after another" in rg.must("preview")
    rg.up()
    assert not {volume_of(rg, ordinal) for ordinal in lost} & {*lost.values()}
    assert {rg.uids()[name] == kept[name] for name in ("rg-0", "rg-2")} == {True}
    rg.unchanged()


@pytest.mark.long
def test_p05_an_instance_of_a_group_is_rebuilt(made: Make) -> None:
    """The members of all groups count, and a peer of another group removes it."""
    groups: dict[str, Any] = {"a": {}, "b": {}, "c": {}}
    rg = made(replicas=None, groups=groups)
    rg.up()
    pods, claim = rg.uids(), "logs-rg-b-0"
    lost = str(rg.claims()[claim].spec.volumeName)
    rg.set(groups={**groups, "b": {"rebuild": [{"ordinal": 0, "volume_name": lost}]}})
    assert "rg-b-0: rebuilt: leaves, gets an empty volume, and joins" in rg.must("preview")
    rg.up()
    assert rg.claims()[claim].spec.volumeName != lost
    assert {name for name, uid in rg.uids().items() if uid != pods[name]} == {"rg-b-0"}
    rg.unchanged()


@pytest.mark.long
def test_p05_one_volume_of_two_is_replaced(made: Make) -> None:
    """The other one keeps its data, and a rollout that waits says what to write."""
    sizes = {"size": "10Mi"}
    both = [{"name": "logs", "mount_path": "/opt/logs", **sizes}, {"name": "wal", "mount_path": "/opt/wal", **sizes}]
    rg = made(volumes=both, members=None)
    rg.up()
    lost, kept = lose_volume(rg, 1), volume_of(rg, 1, "wal")
    rg.set(rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert line(said) == [{"ordinal": 1, "volume": "logs", "volume_name": lost}]
    rg.deploy(rebuild=line(said), rollout_timeout_seconds=None)
    assert volume_of(rg, 1) != lost
    assert volume_of(rg, 1, "wal") == kept
    rg.unchanged()
