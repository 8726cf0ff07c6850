"""What the package shows: documented names, and nothing else."""

import types
from pathlib import Path

import pulumi_stateful_service
import pytest
from pulumi_stateful_service import testing

ROOMS = {
    "aliases",
    "arguments",
    "component",
    "errors",
    "foundation",
    "live",
    "objects",
    "outputs",
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
