"""Changes to the volumes of a live StatefulSet."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.documentation import STORAGE
from pulumi_stateful_service.live.stateful_set_fields import claim_templates, noted

_API_DEFAULTS: Mapping[str, Any] = {"volumeMode": "Filesystem"}
"""Values that the API server fills into claim templates."""

_IMMUTABLE = {
    "accessModes": "access_modes",
    "storageClassName": "storage_class_name",
    "volumeMode": "volume_mode",
    "selector": "selector",
    "dataSource": "data_source",
    "dataSourceRef": "data_source_ref",
}
"""Fields of a claim template that existing claims keep, and the arguments that set them."""


def volume_refusals(live: KubernetesObject, desired: KubernetesObject) -> list[str]:
    """Refuses changes that existing PersistentVolumeClaims would not follow."""
    live_templates, templates = claim_templates(live), claim_templates(desired)
    last_templates = claim_templates(noted(live))
    refusals: list[str] = []
    for volume in live_templates.keys() & templates.keys():
        for field, argument in _IMMUTABLE.items():
            before, after = (
                template["spec"].get(field, _API_DEFAULTS.get(field))
                for template in (live_templates[volume], templates[volume])
            )
            if before != after:
                refusals.append(
                    f"volume {volume!r}: {argument} cannot be changed from {_shown(before)} to {_shown(after)}: "
                    f"existing PersistentVolumeClaims keep {_shown(before)}. Keep it, or move the data ({STORAGE})."
                )
        last = last_templates[volume]["spec"].get("volumeAttributesClassName")
        if last is not None and templates[volume]["spec"].get("volumeAttributesClassName") is None:
            refusals.append(
                f"volume {volume!r}: volume_attributes_class_name cannot be removed: Kubernetes does not take a "
                f"VolumeAttributesClass from a claim. Keep {last!r}, or name another class ({STORAGE})."
            )
    return refusals


def shrink_refusal(volume: str, before: str, after: str, claims: Sequence[str]) -> str:
    """Says that a volume cannot become smaller, which these claims would have to."""
    return (
        f"volume {volume!r}: size cannot be reduced from {before} to {after}: volumes cannot shrink "
        f"({', '.join(claims)}). Keep {before}, or move the data to smaller volumes ({STORAGE})."
    )


def template_changes(live: KubernetesObject, desired: KubernetesObject) -> list[str]:
    """The changes to claim templates that Kubernetes accepts only in a new StatefulSet, and that lose no data."""
    live_templates, templates = claim_templates(live), claim_templates(desired)
    added = [f"volume {volume!r} is added" for volume in templates if volume not in live_templates]
    removed = [
        f"volume {volume!r} is removed (its PersistentVolumeClaims are kept)"
        for volume in live_templates
        if volume not in templates
    ]
    return [*added, *removed]


def _shown(value: object) -> str:
    return "unset" if value is None else repr(value)
