"""Updates the instances one after another, the leader last, where the StatefulSet leaves the order to us (OnDelete)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import pulumi

from pulumi_stateful_service.documentation import ROLLOUTS
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import CONTAINER_NAME
from pulumi_stateful_service.live.after.check_result import PASSED, CheckResult, Outcome, asked
from pulumi_stateful_service.live.after.eviction import evict_when_allowed
from pulumi_stateful_service.live.after.rollout_wait import wait_until_complete
from pulumi_stateful_service.live.after.target import (
    NotAnsweredError,
    RolloutTarget,
    instance_of,
    list_pods_until_answered,
    read_until_answered,
)
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.rollout_plan import LeaderCheck
from pulumi_stateful_service.live.state.pod_status import ordinal_of, revision, serves
from pulumi_stateful_service.live.state.rollout_status import Rollout
from pulumi_stateful_service.outside_text import exit_problem

_PAUSE = 0.5
"""Seconds between two requests for the leader."""
_UNANSWERED_PAUSE = 1.0
"""Seconds after a question that was not answered."""
_COMMAND_SECONDS = 60


LeaderTurn = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
"""Waits for the other groups of a service: for all of them where the leader is in this one, which it asks."""


async def update_leader_last(
    cluster: Cluster,
    target: RolloutTarget,
    check: LeaderCheck,
    resource: pulumi.Resource,
    take_turn: LeaderTurn | None = None,
) -> Rollout:
    """Evicts one outdated instance after another, each when all are ready, and returns when none is left.

    The leader is identified before each of them; with ``take_turn``, it is the last one of all groups. Raises
    RolloutError where an instance does not become ready in time, the leader does not pass the lead on, or cannot be
    identified: then nothing is evicted.
    """
    while True:
        await _evict_broken(cluster, target)
        rollout = await wait_until_complete(cluster, target, resource)
        live = await read_until_answered(cluster, target)
        pods = await list_pods_until_answered(cluster, target, live)
        outdated = [pod for pod in pods if revision(pod) != live["status"]["updateRevision"]]
        if not outdated:
            return rollout
        outdated.sort(key=ordinal_of, reverse=True)
        if take_turn is not None:
            await take_turn(partial(_any_leads, cluster, target, check, outdated))
            take_turn = None
            continue
        for pod in outdated:
            if not await _leads(cluster, target, check, pod):
                break
        else:
            pod = outdated[-1]
            await _hand_over(cluster, target, check, pod, resource)
        name = pod["metadata"]["name"]
        await _evict(cluster, target, live, name)
        messages.info(f"{name} is replaced; {len(outdated) - 1} are left.", resource, ephemeral=True)


async def _evict_broken(cluster: Cluster, target: RolloutTarget) -> None:
    """Evicts outdated instances that never served: they would be waited for before anything is replaced."""
    live = await read_until_answered(cluster, target)
    for pod in await list_pods_until_answered(cluster, target, live):
        if revision(pod) != live.get("status", {}).get("updateRevision") and not serves(pod):
            name = pod["metadata"]["name"]
            await _evict(cluster, target, live, name)


async def _evict(cluster: Cluster, target: RolloutTarget, live: KubernetesObject, pod: str) -> None:
    seconds = target.rollout_timeout_seconds
    await evict_when_allowed(cluster, live, pod, target.prefix, seconds, action=Action.EVICT_POD_IN_TURN)


async def _hand_over(
    cluster: Cluster, target: RolloutTarget, check: LeaderCheck, pod: KubernetesObject, resource: pulumi.Resource
) -> None:
    """Has the leader pass the lead on, and waits until it does not lead any more."""
    if check.hand_over is None:
        return
    name = pod["metadata"]["name"]
    result = await _until_answered(target, name, lambda: _run_hand_over(cluster, target, check, pod))
    if result.outcome is Outcome.FAILED:
        raise RolloutError(
            f"{target.prefix}: leader_last.hand_over failed in {name} with {result.why}. It keeps its version, and the "
            f"next pulumi up continues ({ROLLOUTS})."
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


async def _run_hand_over(
    cluster: Cluster, target: RolloutTarget, check: LeaderCheck, pod: KubernetesObject
) -> CheckResult:
    """Runs the command. Where its end is not known, it passes as soon as the instance does not lead any more."""
    name = pod["metadata"]["name"]

    async def failure() -> str | None:
        command = check.hand_over or ()
        status, output = await cluster.run_in_pod(
            target.namespace, name, CONTAINER_NAME, command, _COMMAND_SECONDS, action=Action.RUN_HAND_OVER
        )
        return exit_problem(status, output)

    result = await asked(failure())
    if result.outcome is Outcome.NOT_ANSWERED:
        leads = await _leadership(cluster, target, check, name)
        return PASSED if leads.outcome is Outcome.FAILED else result
    return result


async def _any_leads(
    cluster: Cluster, target: RolloutTarget, check: LeaderCheck, pods: Sequence[KubernetesObject]
) -> bool:
    for pod in pods:
        if await _leads(cluster, target, check, pod):
            return True
    return False


async def _leads(cluster: Cluster, target: RolloutTarget, check: LeaderCheck, pod: KubernetesObject) -> bool:
    """Whether an instance leads. One that does not do what it is asked is a follower: it is not fit to lead."""
    name = pod["metadata"]["name"]
    result = await _until_answered(target, name, lambda: _leadership(cluster, target, check, name))
    return result.outcome is Outcome.PASSED


async def _until_answered(target: RolloutTarget, name: str, ask: Callable[[], Awaitable[CheckResult]]) -> CheckResult:
    """The first result that is an answer: a leader that is taken for a follower would be replaced without a word."""
    started = time.monotonic()
    while (result := await ask()).outcome is Outcome.NOT_ANSWERED:
        if time.monotonic() - started > target.rollout_timeout_seconds:
            raise NotAnsweredError(
                f"{target.prefix}: leader_last was not answered within rollout_timeout_seconds "
                f"({target.rollout_timeout_seconds}), so whether {name} leads is not known: {result.why}. It keeps its "
                f"version, and the next pulumi up continues ({ROLLOUTS})."
            )
        await asyncio.sleep(_UNANSWERED_PAUSE)
    return result


async def _leadership(cluster: Cluster, target: RolloutTarget, check: LeaderCheck, name: str) -> CheckResult:
    """Passes for an instance that leads."""
    return await asked(check.asks.failure(instance_of(cluster, target, name), _COMMAND_SECONDS))
