"""Digests of values: one for each version, and each is computed once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from pulumi_stateful_service.objects import versioned
from pulumi_stateful_service.testing import Deployment

Chapter = Callable[..., Deployment]


def secret_name(deployed: Deployment) -> str:
    return str(deployed.one("Secret").metadata["name"])


def test_a_version_has_a_name_of_its_own(chapter: Chapter) -> None:
    """The same values have the same one; other values, variables or namespaces another."""
    given: list[dict[str, Any]] = [
        {"secret_env": {"A": "b"}},
        {"secret_env": {"A": "c"}},
        {"secret_env": {"B": "b"}},
        {"secret_env": {"A": "b"}, "namespace": "other"},
    ]
    names = [secret_name(chapter(**each)) for each in given]
    assert len({*names}) == len(names)
    assert secret_name(chapter(**given[0])) == names[0]


@pytest.mark.parametrize("argument", ["secret_env", "secret_files"])
def test_a_digest_is_computed_once_and_beside_the_event_loop(
    chapter: Chapter, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    """It is slow on purpose."""
    threads: list[threading.Thread] = []

    def slow_digest(_: bytes, __: bytes) -> str:
        threads.append(threading.current_thread())
        return "0" * 24

    monkeypatch.setattr(versioned, "_slow_digest", slow_digest)
    chapter(**{argument: {"/a": "b"} if argument == "secret_files" else {"A": "b"}})
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
