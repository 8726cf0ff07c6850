"""Changes claims, recreates those that the program names, and waits until they are as asked for."""

import time
from collections.abc import Mapping

import pulumi

from pulumi_stateful_service.documentation import STORAGE
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.live.after.claim_recreation import recreate_claims_of
from pulumi_stateful_service.live.after.members import Members
from pulumi_stateful_service.live.after.rollout_wait import wait_until_complete
from pulumi_stateful_service.live.after.target import (
    RolloutTarget,
    indented,
    pause,
    read_stateful_set,
    read_until_answered,
    retry_until_answered,
)
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.state.claim_changes import (
    DesiredClaim,
    by_claim,
    claim_patch,
    infeasible_change,
    is_being_deleted,
    is_bound,
    is_resized_when_mounted,
    pending_change,
    requested_size,
)
from pulumi_stateful_service.live.state.outdated_claims import claims_to_recreate, outdated_claims
from pulumi_stateful_service.live.state.pod_status import claim_names, ordinal_of
from pulumi_stateful_service.live.state.rollout_status import Rollout
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals
from pulumi_stateful_service.outside_text import cleaned

_ON_THE_NODE_SECONDS = 100
"""How long a node may take to resize a file system in use before a Pod is replaced for it: a kubelet looks after a Pod
each 60 to 90 seconds by default."""

_Wanted = Mapping[str, tuple[DesiredClaim, KubernetesObject | None]]
"""What is asked of each claim, and the live template of its volume, by the claim's name."""


async def change_claims(cluster: Cluster, target: RolloutTarget, wanted: _Wanted) -> list[KubernetesObject]:
    """Changes each claim that is not as asked for, and returns the existing claims.

    A claim that is not bound yet cannot be expanded, so it is left for later.
    """
    claims = await cluster.list_claims(target.namespace, wanted.keys(), target.claim_labels)
    changed = []
    for claim in claims:
        patch = claim_patch(claim, *wanted[claim["metadata"]["name"]], target.name) if is_bound(claim) else {}
        changed.append(await _patch_claim(cluster, target, claim, patch) if patch else claim)
    return changed


async def _patch_claim(
    cluster: Cluster, target: RolloutTarget, claim: KubernetesObject, patch: KubernetesObject
) -> KubernetesObject:
    name = claim["metadata"]["name"]
    try:
        return await cluster.patch_claim(
            target.namespace, name, patch, action=Action.CHANGE_CLAIM, field_manager=field_manager(target.name)
        )
    except ClusterError as error:
        size = patch.get("spec", {}).get("resources", {}).get("requests", {}).get("storage")
        what = f"expanded from {requested_size(claim)} to {size}" if size else "changed"
        raise RolloutError(
            f"{target.prefix}: PersistentVolumeClaim {name} cannot be {what}: {error.problem}. To take the change "
            f"back, set the earlier value again and run pulumi up ({STORAGE})."
        ) from error


async def wait_until_changed(
    cluster: Cluster,
    target: RolloutTarget,
    wanted: _Wanted,
    claims: list[KubernetesObject],
    resource: pulumi.Resource,
) -> None:
    """Waits until every claim is as asked for. Raises RolloutError where that takes too long, or never happens."""
    started = time.monotonic()
    while pending := {
        claim["metadata"]["uid"]: problem
        for claim in claims
        if (problem := pending_change(claim, wanted[claim["metadata"]["name"]][0]))
    }:
        if infeasible := [problem for claim in claims if (problem := infeasible_change(claim))]:
            heading = f"{target.prefix}: the storage driver does not carry out what the claims request:"
            remedy = f"Set the earlier value again and run pulumi up: that cancels the request ({STORAGE})."
            raise RolloutError("\n".join([heading, *indented(infeasible), remedy]))
        seconds = target.growth_timeout_seconds
        if time.monotonic() - started > seconds:
            heading = f"{target.prefix}: volumes were not changed within growth_timeout_seconds ({seconds}):"
            remedy = (
                "The Pods keep running, and the next pulumi up continues to wait. To take the request back, set the "
                f"earlier value again ({STORAGE})."
            )
            lines = await _with_warnings(cluster, target, pending)
            raise RolloutError("\n".join([heading, *indented(lines), remedy]))
        await pause(cluster, started)
        if target.restart_to_grow and time.monotonic() - started > min(_ON_THE_NODE_SECONDS, seconds / 2):
            await _restart_to_grow(cluster, target, claims, resource)
        claims = await retry_until_answered(target, lambda: change_claims(cluster, target, wanted))


async def _with_warnings(cluster: Cluster, target: RolloutTarget, pending: Mapping[str, str]) -> list[str]:
    """What claims wait for, by their uids, with the last Warning event of each.

    That a driver cannot be reached, or does not answer in time, is told there alone.
    """
    try:
        events = await cluster.list_warning_events(target.namespace, pending.keys())
    except ClusterError:
        events = []
    said = {event["involvedObject"]["uid"]: cleaned(event.get("message", "")) for event in events}
    return [f"{problem}; last event: {said[uid]}" if said.get(uid) else problem for uid, problem in pending.items()]


async def _restart_to_grow(
    cluster: Cluster, target: RolloutTarget, claims: list[KubernetesObject], resource: pulumi.Resource
) -> None:
    """Evicts the Pod of the last claim whose file system is resized when a Pod mounts it, and waits for its successor.

    One Pod at a time, when all are ready. None whose claim somebody has deleted: it would end with the Pod.
    """
    waiting = [claim["metadata"]["name"] for claim in claims if is_resized_when_mounted(claim)]
    ending = {claim["metadata"]["name"] for claim in claims if is_being_deleted(claim)}
    if not waiting:
        return
    await wait_until_complete(cluster, target, resource)
    stateful_set = await read_stateful_set(cluster, target)
    for pod in sorted(await cluster.list_pods(stateful_set), key=ordinal_of, reverse=True):
        claim = next((name for name in claim_names(pod) if name in waiting), None)
        if claim is None or ending.intersection(claim_names(pod)):
            continue
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        if await cluster.evict_pod(target.namespace, name, uid, action=Action.EVICT_POD_TO_GROW):
            messages.info(f"{name} is replaced, so that the file system of {claim} grows.", resource)
            await wait_until_complete(cluster, target, resource)
            return


async def recreate_claims(
    cluster: Cluster,
    target: RolloutTarget,
    resource: pulumi.Resource,
    rollout: Rollout,
    members: Members | None = None,
) -> Rollout:
    """Recreates the claims that the program names, one instance at a time, and returns the rollout after it.

    A member leaves with its data, and joins without.
    """
    done: set[int] = set()
    recreation = target.recreation
    if not recreation.ordinals and members is None:
        return rollout
    while True:
        live = await read_until_answered(cluster, target)
        claims = await list_claims_of(cluster, target, live) if recreation.ordinals else []
        remaining = claims_to_recreate(live, claims, target.claims, recreation)
        if members is not None and (left := await members.rejoining(live)) is not None and left not in remaining:
            await members.join(left)
            await members.note_rejoining(live, None)
        if not remaining:
            return rollout
        ordinal, outdated = next(iter(remaining.items()))
        if ordinal in done:
            names = ", ".join(claim["metadata"]["name"] for claim in outdated)
            raise RolloutError(
                f"{target.prefix}: {names} was recreated, and is still not as the StatefulSet's claim templates. "
                f"Another controller may create it ({STORAGE})."
            )
        done.add(ordinal)
        policy = recreation.reclaim_policy
        if members is not None:
            await members.note_rejoining(live, ordinal)
        await recreate_claims_of(cluster, live, ordinal, outdated, policy, target, resource, members)
        rollout = await wait_until_complete(cluster, target, resource)


async def outdated_claims_of(cluster: Cluster, target: RolloutTarget, stateful_set: KubernetesObject) -> list[str]:
    """Names of the claims that differ from what new instances get."""
    claims = await list_claims_of(cluster, target, stateful_set)
    return list(outdated_claims(stateful_set, claims, target.claims))


async def list_claims_of(
    cluster: Cluster, target: RolloutTarget, stateful_set: KubernetesObject
) -> list[KubernetesObject]:
    """The claims of the desired instances that exist."""
    names = by_claim(target.name, target.claims, desired_ordinals(stateful_set)).keys()
    return await cluster.list_claims(target.namespace, names, target.claim_labels) if names else []
