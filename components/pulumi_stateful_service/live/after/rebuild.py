"""Rebuilds instances: each leaves, its claim and its Pod go, and it joins with an empty volume, one after another.

An ``up`` that is killed is continued by the next one: as long as the claim has the volume that the program names, all
is done again; afterwards the note on the governing Service says that the instance has to join.
"""

import time
from collections.abc import Mapping
from contextlib import nullcontext

import pulumi

from pulumi_stateful_service.arguments.types import ReclaimPolicy
from pulumi_stateful_service.documentation import REBUILD
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import pod_name
from pulumi_stateful_service.live.after.eviction import evict_when_allowed
from pulumi_stateful_service.live.after.members import Members, TakeTurn
from pulumi_stateful_service.live.after.rollout_wait import wait_until_complete
from pulumi_stateful_service.live.after.target import (
    RolloutTarget,
    list_pods_until_answered,
    pause,
    read_until_answered,
    retry_until_answered,
)
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.node_states import NodeState, node_state
from pulumi_stateful_service.live.reclaim_policy import set_reclaim_policy
from pulumi_stateful_service.live.state.member_changes import StepKind
from pulumi_stateful_service.live.state.pod_status import is_of_stateful_set, node_of
from pulumi_stateful_service.live.state.rebuild import (
    GivenUp,
    is_of_use,
    rebuild_order,
    volumes_to_give_up,
)
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals

_Claims = Mapping[str, tuple[GivenUp, KubernetesObject]]
"""What is given up of one instance, with the claim, by the claim's name."""


async def rebuild_instances(
    cluster: Cluster,
    target: RolloutTarget,
    resource: pulumi.Resource,
    members: Members | None = None,
    take_turn: TakeTurn | None = None,
) -> None:
    """Rebuilds the instances that the program names, as long as they have the volumes that it gives up.

    It comes before anything that waits for instances which cannot become ready without it. ``take_turn`` has other
    groups of a service wait meanwhile. Raises RolloutError where too few others are ready, where a command does not
    succeed, a volume cannot be kept, or an instance does not become ready in time.
    """
    done: set[int] = set()
    while target.rebuild.volumes:
        live = await read_until_answered(cluster, target)
        pending = await _pending(cluster, target, live)
        left = await members.rejoining(live) if members is not None else None
        if members is not None and left is not None and _is_rebuilt(target, pending, left):
            await _until_ready(cluster, target, resource, pod_name(target.name, left), None)
            await members.join(left)
            await members.note_rejoining(live, None)
            continue
        if not pending:
            return
        pods = await list_pods_until_answered(cluster, target, live)
        ordinal = rebuild_order({each.ordinal for each, _ in pending.values()}, pods, left)[0]
        claims = {name: each for name, each in pending.items() if each[0].ordinal == ordinal}
        if ordinal in done:
            raise RolloutError(
                f"{target.prefix}: {', '.join(claims)} was deleted, and has the volume again that rebuild gives up. "
                f"Another controller may create it ({REBUILD})."
            )
        done.add(ordinal)
        async with take_turn(StepKind.LEAVE) if take_turn is not None else nullcontext():
            await _rebuild(cluster, target, live, ordinal, claims, resource, members)


def _is_rebuilt(target: RolloutTarget, pending: _Claims, left: int) -> bool:
    """Whether an instance that has left is one of those that are rebuilt, and has its new volumes."""
    is_named = any(each.ordinal == left for each in target.rebuild.volumes)
    return is_named and all(each.ordinal != left for each, _ in pending.values())


async def _pending(cluster: Cluster, target: RolloutTarget, live: KubernetesObject) -> _Claims:
    names = {each.claim(target.name) for each in target.rebuild.volumes}

    async def read() -> list[KubernetesObject]:
        return await cluster.list_claims(target.namespace, names, target.claim_labels)

    return volumes_to_give_up(live, await retry_until_answered(target, read), target.rebuild.volumes)


async def _rebuild(
    cluster: Cluster,
    target: RolloutTarget,
    live: KubernetesObject,
    ordinal: int,
    claims: _Claims,
    resource: pulumi.Resource,
    members: Members | None,
) -> None:
    pod = pod_name(target.name, ordinal)
    await _until_others_are_ready(cluster, target, live, pod, resource)
    for given_up, claim in claims.values():
        if why := await set_reclaim_policy(cluster, claim, given_up.reclaim_policy, target.name):
            raise RolloutError(f"{target.prefix}: {why}. Nothing was deleted ({REBUILD}).")
    found = await _pod(cluster, target, live, pod)
    if members is not None:
        await members.note_rejoining(live, ordinal)
        is_ready = found is not None and is_of_use(found)
        await members.give_up(ordinal, is_ready=is_ready, consequence="Its claim was not deleted")
        # Before its claim goes: where no Pod uses that, the controller creates another one at once.
        await members.add(ordinal, "Its claim was not deleted")
    for name, (given_up, claim) in claims.items():
        await _delete(cluster, target, name, claim)
        kept = "is kept" if given_up.reclaim_policy == ReclaimPolicy.RETAIN else "goes with it"
        messages.info(f"{name} is deleted (its volume {given_up.volume_name} {kept}): {pod} is rebuilt.", resource)
    before = await _stop(cluster, target, live, pod, {each.lost_node for each, _ in claims.values()} - {""}, resource)
    await _until_ready(cluster, target, resource, pod, before)
    if members is not None:
        await members.join(ordinal)
        await members.note_rejoining(live, None)
    messages.info(f"{pod} is rebuilt.", resource)


async def _until_others_are_ready(
    cluster: Cluster, target: RolloutTarget, live: KubernetesObject, pod: str, resource: pulumi.Resource
) -> None:
    """Waits until enough other instances are ready. Raises RolloutError after the timeout: nothing was done then."""
    plan, started, said = target.rebuild, time.monotonic(), ""
    required, seconds = plan.required(len(desired_ordinals(live))), target.rollout_timeout_seconds

    async def read() -> list[KubernetesObject]:
        if not plan.selector:
            return await cluster.list_pods(live)
        pods = await cluster.list("Pod", target.namespace, labels=plan.selector)
        return [each for each in pods if is_of_stateful_set(each)]

    while True:
        others = [each for each in await retry_until_answered(target, read) if each["metadata"]["name"] != pod]
        ready = sum(map(is_of_use, others))
        if ready >= required:
            return
        missing = ", ".join(sorted(each["metadata"]["name"] for each in others if not is_of_use(each)))
        why = f"{ready} of the other instances are ready (not {missing or 'created'}), and {required} must be"
        if time.monotonic() - started > seconds:
            raise RolloutError(
                f"{target.prefix}: {pod} is not rebuilt: {why}. It was waited for rollout_timeout_seconds ({seconds}), "
                f"and nothing was deleted; the next pulumi up continues ({REBUILD})."
            )
        if why != said:
            messages.info(f"{pod} is not rebuilt yet: {why}.", resource, ephemeral=True)
            said = why
        await pause(cluster, started)


async def _delete(cluster: Cluster, target: RolloutTarget, name: str, claim: KubernetesObject) -> None:
    uid, action = claim["metadata"]["uid"], Action.DELETE_CLAIM_OF_LOST_VOLUME

    async def delete() -> bool:
        return await cluster.delete("PersistentVolumeClaim", target.namespace, name, action=action, uid=uid)

    await retry_until_answered(target, delete)


async def _stop(
    cluster: Cluster,
    target: RolloutTarget,
    live: KubernetesObject,
    pod: str,
    lost_nodes: set[str],
    resource: pulumi.Resource,
) -> str | None:
    """Has the Pod go, and returns its uid; None where there is none."""
    found = await _pod(cluster, target, live, pod)
    if found is None:
        return None
    uid, node = found["metadata"]["uid"], node_of(found)
    if node not in lost_nodes:
        action = Action.EVICT_POD_OF_LOST_VOLUME
        await evict_when_allowed(cluster, live, pod, target.prefix, target.rollout_timeout_seconds, action=action)
        return str(uid)
    state = await retry_until_answered(target, lambda: node_state(cluster, node))
    if state not in (NodeState.SILENT, NodeState.ABSENT):
        raise RolloutError(
            f"{target.prefix}: lost_node is {node}, and that node {state}: {pod} may run there, and is not deleted. "
            f"Take lost_node out; the next pulumi up continues ({REBUILD})."
        )
    action = Action.FORCE_DELETE_POD

    async def delete() -> bool:
        return await cluster.delete("Pod", target.namespace, pod, action=action, uid=uid, grace_period_seconds=0)

    await retry_until_answered(target, delete)
    messages.warn(f"{target.prefix}: {pod} was deleted without waiting for node {node} (lost_node).", resource)
    return str(uid)


async def _pod(cluster: Cluster, target: RolloutTarget, live: KubernetesObject, name: str) -> KubernetesObject | None:
    pods = await list_pods_until_answered(cluster, target, live)
    return next((each for each in pods if each["metadata"]["name"] == name), None)


async def _until_ready(
    cluster: Cluster, target: RolloutTarget, resource: pulumi.Resource, pod: str, before: str | None
) -> None:
    """Waits until the instance is ready in another Pod than ``before``. The others may still have to be rebuilt."""
    await wait_until_complete(
        cluster, target, resource, is_done=lambda rollout: rollout.ready.get(pod) not in (None, before)
    )
