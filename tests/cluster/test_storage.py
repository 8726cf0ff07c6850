"""P05, P06, P07: disks that grow in place, are kept, and are used again; and changes that are refused.

In each instance a process writes numbered lines, before, during and after. The volumes of the embedded cluster are
folders: a new size applies at once, without a file system to resize.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from harness import Service, absent_as_none, eventually
from lightkube import ApiError, Client
from lightkube.models.core_v1 import HostPathVolumeSource, PersistentVolumeSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import PersistentVolume, PersistentVolumeClaim
from lightkube.resources.storage_v1 import StorageClass

Make = Callable[..., Service]
LOCAL = "rancher.io/local-path"


def logs(size: str, **more: Any) -> dict[str, Any]:
    return {"name": "logs", "mount_path": "/opt/logs", "size": size, **more}


MORE = {"name": "more", "mount_path": "/opt/more", "size": "5Mi"}


def requested(rg: Service) -> dict[str, str]:
    """The requested size of each claim."""
    return {name: claim.spec.resources.requests["storage"] for name, claim in rg.claims().items()}


def capacities(rg: Service) -> dict[str, str]:
    """The capacity of each claim."""
    return {name: claim.status.capacity["storage"] for name, claim in rg.claims().items()}


def identities(rg: Service) -> dict[str, tuple[str, str]]:
    """Each claim's own identity and its volume's name."""
    return {name: (claim.metadata.uid, claim.spec.volumeName) for name, claim in rg.claims().items()}


def remove(client: Client, volumes: list[str]) -> None:
    """Volumes that are left when their claims are deleted."""
    for name in volumes:
        absent_as_none(lambda name=name: client.delete(PersistentVolume, name))  # type: ignore[misc]


@contextmanager
def writing(rg: Service, *pods: str) -> Iterator[dict[str, set[str]]]:
    """Has instances write continuously; yields the acknowledged lines, every one of which must exist afterwards."""
    confirmed: dict[str, set[str]] = {pod: set(rg.write(pod, 2)) for pod in pods}
    stop = threading.Event()

    def write(pod: str) -> None:
        while not stop.wait(0.05):
            try:
                answer = rg.http(pod)
                if answer.is_success:
                    confirmed[pod].update(rg.log(pod)[-1:])
            except (httpx2.HTTPError, ApiError):
                continue

    threads = [threading.Thread(target=write, args=(pod,), daemon=True) for pod in pods]
    for thread in threads:
        thread.start()
    yield confirmed
    stop.set()
    for thread in threads:
        thread.join(15)
    for pod, lines in confirmed.items():
        assert lines <= set(rg.log(pod)), f"{pod} lost {lines - set(rg.log(pod))}"


def test_p05_disks_grow_in_place(service: Make) -> None:
    """One number changes and every disk grows: no Pod restarts, the set is not replaced, nothing written is lost."""
    rg = service()
    rg.deploy()
    with writing(rg, "rg-0", "rg-1"):
        pods, claims, live = rg.uids(), identities(rg), rg.stateful_set().metadata.uid
        rg.set(volumes=[logs("20Mi")])
        preview = rg.must("preview")
        assert "logs-rg-0, logs-rg-1: expanded from 10Mi to 20Mi; no Pod restarts for it" in preview
        assert "~ 1 to update" in preview
        rg.up()
        # At once: up waited for the capacity.
        assert requested(rg) == capacities(rg) == {"logs-rg-0": "20Mi", "logs-rg-1": "20Mi"}
        assert rg.stateful_set().metadata.uid == live
        assert rg.uids() == pods
        assert identities(rg) == claims
    rg.refresh()
    rg.unchanged()


def test_p05_growing_and_scaling_in_one_up(service: Make) -> None:
    """Several volumes of different sizes: the new instance gets the new sizes, the others grow."""
    rg = service(volumes=[logs("10Mi"), MORE])
    rg.deploy()
    pods = rg.uids()
    rg.deploy(replicas=3, volumes=[logs("20Mi"), MORE])
    assert capacities(rg) == {
        **{f"logs-rg-{ordinal}": "20Mi" for ordinal in range(3)},
        **{f"more-rg-{ordinal}": "5Mi" for ordinal in range(3)},
    }
    assert pods.items() <= rg.uids().items()
    rg.deploy(replicas=4)
    assert capacities(rg)["logs-rg-3"] == "20Mi"


@pytest.mark.long
def test_p05_growing_while_partitioned(service: Make) -> None:
    """Disks grow on both sides of a partition, and no instance changes its version."""
    rg = service(partition=1)
    rg.deploy()
    rg.deploy(image="random-generator:2.0")
    pods = rg.uids()
    rg.deploy(volumes=[logs("20Mi")])
    assert set(capacities(rg).values()) == {"20Mi"}
    assert rg.uids() == pods


def test_p05_a_larger_claim_is_left_alone(service: Make) -> None:
    """A claim that somebody else has expanded keeps its size."""
    rg = service()
    rg.deploy()
    change = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    rg.client.patch(PersistentVolumeClaim, "logs-rg-0", change, namespace=rg.namespace)
    rg.deploy(volumes=[logs("20Mi")])
    assert requested(rg) == {"logs-rg-0": "1Gi", "logs-rg-1": "20Mi"}
    rg.unchanged()


def test_p05_an_interrupted_growth_is_continued(service: Make) -> None:
    """Where only one claim has grown, the next up grows the other, although nothing else has changed."""
    rg = service()
    rg.deploy()
    rg.deploy(volumes=[logs("20Mi")])
    # A claim that is smaller than noted, as after a growth that was cut off half-way: restored from before it.
    rg.deploy(replicas=1)
    rg.client.delete(PersistentVolumeClaim, "logs-rg-1", namespace=rg.namespace)
    eventually("the claim is gone", lambda: "logs-rg-1" not in rg.claims())
    small = PersistentVolumeClaim(
        metadata=ObjectMeta(name="logs-rg-1"),
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},  # type: ignore[arg-type]
    )
    rg.client.create(small, namespace=rg.namespace)
    rg.deploy(replicas=2)
    assert capacities(rg) == {"logs-rg-0": "20Mi", "logs-rg-1": "20Mi"}


def test_a_class_that_does_not_expand_is_refused_in_the_preview(service: Make) -> None:
    """The preview names the claims and the class, and up changes nothing."""
    rg = service(storage_class={"provisioner": LOCAL, "allow_volume_expansion": False, "reclaim_policy": "Delete"})
    rg.set(storage_class={**rg.args["storage_class"], "name": f"fixed-{rg.namespace}"})
    rg.deploy()
    before = identities(rg), requested(rg), rg.uids()
    rg.set(volumes=[logs("20Mi")])
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        said = rg.must_fail(*command)
        assert f"logs-rg-0, logs-rg-1 cannot be expanded: StorageClass 'fixed-{rg.namespace}' does not allow" in said
        assert "Traceback" not in said
    assert (identities(rg), requested(rg), rg.uids()) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"volumes": [logs("5Mi")]}, "size cannot be reduced from 10Mi to 5Mi: volumes cannot shrink"),
        (
            {"volumes": [logs("10Mi", storage_class_name="other")]},
            "storage_class_name cannot be changed from unset to 'other'",
        ),
        ({"volumes": [logs("10Mi", access_modes=["ReadWriteMany"])]}, "access_modes cannot be changed from"),
        ({"volumes": [logs("10Mi"), MORE]}, "volume 'more' is added: Kubernetes accepts this only in a new"),
        ({"volumes": None}, "volume 'logs' is removed (its PersistentVolumeClaims are kept): Kubernetes accepts"),
        ({"service_name": "other"}, "service_name cannot be changed from 'random-generator' to 'other'"),
        ({"name": "db"}, "name cannot be changed from 'rg' to 'db'"),
        pytest.param({"namespace": "default"}, "namespace cannot be changed from", marks=pytest.mark.long),
    ],
)
def test_what_would_strand_data_is_refused(service: Make, change: Any, message: str) -> None:
    """In the preview and in up, with what to do; nothing changes on the cluster."""
    rg = service()
    rg.deploy()
    before = identities(rg), requested(rg), rg.uids(), rg.stateful_set().metadata.uid
    rg.set(**change)
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        said = rg.must_fail(*command)
        assert message in said
        assert "Traceback" not in said
    assert (identities(rg), requested(rg), rg.uids(), rg.stateful_set().metadata.uid) == before


@pytest.mark.long
def test_a_volume_is_added_and_removed_on_request(service: Make) -> None:
    """With recreate_keeping_pods each Pod gets its volume in turn, under a new set, and no line is lost."""
    rg = service()
    rg.deploy()
    claims = identities(rg)
    with writing(rg, "rg-0", "rg-1"):
        rg.set(recreate_keeping_pods=True, volumes=[logs("10Mi"), MORE])
        assert "rg-0, rg-1: replaced one after another (volumeMounts)" in rg.must("preview")
        rg.up()
        assert claims.items() <= identities(rg).items()
        assert sorted(capacities(rg)) == ["logs-rg-0", "logs-rg-1", "more-rg-0", "more-rg-1"]
        for pod in rg.pods().values():
            assert {"logs", "more"} <= {volume.name for volume in pod.spec.volumes}
        claims = identities(rg)
        rg.deploy(volumes=[logs("10Mi")])
        assert identities(rg) == claims
    rg.deploy(recreate_keeping_pods=None)
    rg.unchanged()


def test_the_pod_management_policy_changes_without_a_stop_on_request(service: Make) -> None:
    """With recreate_keeping_pods the same Pods continue under a new set."""
    rg = service(recreate_keeping_pods=True)
    rg.deploy()
    with writing(rg, "rg-0", "rg-1"):
        pods, claims, old = rg.uids(), identities(rg), rg.stateful_set().metadata.uid
        rg.deploy(pod_management_policy="Parallel")
        assert rg.stateful_set().metadata.uid != old
        assert rg.stateful_set().spec.podManagementPolicy == "Parallel"
        assert rg.uids() == pods
        assert identities(rg) == claims
    rg.destroy()
    assert rg.pods() == {}


def test_p06_delete_is_reported_in_the_preview_and_happens_at_destroy(service: Make) -> None:
    """The preview warns of the policy; a change that would delete claims is refused; destroy deletes them."""
    rg = service(persistent_volume_claim_retention_policy={"when_deleted": "Delete"})
    assert "when_deleted is Delete: pulumi destroy deletes the PersistentVolumeClaims" in rg.must("preview")
    rg.deploy()
    claims = identities(rg)
    rg.set(pod_management_policy="Parallel")
    assert "Kubernetes accepts this only in a new StatefulSet" in rg.must_fail("preview")
    assert "Kubernetes accepts this only in a new StatefulSet" in rg.must_fail("up", "--yes", "--skip-preview")
    rg.deploy(recreate_keeping_pods=True)
    assert identities(rg) == claims
    rg.deploy(recreate_keeping_pods=None, replicas=1)
    assert identities(rg) == claims
    rg.destroy()
    eventually("the claims are gone", lambda: rg.claims() == {})


def test_p06_scaled_away_claims_are_deleted_only_on_request(service: Make) -> None:
    """With when_scaled Delete the claim is deleted with its instance, and no other."""
    rg = service(persistent_volume_claim_retention_policy={"when_scaled": "Delete"})
    rg.deploy()
    rg.deploy(replicas=1)
    eventually("only one is left", lambda: sorted(rg.claims()) == ["logs-rg-0"])
    rg.destroy()
    assert sorted(rg.claims()) == ["logs-rg-0"]


def test_p06_everything_written_survives_the_whole_life(service: Make) -> None:
    """Growth, scaling down and up, a recreated set, destroy and up: every line exists at the end."""
    rg = service()
    rg.deploy()
    written = {name: rg.write(name, 3) for name in ("rg-0", "rg-1")}
    for step in (
        {"volumes": [logs("20Mi")]},
        {"replicas": 1},
        {"replicas": 2},
        {"recreate_keeping_pods": True, "volumes": [logs("20Mi"), MORE]},
    ):
        rg.deploy(**step)
    rg.destroy()
    rg.set(volumes=[logs("30Mi"), MORE])
    rg.up()
    assert {name: rg.log(name)[:3] for name in written} == written
    assert capacities(rg)["logs-rg-1"] == "30Mi"


def test_p07_volumes_created_in_advance(service: Make, client: Client, tmp_path: Path) -> None:
    """Without a class or provisioner a claim binds to an existing volume, selected by its labels."""
    rg = service(replicas=1, volumes=[logs("10Mi", storage_class_name="", selector={"made-for": "rg"})])
    name = f"made-{rg.namespace}"
    client.create(
        PersistentVolume(
            metadata=ObjectMeta(name=name, labels={"made-for": "rg"}),
            spec=PersistentVolumeSpec(
                accessModes=["ReadWriteOnce"],
                capacity={"storage": "10Mi"},
                persistentVolumeReclaimPolicy="Retain",
                hostPath=HostPathVolumeSource(path=str(tmp_path / "disk"), type="DirectoryOrCreate"),
            ),
        )
    )
    try:
        rg.deploy(security={"standard": "baseline", "run_as_user": 0})
        assert rg.claims()["logs-rg-0"].spec.volumeName == name
        assert rg.write("rg-0", 2)
        rg.set(volumes=[logs("20Mi", storage_class_name="", selector={"made-for": "rg"})])
        assert "they have no StorageClass, which expansion requires" in rg.must_fail("preview")
    finally:
        rg.run("destroy", "--yes", "--skip-preview")
        remove(client, [name])


def test_p07_a_class_is_replaced_without_touching_a_volume(service: Make, client: Client) -> None:
    """For a field that the API does not change, a class is replaced; claims, volumes and Pods stay."""
    name = f"class-{id(service)}"
    rg = service(storage_class={"provisioner": LOCAL, "name": name, "reclaim_policy": "Delete"})
    rg.deploy()
    before = identities(rg), rg.uids()
    first: Any = client.get(StorageClass, name)
    rg.deploy(
        storage_class={"provisioner": LOCAL, "name": name, "reclaim_policy": "Retain", "mount_options": ["noatime"]}
    )
    second: Any = client.get(StorageClass, name)
    assert first.metadata.uid != second.metadata.uid
    assert second.reclaimPolicy == "Retain"
    assert (identities(rg), rg.uids()) == before
    rg.unchanged()


@pytest.mark.long
def test_p07_two_stacks_make_two_classes(service: Make, client: Client) -> None:
    """The default name of a class contains project and stack, so that two stacks have different ones."""
    first = service(storage_class={"provisioner": LOCAL, "reclaim_policy": "Delete"}, replicas=1)
    first.deploy()
    second = Service(
        first.folder.parent / "other-stack", first.env, stack="other", namespace=first.namespace, client=client
    )
    second.set(**{**first.args, "name": "rg2", "service_name": "rg2"})
    try:
        second.up()
        names = {first.outputs()["storage_class_name"], second.outputs()["storage_class_name"]}
        assert names == {"test-test-rg", "test-other-rg2"}
        first.destroy()
        assert client.get(StorageClass, "test-other-rg2")
    finally:
        second.run("destroy", "--yes", "--skip-preview")


def test_growth_that_does_not_happen_is_explained(service: Make, client: Client, tmp_path: Path) -> None:
    """A driver that never expands: up fails within its timeout and says which claim waits for what."""
    # The class promises expansion, but nobody does it: the test takes the place of a driver that hangs.
    name = f"hangs-{id(service)}"
    rg = service(
        replicas=1,
        growth_timeout_seconds=3,
        storage_class={"provisioner": "example.org/hangs", "name": name, "volume_binding_mode": "Immediate"},
    )
    volume = f"hangs-{rg.namespace}"
    client.create(
        PersistentVolume(
            metadata=ObjectMeta(name=volume),
            spec=PersistentVolumeSpec(
                accessModes=["ReadWriteOnce"],
                capacity={"storage": "10Mi"},
                storageClassName=name,
                persistentVolumeReclaimPolicy="Retain",
                hostPath=HostPathVolumeSource(path=str(tmp_path / "disk"), type="DirectoryOrCreate"),
            ),
        )
    )
    try:
        rg.deploy(security={"standard": "baseline", "run_as_user": 0})
        pods = rg.uids()
        rg.set(volumes=[logs("20Mi")])
        said = rg.must_fail("up", "--yes", "--skip-preview")
        assert "not changed within growth_timeout_seconds (3)" in said
        assert re.search(r"logs-rg-0 \(10Mi of 20Mi\): waiting for the storage driver", said)
        assert rg.uids() == pods
        # The driver's part, played: the volume and the claim have the new size. The next up is content.
        client.patch(PersistentVolume, volume, {"spec": {"capacity": {"storage": "20Mi"}}})
        status = {"status": {"capacity": {"storage": "20Mi"}}}
        client.patch(PersistentVolumeClaim.Status, "logs-rg-0", status, namespace=rg.namespace)
        rg.up()
    finally:
        rg.run("destroy", "--yes", "--skip-preview")
        remove(client, [volume])
