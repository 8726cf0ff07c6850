"""The groups of a service: what the arguments say of each StatefulSet, and of all of them together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pulumi_stateful_service.arguments.defaults import selector
from pulumi_stateful_service.arguments.types import GroupArgs, StatefulServiceArgs, VolumeArgs
from pulumi_stateful_service.foundation.names import GROUP_LABEL, group_set_name
from pulumi_stateful_service.foundation.outputs import apply_inputs

_ZONE = "topology.kubernetes.io/zone"
_OF_SERVICE = ("groups", "group_order", "replicas")
"""What a single group does not have of the service."""
_MERGED = ("env", "config_files", "node_selector")
"""Maps that are the service's with the group's over them."""
_OWN = ("stateful_set_name", "zone", "volumes")
"""What becomes other arguments."""


@dataclass(frozen=True)
class Group:
    """One StatefulSet of a service."""

    name: str
    """Of the group; empty for the only StatefulSet of a service without groups."""
    args: StatefulServiceArgs
    """What the arguments of the service and of the group say together, as if it were a service of its own."""
    keeps_set: bool = False
    """Whether it has the StatefulSet of the service without groups, whose Pods know nothing of groups."""


@dataclass(frozen=True)
class ServiceGroups:
    """All StatefulSets of a service, in the order in which they are updated."""

    args: StatefulServiceArgs
    """What holds for all of them; ``replicas`` is the number of all instances."""
    groups: Sequence[Group]

    @property
    def has_groups(self) -> bool:
        """Whether the program has given the argument ``groups``."""
        return bool(self.groups[0].name)

    @property
    def set_names(self) -> Mapping[str, Any]:
        """The name of each StatefulSet, by that of its group."""
        return {group.name: group.args["name"] for group in self.groups}

    def instances_before(self, group: Group) -> Any:
        """How many instances the groups have that are updated before this one."""
        before = self.groups[: self.groups.index(group)]
        return apply_inputs(_total, *(each.args["replicas"] for each in before)) if before else 0


def service_groups(args: StatefulServiceArgs) -> ServiceGroups:
    """The groups of checked arguments; one without a name where there is no argument ``groups``."""
    if "groups" not in args:
        return ServiceGroups(args, [Group("", args)])
    order = args.get("group_order", sorted(args["groups"]))
    groups = [_group(args, name, args["groups"][name]) for name in order]
    total = apply_inputs(_total, *(group.args["replicas"] for group in groups))
    return ServiceGroups(cast("StatefulServiceArgs", {**args, "replicas": total}), groups)


def _total(*replicas: int) -> int:
    return sum(replicas)


def _group(args: StatefulServiceArgs, name: str, own: GroupArgs) -> Group:
    keeps_set = "stateful_set_name" in own
    replacing = {key: value for key, value in own.items() if key not in (*_MERGED, *_OWN)}
    given, group_labels = cast("Mapping[str, Any]", own), {} if keeps_set else {GROUP_LABEL: name}
    common: dict[str, Any] = {key: value for key, value in args.items() if key not in _OF_SERVICE}
    merged: dict[str, Any] = {
        **common,
        "replicas": 1,
        **replacing,
        **{key: {**common.get(key, {}), **given[key]} for key in _MERGED if key in own},
        "name": own["stateful_set_name"] if keeps_set else apply_inputs(group_set_name, args["name"], name),
        "selector": {**selector(args), **group_labels},
        "volumes": [_volume(volume, given.get("volumes", {})) for volume in args["volumes"]],
    }
    if "zone" in own:
        merged["node_selector"] = {**merged.get("node_selector", {}), _ZONE: own["zone"]}
    return Group(name, cast("StatefulServiceArgs", merged), keeps_set)


def _volume(volume: VolumeArgs, of_group: Mapping[str, Any]) -> VolumeArgs:
    return cast("VolumeArgs", {**volume, **of_group.get(volume["name"], {})})
