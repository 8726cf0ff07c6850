"""Changes to the volumes of a live StatefulSet."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi_stateful_service.documentation import STORAGE
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.quantities import size_in_bytes
from pulumi_stateful_service.live.state.outdated_claims import API_DEFAULTS, LASTING_FIELDS
from pulumi_stateful_service.live.state.stateful_set_fields import (
    added_volumes,
    claim_templates,
    noted,
    template_sizes,
    volume_sizes,
)

_ATTRIBUTES_CLASS = "volumeAttributesClassName"


@dataclass(frozen=True)
class ClaimFieldChange:
    """A change to a volume that existing claims do not follow."""

    volume: str
    argument: str
    before: object
    after: object

    def __str__(self) -> str:
        return f"volume {self.volume!r}: {self.argument} ({_shown(self.before)} → {_shown(self.after)})"


def claim_field_changes(live: KubernetesObject, desired: KubernetesObject) -> list[ClaimFieldChange]:
    """The changes to volumes that existing PersistentVolumeClaims would not follow."""
    live_templates, templates = claim_templates(live), claim_templates(desired)
    last_templates = claim_templates(noted(live))
    changes: list[ClaimFieldChange] = []
    for volume in live_templates.keys() & templates.keys():
        for field, argument in LASTING_FIELDS.items():
            before, after = (
                template["spec"].get(field, API_DEFAULTS.get(field))
                for template in (live_templates[volume], templates[volume])
            )
            if before != after:
                changes.append(ClaimFieldChange(volume, argument, before, after))
        last = last_templates[volume]["spec"].get(_ATTRIBUTES_CLASS)
        if last is not None and templates[volume]["spec"].get(_ATTRIBUTES_CLASS) is None:
            changes.append(ClaimFieldChange(volume, "volume_attributes_class_name", last, None))
    return changes


def volume_refusals(changes: Sequence[ClaimFieldChange]) -> list[str]:
    """Refuses changes that existing PersistentVolumeClaims would not follow, and says how to make them."""
    return [_refusal(change) for change in changes]


def _refusal(change: ClaimFieldChange) -> str:
    kept = _shown(change.before)
    if change.argument == "volume_attributes_class_name":
        return (
            f"volume {change.volume!r}: {change.argument} cannot be removed: Kubernetes does not take a "
            f"VolumeAttributesClass from a claim. Keep {kept}, or name another class ({STORAGE})."
        )
    return (
        f"volume {change.volume!r}: {change.argument} cannot be changed from {kept} to {_shown(change.after)}: "
        f"existing PersistentVolumeClaims keep {kept}. Keep it{_how_to_keep(change)}, or set "
        "recreate_keeping_pods=True for one pulumi up, which changes it for new claims, and replace the existing ones "
        f"in turn with recreate_claims ({STORAGE})."
    )


def _how_to_keep(change: ClaimFieldChange) -> str:
    """The name of a class that the component makes changes by itself with the stack's or the project's."""
    if change.argument != "storage_class_name" or not change.before or not change.after:
        return ""
    return (
        f" (for a class that storage_class makes, set storage_class.name to {_shown(change.before)}: its default name "
        "contains the names of the project, the stack and the StatefulSet)"
    )


def smaller_templates(live: KubernetesObject, desired: KubernetesObject) -> list[ClaimFieldChange]:
    """The volumes whose new claims would begin larger than the program asks for."""
    before, after = template_sizes(live), volume_sizes(desired)
    return [
        ClaimFieldChange(volume, "size", before[volume], after[volume])
        for volume in before.keys() & after.keys()
        if size_in_bytes(after[volume]) < size_in_bytes(before[volume])
    ]


def shrink_refusal(volume: str, before: str, after: str, claims: Sequence[str]) -> str:
    """Says that a volume cannot become smaller, which these claims would have to."""
    return (
        f"volume {volume!r}: size cannot be reduced from {before} to {after}: volumes cannot shrink "
        f"({', '.join(claims)}). Keep {before}, or set recreate_keeping_pods=True for one pulumi up, which changes the "
        f"size of new claims, and replace the existing ones in turn with recreate_claims ({STORAGE})."
    )


def template_changes(live: KubernetesObject, desired: KubernetesObject) -> list[str]:
    """The changes to claim templates that Kubernetes accepts only in a new StatefulSet, and that lose no data."""
    live_templates, templates = claim_templates(live), claim_templates(desired)
    added = [f"volume {volume!r} is added" for volume in added_volumes(live, desired)]
    removed = [
        f"volume {volume!r} is removed (its PersistentVolumeClaims are kept)"
        for volume in live_templates
        if volume not in templates
    ]
    return [*added, *removed]


def _shown(value: object) -> str:
    return "unset" if value is None else repr(value)
