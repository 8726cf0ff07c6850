"""Claims that are created with data before the StatefulSet, and those that a snapshot's data replace."""

import json
from collections.abc import Mapping, Sequence

from pulumi_stateful_service.documentation import RESTORE, STORAGE
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import RESTORED_ANNOTATION
from pulumi_stateful_service.foundation.quantities import size_in_bytes


def claims_to_restore(
    restored: Sequence[KubernetesObject], existing: Mapping[str, KubernetesObject]
) -> list[KubernetesObject]:
    """The claims that do not exist yet."""
    return [claim for claim in restored if claim["metadata"]["name"] not in existing]


def restore_refusals(restored: Sequence[KubernetesObject], existing: Mapping[str, KubernetesObject]) -> list[str]:
    """Refuses to restore into a claim that exists with other data."""
    return [
        f"PersistentVolumeClaim {name} already exists, so it cannot be restored from {source}: its data would be lost. "
        "Remove it from restore, or stop the instance, keep its volume (persistentVolumeReclaimPolicy Retain), and "
        f"delete the claim first ({STORAGE})."
        for claim in restored
        if snapshot_of(claim) is None
        and _has_other_data(claim, existing)
        and (name := claim["metadata"]["name"])
        and (source := claim["metadata"]["annotations"][RESTORED_ANNOTATION])
    ]


def claims_to_replace(
    restored: Sequence[KubernetesObject], existing: Mapping[str, KubernetesObject]
) -> list[KubernetesObject]:
    """The existing claims with other data than that of the snapshot that the program names for them."""
    return [
        existing[claim["metadata"]["name"]]
        for claim in restored
        if snapshot_of(claim) is not None and _has_other_data(claim, existing)
    ]


def snapshot_of(claim: KubernetesObject) -> str | None:
    """Name of the VolumeSnapshot that replaces the data of a restored claim; None where it has another source."""
    note = json.loads(claim["metadata"]["annotations"][RESTORED_ANNOTATION])
    return str(note["snapshot"]) if "snapshot" in note else None


def snapshot_refusals(
    restored: Sequence[KubernetesObject], snapshots: Mapping[str, KubernetesObject | None]
) -> list[str]:
    """Refuses to replace claims by data of snapshots that are not there, not ready, or too large."""
    refusals = []
    for claim in restored:
        name, source = claim["metadata"]["name"], str(snapshot_of(claim))
        why, size = "", claim["spec"]["resources"]["requests"]["storage"]
        status = ((found := snapshots[source]) or {}).get("status") or {}
        if found is None:
            why = "it does not exist in this namespace"
        elif not status.get("readyToUse"):
            why = "it is not ready to use"
        elif size_in_bytes(str(status.get("restoreSize") or "0")) > size_in_bytes(size):
            why = f"its volume was larger ({status['restoreSize']}) than the claim's size ({size})"
        if why:
            refusals.append(
                f"PersistentVolumeClaim {name} cannot be restored from VolumeSnapshot {source!r}: {why}. Nothing was "
                f"stopped ({RESTORE})."
            )
    return refusals


def _has_other_data(claim: KubernetesObject, existing: Mapping[str, KubernetesObject]) -> bool:
    found = existing.get(claim["metadata"]["name"])
    note = claim["metadata"]["annotations"][RESTORED_ANNOTATION]
    return found is not None and note != (found["metadata"].get("annotations") or {}).get(RESTORED_ANNOTATION)


def restored_claim_messages(missing: Sequence[KubernetesObject], replaced: Sequence[KubernetesObject]) -> list[str]:
    """Says what is created, and what becomes of existing claims, their volumes and their instances."""
    existing = {claim["metadata"]["name"]: claim for claim in replaced}
    messages = []
    for claim in missing:
        name, note = claim["metadata"]["name"], claim["metadata"]["annotations"][RESTORED_ANNOTATION]
        if name not in existing:
            messages.append(f"PersistentVolumeClaim {name} is created from {note}.")
            continue
        volume = existing[name]["spec"].get("volumeName")
        kept = f"; its volume {volume} is kept, with the data of now" if volume else ""
        messages.append(
            f"PersistentVolumeClaim {name} is replaced by one from VolumeSnapshot {snapshot_of(claim)}, and its "
            f"instance is stopped for it{kept}."
        )
    return messages
