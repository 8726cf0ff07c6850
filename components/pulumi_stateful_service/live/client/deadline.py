"""A deadline for a whole request with urllib3, whose own time-outs begin again with each byte that arrives."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any

import urllib3


class _Deadline(threading.local):
    at = float("inf")
    """On the clock of ``time.monotonic``."""


_deadline = _Deadline()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Ends what this thread reads from connections after so many seconds, by a TimeoutError."""
    _deadline.at = time.monotonic() + seconds
    try:
        yield
    finally:
        _deadline.at = float("inf")


def seconds_left() -> float:
    """Until this thread's deadline. Raises TimeoutError after it."""
    left = _deadline.at - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left


def observe_deadlines(pools: urllib3.PoolManager, idle: float) -> None:
    """Has all connections of the pools end at the deadline of the thread that reads, or ``idle`` after a byte."""

    class Response(HTTPResponse):
        def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
            super().__init__(sock, *args, **options)
            self.fp = io.BufferedReader(_UntilDeadline(self.fp.detach(), sock, idle))

    def with_deadline(pool: Any) -> Any:
        connection = type("Connection", (pool.ConnectionCls,), {"response_class": Response})
        return type("Pool", (pool,), {"ConnectionCls": connection})

    pools.pool_classes_by_scheme = {name: with_deadline(pool) for name, pool in pools.pool_classes_by_scheme.items()}


class _UntilDeadline(io.RawIOBase):
    """What arrives at a socket, until the deadline."""

    def __init__(self, raw: io.RawIOBase, sock: Any, idle: float) -> None:
        self._raw = raw
        self._sock = sock
        self._idle = idle

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(min(self._idle, seconds_left()))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
