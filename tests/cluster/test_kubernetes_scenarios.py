"""Kubernetes' own scenarios of StatefulSets (test/e2e/apps/statefulset.go) that no other test here covers.

``docs/kubernetes-scenarios.md`` lists all of them with their tests.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness import CHAPTER, SOON, Service, eventually, only, watching
from lightkube import Client
from lightkube.models.core_v1 import Container, ContainerPort, PodSpec
from lightkube.models.meta_v1 import ObjectMeta, OwnerReference
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import ConfigMap, Node, PersistentVolumeClaim, Pod
from test_rollouts import NEW, images

Make = Callable[..., Service]
FAILING = {"image": "nothing-of-this-name:1.0", "image_pull_policy": "Never"}
PORT = 21017


def owned_by(rg: Service, pod: str) -> bool:
    return bool(rg.pods()[pod].metadata.ownerReferences)


def label(rg: Service, pod: str, value: str | None) -> None:
    """Changes the label by which the StatefulSet selects its Pods."""
    patch = {"metadata": {"labels": {"app.kubernetes.io/name": value}}}
    rg.client.patch(Pod, pod, patch, namespace=rg.namespace)


def test_a_pod_that_no_longer_matches_is_released_and_one_that_matches_is_adopted(service: Make) -> None:
    """Released, it has no owner; with its label again it is adopted, and an up has nothing to do."""
    rg = service(replicas=1)
    rg.up()
    uid = rg.uids()["rg-0"]
    label(rg, "rg-0", "somebody-else")
    eventually("it is released", lambda: not owned_by(rg, "rg-0"))
    label(rg, "rg-0", "rg")
    eventually("it is adopted", lambda: owned_by(rg, "rg-0"))
    assert rg.uids()["rg-0"] == uid
    rg.unchanged()


def test_p10_deleted_pods_below_the_partition_come_back_while_the_canary_fails(service: Make) -> None:
    """A partition of 1 and a container that fails: rg-0 comes back with its version, and the next up fixes rg-1."""
    rg = service(replicas=2, partition=1, pod_management_policy="Parallel")
    rg.up()
    rg.set(**FAILING, rollout_timeout_seconds=SOON)
    assert "rg-1: container app: ErrImageNeverPull" in rg.must_fail("up", "--yes", "--skip-preview")
    rg.replace_pod("rg-0")
    assert images(rg)["rg-0"] == "1.0"
    rg.deploy(image=NEW, image_pull_policy=None, rollout_timeout_seconds=None)
    assert images(rg) == {"rg-0": "1.0", "rg-1": "2.0"}


@pytest.mark.long
def test_an_instance_whose_host_port_is_taken_is_recreated_until_it_is_free(service: Make, client: Client) -> None:
    """Another Pod has the port: up says that no node is free for the instance, which starts when the port is free."""
    rg = service(
        replicas=1,
        rollout_timeout_seconds=SOON,
        security={"standard": "privileged"},
        pod_template={"spec": {"containers": [{"name": "app", "ports": [{"containerPort": PORT, "hostPort": PORT}]}]}},
    )
    nodes: Any = client.list(Node)
    node = next(iter(nodes)).metadata.name
    holder = Pod(
        metadata=ObjectMeta(name="holder"),
        spec=PodSpec(
            nodeName=node,
            containers=[
                Container(
                    name="holder",
                    image="random-generator:1.0",
                    ports=[ContainerPort(containerPort=PORT, hostPort=PORT)],
                )
            ],
        ),
    )
    client.create(holder, namespace=rg.namespace)
    eventually("the port is taken", lambda: rg.is_ready("holder"))
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-0: cannot be scheduled" in said
    assert "free ports" in said
    client.delete(Pod, "holder", namespace=rg.namespace)
    rg.deploy(rollout_timeout_seconds=None)
    assert rg.is_ready("rg-0")


def test_a_changed_scale_is_reported_and_undone(service: Make) -> None:
    """Through the scale subresource, as an autoscaler does: two become one, and up restores two."""
    rg = service()
    rg.up()
    scaled = {"spec": {"replicas": 1}}
    rg.client.patch(StatefulSet.Scale, "rg", scaled, namespace=rg.namespace)
    eventually("one is left", lambda: sorted(rg.pods()) == ["rg-0"])
    said = rg.must("up", "--yes", "--skip-preview", "--refresh")
    assert "spec.replicas = 1" in said
    assert sorted(rg.pods()) == ["rg-0", "rg-1"]


@pytest.fixture
def owner(client: Client) -> Iterator[Callable[[Service, str], None]]:
    """Gives a claim an owner that is not the StatefulSet; afterwards it has none."""
    given: list[tuple[Service, str]] = []

    def give(rg: Service, claim: str) -> None:
        made: Any = client.create(ConfigMap(metadata=ObjectMeta(name="owner")), namespace=rg.namespace)
        uid = str(made.metadata.uid)
        reference = OwnerReference(apiVersion="v1", kind="ConfigMap", name="owner", uid=uid, controller=True)
        patch = {"metadata": {"ownerReferences": [reference.to_dict()]}}
        client.patch(PersistentVolumeClaim, claim, patch, namespace=rg.namespace)
        given.append((rg, claim))

    yield give
    for rg, claim in given:
        if claim in rg.claims():
            client.patch(PersistentVolumeClaim, claim, {"metadata": {"ownerReferences": None}}, namespace=rg.namespace)


def test_p06_a_claim_that_somebody_else_owns_is_not_deleted(
    service: Make, owner: Callable[[Service, str], None]
) -> None:
    """Neither by scaling down nor by destroy, whatever the policy says."""
    rg = service()
    rg.up()
    owner(rg, "logs-rg-1")
    owned = "PersistentVolumeClaim logs-rg-1 is owned by ConfigMap owner, and Kubernetes deletes it with that"
    assert owned in rg.must("preview")
    rg.deploy(persistent_volume_claim_retention_policy={"when_scaled": "Delete", "when_deleted": "Delete"})
    rg.deploy(replicas=1)
    eventually("only one is left", lambda: sorted(rg.pods()) == ["rg-0"])
    assert "logs-rg-1" in rg.claims()
    rg.deploy(replicas=2)
    assert sorted(rg.claims()) == ["logs-rg-0", "logs-rg-1"]
    rg.destroy()
    eventually("its own claim is deleted", lambda: "logs-rg-0" not in rg.claims())
    assert "logs-rg-1" in rg.claims()


@pytest.mark.parametrize("policy", ["when_scaled", "when_deleted"])
@pytest.mark.long
def test_p06_the_claim_of_an_adopted_pod_is_deleted_as_the_others_are(service: Make, policy: str) -> None:
    """A Pod that was orphaned and adopted: its claim is deleted with it where the policy says so, and not before."""
    rg = service(persistent_volume_claim_retention_policy={policy: "Delete"})
    rg.up()
    orphaned = {"metadata": {"ownerReferences": None}}
    rg.client.patch(Pod, "rg-1", orphaned, namespace=rg.namespace)
    eventually("it is adopted again", lambda: owned_by(rg, "rg-1"))
    assert sorted(rg.claims()) == ["logs-rg-0", "logs-rg-1"]
    if policy == "when_scaled":
        rg.deploy(replicas=1)
        eventually("its claim is deleted", lambda: sorted(rg.claims()) == ["logs-rg-0"])
    else:
        rg.destroy()
        eventually("the claims are deleted", lambda: rg.claims() == {})


@pytest.mark.long
def test_the_first_ordinal_moves_where_no_claim_is_left_behind(service: Make) -> None:
    """Without volumes: increased, decreased and removed, instances come and go, and the others keep running."""
    env = {key: value for key, value in CHAPTER["env"].items() if key != "LOG_FILE"}
    rg = service(volumes=None, env=env, ordinals={"start": 3})
    rg.up()
    assert sorted(rg.pods()) == ["rg-3", "rg-4"]
    for start, expected in ((2, ["rg-2", "rg-3"]), (4, ["rg-4", "rg-5"]), (None, ["rg-0", "rg-1"])):
        before = rg.uids()
        with watching(rg) as events:
            rg.deploy(ordinals=None if start is None else {"start": start})
        assert sorted(rg.pods()) == expected
        kept = before.keys() & set(expected)
        assert {pod: rg.uids()[pod] for pod in kept} == {pod: before[pod] for pod in kept}
        assert {pod for _, pod in only(events, "deleted")} == before.keys() - kept
        rg.unchanged()
