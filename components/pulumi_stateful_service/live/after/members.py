"""Adds and removes instances one after another, and tells the application: each joins, and leaves, by a command.

The state is ``spec.replicas`` of the StatefulSet, and the number of members, which is noted on the governing Service.
An ``up`` that is killed leaves an instance that has not joined yet, or one that has left, and the next one continues
there. The note is written before ``spec.replicas``: an instance that is added is no member yet when it appears, and one
that has left is none any more when it is removed. A kill in between has a command run again, and nothing else.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext

import pulumi

from pulumi_stateful_service.documentation import MEMBERS
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, held_by
from pulumi_stateful_service.foundation.names import CONTAINER_NAME, MEMBERS_ANNOTATION, REJOINING_ANNOTATION, pod_name
from pulumi_stateful_service.live.after.check_result import CheckResult, Outcome, asked
from pulumi_stateful_service.live.after.target import (
    RolloutTarget,
    list_pods_until_answered,
    pause,
    read_stateful_set,
    read_until_answered,
    retry_until_answered,
)
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.member_notes import read_member_notes, write_member_notes
from pulumi_stateful_service.live.state.member_changes import (
    MemberCommand,
    MemberNotes,
    MemberPlan,
    MemberStep,
    StepKind,
    members_of,
    next_step,
    rejoining,
    replicas_of,
)
from pulumi_stateful_service.live.state.pod_status import is_of_stateful_set, is_ready, is_terminating, ordinal_of
from pulumi_stateful_service.live.state.rollout_status import Rollout, has_outdated_pods
from pulumi_stateful_service.live.state.stateful_set_fields import first_ordinal
from pulumi_stateful_service.outside_text import exit_problem

TakeTurn = Callable[[StepKind], AbstractAsyncContextManager[None]]
"""Has other groups of a service wait while an instance of this one joins or leaves."""

_PAUSE = 1.0
"""Seconds between two attempts of a command."""


class Members:
    """The members of one service, while they change."""

    def __init__(
        self,
        cluster: Cluster,
        target: RolloutTarget,
        plan: MemberPlan,
        resource: pulumi.Resource,
        roll_out: Callable[[], Awaitable[Rollout]],
        take_turn: TakeTurn | None = None,
    ) -> None:
        """``roll_out`` completes the rollout of the instances that there are.

        ``take_turn`` has other groups wait while an instance joins or leaves.
        """
        self._cluster = cluster
        self._target = target
        self._plan = plan
        self._resource = resource
        self._roll_out = roll_out
        self._take_turn = take_turn or (lambda _: nullcontext())

    async def change(self) -> None:
        """Adds and removes instances until there are as many as wanted.

        Raises RolloutError where a command does not succeed in time: an instance that has not left stays.
        """
        while True:
            live = await self._read()
            notes = await self._read_notes(live)
            step = next_step(live, notes, self._plan.replicas, self._plan.group)
            if step is None:
                if self._plan.group is not None and not notes.members and not notes.none_joined:
                    # A group that is noted is joined by those that an interrupted up has not created yet.
                    await self._roll_out()
                # Noted from the start: what others do to replicas is then no change of the members.
                await self._note_members(live, notes, members_of(live, notes))
                return
            if step.kind is StepKind.JOIN:
                async with self._take_turn(step.kind):
                    await self._add_and_join(live, notes, step)
            elif step.kind is StepKind.LEAVE:
                async with self._take_turn(step.kind):
                    await self._leave_and_remove(live, notes, step)
            else:
                if replicas_of(live) or notes.members:
                    await self._note_members(live, notes, step.members)
                await self._set_replicas(live, step.replicas)
                await self._roll_out()

    async def add(self, ordinal: int, consequence: str = "It is not created") -> None:
        """Tells the application of an instance that is about to be created. An error says the consequence."""
        await self._run("add", self._plan.add, ordinal, consequence)

    async def join(self, ordinal: int) -> None:
        """Has an instance that is ready join."""
        await self._run("join", self._plan.join, ordinal, "It has not joined")

    async def leave(self, ordinal: int, consequence: str = "It is not removed") -> None:
        """Has an instance leave that is about to be removed. An error says the consequence."""
        await self._run("leave", self._plan.leave, ordinal, consequence)

    async def give_up(self, ordinal: int, *, is_ready: bool, consequence: str) -> None:
        """Has an instance leave that is about to lose its volume, whether it can be asked or not."""
        name, command = self._plan.leaving(is_ready=is_ready)
        await self._run(name, command, ordinal, consequence)

    async def _add_and_join(self, live: KubernetesObject, notes: MemberNotes, step: MemberStep) -> None:
        ordinal = first_ordinal(live) + step.members - 1
        # An application takes a new member when all others are well.
        await self._roll_out()
        if replicas_of(live) < step.replicas:
            await self.add(ordinal)
            await self._note_members(live, notes, step.members - 1)
            await self._set_replicas(live, step.replicas)
            messages.info(f"{self._pod(ordinal)} is added.", self._resource, ephemeral=True)
            await self._roll_out()
        await self.join(ordinal)
        await self._note_members(live, notes, step.members)
        messages.info(f"{self._pod(ordinal)} has joined.", self._resource)

    async def _leave_and_remove(self, live: KubernetesObject, notes: MemberNotes, step: MemberStep) -> None:
        ordinal = first_ordinal(live) + step.replicas
        if has_outdated_pods(live, await list_pods_until_answered(self._cluster, self._target, live)):
            await self._roll_out()
        await self.leave(ordinal)
        await self._note_members(live, notes, step.members, still_rejoining=notes.rejoining != ordinal)
        await self._set_replicas(live, step.replicas)
        messages.info(f"{self._pod(ordinal)} has left, and is removed.", self._resource)
        await self._until_deleted(self._pod(ordinal))

    async def _run(self, name: str, command: MemberCommand | None, ordinal: int, consequence: str) -> None:
        """Runs a command until it succeeds, for so long as it may take, and as the cluster may be away besides."""
        if command is None:
            return
        taken = away = 0.0
        # A connection may break at the end of a command as well.
        most_away = max(self._target.rollout_timeout_seconds, command.timeout_seconds)
        attempt, result = 0, CheckResult(Outcome.FAILED, "no answer")
        what = f"members.{name} of {self._pod(ordinal)}"
        while taken < command.timeout_seconds and away <= most_away:
            started = time.monotonic()
            result = await asked(self._failure(command, ordinal, attempt, command.timeout_seconds - taken))
            if result.outcome is Outcome.PASSED:
                return
            messages.info(f"{what}: {result.why}", self._resource, ephemeral=True)
            attempt += 1
            await asyncio.sleep(_PAUSE)
            if result.outcome is Outcome.NOT_ANSWERED:
                away += time.monotonic() - started
            else:
                taken += time.monotonic() - started
        within = f"did not succeed within {command.timeout_seconds} s"
        if result.outcome is Outcome.NOT_ANSWERED:
            within = f"was not answered within {most_away} s"
        raise RolloutError(
            f"{self._target.prefix}: {what} {within}: {result.why}. {consequence}; the next pulumi up continues "
            f"({MEMBERS})."
        )

    async def _failure(self, command: MemberCommand, ordinal: int, attempt: int, seconds: float) -> str | None:
        """Why the command does not succeed now; None where it does."""
        pod = self._pod(ordinal)
        if not command.runs_in_instance:
            pods = await self._list_peers()
            peers = [each["metadata"]["name"] for each in sorted(pods, key=ordinal_of) if _is_usable(each)]
            peers = [peer for peer in peers if peer != pod]
            if not peers:
                return "no other instance is ready to run it in"
            pod = peers[attempt % len(peers)]
        words = self._plan.command(command, self._target.namespace, self._target.name, ordinal)
        status, output = await self._cluster.run_in_pod(
            self._target.namespace,
            pod,
            CONTAINER_NAME,
            words,
            max(1.0, seconds),
            action=Action.RUN_MEMBER_COMMAND,
        )
        return exit_problem(status, output, pod)

    async def rejoining(self, live: KubernetesObject) -> int | None:
        """The ordinal of the instance that has to join again; None where there is none."""
        return rejoining(live, await self._read_notes(live))

    async def note_rejoining(self, live: KubernetesObject, ordinal: int | None) -> None:
        """Notes which instance has to join again, or that none has."""
        await self._note(live, {self._plan.annotation(REJOINING_ANNOTATION): ordinal})

    async def _note_members(
        self, live: KubernetesObject, notes: MemberNotes, members: int, *, still_rejoining: bool = True
    ) -> None:
        """Notes the number of members, and that the one that had to join again is none, where that changes."""
        annotation = self._plan.annotation
        changes: dict[str, int | None] = {} if still_rejoining else {annotation(REJOINING_ANNOTATION): None}
        # None is a member: that is to be known of a group, whose instances join others.
        none_joins = members == 0 and self._plan.group is not None and not notes.none_joined
        if none_joins or (members and members != notes.members):
            changes[annotation(MEMBERS_ANNOTATION)] = members
        await self._note(live, changes)

    async def _note(self, live: KubernetesObject, changes: Mapping[str, int | None]) -> None:
        if changes:
            await retry_until_answered(
                self._target, lambda: write_member_notes(self._cluster, live, self._plan, changes)
            )

    async def _read_notes(self, live: KubernetesObject) -> MemberNotes:
        return await retry_until_answered(
            self._target, lambda: read_member_notes(self._cluster, self._target.prefix, live, self._plan)
        )

    async def _set_replicas(self, live: KubernetesObject, replicas: int) -> None:
        await retry_until_answered(
            self._target,
            lambda: self._cluster.patch_stateful_set(live, action=Action.SET_REPLICAS, spec={"replicas": replicas}),
        )

    async def _until_deleted(self, pod: str) -> None:
        """Waits until a Pod is gone. The others are not waited for: one that is broken may be the next to leave."""
        started = time.monotonic()
        while found := next((each for each in await self._pods() if each["metadata"]["name"] == pod), None):
            if time.monotonic() - started > self._target.rollout_timeout_seconds:
                seconds = self._target.rollout_timeout_seconds
                raise RolloutError(
                    f"{self._target.prefix}: {pod} has left, and its Pod was not deleted within "
                    f"rollout_timeout_seconds ({seconds}){held_by(found)}. The next pulumi up continues ({MEMBERS})."
                )
            await pause(self._cluster, started)

    async def _pods(self) -> list[KubernetesObject]:
        return await retry_until_answered(self._target, self._list_pods)

    async def _list_pods(self) -> list[KubernetesObject]:
        return await self._cluster.list_pods(await read_stateful_set(self._cluster, self._target))

    async def _list_peers(self) -> list[KubernetesObject]:
        if self._plan.group is None:
            return await self._list_pods()
        pods = await self._cluster.list("Pod", self._target.namespace, labels=self._plan.group.selector)
        return [pod for pod in pods if is_of_stateful_set(pod)]

    async def _read(self) -> KubernetesObject:
        return await read_until_answered(self._cluster, self._target)

    def _pod(self, ordinal: int) -> str:
        return pod_name(self._target.name, ordinal)


def _is_usable(pod: KubernetesObject) -> bool:
    return is_ready(pod) and not is_terminating(pod)
