"""What the objects of one service share. It is made once, and each builder gets it beside its own arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import pulumi

from pulumi_stateful_service.arguments.defaults import first_ordinal, selector
from pulumi_stateful_service.arguments.groups import Group, ServiceGroups
from pulumi_stateful_service.arguments.types import StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.names import FIELD_MANAGER_ANNOTATION, field_manager
from pulumi_stateful_service.foundation.outputs import apply_inputs

FORCE_CONFLICTS = {"pulumi.com/patchForce": "true"}
"""Makes Pulumi's provider take over fields from other field managers, instead of failing with a conflict."""


@dataclass(frozen=True)
class PodNumbers:
    """The Pods of a StatefulSet, by what their names are made of."""

    set_name: pulumi.Input[str]
    first: pulumi.Input[int]
    """The ordinal of the first."""
    replicas: pulumi.Input[int]


@dataclass(frozen=True)
class Shared:
    """Names, labels and annotations that all objects have."""

    name: pulumi.Input[str]
    """The StatefulSet's, and that of every object that has no other one."""
    namespace: pulumi.Input[str] | None
    """None for the provider's default."""
    selector: Mapping[str, Any]
    """The labels that select the Pods."""
    labels: Mapping[str, Any]
    """Those of every object, and of the Pods; the selector's are among them."""
    annotations: Mapping[str, Any]
    """Those of every object.

    By default Pulumi's provider applies each object with a field manager of a random name, which it keeps in the state.
    An object that is created again, because that state was lost or never written, would then have two field managers.
    """
    adopts: bool
    """Whether objects of the same names are taken over."""
    service_selector: Mapping[str, Any]
    """The labels that select the Pods of all groups."""
    sets: Sequence["PodNumbers"]
    """The StatefulSets of the service."""
    group: str = ""
    """Of the Pods; empty where they know of none."""

    @classmethod
    def of_service(cls, of_service: ServiceGroups) -> Self:
        """What the arguments say of the objects that all groups have together."""
        return cls._of(of_service.args, of_service)

    @classmethod
    def of_group(cls, of_service: ServiceGroups, group: Group) -> Self:
        """What the arguments say of the objects of one group."""
        return replace(cls._of(group.args, of_service), group="" if group.keeps_set else group.name)

    @classmethod
    def _of(cls, args: StatefulServiceArgs, of_service: ServiceGroups) -> Self:
        selected = selector(args)
        manager = {FIELD_MANAGER_ANNOTATION: apply_inputs(field_manager, args["name"])}
        return cls(
            name=args["name"],
            namespace=args.get("namespace"),
            selector=selected,
            labels={**args.get("labels", {}), **selected},
            annotations={**manager, **args.get("annotations", {})},
            adopts=args.get("adopt", False),
            service_selector=selector(of_service.args),
            sets=[
                PodNumbers(each.args["name"], first_ordinal(each.args), each.args["replicas"])
                for each in of_service.groups
            ],
        )

    def metadata(self, name: pulumi.Input[str] | None = None) -> KubernetesObject:
        """``metadata`` of a namespaced object. Names are explicit, because claims are named after their StatefulSet."""
        return without_empty(
            name=self.name if name is None else name,
            namespace=self.namespace,
            labels=dict(self.labels),
            annotations={**self.annotations, **(FORCE_CONFLICTS if self.adopts else {})},
        )


@dataclass(frozen=True)
class Network:
    """The ports of the instances, by their names, and what else all Services have."""

    ports: Mapping[str, Any]
    protocols: Mapping[str, Any]
    app_protocols: Mapping[str, Any]
    ip_families: KubernetesObject
    """``ipFamilyPolicy`` and ``ipFamilies``, as far as they are given."""

    @classmethod
    def of(cls, args: StatefulServiceArgs) -> Self:
        """What the arguments say of the network."""
        return cls(
            ports=args["ports"],
            protocols=args.get("port_protocols", {}),
            app_protocols=args.get("app_protocols", {}),
            ip_families=pick(args, ipFamilyPolicy="ip_family_policy", ipFamilies="ip_families"),
        )
