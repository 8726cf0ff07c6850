"""Metadata that all of the component's objects share: names, labels and annotations."""

from typing import Any

import pulumi

from pulumi_stateful_service.arguments.defaults import selector
from pulumi_stateful_service.arguments.types import StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, without_empty
from pulumi_stateful_service.foundation.names import FIELD_MANAGER_ANNOTATION, field_manager
from pulumi_stateful_service.foundation.outputs import apply_inputs

FORCE_CONFLICTS = {"pulumi.com/patchForce": "true"}
"""Makes Pulumi's provider take over fields from other field managers, instead of failing with a conflict."""


def object_metadata(args: StatefulServiceArgs, name: pulumi.Input[str]) -> KubernetesObject:
    """``metadata`` of a namespaced object. Names are explicit, because claims are named after their StatefulSet."""
    return without_empty(
        name=name,
        namespace=args.get("namespace"),
        labels=common_labels(args),
        annotations={**common_annotations(args), **(FORCE_CONFLICTS if args.get("adopt") else {})},
    )


def common_labels(args: StatefulServiceArgs) -> dict[str, Any]:
    """The labels of every object, and of the Pods."""
    return {**args.get("labels", {}), **selector(args)}


def common_annotations(args: StatefulServiceArgs) -> dict[str, Any]:
    """The annotations of every object.

    By default Pulumi's provider applies each object with a field manager of a random name, which it keeps in the state.
    An object that is created again, because that state was lost or never written, would then have two field managers.
    """
    return {FIELD_MANAGER_ANNOTATION: apply_inputs(field_manager, args["name"]), **args.get("annotations", {})}
