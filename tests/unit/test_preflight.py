"""What is done before a change: an API server that has too much to do is asked again."""

import asyncio
from collections.abc import Callable, Iterator

import httpx2
import pytest
from lightkube import ApiError
from pulumi_stateful_service import _preflight
from pulumi_stateful_service._cluster import ClusterError, _errors_named


def answer(status: int) -> ClusterError:
    """What becomes of such an answer."""
    body = {"kind": "Status", "code": status, "message": "no"}
    request = httpx2.Request("GET", "http://cluster")
    with pytest.raises(ClusterError) as caught, _errors_named():
        raise ApiError(request=request, response=httpx2.Response(status, json=body, request=request))
    return caught.value


def looks(answers: Iterator[ClusterError | None]) -> Callable[[], object]:
    async def look() -> None:
        if error := next(answers):
            raise error

    return lambda: asyncio.run(_preflight._when_not_busy(look))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_preflight, "_PAUSES", (0, 0))


def test_a_busy_api_server_is_asked_again() -> None:
    """Too many requests and a restart pass."""
    looks(iter([answer(429), answer(503), None]))()


def test_a_refusal_is_not_asked_again() -> None:
    """It would be the same."""
    answers = iter([answer(403), None])
    with pytest.raises(ClusterError):
        looks(answers)()
    assert next(answers) is None


def test_it_is_not_asked_for_ever() -> None:
    """The last answer is what the user is told."""
    with pytest.raises(ClusterError, match="no"):
        looks(iter([answer(429)] * 3))()
