"""Follows a change on the cluster until it is done: disks grown, instances rolled out. Says why where it is not."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import pulumi

from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.change_rules import dropped_by_api_server
from pulumi_stateful_service.live.claim_growth import claim_sizes, claims_to_grow, is_bound, pending_resize
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.rollout_status import Diagnostics, Rollout, judge, may_be_done, wanted_ordinals

_T = TypeVar("_T")

_FIRST_LOOK, _LAST_LOOK = 0.1, 1.0
"""Seconds from one look to the next, growing with what it takes: quick where a rollout is, light where it lasts."""
_LATE = 0.2
"""How much later than it is done a change may be seen to be done, as a part of what it took."""
_LOOKS_A_SECOND = 100
"""Of all services of a program together."""
_NEWS = 5.0
"""Seconds after which every Pod is looked at, and the user hears of it."""
_MAX_SHOWN = 10
"""Instances in one message."""


@dataclass(frozen=True)
class RolloutTarget:
    """What was sent to the cluster: the set, by its identity, and the generation that the change gave it."""

    where: str
    """Begins every message."""
    namespace: str
    name: str
    uid: str
    generation: int
    sizes: Mapping[str, str]
    """The size of each volume, by its name."""
    labels: Mapping[str, str]
    """The labels that the set gives its claims."""
    max_unavailable: object
    """What was asked for as ``maxUnavailable``, which not every API server knows."""
    timeout_seconds: int
    growth_timeout_seconds: int


async def current_rollout(connection: Connection, asked: RolloutTarget) -> Rollout | None:
    """Where the rollout stands, without waiting; None where only the change will tell.

    For previews: the cluster may not answer, and of a set that is going to be replaced Pulumi's provider tells a name
    and an identity that no set has.
    """
    try:
        async with connected(connection) as cluster:
            live = await _the_set(cluster, asked)
            # A dry run of a change tells the generation that it would have.
            return await _look(cluster, asked) if live["metadata"]["generation"] == asked.generation else None
    except (ClusterError, RolloutError):
        return None


async def wait_for_rollout(connection: Connection, asked: RolloutTarget, resource: pulumi.Resource) -> Rollout:
    """The rollout, once it is done and the disks have their sizes.

    Raises RolloutError where that is not within the timeouts, with each instance that is not there yet, why, and what
    to do about it.
    """
    async with connected(connection) as cluster:
        # Before anything is done: is this the cluster that the set is on?
        live = await _patiently(asked, lambda: _the_set(cluster, asked))
        if dropped := dropped_by_api_server(live, asked.max_unavailable):
            pulumi.log.warn(f"{asked.where}: {dropped}.", resource)
        # A disk that is full may be what an instance is waiting for, so disks come first.
        sizes = claim_sizes(asked.name, asked.sizes, wanted_ordinals(live))
        known = await _patiently(asked, lambda: _grow(cluster, asked, sizes))
        rollout = await _rolled_out(cluster, asked, resource)
        if len(known) < len(sizes) or not all(is_bound(claim) for claim in known):
            # The templates of the set keep their first size, and so have claims that are new.
            known = await _patiently(asked, lambda: _grow(cluster, asked, sizes))
        await _grown(cluster, asked, sizes, known)
        return rollout


async def _grow(cluster: Cluster, asked: RolloutTarget, sizes: Mapping[str, str]) -> list[KubernetesObject]:
    """Asks for larger volumes where claims ask for less than they should; the claims that are there.

    A claim without a volume can't be changed: it grows once it is bound.
    """
    claims = await cluster.list_claims(asked.namespace, sizes.keys(), asked.labels)
    for growth in claims_to_grow([claim for claim in claims if is_bound(claim)], sizes):
        try:
            await cluster.patch_claim_size(asked.namespace, growth.claim, growth.wanted)
        except ClusterError as error:
            raise RolloutError(
                f"{asked.where}: {growth.claim} cannot grow from {growth.has} to {growth.wanted}: {error.problem}"
            ) from error
    return claims


async def _grown(
    cluster: Cluster, asked: RolloutTarget, sizes: Mapping[str, str], claims: list[KubernetesObject]
) -> None:
    """Waits until every volume has the size that its claim was to have."""
    started = time.monotonic()
    while waiting := [
        problem for claim in claims if (problem := pending_resize(claim, sizes[claim["metadata"]["name"]]))
    ]:
        seconds = asked.growth_timeout_seconds
        if time.monotonic() - started > seconds:
            begin = f"{asked.where}: the disks have not grown within growth_timeout_seconds ({seconds}):"
            end = "The instances run on; the next pulumi up goes on waiting."
            raise RolloutError("\n".join([begin, *(f"  {problem}" for problem in waiting[:_MAX_SHOWN]), end]))
        await _pause(cluster, started)
        claims = await _patiently(asked, lambda: _grow(cluster, asked, sizes))


async def _patiently(asked: RolloutTarget, look: Callable[[], Awaitable[_T]]) -> _T:
    """What a look tells, once the cluster answers: an API server may be away for a while."""
    deadline = time.monotonic() + asked.timeout_seconds
    while True:
        try:
            return await look()
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_LAST_LOOK)


async def _rolled_out(cluster: Cluster, asked: RolloutTarget, resource: pulumi.Resource) -> Rollout:
    started = last_news = time.monotonic()
    trouble = ""
    while time.monotonic() - started < asked.timeout_seconds:
        news_due = time.monotonic() - last_news > _NEWS
        try:
            rollout = await _look(cluster, asked, every_pod=news_due)
            if rollout is not None and rollout.done:
                return rollout
            if rollout is not None:
                await _give_new_volumes(cluster, asked, rollout, resource)
            if rollout is not None and news_due:
                last_news = time.monotonic()
                await _replace_abandoned(cluster, asked, rollout, resource)
                pulumi.log.info(f"waiting for {rollout.missing[0]}", resource, ephemeral=True)
        except ClusterError as error:
            trouble = f"the cluster does not answer: {error.problem}"
        await _pause(cluster, started)
    raise await _not_in_time(cluster, asked, trouble)


async def _pause(cluster: Cluster, started: float) -> None:
    pause = min(max(_FIRST_LOOK, (time.monotonic() - started) * _LATE), _LAST_LOOK)
    await asyncio.sleep(max(pause, cluster.users / _LOOKS_A_SECOND))


async def _replace_abandoned(
    cluster: Cluster, asked: RolloutTarget, rollout: Rollout, resource: pulumi.Resource
) -> None:
    """Ends Pods of a version that is no longer wanted and that never became ready.

    With ordered management Kubernetes waits for them to become ready before it replaces them, which they never will
    (kubernetes/kubernetes#67250); its documentation has the user delete them by hand.
    """
    for pod, uid in rollout.abandoned.items():
        if await cluster.evict_pod(asked.namespace, pod, uid):
            pulumi.log.warn(
                f"{asked.where}: {pod} never became ready, and its version is no longer wanted; it is replaced. "
                "Its claims stay.",
                resource,
            )


async def _give_new_volumes(
    cluster: Cluster, asked: RolloutTarget, rollout: Rollout, resource: pulumi.Resource
) -> None:
    """Ends the next Pod that was made before the set had all its volumes, while all others are ready.

    Kubernetes tries to add the volume to the running Pod, is refused by its own API, and tries again for ever. It goes
    through the ordinals from the lowest up, so only that order gets it on.
    """
    for pod, uid in list(rollout.without_volume.items())[:1]:
        if await cluster.evict_pod(asked.namespace, pod, uid):
            pulumi.log.info(f"{pod} is replaced to get its new volume.", resource)


async def _look(cluster: Cluster, asked: RolloutTarget, *, every_pod: bool = True) -> Rollout | None:
    """Where it stands; None while the set's own status says that it can't be done, unless asked for every Pod."""
    stateful_set = await _the_set(cluster, asked)
    if stateful_set["metadata"]["generation"] < asked.generation or not (every_pod or may_be_done(stateful_set)):
        return None
    return judge(stateful_set, await cluster.list_pods(stateful_set))


async def _the_set(cluster: Cluster, asked: RolloutTarget) -> KubernetesObject:
    """The very set that was asked for; its identity tells that this is the provider's cluster."""
    stateful_set = await cluster.get_stateful_set(asked.namespace, asked.name)
    if stateful_set is None or stateful_set["metadata"]["uid"] != asked.uid:
        raise RolloutError(
            f"{asked.where}: the StatefulSet {asked.namespace}/{asked.name} that Pulumi's provider made is not there. "
            "Either it was deleted meanwhile (run pulumi refresh and then pulumi up), or this program sees another "
            "cluster than the provider: give the provider its kubeconfig, or set KUBECONFIG."
        )
    return stateful_set


async def _not_in_time(cluster: Cluster, asked: RolloutTarget, trouble: str) -> RolloutError:
    begin = f"{asked.where}: the rollout was not done within rollout_timeout_seconds ({asked.timeout_seconds})"
    try:
        stateful_set = await cluster.get_stateful_set(asked.namespace, asked.name)
        if stateful_set is None:
            return RolloutError(f"{begin}: the set is gone")
        facts = Diagnostics(
            await cluster.list_warnings(asked.namespace), await cluster.list_unbound_claims(asked.namespace)
        )
        rollout = judge(stateful_set, await cluster.list_pods(stateful_set), facts)
    except ClusterError as error:
        return RolloutError(f"{begin}: {trouble or error.problem}")
    shown = [f"  {each}" for each in rollout.missing[:_MAX_SHOWN]]
    if len(rollout.missing) > _MAX_SHOWN:
        shown.append(f"  … and {len(rollout.missing) - _MAX_SHOWN} more")
    return RolloutError("\n".join([f"{begin}:", *shown, *_way_out(asked, rollout)]))


def _way_out(asked: RolloutTarget, rollout: Rollout) -> list[str]:
    remedy = ["Mend the cause and run pulumi up again: it replaces a Pod of a wrong version that never became ready."]
    if rollout.broken:
        remedy.append("Should a broken Pod stay in the way, it can be deleted; its claim, and with it the data, stays:")
        remedy.append(f"  kubectl --namespace {asked.namespace} delete pod {' '.join(rollout.broken[:_MAX_SHOWN])}")
    return remedy
