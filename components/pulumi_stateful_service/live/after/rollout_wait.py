"""Waits until a rollout is complete, and helps where the controller is stuck; fails with the reason."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pulumi

from pulumi_stateful_service.arguments.types import WaitFor
from pulumi_stateful_service.documentation import REBUILD, ROLLOUT_TIMEOUTS, ROLLOUTS
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.after.progress import RolloutProgress
from pulumi_stateful_service.live.after.target import (
    MAX_SHOWN,
    NotAnsweredError,
    RolloutTarget,
    indented,
    pause,
    read_stateful_set,
)
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.node_states import NodeState, node_state
from pulumi_stateful_service.live.state.claim_changes import is_lost
from pulumi_stateful_service.live.state.pod_status import (
    Diagnostics,
    claim_names,
    is_ready,
    is_running,
    is_terminating,
    node_of,
    waits_for_its_volume,
)
from pulumi_stateful_service.live.state.rebuild import line_for
from pulumi_stateful_service.live.state.rollout_status import Rollout, may_be_complete, rollout_status
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals
from pulumi_stateful_service.outside_text import cleaned

_T = TypeVar("_T")

_REPORT_INTERVAL = 5.0
"""Seconds after which all Pods are read and the user sees what is waited for."""


async def wait_until_complete(
    cluster: Cluster,
    target: RolloutTarget,
    resource: pulumi.Resource,
    seen: KubernetesObject | None = None,
    *,
    is_done: Callable[[Rollout], bool] | None = None,
) -> Rollout:
    """Waits until the rollout is complete. Raises RolloutError with the reasons where that takes too long.

    ``seen`` is the StatefulSet where it has just been read: the first look is at that. ``is_done`` says of a rollout
    that is not complete whether it has come far enough.
    """
    started = last_report = time.monotonic()
    problem, progress = "", RolloutProgress()
    known: Rollout | None = None
    while (waited := time.monotonic() - started) < target.rollout_timeout_seconds:
        report = time.monotonic() - last_report > _REPORT_INTERVAL
        try:
            rollout = await read_rollout(cluster, target, every_pod=report or is_done is not None, seen=seen)
            known = rollout or known
            if rollout is not None and (is_done or _is_complete)(rollout):
                return rollout
            if rollout is not None:
                await _evict_pod_without_volume(cluster, target, rollout, resource)
            if rollout is not None and report:
                last_report = time.monotonic()
                await _evict_unready_pods(cluster, target, rollout, resource)
                for line in progress.lines(rollout, waited, target.rollout_timeout_seconds - waited):
                    messages.info(line, resource, ephemeral=True)
        except ForbiddenError:
            raise
        except ClusterError as error:
            problem = f"the Kubernetes API does not answer: {error.problem}"
        seen = None
        await pause(cluster, started)
    return await _at_the_last_moment(cluster, target, problem, known, is_done or _is_complete)


def _is_complete(rollout: Rollout) -> bool:
    return rollout.is_complete


async def _evict_unready_pods(
    cluster: Cluster, target: RolloutTarget, rollout: Rollout, resource: pulumi.Resource
) -> None:
    """Evicts Pods of an outdated revision that the controller would wait for.

    With ordered Pod management it waits until they are ready before it replaces them (kubernetes/kubernetes#67250).
    Kubernetes' documentation tells users to delete such Pods. One that was ready before may become so again, so it is
    evicted on request only; and not where its node does not answer, since its successor could not start there.
    """
    for name, pod in rollout.blocking.items():
        if not (pod.is_hopeless or target.replace_unready) or not await _node_answers(cluster, pod.node):
            continue
        if await cluster.evict_pod(target.namespace, name, pod.uid, action=Action.EVICT_UNREADY_POD):
            messages.warn(
                f"{target.prefix}: {name} has an outdated revision and {pod.why}, so it is replaced. Its "
                "PersistentVolumeClaims are kept.",
                resource,
            )


async def _node_answers(cluster: Cluster, name: str) -> bool:
    """Whether a node is ready, as far as the credentials allow to read it."""
    return not name or await node_state(cluster, name) is not NodeState.SILENT


async def _evict_pod_without_volume(
    cluster: Cluster, target: RolloutTarget, rollout: Rollout, resource: pulumi.Resource
) -> None:
    """Evicts the first Pod that lacks a volume, once all Pods are ready.

    The controller tries to add the volume to the running Pod, which the API server refuses, and repeats that for ever.
    It goes through the ordinals from the lowest on, so the Pods must be evicted in this order.
    """
    for pod, uid in list(rollout.without_volume.items())[:1]:
        if await cluster.evict_pod(target.namespace, pod, uid, action=Action.EVICT_POD_WITHOUT_VOLUME):
            messages.info(f"{pod} is replaced to mount its new volume.", resource)


async def read_rollout(
    cluster: Cluster, target: RolloutTarget, *, every_pod: bool = True, seen: KubernetesObject | None = None
) -> Rollout | None:
    """The state of the rollout, of the StatefulSet as ``seen`` if given; None while the controller has not observed it.

    Without ``every_pod``, also None while the StatefulSet's status shows that the rollout is not complete.
    """
    stateful_set = seen or await read_stateful_set(cluster, target)
    if stateful_set["metadata"]["generation"] < target.generation:
        return None
    if not every_pod and target.wait_for == WaitFor.READY and not may_be_complete(stateful_set):
        return None
    return rollout_status(stateful_set, await cluster.list_pods(stateful_set), is_up=_is_up(target))


def _is_up(target: RolloutTarget) -> Callable[[KubernetesObject], bool]:
    return is_running if target.wait_for == WaitFor.RUNNING else is_ready


async def _at_the_last_moment(
    cluster: Cluster, target: RolloutTarget, problem: str, known: Rollout | None, is_done: Callable[[Rollout], bool]
) -> Rollout:
    """The rollout if it is complete after all. Raises RolloutError with what it waits for otherwise.

    Where the cluster does not answer, that is what was ``known`` of it last.
    """
    seconds = target.rollout_timeout_seconds
    heading = f"{target.prefix}: the rollout did not complete within rollout_timeout_seconds ({seconds})"
    try:
        stateful_set = await cluster.get_stateful_set(target.namespace, target.name)
        if stateful_set is None:
            raise RolloutError(f"{heading}: StatefulSet {target.namespace}/{target.name} was deleted meanwhile.")
        pods = await cluster.list_pods(stateful_set)
    except ClusterError as error:
        lines = [f"{heading}: {problem or error.problem}"]
        if known is not None and known.pending:
            lines += ["Before that, it waited for:", *indented(known.pending)]
        raise NotAnsweredError("\n".join(lines)) from None
    diagnostics = await _read_diagnostics(cluster, target, stateful_set, pods)
    rollout = rollout_status(stateful_set, pods, diagnostics, is_up=_is_up(target))
    if is_done(rollout) and stateful_set["metadata"]["generation"] >= target.generation:
        return rollout
    unread = [f"More may be known: {each}." for each in diagnostics.unread]
    lines = [f"{heading}:", *indented(rollout.pending), *unread, *_remedies(target, rollout, diagnostics)]
    lines += _rebuild_remedies(stateful_set, pods, diagnostics)
    raise RolloutError("\n".join(lines))


async def _read_diagnostics(
    cluster: Cluster, target: RolloutTarget, stateful_set: KubernetesObject, pods: Sequence[KubernetesObject]
) -> Diagnostics:
    """The events of what is not as it should be, the claims of the Pods, and the nodes that do not answer.

    Each adds what the credentials allow to read. Events are matched by uid: an earlier Pod of the same name has left
    some.
    """
    unread: list[str] = []

    async def read(what: Awaitable[list[_T]]) -> list[_T]:
        try:
            return await what
        except ClusterError as error:
            unread.append(error.problem)
            return []

    unwell = [pod for pod in pods if is_terminating(pod) or not is_ready(pod)][:MAX_SHOWN]
    names = {name for pod in unwell for name in claim_names(pod)}
    claims = await read(cluster.list_claims(target.namespace, names, target.claim_labels)) if names else []
    unbound = [claim for claim in claims if claim.get("status", {}).get("phase") != "Bound"]
    uids = {each["metadata"]["uid"] for each in [stateful_set, *unwell, *unbound]}
    events = await read(cluster.list_warning_events(target.namespace, uids))
    nodes = sorted({node_of(pod) for pod in unwell} - {""})
    return Diagnostics(
        warnings={event["involvedObject"].get("uid", ""): cleaned(event.get("message", "")) for event in events},
        claims={claim["metadata"]["name"]: claim for claim in claims},
        lost_nodes=await read(_lost(cluster, nodes)),
        unread=unread,
    )


async def _lost(cluster: Cluster, nodes: Sequence[str]) -> list[str]:
    return [node for node in nodes if not await _node_answers(cluster, node)]


def _rebuild_remedies(
    stateful_set: KubernetesObject, pods: Sequence[KubernetesObject], diagnostics: Diagnostics
) -> list[str]:
    """What to write where an instance cannot start again, because its volume is lost or on a node that is."""
    lines = []
    for pod in pods:
        claims = [claim for name in claim_names(pod) if (claim := diagnostics.claims.get(name))]
        bound = [claim for claim in claims if claim["spec"].get("volumeName")]
        lost = [claim for claim in bound if is_lost(claim)] or (bound if waits_for_its_volume(pod) else [])
        node = node_of(pod) if node_of(pod) in diagnostics.lost_nodes else ""
        if lost or (node and bound):
            lines.append(f"  {line_for(stateful_set, lost or bound, node)}")
    if not lines or len(desired_ordinals(stateful_set)) == 1:
        return []
    heading = "If a volume is lost for good, with its data, an empty one takes its place by the argument:"
    return [heading, *lines[:MAX_SHOWN], f"The instance gets its data from the others ({REBUILD})."]


def _remedies(target: RolloutTarget, rollout: Rollout, diagnostics: Diagnostics) -> list[str]:
    automatically = "Pods of an outdated revision that never became ready are replaced automatically."
    lines = [f"Fix the cause and run pulumi up again ({ROLLOUT_TIMEOUTS}). {automatically}"]
    if rollout.held_back:
        lines[0] = (
            f"{', '.join(rollout.held_back[:MAX_SHOWN])} must be ready before any instance is updated, and keeps its "
            "version until then. If that version cannot become ready, remove rollout, canary or partition from the "
            f"program for one pulumi up: then it is replaced too ({ROLLOUTS})."
        )
    if rollout.crashes:
        lines += ["To see why a container terminated:", f"  {rollout.crashes[0].logs_command(target.namespace)}"]
    for node in diagnostics.lost_nodes:
        lines += [
            f"Kubernetes does not replace a Pod while its node {node} may still run it. If the node is shut down:",
            f"  kubectl taint nodes {node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute",
        ]
    if deletable := [name for name in rollout.not_ready if name not in rollout.held_back]:
        pods = " ".join(deletable[:MAX_SHOWN])
        lines.append("If a Pod still blocks the rollout, delete it; its PersistentVolumeClaims and data are kept:")
        lines.append(f"  kubectl --namespace {target.namespace} delete pod {pods}")
    return lines
