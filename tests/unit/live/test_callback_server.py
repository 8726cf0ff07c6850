"""The server for hooks is started with what the SDK has, and not where it lacks it."""

import asyncio
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi_stateful_service.live import callback_server

SETTINGS = SimpleNamespace(callbacks=None)
MODULES: dict[str, Any] = {
    "pulumi.runtime.settings": SimpleNamespace(_get_callbacks=lambda: asyncio.sleep(0, "server"), SETTINGS=SETTINGS),
    "pulumi.runtime.sync_await": SimpleNamespace(_sync_await=asyncio.run),
}


def missing(name: str) -> Any:
    """As ``import_module`` where a newer SDK has no such module."""
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize("module", [MODULES.get, missing, lambda _: SimpleNamespace()])
def test_an_sdk_without_these_names_is_left_alone(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    """Neither a missing module nor a missing name is an error."""
    monkeypatch.setattr(pulumi.runtime, "get_root_resource", lambda: "a stack")
    monkeypatch.setattr(callback_server, "import_module", module)
    callback_server.start_callback_server()


def test_the_server_is_kept_where_the_program_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK keeps it in the context of the task that has started it, which ends; one that runs is not replaced."""
    monkeypatch.setattr(pulumi.runtime, "get_root_resource", lambda: "a stack")
    monkeypatch.setattr(callback_server, "import_module", MODULES.get)
    for known, kept in ((None, "server"), ("another", "another")):
        monkeypatch.setattr(SETTINGS, "callbacks", known)
        callback_server.start_callback_server()
        assert kept == SETTINGS.callbacks


def test_the_sdk_has_what_is_called() -> None:
    """Otherwise programs that fail early lose their message again."""
    settings, sync_await = map(import_module, MODULES)
    assert callable(settings._get_callbacks)
    assert hasattr(type(settings.SETTINGS), "callbacks")
    assert callable(sync_await._sync_await)
