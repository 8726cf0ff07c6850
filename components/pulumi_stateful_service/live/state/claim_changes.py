"""PersistentVolumeClaims that are changed in place: their size, their VolumeAttributesClass, labels and annotations.

A StatefulSet's claim templates cannot be changed, and reach new claims only. So each claim is changed itself, without a
restart of its Pod: what is to be changed, and what a claim then waits for.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import CLAIM_METADATA_ANNOTATION, claim_name, field_manager
from pulumi_stateful_service.foundation.quantities import size_in_bytes
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, volume_sizes
from pulumi_stateful_service.outside_text import cleaned

_CONTROLLER_INFEASIBLE, _NODE_INFEASIBLE = "ControllerResizeInfeasible", "NodeResizeInfeasible"


@dataclass(frozen=True)
class DesiredClaim:
    """What the program asks of the claims of one volume."""

    size: str
    attributes_class: str | None = None
    """Name of a VolumeAttributesClass; None leaves the claim's own."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Growth:
    """A claim that requests less storage than it should."""

    claim: str
    requested: str
    target: str


def desired_claims(stateful_set: KubernetesObject) -> dict[str, DesiredClaim]:
    """What a desired StatefulSet asks of the claims of each volume, by the volume's name."""
    sizes = volume_sizes(stateful_set)
    return {
        volume: DesiredClaim(
            sizes[volume],
            template["spec"].get("volumeAttributesClassName"),
            dict(template["metadata"].get("labels") or {}),
            dict(template["metadata"].get("annotations") or {}),
        )
        for volume, template in claim_templates(stateful_set).items()
    }


def by_claim(
    set_name: str, desired: Mapping[str, DesiredClaim], ordinals: Iterable[int]
) -> dict[str, tuple[str, DesiredClaim]]:
    """The volume and what is asked of it, for each claim by its name."""
    return {
        claim_name(volume, set_name, ordinal): (volume, claim)
        for ordinal in ordinals
        for volume, claim in desired.items()
    }


def claim_patch(
    claim: KubernetesObject, desired: DesiredClaim, template: KubernetesObject | None, set_name: str
) -> KubernetesObject:
    """The merge patch that makes the claim what is asked for; empty where it is. ``template`` is the live one.

    Requests that are larger than asked for are skipped, unless the component made them and they are not carried out.
    """
    patch: KubernetesObject = {}
    if metadata := _metadata_patch(claim, desired, template):
        patch["metadata"] = metadata
    spec: KubernetesObject = {}
    if size := _new_request(claim, desired.size, set_name):
        spec["resources"] = {"requests": {"storage": size}}
    wanted = desired.attributes_class
    if wanted is not None and claim["spec"].get("volumeAttributesClassName") != wanted:
        spec["volumeAttributesClassName"] = wanted
    if spec:
        patch["spec"] = spec
    return patch


def claims_to_grow(claims: Sequence[KubernetesObject], sizes: Mapping[str, str]) -> list[Growth]:
    """The claims that request less than the size given for their names. Larger ones are skipped."""
    return [
        Growth(name, requested, sizes[name])
        for claim in claims
        if (name := claim["metadata"]["name"]) in sizes
        and size_in_bytes(requested := requested_size(claim)) < size_in_bytes(sizes[name])
    ]


def requested_size(claim: KubernetesObject) -> str:
    """The storage that the claim requests."""
    return str(claim["spec"]["resources"]["requests"]["storage"])


def capacity(claim: KubernetesObject) -> str:
    """The storage that the claim has; 0 before it is bound."""
    return str((claim.get("status", {}).get("capacity") or {}).get("storage", "0"))


def is_bound(claim: KubernetesObject) -> bool:
    """Whether the claim has its volume."""
    return bool(claim.get("status", {}).get("phase") == "Bound")


def is_lost(claim: KubernetesObject) -> bool:
    """Whether the claim was bound to a volume that does not exist any more."""
    return bool(claim.get("status", {}).get("phase") == "Lost")


def is_being_deleted(claim: KubernetesObject) -> bool:
    """Whether somebody has deleted the claim: it stays, with its data, as long as a Pod uses it."""
    return "deletionTimestamp" in claim["metadata"]


def shrink_refusals(
    before: Mapping[str, str], after: Mapping[str, str], claims: Mapping[str, Sequence[KubernetesObject]]
) -> dict[str, list[str]]:
    """The claims that would have to shrink, by volume: smaller than before is a size that a claim has already.

    A request that was never carried out is no obstacle, and neither is a claim that somebody else has made larger.
    """
    refused: dict[str, list[str]] = {}
    for volume in before.keys() & after.keys():
        size, last = size_in_bytes(after[volume]), size_in_bytes(before[volume])
        if size >= last:
            continue
        larger = [
            claim["metadata"]["name"]
            for claim in claims.get(volume, [])
            if size < size_in_bytes(capacity(claim)) <= last
        ]
        if larger:
            refused[volume] = larger
    return refused


def growth_refusals(
    growths: Sequence[Growth], claims: Sequence[KubernetesObject], expandable: Mapping[str, bool | None]
) -> list[str]:
    """Refuses to grow claims whose StorageClass does not allow expansion, or that have none.

    ``expandable`` holds ``allowVolumeExpansion`` of each StorageClass by its name; None where it cannot be read.
    """
    class_by_claim = {claim["metadata"]["name"]: claim["spec"].get("storageClassName") or "" for claim in claims}
    claims_by_class: dict[str, list[str]] = {}
    for growth in growths:
        storage_class = class_by_claim[growth.claim]
        if expandable.get(storage_class, False) is False:
            claims_by_class.setdefault(storage_class, []).append(growth.claim)
    return [
        f"PersistentVolumeClaims {', '.join(names)} cannot be expanded: "
        + (
            f"StorageClass {storage_class!r} does not allow volume expansion. Set allowVolumeExpansion: true on it if "
            "its driver supports that, or keep the size."
            if storage_class
            else "they have no StorageClass, which expansion requires. Keep the size."
        )
        for storage_class, names in claims_by_class.items()
    ]


def pending_change(claim: KubernetesObject, desired: DesiredClaim) -> str | None:
    """What the claim waits for before its volume is as asked for; None when it is."""
    return _pending_size(claim, desired.size) or _pending_class(claim, desired.attributes_class)


def is_resized_when_mounted(claim: KubernetesObject) -> bool:
    """Whether the volume has grown, and its file system has not: it grows on its node, or when a Pod mounts it."""
    conditions = claim.get("status", {}).get("conditions") or []
    return any(each["type"] == "FileSystemResizePending" and each.get("status") == "True" for each in conditions)


def infeasible_change(claim: KubernetesObject) -> str | None:
    """Why the storage driver will not carry out what the claim requests; None where it has not said so."""
    status, name = claim.get("status", {}), claim["metadata"]["name"]
    resize = (status.get("allocatedResourceStatuses") or {}).get("storage")
    allocated = (status.get("allocatedResources") or {}).get("storage")
    # The status of an earlier request stays until the driver has seen the new one.
    is_current = allocated is None or size_in_bytes(allocated) == size_in_bytes(requested_size(claim))
    if resize in {_CONTROLLER_INFEASIBLE, _NODE_INFEASIBLE} and is_current:
        said = _condition_message(claim, "ControllerResizeError", "NodeResizeError", "Resizing")
        return (
            f"{name} ({capacity(claim)}, requested {requested_size(claim)}): the storage driver cannot expand the "
            f"volume ({resize}{f': {said}' if said else ''})"
        )
    modify = status.get("modifyVolumeStatus") or {}
    target = modify.get("targetVolumeAttributesClassName")
    if modify.get("status") == "Infeasible" and target == claim["spec"].get("volumeAttributesClassName"):
        said = _condition_message(claim, "ModifyVolumeError", "ModifyingVolume")
        return (
            f"{name}: the storage driver cannot change the VolumeAttributesClass to {target!r} "
            f"(Infeasible{f': {said}' if said else ''})"
        )
    return None


def _new_request(claim: KubernetesObject, size: str, set_name: str) -> str | None:
    """Another size to request; None where the request stays."""
    wanted, requested, has = (size_in_bytes(each) for each in (size, requested_size(claim), capacity(claim)))
    if requested < wanted:
        return size
    if requested > wanted and has < requested and _is_requested_by_component(claim, set_name):
        # The API allows to take back what was not carried out, as long as it stays above the capacity (KEP-1790).
        lowest = int(has) + 1
        if wanted >= lowest:
            return size
        return str(lowest) if lowest < requested else None
    return None


def _is_requested_by_component(claim: KubernetesObject, set_name: str) -> bool:
    """Whether the component has set the size, and nobody since."""
    for entry in claim["metadata"].get("managedFields") or []:
        fields: Any = entry.get("fieldsV1") or {}
        for name in ("f:spec", "f:resources", "f:requests"):
            fields = fields.get(name) or {}
        if entry.get("manager") == field_manager(set_name) and "f:storage" in fields:
            return True
    return False


def _metadata_patch(
    claim: KubernetesObject, desired: DesiredClaim, template: KubernetesObject | None
) -> KubernetesObject:
    """Labels and annotations to set, and those to remove that the component has set before."""
    live = claim["metadata"]
    from_template = (template or {}).get("metadata", {})
    created_with = {part: sorted(from_template.get(part) or {}) for part in ("labels", "annotations")}
    note = (live.get("annotations") or {}).get(CLAIM_METADATA_ANNOTATION)
    known = json.loads(note) if note else created_with
    wanted = {"labels": desired.labels, "annotations": desired.annotations}
    patch: KubernetesObject = {}
    for part, values in wanted.items():
        present = live.get(part) or {}
        changed: KubernetesObject = {key: value for key, value in values.items() if present.get(key) != value}
        changed |= {key: None for key in known.get(part, []) if key not in values and key in present}
        if changed:
            patch[part] = changed
    keys = {part: sorted(values) for part, values in wanted.items()}
    if keys != known:
        patch.setdefault("annotations", {})[CLAIM_METADATA_ANNOTATION] = json.dumps(keys, sort_keys=True)
    return patch


def _pending_size(claim: KubernetesObject, size: str) -> str | None:
    name, has = claim["metadata"]["name"], capacity(claim)
    if size_in_bytes(has) >= size_in_bytes(size):
        return None
    status = claim.get("status", {})
    conditions = {each["type"]: each for each in status.get("conditions", []) if each.get("status") == "True"}
    if is_resized_when_mounted(claim):
        return (
            f"{name} ({has} of {size}): the node has not resized the file system yet; some drivers do that only when a "
            "Pod mounts the volume (restart_to_grow)"
        )
    for failed in ("ControllerResizeError", "NodeResizeError"):
        if failed in conditions:
            return f"{name} ({has} of {size}): {cleaned(conditions[failed].get('message') or failed)}"
    if not is_bound(claim):
        return f"{name}: not bound to a volume yet"
    return f"{name} ({has} of {size}): waiting for the storage driver to expand the volume"


def _pending_class(claim: KubernetesObject, wanted: str | None) -> str | None:
    status, name = claim.get("status", {}), claim["metadata"]["name"]
    current = status.get("currentVolumeAttributesClassName")
    if wanted is None or current == wanted:
        return None
    if not is_bound(claim):
        return f"{name}: not bound to a volume yet"
    progress = (status.get("modifyVolumeStatus") or {}).get("status")
    said = _condition_message(claim, "ModifyVolumeError", "ModifyingVolume")
    detail = ": ".join(filter(None, [progress, said])) or "waiting for the storage driver"
    return f"{name} (VolumeAttributesClass {current or 'none'}, requested {wanted}): {detail}"


def _condition_message(claim: KubernetesObject, *types: str) -> str:
    conditions = {each["type"]: each for each in claim.get("status", {}).get("conditions") or []}
    return next((cleaned(conditions[each]["message"]) for each in types if conditions.get(each, {}).get("message")), "")
