"""The argument ``groups``, against those of the service."""

from pulumi_stateful_service.arguments.cross_checks.cross_checks import CrossChecks
from pulumi_stateful_service.arguments.types import GroupArgs, StatefulServiceArgs
from pulumi_stateful_service.arguments.value_checks.checks import set_name
from pulumi_stateful_service.foundation.names import DISCOVERED_IN_GROUPS, GROUP_LABEL, group_set_name

_ZONE = "topology.kubernetes.io/zone"

OF_GROUPS = ("replicas", "ordinals", "partition", "canary", "restore", "recreate_claims", "rebuild")
"""Arguments that a service with groups has in each group."""

NOT_WITH_GROUPS = {
    "autoscaled": "an autoscaler scales one StatefulSet; scale the groups with replicas",
    "adopt": "adopt the StatefulSet first, then give the service a group that keeps it (stateful_set_name)",
    "form_cluster": "groups start side by side, and each would form a cluster; have a start script of one do it",
    "recover": "it chooses among the instances of one StatefulSet",
    "instance_services": "its names and node ports are numbered by ordinal, which each group has; use client_services "
    f"with the label {GROUP_LABEL}",
}
"""Arguments that a service with groups cannot have, and why."""


def check(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Checks groups against the service's arguments. Raises before defaults are set."""
    if "groups" not in args:
        if "group_order" in args:
            raise checks.error("group_order requires groups")
        return
    for argument in OF_GROUPS:
        if argument in args:
            raise checks.error(f"{argument} and groups are mutually exclusive: give it to each group")
    for argument, why in NOT_WITH_GROUPS.items():
        if args.get(argument, False) is not False:
            raise checks.error(f"{argument} and groups are mutually exclusive: {why}")
    _check_order(args, checks)
    _check_names(args, checks)
    for name, group in args["groups"].items():
        _check_group(args, name, group, checks)


def _check_group(args: StatefulServiceArgs, name: str, group: GroupArgs, checks: CrossChecks) -> None:
    path = f"groups[{name!r}]"
    volumes = [volume["name"] for volume in args.get("volumes", [])]
    for volume in group.get("volumes", {}):
        if volume not in volumes:
            known = ", ".join(volumes) or "there are none"
            raise checks.error(f"{path}.volumes has {volume!r}, which is not the name of a volume; there are: {known}")
    if "zone" in group and _ZONE in group.get("node_selector", {}):
        raise checks.error(f"{path}.zone and {path}.node_selector[{_ZONE!r}] are mutually exclusive")
    for variable in DISCOVERED_IN_GROUPS if "discovery" in args else ():
        if variable in group.get("env", {}):
            raise checks.error(f"{path}.env[{variable!r}] is set by discovery too")


def _check_order(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    names = sorted(args["groups"])
    if "group_order" in args and sorted(args["group_order"]) != names:
        raise checks.error_of_value(
            "group_order", list(args["group_order"]), f"must have each of groups once: {', '.join(names)}"
        )


def _check_names(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    keeping = [name for name, group in args["groups"].items() if "stateful_set_name" in group]
    if len(keeping) > 1:
        raise checks.error(
            f"groups {' and '.join(map(repr, keeping))} have a stateful_set_name: only one can keep the StatefulSet of "
            "the service"
        )

    def is_of_service(given: str, name: str) -> None:
        if given != name:
            raise checks.error_of_value(
                f"groups[{keeping[0]!r}].stateful_set_name", given, f"must be the name of the service, {name!r}"
            )

    def is_short_enough(service: str, name: str) -> None:
        if allowed := set_name(full := group_set_name(service, name)):
            raise checks.error_of_value(f"the name of the StatefulSet of group {name!r}", full, allowed)

    for name in args["groups"].keys() - keeping:
        checks.check(is_short_enough, args["name"], name)
    for name in keeping:
        checks.check(is_of_service, args["groups"][name]["stateful_set_name"], args["name"])
