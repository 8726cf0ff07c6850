"""One look for many: services of a program that read the same at the same time share the request.

Nothing is kept: a read begins after all the calls that it answers, so nobody judges on what was there before.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeVar

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.errors import ForbiddenError

_T = TypeVar("_T")
_WINDOW = 0.005
"""Seconds in which what one list may answer is gathered."""
_MOST = 50
"""Lists that are one request: their labels are part of an address, which proxies bound to 8 KiB."""

Labels = Mapping[str, str | Sequence[str]]
"""Labels that objects have, each with this value or one of several."""
Read = Callable[[], Coroutine[Any, Any, KubernetesObject | None]]
ReadList = Callable[[Labels], Coroutine[Any, Any, Sequence[KubernetesObject]]]


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

    async def one_of_many(
        self, key: Hashable, name: str, labels: Labels, read: Read, read_list: ReadList
    ) -> KubernetesObject | None:
        """The object of a name, from a list that is shared by all who ask with this key within a few milliseconds.

        ``read`` is asked for it where nobody else asks, and where the list may not be read or does not have it.
        """
        shared = self._list_of(("by name", key), labels, read_list)
        shared.names.append(name)
        listed = await shared.result()
        found = next((each for each in listed or () if each["metadata"]["name"] == name), None)
        if found is None:
            return await self.one((key, name), read)
        return deepcopy(found) if shared.names.count(name) > 1 else found

    async def list(self, key: Hashable, labels: Labels, read_list: ReadList) -> list[KubernetesObject]:
        """The objects with these labels: several lists that are asked for with this key at once are one request."""
        shared = self._list_of(("list", key, frozenset(labels)), labels, read_list)
        listed = await shared.result()
        if listed is None:
            return list(await read_list(labels))
        return [deepcopy(each) for each in listed if _has(each, labels)]

    def _list_of(self, key: Hashable, labels: Labels, read_list: ReadList) -> "_List":
        shared = self._lists.get(key)
        if shared is None:
            shared = self._lists[key] = _List()
            shared.task = _started(self._begin_list(key, shared, read_list))
        shared.asked.append(labels)
        if len(shared.asked) == _MOST:
            del self._lists[key]
        return shared

    async def _begin(self, key: Hashable, read: Read) -> KubernetesObject | None:
        # All who are in this turn of the loop have asked after it.
        await asyncio.sleep(0)
        del self._reads[key]
        return await read()

    async def _begin_list(
        self, key: Hashable, shared: "_List", read_list: ReadList
    ) -> Sequence[KubernetesObject] | None:
        await asyncio.sleep(_WINDOW)
        if self._lists.get(key) is shared:
            del self._lists[key]
        asked = {json.dumps(each, sort_keys=True) for each in shared.asked}
        if len(set(shared.names) or asked) == 1:
            return None
        wanted: dict[str, set[str]] = {}
        for each in shared.asked:
            for label, value in each.items():
                wanted.setdefault(label, set()).update(_values(value))
        try:
            return await read_list({label: _one_or_several(values) for label, values in wanted.items()})
        except ForbiddenError:
            return None


class _List:
    """A list that waits to begin."""

    def __init__(self) -> None:
        self.asked: list[Labels] = []
        self.names: list[str] = []
        self.task: asyncio.Task[Sequence[KubernetesObject] | None] | None = None

    async def result(self) -> Sequence[KubernetesObject] | None:
        """What the list has; None where one alone asks, or where it may not be read."""
        assert self.task is not None  # noqa: S101
        return await asyncio.shield(self.task)


def _has(found: KubernetesObject, labels: Labels) -> bool:
    its = found["metadata"].get("labels") or {}
    return all(its.get(label) in _values(value) for label, value in labels.items())


def _values(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _one_or_several(values: set[str]) -> str | Sequence[str]:
    return next(iter(values)) if len(values) == 1 else sorted(values)


def _started(work: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
    task = asyncio.get_running_loop().create_task(work)
    # Perhaps nobody waits for it any more, and asyncio would say so.
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    return task
