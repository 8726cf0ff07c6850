"""What a StatefulService registers, and after what: pure, so that a test can read it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pulumi

from pulumi_stateful_service.arguments.defaults import (
    ServiceSettings,
    has_disruption_budget,
    instance_service_ordinals,
    load_balancer_name,
    sets_partition,
)
from pulumi_stateful_service.arguments.groups import Group, ServiceGroups
from pulumi_stateful_service.arguments.types import StatefulServiceArgs, StorageClassArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL, GROUPS_ANNOTATION, ServiceRole
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.live.before.desired_set import IGNORED, IGNORED_WITH_CLAIMS
from pulumi_stateful_service.objects import files
from pulumi_stateful_service.objects.availability import disruption_budget, disruption_limit
from pulumi_stateful_service.objects.environment import secret
from pulumi_stateful_service.objects.security import network_policy
from pulumi_stateful_service.objects.services import (
    client_service,
    governing_service,
    instance_service,
    load_balancing_service,
)
from pulumi_stateful_service.objects.shared import Network, Shared
from pulumi_stateful_service.objects.stateful_set import stateful_set
from pulumi_stateful_service.objects.storage import storage_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class After(StrEnum):
    """What a resource waits for."""

    CHECKS = "checks"
    """The arguments are known and right."""
    PREREQUISITES = "prerequisites"
    """Everything that an instance needs when it starts is there."""
    ROLLOUT = "rollout"
    """The instances are ready."""


GOVERNING = "-governing"
"""What the name of the governing Service in Pulumi has after the component's."""

_REPLACED_IN_PLACE = pulumi.ResourceOptions(delete_before_replace=True)
"""For an object with a name of its own: created first, it would be deleted with the one that it replaces."""


@dataclass(frozen=True)
class Planned:
    """A resource to register."""

    kind: str
    """Its kind in Kubernetes."""
    suffix: str
    """What its name in Pulumi has after the component's."""
    fields: KubernetesObject
    """The Kubernetes object without ``apiVersion`` and ``kind``."""
    after: After
    options: pulumi.ResourceOptions | None = None
    role: ServiceRole | None = None
    """Of a Service for clients; it tells which of the outputs has its address."""
    group: Group | None = None
    """Whose it is; None for what all groups have together."""


def plan(
    of_service: ServiceGroups, class_name: pulumi.Input[str] | None, component_label: pulumi.Input[str]
) -> list[Planned]:
    """The resources of a service in the order of their registration.

    A storage class that is created after the StatefulSet would leave its Pods pending. Services for clients come last:
    Pulumi's provider waits until they have Pods to lead to.
    """
    args, shared = of_service.args, Shared.of_service(of_service)
    network = Network.of(args)
    prerequisites: Sequence[tuple[bool, Callable[[], Planned]]] = (
        ("storage_class" in args, lambda: _storage_class(shared, class_name, args["storage_class"])),
        (
            has_disruption_budget(args),
            lambda: _prerequisite("PodDisruptionBudget", "-budget", disruption_budget(shared, disruption_limit(args))),
        ),
        (
            "network_policy" in args,
            lambda: _prerequisite("NetworkPolicy", "-network", network_policy(shared, network, args["network_policy"])),
        ),
    )
    clients = []
    if "load_balancer" in args:
        after = _after(args["load_balancer"])
        clients.append(
            Planned(
                "Service",
                "-load-balancer",
                load_balancing_service(shared, network, load_balancer_name(args), args["load_balancer"]),
                after,
                _REPLACED_IN_PLACE,
                ServiceRole.LOAD_BALANCING,
            )
        )
    for name, settings in args.get("client_services", {}).items():
        clients.append(
            Planned(
                "Service",
                f"-client-{name}",
                client_service(shared, network, name, settings),
                _after(settings),
                _REPLACED_IN_PLACE,
                ServiceRole.CLIENT,
            )
        )
    if "instance_services" in args:
        after = _after(args["instance_services"])
        clients.extend(
            Planned(
                "Service",
                f"-{ordinal}",
                instance_service(shared, network, ordinal, args["instance_services"]),
                after,
                _REPLACED_IN_PLACE,
                ServiceRole.INSTANCE,
            )
            for ordinal in instance_service_ordinals(args)
        )
    resources = [
        *(make() for wanted, make in prerequisites if wanted),
        *(each for group in of_service.groups for each in _versions(of_service, group)),
        *(each for each in clients if each.after is After.CHECKS),
        _governing(shared, network, of_service),
        *(_stateful_set(of_service, group, network, class_name) for group in of_service.groups),
        *(each for each in clients if each.after is After.ROLLOUT),
    ]
    # The others are known by their field manager, which has the StatefulSet's name; a class has no namespace.
    for each in resources:
        if each.kind in {"StatefulSet", "StorageClass"}:
            each.fields["metadata"]["labels"] |= {COMPONENT_LABEL: component_label}
    return resources


def _after(settings: ServiceSettings) -> After:
    return After.CHECKS if settings.get("before_instances") else After.ROLLOUT


def _prerequisite(kind: str, suffix: str, fields: KubernetesObject) -> Planned:
    return Planned(kind, suffix, fields, After.CHECKS, _REPLACED_IN_PLACE)


def _versions(of_service: ServiceGroups, group: Group) -> Iterator[Planned]:
    """The Secrets and ConfigMaps with the values and files of a group."""
    args, shared = group.args, Shared.of_group(of_service, group)

    def version(kind: str, suffix: str, fields: KubernetesObject) -> Planned:
        return replace(_prerequisite(kind, f"{_suffix(group)}{suffix}", fields), group=group)

    if "secret_env" in args:
        yield version("Secret", "-env", secret(shared, args["secret_env"]))
    if args.get("config_files"):
        yield version("ConfigMap", "-config-files", files.config_map(shared, args["config_files"]))
    if args.get("secret_files"):
        yield version("Secret", "-secret-files", files.secret(shared, args["secret_files"]))


def _stateful_set(
    of_service: ServiceGroups, group: Group, network: Network, class_name: pulumi.Input[str] | None
) -> Planned:
    return Planned(
        "StatefulSet",
        _suffix(group),
        stateful_set(Shared.of_group(of_service, group), network, group.args, class_name),
        After.PREREQUISITES,
        pulumi.ResourceOptions(ignore_changes=_ignored_fields(group.args)),
        group=group,
    )


def _suffix(group: Group) -> str:
    """What the names in Pulumi of a group's resources have after the component's.

    Pulumi's state has the StatefulSet of a service without groups under its name, so the group that keeps it does too.
    """
    return f"-group-{group.name}" if group.name and not group.keeps_set else ""


def _governing(shared: Shared, network: Network, of_service: ServiceGroups) -> Planned:
    args = of_service.args
    fields = governing_service(
        shared,
        network,
        args["service_name"],
        args.get("governing_service", {}),
        args.get("publish_not_ready_addresses"),
    )
    if of_service.has_groups:
        # What makes Pulumi update the Service when a group is removed, which is when that is examined.
        note = apply_inputs(_as_json, of_service.set_names)
        fields["metadata"]["annotations"] = {**fields["metadata"]["annotations"], GROUPS_ANNOTATION: note}
    return Planned("Service", GOVERNING, fields, After.CHECKS, _REPLACED_IN_PLACE)


def _as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _storage_class(shared: Shared, class_name: Any, settings: StorageClassArgs) -> Planned:
    # The API refuses to change these fields. Volumes and claims do not need their class once they are made.
    options = pulumi.ResourceOptions(replace_on_changes=["reclaimPolicy", "volumeBindingMode"])
    options = pulumi.ResourceOptions.merge(options, _REPLACED_IN_PLACE)
    return Planned("StorageClass", "-storage-class", storage_class(shared, class_name, settings), After.CHECKS, options)


def _ignored_fields(args: StatefulServiceArgs) -> list[str]:
    """The fields of the StatefulSet that Pulumi leaves as they are after its creation."""
    fields = [*IGNORED, *(IGNORED_WITH_CLAIMS if args["volumes"] else ())]
    if args.get("autoscaled") or "members" in args:
        # The provider does not send ignored fields that another field manager owns. With members the component
        # changes it, one by one.
        fields.append("spec.replicas")
    if "rollout" in args or sets_partition(args):
        # The component changes it from step to step, and while Pods are resized.
        fields.append("spec.updateStrategy.rollingUpdate.partition")
    return fields
