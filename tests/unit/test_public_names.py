"""What the package shows: documented names, and nothing else."""

import types
from pathlib import Path

import pulumi_stateful_service
import pytest
from pulumi_stateful_service import testing


def test_public_names_are_those_listed() -> None:
    """Whatever the package has besides is private, but for the testing kit."""
    shown = {name for name in vars(pulumi_stateful_service) if not name.startswith("_")}
    assert shown == {*pulumi_stateful_service.__all__, "testing"}
    files = Path(pulumi_stateful_service.__file__).parent.glob("*.py")
    assert {file.stem for file in files if not file.stem.startswith("_")} == {"testing"}


@pytest.mark.parametrize("module", [pulumi_stateful_service, testing])
def test_public_names_are_documented(module: types.ModuleType) -> None:
    """Each has a docstring of its own."""
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, type):
            assert vars(value)["__doc__"], name
        elif callable(value):
            assert value.__doc__, name
