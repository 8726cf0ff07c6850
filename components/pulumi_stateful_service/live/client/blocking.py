"""Runs what blocks beside the event loop: what the operating system or a library offers in no other way."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

_T = TypeVar("_T")


async def beside(call: Callable[[], _T]) -> _T:
    """The result of a call, or its exception.

    The thread does not keep a program from ending: those of asyncio's executor are waited for at its end.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[_T] = loop.create_future()

    def settle(set_: Callable[[Any], None], value: object) -> None:
        if not result.done():
            set_(value)

    def work() -> None:
        try:
            outcome: tuple[Callable[[Any], None], object] = (result.set_result, call())
        except Exception as error:  # noqa: BLE001 - it is raised where the result is awaited
            outcome = (result.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=work, name="kubernetes-client", daemon=True).start()
    return await result
