"""Updates the instances one after another, the leader last, where the StatefulSet leaves the order to us (OnDelete)."""

import asyncio
import time

import pulumi

from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import CONTAINER_NAME
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.documentation import ROLLOUTS
from pulumi_stateful_service.live.eviction import evict_when_allowed
from pulumi_stateful_service.live.pod_status import ordinal_of, revision
from pulumi_stateful_service.live.rollout_plan import LeaderCheck
from pulumi_stateful_service.live.rollout_status import Rollout
from pulumi_stateful_service.live.rollout_target import (
    RolloutTarget,
    read_until_answered,
)
from pulumi_stateful_service.live.rollout_wait import wait_until_complete

_PAUSE = 0.5
"""Seconds between two questions who leads."""
_COMMAND_SECONDS = 60
_OK, _BAD_REQUEST = 200, 400


async def update_leader_last(
    cluster: Cluster, target: RolloutTarget, check: LeaderCheck, resource: pulumi.Resource
) -> Rollout:
    """Evicts one outdated instance after another, each when all are ready, and returns when none is left.

    Who leads is asked before each of them. Raises RolloutError where an instance does not become ready in time, or the
    leader does not pass the lead on.
    """
    while True:
        rollout = await wait_until_complete(cluster, target, resource)
        live = await read_until_answered(cluster, target)
        pods = await cluster.list_pods(live)
        outdated = [pod for pod in pods if revision(pod) != live["status"]["updateRevision"]]
        if not outdated:
            return rollout
        outdated.sort(key=ordinal_of, reverse=True)
        for pod in outdated:
            if not await _leads(cluster, target, check, pod):
                break
        else:
            pod = outdated[-1]
            await _hand_over(cluster, target, check, pod, resource)
        name = pod["metadata"]["name"]
        await evict_when_allowed(cluster, live, name, target.prefix, target.rollout_timeout_seconds)
        messages.info(f"{name} is replaced; {len(outdated) - 1} are left.", resource, ephemeral=True)


async def _hand_over(
    cluster: Cluster, target: RolloutTarget, check: LeaderCheck, pod: KubernetesObject, resource: pulumi.Resource
) -> None:
    """Has the leader pass the lead on, and waits until it does not lead any more."""
    if check.hand_over is None:
        return
    name = pod["metadata"]["name"]
    status, output = await cluster.run_in_pod(target.namespace, name, CONTAINER_NAME, check.hand_over, _COMMAND_SECONDS)
    if status:
        raise RolloutError(
            f"{target.prefix}: leader_last.hand_over failed in {name} with exit status {status}: "
            f"{' '.join(output.split())}. It keeps its version, and the next pulumi up continues ({ROLLOUTS})."
        )
    messages.info(f"{name} hands the lead over.", resource, ephemeral=True)
    started = time.monotonic()
    while await _leads(cluster, target, check, pod):
        if time.monotonic() - started > target.rollout_timeout_seconds:
            raise RolloutError(
                f"{target.prefix}: {name} still leads after leader_last.hand_over. It keeps its version, and the next "
                f"pulumi up continues ({ROLLOUTS})."
            )
        await asyncio.sleep(_PAUSE)


async def _leads(cluster: Cluster, target: RolloutTarget, check: LeaderCheck, pod: KubernetesObject) -> bool:
    """Whether an instance leads. One that cannot be asked is taken for a follower: it is not ready to lead."""
    name = pod["metadata"]["name"]
    if check.labels:
        live = await cluster.get("Pod", target.namespace, name)
        labels = (live or pod)["metadata"].get("labels", {})
        return all(labels.get(key) == value for key, value in check.labels.items())
    try:
        if check.http_get is not None:
            request = check.http_get
            scheme, path = request.get("scheme", "HTTP").lower(), request.get("path", "/")
            status, content = await cluster.get_from_pod(target.namespace, name, request["port"], path, scheme)
            return _OK <= status < _BAD_REQUEST and check.contains.encode() in content
        command = check.command or ()
        status, output = await cluster.run_in_pod(target.namespace, name, CONTAINER_NAME, command, _COMMAND_SECONDS)
    except ForbiddenError:
        raise
    except ClusterError:
        return False
    return status == 0 and check.contains in output
