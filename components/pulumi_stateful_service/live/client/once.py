"""Work that is done once, however many wait for it at the same time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class Once(Generic[_T]):
    """Who comes first starts the work, and the others wait for its result, or get its exception."""

    def __init__(self) -> None:
        self._task: asyncio.Task[_T] | None = None

    async def run(self, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """The result of the work that is under way, or of this one where there is none.

        One who stops waiting stops nobody else.
        """
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(work())
            self._task.add_done_callback(self._ended)
        return await asyncio.shield(self._task)

    def _ended(self, task: asyncio.Task[_T]) -> None:
        self._task = None
        if not task.cancelled():
            # Perhaps nobody waits for it any more, and asyncio would say so.
            task.exception()
