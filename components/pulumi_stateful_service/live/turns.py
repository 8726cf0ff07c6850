"""Whose turn it is among the groups of a service: Kubernetes' controllers know their own StatefulSet alone.

A group whose instances are to be stopped begins when those before it are complete. Members of all groups join and leave
one after another: where some join and others leave, by turns, so that there are never fewer than there were.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from enum import Enum, auto

from pulumi_stateful_service.documentation import GROUPS
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.live.before.change import GroupOfService
from pulumi_stateful_service.live.before.forecast import Forecast
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.state.member_changes import StepKind
from pulumi_stateful_service.live.state.pod_status import is_of_stateful_set, is_ready

_PAUSE = 1.0
"""Seconds between two looks at the instances of all groups."""


class _State(Enum):
    UNKNOWN = auto()
    """The engine has not come to it yet."""
    WAITING = auto()
    """Its instances are to be stopped when the groups before it are complete."""
    ASKING = auto()
    """An instance is to join or to leave."""
    STEPPING = auto()
    """An instance joins or leaves."""
    LEADING = auto()
    """Its leader is to be replaced when the other groups are complete."""
    FOLLOWED = auto()
    """Its rollout is waited for, or its instances are."""
    DONE = auto()
    FAILED = auto()


_HELD = (_State.DONE, _State.LEADING, _State.ASKING)
"""States in which nothing is done to the instances of a group."""


class Turns:
    """The turns of the groups of one service."""

    def __init__(self, prefix: str, order: Sequence[str]) -> None:
        """``order`` has the names of the groups in the order of their updates. ``prefix`` begins every message."""
        self.prefix = prefix
        self._order = list(order)
        self._states = dict.fromkeys(order, _State.UNKNOWN)
        self._kinds: dict[str, StepKind] = {}
        self._last: StepKind | None = None
        self._is_ordered = False
        self.created: set[str] = set()
        """The StatefulSets that this operation creates, with all their instances."""
        self._changed: asyncio.Condition | None = None

    async def order(self, read_broken: Callable[[], Awaitable[Collection[str]]]) -> Sequence[str]:
        """The order in which the groups are updated: those that ``read_broken`` returns first.

        It is called once. Nothing is lost by stopping an instance that is not ready, and others may wait for it.
        """
        async with self._condition:
            if not self._is_ordered:
                broken = await read_broken()
                self._order.sort(key=lambda name: name not in broken)
                self._is_ordered = True
        return self._order

    async def wait_for(self, group: str) -> None:
        """Returns when the groups before this one are complete. Raises RefusedError where one of them is not."""
        await self._until(group, _State.WAITING, lambda: all(each is _State.DONE for each in self._before(group)))
        await self._set(group, _State.FOLLOWED)

    async def done(self, group: str, *, failed: bool) -> None:
        """Notes that a group is complete, or that it could not be completed."""
        await self._set(group, _State.FAILED if failed else _State.DONE)

    def is_before(self, group: str) -> bool:
        """Whether a group before this one is not complete."""
        return any(each is not _State.DONE for each in self._before(group))

    @asynccontextmanager
    async def member_step(self, group: str, kind: StepKind) -> AsyncIterator[None]:
        """While an instance of this group joins or leaves, none of another one does.

        Raises RefusedError where another group could not be completed.
        """
        self._kinds[group] = kind
        await self._until(group, _State.ASKING, lambda: self._may_step(group))
        await self._set(group, _State.STEPPING)
        self._last = kind
        try:
            yield
        finally:
            await self._set(group, _State.FOLLOWED)

    async def leader_turn(self, group: str, leads: Callable[[], Awaitable[bool]]) -> None:
        """Returns when instances of the group can be replaced: after the groups before it, and one that leads last.

        ``leads`` says whether the leader is one of them. Raises RefusedError where a group could not be completed.
        """
        state, others = self._states[group], [name for name in self._order if name != group]
        before = self._order[: self._order.index(group)]
        await self._until(group, state, lambda: all(self._states[name] in _HELD for name in before))
        if await leads():
            await self._until(group, _State.LEADING, lambda: all(self._may_come_before(name, group) for name in others))
        await self._set(group, state)

    def _may_come_before(self, other: str, leading: str) -> bool:
        """Whether another group is complete, or held back by the one that leads; of two that lead, in their order."""
        is_first = self._order.index(leading) < self._order.index(other)
        return self._states[other] in _HELD and (self._states[other] is not _State.LEADING or is_first)

    def _before(self, group: str) -> list[_State]:
        return [self._states[name] for name in self._order[: self._order.index(group)]]

    def _may_step(self, group: str) -> bool:
        states = [(name, self._states[name]) for name in self._order]
        # The engine comes to a group when it is done with the one before it, which may wait for those before it.
        waiting = next((place for place, (_, state) in enumerate(states) if state is _State.WAITING), len(states))
        if any(state is _State.STEPPING for _, state in states):
            return False
        if any(state is _State.UNKNOWN for _, state in states[:waiting]):
            return False
        asking = [name for name, state in states if state is _State.ASKING]
        kinds = {self._kinds[name] for name in asking}
        wanted = StepKind.JOIN if self._last is not StepKind.JOIN else StepKind.LEAVE
        first = next((name for name in asking if len(kinds) == 1 or self._kinds[name] is wanted), asking[0])
        return first == group

    async def _until(self, group: str, state: _State, may: Callable[[], bool]) -> None:
        await self._set(group, state)
        async with self._condition:
            await self._condition.wait_for(lambda: may() or self._failed_before(group))
        if not may():
            failed = self._failed_before(group)
            raise RefusedError(
                f"{self.prefix}: group {group!r}: nothing is changed, because group {failed!r} could not be "
                f"completed. The next pulumi up continues ({GROUPS})."
            )

    def _failed_before(self, group: str) -> str:
        return next((name for name, state in self._states.items() if state is _State.FAILED and name != group), "")

    async def _set(self, group: str, state: _State) -> None:
        async with self._condition:
            self._states[group] = state
            self._condition.notify_all()

    @property
    def _condition(self) -> asyncio.Condition:
        if self._changed is None:
            self._changed = asyncio.Condition()
        return self._changed


class GroupTurn:
    """The turn of one group."""

    def __init__(self, turns: Turns, group: str, timeout_seconds: Callable[[], Awaitable[int]]) -> None:
        """``timeout_seconds`` is how long it waits for instances of other groups that are not ready."""
        self._turns = turns
        self._group = group
        self._timeout_seconds = timeout_seconds

    @property
    def created(self) -> set[str]:
        """The StatefulSets of all groups that this operation creates, with all their instances."""
        return self._turns.created

    async def wait(
        self,
        cluster: Cluster,
        namespace: str,
        group: GroupOfService | None,
        forecast: Forecast | None,
        say: Callable[[str], None],
    ) -> bool:
        """Returns when an instance of the group can be stopped; whether that had to be waited for.

        Raises RefusedError where a group before it could not be completed, and where too few instances are ready.
        """
        waits = self._turns.is_before(self._group)
        if waits:
            say("its instances are stopped when the groups before it are complete.")
            await self._turns.wait_for(self._group)
        if group is None or group.required is None:
            return waits
        return await self._until_enough_are_ready(cluster, namespace, group, forecast, say) or waits

    async def _until_enough_are_ready(
        self,
        cluster: Cluster,
        namespace: str,
        group: GroupOfService,
        forecast: Forecast | None,
        say: Callable[[str], None],
    ) -> bool:
        required, at_a_time = group.required or 0, forecast.at_a_time if forecast else 1
        started, seconds = time.monotonic(), await self._timeout_seconds()
        while True:
            pods = [
                each for each in await cluster.list("Pod", namespace, labels=group.selector) if is_of_stateful_set(each)
            ]
            ready = sum(map(is_ready, pods))
            if ready - at_a_time >= min(required, len(pods) - at_a_time):
                return time.monotonic() - started > _PAUSE
            others = ", ".join(sorted(each["metadata"]["name"] for each in pods if not is_ready(each)))
            why = (
                f"{ready} of {len(pods)} instances of the service are ready (not {others}), and {required} must stay "
                "available"
            )
            if time.monotonic() - started > seconds:
                raise RefusedError(
                    f"{self._turns.prefix}: group {self._group!r}: no instance is stopped, because {why}. It was "
                    f"waited for rollout_timeout_seconds ({seconds}). If the change makes them ready, put their group "
                    f"first (group_order) ({GROUPS})."
                )
            say(f"no instance is stopped yet: {why}.")
            await asyncio.sleep(_PAUSE)
