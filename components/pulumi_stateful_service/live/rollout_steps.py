"""Drives a rollout in steps: lowers the partition when the instances of a step are ready, baked and checked.

The partition on the StatefulSet is the only state: an ``up`` that is killed leaves the rollout in its step, and how
long the instances of the step have been ready tells how long they have baked.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pulumi

from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.documentation import ROLLOUTS
from pulumi_stateful_service.live.eviction import evict_when_allowed
from pulumi_stateful_service.live.pod_status import is_ready, ordinal_of, ready_since, revision
from pulumi_stateful_service.live.rollout_checks import check_failure
from pulumi_stateful_service.live.rollout_plan import RolloutCheck, RolloutPlan, partition_of
from pulumi_stateful_service.live.rollout_status import Rollout, rollout_status
from pulumi_stateful_service.live.rollout_target import (
    RolloutTarget,
    read_until_answered,
)
from pulumi_stateful_service.live.rollout_wait import wait_until_complete
from pulumi_stateful_service.live.stateful_set_fields import first_updated_ordinal

_PAUSE = 3.0
"""Seconds between two looks at instances that bake, unless a check is due or the time is over before."""
_SHORTEST_PAUSE = 0.2


async def roll_out_in_steps(
    cluster: Cluster, target: RolloutTarget, plan: RolloutPlan, resource: pulumi.Resource
) -> Rollout:
    """Takes the rollout through its remaining steps, and returns its state when all instances are updated.

    Raises RolloutError where a step fails; the other instances then keep their version.
    """
    live = await read_until_answered(cluster, target)
    before = rollout_status(live, await cluster.list_pods(live))
    if partition_of(live) == 0 and not before.outdated:
        return await wait_until_complete(cluster, target, resource)
    is_new = True
    while True:
        partition, replicas = partition_of(live), int(live["spec"].get("replicas", 1))
        step, steps = plan.step(partition, replicas)
        try:
            rollout = await wait_until_complete(cluster, target, resource)
            # With the last instance, the new revision becomes the current one.
            is_new = is_new and (partition == 0 or _is_new(rollout))
            if partition < replicas and is_new:
                bake_seconds = plan.bake_seconds if partition else 0
                step_name = f"step {step} of {steps} ({replicas - partition} of {replicas} instances)"
                await _Step(cluster, target, plan, resource, step_name, bake_seconds).pass_checks()
        except RolloutError as error:
            if partition >= replicas:
                raise
            raise await _failed(cluster, target, plan, resource, error) from None
        if partition == 0:
            return rollout
        following = 0 if not is_new else plan.next_partition(partition, replicas)
        await set_partition(cluster, live, following)
        live = await read_until_answered(cluster, target)


async def set_partition(cluster: Cluster, stateful_set: KubernetesObject, partition: int) -> None:
    """Changes ``rollingUpdate.partition`` of this very StatefulSet."""
    rolling_update = {"rollingUpdate": {"partition": partition}}
    await cluster.patch_stateful_set(stateful_set, spec={"updateStrategy": rolling_update})


def _is_new(rollout: Rollout) -> bool:
    """Whether instances get a version that is new to the service, and not the one that it had before."""
    return bool(rollout.outdated) and rollout.update_revision != rollout.current_revision


class _Step:
    """The instances that are updated so far, while they bake and are checked."""

    def __init__(
        self,
        cluster: Cluster,
        target: RolloutTarget,
        plan: RolloutPlan,
        resource: pulumi.Resource,
        name: str,
        bake_seconds: int,
    ) -> None:
        self._cluster = cluster
        self._target = target
        self._plan = plan
        self._resource = resource
        self._name = name
        self._bake_seconds = bake_seconds
        self._passed: set[tuple[int, str]] = set()
        self._failures: dict[tuple[int, str], int] = {}
        self._due = dict.fromkeys(range(len(plan.checks)), 0.0)

    async def pass_checks(self) -> None:
        """Returns when the instances have been ready for long enough and every check has succeeded for each.

        Raises RolloutError where a check fails, or where an instance does not stay ready.
        """
        while True:
            stateful_set = await read_until_answered(self._cluster, self._target)
            pods = await self._updated_pods(stateful_set)
            if not all(map(is_ready, pods)):
                await wait_until_complete(self._cluster, self._target, self._resource)
                continue
            for number, check in enumerate(self._plan.checks):
                if time.monotonic() >= self._due[number]:
                    self._due[number] = time.monotonic() + check.period_seconds
                    await self._check(number, check, pods)
            remaining = self._remaining(pods)
            wanted = {(number, pod) for number, check in enumerate(self._plan.checks) for pod in _checked(check, pods)}
            if remaining <= 0 and wanted <= self._passed:
                return
            left = f", {remaining:.0f} s left" if remaining > 0 else ""
            passed = f"; {len(wanted & self._passed)} of {len(wanted)} checks have passed" if wanted else ""
            messages.info(f"{self._name}: baking{left}{passed}", self._resource, ephemeral=True)
            await asyncio.sleep(self._pause(remaining))

    def _pause(self, remaining: float) -> float:
        events = [remaining] if remaining > 0 else []
        events += [due - time.monotonic() for due in self._due.values()]
        return max(_SHORTEST_PAUSE, min([_PAUSE, *events]))

    async def _updated_pods(self, stateful_set: KubernetesObject) -> list[KubernetesObject]:
        first = first_updated_ordinal(stateful_set)
        pods = await self._cluster.list_pods(stateful_set)
        return sorted((pod for pod in pods if ordinal_of(pod) >= first), key=ordinal_of, reverse=True)

    async def _check(self, number: int, check: RolloutCheck, pods: Sequence[KubernetesObject]) -> None:
        for pod in _checked(check, pods):
            failure = await check_failure(self._cluster, self._target.namespace, pod, check)
            key = (number, pod)
            if failure is None:
                self._failures[key] = 0
                self._passed.add(key)
                continue
            self._passed.discard(key)
            self._failures[key] = failures = self._failures.get(key, 0) + 1
            if failures >= check.failure_threshold:
                of = f" of {pod}" if pod else ""
                raise RolloutError(f"check {check.name}{of} failed: {failure}")

    def _remaining(self, pods: Sequence[KubernetesObject]) -> float:
        """Seconds that the instances have to bake on. The clocks of cluster and program may differ."""
        now = datetime.now(UTC)
        baked = min(((now - since).total_seconds() for pod in pods if (since := ready_since(pod))), default=0.0)
        return self._bake_seconds - max(0.0, baked)


def _checked(check: RolloutCheck, pods: Sequence[KubernetesObject]) -> list[str]:
    """For which Pods a check runs; a query runs once, for no Pod in particular."""
    return [""] if check.prometheus is not None else [pod["metadata"]["name"] for pod in pods]


async def _failed(
    cluster: Cluster, target: RolloutTarget, plan: RolloutPlan, resource: pulumi.Resource, error: RolloutError
) -> RolloutError:
    """The error of a step that failed, after the rollout was stopped or rolled back."""
    live = await read_until_answered(cluster, target)
    partition, replicas = partition_of(live), int(live["spec"].get("replicas", 1))
    step, steps = plan.step(partition, replicas)
    status = live.get("status", {})
    updated = [
        pod["metadata"]["name"]
        for pod in sorted(await cluster.list_pods(live), key=ordinal_of, reverse=True)
        if revision(pod) == status.get("updateRevision")
    ]
    reason = str(error).removeprefix(f"{target.prefix}: ")
    lines = [f"{target.prefix}: step {step} of {steps} of the rollout failed ({', '.join(updated)}):", f"  {reason}"]
    is_new = status.get("updateRevision") != status.get("currentRevision")
    if plan.rolls_back and is_new:
        await _roll_back(cluster, target, live, resource)
        lines.append(
            f"The rollout was rolled back: {', '.join(updated)} runs the version before again. The program still asks "
            f"for the new one: set the earlier version, or fix the cause and run pulumi up again ({ROLLOUTS})."
        )
    elif partition:
        lines.append(
            "The rollout is stopped: the other instances keep the version before. Fix the cause and run pulumi up "
            f"again, which continues with this step, or set the earlier version ({ROLLOUTS})."
        )
    else:
        lines.append(f"All instances run the new version. Fix the cause, or set the earlier version ({ROLLOUTS}).")
    return RolloutError("\n".join(lines))


async def _roll_back(
    cluster: Cluster, target: RolloutTarget, live: KubernetesObject, resource: pulumi.Resource
) -> None:
    """Has the updated instances run the version before: below the partition, Pods are created with that one.

    Those that are not ready first, since the controller waits for them; then one at a time.
    """
    await set_partition(cluster, live, int(live["spec"].get("replicas", 1)))
    new, seconds = live["status"]["updateRevision"], target.rollout_timeout_seconds
    while updated := [pod for pod in await cluster.list_pods(live) if revision(pod) == new]:
        pods = sorted(updated, key=lambda pod: (is_ready(pod), -ordinal_of(pod)))
        for pod in [each for each in pods if not is_ready(each)] or pods[:1]:
            messages.info(f"{pod['metadata']['name']} is rolled back.", resource, ephemeral=True)
            await evict_when_allowed(cluster, live, pod["metadata"]["name"], target.prefix, seconds)
        await wait_until_complete(cluster, target, resource)
