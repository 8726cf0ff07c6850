"""Reads the live objects before the StatefulSet is sent, and refuses the change, or says how it is made."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.types import WaitFor
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import ATTEMPT_ANNOTATION, COMPONENT_LABEL
from pulumi_stateful_service.foundation.outputs import contains_unknown
from pulumi_stateful_service.live.before.application_versions import kept_claims, wanted_version
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.recovery import is_to_be_recovered
from pulumi_stateful_service.live.before.refusals.adoption import adoption_terms
from pulumi_stateful_service.live.before.refusals.claims import claim_warnings, ending_refusals
from pulumi_stateful_service.live.before.refusals.conflicts import disruption_budget_refusals, service_refusals
from pulumi_stateful_service.live.before.refusals.identity import name_refusals
from pulumi_stateful_service.live.before.refusals.namespaces import pending_deletion_refusals
from pulumi_stateful_service.live.before.refusals.owners import owner_warnings
from pulumi_stateful_service.live.before.refusals.replacement import replacement_refusals
from pulumi_stateful_service.live.before.refusals.restore import (
    claims_to_replace,
    claims_to_restore,
    restore_refusals,
    snapshot_of,
    snapshot_refusals,
)
from pulumi_stateful_service.live.before.refusals.terms import Terms
from pulumi_stateful_service.live.before.refusals.update import restart_warning, update_terms, warnings_about_others
from pulumi_stateful_service.live.before.refusals.volumes import shrink_refusal
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.client.snapshot import Snapshot
from pulumi_stateful_service.live.member_notes import read_member_notes
from pulumi_stateful_service.live.reclaim_policy import has_reclaim_policy
from pulumi_stateful_service.live.state.application_versions import lagging_notes
from pulumi_stateful_service.live.state.claim_changes import (
    by_claim,
    claim_patch,
    claims_to_grow,
    desired_claims,
    growth_refusals,
    is_bound,
    pending_change,
    shrink_refusals,
)
from pulumi_stateful_service.live.state.claim_changes import is_being_deleted as is_claim_being_deleted
from pulumi_stateful_service.live.state.claim_owners import claims_to_release
from pulumi_stateful_service.live.state.cluster_forming import is_formed
from pulumi_stateful_service.live.state.field_managers import changes_outside_pulumi, is_partition_set_by_component
from pulumi_stateful_service.live.state.field_paths import value_at
from pulumi_stateful_service.live.state.member_changes import MemberNotes, is_unfinished
from pulumi_stateful_service.live.state.outdated_claims import claims_to_recreate, requested_recreation
from pulumi_stateful_service.live.state.pod_status import is_ready, is_running
from pulumi_stateful_service.live.state.rebuild import requested_rebuild, volumes_to_give_up
from pulumi_stateful_service.live.state.rollout_status import has_outdated_pods, is_incomplete, is_settled
from pulumi_stateful_service.live.state.stateful_set_fields import (
    claim_templates,
    desired_ordinals,
    is_being_deleted,
    malformed_notes,
    partition_of,
    volume_sizes,
)
from pulumi_stateful_service.live.state.volume_snapshots import quiesced_since

_MAX_DIGITS = 9


async def read_ahead(cluster: Snapshot, namespace: str, change: Change) -> None:
    """Reads what a creation is judged on later, beside what is read first: one round trip less."""
    with suppress(ClusterError):  # whoever judges on it gets the error
        await _sets_of_component(cluster, namespace, change)


async def refuse_or_recreate(
    cluster: Cluster,
    change: Change,
    live: KubernetesObject | None,
    resource: pulumi.Resource,
    said: Collection[str] = (),
    judged_services: Collection[str] = (),
) -> bool:
    """Whether the live StatefulSet must be deleted, without its Pods and claims, and created again.

    Raises RefusedError for a change that would lose data or leave it behind. What is not known yet is not examined.
    Warnings that the user has seen (``said``) are not repeated. Services that were judged before their own creation
    (``judged_services``) are not read again.
    """
    namespace = change.namespace or cluster.default_namespace
    change = change.known_with(live or {})
    if live is None:
        await _validate_creation(cluster, namespace, change, judged_services)
        return False
    conflicts: list[str] = []
    if change.owns(live):
        terms = _update_terms(live, change)
    else:
        terms = adoption_terms(live, change.stateful_set, adopt=change.adopt)
        if change.adopt:
            conflicts = await _conflicts(cluster, namespace, change, judged_services, adopting=True)
    _refuse(change, [*terms.refusals, *conflicts, *pending_deletion_refusals(live)])
    for warning in terms.warnings:
        if warning not in said:
            messages.warn(f"{change.prefix}: {warning}", resource)
    await _validate_sizes(cluster, change, live)
    return terms.recreate


async def refuse_to_end_claims(
    cluster: Cluster,
    change: Change,
    claims: Sequence[KubernetesObject],
    ending: Mapping[str, str],
    removed: Sequence[str],
) -> None:
    """Raises RefusedError where claims that somebody has deleted would end with their data."""
    if not ending:
        return
    retained = [claim["metadata"]["name"] for claim in claims if await _is_volume_retained(cluster, claim)]
    _refuse(change, ending_refusals(ending, removed, claims, retained))


async def _is_volume_retained(cluster: Cluster, claim: KubernetesObject) -> bool:
    """Whether the volume of a claim stays without it, as far as the credentials allow to read it."""
    name = claim["spec"].get("volumeName")
    return is_claim_being_deleted(claim) and bool(name) and await has_reclaim_policy(cluster, name, "Retain")


async def missing_claims(cluster: Cluster, change: Change) -> tuple[list[KubernetesObject], list[KubernetesObject]]:
    """The claims to create with data, and the existing ones that a snapshot's data replace.

    Raises RefusedError where one exists that has other data and is not to be replaced, and without the snapshot.
    """
    wanted = [claim for claim in change.restored_claims if not contains_unknown(claim)]
    if not wanted:
        return [], []
    namespace = change.namespace or cluster.default_namespace
    names = {claim["metadata"]["name"] for claim in wanted}
    found = await cluster.list_claims(namespace, names, change.stateful_set["spec"]["selector"]["matchLabels"])
    existing = {claim["metadata"]["name"]: claim for claim in found}
    _refuse(change, restore_refusals(wanted, existing))
    replaced = claims_to_replace(wanted, existing)
    names = {claim["metadata"]["name"] for claim in replaced}
    replacing = [claim for claim in wanted if claim["metadata"]["name"] in names]
    # One that replaces nothing waits for its snapshot, as for any source.
    sources = {str(snapshot_of(claim)) for claim in replacing}
    snapshots = await asyncio.gather(*(cluster.get("VolumeSnapshot", namespace, each) for each in sources))
    _refuse(change, snapshot_refusals(replacing, dict(zip(sources, snapshots, strict=True))))
    return [*claims_to_restore(wanted, existing), *replacing], replaced


def live_warnings(live: KubernetesObject, claims: Sequence[KubernetesObject], change: Change) -> list[str]:
    """What every preview says of the live objects, also where nothing changes."""
    malformed = [
        f"StatefulSet {live['metadata']['name']} has a damaged annotation, which is ignored ({each}). The next update "
        "restores it."
        for each in malformed_notes(live)
    ]
    restart = restart_warning(live)
    return [
        *warnings_about_others(live, change.stateful_set, autoscaled=change.autoscaled),
        *([restart] if restart else []),
        *owner_warnings(live),
        *malformed,
        *claim_warnings(live, claims, change.stateful_set),
    ]


async def is_replacement_refused(
    cluster: Cluster, live: KubernetesObject, claims: Sequence[KubernetesObject], change: Change
) -> bool:
    """Whether the component's StatefulSet must not be deleted for another one in its place."""
    if _update_terms(live, change).refusals or replacement_refusals(live, claims):
        return True
    try:
        await _validate_sizes(cluster, change, live)
    except RefusedError:
        return True
    return False


def last_attempt(live: KubernetesObject) -> int:
    """The number of the last operation that continued an earlier one; 0 where none did."""
    noted = (live["metadata"].get("annotations") or {}).get(ATTEMPT_ANNOTATION) or ""
    return int(noted) if noted.isascii() and noted.isdigit() and len(noted) < _MAX_DIGITS else 0


async def live_claims(cluster: Cluster, live: KubernetesObject) -> list[KubernetesObject]:
    """The claims of a StatefulSet: those with its labels, also of instances that it no longer has, and of its Pods."""
    if not claim_templates(live):
        return []
    names = by_claim(live["metadata"]["name"], desired_claims(live), desired_ordinals(live)).keys()
    return await cluster.list_set_claims(live["metadata"]["namespace"], names, live["spec"]["selector"]["matchLabels"])


async def unfinished_work(
    cluster: Cluster, live: KubernetesObject, claims: Sequence[KubernetesObject], change: Change
) -> bool:
    """Whether an earlier operation left a deletion, members, a rollout or claims as they should not stay.

    The program says how they should be: no annotation of the live StatefulSet does. What kubectl has added to the
    StatefulSet is no part of Pulumi's state, so a refresh would not show it: it is work too.
    """
    if is_being_deleted(live) or pending_deletion_refusals(live) or await _unfinished_members(cluster, live, change):
        return True
    if await is_to_be_formed(cluster, live, claims, change) or await is_to_be_recovered(cluster, live, claims, change):
        return True
    if any(map(quiesced_since, claims)) or await _unfinished_notes(cluster, live, claims, change):
        return True
    if claims_to_release(live, claims, change.stateful_set) or _has_additions(live, change):
        return True
    return await _unfinished_rollout(cluster, live, change) or _unfinished_claims(live, claims, change)


async def is_to_be_formed(
    cluster: Cluster, live: KubernetesObject | None, claims: Sequence[KubernetesObject], change: Change
) -> bool:
    """Whether the application's cluster has to be formed, when instances run."""
    if change.forming is None or not desired_ordinals(live or change.stateful_set):
        return False
    namespace = change.namespace or cluster.default_namespace
    found = claims if live is not None else await kept_claims(cluster, change)
    return not is_formed(await cluster.get_service(namespace, change.forming.service_name), found)


async def _unfinished_notes(
    cluster: Cluster, live: KubernetesObject, claims: Sequence[KubernetesObject], change: Change
) -> bool:
    wanted = wanted_version(change)
    return wanted is not None and bool(lagging_notes(live, await cluster.list_pods(live), claims, wanted))


def _has_additions(live: KubernetesObject, change: Change) -> bool:
    if not change.takes_over:
        return False
    return any(
        each.is_taken_over and value_at(change.stateful_set, each.path) is None
        for each in changes_outside_pulumi(live, autoscaled=change.autoscaled)
    )


async def noted_members(cluster: Cluster, change: Change, live: KubernetesObject | None) -> MemberNotes | None:
    """What is noted about the members of the live StatefulSet; None where it has none.

    Raises RefusedError for notes that cannot be.
    """
    if change.members is None or live is None:
        return None
    return await read_member_notes(cluster, change.prefix, live, change.members)


async def _unfinished_members(cluster: Cluster, live: KubernetesObject, change: Change) -> bool:
    try:
        notes = await noted_members(cluster, change, live)
    except RefusedError:
        return True  # and refused in the operation that this leads to
    return change.members is not None and notes is not None and is_unfinished(live, notes, change.members)


async def _unfinished_rollout(cluster: Cluster, live: KubernetesObject, change: Change) -> bool:
    if partition_of(live) and (change.rollout is not None or is_partition_set_by_component(live)):
        return True
    if change.wait_for == WaitFor.CREATED or (is_settled(live) and not change.leader_last):
        return False
    pods = await cluster.list_pods(live)
    if change.leader_last and has_outdated_pods(live, pods):
        return True
    return is_incomplete(live, pods, is_running if change.wait_for == WaitFor.RUNNING else is_ready)


def _unfinished_claims(live: KubernetesObject, claims: Sequence[KubernetesObject], change: Change) -> bool:
    if contains_unknown([change.stateful_set["metadata"], change.stateful_set["spec"].get("volumeClaimTemplates")]):
        return False
    name, templates = live["metadata"]["name"], claim_templates(live)
    desired = {volume: asked for volume, asked in desired_claims(change.stateful_set).items() if volume in templates}
    wanted = by_claim(name, desired, desired_ordinals(live))
    if claims_to_recreate(live, claims, desired, requested_recreation(change.stateful_set)):
        return True
    if volumes_to_give_up(live, claims, requested_rebuild(change.stateful_set)):
        return True
    for claim in claims:
        volume, asked = wanted.get(claim["metadata"]["name"], ("", None))
        if asked is None or is_claim_being_deleted(claim) or not is_bound(claim):
            continue
        if claim_patch(claim, asked, templates[volume], name) or pending_change(claim, asked):
            return True
    return False


def rendering_warnings(change: Change) -> list[str]:
    """What has no effect where manifests are rendered and somebody else applies them."""
    warnings = []
    if change.rollout is not None:
        warnings.append(
            "rollout has no effect in rendered manifests: whoever applies them updates all instances one after another."
        )
    if change.resize is not None:
        warnings.append(
            "resize has no effect in rendered manifests: whoever applies them updates instances for other resources."
        )
    if change.members is not None:
        warnings.append(
            "members has no effect in rendered manifests: whoever applies them adds and removes instances without "
            "asking the application."
        )
    if change.forming is not None:
        warnings.append("form_cluster has no effect in rendered manifests: whoever applies them forms no cluster.")
    if change.recovery is not None:
        warnings.append("recover has no effect in rendered manifests: whoever applies them recovers from no instance.")
    if change.version is not None:
        warnings.append("version has no effect in rendered manifests: whoever applies them compares no versions.")
    if change.group is not None and change.set_name == change.group.set_names[0]:
        warnings.append(
            "group_order has no effect in rendered manifests: whoever applies them updates all groups at once, each "
            "one instance at a time."
        )
    if change.snapshots is not None:
        warnings.append(
            "snapshots has no effect in rendered manifests: whoever applies them changes the instances without making "
            "VolumeSnapshots."
        )
    return warnings


def _update_terms(live: KubernetesObject, change: Change) -> Terms:
    return update_terms(
        live, change.stateful_set, recreate_keeping_pods=change.recreate_keeping_pods, autoscaled=change.autoscaled
    )


async def _validate_creation(
    cluster: Cluster, namespace: str, change: Change, judged_services: Collection[str]
) -> None:
    found, conflicts = await asyncio.gather(
        _sets_of_component(cluster, namespace, change),
        _conflicts(cluster, namespace, change, judged_services),
    )
    known_names = [each["metadata"]["name"] for each in found]
    # With groups, those that the program does not have are examined with the governing Service.
    if change.group is None:
        _refuse(change, name_refusals(known_names, change.set_name, list(volume_sizes(change.stateful_set))))
    if not known_names:
        _refuse(change, conflicts)


async def _sets_of_component(cluster: Cluster, namespace: str, change: Change) -> list[KubernetesObject]:
    """The StatefulSets that the component has, whatever their names."""
    return await cluster.find_stateful_sets(namespace, {COMPONENT_LABEL: list(change.component_labels)})


async def _conflicts(
    cluster: Cluster, namespace: str, change: Change, judged_services: Collection[str], *, adopting: bool = False
) -> list[str]:
    async def of_service() -> list[str]:
        name = change.governing_service["metadata"]["name"]
        if name in judged_services:
            return []
        service = await cluster.get_service(namespace, name)
        return service_refusals(service, change.governing_service, change.service, adopting=adopting)

    async def of_budget() -> list[str]:
        if change.disruption_budget is None:
            return []
        budget = await cluster.get("PodDisruptionBudget", namespace, change.disruption_budget)
        return disruption_budget_refusals(budget, change.service)

    return [refusal for refusals in await asyncio.gather(of_service(), of_budget()) for refusal in refusals]


async def _validate_sizes(cluster: Cluster, change: Change, live: KubernetesObject) -> None:
    """Refuses volumes that cannot grow, and those that would have to shrink."""
    before, after = volume_sizes(live), volume_sizes(change.stateful_set)
    wanted = by_claim(change.set_name, desired_claims(change.stateful_set), desired_ordinals(live))
    labels: Mapping[str, Any] = live["spec"]["selector"]["matchLabels"]
    claims = await cluster.list_claims(live["metadata"]["namespace"], wanted.keys(), labels)
    by_volume: dict[str, list[KubernetesObject]] = {}
    for claim in claims:
        by_volume.setdefault(wanted[claim["metadata"]["name"]][0], []).append(claim)
    shrinking = {} if change.recreate_keeping_pods else shrink_refusals(before, after, by_volume)
    _refuse(change, [shrink_refusal(each, before[each], after[each], names) for each, names in shrinking.items()])
    growths = claims_to_grow(claims, {name: desired.size for name, (_, desired) in wanted.items()})
    if growths:
        storage_classes = {claim["spec"].get("storageClassName") or "" for claim in claims}
        _refuse(change, growth_refusals(growths, claims, await cluster.get_expandable(storage_classes)))


def _refuse(change: Change, refusals: Sequence[str]) -> None:
    if len(refusals) == 1:
        raise RefusedError(f"{change.prefix}: {refusals[0]}")
    if refusals:
        raise RefusedError(
            "\n".join([f"{change.prefix}: this change is refused:", *(f"  {each}" for each in refusals)])
        )
