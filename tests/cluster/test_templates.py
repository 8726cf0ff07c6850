"""P16: the templates for ``pulumi new`` in Python and YAML; tests/languages has those in TypeScript and Go."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ROOT
from lightkube import Client
from template_projects import (
    deploys,
    new,
    previews_both_stacks,
    programs_first,
    published,
    template,
    unit_tests,
    with_plugin,
)

from local.processes import running, stop


def test_p16_the_python_template(env: dict[str, str], client: Client, namespace: str, tmp_path: Path) -> None:
    """As it stands: ``pulumi new`` installs what it requires, its unit tests pass, and it is previewed and deployed."""
    # At the releases that the embedded engine and provider are built from.
    pins = tmp_path / "pins.txt"
    pins.write_text("\n".join(line for line in (ROOT / "requirements.txt").open() if line.startswith("pulumi")))
    settings = {**env, **published(tmp_path / "published"), "PIP_CONSTRAINT": str(pins), "PIP_NO_COMPILE": "1"}
    shop = new(ROOT / "templates" / "stateful-service-python", tmp_path, settings, namespace)
    if not (shop.folder / "venv").exists():
        # The language host that is built here does not know the option, and takes the project's folder.
        (shop.folder / "venv").symlink_to(".")
    assert "4 passed" in unit_tests(shop)
    shop.env = programs_first(shop.env, shop.folder / "venv" / "bin")
    previews_both_stacks(shop, namespace)
    deploys(shop, client, namespace)


@pytest.fixture
def plugins_end(tmp_path: Path) -> Iterator[None]:
    """``pulumi new`` leaves the plugin running that it asks for its schema."""
    yield
    stop(running(lambda command: any(part.startswith(str(tmp_path)) for part in command)), patience=5)


@pytest.mark.usefixtures("plugins_end")
def test_p16_the_yaml_template(env: dict[str, str], namespace: str, tmp_path: Path) -> None:
    """With the installed plugin in place of the address: its manifests are tested without a cluster, and previewed."""
    shop = new(template("yaml", tmp_path, "stateful-service"), tmp_path, with_plugin(env, tmp_path), namespace)
    assert "dev and prod have the instances and the disks that they should have." in unit_tests(shop)
    previews_both_stacks(shop, namespace)
