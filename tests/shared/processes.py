"""Processes that a test has started, and waiting for what they do."""

import asyncio
from collections.abc import Callable
from pathlib import Path


def is_running(process: int) -> bool:
    """Whether a process is there, and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second, where it ends between opening and reading
        return False


async def until(condition: Callable[[], object]) -> None:
    """Waits until a condition holds, without keeping the event loop."""
    while not condition():  # noqa: ASYNC110 - nobody says when
        await asyncio.sleep(0.01)
