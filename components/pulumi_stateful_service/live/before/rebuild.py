"""Examines which instances are rebuilt: reads their Pods and the nodes of these."""

import asyncio
from collections.abc import Sequence

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.forecast import Forecast
from pulumi_stateful_service.live.before.recovery import is_to_be_recovered
from pulumi_stateful_service.live.before.refusals.rebuild import Found, rebuild_refusals
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.node_states import node_state
from pulumi_stateful_service.live.state.pod_status import is_of_stateful_set, node_of, ordinal_of
from pulumi_stateful_service.live.state.rebuild import RebuildPlan, requested_rebuild, volumes_to_give_up


def rebuild_plan(change: Change) -> RebuildPlan:
    """Which instances are rebuilt, and how many others must be ready meanwhile."""
    group = change.group
    return RebuildPlan(
        requested_rebuild(change.stateful_set),
        quorum=change.quorum,
        min_available=change.min_available,
        of_service=(group.required or 1) if group else None,
        selector=group.selector if group else {},
    )


async def refusals_to_rebuild(
    cluster: Cluster,
    change: Change,
    live: KubernetesObject | None,
    claims: Sequence[KubernetesObject],
    forecast: Forecast,
) -> list[str]:
    """Why instances cannot be rebuilt now."""
    plan = rebuild_plan(change)
    if live is None or not plan.volumes:
        return []
    pods = await cluster.list_pods(live)
    pending = {each.ordinal for each, _ in volumes_to_give_up(live, claims, plan.volumes).values()}
    names = sorted({node_of(pod) for pod in pods if ordinal_of(pod) in pending} - {""})
    states = await asyncio.gather(*(node_state(cluster, name) for name in names))
    namespace = live["metadata"]["namespace"]
    all_pods = await cluster.list("Pod", namespace, labels=plan.selector) if plan.selector else pods
    found = Found(
        live,
        claims,
        pods,
        [pod for pod in all_pods if is_of_stateful_set(pod)],
        dict(zip(names, states, strict=True)),
        (forecast.reasons or ["its values"]) if forecast.changes_template else [],
        await is_to_be_recovered(cluster, live, claims, change),
    )
    return rebuild_refusals(plan, change.members, found)
