"""P05, P08, P11: changes that would lose an instance's version or disk, with writers running."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from faults import witnessed
from harness import CHAPTER, Service, eventually
from pulumi_stateful_service import StatefulService
from pulumi_stateful_service.testing import deploy

Make = Callable[..., Service]

NEW = "random-generator:2.0"
LOGS = CHAPTER["volumes"][0]
MORE = {"name": "more", "mount_path": "/opt/more", "size": "5Mi"}

HAND_MADE = """\
import json
from pathlib import Path
import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService

args = json.loads(Path("args.json").read_text())
if not args.pop("adopted", None):
    labels = args["selector"]
    mounts = [{"name": "logs", "mountPath": "/opt/logs"}]
    container = {"name": "app", "image": args["image"], "volumeMounts": mounts}
    kubernetes.apps.v1.StatefulSet(
        "own",
        metadata={"name": "rg", "namespace": args["namespace"]},
        spec={
            "replicas": 2,
            "serviceName": args["service_name"],
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "logs"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
                }
            ],
        },
    )
else:
    rg = StatefulService("rg", args)
"""


def claims(rg: Service) -> dict[str, Any]:
    return {name: claim.metadata.uid for name, claim in rg.claims().items()}


def kit_forecast(rg: Service) -> Any:
    """The testing kit's forecast for the live StatefulSet, without the cluster."""
    live = json.loads(rg.kubectl("get", "statefulset", "rg", "--output", "json", "--show-managed-fields"))
    return deploy(lambda: StatefulService("rg", {**rg.args})).service().forecast(live)  # type: ignore[typeddict-item]


def test_p08_a_preview_says_what_happens_to_every_instance(service: Make) -> None:
    """The forecast is what then happens: a canary step, the rest, a change without a restart, and scaling."""
    rg = service(replicas=3)
    with witnessed(rg):
        rg.up()
        pods = rg.uids()
        rg.set(image=NEW, canary=1)
        said = rg.must("preview")
        assert "rg-2: replaced (image)" in said
        assert "rg-0, rg-1: not updated (held back by the partition) (image)" in said
        rg.up()
        assert [name for name, uid in rg.uids().items() if uid != pods[name]] == ["rg-2"]
        assert rg.outputs()["forecast"]["order"] == ["rg-2"]
        rg.set(canary=None)
        assert "rg-1, rg-0: replaced one after another" in rg.must("preview")
        predicted = kit_forecast(rg)
        rg.up()
        assert predicted == rg.outputs()["forecast"]
        pods = rg.uids()
        rg.set(annotations={"owner": "storage"}, revision_history_limit=5)
        assert ": no Pod restarts." in rg.must("preview")
        predicted = kit_forecast(rg)
        rg.up()
        assert predicted == rg.outputs()["forecast"]
        assert rg.uids() == pods
        rg.set(replicas=2, volumes=[{**LOGS, "size": "20Mi"}])
        said = rg.must("preview")
        assert "rg-2: removed" in said
        assert "logs-rg-0, logs-rg-1: expanded from 10Mi to 20Mi; no Pod restarts for it" in said
        assert "logs-rg-2: kept with the data, and used by no instance" in said
        rg.up()
        assert rg.uids() == {name: uid for name, uid in pods.items() if name != "rg-2"}


@pytest.mark.long
def test_p08_a_set_is_not_recreated_while_something_is_held_back(service: Make) -> None:
    """Refused: a held-back instance that restarts afterwards would get the new version."""
    rg = service(replicas=3)
    with witnessed(rg):
        rg.deploy()
        rg.deploy(image=NEW, canary=1)
        before = rg.uids(), rg.stateful_set().metadata.uid
        rg.set(pod_management_policy="Parallel", recreate_keeping_pods=True)
        said = rg.must_fail("preview")
        assert "the StatefulSet cannot be recreated while rg-0, rg-1 would be held back" in said
        assert "the StatefulSet cannot be recreated" in rg.must_fail("up", "--yes", "--skip-preview")
        assert (rg.uids(), rg.stateful_set().metadata.uid) == before
        rg.set(pod_management_policy=None, recreate_keeping_pods=None)
        rg.deploy(canary=None)
        rg.deploy(pod_management_policy="Parallel", recreate_keeping_pods=True)


@pytest.mark.parametrize("held", [{"canary": 0}, pytest.param({"update_strategy": "OnDelete"}, marks=pytest.mark.long)])
def test_p08_a_volume_is_not_added_to_instances_that_are_held_back(service: Make, held: dict[str, Any]) -> None:
    """Each of them would be replaced for it."""
    rg = service()
    with witnessed(rg):
        rg.up()
        rg.deploy(**held)
        before = rg.uids()
        rg.set(volumes=[LOGS, MORE], recreate_keeping_pods=True)
        said = rg.must_fail("preview")
        assert "adding a volume replaces every Pod, also rg-0, rg-1" in said
        rg.must_fail("up", "--yes", "--skip-preview")
        assert rg.uids() == before
        rg.deploy(**dict.fromkeys(held))
        assert sorted(rg.claims()) == ["logs-rg-0", "logs-rg-1", "more-rg-0", "more-rg-1"]


def test_p08_scaling_to_nothing_forgets_what_was_held_back(service: Make) -> None:
    """The preview says so: without Pods, Kubernetes keeps no earlier version, and all come back with the new one."""
    rg = service(partition=1)
    rg.deploy()
    rg.deploy(image=NEW)
    rg.set(replicas=0)
    assert "rg-0: come back with the new revision: without Pods" in rg.must("preview")
    rg.up()
    rg.deploy(replicas=2)
    assert {pod.spec.containers[0].image for pod in rg.pods().values()} == {NEW}


def test_p11_a_renamed_stack_knows_its_set(service: Make) -> None:
    """Without an alias or adopt: Pulumi's state has the StatefulSet's uid."""
    rg = service()
    with witnessed(rg):
        rg.up()
        before = rg.uids(), rg.stateful_set().metadata.uid
        rg.must("stack", "rename", "other")
        rg.up()
        assert (rg.uids(), rg.stateful_set().metadata.uid) == before
        rg.unchanged()
        rg.deploy(recreate_keeping_pods=True, pod_management_policy="Parallel")
        assert rg.uids() == before[0]


def test_p11_a_renamed_stack_keeps_a_storage_class_without_a_name(service: Make) -> None:
    """Its default name has the stack in it. The refusal says what to set, and that is all that it takes."""
    made = {"provisioner": "rancher.io/local-path", "reclaim_policy": "Delete"}
    rg = service(replicas=1, storage_class=made)
    rg.deploy(name=rg.namespace)  # A class has no namespace: its name must be this test's own.
    before = rg.uids(), claims(rg)
    rg.must("stack", "rename", "other")
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        [name] = set(re.findall(r"set storage_class\.name to '([^']+)'", rg.must_fail(*command)))
    rg.deploy(storage_class={**made, "name": name})
    rg.unchanged()
    assert (rg.uids(), claims(rg)) == before
    assert rg.kubectl("get", "storageclass", name, "--output=name")


def test_p11_a_set_that_pulumi_manages_elsewhere_is_not_adopted(service: Make) -> None:
    """The same stack's own StatefulSet: Pulumi would delete the adopted one by name at the end of the up."""
    rg = service(selector={"app": "own"})
    (rg.folder / "__main__.py").write_text(HAND_MADE)
    rg.up()
    before = rg.uids(), claims(rg)
    rg.set(adopt=True, adopted=True)
    said = rg.must_fail("preview")
    assert "is managed by Pulumi, by another resource of this stack or by another stack" in said
    rg.must_fail("up", "--yes", "--skip-preview")
    assert (rg.uids(), claims(rg)) == before
    # After the message.
    rg.must("state", "delete", "--yes", "urn:pulumi:test::test::kubernetes:apps/v1:StatefulSet::own")
    rg.kubectl("patch", "statefulset", "rg", "--type", "merge", "--patch", '{"metadata":{"managedFields":[{}]}}')
    rg.up()
    eventually("both run the component's template", lambda: rg.is_ready("rg-0") and rg.is_ready("rg-1"))
    assert claims(rg) == before[1]
    rg.deploy(adopt=None)
    assert claims(rg) == before[1]
