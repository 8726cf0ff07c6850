"""Work that is done once for each key, however often it is asked for."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

_T = TypeVar("_T")


class OncePerKey(Generic[_T]):
    """Who asks first starts the work, and all others get its result or its exception, also when it is done long ago."""

    def __init__(self) -> None:
        # What one event loop has begun, another one cannot wait for.
        self._tasks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, asyncio.Task[_T]]] = (
            WeakKeyDictionary()
        )

    async def get(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """The result of the work for this key. One who stops waiting stops nobody else."""
        loop = asyncio.get_running_loop()
        tasks = self._tasks.setdefault(loop, {})
        if key not in tasks:
            tasks[key] = loop.create_task(work())
        return await asyncio.shield(tasks[key])
