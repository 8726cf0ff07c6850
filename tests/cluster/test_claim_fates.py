"""What becomes of claims is told by the claims: their owners, their deletion, and what the program asks for."""

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from harness import Service, eventually
from lightkube.resources.core_v1 import PersistentVolume

Make = Callable[..., Service]

SET = "urn:pulumi:test::test::stateful-service:index:StatefulService$kubernetes:apps/v1:StatefulSet::rg"
DELETE = {"when_deleted": "Delete"}
RETAIN = {"when_deleted": "Retain"}


def owners(rg: Service, claim: str) -> list[str]:
    return [owner.kind for owner in rg.claims()[claim].metadata.ownerReferences or []]


def identities(rg: Service) -> dict[str, Any]:
    return {name: claim.metadata.uid for name, claim in rg.claims().items()}


def scaled_away_under_delete(service: Make) -> tuple[Service, list[str]]:
    """A service whose claims have the set as owner: those of a Pod, and one whose instance was scaled away."""
    rg = service(persistent_volume_claim_retention_policy=DELETE)
    rg.up()
    written = rg.write("rg-1", times=3)
    eventually("the claims have an owner", lambda: owners(rg, "logs-rg-1") == ["StatefulSet"])
    rg.deploy(replicas=1)
    assert owners(rg, "logs-rg-1") == ["StatefulSet"]
    return rg, written


def test_p06_a_policy_that_becomes_retain_keeps_the_claims_of_instances_that_were_scaled_away(service: Make) -> None:
    """Their owners go, which Kubernetes does for existing Pods alone: destroy and a new `up` find all data."""
    rg, written = scaled_away_under_delete(service)
    rg.set(persistent_volume_claim_retention_policy=RETAIN)
    assert "pulumi up removes the StatefulSet as owner of PersistentVolumeClaims logs-rg-0, logs-rg-1" in rg.must(
        "preview"
    )
    assert "logs-rg-1 stays when the StatefulSet is deleted (when_deleted: Retain)" in rg.up()
    eventually("no claim has an owner", lambda: not any(owners(rg, name) for name in rg.claims()))
    rg.unchanged()
    before = identities(rg)
    rg.destroy()
    rg.deploy(replicas=2)
    assert identities(rg) == before
    assert rg.log("rg-1")[: len(written)] == written


def test_p06_an_owner_that_is_left_is_removed_by_the_next_up(service: Make) -> None:
    """As after an `up` that was killed before it did so, or put there by hand: the program's Retain counts."""
    rg = service(replicas=1, volumes=[{"name": "logs", "mount_path": "/opt/logs", "size": "10240Ki"}])
    rg.up()
    uid = rg.stateful_set().metadata.uid
    rg.kubectl("create", "--filename=-", text=json.dumps(a_claim(rg, "logs-rg-1", uid)))
    assert "PersistentVolumeClaim logs-rg-1 has StatefulSet rg as owner" in rg.must("preview")
    rg.up()
    assert owners(rg, "logs-rg-1") == []
    rg.unchanged()


def a_claim(rg: Service, name: str, owner: str) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "rg", "uid": owner}
    labels = rg.stateful_set().spec.selector.matchLabels
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "labels": labels, "ownerReferences": [reference]},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
    }


@pytest.mark.parametrize("advice", ["program", pytest.param("kubectl", marks=pytest.mark.long)])
def test_p06_a_forced_replacement_is_refused_while_a_claim_would_go_with_the_set(service: Make, advice: str) -> None:
    """Both ways out of the message keep the data, of the instance that was scaled away as well."""
    rg, written = scaled_away_under_delete(service)
    before = identities(rg)
    refused = rg.must_fail("up", "--yes", "--skip-preview", "--replace", SET)
    assert "Kubernetes deletes PersistentVolumeClaims logs-rg-0, logs-rg-1 and the data with it" in refused
    assert identities(rg) == before
    if advice == "program":
        rg.deploy(persistent_volume_claim_retention_policy=RETAIN)
    else:
        for command in re.findall(r"kubectl (--namespace \S+ patch .+? --patch '[^']+')", refused):
            rg.kubectl(*shlex.split(command))
    rg.up("--replace", SET)
    assert identities(rg) == before
    rg.deploy(replicas=2, persistent_volume_claim_retention_policy=RETAIN)
    assert rg.log("rg-1")[: len(written)] == written


def test_p06_a_forced_replacement_spares_a_set_that_somebody_else_has_made(service: Make) -> None:
    """One of the same name, in place of the component's: Pulumi would delete it by its name."""
    rg = service(replicas=1)
    rg.up()
    theirs = json.loads(rg.kubectl("get", "statefulset", "rg", "--output=json"))
    theirs["metadata"] = {"name": "rg", "labels": {"made-by": "somebody"}}
    rg.kubectl("delete", "statefulset", "rg", "--cascade=orphan")
    rg.kubectl("create", "--filename=-", text=json.dumps(theirs))
    before = rg.stateful_set().metadata.uid
    assert "is not managed by this component" in rg.must_fail("up", "--yes", "--skip-preview", "--replace", SET)
    assert rg.stateful_set().metadata.uid == before


def test_p06_a_claim_that_is_being_deleted_is_named_and_not_ended(service: Make) -> None:
    """Each preview names it, a rollout, a replacement and a scale-down are refused, and the way out keeps the data."""
    rg = service()
    rg.up()
    written = rg.write("rg-1", times=3)
    rg.kubectl("delete", "pvc", "logs-rg-1", "--wait=false")
    named = "PersistentVolumeClaim logs-rg-1 is being deleted (since "
    assert named in rg.must("preview")
    assert named in rg.unchanged()
    pods = rg.uids()
    refusals: dict[str, dict[str, Any]] = {
        "would be replaced": {"image": "random-generator:2.0"},
        "would be removed": {"image": "random-generator:1.0", "replicas": 1},
    }
    for words, change in refusals.items():
        rg.set(**change)
        for refused in (rg.must_fail("preview"), rg.must_fail("up", "--yes", "--skip-preview")):
            assert f"rg-1 {words}, and PersistentVolumeClaim logs-rg-1, which somebody has deleted" in refused
    rg.set(replicas=2)
    replacing = "all its Pods stop: PersistentVolumeClaim logs-rg-1"
    assert replacing in rg.must_fail("preview", "--replace", SET)
    assert replacing in rg.must_fail("up", "--yes", "--skip-preview", "--replace", SET)
    assert rg.uids() == pods

    # The way out, as the message says it.
    command = re.findall(r"kubectl (patch persistentvolume .+? --patch '[^']+')", refused)[0]
    rg.kubectl(*shlex.split(command))
    volume = rg.claims()["logs-rg-1"].spec.volumeName
    rg.set(replicas=1)
    assert "logs-rg-1: deleted: somebody has deleted it before, and it ends with its Pod" in rg.must("preview")
    rg.up()
    eventually("the claim has ended", lambda: "logs-rg-1" not in rg.claims())
    claimed = {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
    rg.client.patch(PersistentVolume, volume, claimed)
    rg.deploy(replicas=2, restore=[{"ordinal": 1, "volume_name": volume}])
    assert rg.log("rg-1")[: len(written)] == written


def test_p06_no_annotation_of_the_live_set_orders_anything(service: Make) -> None:
    """Claims are recreated by the program's word alone; damaged and changed notes are named, and restored."""
    rg = service(recreate_claims={"ordinals": [0]})
    rg.up()
    before, pods = identities(rg), rg.uids()
    key = "pulumi-stateful-service/recreate-claims"
    rg.kubectl("delete", "pvc", "logs-rg-1", "--wait=false")  # what recreate_claims would end
    notes = {
        key: json.dumps({"ordinals": [0, 1], "reclaimPolicy": "Delete"}),
        "pulumi-stateful-service/volume-sizes": "{",
        "pulumi-stateful-service/identity": "[]",
        "pulumi-stateful-service/attempt": "-",
    }
    rg.kubectl("annotate", "statefulset", "rg", "--overwrite", *(f"{name}={value}" for name, value in notes.items()))
    shown = rg.must("up", "--yes")
    assert "damaged annotation" in shown
    assert f'metadata.annotations["{key}"]' in shown
    assert identities(rg) == before
    assert rg.uids() == pods
