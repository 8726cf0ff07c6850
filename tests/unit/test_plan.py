"""The plan: what is registered, in which order, and after what."""

from typing import TYPE_CHECKING, Any, cast

import pytest
from pulumi_stateful_service.arguments.check_arguments import check_arguments
from pulumi_stateful_service.arguments.groups import service_groups
from pulumi_stateful_service.component import StatefulService
from pulumi_stateful_service.plan import After, plan
from pulumi_stateful_service.service_outputs import OUTPUTS
from pulumi_stateful_service.testing import deploy

if TYPE_CHECKING:
    from pulumi_stateful_service import StatefulServiceArgs

EVERYTHING: dict[str, Any] = {
    "image": "db:1",
    "replicas": 2,
    "ports": {"client": 5432},
    "volumes": [{"name": "data", "mount_path": "/data", "size": "1Gi"}],
    "storage_class": {"provisioner": "ebs.csi.aws.com"},
    "quorum": True,
    "network_policy": {},
    "secret_env": {"PASSWORD": "secret"},
    "load_balancer": {},
    "instance_services": {},
}
SMALLEST: dict[str, Any] = {"image": "db:1"}


def planned(arguments: dict[str, Any]) -> list[tuple[str, str, After]]:
    found: list[tuple[str, str, After]] = []

    def program() -> None:
        args, _ = check_arguments("db", cast("StatefulServiceArgs", arguments))
        found.extend((each.kind, f"db{each.suffix}", each.after) for each in plan(service_groups(args), None, "label"))

    deploy(program)
    return found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            SMALLEST,
            [("Service", "db-governing", After.CHECKS), ("StatefulSet", "db", After.PREREQUISITES)],
        ),
        (
            EVERYTHING,
            [
                ("StorageClass", "db-storage-class", After.CHECKS),
                ("PodDisruptionBudget", "db-budget", After.CHECKS),
                ("NetworkPolicy", "db-network", After.CHECKS),
                ("Secret", "db-env", After.CHECKS),
                ("Service", "db-governing", After.CHECKS),
                ("StatefulSet", "db", After.PREREQUISITES),
                ("Service", "db-load-balancer", After.ROLLOUT),
                ("Service", "db-0", After.ROLLOUT),
                ("Service", "db-1", After.ROLLOUT),
            ],
        ),
    ],
)
def test_p01_the_plan(arguments: dict[str, Any], expected: Any) -> None:
    """What an instance needs comes before the set, Services for clients after the rollout."""
    assert planned(arguments) == expected


def test_every_output_is_listed() -> None:
    """The component's annotations are its outputs, in this order."""
    assert tuple(StatefulService.__annotations__) == OUTPUTS


@pytest.mark.parametrize(
    ("arguments", "is_ours"),
    [
        ({}, False),
        ({"rollout": {"steps": [1]}}, True),
        ({"resize": "Replace"}, False),
        ({"resize": "InPlace"}, True),
        ({"resize": "InPlaceOrReplace"}, True),
        ({"resize": "InPlace", "canary": 1}, False),
        ({"resize": "InPlace", "partition": 1}, False),
        ({"resize": "InPlace", "leader_last": {"labels": {"role": "leader"}}}, False),
    ],
)
def test_the_partition_is_left_to_the_component_where_it_sets_it(arguments: dict[str, Any], is_ours: bool) -> None:
    """Otherwise Pulumi sends the program's, and none with OnDelete, which leader_last is made of."""
    args = cast("StatefulServiceArgs", {**SMALLEST, "replicas": 2, **arguments})
    deployed = deploy(lambda: StatefulService("db", args))
    ignored = deployed.one("StatefulSet", "db").options.ignore_changes
    assert ("spec.updateStrategy.rollingUpdate.partition" in ignored) == is_ours
