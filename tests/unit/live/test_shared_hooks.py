"""One hook for all services of a program: it finds the one whose object the engine operates on."""

import asyncio
from typing import Any

import pulumi
import pytest
from pulumi_stateful_service.live import shared_hooks
from pulumi_stateful_service.live.shared_hooks import child_urn, shared_hook

SET, SERVICE = "kubernetes:apps/v1:StatefulSet", "kubernetes:core/v1:Service"


class Hook:
    """In place of the SDK's, which registers itself with an engine."""

    made: list[str]

    def __init__(self, name: str, callback: Any, _: pulumi.ResourceHookOptions) -> None:
        self.name, self.callback = name, callback
        Hook.made.append(name)


class Stack:
    """The root of a program."""


class Component:
    """A component that is registered below a parent of this type."""

    def __init__(self, name: str, parent: str = "") -> None:
        self._urn = f"urn:pulumi:test::project::{parent}stateful-service:index:StatefulService::{name}"
        self.urn = self

    async def future(self) -> str:
        return self._urn


@pytest.fixture(autouse=True)
def _sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    Hook.made = []
    monkeypatch.setattr(pulumi, "ResourceHook", Hook)
    monkeypatch.setattr(shared_hooks, "_in_plugin", {})
    in_program(monkeypatch, Stack())


def in_program(monkeypatch: pytest.MonkeyPatch, stack: Stack | None) -> None:
    monkeypatch.setattr(pulumi.runtime, "get_root_resource", lambda: stack)


def service(called: list[Any], name: str, parent: str = "") -> Any:
    """The hook of a service that notes who was called."""
    component: Any = Component(name, parent)

    async def callback(args: pulumi.ResourceHookArgs) -> None:
        called.append((parent, name, args.type))

    return shared_hook("guard", callback, component, name, on_dry_run=True)


def call(hook: Any, object_type: str, name: str, urn: str) -> None:
    asyncio.run(hook.callback(pulumi.ResourceHookArgs(urn=urn, id="", name=name, type=object_type)))


def urn_of(object_type: str, name: str, parent: str = "") -> str:
    return f"urn:pulumi:test::project::{parent}stateful-service:index:StatefulService${object_type}::{name}"


def test_each_service_judges_its_own_objects() -> None:
    """Whose names begin alike, who are the same but for their parents, and whose objects differ by kind alone."""
    called: list[Any] = []
    services = [("a", "", "a"), ("a", "my:index:Group$", "a"), ("a-b", "", "a-b"), ("a", "", "a-b")]
    hooks = [service(called, name, parent) for name, parent, _ in services]
    hook = hooks[0]("StatefulSet", "a")
    assert hooks[1]("StatefulSet", "a") is hooks[2]("StatefulSet", "a-b") is hooks[3]("Service", "a-b") is hook
    assert Hook.made == ["guard"]
    for object_type, name, parent in ((SET, "a", "my:index:Group$"), (SET, "a-b", ""), (SERVICE, "a-b", "")):
        call(hook, object_type, name, urn_of(object_type, name, parent))
    assert called == [("my:index:Group$", "a", SET), ("", "a-b", SET), ("", "a", SERVICE)]


def test_what_nobody_answers_for_is_refused() -> None:
    """An object of another parent, and one of an unknown name: no change passes that nobody has judged."""
    called: list[Any] = []
    hook = service(called, "a")("StatefulSet", "a")
    for urn, name in ((urn_of(SET, "a", "my:index:Group$"), "a"), (urn_of(SET, "b"), "b")):
        with pytest.raises(LookupError, match="no StatefulService of this program has urn:"):
            call(hook, SET, name, urn)
    assert not called


def test_programs_and_plugins_share_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program of the same process has a hook of its own, and in a plugin each service has."""
    called: list[Any] = []
    service(called, "a")
    in_program(monkeypatch, Stack())
    service(called, "a")
    in_program(monkeypatch, None)
    service(called, "a")
    service(called, "a")
    assert Hook.made == ["guard", "guard", "guard a", "guard a (2)"]


def test_a_name_may_have_what_separates_the_parts_of_an_urn() -> None:
    """Pulumi allows colons in names."""
    parent = "urn:pulumi:test::project::my:index:Service::a::b"
    assert child_urn(parent, "a::b", SET, "a::b") == f"urn:pulumi:test::project::my:index:Service${SET}::a::b"
