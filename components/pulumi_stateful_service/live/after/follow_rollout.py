"""Follows an operation on a StatefulSet until its claims are changed and its rollout is complete."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace

import pulumi

from pulumi_stateful_service.arguments.types import WaitFor
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.live.after.application_versions import NotingCluster
from pulumi_stateful_service.live.after.claim_wait import (
    change_claims,
    outdated_claims_of,
    recreate_claims,
    wait_until_changed,
)
from pulumi_stateful_service.live.after.cluster_forming import form_cluster, note_formed
from pulumi_stateful_service.live.after.leader_last import LeaderTurn, update_leader_last
from pulumi_stateful_service.live.after.members import Members, TakeTurn
from pulumi_stateful_service.live.after.reachable import wait_until_reachable
from pulumi_stateful_service.live.after.rebuild import rebuild_instances
from pulumi_stateful_service.live.after.recovery import note_recovered, recover
from pulumi_stateful_service.live.after.resize_in_place import release, resize_in_place
from pulumi_stateful_service.live.after.rollout_wait import wait_until_complete
from pulumi_stateful_service.live.after.steps import roll_out_in_steps
from pulumi_stateful_service.live.after.target import (
    RolloutTarget,
    read_stateful_set,
    read_until_answered,
    retry_until_answered,
)
from pulumi_stateful_service.live.after.volume_snapshots import with_snapshots
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.state.claim_changes import DesiredClaim, by_claim, is_bound
from pulumi_stateful_service.live.state.claim_owners import owned_by, owners_without
from pulumi_stateful_service.live.state.rollout_status import Rollout, rollout_status
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, desired_ordinals


@dataclass(frozen=True)
class GroupTurns:
    """Waits for other groups of the service."""

    member: TakeTurn
    leader: LeaderTurn


async def current_rollout(connection: Connection, target: RolloutTarget) -> Rollout | None:
    """The state of the rollout as it is now, without waiting; None where it cannot be read."""
    try:
        async with connected(connection) as cluster:
            stateful_set = await read_stateful_set(cluster, target)
            pods, outdated = await asyncio.gather(
                cluster.list_pods(stateful_set), outdated_claims_of(cluster, target, stateful_set)
            )
            rollout = replace(rollout_status(stateful_set, pods), outdated_claims=outdated)
            return await with_snapshots(cluster, target, rollout)
    except (RolloutError, ClusterError):
        return None


async def wait_for_rollout(
    connection: Connection, target: RolloutTarget, resource: pulumi.Resource, turns: GroupTurns | None = None
) -> Rollout:
    """Changes the claims, waits for the rollout, and returns its state when both are complete.

    ``turns`` are those of the group in a service with groups.

    Raises RolloutError after the timeouts. The error names each instance that is not there yet, the reason, and what
    to do.
    """
    async with connected(connection) as plain:
        cluster = plain if target.version is None else NotingCluster(plain, target.version)
        # Before anything is changed: is this the cluster that Pulumi's provider deploys to?
        live = await read_until_answered(cluster, target)
        if warning := max_unavailable_warning(live, target.max_unavailable):
            messages.warn(f"{target.prefix}: {warning}", resource)
        if target.releases_claims:
            await _release_claims(cluster, target, live, resource)
        wanted = _wanted_claims(target, live)
        # Before the wait for the rollout: a Pod may wait for space on its volume.
        claims = await retry_until_answered(target, lambda: change_claims(cluster, target, wanted))
        if target.wait_for == WaitFor.CREATED:
            return await with_snapshots(cluster, target, rollout_status(live, await cluster.list_pods(live)))
        members = _members(cluster, target, resource, turns)
        await _revive(cluster, target, resource, members, turns)
        if target.rebuild.volumes:
            # Their claims are others now, and looked at when all instances are ready.
            live, claims = await read_until_answered(cluster, target), []
        if target.forming is not None:
            await form_cluster(cluster, target, target.forming, resource)
        if members is not None:
            await members.change()
            live = await read_until_answered(cluster, target)
            wanted = _wanted_claims(target, live)
            claims = [claim for claim in claims if claim["metadata"]["name"] in wanted]
        rollout = await _roll_out(cluster, target, resource, turns, None if members else live)
        if len(claims) < len(wanted) or not all(is_bound(claim) for claim in claims):
            # The claims of new Pods are as the templates, which keep what the StatefulSet was created with.
            claims = await retry_until_answered(target, lambda: change_claims(cluster, target, wanted))
        await wait_until_changed(cluster, target, wanted, claims, resource)
        rollout = await recreate_claims(cluster, target, resource, rollout, members)
        if target.forming is not None:
            await note_formed(cluster, target, target.forming)
        if target.recovery is not None:
            await note_recovered(cluster, target, target.recovery)
        await wait_until_reachable(cluster, target, live, rollout.ready, resource)
        rollout = replace(rollout, outdated_claims=await outdated_claims_of(cluster, target, live))
        return await with_snapshots(cluster, target, rollout)


async def _revive(
    cluster: Cluster,
    target: RolloutTarget,
    resource: pulumi.Resource,
    members: Members | None,
    turns: GroupTurns | None,
) -> None:
    """Does what comes before anything that waits for ready instances: some become ready by it alone."""
    if target.recovery is not None:
        await recover(cluster, target, target.recovery, resource)
    await rebuild_instances(cluster, target, resource, members, turns.member if turns else None)


def _members(
    cluster: Cluster, target: RolloutTarget, resource: pulumi.Resource, turns: GroupTurns | None
) -> Members | None:
    if target.members is None:
        return None
    take_turn = turns.member if turns else None

    def roll_out() -> Awaitable[Rollout]:
        return _roll_out(cluster, target, resource, turns)

    return Members(cluster, target, target.members, resource, roll_out, take_turn)


def max_unavailable_warning(live: KubernetesObject, max_unavailable: object) -> str | None:
    """Warns where the API server has dropped ``maxUnavailable``, because it does not know the field."""
    rolling_update = live["spec"].get("updateStrategy", {}).get("rollingUpdate", {})
    if max_unavailable is None or "maxUnavailable" in rolling_update:
        return None
    return (
        f"max_unavailable={max_unavailable!r} has no effect: this cluster does not support maxUnavailable for "
        "StatefulSets, so Pods are updated one at a time. It requires the feature gate MaxUnavailableStatefulSet, "
        "enabled by default from Kubernetes 1.37."
    )


async def _release_claims(
    cluster: Cluster, target: RolloutTarget, live: KubernetesObject, resource: pulumi.Resource
) -> None:
    """Removes the StatefulSet as owner of its claims: the controller does so for those of existing Pods alone."""
    names = by_claim(target.name, target.claims, desired_ordinals(live)).keys()

    async def release() -> None:
        claims = await cluster.list_set_claims(target.namespace, names, target.claim_labels)
        for claim in owned_by(live, claims):
            metadata = claim["metadata"]
            # With the version that was read: what others change at the same moment stays.
            patch = {
                "ownerReferences": owners_without(claim, target.uid),
                "resourceVersion": metadata["resourceVersion"],
            }
            await cluster.patch_claim(
                target.namespace,
                metadata["name"],
                {"metadata": patch},
                action=Action.RELEASE_CLAIM,
                field_manager=field_manager(target.name),
            )
            messages.info(f"{metadata['name']} stays when the StatefulSet is deleted (when_deleted: Retain).", resource)

    if target.claims:
        await retry_until_answered(target, release)


async def _roll_out(
    cluster: Cluster,
    target: RolloutTarget,
    resource: pulumi.Resource,
    turns: GroupTurns | None,
    seen: KubernetesObject | None = None,
) -> Rollout:
    if target.resize is not None:
        seen = None
        await resize_in_place(cluster, target, target.resize, resource)
    if target.is_released:
        seen = None
        await release(cluster, target)
    if target.leader is not None:
        return await update_leader_last(cluster, target, target.leader, resource, turns.leader if turns else None)
    if target.plan is not None:
        return await roll_out_in_steps(cluster, target, target.plan, resource)
    return await wait_until_complete(cluster, target, resource, seen)


def _wanted_claims(
    target: RolloutTarget, live: KubernetesObject
) -> dict[str, tuple[DesiredClaim, KubernetesObject | None]]:
    templates = claim_templates(live)
    volumes = by_claim(target.name, target.claims, desired_ordinals(live))
    return {name: (desired, templates.get(volume)) for name, (volume, desired) in volumes.items()}
