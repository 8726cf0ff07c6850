"""P05, P06: what is promised of disks, on a real CSI driver behind the upstream side-cars (class ``csi``).

Where a call is to fail or hang, the driver is told so for the test's own namespace.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness import CHAPTER, PATIENCE, SOON, Service, eventually, local
from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import PersistentVolume, PersistentVolumeClaim
from lightkube.resources.storage_v1 import CSINode, VolumeAttributesClass

Make = Callable[..., Service]

DRIVER = "disks.csi.stateful-service.local"
LOGS = CHAPTER["volumes"][0]
_SNAPSHOTS = "snapshot.storage.k8s.io"


def sized(size: str, **more: Any) -> list[dict[str, Any]]:
    return [{**LOGS, "size": size, "storage_class_name": "csi", **more}]


def capacities(rg: Service) -> set[str]:
    return {str(claim.status.capacity["storage"]) for claim in rg.claims().values()}


def snapshot(rg: Service, name: str, claim: str) -> dict[str, str]:
    """Takes a snapshot of a claim, and returns it as a source."""
    spec = {"volumeSnapshotClassName": "csi", "source": {"persistentVolumeClaimName": claim}}
    made = {"apiVersion": f"{_SNAPSHOTS}/v1", "kind": "VolumeSnapshot", "metadata": {"name": name}, "spec": spec}
    rg.kubectl("apply", "--filename=-", text=json.dumps(made))
    rg.kubectl(
        "wait", "--for=jsonpath={.status.readyToUse}=true", f"volumesnapshot/{name}", f"--timeout={PATIENCE:.0f}s"
    )
    return {"api_group": _SNAPSHOTS, "kind": "VolumeSnapshot", "name": name}


def checksum(rg: Service, pod: str, lines: int) -> str:
    """The digest of the first lines that an instance has written."""
    return hashlib.sha256("\n".join(rg.log(pod)[:lines]).encode()).hexdigest()


@contextlib.contextmanager
def fault(rg: Service, call: str, **fault: object) -> Iterator[None]:
    """Has a call of the driver go wrong for the volumes of the service."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in fault.items()]
    file = local("disk-fault", call, f"--namespace={rg.namespace}", *options).strip()
    try:
        yield
    finally:
        local("end-disk-faults", file)


@pytest.fixture
def too_fast(client: Client, namespace: str) -> Iterator[str]:
    """A VolumeAttributesClass that asks for more than the driver has."""
    name = f"too-fast-{namespace}"
    made = VolumeAttributesClass(metadata=ObjectMeta(name=name), driverName=DRIVER, parameters={"iops": "999999"})
    client.create(made)
    yield name
    client.delete(VolumeAttributesClass, name)


def test_p05_a_driver_expands_and_modifies_volumes_in_use(service: Make, too_fast: str) -> None:
    """Size and VolumeAttributesClass change under running Pods; what the driver refuses ends the up with its words."""
    rg = service(volumes=sized("10Mi"), restart_to_grow=True)
    rg.up()
    pods, written = rg.uids(), rg.write("rg-0", 3)
    rg.deploy(volumes=sized("20Mi", volume_attributes_class_name="csi-slow"))
    assert capacities(rg) == {"20Mi"}
    assert {str(claim.status.currentVolumeAttributesClassName) for claim in rg.claims().values()} == {"csi-slow"}
    assert rg.uids() == pods
    rg.unchanged()

    rg.set(volumes=sized("20Mi", volume_attributes_class_name=too_fast))
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert f"cannot change the VolumeAttributesClass to '{too_fast}' (Infeasible" in said
    assert 'iops is "999999"; it must be from 100 to 16000' in " ".join(said.split())
    rg.deploy(volumes=sized("20Mi", volume_attributes_class_name="csi-fast"))
    rg.unchanged()

    rg.set(volumes=sized("100Ti", volume_attributes_class_name="csi-fast"))
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "the storage driver cannot expand the volume (ControllerResizeInfeasible" in said
    assert "a volume can have 17592186044416 bytes" in said
    rg.deploy(volumes=sized("20Mi", volume_attributes_class_name="csi-fast"))
    assert capacities(rg) == {"20Mi"}
    assert rg.uids() == pods
    assert rg.log("rg-0")[: len(written)] == written
    rg.deploy(replicas=3)
    assert str(rg.claims()["logs-rg-2"].status.currentVolumeAttributesClassName) == "csi-fast"
    rg.unchanged()


def test_p06_instances_start_with_the_data_of_a_snapshot_a_claim_and_a_volume(service: Make, client: Client) -> None:
    """Byte for byte: of the snapshot's moment, of the claim's as it is, and of a volume that was kept."""
    rg = service(volumes=sized("10Mi"))
    rg.up()
    for pod in ("rg-0", "rg-1"):
        rg.write(pod, 50)
    moment = checksum(rg, "rg-0", 50)
    taken = snapshot(rg, "before", "logs-rg-0")
    rg.write("rg-0", 5)
    copied = checksum(rg, "rg-1", 50)
    sources = [
        {"ordinal": 2, "data_source": taken},
        {"ordinal": 3, "data_source": {"kind": "PersistentVolumeClaim", "name": "logs-rg-1"}},
    ]
    rg.set(replicas=4, restore=sources)
    assert "PersistentVolumeClaim logs-rg-2 is created from" in rg.must("preview")
    rg.up()
    assert (checksum(rg, "rg-2", 50), len(rg.log("rg-2"))) == (moment, 50)
    assert (checksum(rg, "rg-3", 50), len(rg.log("rg-3"))) == (copied, 50)
    assert len(rg.log("rg-0")) == 55
    rg.unchanged()

    # The last one's volume outlives its claim, and comes back under another.
    kept = str(rg.claims()["logs-rg-3"].spec.volumeName)
    client.patch(PersistentVolume, kept, {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    rg.deploy(replicas=3)
    client.delete(PersistentVolumeClaim, "logs-rg-3", namespace=rg.namespace)
    eventually("the claim is gone", lambda: "logs-rg-3" not in rg.claims())
    client.patch(PersistentVolume, kept, {"spec": {"claimRef": None}})
    rg.deploy(replicas=4, restore=[sources[0], {"ordinal": 3, "volume_name": kept}])
    # Not earlier: until it is bound again, the controllers may still take it for one that was released.
    client.patch(PersistentVolume, kept, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})
    assert rg.claims()["logs-rg-3"].spec.volumeName == kept
    assert checksum(rg, "rg-3", 50) == copied
    rg.unchanged()


@pytest.mark.long
def test_p06_new_instances_start_with_the_data_source_of_their_volume(service: Make) -> None:
    """Each new claim is a copy of the same snapshot; existing instances keep their data."""
    first = service(volumes=sized("10Mi"), replicas=1)
    first.up()
    first.write("rg-0", 20)
    moment = checksum(first, "rg-0", 20)
    taken = snapshot(first, "seed", "logs-rg-0")
    first.set(volumes=sized("10Mi", data_source=taken), recreate_keeping_pods=True)
    first.up()
    first.deploy(replicas=3, recreate_keeping_pods=None)
    assert {checksum(first, pod, 20) for pod in ("rg-1", "rg-2")} == {moment}
    assert first.outputs()["outdated_claims"] == ["logs-rg-0"]
    first.unchanged()


@pytest.mark.long
def test_p06_a_source_that_is_not_there_is_named(service: Make) -> None:
    """The up ends at its timeout with what the cluster says; with the snapshot there, the next one goes on."""
    rg = service(volumes=sized("10Mi"), replicas=2)
    rg.up()
    written = rg.write("rg-0", 3)
    source = {"api_group": _SNAPSHOTS, "kind": "VolumeSnapshot", "name": "late"}
    rg.set(replicas=3, restore=[{"ordinal": 2, "data_source": source}], rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "late" in said
    snapshot(rg, "late", "logs-rg-0")
    rg.deploy(rollout_timeout_seconds=None)
    assert rg.log("rg-2")[: len(written)] == written
    rg.unchanged()


@pytest.mark.long
def test_p05_a_driver_that_fails_or_hangs_is_told_and_the_next_up_continues(service: Make) -> None:
    """Its words where it answers, what is waited for where it does not; nothing restarts, and no size is lost."""
    rg = service(volumes=sized("10Mi"), growth_timeout_seconds=8)
    rg.up()
    pods = rg.uids()
    rg.set(volumes=sized("20Mi"))
    with fault(rg, "ControllerExpandVolume", code="UNAVAILABLE", message="the array is being rebooted"):
        said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "not changed within growth_timeout_seconds (8)" in said
    assert "the array is being rebooted" in said
    rg.deploy(growth_timeout_seconds=120)
    assert capacities(rg) == {"20Mi"}

    rg.set(volumes=sized("30Mi"), growth_timeout_seconds=15)
    with fault(rg, "ControllerExpandVolume", hang_seconds=-1):
        said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "not changed within growth_timeout_seconds (15)" in said
    assert "code = DeadlineExceeded" in said
    rg.deploy(growth_timeout_seconds=120)
    assert capacities(rg) == {"30Mi"}

    with fault(rg, "ControllerExpandVolume", code="OUT_OF_RANGE", message="the quota of the project is used up"):
        rg.set(volumes=sized("40Mi"))
        said = rg.must_fail("up", "--yes", "--skip-preview")
        assert "ControllerResizeInfeasible: " in said
        assert "the quota of the project is used up" in said
        rg.deploy(volumes=sized("30Mi"))
        rg.unchanged()
    rg.deploy(volumes=sized("40Mi"))
    assert capacities(rg) == {"40Mi"}
    assert rg.uids() == pods


@pytest.mark.long
@pytest.mark.parametrize("call", ["CreateVolume", "ControllerPublishVolume", "NodeStageVolume", "NodePublishVolume"])
def test_p06_a_driver_that_gives_no_volume_is_told(service: Make, call: str) -> None:
    """Whatever it fails at, its words are in the error, and the next up goes on."""
    rg = service(volumes=sized("10Mi"), replicas=1, rollout_timeout_seconds=SOON)
    with fault(rg, call, code="RESOURCE_EXHAUSTED", message="the array is full"):
        said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-0" in said
    assert "the array is full" in said
    rg.deploy(rollout_timeout_seconds=None)
    rg.unchanged()


@pytest.mark.long
def test_p05_another_class_with_the_old_volumes_kept(service: Make, client: Client) -> None:
    """recreate_claims on a real driver: one instance at a time, each old volume is kept, detached, with its data."""
    rg = service(volumes=sized("10Mi"))
    rg.up()
    written = rg.write("rg-1", 3)
    before = {name: str(claim.spec.volumeName) for name, claim in rg.claims().items()}
    rg.deploy(volumes=sized("10Mi", storage_class_name="csi-node-bound"), recreate_keeping_pods=True)
    rg.deploy(recreate_keeping_pods=None, recreate_claims={"ordinals": [0, 1]})
    assert {str(claim.spec.storageClassName) for claim in rg.claims().values()} == {"csi-node-bound"}
    try:
        for name in before.values():
            old: Any = client.get(PersistentVolume, name)
            assert (old.spec.persistentVolumeReclaimPolicy, old.status.phase) == ("Retain", "Released")
        rg.unchanged()
        # Its data are what they were: the volume comes back as that of a new instance.
        client.patch(PersistentVolume, before["logs-rg-1"], {"spec": {"claimRef": None}})
        rg.deploy(
            volumes=sized("10Mi"),
            replicas=3,
            recreate_keeping_pods=True,
            recreate_claims=None,
            restore=[{"ordinal": 2, "volume_name": before["logs-rg-1"]}],
        )
        assert rg.log("rg-2")[: len(written)] == written
    finally:
        for name in before.values():
            client.patch(PersistentVolume, name, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})


def test_p06_a_volume_of_one_pod_is_given_to_no_other(service: Make) -> None:
    """ReadWriteOncePod: what else asks for the claim waits; the instance's successor gets it."""
    rg = service(volumes=sized("10Mi", access_modes=["ReadWriteOncePod"]), replicas=1)
    rg.up()
    written = rg.write("rg-0", 2)
    mount = {"name": "logs", "mountPath": "/logs"}
    other = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "other"},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": "random-generator:1.0", "volumeMounts": [mount]}],
            "volumes": [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs-rg-0"}}],
        },
    }
    rg.kubectl("apply", "--filename=-", text=json.dumps(other))
    said = eventually("it is not scheduled", lambda: unscheduled(rg, "other"))
    assert "ReadWriteOncePod" in said
    rg.kubectl("delete", "pod", "other")
    rg.deploy(env={**CHAPTER["env"], "ROUND": "2"})
    assert rg.log("rg-0")[: len(written)] == written
    rg.unchanged()


def unscheduled(rg: Service, pod: str) -> str:
    """Why a Pod has no node."""
    conditions = rg.pods()[pod].status.conditions or []
    return " ".join(str(each.message) for each in conditions if each.type == "PodScheduled" and each.status == "False")


@pytest.mark.long
@pytest.mark.alone
def test_p06_a_node_that_can_have_no_more_volumes_is_told(service: Make, client: Client) -> None:
    """The instance that finds no place is named with the scheduler's words; with place again, the next up goes on."""
    rg = service(volumes=sized("10Mi"), replicas=1)
    rg.up()
    attached = rg.kubectl("get", "volumeattachments", "--output=jsonpath={.items[*].spec.attacher}").split()
    full = attached.count(DRIVER)
    local("limit-disks", "real-node", str(full))
    try:
        eventually("the node says so", lambda: volume_limit(client) == full)
        rg.set(replicas=2, rollout_timeout_seconds=SOON)
        said = rg.must_fail("up", "--yes", "--skip-preview")
    finally:
        local("limit-disks", "real-node", "0")
    assert "max volume count" in said
    eventually("the node has place", lambda: volume_limit(client) > full)
    rg.deploy(rollout_timeout_seconds=None)
    rg.unchanged()


def volume_limit(client: Client) -> int:
    """How many volumes of the driver the node says that it can have."""
    node: Any = client.get(CSINode, "real-node")
    return next(int(each.allocatable.count) for each in node.spec.drivers if each.name == DRIVER)
