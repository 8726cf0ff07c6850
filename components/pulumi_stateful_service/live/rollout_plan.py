"""How a rollout goes: in which steps and with which checks, and how the leader is known that comes last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from pulumi_stateful_service.arguments.types import Resize, RolloutFailure
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.instance_checks import InstanceCheck, check_of
from pulumi_stateful_service.live.state.pod_status import ordinal_of, serves
from pulumi_stateful_service.live.state.stateful_set_fields import first_ordinal

_PERCENT = 100


@dataclass(frozen=True)
class RolloutCheck:
    """What must hold for an updated instance, and how often it is asked."""

    name: str
    """For messages."""
    asks: InstanceCheck
    period_seconds: int = 10
    timeout_seconds: int = 5
    failure_threshold: int = 1
    """Consecutive failures that fail the step."""


@dataclass(frozen=True)
class RolloutPlan:
    """The steps of a rollout."""

    steps: Sequence[int | str]
    """How many instances run the new version after each step, as numbers or percentages; then all of them do."""
    bake_seconds: int = 0
    checks: Sequence[RolloutCheck] = ()
    rolls_back: bool = False
    """Whether a step that fails rolls the updated instances back to the previous version."""
    before: int = 0
    """How many instances are updated before, in other groups; the steps count them."""
    all_replicas: int | None = None
    """The number of instances of all groups; None in a service without groups."""

    def updated_after_each_step(self, replicas: int) -> list[int]:
        """How many instances run the new version after each step. The last one updates all."""
        total = replicas if self.all_replicas is None else self.all_replicas
        updated = {min(replicas, _number(step, total) - self.before) for step in self.steps}
        return sorted({each for each in updated if each > 0} | {replicas})

    def next_partition(self, partition: int, replicas: int) -> int:
        """The next value of ``rollingUpdate.partition``, which counts the instances that keep their version."""
        updated = replicas - partition
        return replicas - min(each for each in self.updated_after_each_step(replicas) if each > updated)

    def step(self, partition: int, replicas: int) -> tuple[int, int]:
        """The number of the step that this partition is, from 1, and how many there are."""
        steps = self.updated_after_each_step(replicas)
        return sum(each < replicas - partition for each in steps) + 1, len(steps)

    def described(self, replicas: int) -> str:
        """The steps as a preview shows them."""
        steps = [str(each) for each in self.updated_after_each_step(replicas)]
        between = [f"bake for {self.bake_seconds} s"] if self.bake_seconds else []
        between += [f"check {check.name}" for check in self.checks]
        then = f"; after each: {', '.join(between)}" if between else ""
        failing = "roll back" if self.rolls_back else "stop"
        return f"{', then '.join(steps)} of {replicas} instances{then}; if a step fails: {failing}"


def first_partition(
    plan: RolloutPlan, stateful_set: KubernetesObject, pods: Sequence[KubernetesObject], replicas: int
) -> int:
    """How many instances, from the first, keep their version when a rollout begins: until their step, all that serve.

    0 where none serves: there is nothing to hold back, and a version that cannot start would wait for itself. Those at
    the end that never served are not waited for either, as far as the first step goes.
    """
    first = first_ordinal(stateful_set)
    serving = {ordinal_of(pod) - first for pod in pods if serves(pod)}
    if not serving or not replicas:
        return 0
    broken = {ordinal_of(pod) - first for pod in pods} - serving
    partition, least = replicas, plan.next_partition(replicas, replicas)
    while partition > least and partition - 1 in broken:
        partition -= 1
    return partition


def rollout_plan(
    rollout: Mapping[str, Any] | None, ports: Mapping[str, int], before: int = 0, all_replicas: int | None = None
) -> RolloutPlan | None:
    """The plan of the argument ``rollout``, whose values are known; ``ports`` has the numbers of named ports.

    ``before`` and ``all_replicas`` are those of a service with groups.
    """
    if rollout is None:
        return None
    return RolloutPlan(
        rollout["steps"],
        rollout.get("bake_seconds", 0),
        [_check(check, ports) for check in rollout.get("checks", [])],
        rollout.get("on_failure") == RolloutFailure.ROLL_BACK,
        before,
        all_replicas,
    )


def _check(check: Mapping[str, Any], ports: Mapping[str, int]) -> RolloutCheck:
    settings = {key: check[key] for key in ("period_seconds", "timeout_seconds", "failure_threshold") if key in check}
    asks = check_of(check, ports)
    return RolloutCheck(check.get("name", asks.described), asks, **settings)


@dataclass(frozen=True)
class ResizePlan:
    """How a change of CPU and memory is made in place."""

    replaces: bool = False
    """Whether an instance is replaced where its node cannot give it what it asks for."""
    why_not: str = ""
    """The other argument with which it is not made in place; empty where there is none."""


def resize_plan(args: Mapping[str, Any]) -> ResizePlan | None:
    """The plan of the argument ``resize``; None where instances are replaced."""
    wanted = args.get("resize", Resize.REPLACE)
    if wanted == Resize.REPLACE:
        return None
    holding_back = [each for each in ("canary", "partition") if each in args]
    why_not = f"{holding_back[0]} decides which instances get the change" if holding_back else ""
    return ResizePlan(wanted == Resize.IN_PLACE_OR_REPLACE, why_not)


@dataclass(frozen=True)
class LeaderCheck:
    """How an instance is asked whether it leads, and how it passes the lead on."""

    asks: InstanceCheck
    """The leader passes it, and the others do not."""
    hand_over: Sequence[str] | None = None
    """A command that makes the leader pass the lead on."""


def leader_check(leader: Mapping[str, Any] | None, ports: Mapping[str, int]) -> LeaderCheck | None:
    """The check of the argument ``leader_last``, whose values are known."""
    if leader is None:
        return None
    return LeaderCheck(check_of(leader, ports), leader["hand_over"]["command"] if "hand_over" in leader else None)


def _number(step: int | str, replicas: int) -> int:
    if isinstance(step, int):
        return step
    return ceil(replicas * int(step.removesuffix("%")) / _PERCENT)
