"""What the package shows: documented names, and nothing else."""

import types
from pathlib import Path

import pulumi
import pulumi_stateful_service
import pytest
from pulumi_stateful_service import (
    ArgumentError,
    RefusedError,
    RolloutError,
    StatefulService,
    StatefulServiceError,
    testing,
)

ROOMS = {
    "aliases",
    "arguments",
    "component",
    "group",
    "documentation",
    "errors",
    "foundation",
    "live",
    "objects",
    "service_outputs",
    "outside_text",
    "plan",
    "plugin",
    "resources",
    "testing",
}


def test_public_names_are_those_listed() -> None:
    """What the package shows is what it lists, and its rooms are the ones that docs/design.md describes."""
    shown = {name for name in vars(pulumi_stateful_service) if not name.startswith("_")}
    assert shown - ROOMS == set(pulumi_stateful_service.__all__)
    inside = Path(pulumi_stateful_service.__file__).parent.iterdir()
    assert {each.stem for each in inside if each.suffix in {"", ".py"} and not each.stem.startswith("_")} == ROOMS


@pytest.mark.parametrize("module", [pulumi_stateful_service, testing])
def test_public_names_are_documented(module: types.ModuleType) -> None:
    """Each has a docstring of its own."""
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, type):
            assert vars(value)["__doc__"], name
        elif callable(value):
            assert value.__doc__, name


def test_a_program_can_catch_all_errors() -> None:
    """By one class, and Pulumi prints each as its message alone."""
    for error in (ArgumentError, RefusedError, RolloutError):
        assert issubclass(error, StatefulServiceError)
    assert issubclass(StatefulServiceError, pulumi.RunError)
    with pytest.raises(StatefulServiceError, match="replicas is -1"):
        testing.deploy(lambda: StatefulService("db", {"image": "db:1", "replicas": -1}))
