"""The API server, the node or a disk refuses."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from api_server_proxy import troubled
from faults import Make, Running, Witness, as_asked, recovered, witnessed
from harness import SOON, Service, absent_as_none, eventually
from lightkube import Client
from lightkube.models.core_v1 import HostPathVolumeSource, PersistentVolumeSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Node, PersistentVolume, PersistentVolumeClaim

NEW = "random-generator:2.0"


def logs(size: str, **more: Any) -> dict[str, Any]:
    return {"name": "logs", "mount_path": "/opt/logs", "size": size, **more}


def apply(rg: Service, *objects: dict[str, Any]) -> None:
    """Creates objects of any kind."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    rg.kubectl("apply", "--server-side", "-f", "-", text=text)


def quota(**hard: str) -> dict[str, Any]:
    named = {key.replace("_", "."): value for key, value in hard.items()}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {"hard": named}}


@contextmanager
def denied(rg: Service, what: dict[str, Any], expression: str) -> Iterator[None]:
    """An admission policy that denies requests in the service's namespace."""
    name, group = f"deny-{rg.namespace}", "admissionregistration.k8s.io/v1"
    metadata = {"name": name}
    rule = {"apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], **what}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": expression, "message": "the test's policy says no"}],
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": rg.namespace}}
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": here}}
    apply(
        rg,
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": policy},
        {"apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": binding},
    )
    kinds = "validatingadmissionpolicy,validatingadmissionpolicybinding"
    try:
        yield
    finally:
        rg.kubectl("delete", kinds, name)


def must_fail(rg: Service) -> str:
    """Runs an ``up`` that must fail with a message and without a stack trace."""
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "Traceback" not in said
    return said


@pytest.mark.long
def test_throttling(service: Make) -> None:
    """Every third request is answered with 429 (too many requests): `up` completes nevertheless."""
    rg = service()
    with witnessed(rg):
        with troubled(rg, lambda number, _method, _path: 429 if number % 3 == 0 else None) as between:
            rg.up()
            rg.deploy(image=NEW)
            assert between.refused
        as_asked(rg)
        rg.unchanged()


@pytest.mark.parametrize("status", [409, *(pytest.param(each, marks=pytest.mark.long) for each in (500, 503))])
def test_a_change_meets_an_error(service: Make, status: int) -> None:
    """The update of the set is answered with an error (409, 500, 503): `up` reports it, and the next one completes."""
    rg = service()
    with witnessed(rg):
        rg.up()
        rg.set(image=NEW)

        def refuse(_number: int, method: str, path: str) -> int | None:
            return status if method == "PATCH" and "/statefulsets/rg" in path else None

        with troubled(rg, refuse) as between:
            assert "the test says" in must_fail(rg)
            assert between.refused
        recovered(rg)
        as_asked(rg)
        rg.unchanged()


@pytest.mark.long
def test_a_quota_of_pods(service: Make) -> None:
    """A quota of two Pods, and three requested: `up` names the quota; once it is raised, the next one completes."""
    rg = service()
    with witnessed(rg):
        rg.up()
        apply(rg, quota(pods="2"))
        rg.set(replicas=3, rollout_timeout_seconds=SOON)
        assert "rg-2: not created yet" in (said := must_fail(rg))
        assert "exceeded quota: quota" in said
        apply(rg, quota(pods="5"))
        rg.set(rollout_timeout_seconds=None)
        recovered(rg)
        as_asked(rg)


@pytest.mark.long
def test_a_quota_of_storage(service: Make) -> None:
    """A quota in which one of two disks can grow: `up` names the other one; raised, the next one grows it."""
    rg = service()
    with witnessed(rg):
        rg.up()
        apply(rg, quota(requests_storage="30Mi"))
        rg.set(volumes=[logs("20Mi")])
        said = must_fail(rg)
        assert "cannot be expanded from 10Mi to 20Mi" in said
        assert "exceeded quota: quota" in said
        apply(rg, quota(requests_storage="40Mi"))
        recovered(rg)
        as_asked(rg)
        rg.unchanged()


@pytest.mark.long
def test_a_policy_denies_the_set(service: Make) -> None:
    """An admission policy denies the update of the set: `up` names it; without it the next one completes."""
    rg = service()
    with witnessed(rg):
        rg.up()
        pods = rg.uids()
        with denied(rg, {"apiGroups": ["apps"], "resources": ["statefulsets"]}, "object.spec.replicas < 3"):
            rg.set(replicas=3)
            assert "the test's policy says no" in must_fail(rg)
            assert rg.uids() == pods
        recovered(rg)
        as_asked(rg)


def test_a_policy_denies_the_pods(service: Make) -> None:
    """An admission policy denies the new version's Pods: `up` names it; once it is removed, the next one completes."""
    rg = service()
    with witnessed(rg):
        rg.up()
        new = f"!object.spec.containers.exists(each, each.image == {NEW!r})"
        with denied(rg, {"apiGroups": [""], "resources": ["pods"]}, new):
            rg.set(image=NEW, rollout_timeout_seconds=SOON)
            assert "the test's policy says no" in must_fail(rg)
        rg.set(rollout_timeout_seconds=None)
        recovered(rg)
        as_asked(rg)


@pytest.mark.long
def test_a_policy_denies_the_endpoints(service: Make) -> None:
    """Pods are ready, but their names do not resolve: `up` does not succeed before they do, and names the Service."""
    rg = service(rollout_timeout_seconds=SOON)
    with denied(rg, {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"]}, "false"):
        said = must_fail(rg)
        assert f"the EndpointSlices of Service {rg.namespace}/random-generator did not have rg-0, rg-1 within" in said
        assert all(rg.is_ready(name) for name in ("rg-0", "rg-1"))
    rg.deploy(image=NEW, rollout_timeout_seconds=None)
    for name in ("rg-0", "rg-1"):
        answer = rg.get_from("rg-0", f"http://{name}.random-generator.{rg.namespace}.svc.cluster.local:8080/")
        assert f'"instance":"{name}"' in answer


@pytest.mark.long
def test_a_full_node(service: Make, client: Client) -> None:
    """A node with room for two of three Pods: `up` names what is missing; with more room the next one completes."""
    rg = service()
    # A resource of the test's own: a node without room for anything would be in the other tests' way.
    slot = f"example.org/{rg.namespace}"

    def room(count: int | None) -> None:
        escaped = slot.replace("/", "~1")
        change: Any = [{"op": "add", "path": f"/status/capacity/{escaped}", "value": str(count)}]
        if count is None:
            change = [{"op": "remove", "path": f"/status/{field}/{escaped}"} for field in ("capacity", "allocatable")]
        rg.kubectl("patch", "node", "real-node", "--subresource=status", "--type=json", "-p", json.dumps(change))

    try:
        room(2)
        eventually("the node has slots", lambda: slot in str(client.get(Node, "real-node").status))
        one = {"name": "app", "resources": {"limits": {slot: "1"}}}
        with witnessed(rg):
            rg.deploy(pod_template={"spec": {"containers": [one]}})
            rg.set(replicas=3, rollout_timeout_seconds=SOON)
            said = must_fail(rg)
            assert "rg-2: cannot be scheduled: 0/" in said
            assert f" 1 Insufficient {slot}" in said
            room(3)
            rg.set(rollout_timeout_seconds=None)
            recovered(rg)
            as_asked(rg)
            rg.destroy()
    finally:
        room(None)


@pytest.mark.long
def test_an_image_that_does_not_exist(service: Make) -> None:
    """An image that does not exist: one instance waits for it, the others keep running; a good image fixes it."""
    rg = service()
    with witnessed(rg):
        rg.up()
        others = rg.uids()["rg-0"]
        rg.set(image="nothing-of-this-name:1.0", image_pull_policy="Never", rollout_timeout_seconds=SOON)
        assert "rg-1: container app: ErrImageNeverPull" in must_fail(rg)
        assert rg.uids()["rg-0"] == others
        rg.set(image=NEW, image_pull_policy=None, rollout_timeout_seconds=None)
        recovered(rg)
        as_asked(rg)


@contextmanager
def volumes_by_hand(rg: Service, size: str, *paths: Path) -> Iterator[str]:
    """A storage class without a provisioner: the test creates a volume for each path."""
    name = f"by-hand-{rg.namespace}"
    apply(
        rg,
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "example.org/none",
            "allowVolumeExpansion": True,
        },
    )
    try:
        for number, path in enumerate(paths):
            make_volume(rg, f"{name}-{number}", name, size, path)
        yield name
    finally:
        rg.run("destroy", "--yes", "--skip-preview")
        rg.kubectl("delete", "storageclass", name)


def make_volume(rg: Service, name: str, storage_class: str, size: str, path: Path) -> None:
    rg.client.create(
        PersistentVolume(
            metadata=ObjectMeta(name=name),
            spec=PersistentVolumeSpec(
                accessModes=["ReadWriteOnce"],
                capacity={"storage": size},
                storageClassName=storage_class,
                persistentVolumeReclaimPolicy="Retain",
                hostPath=HostPathVolumeSource(path=str(path), type="Directory"),
            ),
        )
    )


@pytest.mark.long
def test_a_claim_stuck_pending(service: Make, tmp_path: Path) -> None:
    """A claim whose class has no provisioner: `up` names it; once its volume exists, the next one completes."""
    rg = service(rollout_timeout_seconds=SOON)
    with volumes_by_hand(rg, "10Mi") as storage_class:
        volumes = []
        try:
            with witnessed(rg):
                rg.set(storage_class_name=storage_class)
                assert "unbound immediate PersistentVolumeClaims. not found (logs-rg-0)" in must_fail(rg)
                for number in range(2):
                    disk = tmp_path / f"disk-{number}"
                    disk.mkdir()
                    disk.chmod(0o777)
                    volumes.append(f"by-hand-{rg.namespace}-{number}")
                    make_volume(rg, volumes[-1], storage_class, "10Mi", disk)
                rg.set(rollout_timeout_seconds=None)
                recovered(rg)
                as_asked(rg)
                rg.destroy()
        finally:
            remove(rg, volumes)


def remove(rg: Service, volumes: list[str]) -> None:
    for name in volumes:
        absent_as_none(lambda name=name: rg.client.delete(PersistentVolume, name))  # type: ignore[misc]


@contextmanager
def disk(path: Path, size: str) -> Iterator[None]:
    """A file system of this size."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def is_full(rg: Service, witness: Witness) -> bool:
    return witness.wrote("rg-0") > 10 and rg.http("rg-0").status_code == 500


@pytest.mark.long
def test_a_full_disk(service: Make, tmp_path: Path) -> None:
    """A full disk: acknowledged lines stay; the next `up` with a larger size grows it, and writing continues."""
    rg = service(replicas=1)
    path = tmp_path / "disk"
    with disk(path, "16k"), volumes_by_hand(rg, "10Mi", path) as storage_class:
        volume = f"{storage_class}-0"
        try:
            with witnessed(rg) as witness:
                rg.deploy(storage_class_name=storage_class)
                eventually("the disk is full", lambda: is_full(rg, witness))
                # The new version can't start on a full disk, or it can: that is the application's business.
                rg.set(image=NEW, rollout_timeout_seconds=SOON)
                rg.run("up", "--yes", "--skip-preview")
                rg.set(volumes=[logs("20Mi")], rollout_timeout_seconds=None)
                running = Running(rg, witness, "up")
                running.reach(lambda: rg.claims()["logs-rg-0"].spec.resources.requests["storage"] == "20Mi")
                # The driver's part, played.
                subprocess.run(["mount", "-o", "remount,size=1m", path], check=True)
                rg.client.patch(PersistentVolume, volume, {"spec": {"capacity": {"storage": "20Mi"}}})
                status = {"status": {"capacity": {"storage": "20Mi"}}}
                rg.client.patch(PersistentVolumeClaim.Status, "logs-rg-0", status, namespace=rg.namespace)
                assert running.end() == 0, running.said
                as_asked(rg)
                assert rg.http("rg-0").status_code == 200
                rg.destroy()
        finally:
            remove(rg, [volume])
