"""Fields of a StatefulSet, with the API's defaults where they are not set."""

import json

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import IDENTITY_ANNOTATION, SIZES_ANNOTATION

IDENTITY_FIELDS = ("selector", "serviceName", "podManagementPolicy", "revisionHistoryLimit", "volumeClaimTemplates")
"""Fields of the spec for whose changes Pulumi's provider replaces the StatefulSet."""


def first_ordinal(stateful_set: KubernetesObject) -> int:
    """``spec.ordinals.start``."""
    return int(stateful_set["spec"].get("ordinals", {}).get("start", 0))


def desired_ordinals(stateful_set: KubernetesObject) -> range:
    """The ordinals of the Pods that the StatefulSet controller creates."""
    start = first_ordinal(stateful_set)
    return range(start, start + int(stateful_set["spec"].get("replicas", 1)))


def first_updated_ordinal(stateful_set: KubernetesObject) -> int:
    """The first ordinal that a rolling update reaches: Kubernetes counts the partition from the first ordinal."""
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    return first_ordinal(stateful_set) + int((strategy.get("rollingUpdate") or {}).get("partition") or 0)


def is_updated_on_delete(stateful_set: KubernetesObject) -> bool:
    """Whether a Pod gets the new revision only when it is deleted."""
    return bool((stateful_set["spec"].get("updateStrategy") or {}).get("type") == "OnDelete")


def claim_templates(stateful_set: KubernetesObject) -> dict[str, KubernetesObject]:
    """``spec.volumeClaimTemplates`` by the name of the volume."""
    return {template["metadata"]["name"]: template for template in stateful_set["spec"].get("volumeClaimTemplates", [])}


def noted(live: KubernetesObject) -> KubernetesObject:
    """The live StatefulSet with the claim templates that the program had last; its own never change."""
    note = (live["metadata"].get("annotations") or {}).get(IDENTITY_ANNOTATION)
    by_name = {each["metadata"]["name"]: each for each in json.loads(note or "{}").get("volumeClaimTemplates", [])}
    templates = [
        {**by_name[name], "spec": {**by_name[name]["spec"], "resources": template["spec"]["resources"]}}
        if name in by_name
        else template
        for name, template in claim_templates(live).items()
    ]
    return {**live, "spec": {**live["spec"], "volumeClaimTemplates": templates}}


def template_sizes(stateful_set: KubernetesObject) -> dict[str, str]:
    """The size that each volume had when the StatefulSet was created: Kubernetes does not allow to change it."""
    return {
        volume: str(template["spec"]["resources"]["requests"]["storage"])
        for volume, template in claim_templates(stateful_set).items()
    }


def volume_sizes(stateful_set: KubernetesObject) -> dict[str, str]:
    """The size that was last requested for each volume: from the component's annotation, else from the template."""
    annotation = stateful_set["metadata"].get("annotations", {}).get(SIZES_ANNOTATION)
    requested = json.loads(annotation or "{}")
    return {volume: requested.get(volume, size) for volume, size in template_sizes(stateful_set).items()}


def is_being_deleted(stateful_set: KubernetesObject) -> bool:
    """Whether it is gone as soon as its Pods, or others with a finalizer on it, are."""
    return stateful_set["metadata"].get("deletionTimestamp") is not None
