"""The StatefulSet whose rollout is followed, and how the cluster is asked about it again and again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pulumi_stateful_service.arguments.types import WaitFor
from pulumi_stateful_service.documentation import OPERATING
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.instance_checks import Instance
from pulumi_stateful_service.live.rollout_plan import LeaderCheck, ResizePlan, RolloutPlan
from pulumi_stateful_service.live.state.application_versions import WantedVersion
from pulumi_stateful_service.live.state.claim_changes import DesiredClaim, by_claim
from pulumi_stateful_service.live.state.cluster_forming import FormPlan
from pulumi_stateful_service.live.state.member_changes import MemberPlan
from pulumi_stateful_service.live.state.outdated_claims import ClaimRecreation
from pulumi_stateful_service.live.state.rebuild import RebuildPlan
from pulumi_stateful_service.live.state.recovery import RecoveryPlan
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals

_T = TypeVar("_T")

_MIN_PAUSE, _MAX_PAUSE = 0.1, 1.0
"""Seconds between two reads."""
_PAUSE_FRACTION = 0.2
"""The pause as a fraction of the time waited so far: short for quick rollouts, few requests for slow ones."""
_READS_PER_SECOND = 100
"""Of all services of a program together."""
MAX_SHOWN = 10
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
    plan: RolloutPlan | None = None
    """The steps of the rollout; None for one instance after another."""
    leader: LeaderCheck | None = None
    """How the leader is known, which is updated last; None where the order is the StatefulSet's."""
    members: MemberPlan | None = None
    """How instances join and leave; None where Kubernetes adds and removes them without asking."""
    forming: FormPlan | None = None
    """How the application's cluster is formed; None where it does that by itself."""
    recovery: RecoveryPlan | None = None
    """How the application is recovered after a crash of all instances; None where it is not to be."""
    version: WantedVersion | None = None
    """The version of the application, which is noted on claims; None where none is."""
    wait_for: str = WaitFor.READY.value
    """One of ``WaitFor``."""
    replace_unready: bool = False
    """Whether outdated Pods that are not ready are evicted."""
    recreation: ClaimRecreation = field(default_factory=ClaimRecreation)
    """Whose claims are recreated where they are outdated."""
    rebuild: RebuildPlan = field(default_factory=RebuildPlan)
    """Whose volumes are given up."""
    releases_claims: bool = False
    """Whether claims may go with the StatefulSet that are to be kept when it is deleted (``when_deleted: Retain``)."""
    resize: ResizePlan | None = None
    """How Pods are resized in place; None where none is."""
    is_released: bool = False
    """Whether the partition is the component's, to be 0 in the end."""
    snapshot_labels: Mapping[str, str] = field(default_factory=dict)
    """By which the VolumeSnapshots are known that were made before changes; empty where there are none to be."""
    restart_to_grow: bool = False
    """Whether Pods are replaced for file systems that grow when they are mounted."""


class NotAnsweredError(RolloutError):
    """A rollout of which is not known how it goes on, since the cluster does not answer: nothing is held against it."""


async def read_stateful_set(cluster: Cluster, target: RolloutTarget) -> KubernetesObject:
    """The StatefulSet with the uid that Pulumi's provider returned. Another cluster has none with that uid."""
    stateful_set = await cluster.get_stateful_set(target.namespace, target.name)
    if stateful_set is None or stateful_set["metadata"]["uid"] != target.uid:
        raise RolloutError(not_found(target.prefix, target.namespace, target.name, exists=stateful_set is not None))
    return stateful_set


def not_found(prefix: str, namespace: str, name: str, *, exists: bool) -> str:
    """The message about a StatefulSet that Pulumi's state has and the cluster has not, or under another uid."""
    found = "has another uid" if exists else "does not exist"
    return (
        f"{prefix}: StatefulSet {namespace}/{name}, which Pulumi's provider created, {found}. If it was deleted, run "
        "pulumi refresh and then pulumi up. If this program reads another cluster than the provider, give the provider "
        f"its kubeconfig, or set KUBECONFIG ({OPERATING})."
    )


async def retry_until_answered(target: RolloutTarget, request: Callable[[], Awaitable[_T]]) -> _T:
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


async def read_until_answered(cluster: Cluster, target: RolloutTarget) -> KubernetesObject:
    """The StatefulSet, as ``read_stateful_set`` and ``retry_until_answered`` have it."""
    return await retry_until_answered(target, lambda: read_stateful_set(cluster, target))


async def read_observed(cluster: Cluster, target: RolloutTarget) -> KubernetesObject:
    """The StatefulSet as soon as its controller has seen the change: its status then tells which Pods are outdated."""
    started = time.monotonic()
    while True:
        live = await read_until_answered(cluster, target)
        observed = live.get("status", {}).get("observedGeneration", 0)
        if observed >= live["metadata"]["generation"] or time.monotonic() - started > target.rollout_timeout_seconds:
            return live
        await pause(cluster, started)


async def set_partition(cluster: Cluster, target: RolloutTarget, live: KubernetesObject, partition: int) -> None:
    """Changes ``rollingUpdate.partition`` of this very StatefulSet."""
    await retry_until_answered(target, lambda: patch_partition(cluster, live, partition))


async def patch_partition(cluster: Cluster, live: KubernetesObject, partition: int) -> None:
    """The same without repeating it."""
    spec = {"updateStrategy": {"rollingUpdate": {"partition": partition}}}
    await cluster.patch_stateful_set(live, action=Action.SET_PARTITION, spec=spec)


def instance_of(cluster: Cluster, target: RolloutTarget, pod: str) -> Instance:
    """An instance of the StatefulSet, to ask it something."""

    async def list_pods() -> list[KubernetesObject]:
        return await cluster.list_pods(await read_stateful_set(cluster, target))

    return Instance(cluster, target.namespace, pod, list_pods)


async def list_pods_until_answered(
    cluster: Cluster, target: RolloutTarget, stateful_set: KubernetesObject
) -> list[KubernetesObject]:
    """The Pods of the StatefulSet, as ``retry_until_answered`` has them."""
    return await retry_until_answered(target, lambda: cluster.list_pods(stateful_set))


async def list_claims_until_answered(cluster: Cluster, target: RolloutTarget) -> list[KubernetesObject]:
    """The claims of the StatefulSet, as ``retry_until_answered`` has them."""
    live = await read_until_answered(cluster, target)
    names = by_claim(target.name, target.claims, desired_ordinals(live)).keys()
    return await retry_until_answered(
        target, lambda: cluster.list_set_claims(target.namespace, names, target.claim_labels)
    )


async def read_service_and_claims(
    cluster: Cluster, target: RolloutTarget, service_name: str
) -> tuple[KubernetesObject | None, list[KubernetesObject]]:
    """The governing Service and the claims, which have the notes of what is done once."""
    claims = await list_claims_until_answered(cluster, target)
    service = await retry_until_answered(target, lambda: cluster.get_service(target.namespace, service_name))
    return service, claims


async def pause(cluster: Cluster, started: float) -> None:
    """Waits before the next read: the longer, the longer it has taken so far."""
    seconds = min(max(_MIN_PAUSE, (time.monotonic() - started) * _PAUSE_FRACTION), _MAX_PAUSE)
    await asyncio.sleep(max(seconds, cluster.users / _READS_PER_SECOND))


def indented(lines: Sequence[str]) -> list[str]:
    """The lines of a list in a message, the first of them."""
    more = len(lines) - MAX_SHOWN
    return [f"  {line}" for line in lines[:MAX_SHOWN]] + ([f"  … and {more} more"] if more > 0 else [])
