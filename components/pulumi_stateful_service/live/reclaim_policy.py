"""What becomes of a volume when its claim is deleted: asked before a change is made, and before a claim is deleted."""

from http import HTTPStatus

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError


async def has_reclaim_policy(cluster: Cluster, volume: str, policy: str) -> bool:
    """Whether the volume has the policy already, as far as the credentials allow to read it."""
    try:
        live = await cluster.get("PersistentVolume", None, volume)
    except ForbiddenError:
        return False
    return live is not None and live["spec"].get("persistentVolumeReclaimPolicy") == policy


async def set_reclaim_policy(cluster: Cluster, claim: KubernetesObject, policy: str, set_name: str) -> str:
    """Gives the claim's volume the policy, before the claim is deleted; why that cannot be done, or an empty text.

    A claim that has no volume, or whose volume is lost, has nothing to keep.
    """
    volume = claim["spec"].get("volumeName")
    if not volume:
        return ""
    patch, manager = {"spec": {"persistentVolumeReclaimPolicy": policy}}, field_manager(set_name)
    try:
        if not await has_reclaim_policy(cluster, volume, policy):
            action = Action.SET_RECLAIM_POLICY
            await cluster.patch("PersistentVolume", None, volume, patch, action=action, field_manager=manager)
    except ClusterError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return ""
        return (
            f"PersistentVolumeClaim {claim['metadata']['name']} is not deleted, because persistentVolumeReclaimPolicy "
            f"{policy} of its volume {volume} cannot be set: {error.problem}"
        )
    return ""
