"""Who owns the live PersistentVolumeClaims, and so which of them are deleted with the StatefulSet.

Not by the StatefulSet's retention policy alone: the controller removes the owners of the claims of existing Pods only
when the policy becomes Retain. A claim whose instance was scaled away before keeps the StatefulSet as its owner, and
Kubernetes deletes it with the StatefulSet.
"""

from collections.abc import Sequence

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject


def retains_claims(stateful_set: KubernetesObject) -> bool:
    """Whether the policy keeps the claims when the StatefulSet is deleted."""
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return bool(policy.get("whenDeleted", "Retain") == "Retain")


def owned_by(stateful_set: KubernetesObject, claims: Sequence[KubernetesObject]) -> list[KubernetesObject]:
    """The claims that Kubernetes deletes with the StatefulSet."""
    uid = stateful_set["metadata"]["uid"]
    return [claim for claim in claims if any(owner["uid"] == uid for owner in owners_of(claim))]


def owners_without(claim: KubernetesObject, uid: str) -> list[KubernetesObject]:
    """The claim's owners but for the one with this uid."""
    return [owner for owner in owners_of(claim) if owner["uid"] != uid]


def claims_to_release(
    live: KubernetesObject, claims: Sequence[KubernetesObject], desired: KubernetesObject
) -> list[KubernetesObject]:
    """The claims that have the StatefulSet as their owner although the program retains them."""
    return owned_by(live, claims) if retains_claims(desired) else []


def keeps_claims(live: KubernetesObject, claims: Sequence[KubernetesObject]) -> bool:
    """Whether the claims stay when the live StatefulSet is deleted."""
    return retains_claims(live) and not owned_by(live, claims)


def owners_of(claim: KubernetesObject) -> list[KubernetesObject]:
    """The owners of a claim."""
    return claim["metadata"].get("ownerReferences") or []
