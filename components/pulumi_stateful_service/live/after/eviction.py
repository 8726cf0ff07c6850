"""Evicts Pods as ``kubectl drain`` does, and waits where a disruption budget does not allow it yet."""

import asyncio
import time

from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.state.pod_status import is_terminating

_PAUSE = 1.0
"""Seconds between two attempts."""


async def evict_when_allowed(
    cluster: Cluster, stateful_set: KubernetesObject, pod: str, prefix: str, timeout: float, *, action: Action
) -> None:
    """Evicts a Pod that is not being deleted already.

    Raises RolloutError where its disruption budget does not allow it within ``timeout``, or nobody answers.
    """
    started = time.monotonic()
    while True:
        why = "a PodDisruptionBudget does not allow it"
        try:
            if await _is_evicted(cluster, stateful_set, pod, action):
                return
        except ForbiddenError:
            raise
        except ClusterError as error:
            why = f"the Kubernetes API does not answer: {error.problem}"
        if time.monotonic() - started > timeout:
            raise RolloutError(
                f"{prefix}: Pod {pod} was not evicted within rollout_timeout_seconds ({timeout:g}): {why}. It keeps "
                "running; the next pulumi up continues."
            )
        await asyncio.sleep(_PAUSE)


async def _is_evicted(cluster: Cluster, stateful_set: KubernetesObject, pod: str, action: Action) -> bool:
    """Whether the Pod is gone, or going; it is evicted where the disruption budget allows it."""
    pods = {each["metadata"]["name"]: each for each in await cluster.list_pods(stateful_set)}
    found = pods.get(pod)
    if found is None or is_terminating(found):
        return True
    return await cluster.evict_pod(found["metadata"]["namespace"], pod, found["metadata"]["uid"], action=action)
