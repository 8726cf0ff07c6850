"""Disks that grow in place: which claims are smaller than asked, and what they wait for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import claim_name
from pulumi_stateful_service.foundation.quantities import size_in_bytes


@dataclass(frozen=True)
class Growth:
    """A claim that asks for less than it should."""

    claim: str
    has: str
    wanted: str


def claims_to_grow(claims: Sequence[KubernetesObject], sizes: Mapping[str, str]) -> list[Growth]:
    """The claims that ask for less than the size given for them by name; one that asks for more is left alone."""
    return [
        Growth(name, asked, sizes[name])
        for claim in claims
        if (name := claim["metadata"]["name"]) in sizes
        and size_in_bytes(asked := claim["spec"]["resources"]["requests"]["storage"]) < size_in_bytes(sizes[name])
    ]


def is_bound(claim: KubernetesObject) -> bool:
    """Whether the claim has its volume."""
    return bool(claim.get("status", {}).get("phase") == "Bound")


def claim_sizes(set_name: str, sizes: Mapping[str, str], ordinals: Sequence[int]) -> dict[str, str]:
    """The size of each claim by its name, from that of each volume."""
    return {claim_name(volume, set_name, ordinal): size for volume, size in sizes.items() for ordinal in ordinals}


def cannot_grow(
    planned: Sequence[Growth], claims: Sequence[KubernetesObject], expandable: Mapping[str, bool | None]
) -> list[str]:
    """Why claims can't grow: a class that does not allow it, or none. ``expandable`` tells it of each class by name."""
    class_of = {claim["metadata"]["name"]: claim["spec"].get("storageClassName") or "" for claim in claims}
    stuck: dict[str, list[str]] = {}
    for growth in planned:
        if expandable.get(class_of[growth.claim], False) is False:
            stuck.setdefault(class_of[growth.claim], []).append(growth.claim)
    return [
        f"{', '.join(names)} cannot grow: "
        + (
            f"the storage class {storage_class!r} does not allow it. Set allowVolumeExpansion on the class if its "
            "driver can expand volumes, or keep the size"
            if storage_class
            else "a volume without a storage class can't be expanded. Keep the size"
        )
        for storage_class, names in stuck.items()
    ]


def pending_resize(claim: KubernetesObject, wanted: str) -> str | None:
    """What a claim still waits for before it has the size, if anything."""
    status = claim.get("status", {})
    capacity = status.get("capacity", {}).get("storage", "0")
    if size_in_bytes(capacity) >= size_in_bytes(wanted):
        return None
    name = claim["metadata"]["name"]
    conditions = {each["type"]: each for each in status.get("conditions", []) if each.get("status") == "True"}
    if "FileSystemResizePending" in conditions:
        return f"{name} ({capacity} of {wanted}): its file system is resized when a Pod mounts it"
    for failed in ("ControllerResizeError", "NodeResizeError"):
        if failed in conditions:
            return f"{name} ({capacity} of {wanted}): {conditions[failed].get('message') or failed}"
    if not is_bound(claim):
        return f"{name}: it has no volume yet"
    return f"{name} ({capacity} of {wanted}): waits for the storage driver to expand its volume"
