"""Looks at what is on the cluster before anything is sent, and refuses, prepares or announces the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL
from pulumi_stateful_service.live.change_rules import judge_adoption, judge_change, judge_name, judge_service, sizes
from pulumi_stateful_service.live.claim_growth import cannot_grow, claim_sizes, claims_to_grow
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, NoClusterError
from pulumi_stateful_service.live.rollout_status import wanted_ordinals


@dataclass(frozen=True)
class Change:
    """The set as it is to be, as far as it decides what is possible."""

    prefix: str
    """Begins every message."""
    components: Sequence[str]
    """The labels that tell that a set belongs to the component: a renamed one has several."""
    namespace: str | None
    wanted: KubernetesObject
    may_recreate: bool
    may_adopt: bool
    autoscaled: bool


async def set_to_recreate(
    connection: Connection | None, change: Change, resource: pulumi.Resource
) -> KubernetesObject | None:
    """The live set that has to go before the change, if any.

    Raises RefusedError for a change that would lose data or leave it behind.
    """
    if connection is None or connection.renders:
        return None
    try:
        async with connected(connection) as cluster:
            return await _judged(cluster, change, resource)
    except NoClusterError:
        return None
    except ClusterError:
        # A cluster that is still to be made can't be looked at in a preview.
        if pulumi.runtime.is_dry_run():
            return None
        raise


async def orphan_set(connection: Connection | None, live: KubernetesObject | None) -> None:
    """Deletes a set without its Pods and claims, so that one made anew adopts them. In a preview nothing is done."""
    if live is None or connection is None or pulumi.runtime.is_dry_run():
        return
    metadata = live["metadata"]
    async with connected(connection) as cluster:
        await cluster.delete_orphaning(metadata["namespace"], metadata["name"], metadata["uid"])


async def _judged(cluster: Cluster, change: Change, resource: pulumi.Resource) -> KubernetesObject | None:
    namespace = change.namespace or cluster.default_namespace
    name = change.wanted["metadata"]["name"]
    live = await cluster.get_stateful_set(namespace, name)
    if live is None:
        found = await cluster.find_stateful_sets(namespace, {COMPONENT_LABEL: list(change.components)})
        known_as = [each["metadata"]["name"] for each in found.items]
        _refuse(change, judge_name(known_as, name, list(sizes(change.wanted))))
        if not known_as:
            _refuse(change, judge_service(await _service_selector(cluster, namespace, change), change.wanted))
        return None
    if live["metadata"].get("labels", {}).get(COMPONENT_LABEL) in change.components:
        judgement = judge_change(live, change.wanted, may_recreate=change.may_recreate, autoscaled=change.autoscaled)
    else:
        service = await _service_selector(cluster, namespace, change)
        judgement = judge_adoption(live, change.wanted, service, may_adopt=change.may_adopt)
    _refuse(change, judgement.refusals)
    for warning in judgement.warnings:
        pulumi.log.warn(f"{change.prefix}: {warning}.", resource)
    await _announce_growth(cluster, change, live, resource)
    return live if judgement.recreate else None


async def _service_selector(cluster: Cluster, namespace: str, change: Change) -> Mapping[str, str] | None:
    return await cluster.get_service_selector(namespace, change.wanted["spec"]["serviceName"])


async def _announce_growth(cluster: Cluster, change: Change, live: KubernetesObject, resource: pulumi.Resource) -> None:
    wanted = sizes(change.wanted)
    asked = claim_sizes(live["metadata"]["name"], wanted, wanted_ordinals(live))
    labels: Mapping[str, Any] = live["spec"]["selector"]["matchLabels"]
    claims = await cluster.list_claims(live["metadata"]["namespace"], asked.keys(), labels)
    planned = claims_to_grow(claims, asked)
    if not planned:
        return
    classes = {claim["spec"].get("storageClassName") or "" for claim in claims}
    _refuse(change, cannot_grow(planned, claims, await cluster.get_expandable(classes)))
    for growth in planned:
        pulumi.log.info(f"{growth.claim} grows from {growth.has} to {growth.wanted}; no Pod restarts.", resource)


def _refuse(change: Change, refusals: Sequence[str]) -> None:
    if len(refusals) == 1:
        raise RefusedError(f"{change.prefix}: {refusals[0]}.")
    if refusals:
        raise RefusedError(
            "\n".join([f"{change.prefix}: this change is refused:", *(f"  {each}." for each in refusals)])
        )
