"""What becomes of a volume when its claim is deleted: asked before a change is made, and before a claim is deleted."""

from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ForbiddenError


async def has_reclaim_policy(cluster: Cluster, volume: str, policy: str) -> bool:
    """Whether the volume has the policy already, as far as the credentials allow to read it."""
    try:
        live = await cluster.get("PersistentVolume", None, volume)
    except ForbiddenError:
        return False
    return live is not None and live["spec"].get("persistentVolumeReclaimPolicy") == policy
