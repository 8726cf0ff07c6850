"""What all of the component's objects have in common: names, labels, and leaving out what the user left out."""

from typing import Any

import pulumi

from pulumi_stateful_service.arguments.defaults import selector
from pulumi_stateful_service.arguments.types import StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, without_empty
from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.foundation.outputs import apply_inputs

FORCED = {"pulumi.com/patchForce": "true"}
"""Lets Pulumi's provider take fields over from whoever set them last."""


def labels(args: StatefulServiceArgs) -> dict[str, Any]:
    """The labels of every object and of the Pods."""
    return {**args.get("labels", {}), **selector(args)}


def metadata(args: StatefulServiceArgs, name: pulumi.Input[str]) -> KubernetesObject:
    """Metadata of a namespaced object. Names are explicit: a claim is named after its set."""
    return without_empty(
        name=name,
        namespace=args.get("namespace"),
        labels=labels(args),
        annotations={**annotations(args), **(FORCED if args.get("adopt") else {})},
    )


def annotations(args: StatefulServiceArgs) -> dict[str, Any]:
    """The annotations of every object.

    Pulumi's provider would own fields under a name that it draws when it creates an object, and notes in its state. An
    object that is created a second time, since that state was lost or never written, would then have two owners.
    """
    return {"pulumi.com/patchFieldManager": apply_inputs(field_manager, args["name"]), **args.get("annotations", {})}
