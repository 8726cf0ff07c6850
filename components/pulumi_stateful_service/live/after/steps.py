"""Drives a rollout in steps: lowers the partition when the instances of a step are ready, baked and checked.

The partition on the StatefulSet is the only state: an ``up`` that is killed leaves the rollout in its step, and how
long the instances of the step have been ready tells how long they have baked.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from pulumi_stateful_service.documentation import ROLLOUTS
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.after.check_result import CheckResult, Outcome, asked
from pulumi_stateful_service.live.after.eviction import evict_when_allowed
from pulumi_stateful_service.live.after.rollout_wait import wait_until_complete
from pulumi_stateful_service.live.after.target import (
    NotAnsweredError,
    RolloutTarget,
    instance_of,
    list_pods_until_answered,
    patch_partition,
    read_observed,
    read_until_answered,
    set_partition,
)
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.rollout_plan import RolloutCheck, RolloutPlan, first_partition
from pulumi_stateful_service.live.state.pod_status import is_ready, ordinal_of, ready_since, revision
from pulumi_stateful_service.live.state.rollout_status import Rollout, rollout_status
from pulumi_stateful_service.live.state.stateful_set_fields import first_updated_ordinal, partition_of

_PAUSE = 3.0
"""Seconds between two looks at instances that bake, unless a check is due or the time is over before."""
_SHORTEST_PAUSE = 0.2


async def roll_out_in_steps(
    cluster: Cluster, target: RolloutTarget, plan: RolloutPlan, resource: pulumi.Resource
) -> Rollout:
    """Takes the rollout through its remaining steps, and returns its state when all instances are updated.

    Raises RolloutError where a step fails; the other instances then keep their version.
    """
    live = await read_observed(cluster, target)
    pods = await list_pods_until_answered(cluster, target, live)
    if partition_of(live) == 0 and not rollout_status(live, pods).outdated:
        return await wait_until_complete(cluster, target, resource)
    is_new, runs_before = True, _runs_before(live, pods)
    if not runs_before and partition_of(live) == 0:
        said = "no instance is ready, so all get the new version at once, without the steps of rollout."
        messages.info(f"{target.prefix}: {said}", resource)
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
            raise await _failed(cluster, target, plan, resource, error, may_roll_back=runs_before) from None
        if partition == 0:
            return rollout
        following = 0 if not is_new else plan.next_partition(partition, replicas)
        await set_partition(cluster, target, live, following)
        live = await read_until_answered(cluster, target)


async def hold_back(cluster: Cluster, stateful_set: KubernetesObject, plan: RolloutPlan, replicas: int) -> None:
    """Has the instances that serve keep their version when the StatefulSet gets a new one."""
    partition = first_partition(plan, stateful_set, await cluster.list_pods(stateful_set), replicas)
    await patch_partition(cluster, stateful_set, partition)


def _runs_before(stateful_set: KubernetesObject, pods: Sequence[KubernetesObject]) -> bool:
    """Whether an instance is ready with the previous version, so that there is one to go back to."""
    before = stateful_set.get("status", {}).get("currentRevision")
    return any(is_ready(pod) and revision(pod) == before for pod in pods)


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
        self._checks: dict[tuple[int, str], _Check] = {}

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
            wanted = self._wanted(pods)
            for check in wanted:
                if time.monotonic() >= check.due:
                    await self._run(check)
            remaining = self._remaining(pods)
            passed = sum(check.has_passed for check in wanted)
            if remaining <= 0 and passed == len(wanted):
                return
            left = f", {remaining:.0f} s left" if remaining > 0 else ""
            checks = f"; {passed} of {len(wanted)} checks have passed" if wanted else ""
            messages.info(f"{self._name}: baking{left}{checks}", self._resource, ephemeral=True)
            await asyncio.sleep(_pause(remaining, wanted))

    async def _updated_pods(self, stateful_set: KubernetesObject) -> list[KubernetesObject]:
        first = first_updated_ordinal(stateful_set)
        pods = await list_pods_until_answered(self._cluster, self._target, stateful_set)
        return sorted((pod for pod in pods if ordinal_of(pod) >= first), key=ordinal_of, reverse=True)

    def _wanted(self, pods: Sequence[KubernetesObject]) -> list["_Check"]:
        """Each check of each instance; what a query says is about no instance in particular."""
        names = [pod["metadata"]["name"] for pod in pods]
        wanted = [
            (number, name)
            for number, check in enumerate(self._plan.checks)
            for name in (names if check.asks.is_of_one_instance else [""])
        ]
        return [self._checks.setdefault(key, _Check(self._plan.checks[key[0]], key[1])) for key in wanted]

    async def _run(self, check: "_Check") -> None:
        now = time.monotonic()
        result = await asked(
            check.of.asks.failure(instance_of(self._cluster, self._target, check.pod), check.of.timeout_seconds)
        )
        check.note(result, now)
        if check.failures >= check.of.failure_threshold:
            raise RolloutError(f"{check.description} failed: {result.why}")
        if check.unanswered_since is None:
            return
        seconds = self._target.rollout_timeout_seconds
        if time.monotonic() - check.unanswered_since > seconds:
            raise NotAnsweredError(
                f"{check.description} was not answered within rollout_timeout_seconds ({seconds}): {result.why}"
            )
        said = f"{check.description} was not answered, and is run again: {result.why}"
        messages.info(f"{self._name}: {said}", self._resource, ephemeral=True)

    def _remaining(self, pods: Sequence[KubernetesObject]) -> float:
        """Seconds that the instances have to bake on, by the cluster's clock."""
        now = self._cluster.now()
        baked = min(((now - since).total_seconds() for pod in pods if (since := ready_since(pod))), default=0.0)
        return self._bake_seconds - max(0.0, baked)


@dataclass
class _Check:
    """What is known of one check of one instance in a step."""

    of: RolloutCheck
    pod: str
    due: float = 0.0
    has_passed: bool = False
    failures: int = 0
    """In a row. What was not answered is none, and ends no row."""
    unanswered_since: float | None = None

    @property
    def description(self) -> str:
        """For messages."""
        return f"check {self.of.name}{f' of {self.pod}' if self.pod else ''}"

    def note(self, result: CheckResult, now: float) -> None:
        """Notes the result of a run that began at ``now``."""
        if result.outcome is Outcome.NOT_ANSWERED:
            self.due = now + min(_PAUSE, self.of.period_seconds)
            self.unanswered_since = now if self.unanswered_since is None else self.unanswered_since
            return
        self.due = now + self.of.period_seconds
        self.unanswered_since = None
        self.has_passed = result.outcome is Outcome.PASSED
        self.failures = 0 if self.has_passed else self.failures + 1


def _pause(remaining: float, checks: Sequence[_Check]) -> float:
    events = [remaining] if remaining > 0 else []
    events += [check.due - time.monotonic() for check in checks]
    return max(_SHORTEST_PAUSE, min([_PAUSE, *events]))


async def _failed(
    cluster: Cluster,
    target: RolloutTarget,
    plan: RolloutPlan,
    resource: pulumi.Resource,
    error: RolloutError,
    *,
    may_roll_back: bool,
) -> RolloutError:
    """The error of a step that failed, after the rollout was stopped or rolled back.

    What was not answered rolls nothing back: the new version may be as good as any.
    """
    if isinstance(error, NotAnsweredError):
        return _stopped(target, error)
    live = await read_until_answered(cluster, target)
    partition, replicas = partition_of(live), int(live["spec"].get("replicas", 1))
    step, steps = plan.step(partition, replicas)
    status = live.get("status", {})
    updated = [
        pod["metadata"]["name"]
        for pod in sorted(await list_pods_until_answered(cluster, target, live), key=ordinal_of, reverse=True)
        if revision(pod) == status.get("updateRevision")
    ]
    reason = error.problem.removeprefix(f"{target.prefix}: ")
    lines = [f"{target.prefix}: step {step} of {steps} of the rollout failed ({', '.join(updated)}):", f"  {reason}"]
    is_new = status.get("updateRevision") != status.get("currentRevision")
    if plan.rolls_back and is_new and may_roll_back:
        await _roll_back(cluster, target, live, resource)
        run = "run" if len(updated) > 1 else "runs"
        lines.append(
            f"The rollout was rolled back: {', '.join(updated)} {run} the previous version again. The program still "
            f"asks for the new one: set the earlier version, or fix the cause and run pulumi up again ({ROLLOUTS})."
        )
    elif partition:
        lines.append(
            "The rollout is stopped: the other instances keep the previous version. Fix the cause and run pulumi up "
            f"again, which continues with this step, or set the earlier version ({ROLLOUTS})."
        )
    else:
        what = "get the new version, since none was ready with the previous one" if is_new else "run the new version"
        lines.append(f"All instances {what}. Fix the cause, or set the earlier version ({ROLLOUTS}).")
    return RolloutError("\n".join(lines))


def _stopped(target: RolloutTarget, error: NotAnsweredError) -> RolloutError:
    reason = error.problem.removeprefix(f"{target.prefix}: ")
    remedy = (
        "The new version was not judged, and every instance keeps the version that it has. When the cluster, or "
        f"Prometheus, answers again, run pulumi up again, which continues with this step ({ROLLOUTS})."
    )
    lines = [f"{target.prefix}: the rollout is stopped, and nothing is rolled back:", f"  {reason}", remedy]
    return NotAnsweredError("\n".join(lines))


async def _roll_back(
    cluster: Cluster, target: RolloutTarget, live: KubernetesObject, resource: pulumi.Resource
) -> None:
    """Rolls the updated instances back to the previous revision: below the partition, Pods are created with that one.

    Those that are not ready first, since the controller waits for them; then one at a time.
    """
    await set_partition(cluster, target, live, int(live["spec"].get("replicas", 1)))
    new, seconds = live["status"]["updateRevision"], target.rollout_timeout_seconds
    while updated := [pod for pod in await list_pods_until_answered(cluster, target, live) if revision(pod) == new]:
        pods = sorted(updated, key=lambda pod: (is_ready(pod), -ordinal_of(pod)))
        for pod in [each for each in pods if not is_ready(each)] or pods[:1]:
            name, action = pod["metadata"]["name"], Action.EVICT_POD_TO_ROLL_BACK
            messages.info(f"{name} is rolled back.", resource, ephemeral=True)
            await evict_when_allowed(cluster, live, name, target.prefix, seconds, action=action)
        await wait_until_complete(cluster, target, resource)
