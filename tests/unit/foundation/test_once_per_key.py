"""Work that is done once for each key."""

import asyncio

import pytest
from pulumi_stateful_service.foundation.once_per_key import OncePerKey


class Work:
    """Counts for which keys it was begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.known = OncePerKey[str]()

    async def of(self, key: str, seconds: float = 0) -> str:
        """The result for a key."""

        async def work() -> str:
            self.begun.append(key)
            await asyncio.sleep(seconds)
            if key == "wrong":
                raise ValueError(key)
            return f"result of {key}"

        return await self.known.get(key, work)


def test_each_key_is_worked_on_once() -> None:
    """However many ask for it, at the same time and later."""
    work = Work()

    async def ask() -> list[str]:
        return [*await asyncio.gather(*map(work.of, ["a", "b", "a"])), await work.of("a")]

    assert asyncio.run(ask()) == ["result of a", "result of b", "result of a", "result of a"]
    assert work.begun == ["a", "b"]


def test_all_get_the_exception() -> None:
    """Work that fails is not done again."""
    work = Work()

    async def ask() -> None:
        for _ in range(2):
            with pytest.raises(ValueError, match="wrong"):
                await work.of("wrong")

    asyncio.run(ask())
    assert work.begun == ["wrong"]


def test_one_who_stops_waiting_stops_nobody_else() -> None:
    """The work goes on for the others."""
    work = Work()

    async def ask() -> str:
        first = asyncio.ensure_future(work.of("a", 0.01))
        other = asyncio.ensure_future(work.of("a"))
        await asyncio.sleep(0)
        first.cancel()
        return await other

    assert asyncio.run(ask()) == "result of a"


def test_each_event_loop_has_its_own() -> None:
    """What one loop has begun cannot be waited for in another one."""
    work = Work()
    asyncio.run(work.of("a"))
    asyncio.run(work.of("a"))
    assert work.begun == ["a", "a"]
