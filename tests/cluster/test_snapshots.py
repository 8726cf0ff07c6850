"""VolumeSnapshots before a change, on the embedded cluster's CSI driver."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import CHAPTER, PATIENCE, Service, eventually, local
from lightkube import Client
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.core_v1 import PersistentVolume
from test_rights import PROVIDER_RULES, documented_rules, limit, rules_of

from local import csi_faults

Make = Callable[..., Service]

VolumeSnapshot = create_namespaced_resource("snapshot.storage.k8s.io", "v1", "VolumeSnapshot", "volumesnapshots")
"""As the API has it."""
VolumeGroupSnapshot = create_namespaced_resource(
    "groupsnapshot.storage.k8s.io", "v1", "VolumeGroupSnapshot", "volumegroupsnapshots"
)
"""Of several volumes at one moment."""

ON_CSI: dict[str, Any] = {
    "volumes": [{**CHAPTER["volumes"][0], "storage_class_name": "csi"}],
    "snapshots": {"class_name": "csi", "keep": 2},
    "pod_management_policy": "Parallel",
}


def snapshots(rg: Service) -> dict[str, Any]:
    """The live VolumeSnapshots by name."""
    found: Any = rg.client.list(VolumeSnapshot, namespace=rg.namespace)
    return {str(each.metadata.name): each for each in found}


def of_claim(rg: Service, claim: str) -> list[str]:
    """The names of the snapshots of a claim, in the order of time."""
    found = {
        name: each for name, each in snapshots(rg).items() if each.spec["source"]["persistentVolumeClaimName"] == claim
    }
    return sorted(found, key=lambda name: (str(found[name].metadata.creationTimestamp), name))


@contextmanager
def fault(rg: Service, call: str, **how: Any) -> Iterator[None]:
    """A call to the driver goes wrong for the volumes of this test."""
    file = csi_faults.add(call, namespace=rg.namespace, **how)
    try:
        yield
    finally:
        csi_faults.end([file])


def test_p05_snapshots_are_made_before_a_rollout_and_hold_its_moment(service: Make) -> None:
    """Ready before a Pod is replaced, named in the output; a claim made from one has that moment's bytes, no more."""
    rg = service(**ON_CSI)
    rg.up()
    assert rg.outputs()["snapshots"] == {}
    pods, written = rg.uids(), rg.write("rg-1", 3)
    rg.set(image="random-generator:2.0")
    said = rg.must("preview")
    assert "before this change (Rollout) VolumeSnapshots are made of logs-rg-0, logs-rg-1, of class csi" in said
    assert snapshots(rg) == {}
    said = rg.up()
    made = snapshots(rg)
    assert {each.spec["source"]["persistentVolumeClaimName"] for each in made.values()} == {"logs-rg-0", "logs-rg-1"}
    assert all(each.status["readyToUse"] for each in made.values())
    assert all(name in said for name in made)
    assert rg.outputs()["snapshots"] == {
        each.spec["source"]["persistentVolumeClaimName"]: name for name, each in made.items()
    }
    started = {name: pod.metadata.creationTimestamp for name, pod in rg.pods().items()}
    assert rg.uids().keys() == pods.keys()
    assert not set(rg.uids().values()) & set(pods.values())
    assert all(each.metadata.creationTimestamp <= min(started.values()) for each in made.values())
    rg.unchanged()
    assert snapshots(rg).keys() == made.keys()
    assert len(rg.write("rg-1", 2)) == len(written) + 2
    source = {"kind": "VolumeSnapshot", "name": of_claim(rg, "logs-rg-1")[0], "api_group": "snapshot.storage.k8s.io"}
    rg.deploy(replicas=3, restore=[{"ordinal": 2, "data_source": source}])
    assert rg.log("rg-2") == written
    assert snapshots(rg).keys() == made.keys()
    # What is removed is snapshotted first; older ones of its claim would go, and those of others stay.
    said = rg.deploy(replicas=2)
    assert "before this change (ScaleDown) VolumeSnapshots are made of logs-rg-2, of class csi" in said
    assert len(of_claim(rg, "logs-rg-2")) == 1
    assert made.keys() < snapshots(rg).keys()


def test_p05_a_snapshot_that_fails_keeps_the_change_from_beginning(service: Make) -> None:
    """No Pod and no claim is touched; the next `up` makes it again, and none is left over. Older ones are pruned."""
    rg = service(**ON_CSI, replicas=1)
    rg.up()
    pods = rg.uids()
    rg.set(image="random-generator:2.0")
    with fault(rg, "CreateSnapshot", code="INTERNAL", message="the back end is full"):
        said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "the volumes were not snapshotted before this change: logs-rg-0: VolumeSnapshot logs-rg-0-" in said
    assert "the back end is full" in said
    assert rg.uids() == pods
    assert rg.pods()["rg-0"].spec.containers[0].image == "random-generator:1.0"
    assert rg.stateful_set().spec.template.spec.containers[0].image == "random-generator:1.0"
    rg.up()
    assert rg.uids() != pods
    # The failed one goes when the snapshot controller is done with it.
    eventually("one is left", lambda: len(of_claim(rg, "logs-rg-0")) == 1)
    [first] = of_claim(rg, "logs-rg-0")
    rg.deploy(env={**CHAPTER["env"], "A": "1"})
    second = of_claim(rg, "logs-rg-0")[1]
    rg.set(env={**CHAPTER["env"], "A": "2"})
    assert f"VolumeSnapshots are deleted when the new ones are ready (keep: 2): {first}" in rg.must("preview")
    rg.up()
    eventually("the oldest is gone", lambda: first not in snapshots(rg))
    left = of_claim(rg, "logs-rg-0")
    assert len(left) == 2
    assert left[0] == second
    rg.set(snapshots={"class_name": "none-of-this-name"}, env={**CHAPTER["env"], "A": "3"})
    said = rg.must_fail("preview")
    assert "the cluster has no VolumeSnapshotClass 'none-of-this-name' (snapshots.class_name); it has csi" in said


PING = ["/random-generator", "get", "http://localhost:8080/"]
"""Writes a line to the instance's log: what is in a snapshot, and what is not."""
QUIESCE = {"command": PING, "resume": PING, "timeout_seconds": 20}


def test_p05_an_up_that_is_killed_while_it_makes_snapshots_is_continued(service: Make) -> None:
    """With the snapshots that it has made; and an instance that it has left quiesced is resumed first."""
    rg = service(**{**ON_CSI, "snapshots": {"class_name": "csi", "quiesce": QUIESCE}}, replicas=1)
    rg.up()
    before = len(rg.log("rg-0"))
    rg.set(image="random-generator:2.0")
    with fault(rg, "CreateSnapshot", hang_seconds=8, times=1):
        rg.kill_up_when("a snapshot is asked for", lambda: snapshots(rg))
    assert len(rg.log("rg-0")) == before + 1
    note = "pulumi-stateful-service/quiesced"
    assert note in rg.claims()["logs-rg-0"].metadata.annotations
    made = of_claim(rg, "logs-rg-0")
    said = rg.must("preview")
    assert "rg-0 is quiesced since" in said
    assert "it is resumed first" in said
    assert f"VolumeSnapshots of a pulumi up that was interrupted are used again: {made[0]}" in said
    assert len(rg.log("rg-0")) == before + 1
    said = rg.up()
    assert "rg-0 is resumed" in said
    assert of_claim(rg, "logs-rg-0") == made
    assert note not in (rg.claims()["logs-rg-0"].metadata.annotations or {})
    assert len(rg.log("rg-0")) == before + 2
    rg.unchanged()


def test_p05_an_instance_is_rolled_back_with_its_data(service: Make, client: Client) -> None:
    """It is stopped, and its volume kept; the other keeps running; an `up` that is killed in between is continued.

    By the word that chooses the snapshot before the last rollout.
    """
    rg = service(**{**ON_CSI, "snapshots": {"class_name": "csi"}})
    rg.up()
    written = rg.write("rg-1", 3)
    rg.deploy(image="random-generator:2.0")
    rg.write("rg-1", 2)
    other, kept = rg.uids()["rg-0"], str(rg.claims()["logs-rg-1"].spec.volumeName)
    name = rg.outputs()["snapshots"]["logs-rg-1"]
    rg.set(restore=[{"ordinal": 1, "snapshot": "none-of-this-name"}])
    assert "logs-rg-1 cannot be restored from VolumeSnapshot 'none-of-this-name': it does not exist" in rg.must_fail(
        "preview"
    )
    rg.set(restore=[{"ordinal": 1, "snapshot": "BeforeLastRollout"}])
    said = rg.must("preview")
    assert f"logs-rg-1 is replaced by one from VolumeSnapshot {name}, and its instance is stopped for it" in said
    assert f"its volume {kept} is kept" in said
    before = rg.uids()
    try:
        # The StatefulSet's controller makes its Pod again at once, which then waits for its claim.
        rg.kill_up_when("the instance is stopped", lambda: rg.uids().get("rg-1") != before["rg-1"])
        rg.up()
        assert rg.log("rg-1") == written
        assert rg.uids()["rg-0"] == other == before["rg-0"]
        volume: Any = client.get(PersistentVolume, kept)
        assert volume.spec.persistentVolumeReclaimPolicy == "Retain"
        assert rg.claims()["logs-rg-1"].spec.volumeName != kept
        rg.unchanged()
        rg.write("rg-1", 1)
        rg.deploy(restore=None)
        assert len(rg.log("rg-1")) == len(written) + 1
    finally:
        client.delete(PersistentVolume, kept)


@pytest.mark.long
def test_p05_all_instances_are_rolled_back_once(service: Make, client: Client) -> None:
    """To before the last rollout; a rollout after it, with the word still in the program, leaves the data alone."""
    rg = service(**ON_CSI)
    rg.up()
    written, volumes = {name: rg.write(name, 3) for name in ("rg-0", "rg-1")}, set()
    rg.deploy(image="random-generator:2.0")
    rg.write("rg-1", 2)
    try:
        volumes |= {str(claim.spec.volumeName) for claim in rg.claims().values()}
        rg.deploy(image="random-generator:1.0", restore=[{"snapshot": "BeforeLastRollout"}])
        assert {name: rg.log(name) for name in written} == written
        rg.unchanged()
        more = rg.write("rg-1", 1)
        rg.deploy(env={**CHAPTER["env"], "A": "1"})
        assert rg.log("rg-1") == more
        rg.deploy(restore=None)
        assert rg.log("rg-1") == more
        rg.write("rg-1", 1)
        volumes |= {str(claim.spec.volumeName) for claim in rg.claims().values()}
        rg.deploy(restore=[{"snapshot": "BeforeLastRollout", "ordinal": 1}])
        assert rg.log("rg-1") == more
        volumes -= {str(claim.spec.volumeName) for claim in rg.claims().values()}
    finally:
        for each in volumes:
            client.delete(PersistentVolume, each)


@pytest.mark.long
def test_p05_an_up_that_is_interrupted_resumes_the_instance(service: Make) -> None:
    """By Ctrl-C, once: the engine waits for it, and the change is not begun; the next `up` uses the snapshot."""
    rg = service(**{**ON_CSI, "snapshots": {"class_name": "csi", "quiesce": QUIESCE}}, replicas=1)
    rg.up()
    before, pods = len(rg.log("rg-0")), rg.uids()
    rg.set(image="random-generator:2.0")
    with fault(rg, "CreateSnapshot", hang_seconds=8, times=1):
        running = rg.start_up()
        eventually("a snapshot is asked for", lambda: snapshots(rg))
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(PATIENCE) != 0
    assert len(rg.log("rg-0")) == before + 2
    assert "pulumi-stateful-service/quiesced" not in rg.claims()["logs-rg-0"].metadata.annotations
    assert rg.uids() == pods
    made = of_claim(rg, "logs-rg-0")
    rg.up()
    assert of_claim(rg, "logs-rg-0") == made
    assert rg.uids() != pods


@pytest.mark.long
def test_the_documented_rights_of_snapshots_suffice(service: Make, tmp_path: Path) -> None:
    """With `quiesce`, and without a cluster-wide right; without the right the preview names it."""
    rg = service(**{**ON_CSI, "snapshots": {"class_name": "csi", "keep": 1, "quiesce": QUIESCE}}, replicas=1)
    everything = rg.env
    limit(rg, [*PROVIDER_RULES, *documented_rules()], tmp_path)
    rg.up()
    rg.set(image="random-generator:2.0")
    said = rg.must_fail("preview")
    assert "VolumeSnapshots of logs-rg-0 cannot be made before it: no right to list volumesnapshots" in said
    rg.env = everything
    limit(rg, [*PROVIDER_RULES, *documented_rules(), *rules_of("snapshots", "snapshots.quiesce")], tmp_path)
    rg.up()
    rg.deploy(image="random-generator:1.0")
    assert len(of_claim(rg, "logs-rg-0")) == 1
    rg.env = everything


COUNT = """\
n=$(busybox wc -l < /b/count 2>/dev/null || echo 0)
while :; do n=$((n + 1)); echo $n >> /a/count; echo $n >> /b/count; busybox sleep 0.005; done & wait
"""
"""Writes the same numbers to two volumes, one after another."""


def counted(rg: Service, pod: str) -> tuple[int, int]:
    """How far each of both volumes is."""
    a, b = (int(rg.kubectl("exec", pod, "--", "busybox", "tail", "-n", "1", f"/{each}/count")) for each in "ab")
    return a, b


def groups(rg: Service) -> list[str]:
    """The names of the live VolumeGroupSnapshots."""
    found: Any = rg.client.list(VolumeGroupSnapshot, namespace=rg.namespace)
    return [str(each.metadata.name) for each in found]


@pytest.mark.long
def test_p05_the_volumes_of_an_instance_are_snapshotted_and_restored_at_one_moment(
    service: Make, client: Client
) -> None:
    """A writer that counts on both never disagrees after a restore. Older groups go, whole; others stay."""
    rg = service(
        image="etcd:3.7.3",
        command=["sh", "-c", COUNT],
        env={},
        ports={},
        replicas=1,
        readiness_probe=None,
        termination_grace_period_seconds=1,
        volumes=[
            {"name": each, "mount_path": f"/{each}", "size": "10Mi", "storage_class_name": "csi"} for each in "ab"
        ],
        snapshots={"group_class_name": "none-of-this-name", "keep": 1},
    )
    local("load-image", "etcd")
    rg.up()
    rg.set(env={"A": "1"})
    assert "no VolumeGroupSnapshotClass 'none-of-this-name' (snapshots.group_class_name); it has csi" in rg.must_fail(
        "preview"
    )
    rg.set(snapshots={"group_class_name": "csi", "keep": 1})
    said = rg.must("preview")
    assert "made of a-rg-0, b-rg-0, those of each instance at one moment, by a VolumeGroupSnapshot of class csi" in said
    assert groups(rg) == []
    rg.up()
    [first] = groups(rg)
    rg.deploy(env={"A": "2"})
    eventually("the older group is gone", lambda: len(snapshots(rg)) == 2)
    [group] = groups(rg)
    assert group != first
    assert set(rg.outputs()["snapshots"].values()) == set(snapshots(rg))
    rg.unchanged()
    volumes = {str(claim.spec.volumeName) for claim in rg.claims().values()}
    try:
        rg.deploy(env={"A": "1"}, command=["busybox", "sleep", "3600"], restore=[{"snapshot": "BeforeLastRollout"}])
        a, b = counted(rg, "rg-0")
        assert a - b in {0, 1}
        assert b > 0
    finally:
        for each in volumes:
            client.delete(PersistentVolume, each)
