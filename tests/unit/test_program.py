"""The program and its stacks, from the stack's configuration alone."""

from pathlib import Path

import pytest
import yaml
from pulumi_stateful_service.testing import Deployment, deploy_stack

ROOT = Path(__file__).parents[2]
PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())


def deployed(stack: str, **changes: str) -> Deployment:
    return deploy_stack(stack, ROOT, config=changes)


@pytest.mark.parametrize(
    ("stack", "namespace", "replicas", "size", "policy", "partition"),
    [
        ("dev", "default", 2, "10Mi", "Parallel", 0),
        ("staging", "staging", 3, "50Mi", "OrderedReady", 2),
        ("prod", "prod", 3, "100Mi", "OrderedReady", 0),
    ],
)
def test_p15_each_stack_has_its_own_sizes(
    stack: str, namespace: str, replicas: int, size: str, policy: str, partition: int
) -> None:
    """One program, three environments, differing by configuration alone."""
    made = deployed(stack).stateful_set("rg")
    assert made.metadata["namespace"] == namespace
    assert made.spec["replicas"] == replicas
    assert made.spec["podManagementPolicy"] == policy
    assert made.spec["updateStrategy"]["rollingUpdate"]["partition"] == partition
    assert made.spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == size


def test_p15_each_stack_has_its_own_class() -> None:
    """Dev makes one, staging takes the cluster's default, prod makes one that keeps and grows."""
    [dev] = deployed("dev").all("StorageClass")
    assert (dev.metadata["name"], dev.inputs["reclaimPolicy"]) == ("random-generator-dev-rg", "Delete")
    staging = deployed("staging")
    assert not staging.all("StorageClass")
    assert "storageClassName" not in staging.stateful_set().spec["volumeClaimTemplates"][0]["spec"]
    [prod] = deployed("prod").all("StorageClass")
    assert (prod.inputs["reclaimPolicy"], prod.inputs["allowVolumeExpansion"]) == ("Retain", True)


@pytest.mark.parametrize(("stack", "kind"), [("dev", "ClusterIP"), ("staging", None), ("prod", "LoadBalancer")])
def test_p15_each_stack_is_reached_in_its_own_way(stack: str, kind: str | None) -> None:
    """Inside the cluster, by name alone, or through a load balancer."""
    services = [service.spec.get("type") for service in deployed(stack).all("Service")]
    assert services == ([None] if kind is None else [None, kind])


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_destroy_leaves_the_namespace(stack: str) -> None:
    """A namespace takes its claims with it, so it is kept; the service waits for it."""
    made = deployed(stack)
    namespace = made.one("NamespacePatch")
    assert namespace.options.retain_on_delete
    made.assert_order(namespace, made.governing_service())
    made.service("rg").assert_claims_are_kept()


def test_everything_goes_to_the_named_context() -> None:
    """The provider is told its context, and every object goes through it: nothing lands in the current one."""
    made = deployed("prod", context="my-cluster")
    cluster = made.one("kubernetes")
    assert cluster.inputs["context"] == "my-cluster"
    providers = {each.options.provider for each in made.resources if ":core/" in each.type}
    assert providers == {cluster.urn}


def test_every_key_says_what_it_is() -> None:
    """Each configuration key has a type and a description."""
    for key, declared in PROJECT["config"].items():
        assert declared.keys() >= {"type", "description"}, key


def test_no_stack_has_a_key_that_the_project_does_not_declare() -> None:
    """A misspelt key would be taken without a word."""
    for file in (ROOT / "stacks").glob("Pulumi.*.yaml"):
        keys = {key.partition(":")[2] for key in yaml.safe_load(file.read_text())["config"]}
        assert keys <= PROJECT["config"].keys()
