"""Replacement of the StatefulSet by Pulumi: forced, or because its state does not know the live one.

Pulumi replaces a StatefulSet with ``--replace``, after ``pulumi state taint``, and for another provider. The old one is
deleted first, and the new one finds its claims by name.
"""

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject


def replacement_refusals(live: KubernetesObject) -> list[str]:
    """Refuses the creation of a StatefulSet that exists where claims would be lost."""
    if keeps_claims(live):
        return []
    refusal = (
        f"{_described(live)} exists, and Pulumi is about to replace it (--replace, pulumi state taint, or another "
        "provider) or has lost its state. With when_deleted Delete its PersistentVolumeClaims and their data would "
        f"be deleted with it. Keep them first: kubectl --namespace {live['metadata']['namespace']} patch "
        f"statefulset {live['metadata']['name']} --type merge --patch "
        """'{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain"}}}'. """
        "If the provider has a new address of the same cluster, set its cluster_identifier, or give it an alias "
        "with its old name."
    )
    return [refusal]


def replacement_warning(live: KubernetesObject) -> str:
    """Says what a replacement does. The engine does not tell whether it replaces, or has lost its state."""
    return (
        f"{_described(live)} exists. If Pulumi replaces it (--replace, pulumi state taint, or another provider), all "
        "its Pods stop at once and start again on their claims. If Pulumi has lost its state, no Pod restarts for that."
    )


def _described(live: KubernetesObject) -> str:
    return f"StatefulSet {live['metadata']['namespace']}/{live['metadata']['name']}"


def keeps_claims(live: KubernetesObject) -> bool:
    """Whether the claims stay when the live StatefulSet is deleted."""
    policy = live["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return bool(policy.get("whenDeleted", "Retain") == "Retain")
