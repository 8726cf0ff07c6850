"""Recreates the claims of one instance: its volume is kept, its Pod is evicted, and both come back, the disk empty."""

from collections.abc import Sequence

import pulumi

from pulumi_stateful_service.documentation import STORAGE
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import pod_name
from pulumi_stateful_service.live.after.eviction import evict_when_allowed
from pulumi_stateful_service.live.after.members import Members
from pulumi_stateful_service.live.after.target import RolloutTarget
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.reclaim_policy import set_reclaim_policy


async def recreate_claims_of(
    cluster: Cluster,
    stateful_set: KubernetesObject,
    ordinal: int,
    claims: Sequence[KubernetesObject],
    reclaim_policy: str,
    target: RolloutTarget,
    resource: pulumi.Resource,
    members: Members | None = None,
) -> None:
    """Deletes the claims and evicts the Pod; the controller then creates both again.

    A claim stays until no Pod uses it, so the order is safe: an ``up`` that is killed in between is continued by the
    next one. Raises RolloutError where a volume cannot be kept, or where the Pod is not evicted in time.
    """
    namespace, set_name, prefix = target.namespace, target.name, target.prefix
    pod = pod_name(set_name, ordinal)
    for claim in claims:
        if why := await set_reclaim_policy(cluster, claim, reclaim_policy, set_name):
            raise RolloutError(f"{prefix}: {why}. Nothing was deleted ({STORAGE}).")
    if members is not None:
        await members.leave(ordinal, "Its volume is kept")
    for claim in claims:
        metadata = claim["metadata"]
        name, uid = metadata["name"], metadata["uid"]
        await cluster.delete("PersistentVolumeClaim", namespace, name, action=Action.DELETE_CLAIM, uid=uid)
        volume = claim["spec"].get("volumeName", "none")
        kept = f"its volume {volume} is kept" if reclaim_policy == "Retain" else f"with its volume {volume}"
        messages.info(f"{name} is deleted ({kept}), and {pod} is replaced to get a new one.", resource)
    if members is not None:
        await members.add(ordinal, "It is not replaced yet")
    seconds = target.rollout_timeout_seconds
    await evict_when_allowed(cluster, stateful_set, pod, prefix, seconds, action=Action.EVICT_POD_OF_DELETED_CLAIM)
