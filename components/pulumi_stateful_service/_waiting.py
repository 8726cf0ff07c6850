"""Waits until a rollout is done, and says why where it is not in time."""

import asyncio
import time
from dataclasses import dataclass

import pulumi

from ._cluster import Cluster, ClusterError, Connection, connected
from ._errors import RolloutError
from ._rollout import Facts, Rollout, judge, may_be_done

_FIRST_LOOK, _LAST_LOOK = 0.1, 1.0
"""Seconds from one look to the next, growing: quick where a rollout is, light where it takes minutes."""
_NEWS = 5.0
"""Seconds after which every Pod is looked at, and the user hears of it."""
_MAX_SHOWN = 10
"""Instances in one message."""


@dataclass(frozen=True)
class Asked:
    """What was sent to the cluster: the set, by its identity, and the generation that the change gave it."""

    where: str
    """Begins every message."""
    namespace: str
    name: str
    uid: str
    generation: int
    timeout_seconds: int


async def seen(connection: Connection, asked: Asked) -> Rollout:
    """Where the rollout stands, without waiting; nothing where there is nothing to see.

    For previews: the cluster may not answer, and of a set that is going to be replaced Pulumi's provider tells a name
    and an identity that no set has.
    """
    try:
        async with connected(connection) as cluster:
            return await _look(cluster, asked) or Rollout()
    except (ClusterError, RolloutError):
        return Rollout()


async def done(connection: Connection, asked: Asked, resource: pulumi.Resource) -> Rollout:
    """The rollout, once it is done.

    Raises RolloutError where it is not within the timeout, with each instance that is not there yet, why, and what to
    do about it.
    """
    started = last_news = time.monotonic()
    pause, trouble = _FIRST_LOOK, ""
    async with connected(connection) as cluster:
        while time.monotonic() - started < asked.timeout_seconds:
            news_due = time.monotonic() - last_news > _NEWS
            try:
                rollout = await _look(cluster, asked, every_pod=news_due)
                if rollout is not None and rollout.done:
                    return rollout
                if rollout is not None and news_due:
                    last_news = time.monotonic()
                    await _replace_abandoned(cluster, asked, rollout, resource)
                    pulumi.log.info(f"waiting for {rollout.missing[0]}", resource, ephemeral=True)
            except ClusterError as error:
                trouble = f"the cluster does not answer: {error.problem}"
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LAST_LOOK)
        raise await _not_in_time(cluster, asked, trouble)


async def _replace_abandoned(cluster: Cluster, asked: Asked, rollout: Rollout, resource: pulumi.Resource) -> None:
    """Ends Pods of a version that is no longer wanted and that never became ready.

    With ordered management Kubernetes waits for them to become ready before it replaces them, which they never will
    (kubernetes/kubernetes#67250); its documentation has the user delete them by hand.
    """
    for pod, uid in rollout.abandoned.items():
        if await cluster.evict(asked.namespace, pod, uid):
            pulumi.log.warn(
                f"{asked.where}: {pod} never became ready, and its version is no longer wanted; it is replaced. "
                "Its claims stay.",
                resource,
            )


async def _look(cluster: Cluster, asked: Asked, *, every_pod: bool = True) -> Rollout | None:
    """Where it stands; None while the set's own status says that it can't be done, unless asked for every Pod."""
    stateful_set = await cluster.stateful_set(asked.namespace, asked.name)
    if stateful_set is None or stateful_set["metadata"]["uid"] != asked.uid:
        raise RolloutError(
            f"{asked.where}: the StatefulSet {asked.namespace}/{asked.name} that Pulumi's provider made is not there. "
            "Either it was deleted meanwhile (run pulumi refresh and then pulumi up), or this program sees another "
            "cluster than the provider: give the provider its kubeconfig, or set KUBECONFIG."
        )
    if stateful_set["metadata"]["generation"] < asked.generation or not (every_pod or may_be_done(stateful_set)):
        return None
    return judge(stateful_set, await cluster.pods_of(stateful_set))


async def _not_in_time(cluster: Cluster, asked: Asked, trouble: str) -> RolloutError:
    begin = f"{asked.where}: the rollout was not done within rollout_timeout_seconds ({asked.timeout_seconds})"
    try:
        stateful_set = await cluster.stateful_set(asked.namespace, asked.name)
        if stateful_set is None:
            return RolloutError(f"{begin}: the set is gone")
        facts = Facts(await cluster.warnings(asked.namespace), await cluster.unbound_claims(asked.namespace))
        rollout = judge(stateful_set, await cluster.pods_of(stateful_set), facts)
    except ClusterError as error:
        return RolloutError(f"{begin}: {trouble or error.problem}")
    shown = [f"  {each}" for each in rollout.missing[:_MAX_SHOWN]]
    if len(rollout.missing) > _MAX_SHOWN:
        shown.append(f"  … and {len(rollout.missing) - _MAX_SHOWN} more")
    return RolloutError("\n".join([f"{begin}:", *shown, *_way_out(asked, rollout)]))


def _way_out(asked: Asked, rollout: Rollout) -> list[str]:
    remedy = ["Mend the cause and run pulumi up again: it replaces a Pod of a wrong version that never became ready."]
    if rollout.broken:
        remedy.append("Should a broken Pod stay in the way, it can be deleted; its claim, and with it the data, stays:")
        remedy.append(f"  kubectl --namespace {asked.namespace} delete pod {' '.join(rollout.broken[:_MAX_SHOWN])}")
    return remedy
