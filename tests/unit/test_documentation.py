"""The addresses that messages refer to."""

from pathlib import Path

import pytest
from pulumi_stateful_service import documentation

ROOT = Path(__file__).parents[2]
ADDRESSES = {name: value for name, value in vars(documentation).items() if name.isupper() and not name.startswith("_")}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_each_page_exists(address: str) -> None:
    """Users of the installed package open it in a browser."""
    repository, _, path = address.partition("/blob/main/")
    assert f'Repository = "{repository}"' in (ROOT / "components" / "pyproject.toml").read_text()
    page, _, anchor = path.partition("#")
    headings = [line.strip("# ").lower() for line in (ROOT / page).read_text().splitlines() if line.startswith("#")]
    assert not anchor or anchor.replace("-", " ") in [each.replace("-", " ") for each in headings]


def test_addresses_are_in_one_place() -> None:
    """No other module of the package contains the address of a page."""
    modules = (ROOT / "components" / "pulumi_stateful_service").rglob("*.py")
    assert [module.name for module in modules if "/blob/main" in module.read_text()] == ["documentation.py"]
