"""One look for many: services of a program that read the same at the same time share the request.

Nothing is kept: a read begins after all the calls that it answers, so nobody judges on what was there before.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeVar

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.errors import ForbiddenError

_T = TypeVar("_T")
_WINDOW = 0.005
"""Seconds in which names of one list are gathered."""
_FEWEST = 5
"""Names for which a list is asked for: it may have other objects, too."""

Read = Callable[[], Coroutine[Any, Any, KubernetesObject | None]]
ReadList = Callable[[], Coroutine[Any, Any, Sequence[KubernetesObject]]]


class SharedReads:
    """The reads of one API server that wait to begin."""

    def __init__(self) -> None:
        self._reads: dict[Hashable, asyncio.Task[KubernetesObject | None]] = {}
        self._lists: dict[Hashable, _List] = {}

    async def one(self, key: Hashable, read: Read) -> KubernetesObject | None:
        """What ``read`` returns: the request is shared by all who ask with this key in the same turn of the loop.

        Each gets an object of its own.
        """
        task = self._reads.get(key)
        if task is None:
            task = self._reads[key] = _started(self._begin(key, read))
            return await asyncio.shield(task)
        return deepcopy(await asyncio.shield(task))

    async def one_of_many(self, key: Hashable, name: str, read: Read, read_list: ReadList) -> KubernetesObject | None:
        """The object of a name, from a list that is shared by all who ask with this key within a few milliseconds.

        ``read`` is asked for it where few ask, where the list may not be read, and where the list does not have it.
        """
        shared = self._lists.get(key)
        if shared is None:
            shared = self._lists[key] = _List()
            shared.task = _started(self._begin_list(key, shared, read_list))
        shared.names.append(name)
        assert shared.task is not None  # noqa: S101
        found = (await asyncio.shield(shared.task)).get(name)
        if found is None:
            return await self.one((key, name), read)
        return deepcopy(found) if shared.names.count(name) > 1 else found

    async def _begin(self, key: Hashable, read: Read) -> KubernetesObject | None:
        # All who are in this turn of the loop have asked after it.
        await asyncio.sleep(0)
        del self._reads[key]
        return await read()

    async def _begin_list(self, key: Hashable, shared: "_List", read_list: ReadList) -> Mapping[str, KubernetesObject]:
        await asyncio.sleep(_WINDOW)
        del self._lists[key]
        if len(set(shared.names)) < _FEWEST:
            return {}
        try:
            return {each["metadata"]["name"]: each for each in await read_list()}
        except ForbiddenError:
            return {}


class _List:
    """A list that waits to begin."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.task: asyncio.Task[Mapping[str, KubernetesObject]] | None = None


def _started(work: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
    task = asyncio.get_running_loop().create_task(work)
    # Perhaps nobody waits for it any more, and asyncio would say so.
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    return task
