"""Removes claims that others with a snapshot's data replace: their volumes are kept, and their instances stopped.

There must be no StatefulSet meanwhile: its controller creates a Pod that is missing at once, and an empty claim for it.
So it is deleted without its Pods, and created again by what follows. An ``up`` that is killed in between is continued
by the next one: the program still asks for the snapshot, and a claim that is not made from it is replaced.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence

from pulumi_stateful_service.documentation import RESTORE
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, held_by
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.reclaim_policy import set_reclaim_policy
from pulumi_stateful_service.live.state.pod_status import claim_names

_CLAIM, _POD = "PersistentVolumeClaim", "Pod"
_PAUSE = 0.2
_DEFAULT_GRACE, _MORE = 30, 60
"""Seconds that a Pod has to stop, and that its end may take besides."""


async def remove_claims(
    cluster: Cluster,
    prefix: str,
    where: tuple[str, str],
    labels: Mapping[str, str],
    live: KubernetesObject | None,
    claims: Sequence[KubernetesObject],
) -> None:
    """Keeps the volumes of the claims, deletes the StatefulSet without its Pods, then the claims with their Pods.

    Raises RefusedError, before anything is stopped, where a volume cannot be kept, and where a claim or a Pod stays.
    """
    namespace, name = where
    for claim in claims:
        await _keep_volume(cluster, prefix, name, claim)
    if live is not None:
        await cluster.delete_orphaning(namespace, name, live["metadata"]["uid"])
    names = {claim["metadata"]["name"] for claim in claims}
    pods = [pod for pod in await cluster.list(_POD, namespace, labels=labels) if names.intersection(claim_names(pod))]
    for pod in pods:
        await cluster.delete(
            _POD, namespace, pod["metadata"]["name"], action=Action.STOP_INSTANCE, uid=pod["metadata"]["uid"]
        )
    for claim in claims:
        uid = claim["metadata"]["uid"]
        await cluster.delete(_CLAIM, namespace, claim["metadata"]["name"], action=Action.REPLACE_CLAIM, uid=uid)
    grace = max((pod["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE) for pod in pods), default=0)
    for claim in claims:
        await _until_gone(cluster, prefix, namespace, claim, grace + _MORE)


async def _keep_volume(cluster: Cluster, prefix: str, set_name: str, claim: KubernetesObject) -> None:
    if why := await set_reclaim_policy(cluster, claim, "Retain", set_name):
        raise RefusedError(f"{prefix}: {why}. Nothing was stopped or deleted ({RESTORE}).")


async def _until_gone(cluster: Cluster, prefix: str, namespace: str, claim: KubernetesObject, timeout: float) -> None:
    name, uid, started = claim["metadata"]["name"], claim["metadata"]["uid"], time.monotonic()
    while (found := await cluster.get(_CLAIM, namespace, name)) and found["metadata"]["uid"] == uid:
        if time.monotonic() - started > timeout:
            raise RefusedError(
                f"{prefix}: PersistentVolumeClaim {name} was deleted to be restored, and is still there after "
                f"{timeout:g} seconds{held_by(found)}. Its volume is kept; the next pulumi up continues ({RESTORE})."
            )
        await asyncio.sleep(_PAUSE)
