"""Renamed components: the URNs that a component had, and the aliases that its children need."""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi.resource import DependencyResource
from pulumi.runtime.resource import all_aliases, collapse_alias_to_urn, inherited_child_alias

from pulumi_stateful_service.foundation.names import COMPONENT_TYPE


def earlier_urns(name: str, opts: pulumi.ResourceOptions | None) -> list[pulumi.Input[str]]:
    """The URNs that the component has by its aliases."""
    if opts and isinstance(opts.parent, DependencyResource):
        # In a plugin the parent is known by its URN alone, and so not what the component inherits from it. The stack as
        # a parent is not part of its children's URNs.
        urns = [collapse_alias_to_urn(alias, name, COMPONENT_TYPE, opts.parent) for alias in opts.aliases or []]
        return [urn.apply(lambda urn: urn.replace("::pulumi:pulumi:Stack$", "::")) for urn in urns]
    return all_aliases(opts.aliases, name, COMPONENT_TYPE, opts.parent) if opts else []


def with_aliases_of_children(
    name: str, opts: pulumi.ResourceOptions | None, earlier: Sequence[pulumi.Input[str]]
) -> pulumi.ResourceOptions | None:
    """The options with a transformation that gives each child its aliases from a renamed component.

    Pulumi's engine passes the aliases of a parent on, but only in the operation that renames it. If that one fails
    half-way, the next would create the StatefulSet under its new name and then delete the old one, which is the same.
    """

    def alias(child: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if child.type_ == COMPONENT_TYPE:
            return None
        aliases: Any = [inherited_child_alias(child.name, name, urn, child.type_) for urn in earlier]
        more = pulumi.ResourceOptions(aliases=aliases)
        return pulumi.ResourceTransformationResult(child.props, pulumi.ResourceOptions.merge(child.opts, more))

    if not earlier:
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[alias]))
