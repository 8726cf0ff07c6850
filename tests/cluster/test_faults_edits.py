"""Somebody changes or deletes the live objects."""

from typing import Any

import pytest
from faults import Make, Running, as_asked, recovered, witnessed
from harness import PATIENCE, Service, absent_as_none, eventually
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import PersistentVolumeClaim, Pod
from lightkube.resources.core_v1 import Service as KubernetesService
from lightkube.types import CascadeType


def mended(rg: Service) -> str:
    """Runs refresh, preview and up; returns the preview's output."""
    rg.refresh()
    said = rg.must("preview")
    recovered(rg)
    as_asked(rg)
    rg.refresh()
    assert "was modified outside Pulumi" not in rg.unchanged()
    return said


PARTITION = '{"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}}'


@pytest.mark.long
@pytest.mark.parametrize("replicas", [3, 1])
def test_an_edited_set(service: Make, replicas: int) -> None:
    """The set's replicas, image and partition edited with `kubectl`: `up` names and reverts each edit."""
    rg = service()
    with witnessed(rg):
        rg.up()
        rg.kubectl("scale", "statefulset/rg", f"--replicas={replicas}")
        rg.kubectl("set", "image", "statefulset/rg", "app=random-generator:2.0")
        rg.kubectl("patch", "statefulset/rg", "-p", PARTITION)
        found = [
            f"spec.replicas = {replicas} (field manager kubectl)",
            'spec.template.spec.containers[name="app"].image = random-generator:2.0 (field manager kubectl-set)',
            "spec.updateStrategy.rollingUpdate.partition = 2 (field manager kubectl-patch)",
        ]
        said = rg.up()
        assert [each for each in found if each not in said] == []
        assert "The next update restores the program's value" in said
        mended(rg)


def test_additions_by_kubectl(service: Make) -> None:
    """Variables that `kubectl` added to the Pods: named, forecast, and removed by `up`, without a refresh."""
    rg = service()
    with witnessed(rg):
        rg.up()
        rg.kubectl("set", "env", "statefulset/rg", "DEBUG=1", "LEVEL=high")
        rg.kubectl("rollout", "status", "statefulset/rg", f"--timeout={PATIENCE:.0f}s")
        added = 'spec.template.spec.containers[name="app"].env[name="DEBUG"]'
        said = rg.must("preview")
        assert added in said
        assert "field manager kubectl-set" in said
        assert "rg-1, rg-0: replaced one after another (env)" in said
        # The reasons of another change are complete.
        rg.set(image="random-generator:2.0")
        assert "rg-1, rg-0: replaced one after another (env, image)" in rg.must("preview")
        rg.set(image="random-generator:1.0")
        recovered(rg)
        as_asked(rg)
        names = [each.name for each in rg.stateful_set().spec.template.spec.containers[0].env]
        assert not {"DEBUG", "LEVEL"} & set(names)
        assert "was modified outside Pulumi" not in rg.unchanged()


def test_a_restart_by_kubectl(service: Make) -> None:
    """`kubectl rollout restart`, and an `up` that scales in the middle of it: said, waited for and kept."""
    rg = service(replicas=3)
    with witnessed(rg):
        rg.up()
        before = rg.uids()
        with rg.held(Pod, "rg-0"):
            rg.kubectl("rollout", "restart", "statefulset/rg")
            said = rg.must("preview")
        assert "is being restarted outside Pulumi" in said
        assert "field manager kubectl-rollout" in said
        rg.deploy(replicas=4)
        restarted = rg.uids()
        assert not set(before.values()) & set(restarted.values())
        assert "kubectl.kubernetes.io/restartedAt" in (rg.stateful_set().spec.template.metadata.annotations or {})
        # Neither another change nor another restart brings the first one back.
        assert "no Pod restarts" in rg.deploy(min_ready_seconds=1)
        assert rg.uids() == restarted
        rg.unchanged()


@pytest.mark.long
def test_an_edit_below_a_change(service: Make) -> None:
    """The set scaled with `kubectl` before an `up` with a new version, without a refresh: the number is restored."""
    rg = service()
    with witnessed(rg):
        rg.up()
        rg.kubectl("scale", "statefulset/rg", "--replicas=3")
        assert "spec.replicas = 3 (field manager kubectl)" in rg.deploy(image="random-generator:2.0")
        as_asked(rg)
        rg.refresh()
        rg.unchanged()


@pytest.mark.long
def test_an_edited_service(service: Make) -> None:
    """A port of the governing Service edited: `up` names the field manager, and reverts the edit on request."""
    rg = service()
    with witnessed(rg):
        rg.up()
        port = {"name": "http", "port": 8080, "targetPort": 9999}
        change = {"spec": {"ports": [port]}}
        rg.client.patch(KubernetesService, "random-generator", change, namespace=rg.namespace, field_manager="somebody")
        rg.refresh()
        assert 'conflict with "somebody"' in rg.must_fail("up", "--yes", "--skip-preview")
        rg.env["PULUMI_K8S_ENABLE_PATCH_FORCE"] = "true"
        recovered(rg)
        live: Any = rg.client.get(KubernetesService, "random-generator", namespace=rg.namespace)
        assert [port.targetPort for port in live.spec.ports] == ["http"]
        del rg.env["PULUMI_K8S_ENABLE_PATCH_FORCE"]
        rg.refresh()
        rg.unchanged()


def test_a_deleted_service(service: Make) -> None:
    """The governing Service deleted: after a refresh `up` creates it again, and no Pod notices."""
    rg = service()
    with witnessed(rg):
        rg.up()
        pods = rg.uids()
        rg.client.delete(KubernetesService, "random-generator", namespace=rg.namespace)
        assert "1 to create" in mended(rg)
        assert absent_as_none(lambda: rg.client.get(KubernetesService, "random-generator", namespace=rg.namespace))
        assert rg.uids() == pods


def test_a_deleted_claim(service: Make) -> None:
    """A claim deleted with its Pod: the instance restarts on an empty disk, and the others keep theirs."""
    rg = service()
    with witnessed(rg, deleted_claims=("logs-rg-1",)) as witness:
        rg.up()
        eventually("both have written", lambda: witness.wrote("rg-0") and witness.wrote("rg-1"))
        rg.client.delete(PersistentVolumeClaim, "logs-rg-1", namespace=rg.namespace)
        rg.client.delete(Pod, "rg-1", namespace=rg.namespace)
        recovered(rg)
        eventually("rg-1 is back", lambda: rg.is_ready("rg-1"))
        as_asked(rg)


def test_a_set_that_is_being_deleted(service: Make) -> None:
    """The set is terminating: `up` waits until it is deleted, and creates it again."""
    rg = service()
    with witnessed(rg) as witness:
        rg.up()
        with rg.held(StatefulSet, "rg"):
            rg.kubectl("delete", "statefulset", "rg", "--wait=false")
            said = rg.must("preview")
            assert "is being deleted; pulumi up waits until it is gone, and creates it again" in said
            running = Running(rg, witness, "up")
            assert running.reach(lambda: "is being deleted; waiting until it is gone" in running.said), running.said
        assert running.end() == 0, running.said
        as_asked(rg)
        rg.unchanged()


@pytest.mark.long
def test_a_set_deleted_without_its_pods(service: Make) -> None:
    """The set deleted without its Pods: `up` says so; after a refresh it creates a new set, which adopts them."""
    rg = service()
    with witnessed(rg):
        rg.up()
        pods = rg.uids()
        rg.client.delete(StatefulSet, "rg", namespace=rg.namespace, cascade=CascadeType.ORPHAN)
        eventually("it is gone", lambda: absent_as_none(rg.stateful_set) is None)
        assert "run pulumi refresh and then pulumi up" in rg.up()
        assert "1 to create" in mended(rg)
        assert rg.uids() == pods


@pytest.mark.long
def test_a_set_deleted_with_its_pods(service: Make) -> None:
    """The set deleted with its Pods: after a refresh `up` creates them again on their claims."""
    rg = service()
    with witnessed(rg):
        rg.up()
        rg.client.delete(StatefulSet, "rg", namespace=rg.namespace)
        eventually("they are gone", lambda: rg.pods() == {})
        assert "1 to create" in mended(rg)
