"""Replacement of the StatefulSet by Pulumi: forced, or because its state does not know the live one.

Pulumi replaces a StatefulSet with ``--replace``, after ``pulumi state taint``, and for another provider. The old one is
deleted first, and the new one finds its claims by name.
"""

from collections.abc import Sequence

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.before.refusals.claims import named
from pulumi_stateful_service.live.state.claim_changes import is_being_deleted
from pulumi_stateful_service.live.state.claim_owners import keeps_claims, owned_by
from pulumi_stateful_service.live.state.stateful_set_fields import is_updated_on_delete, partition_of


def replacement_refusals(live: KubernetesObject, claims: Sequence[KubernetesObject]) -> list[str]:
    """Refuses the creation of a StatefulSet that exists where claims would be lost."""
    refusals = []
    namespace, name = live["metadata"]["namespace"], live["metadata"]["name"]
    owned = owned_by(live, claims)
    if not keeps_claims(live, claims):
        lost = named(owned) if owned else "its PersistentVolumeClaims"
        patches = {
            f"statefulset {name}": """{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain"}}}"""
        }
        if owned:
            names = " ".join(sorted(claim["metadata"]["name"] for claim in owned))
            patches[f"persistentvolumeclaim {names}"] = """{"metadata":{"ownerReferences":null}}"""
        commands = [
            f"kubectl --namespace {namespace} patch {what} --type merge --patch '{patch}'"
            for what, patch in patches.items()
        ]
        refusals.append(
            f"{_described(live)} exists, and Pulumi is about to replace it (--replace, pulumi state taint, or another "
            f"provider) or has lost its state. Kubernetes deletes {lost} and the data with it. To keep the data, set "
            "when_deleted to Retain and run pulumi up without replacing it; where Pulumi has lost its state: "
            f"{' && '.join(commands)}. If the provider has a new address of the same cluster, set its "
            "cluster_identifier, or give it an alias with its old name."
        )
    if ending := [claim for claim in claims if is_being_deleted(claim)]:
        refusals.append(
            f"{_described(live)} exists, and where Pulumi replaces it all its Pods stop: {named(ending)}, which "
            "somebody has deleted, and the data would end with them. Keep the data first, as the warning of pulumi "
            "preview says."
        )
    return refusals


def replacement_warning(live: KubernetesObject) -> str:
    """Says what a replacement does. The engine does not tell whether it replaces, or has lost its state."""
    with_revision = ", all with the new revision, those that are held back included" if _holds_back(live) else ""
    return (
        f"{_described(live)} exists. If Pulumi replaces it (--replace, pulumi state taint, or another provider), all "
        f"its Pods stop at once and start again on their claims{with_revision}. If Pulumi has lost its state, no Pod "
        "restarts for that."
    )


def _holds_back(live: KubernetesObject) -> bool:
    """Whether instances are held back from the update revision: a new StatefulSet has no other one."""
    status = live.get("status", {})
    is_rolling_out = status.get("currentRevision") != status.get("updateRevision")
    return is_rolling_out and (partition_of(live) > 0 or is_updated_on_delete(live))


def _described(live: KubernetesObject) -> str:
    return f"StatefulSet {live['metadata']['namespace']}/{live['metadata']['name']}"
