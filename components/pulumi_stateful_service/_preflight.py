"""Looks at what is on the cluster before anything is sent, and refuses, prepares or announces the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from ._changes import judge_change, judge_name, sizes
from ._cluster import Cluster, ClusterError, Connection, NoClusterError, connected
from ._errors import RefusedError
from ._growth import cannot_grow, growths, sizes_of_claims
from ._names import COMPONENT_LABEL
from ._objects import KubernetesObject
from ._rollout import wanted_ordinals


@dataclass(frozen=True)
class Change:
    """The set as it is to be, as far as it decides what is possible."""

    where: str
    """Begins every message."""
    component: str
    """The label that tells which component a set belongs to."""
    namespace: str | None
    wanted: KubernetesObject
    may_recreate: bool


async def prepare(connection: Connection, change: Change, resource: pulumi.Resource) -> None:
    """Whatever has to be known or done before the change.

    In a preview nothing is done. Raises RefusedError for a change that would lose data or leave it behind.
    """
    preview = pulumi.runtime.is_dry_run()
    try:
        async with connected(connection) as cluster:
            await _prepare(cluster, change, resource, preview=preview)
    except NoClusterError:
        return
    except ClusterError:
        # A cluster that is still to be made can't be looked at in a preview.
        if not preview:
            raise


async def _prepare(cluster: Cluster, change: Change, resource: pulumi.Resource, *, preview: bool) -> None:
    namespace = change.namespace or cluster.default_namespace
    name = change.wanted["metadata"]["name"]
    live = await cluster.stateful_set(namespace, name)
    if live is None:
        known_as = await cluster.stateful_sets_of(namespace, change.component)
        _refuse(change, judge_name(known_as, name, list(sizes(change.wanted))))
        return
    judgement = judge_change(live, change.wanted, may_recreate=change.may_recreate)
    _refuse(change, judgement.refusals)
    for warning in judgement.warnings:
        pulumi.log.warn(f"{change.where}: {warning}.", resource)
    await _announce_growth(cluster, change, live, resource)
    if judgement.recreate and live["metadata"].get("labels", {}).get(COMPONENT_LABEL) != change.component:
        _refuse(change, [f"the StatefulSet {namespace}/{name} is not this component's, so it is not made anew"])
    if judgement.recreate and not preview:
        await cluster.orphan(namespace, name, live["metadata"]["uid"])


async def _announce_growth(cluster: Cluster, change: Change, live: KubernetesObject, resource: pulumi.Resource) -> None:
    wanted = sizes(change.wanted)
    asked = sizes_of_claims(live["metadata"]["name"], wanted, wanted_ordinals(live))
    labels: Mapping[str, Any] = live["spec"]["selector"]["matchLabels"]
    claims = await cluster.claims(live["metadata"]["namespace"], asked.keys(), labels)
    planned = growths(claims, asked)
    if not planned:
        return
    classes = {claim["spec"].get("storageClassName") or "" for claim in claims}
    _refuse(change, cannot_grow(planned, claims, await cluster.expandable(classes)))
    for growth in planned:
        pulumi.log.info(f"{growth.claim} grows from {growth.has} to {growth.wanted}; no Pod restarts.", resource)


def _refuse(change: Change, refusals: Sequence[str]) -> None:
    if len(refusals) == 1:
        raise RefusedError(f"{change.where}: {refusals[0]}.")
    if refusals:
        raise RefusedError(
            "\n".join([f"{change.where}: this change is refused:", *(f"  {each}." for each in refusals)])
        )
