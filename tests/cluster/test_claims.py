"""P05: what Kubernetes changes on a live claim, and how to recover from a size that cannot be provided.

The embedded cluster's driver neither fails nor knows VolumeAttributesClasses: where a test needs that, it plays the
driver's part on the claims' status.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from faults import witnessed
from harness import CHAPTER, Service, absent_as_none, eventually
from lightkube import Client
from lightkube.models.core_v1 import HostPathVolumeSource, PersistentVolumeSpec, ResourceQuotaSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import PersistentVolume, PersistentVolumeClaim, ResourceQuota
from lightkube.resources.policy_v1 import PodDisruptionBudget
from lightkube.resources.storage_v1 import VolumeAttributesClass

Make = Callable[..., Service]

LOGS = CHAPTER["volumes"][0]
MI = 1024**2


def sized(size: str, **more: Any) -> list[dict[str, Any]]:
    return [{**LOGS, "size": size, **more}]


def requested(rg: Service, claim: str = "logs-rg-0") -> str:
    return str(rg.claims()[claim].spec.resources.requests["storage"])


def status(rg: Service, claim: str, fields: dict[str, Any]) -> None:
    """Sets a claim's status, as a driver does."""
    rg.client.patch(PersistentVolumeClaim.Status, claim, {"status": fields}, namespace=rg.namespace)


@pytest.mark.long
def test_p05_a_growth_that_a_quota_refuses_is_reverted(service: Make, client: Client) -> None:
    """By setting the previous size; nothing restarts, and the next growth that fits succeeds."""
    rg = service()
    with witnessed(rg):
        rg.up()
        pods = rg.uids()
        quota = ResourceQuota(
            metadata=ObjectMeta(name="disks"), spec=ResourceQuotaSpec(hard={"requests.storage": "25Mi"})
        )
        client.create(quota, namespace=rg.namespace)
        rg.set(volumes=sized("20Mi"))
        said = rg.must_fail("up", "--yes", "--skip-preview")
        assert "exceeded quota" in said
        assert "To take the change back, set the earlier value again" in said
        assert {requested(rg, name) for name in rg.claims()} == {"10Mi"}
        rg.deploy(volumes=sized("10Mi"))
        rg.unchanged()
        client.delete(ResourceQuota, "disks", namespace=rg.namespace)
        rg.deploy(volumes=sized("20Mi"))
        assert {requested(rg, name) for name in rg.claims()} == {"20Mi"}
        assert rg.uids() == pods
        assert "size cannot be reduced from 20Mi to 10Mi" in _refused(rg, sized("10Mi"))


def _refused(rg: Service, volumes: list[dict[str, Any]]) -> str:
    rg.set(volumes=volumes)
    said = rg.must_fail("preview")
    rg.set(volumes=sized("20Mi"))
    return said


@pytest.fixture
def idle_driver(service: Make, client: Client, tmp_path: Path) -> Iterator[Service]:
    """A service whose class promises expansion, and whose driver does nothing."""
    name = f"idle-{id(service)}"
    rg = service(
        replicas=1,
        growth_timeout_seconds=4,
        storage_class={"provisioner": "example.org/idle", "name": name, "volume_binding_mode": "Immediate"},
        security={"standard": "baseline", "run_as_user": 0},
    )
    volume = f"idle-{rg.namespace}"
    disk = HostPathVolumeSource(path=str(tmp_path / "disk"), type="DirectoryOrCreate")
    spec = PersistentVolumeSpec(
        accessModes=["ReadWriteOnce"],
        capacity={"storage": "10Mi"},
        storageClassName=name,
        persistentVolumeReclaimPolicy="Retain",
        hostPath=disk,
    )
    client.create(PersistentVolume(metadata=ObjectMeta(name=volume), spec=spec))
    yield rg
    rg.run("destroy", "--yes", "--skip-preview")
    client.delete(PersistentVolume, volume)


@pytest.mark.long
def test_p05_a_size_that_the_driver_cannot_provide_is_reverted(idle_driver: Service) -> None:
    """A typo of 100Ti: up ends at once where the driver reports it as infeasible; the request is lowered."""
    rg = idle_driver
    rg.up()
    pods = rg.uids()
    rg.set(volumes=sized("100Ti"))
    assert "not changed within growth_timeout_seconds (4)" in rg.must_fail("up", "--yes", "--skip-preview")
    assert requested(rg) == "100Ti"
    refused = {"type": "ControllerResizeError", "status": "True", "message": "the pool has 3Ti"}
    resizing = {"allocatedResources": {"storage": "100Ti"}, "allocatedResourceStatuses": _infeasible()}
    status(rg, "logs-rg-0", {**resizing, "conditions": [refused]})
    rg.set(growth_timeout_seconds=3600)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "ControllerResizeInfeasible: the pool has 3Ti" in said

    # Another size that is larger than what there is; the driver carries it out.
    rg.set(volumes=sized("20Mi"))
    preview = rg.must("preview")
    assert "logs-rg-0: the expansion to 100Ti, which was not carried out, is cancelled (requested: 20Mi)" in preview
    with driver(
        rg, {"capacity": {"storage": "20Mi"}, "allocatedResourceStatuses": None}, lambda: requested(rg) == "20Mi"
    ):
        rg.up()
    rg.unchanged()

    # Back to what it has: the API allows no request below it, so the lowest one that it takes is made.
    rg.set(volumes=sized("100Ti"), growth_timeout_seconds=3)
    rg.must_fail("up", "--yes", "--skip-preview")
    rg.deploy(volumes=sized("20Mi"))
    assert requested(rg) == str(20 * MI + 1)
    rg.unchanged()
    assert rg.uids() == pods
    rg.set(volumes=sized("10Mi"))
    assert "size cannot be reduced from 20Mi to 10Mi" in rg.must_fail("preview")


def _infeasible() -> dict[str, str]:
    return {"storage": "ControllerResizeInfeasible"}


@contextmanager
def driver(rg: Service, fields: dict[str, Any], when: Callable[[], bool]) -> Iterator[None]:
    """Writes the status as a driver does, once a condition holds."""

    def act() -> None:
        eventually("the claim asks for it", when)
        status(rg, "logs-rg-0", fields)

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    yield
    thread.join(60)


@pytest.fixture
def classes(client: Client) -> Iterator[tuple[str, str]]:
    """Two VolumeAttributesClasses."""
    names = (f"silver-{id(client)}", f"gold-{id(client)}")
    for name in names:
        made = VolumeAttributesClass(metadata=ObjectMeta(name=name), driverName="example.org/d", parameters={"a": name})
        client.create(made)
    yield names
    for name in names:
        client.delete(VolumeAttributesClass, name)


@pytest.mark.long
def test_p05_the_attributes_class_of_live_claims_changes(idle_driver: Service, classes: tuple[str, str]) -> None:
    """From none to one, to another and back: up waits for each, new instances get it, no Pod restarts."""
    rg, (silver, gold) = idle_driver, classes
    rg.up()
    pods = rg.uids()

    def asks_for(name: str) -> bool:
        return bool(rg.claims()["logs-rg-0"].spec.volumeAttributesClassName == name)

    for name in (silver, gold, silver):
        rg.set(volumes=sized("10Mi", volume_attributes_class_name=name))
        assert "logs-rg-0: changed in place; no Pod restarts for it" in rg.must("preview")
        done = {"currentVolumeAttributesClassName": name, "modifyVolumeStatus": None}
        with driver(rg, done, lambda name=name: asks_for(name)):  # type: ignore[misc]
            rg.up()
        rg.unchanged()
    rg.set(volumes=sized("10Mi"))
    assert "volume_attributes_class_name cannot be removed" in rg.must_fail("preview")
    rg.set(volumes=sized("10Mi", volume_attributes_class_name=gold), growth_timeout_seconds=3600)
    infeasible = {"targetVolumeAttributesClassName": gold, "status": "Infeasible"}
    with driver(rg, {"modifyVolumeStatus": infeasible}, lambda: asks_for(gold)):
        said = rg.must_fail("up", "--yes", "--skip-preview")
    assert f"cannot change the VolumeAttributesClass to '{gold}' (Infeasible)" in said
    rg.set(volumes=sized("10Mi", volume_attributes_class_name=silver))
    with driver(rg, {"modifyVolumeStatus": None}, lambda: asks_for(silver)):
        rg.up()
    assert rg.uids() == pods


@pytest.mark.long
def test_p05_a_claim_is_restored_from_a_volume(service: Make, client: Client) -> None:
    """A claim that was deleted: the volume, which its class keeps, comes back under the instance's name."""
    name = f"kept-{id(service)}"
    volumes = []
    rg = service(storage_class={"provisioner": "rancher.io/local-path", "name": name, "reclaim_policy": "Retain"})
    try:
        rg.up()
        written = rg.write("rg-0", 3)
        volumes = [str(claim.spec.volumeName) for claim in rg.claims().values()]
        kept = str(rg.claims()["logs-rg-0"].spec.volumeName)
        rg.set(restore=[{"ordinal": 0, "volume_name": kept}])
        said = rg.must_fail("preview")
        assert "PersistentVolumeClaim logs-rg-0 already exists, so it cannot be restored" in said
        assert "already exists, so it cannot be restored" in rg.must_fail("up", "--yes", "--skip-preview")
        assert str(rg.claims()["logs-rg-0"].spec.volumeName) == kept
        rg.set(restore=None)
        rg.destroy()
        client.delete(PersistentVolumeClaim, "logs-rg-0", namespace=rg.namespace)
        eventually("the claim is gone", lambda: "logs-rg-0" not in rg.claims())
        client.patch(PersistentVolume, kept, {"spec": {"claimRef": None}})
        rg.set(restore=[{"ordinal": 0, "volume_name": kept}])
        assert "PersistentVolumeClaim logs-rg-0 is created from" in rg.must("preview")
        assert "logs-rg-0" not in rg.claims()
        rg.up()
        assert rg.log("rg-0")[:3] == written
        assert rg.claims()["logs-rg-0"].spec.volumeName == kept
        rg.unchanged()
        rg.deploy(restore=None, volumes=sized("20Mi"))
        assert requested(rg) == "20Mi"
    finally:
        rg.run("destroy", "--yes", "--skip-preview")
        client.deletecollection(PersistentVolumeClaim, namespace=rg.namespace)
        for each in volumes:
            client.delete(PersistentVolume, each)


def test_p05_labels_and_annotations_of_live_claims_change(service: Make) -> None:
    """At once, without a restart; what others have set stays, and new instances get them."""
    rg = service()
    with witnessed(rg):
        rg.deploy(volumes=sized("10Mi", labels={"tier": "gold"}))
        pods, template = rg.uids(), rg.stateful_set().metadata.uid
        rg.kubectl("label", "pvc", "logs-rg-0", "owner=backup")
        rg.kubectl("annotate", "pvc", "logs-rg-0", "last-backup=today")
        rg.deploy(volumes=sized("10Mi", labels={"tier": "silver"}, annotations={"backup": "daily"}), replicas=3)
        for claim in rg.claims().values():
            assert claim.metadata.labels["tier"] == "silver"
            assert claim.metadata.annotations["backup"] == "daily"
        rg.deploy(volumes=sized("10Mi", annotations={"backup": "weekly"}))
        for claim in rg.claims().values():
            assert "tier" not in claim.metadata.labels
            assert claim.metadata.annotations["backup"] == "weekly"
        assert rg.claims()["logs-rg-0"].metadata.labels["owner"] == "backup"
        assert rg.claims()["logs-rg-0"].metadata.annotations["last-backup"] == "today"
        rg.refresh()
        rg.unchanged()
        assert {name: uid for name, uid in rg.uids().items() if name in pods} == pods
        assert rg.stateful_set().metadata.uid == template


@pytest.fixture
def kept_volumes(service: Make, client: Client) -> Iterator[Callable[..., Service]]:
    """Services whose class retains volumes; these are deleted at the end."""
    made: list[Service] = []

    def make(name: str, **arguments: Any) -> Service:
        rg = service(storage_class=_class(name), **arguments)
        made.append(rg)
        return rg

    yield make
    for rg in made:
        rg.run("destroy", "--yes", "--skip-preview")
        volumes = _volumes(rg)
        client.deletecollection(PersistentVolumeClaim, namespace=rg.namespace)
        for volume in volumes:
            # One that goes with its claim may be gone.
            absent_as_none(lambda volume=volume: client.delete(PersistentVolume, volume))  # type: ignore[misc]


def _class(name: str) -> dict[str, Any]:
    return {"provisioner": "rancher.io/local-path", "name": name, "reclaim_policy": "Delete"}


def _volumes(rg: Service) -> dict[str, Any]:
    """The volumes that were made for the claims of the namespace, by name."""
    volumes: list[Any] = list(rg.client.list(PersistentVolume))
    return {
        str(volume.metadata.name): volume
        for volume in volumes
        if volume.spec.claimRef and volume.spec.claimRef.namespace == rg.namespace
    }


@pytest.mark.long
def test_p05_another_class_and_a_smaller_size_one_instance_at_a_time(kept_volumes: Callable[..., Service]) -> None:
    """First for new claims, then for those of chosen instances, one after another; the old volumes are kept."""
    first, second = f"first-{id(kept_volumes)}", f"second-{id(kept_volumes)}"
    rg = kept_volumes(first, volumes=sized("20Mi"))
    with witnessed(rg):
        rg.up()
        before, pods, written = rg.claims(), rg.uids(), rg.write("rg-0", 2)
        rg.set(storage_class=_class(second), volumes=sized("10Mi"))
        said = rg.must_fail("preview")
        assert "storage_class_name cannot be changed" in said
        assert "set recreate_keeping_pods=True for one pulumi up" in said
        rg.set(recreate_keeping_pods=True)
        assert "no Pod restarts" in rg.must("preview")
        rg.up()
        assert rg.uids() == pods
        assert rg.outputs()["outdated_claims"] == ["logs-rg-0", "logs-rg-1"]
        rg.deploy(recreate_keeping_pods=None, replicas=3)
        assert rg.claims()["logs-rg-2"].spec.storageClassName == second
        assert requested(rg, "logs-rg-2") == "10Mi"
        rg.unchanged()

    # One of them: its volume is kept, whatever its class says, and the others notice nothing.
    rg.set(recreate_claims={"ordinals": [1]})
    preview = rg.must("preview")
    assert "rg-1: replaced" in preview
    assert "logs-rg-1: deleted, and created again without data (recreate_claims)" in preview
    assert rg.claims()["logs-rg-1"].metadata.uid == before["logs-rg-1"].metadata.uid
    rg.up()
    assert rg.claims()["logs-rg-1"].spec.storageClassName == second
    assert requested(rg, "logs-rg-1") == "10Mi"
    assert rg.outputs()["outdated_claims"] == ["logs-rg-0"]
    assert rg.uids()["rg-0"] == pods["rg-0"]
    assert rg.uids()["rg-1"] != pods["rg-1"]
    old = _volumes(rg)[str(before["logs-rg-1"].spec.volumeName)]
    assert (old.spec.persistentVolumeReclaimPolicy, old.status.phase) == ("Retain", "Released")
    rg.unchanged()
    assert rg.log("rg-0")[: len(written)] == written

    # Left in the program it does nothing more; with another ordinal it goes on.
    pods = rg.uids()
    rg.deploy(recreate_claims={"ordinals": [0, 1], "reclaim_policy": "Delete"})
    assert rg.outputs()["outdated_claims"] == []
    assert {name for name, uid in rg.uids().items() if uid != pods[name]} == {"rg-0"}
    gone = str(before["logs-rg-0"].spec.volumeName)
    eventually("the old volume is deleted", lambda: gone not in _volumes(rg))
    rg.deploy(recreate_claims=None)
    rg.unchanged()


def test_p05_recreating_claims_is_continued_and_waits_for_the_budget(kept_volumes: Callable[..., Service]) -> None:
    """A budget that allows no eviction: the Pod keeps running on its claim; when it does, the next up evicts it."""
    first, second = f"one-{id(kept_volumes)}", f"two-{id(kept_volumes)}"
    rg = kept_volumes(first, replicas=3, quorum=True, pod_management_policy="Parallel")
    rg.up()
    pods = rg.uids()
    rg.deploy(storage_class=_class(second), recreate_keeping_pods=True)
    _require_available(rg, 3)
    rg.set(recreate_keeping_pods=None, recreate_claims={"ordinals": [2]}, rollout_timeout_seconds=3)
    refused = "Pod rg-2 was not evicted within rollout_timeout_seconds (3): a PodDisruptionBudget does not allow it"
    assert refused in rg.must_fail("up", "--yes", "--skip-preview")
    assert rg.uids() == pods
    # What a kill right after the deletion leaves, too: a claim that is being deleted, and its Pod.
    assert rg.claims()["logs-rg-2"].metadata.deletionTimestamp
    _require_available(rg, 2)
    rg.set(rollout_timeout_seconds=None)
    assert "logs-rg-2: deleted, and created again" in rg.must("preview")
    rg.up()
    assert rg.claims()["logs-rg-2"].spec.storageClassName == second
    assert {name for name, uid in rg.uids().items() if uid != pods[name]} == {"rg-2"}
    rg.unchanged()


def _require_available(rg: Service, number: int) -> None:
    """Changes the live budget by hand, and waits until it counts."""
    rg.kubectl("patch", "pdb", "rg", "--type=merge", "--patch", f'{{"spec": {{"minAvailable": {number}}}}}')

    def counts() -> bool:
        budget: Any = rg.client.get(PodDisruptionBudget, "rg", namespace=rg.namespace)
        return bool(budget.status.desiredHealthy == number)

    eventually("the budget counts", counts)


def test_p05_a_file_system_that_grows_when_mounted_gets_its_restart_on_request(idle_driver: Service) -> None:
    """A driver that resizes offline: named without restart_to_grow, and one Pod at a time replaced with it."""
    rg = idle_driver
    rg.up()
    pods = rg.uids()
    rg.set(volumes=sized("20Mi"))
    pending = {"conditions": [{"type": "FileSystemResizePending", "status": "True"}]}
    with driver(rg, pending, lambda: requested(rg) == "20Mi"):
        said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "some drivers do that only when a Pod mounts the volume (restart_to_grow)" in said
    assert rg.uids() == pods
    rg.set(restart_to_grow=True, growth_timeout_seconds=30)
    mounted = {"conditions": None, "capacity": {"storage": "20Mi"}}
    with driver(rg, mounted, lambda: rg.is_ready("rg-0") and rg.uids() != pods):
        said = rg.up()
    assert "rg-0 is replaced, so that the file system of logs-rg-0 grows" in said
    rg.unchanged()
