"""Expansion of PersistentVolumeClaims in place: which claims are too small, and what a claim waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import claim_name
from pulumi_stateful_service.foundation.quantities import size_in_bytes


@dataclass(frozen=True)
class Growth:
    """A claim that requests less storage than it should."""

    claim: str
    requested: str
    target: str


def sizes_by_claim(set_name: str, volume_sizes: Mapping[str, str], ordinals: Sequence[int]) -> dict[str, str]:
    """The size of each claim by its name, from the size of each volume."""
    return {
        claim_name(volume, set_name, ordinal): size for volume, size in volume_sizes.items() for ordinal in ordinals
    }


def claims_to_grow(claims: Sequence[KubernetesObject], sizes: Mapping[str, str]) -> list[Growth]:
    """The claims that request less than the size given for their names. Larger ones are left alone."""
    return [
        Growth(name, requested, sizes[name])
        for claim in claims
        if (name := claim["metadata"]["name"]) in sizes
        and size_in_bytes(requested := claim["spec"]["resources"]["requests"]["storage"]) < size_in_bytes(sizes[name])
    ]


def is_bound(claim: KubernetesObject) -> bool:
    """Whether the claim has its volume."""
    return bool(claim.get("status", {}).get("phase") == "Bound")


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


def pending_growth(claim: KubernetesObject, size: str) -> str | None:
    """What the claim waits for before its volume has the size; None when it has."""
    status = claim.get("status", {})
    capacity = status.get("capacity", {}).get("storage", "0")
    if size_in_bytes(capacity) >= size_in_bytes(size):
        return None
    name = claim["metadata"]["name"]
    conditions = {each["type"]: each for each in status.get("conditions", []) if each.get("status") == "True"}
    if "FileSystemResizePending" in conditions:
        return f"{name} ({capacity} of {size}): the file system is resized when a Pod mounts the volume"
    for failed in ("ControllerResizeError", "NodeResizeError"):
        if failed in conditions:
            return f"{name} ({capacity} of {size}): {conditions[failed].get('message') or failed}"
    if not is_bound(claim):
        return f"{name}: not bound to a volume yet"
    return f"{name} ({capacity} of {size}): waiting for the storage driver to expand the volume"
