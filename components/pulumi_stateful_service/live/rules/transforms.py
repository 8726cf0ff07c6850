"""Changes that a user's transform makes to the component's StatefulSet."""

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject

_REQUIRED_ANNOTATIONS = ("pulumi-stateful-service/", "pulumi.com/")
"""Prefixes of the annotations that the component itself and Pulumi's provider read."""


def transform_refusals(before: KubernetesObject, after: KubernetesObject) -> list[str]:
    """Refuses transforms of what the component relies on. Each refusal is a clause.

    Takes the StatefulSet before and after the transforms: its annotations, and arguments by their names as ``spec``.
    """
    changed = [
        f"a transform changes {argument} from {value!r} to {after['spec'][argument]!r}: use the argument {argument}"
        for argument, value in before["spec"].items()
        if argument in after["spec"] and after["spec"][argument] != value
    ]
    removed = [
        f"a transform removes the annotation {key}, which the component requires: add annotations to the existing ones"
        for key in before["metadata"]["annotations"]
        if key.startswith(_REQUIRED_ANNOTATIONS) and key not in after["metadata"]["annotations"]
    ]
    return [*changed, *removed]
