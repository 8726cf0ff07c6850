"""The entry: arguments by themselves, then against each other."""

from typing import cast

import pulumi

from pulumi_stateful_service.arguments.cross_checks import availability, groups, network, pods, rollout, storage
from pulumi_stateful_service.arguments.cross_checks.cross_checks import CrossChecks
from pulumi_stateful_service.arguments.groups import service_groups
from pulumi_stateful_service.arguments.types import StatefulServiceArgs
from pulumi_stateful_service.arguments.value_checks.checks import set_name
from pulumi_stateful_service.arguments.value_checks.table import CHECKS
from pulumi_stateful_service.arguments.value_checks.value_checks import ValueChecks


def check_arguments(
    component_name: str, args: object, resource: pulumi.Resource | None = None
) -> tuple[StatefulServiceArgs, CrossChecks]:
    """The arguments with the defaults of name, service_name, replicas, ports and volumes, and what is left to check.

    Raises ArgumentError at the first mistake. Mistakes that show only when an Output is known are raised by
    ``CrossChecks.run``.
    """
    prefix = f"StatefulService {component_name!r}"
    value_checks = ValueChecks(prefix, CHECKS)
    checked = cast("StatefulServiceArgs", value_checks.check(args, StatefulServiceArgs))
    checks = CrossChecks(prefix, resource, value_checks.outputs)
    if "name" not in checked:
        if allowed := set_name(component_name):
            raise checks.error(
                f"name is required, because the component's name cannot name a StatefulSet: it {allowed}"
            )
        checked["name"] = component_name
    checked.setdefault("service_name", checked["name"])
    groups.check(checked, checks)
    checked.setdefault("replicas", 1)
    checked.setdefault("ports", {})
    checked.setdefault("volumes", [])
    storage.set_sizes(checked, checks)
    of_service = service_groups(checked)
    # What the service itself says wrongly is no group's mistake.
    checked_sets = [(checks, of_service.args), *((checks.within(each.name), each.args) for each in of_service.groups)]
    for of_set, set_args in checked_sets if of_service.has_groups else checked_sets[:1]:
        pods.check(set_args, of_set)
        storage.check(set_args, of_set, of_service.args["replicas"])
        rollout.check(set_args, of_set)
    network.check(of_service.args, checks)
    availability.check(of_service.args, checks)
    return checked, checks
