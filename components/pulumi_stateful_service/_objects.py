"""What all of the component's objects have in common: names, labels, and leaving out what the user left out."""

from collections.abc import Mapping
from typing import Any

import pulumi

from ._arguments import StatefulServiceArgs
from ._inputs import lifted
from ._names import field_manager

KubernetesObject = dict[str, Any]
"""A Kubernetes object, or a part of one, in Kubernetes' own words."""

FORCED = {"pulumi.com/patchForce": "true"}
"""Lets Pulumi's provider take fields over from whoever set them last."""


def first_ordinal(args: StatefulServiceArgs) -> pulumi.Input[int]:
    """Where the numbering of the instances starts."""
    return args.get("ordinals", {}).get("start", 0)


def cluster_domain(args: StatefulServiceArgs) -> pulumi.Input[str]:
    """The cluster's DNS domain."""
    return args.get("cluster_domain", "cluster.local")


def selector(args: StatefulServiceArgs) -> dict[str, Any]:
    """The labels by which the set and the Services know the Pods. A set's selector can't be changed in place."""
    own = {"app.kubernetes.io/name": args["name"], "app.kubernetes.io/instance": args["name"]}
    return dict(args.get("selector", own))


def labels(args: StatefulServiceArgs) -> dict[str, Any]:
    """The labels of every object and of the Pods."""
    return {**args.get("labels", {}), **selector(args)}


def metadata(args: StatefulServiceArgs, name: pulumi.Input[str]) -> KubernetesObject:
    """Metadata of a namespaced object. Names are explicit: a claim is named after its set."""
    return given(
        name=name,
        namespace=args.get("namespace"),
        labels=labels(args),
        annotations={**annotations(args), **(FORCED if args.get("take_over") else {})},
    )


def annotations(args: StatefulServiceArgs) -> dict[str, Any]:
    """The annotations of every object.

    Pulumi's provider would own fields under a name that it draws when it creates an object, and notes in its state. An
    object that is created a second time, since that state was lost or never written, would then have two owners.
    """
    return {"pulumi.com/patchFieldManager": lifted(field_manager, args["name"]), **args.get("annotations", {})}


def given(**fields: Any) -> KubernetesObject:
    """The fields that say something, so that an object has no empty ones."""
    return {key: value for key, value in fields.items() if not _says_nothing(value)}


def renamed(source: Mapping[str, Any], **fields: str) -> KubernetesObject:
    """Fields of an argument under Kubernetes' names: ``renamed(probe, periodSeconds="period_seconds")``."""
    return given(**{key: source.get(own) for key, own in fields.items()})


def _says_nothing(value: Any) -> bool:
    # An Output has no length and no truth before it is known; what it holds was given by the user.
    return value is None or (isinstance(value, dict | list) and not value)
