"""Replacement of the StatefulSet by Pulumi: forced, or because its state does not know the live one.

Pulumi replaces a StatefulSet with ``--replace``, after ``pulumi state taint``, and for another provider. The old one is
deleted first, and the new one finds its claims by name.
"""

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject


def replacement_refusals(live: KubernetesObject, *, autoscaled: bool, replicas: object) -> list[str]:
    """Refuses the creation of a StatefulSet that exists where claims or instances would be lost.

    ``replicas`` is the number that Pulumi is about to send.
    """
    where = f"{live['metadata']['namespace']}/{live['metadata']['name']}"
    if not keeps_claims(live):
        refusal = (
            f"StatefulSet {where} exists, and Pulumi is about to replace it (--replace, pulumi state taint, or another "
            "provider) or has lost its state. With when_deleted Delete its PersistentVolumeClaims and their data would "
            f"be deleted with it. Keep them first: kubectl --namespace {live['metadata']['namespace']} patch "
            f"statefulset {live['metadata']['name']} --type merge --patch "
            """'{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain"}}}'. """
            "If the provider has a new address of the same cluster, set its cluster_identifier, or give it an alias "
            "with its old name."
        )
        return [refusal]
    scaled = live["spec"].get("replicas", 1)
    if autoscaled and isinstance(replicas, int | float) and replicas != scaled:
        refusal = (
            f"StatefulSet {where} is scaled to {scaled} replicas, and Pulumi is about to replace it with "
            f"{replicas:g}, the number in its state. Run pulumi refresh first."
        )
        return [refusal]
    return []


def keeps_claims(live: KubernetesObject) -> bool:
    """Whether the claims stay when the live StatefulSet is deleted."""
    policy = live["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return bool(policy.get("whenDeleted", "Retain") == "Retain")
