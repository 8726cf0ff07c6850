"""Fields of a StatefulSet, with the API's defaults where they are not set."""

import json
from collections.abc import Callable, Mapping
from math import floor
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import IDENTITY_ANNOTATION, SIZES_ANNOTATION
from pulumi_stateful_service.foundation.outputs import UNKNOWN, contains_unknown
from pulumi_stateful_service.foundation.quantities import is_size

IDENTITY_FIELDS = ("selector", "serviceName", "podManagementPolicy", "revisionHistoryLimit", "volumeClaimTemplates")
"""Fields of the spec for whose changes Pulumi's provider replaces the StatefulSet."""


def first_ordinal(stateful_set: KubernetesObject) -> int:
    """``spec.ordinals.start``."""
    return int(stateful_set["spec"].get("ordinals", {}).get("start", 0))


def desired_ordinals(stateful_set: KubernetesObject) -> range:
    """The ordinals of the Pods that the StatefulSet controller creates."""
    start = first_ordinal(stateful_set)
    return range(start, start + int(stateful_set["spec"].get("replicas", 1)))


def partition_of(stateful_set: KubernetesObject) -> int:
    """``spec.updateStrategy.rollingUpdate.partition``: how many instances, from the first, keep their version."""
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    return int((strategy.get("rollingUpdate") or {}).get("partition") or 0)


def first_updated_ordinal(stateful_set: KubernetesObject) -> int:
    """The first ordinal that a rolling update reaches: Kubernetes counts the partition from the first ordinal."""
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    return first_ordinal(stateful_set) + int((strategy.get("rollingUpdate") or {}).get("partition") or 0)


def updated_at_a_time(stateful_set: KubernetesObject) -> int:
    """``maxUnavailable`` as a number: Kubernetes rounds a percentage down, to at least 1."""
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    limit = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
    if isinstance(limit, str):
        limit = floor(len(desired_ordinals(stateful_set)) * int(limit.removesuffix("%")) / 100)
    return max(1, int(limit))


def is_updated_on_delete(stateful_set: KubernetesObject) -> bool:
    """Whether a Pod gets the new revision only when it is deleted."""
    return bool((stateful_set["spec"].get("updateStrategy") or {}).get("type") == "OnDelete")


def claim_templates(stateful_set: KubernetesObject) -> dict[str, KubernetesObject]:
    """``spec.volumeClaimTemplates`` by the name of the volume."""
    return {template["metadata"]["name"]: template for template in stateful_set["spec"].get("volumeClaimTemplates", [])}


def added_volumes(live: KubernetesObject, desired: KubernetesObject) -> list[str]:
    """The volumes for which the live StatefulSet has no claim template, and the desired one has."""
    return [volume for volume in claim_templates(desired) if volume not in claim_templates(live)]


def noted(live: KubernetesObject) -> KubernetesObject:
    """The live StatefulSet with the claim templates that the program had last; its own never change."""
    identity = _note(live, IDENTITY_ANNOTATION)
    by_name = {each["metadata"]["name"]: each for each in identity.get("volumeClaimTemplates", [])}
    templates = [
        {**by_name[name], "spec": {**by_name[name]["spec"], "resources": template["spec"]["resources"]}}
        if name in by_name
        else template
        for name, template in claim_templates(live).items()
    ]
    return {**live, "spec": {**live["spec"], "volumeClaimTemplates": templates}}


def identity_note(metadata: KubernetesObject, spec: KubernetesObject) -> Any:
    """The identity fields as the annotation notes them. Sizes are not among them: volumes grow in place."""
    fields = {field: spec.get(field) for field in IDENTITY_FIELDS if spec.get(field) is not None}
    fields |= {field: metadata[field] for field in ("name", "namespace") if field in metadata}
    if contains_unknown(fields):
        return UNKNOWN
    noted = json.loads(json.dumps(fields))
    for template in noted.get("volumeClaimTemplates", []):
        template["spec"].pop("resources", None)
    return json.dumps(noted, sort_keys=True, separators=(",", ":"))


def malformed_notes(live: KubernetesObject) -> list[str]:
    """The component's annotations on the live StatefulSet that are not as it writes them, each with its value."""
    annotations = live["metadata"].get("annotations") or {}
    return [
        f"{key}: {annotations[key]!r}"
        for key, is_right in _NOTES.items()
        if key in annotations and not is_right(_parsed(annotations[key]))
    ]


def _note(stateful_set: KubernetesObject, key: str) -> KubernetesObject:
    """What an annotation of the component notes. Nothing where it is absent, or where somebody has damaged it."""
    value = _parsed((stateful_set["metadata"].get("annotations") or {}).get(key))
    return value if _NOTES[key](value) else {}


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _is_sizes(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(size, str) and is_size(size) for size in value.values())


def _is_identity(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("volumeClaimTemplates", []), list):
        return False
    return all(
        isinstance(each, dict)
        and isinstance(each.get("spec"), dict)
        and isinstance(each.get("metadata"), dict)
        and "name" in each["metadata"]
        for each in value.get("volumeClaimTemplates", [])
    )


_NOTES: Mapping[str, Callable[[Any], bool]] = {SIZES_ANNOTATION: _is_sizes, IDENTITY_ANNOTATION: _is_identity}


def template_sizes(stateful_set: KubernetesObject) -> dict[str, str]:
    """The size that each volume had when the StatefulSet was created: Kubernetes does not allow it to be changed."""
    return {
        volume: str(template["spec"]["resources"]["requests"]["storage"])
        for volume, template in claim_templates(stateful_set).items()
    }


def volume_sizes(stateful_set: KubernetesObject) -> dict[str, str]:
    """The size that was last requested for each volume: from the component's annotation, else from the template."""
    requested = _note(stateful_set, SIZES_ANNOTATION)
    return {volume: requested.get(volume, size) for volume, size in template_sizes(stateful_set).items()}


def is_being_deleted(stateful_set: KubernetesObject) -> bool:
    """Whether it is gone as soon as its Pods, or others with a finalizer on it, are."""
    return stateful_set["metadata"].get("deletionTimestamp") is not None
