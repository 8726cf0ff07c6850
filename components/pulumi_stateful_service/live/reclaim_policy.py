"""What becomes of a volume when its claim is deleted: asked before a change is made, and before a claim is deleted."""

from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ForbiddenError


async def has_reclaim_policy(cluster: Cluster, volume: str, policy: str) -> bool:
    """Whether the volume has the policy already, as far as the credentials allow to read it."""
    try:
        live = await cluster.get("PersistentVolume", None, volume)
    except ForbiddenError:
        return False
    return live is not None and live["spec"].get("persistentVolumeReclaimPolicy") == policy


async def set_reclaim_policy(cluster: Cluster, volume: str, policy: str, set_name: str) -> None:
    """Gives the volume the policy, where it has another. Raises ClusterError where that cannot be done."""
    if await has_reclaim_policy(cluster, volume, policy):
        return
    patch, action = {"spec": {"persistentVolumeReclaimPolicy": policy}}, Action.SET_RECLAIM_POLICY
    await cluster.patch("PersistentVolume", None, volume, patch, action=action, field_manager=field_manager(set_name))
