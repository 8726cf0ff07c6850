"""Waits in ``pulumi up`` until claims are changed and the rollout is complete, or fails with the reason."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pulumi

from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.live.claim_changes import (
    DesiredClaim,
    by_claim,
    claim_patch,
    infeasible_change,
    is_bound,
    pending_change,
    requested_size,
)
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.documentation import OPERATING, ROLLOUTS, STORAGE
from pulumi_stateful_service.live.pod_status import Diagnostics, claim_names
from pulumi_stateful_service.live.rollout_status import Rollout, may_be_complete, rollout_status
from pulumi_stateful_service.live.rules.update import max_unavailable_warning
from pulumi_stateful_service.live.stateful_set_fields import claim_templates, desired_ordinals

_T = TypeVar("_T")

_MIN_PAUSE, _MAX_PAUSE = 0.1, 1.0
"""Seconds between two reads."""
_PAUSE_FRACTION = 0.2
"""The pause as a fraction of the time waited so far: short for quick rollouts, few requests for slow ones."""
_READS_PER_SECOND = 100
"""Of all services of a program together."""
_REPORT_INTERVAL = 5.0
"""Seconds after which all Pods are read and the user sees what is waited for."""
_MAX_SHOWN = 10
"""Instances in one message."""


@dataclass(frozen=True)
class RolloutTarget:
    """The StatefulSet that was sent to the cluster, and how long it may take."""

    prefix: str
    """Begins every message."""
    namespace: str
    name: str
    uid: str
    generation: int
    """``metadata.generation`` of the change."""
    claims: Mapping[str, DesiredClaim]
    """What is asked of the claims of each volume, by the volume's name."""
    claim_labels: Mapping[str, str]
    """The labels that the StatefulSet gives its claims."""
    max_unavailable: object
    """The argument, which older API servers drop."""
    rollout_timeout_seconds: int
    growth_timeout_seconds: int


async def current_rollout(connection: Connection, target: RolloutTarget, resource: pulumi.Resource) -> Rollout | None:
    """The state of the rollout as it is now, without waiting; None where it cannot be read.

    Warns where the StatefulSet that Pulumi has in its state does not exist.
    """
    try:
        async with connected(connection) as cluster:
            return await _read_rollout(cluster, target)
    except RolloutError as error:
        messages.warn(str(error), resource)
        return None
    except ClusterError:
        return None


async def wait_for_rollout(connection: Connection, target: RolloutTarget, resource: pulumi.Resource) -> Rollout:
    """Changes the claims, waits for the rollout, and returns its state when both are complete.

    Raises RolloutError after the timeouts. The error names each instance that is not there yet, the reason, and what
    to do.
    """
    async with connected(connection) as cluster:
        # Before anything is changed: is this the cluster that Pulumi's provider deploys to?
        live = await _retry_until_answered(target, lambda: _read_stateful_set(cluster, target))
        if warning := max_unavailable_warning(live, target.max_unavailable):
            messages.warn(f"{target.prefix}: {warning}", resource)
        templates = claim_templates(live)
        wanted = {
            name: (desired, templates.get(volume))
            for name, (volume, desired) in by_claim(target.name, target.claims, desired_ordinals(live)).items()
        }
        # Before the wait for the rollout: a Pod may wait for space on its volume.
        claims = await _retry_until_answered(target, lambda: _change_claims(cluster, target, wanted))
        rollout = await _wait_until_complete(cluster, target, resource)
        if len(claims) < len(wanted) or not all(is_bound(claim) for claim in claims):
            # The claims of new Pods are as the templates, which keep what the StatefulSet was created with.
            claims = await _retry_until_answered(target, lambda: _change_claims(cluster, target, wanted))
        await _wait_until_changed(cluster, target, wanted, claims)
        return rollout


_Wanted = Mapping[str, tuple[DesiredClaim, KubernetesObject | None]]
"""What is asked of each claim, and the live template of its volume, by the claim's name."""


async def _change_claims(cluster: Cluster, target: RolloutTarget, wanted: _Wanted) -> list[KubernetesObject]:
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
        return await cluster.patch_claim(target.namespace, name, patch, field_manager=field_manager(target.name))
    except ClusterError as error:
        size = patch.get("spec", {}).get("resources", {}).get("requests", {}).get("storage")
        what = f"expanded from {requested_size(claim)} to {size}" if size else "changed"
        raise RolloutError(
            f"{target.prefix}: PersistentVolumeClaim {name} cannot be {what}: {error.problem}. To take the change "
            f"back, set the earlier value again and run pulumi up ({STORAGE})."
        ) from error


async def _wait_until_changed(
    cluster: Cluster, target: RolloutTarget, wanted: _Wanted, claims: list[KubernetesObject]
) -> None:
    started = time.monotonic()
    while pending := [
        problem for claim in claims if (problem := pending_change(claim, wanted[claim["metadata"]["name"]][0]))
    ]:
        if infeasible := [problem for claim in claims if (problem := infeasible_change(claim))]:
            heading = f"{target.prefix}: the storage driver does not carry out what the claims request:"
            remedy = f"Set the earlier value again and run pulumi up: a request is taken back ({STORAGE})."
            raise RolloutError("\n".join([heading, *_indented(infeasible), remedy]))
        seconds = target.growth_timeout_seconds
        if time.monotonic() - started > seconds:
            heading = f"{target.prefix}: volumes were not changed within growth_timeout_seconds ({seconds}):"
            remedy = (
                "The Pods keep running, and the next pulumi up continues to wait. To take the request back, set the "
                f"earlier value again ({STORAGE})."
            )
            raise RolloutError("\n".join([heading, *_indented(pending), remedy]))
        await _pause(cluster, started)
        claims = await _retry_until_answered(target, lambda: _change_claims(cluster, target, wanted))


async def _retry_until_answered(target: RolloutTarget, request: Callable[[], Awaitable[_T]]) -> _T:
    """The result of a request, repeated within the timeout: an API server may be away for a while."""
    deadline = time.monotonic() + target.rollout_timeout_seconds
    while True:
        try:
            return await request()
        except ForbiddenError:
            raise
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_MAX_PAUSE)


async def _wait_until_complete(cluster: Cluster, target: RolloutTarget, resource: pulumi.Resource) -> Rollout:
    started = last_report = time.monotonic()
    problem = ""
    while time.monotonic() - started < target.rollout_timeout_seconds:
        report = time.monotonic() - last_report > _REPORT_INTERVAL
        try:
            rollout = await _read_rollout(cluster, target, every_pod=report)
            if rollout is not None and rollout.is_complete:
                return rollout
            if rollout is not None:
                await _evict_pod_without_volume(cluster, target, rollout, resource)
            if rollout is not None and report:
                last_report = time.monotonic()
                await _evict_never_ready_pods(cluster, target, rollout, resource)
                messages.info(f"waiting for {rollout.pending[0]}", resource, ephemeral=True)
        except ForbiddenError:
            raise
        except ClusterError as error:
            problem = f"the Kubernetes API does not answer: {error.problem}"
        await _pause(cluster, started)
    raise await _timeout_error(cluster, target, problem)


async def _pause(cluster: Cluster, started: float) -> None:
    pause = min(max(_MIN_PAUSE, (time.monotonic() - started) * _PAUSE_FRACTION), _MAX_PAUSE)
    await asyncio.sleep(max(pause, cluster.users / _READS_PER_SECOND))


async def _evict_never_ready_pods(
    cluster: Cluster, target: RolloutTarget, rollout: Rollout, resource: pulumi.Resource
) -> None:
    """Evicts Pods of an outdated revision that were never ready.

    With ordered Pod management the controller waits for them to become ready before it replaces them
    (kubernetes/kubernetes#67250). Kubernetes' documentation tells users to delete such Pods.
    """
    for pod, uid in rollout.never_ready.items():
        if await cluster.evict_pod(target.namespace, pod, uid):
            messages.warn(
                f"{target.prefix}: {pod} has an outdated revision and never became ready, so it is replaced. Its "
                "PersistentVolumeClaims are kept.",
                resource,
            )


async def _evict_pod_without_volume(
    cluster: Cluster, target: RolloutTarget, rollout: Rollout, resource: pulumi.Resource
) -> None:
    """Evicts the first Pod that lacks a volume, once all Pods are ready.

    The controller tries to add the volume to the running Pod, which the API server refuses, and repeats that for ever.
    It goes through the ordinals from the lowest on, so the Pods must be evicted in this order.
    """
    for pod, uid in list(rollout.without_volume.items())[:1]:
        if await cluster.evict_pod(target.namespace, pod, uid):
            messages.info(f"{pod} is replaced to mount its new volume.", resource)


async def _read_rollout(cluster: Cluster, target: RolloutTarget, *, every_pod: bool = True) -> Rollout | None:
    """The state of the rollout; None while the controller has not observed the change.

    Without ``every_pod``, also None while the StatefulSet's status shows that the rollout is not complete.
    """
    stateful_set = await _read_stateful_set(cluster, target)
    if stateful_set["metadata"]["generation"] < target.generation:
        return None
    if not every_pod and not may_be_complete(stateful_set):
        return None
    return rollout_status(stateful_set, await cluster.list_pods(stateful_set))


async def _read_stateful_set(cluster: Cluster, target: RolloutTarget) -> KubernetesObject:
    """The StatefulSet with the uid that Pulumi's provider returned. Another cluster has none with that uid."""
    stateful_set = await cluster.get_stateful_set(target.namespace, target.name)
    if stateful_set is None or stateful_set["metadata"]["uid"] != target.uid:
        found = "does not exist" if stateful_set is None else "has another uid"
        raise RolloutError(
            f"{target.prefix}: StatefulSet {target.namespace}/{target.name}, which Pulumi's provider created, {found}. "
            "If it was deleted, run pulumi refresh and then pulumi up. If this program reads another cluster than the "
            f"provider, give the provider its kubeconfig, or set KUBECONFIG ({OPERATING})."
        )
    return stateful_set


async def _timeout_error(cluster: Cluster, target: RolloutTarget, problem: str) -> RolloutError:
    seconds = target.rollout_timeout_seconds
    heading = f"{target.prefix}: the rollout did not complete within rollout_timeout_seconds ({seconds})"
    try:
        stateful_set = await cluster.get_stateful_set(target.namespace, target.name)
        if stateful_set is None:
            return RolloutError(f"{heading}: StatefulSet {target.namespace}/{target.name} was deleted meanwhile.")
        pods = await cluster.list_pods(stateful_set)
        rollout = rollout_status(stateful_set, pods, await _read_diagnostics(cluster, target, pods))
    except ClusterError as error:
        return RolloutError(f"{heading}: {problem or error.problem}")
    return RolloutError("\n".join([f"{heading}:", *_indented(rollout.pending), *_remedies(target, rollout)]))


async def _read_diagnostics(cluster: Cluster, target: RolloutTarget, pods: list[KubernetesObject]) -> Diagnostics:
    """The events of the namespace, and the claims of the Pods.

    Events are matched by uid: an earlier Pod of the same name has left some.
    """
    events = await cluster.list_warning_events(target.namespace)
    names = {name for pod in pods for name in claim_names(pod)}
    claims = await cluster.list_claims(target.namespace, names, target.claim_labels)
    return Diagnostics(
        warnings={event["involvedObject"].get("uid", ""): event.get("message", "") for event in events},
        claims={claim["metadata"]["name"]: claim for claim in claims},
    )


def _indented(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _MAX_SHOWN
    return [f"  {line}" for line in lines[:_MAX_SHOWN]] + ([f"  … and {more} more"] if more > 0 else [])


def _remedies(target: RolloutTarget, rollout: Rollout) -> list[str]:
    automatically = f"Pods of an outdated revision that never became ready are replaced automatically ({ROLLOUTS})."
    lines = [f"Fix the cause and run pulumi up again. {automatically}"]
    if rollout.crashes:
        lines += ["To see why a container terminated:", f"  {rollout.crashes[0].logs_command(target.namespace)}"]
    if rollout.not_ready:
        pods = " ".join(rollout.not_ready[:_MAX_SHOWN])
        lines.append("If a Pod still blocks the rollout, delete it; its PersistentVolumeClaims and data are kept:")
        lines.append(f"  kubectl --namespace {target.namespace} delete pod {pods}")
    return lines
