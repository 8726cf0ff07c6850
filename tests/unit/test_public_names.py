"""What the package shows: documented names, and nothing else."""

import types

import pulumi_stateful_service
import pytest
from pulumi_stateful_service import testing


@pytest.mark.parametrize("module", [pulumi_stateful_service, testing])
def test_public_names_are_those_listed(module: types.ModuleType) -> None:
    """Of the package and its testing kit; modules are private but for that kit."""
    own = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and getattr(value, "__module__", "").startswith("pulumi_stateful_service")
    }
    assert own == set(module.__all__)


@pytest.mark.parametrize("module", [pulumi_stateful_service, testing])
def test_public_names_are_documented(module: types.ModuleType) -> None:
    """Each has a docstring of its own."""
    for name in module.__all__:
        value = getattr(module, name)
        assert value.__doc__, name
        assert value.__doc__ not in {each.__doc__ for each in value.__mro__[1:]} if isinstance(value, type) else True
