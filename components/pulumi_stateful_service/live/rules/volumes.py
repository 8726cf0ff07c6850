"""Changes to the volumes of a live StatefulSet."""

from collections.abc import Mapping
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.quantities import size_in_bytes
from pulumi_stateful_service.live.documentation import STORAGE
from pulumi_stateful_service.live.stateful_set_fields import claim_templates, volume_sizes

_API_DEFAULTS: Mapping[str, Any] = {"volumeMode": "Filesystem"}
"""Values that the API server fills into claim templates."""

_IMMUTABLE = {
    "accessModes": "access_modes",
    "storageClassName": "storage_class_name",
    "volumeMode": "volume_mode",
    "volumeAttributesClassName": "volume_attributes_class_name",
    "selector": "selector",
    "dataSource": "data_source",
}
"""Fields of a claim template that existing claims keep, and the arguments that set them."""


def volume_refusals(live: KubernetesObject, desired: KubernetesObject) -> list[str]:
    """Refuses smaller sizes, and changes that existing PersistentVolumeClaims would not follow."""
    live_sizes, sizes = volume_sizes(live), volume_sizes(desired)
    live_templates, templates = claim_templates(live), claim_templates(desired)
    refusals: list[str] = []
    for volume in live_templates.keys() & templates.keys():
        if size_in_bytes(sizes[volume]) < size_in_bytes(live_sizes[volume]):
            refusals.append(
                f"volume {volume!r}: size cannot be reduced from {live_sizes[volume]} to {sizes[volume]}: volumes "
                f"cannot shrink. Keep {live_sizes[volume]}, or move the data to smaller volumes ({STORAGE})."
            )
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
    return refusals


def template_changes(live: KubernetesObject, desired: KubernetesObject) -> list[str]:
    """The changes to claim templates that Kubernetes accepts only in a new StatefulSet, and that lose no data."""
    live_templates, templates = claim_templates(live), claim_templates(desired)
    added = [f"volume {volume!r} is added" for volume in templates if volume not in live_templates]
    removed = [
        f"volume {volume!r} is removed (its PersistentVolumeClaims are kept)"
        for volume in live_templates
        if volume not in templates
    ]
    relabelled = [
        f"{key} of volume {volume!r} are changed (for new PersistentVolumeClaims only)"
        for volume in live_templates.keys() & templates.keys()
        for key in ("labels", "annotations")
        if live_templates[volume]["metadata"].get(key, {}) != templates[volume]["metadata"].get(key, {})
    ]
    return [*added, *removed, *relabelled]


def _shown(value: object) -> str:
    return "unset" if value is None else repr(value)
