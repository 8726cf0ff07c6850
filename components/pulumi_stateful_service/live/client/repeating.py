"""When a request is sent again: the one place that decides it for all requests about objects.

An API server that is away comes back: it restarts, another one takes over, a load balancer notices. A request is
repeated only where it was certainly not carried out, or where carrying it out twice comes to the same.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

import pulumi

from pulumi_stateful_service.live.client.http_error import HttpError

if TYPE_CHECKING:
    from pulumi_stateful_service.live.client.transport import Answer

UP_SECONDS = 45.0
"""How long a request is repeated in ``pulumi up``: what fails there ends the operation."""
PREVIEW_SECONDS = 10.0
"""How long in a preview, which says what it could not look at, and goes on."""
UNREACHED_SECONDS = 2.0
"""How long in a preview where the API server has never answered: most likely there is none at this address (a cluster
that is not created yet, a VPN that is off), and waiting changes nothing. ``pulumi up`` waits all the same: its preview
has just shown the message."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds; each pause is twice as long as the one before."""
LONGEST_RETRY_AFTER = 15.0
"""Seconds of the API server's ``Retry-After`` that are waited for."""
TOO_MANY = 429
BUSY = {TOO_MANY, 500, 502, 503, 504}
"""The API server, or what is before it, cannot answer now."""


class Repeat(Enum):
    """What may be repeated."""

    ALWAYS = "reads, dry runs, and changes that come to the same when they are carried out twice"
    NOT_DONE = "what was certainly not carried out: it was not sent, or the API server had too much to do"
    NOT_SENT = "what was not sent; that there is too much to do is an answer"


class Repeating:
    """Repeats the requests to one API server."""

    def __init__(self) -> None:
        self._was_reached = False
        self._was_missed = False

    async def answer(self, send: Callable[[], Awaitable["Answer"]], repeat: Repeat) -> "Answer":
        """The answer, the last one where there were several. Raises HttpError where there is none.

        The error says for how long the request was repeated.
        """
        started, pause = time.monotonic(), FIRST_PAUSE
        while True:
            failed, after = None, 0.0
            try:
                answered = await send()
                self._was_reached = True
                if answered.status not in _AGAIN[repeat]:
                    return answered
                after = _retry_after(answered)
            except HttpError as error:
                if not error.transient or (error.sent and repeat is not Repeat.ALWAYS):
                    raise
                failed = error
            pause_now = max(after, pause * random.uniform(0.5, 1))  # noqa: S311 - spreads requests, hides nothing
            waited = time.monotonic() - started
            if waited + pause_now > self._bound():
                self._was_missed = not self._was_reached
                if failed is not None:
                    raise _with_time(failed, waited)
                return replace(answered, tried=waited)
            await asyncio.sleep(pause_now)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _bound(self) -> float:
        if not pulumi.runtime.is_dry_run():
            return UP_SECONDS
        if self._was_reached:
            return PREVIEW_SECONDS
        # The looks that follow do not wait for the same again.
        return 0 if self._was_missed else UNREACHED_SECONDS


_AGAIN: dict[Repeat, set[int]] = {Repeat.ALWAYS: BUSY, Repeat.NOT_DONE: {TOO_MANY}, Repeat.NOT_SENT: set()}


def _retry_after(answer: "Answer") -> float:
    """Seconds that the API server wants a client to wait."""
    wanted = answer.headers.get("Retry-After", "")
    return min(float(wanted), LONGEST_RETRY_AFTER) if wanted.isascii() and wanted.isdigit() else 0


def with_time(problem: str, seconds: float) -> str:
    """What went wrong, and for how long it was tried."""
    return f"{problem} (tried for {seconds:.0f} s)" if seconds >= 1 else problem


def _with_time(error: HttpError, seconds: float) -> HttpError:
    problem = with_time(str(error), seconds)
    return HttpError(problem, transient=error.transient, sent=error.sent, timed_out=error.timed_out)
