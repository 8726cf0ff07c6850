"""Looks at what is on the cluster before anything is sent, and refuses, prepares or announces the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.output import Unknown

from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL
from pulumi_stateful_service.live.change_rules import judge_adoption, judge_change, judge_name, judge_service, sizes
from pulumi_stateful_service.live.claim_growth import cannot_grow, claim_sizes, claims_to_grow, is_bound, pending_resize
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.rollout_status import is_incomplete, wanted_ordinals


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


async def judge(cluster: Cluster, change: Change, live: KubernetesObject | None, resource: pulumi.Resource) -> bool:
    """Whether the live StatefulSet must be deleted, without its Pods and claims, and created again.

    Raises RefusedError for a change that would lose data or leave it behind. What is not known yet is not judged.
    """
    namespace = change.namespace or cluster.default_namespace
    wanted = {**change.wanted, "spec": known_part(change.wanted["spec"], (live or {}).get("spec") or {})}
    name = wanted["metadata"]["name"]
    if live is None:
        found = await cluster.find_stateful_sets(namespace, {COMPONENT_LABEL: list(change.components)})
        _refuse(change, judge_name(found.items, namespace, name, list(sizes(wanted))))
        if not found.items:
            _refuse(change, judge_service(await _service_selector(cluster, namespace, wanted), wanted))
        return False
    if live["metadata"].get("labels", {}).get(COMPONENT_LABEL) in change.components:
        judgement = judge_change(live, wanted, may_recreate=change.may_recreate, autoscaled=change.autoscaled)
    else:
        service = await _service_selector(cluster, namespace, wanted)
        judgement = judge_adoption(live, wanted, service, may_adopt=change.may_adopt)
    _refuse(change, judgement.refusals)
    for warning in judgement.warnings:
        pulumi.log.warn(f"{change.prefix}: {warning}.", resource)
    await _announce_growth(cluster, change, wanted, live, resource)
    return judgement.recreate


async def unfinished_work(cluster: Cluster, live: KubernetesObject) -> bool:
    """Whether an earlier operation on the StatefulSet left a rollout or the growth of volumes incomplete."""
    if is_incomplete(live, await cluster.list_pods(live)):
        return True
    asked = claim_sizes(live["metadata"]["name"], sizes(live), wanted_ordinals(live))
    if not asked:
        return False
    labels = live["spec"]["selector"]["matchLabels"]
    claims = await cluster.list_claims(live["metadata"]["namespace"], asked.keys(), labels)
    return any(
        is_bound(claim) and (claims_to_grow([claim], asked) or pending_resize(claim, asked[claim["metadata"]["name"]]))
        for claim in claims
    )


def known_part(wanted: Any, live: Any) -> Any:
    """What is wanted, with the live value where it is not known yet: nothing is judged there."""
    if isinstance(wanted, Unknown):
        return live
    if isinstance(wanted, Mapping):
        beside = live if isinstance(live, Mapping) else {}
        return {key: known_part(value, beside.get(key)) for key, value in wanted.items()}
    if isinstance(wanted, list):
        beside_items = live if isinstance(live, list) else []
        padded = [*beside_items, *[None] * len(wanted)]
        return [known_part(value, padded[place]) for place, value in enumerate(wanted)]
    return wanted


async def _service_selector(cluster: Cluster, namespace: str, wanted: KubernetesObject) -> Mapping[str, str] | None:
    return await cluster.get_service_selector(namespace, wanted["spec"]["serviceName"])


async def _announce_growth(
    cluster: Cluster, change: Change, wanted: KubernetesObject, live: KubernetesObject, resource: pulumi.Resource
) -> None:
    asked = claim_sizes(live["metadata"]["name"], sizes(wanted), wanted_ordinals(live))
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
