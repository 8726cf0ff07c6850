"""Reads the live objects before anything is sent to the cluster, and refuses or announces the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL
from pulumi_stateful_service.live.claim_growth import claims_to_grow, growth_refusals, sizes_by_claim
from pulumi_stateful_service.live.client import Cluster, ClusterError, Connection, NoClusterError, connected
from pulumi_stateful_service.live.rules.adoption import validate_adoption
from pulumi_stateful_service.live.rules.conflicts import disruption_budget_refusals, service_refusals
from pulumi_stateful_service.live.rules.identity import name_refusals
from pulumi_stateful_service.live.rules.update import validate_update
from pulumi_stateful_service.live.stateful_set_fields import desired_ordinals, volume_sizes


@dataclass(frozen=True)
class Change:
    """The desired objects, as far as the rules read them, and what the program allows."""

    prefix: str
    """Begins every message."""
    component_labels: Sequence[str]
    """The values of the label that marks the component's StatefulSet; several where the component was renamed."""
    namespace: str | None
    """None for the provider's default."""
    stateful_set: KubernetesObject
    governing_service: KubernetesObject
    """Name, selector and ports."""
    disruption_budget: str | None
    """Name of the PodDisruptionBudget; None where the program has none."""
    recreate_keeping_pods: bool
    adopt: bool
    autoscaled: bool

    @property
    def set_name(self) -> str:
        """Name of the StatefulSet."""
        return str(self.stateful_set["metadata"]["name"])


async def set_to_recreate(connection: Connection, change: Change, resource: pulumi.Resource) -> KubernetesObject | None:
    """The live StatefulSet that must be deleted without its Pods before the change; None for most changes.

    Raises RefusedError for a change that would lose data or leave it behind.
    """
    if connection.renders:
        return None
    try:
        async with connected(connection) as cluster:
            return await _validate(cluster, change, resource)
    except NoClusterError:
        return None
    except ClusterError:
        # In a preview the cluster may not exist yet.
        if pulumi.runtime.is_dry_run():
            return None
        raise


async def orphan_set(connection: Connection, live: KubernetesObject | None) -> None:
    """Deletes a StatefulSet, but not its Pods and claims, which the recreated one adopts. Does nothing in a preview."""
    if live is None or pulumi.runtime.is_dry_run():
        return
    metadata = live["metadata"]
    async with connected(connection) as cluster:
        await cluster.orphan(metadata["namespace"], metadata["name"], metadata["uid"])


async def _validate(cluster: Cluster, change: Change, resource: pulumi.Resource) -> KubernetesObject | None:
    namespace = change.namespace or cluster.default_namespace
    live = await cluster.stateful_set(namespace, change.set_name)
    if live is None:
        await _validate_creation(cluster, namespace, change)
        return None
    conflicts: list[str] = []
    if live["metadata"].get("labels", {}).get(COMPONENT_LABEL) in change.component_labels:
        verdict = validate_update(
            live,
            change.stateful_set,
            recreate_keeping_pods=change.recreate_keeping_pods,
            autoscaled=change.autoscaled,
        )
    else:
        verdict = validate_adoption(live, change.stateful_set, adopt=change.adopt)
        if change.adopt:
            conflicts = await _conflicts(cluster, namespace, change, adopting=True)
    _refuse(change, [*verdict.refusals, *conflicts])
    for warning in verdict.warnings:
        pulumi.log.warn(f"{change.prefix}: {warning}", resource)
    await _validate_growth(cluster, change, live, resource)
    return live if verdict.recreate else None


async def _validate_creation(cluster: Cluster, namespace: str, change: Change) -> None:
    known_names = await cluster.stateful_sets_of(namespace, change.component_labels)
    _refuse(change, name_refusals(known_names, change.set_name, list(volume_sizes(change.stateful_set))))
    if not known_names:
        _refuse(change, await _conflicts(cluster, namespace, change))


async def _conflicts(cluster: Cluster, namespace: str, change: Change, *, adopting: bool = False) -> list[str]:
    service = await cluster.get_service(namespace, change.governing_service["metadata"]["name"])
    refusals = service_refusals(service, change.governing_service, change.set_name, adopting=adopting)
    if change.disruption_budget is None:
        return refusals
    budget = await cluster.get_disruption_budget(namespace, change.disruption_budget)
    return [*refusals, *disruption_budget_refusals(budget, change.set_name)]


async def _validate_growth(cluster: Cluster, change: Change, live: KubernetesObject, resource: pulumi.Resource) -> None:
    """Refuses volumes that cannot grow, and announces those that will."""
    sizes = sizes_by_claim(change.set_name, volume_sizes(change.stateful_set), desired_ordinals(live))
    labels: Mapping[str, Any] = live["spec"]["selector"]["matchLabels"]
    claims = await cluster.claims(live["metadata"]["namespace"], sizes.keys(), labels)
    growths = claims_to_grow(claims, sizes)
    if not growths:
        return
    storage_classes = {claim["spec"].get("storageClassName") or "" for claim in claims}
    _refuse(change, growth_refusals(growths, claims, await cluster.expandable(storage_classes)))
    for growth in growths:
        pulumi.log.info(
            f"PersistentVolumeClaim {growth.claim} is expanded from {growth.requested} to {growth.target}; no Pod is "
            "restarted.",
            resource,
        )


def _refuse(change: Change, refusals: Sequence[str]) -> None:
    if len(refusals) == 1:
        raise RefusedError(f"{change.prefix}: {refusals[0]}")
    if refusals:
        raise RefusedError(
            "\n".join([f"{change.prefix}: this change is refused:", *(f"  {each}" for each in refusals)])
        )
