"""Claims that are created with data before the StatefulSet."""

from collections.abc import Mapping, Sequence

from pulumi_stateful_service.documentation import STORAGE
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import RESTORED_ANNOTATION


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
        if (name := claim["metadata"]["name"]) in existing
        and (source := claim["metadata"]["annotations"][RESTORED_ANNOTATION])
        != (existing[name]["metadata"].get("annotations") or {}).get(RESTORED_ANNOTATION)
    ]


def restored_claim_message(claim: KubernetesObject) -> str:
    """Says what is created."""
    metadata = claim["metadata"]
    return f"PersistentVolumeClaim {metadata['name']} is created from {metadata['annotations'][RESTORED_ANNOTATION]}."
