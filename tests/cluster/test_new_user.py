"""A new stack from an empty folder, the documentation's snippets and the built wheel."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import files
from harness import ROOT, Project, local, printed
from lightkube import Client
from lightkube.resources.apps_v1 import StatefulSet

UV = str(Path(sys.executable).with_name("uv"))
LINES = 15


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A Python environment with the wheel and nothing else of this repository."""
    made = tmp_path / "environment"
    printed(UV, "build", "--quiet", "--wheel", str(ROOT / "components"), "--out-dir", str(tmp_path))
    # Pulumi asks pip what is installed.
    printed(UV, "venv", "--quiet", "--seed", "--python", sys.executable, str(made))
    (wheel,) = tmp_path.glob("*.whl")
    # At the releases that the embedded engine and provider are built from.
    pinned = (ROOT / "requirements.txt").read_text().splitlines()
    sdks = [line for line in pinned if line.startswith("pulumi")]
    printed(UV, "pip", "install", "--quiet", "--python", str(made / "bin" / "python"), str(wheel), "pytest", *sdks)
    return made


@pytest.fixture
def settings(env: dict[str, str], environment: Path) -> dict[str, str]:
    """The settings for Pulumi in that environment."""
    own = str(ROOT / ".venv" / "bin")
    rest = [each for each in env["PATH"].split(os.pathsep) if each != own]
    return {**env, "PATH": os.pathsep.join([str(environment / "bin"), *rest])}


def test_p16_a_new_stack_in_python(
    settings: dict[str, str], environment: Path, client: Client, namespace: str, tmp_path: Path
) -> None:
    """Under 15 lines; its unit test passes, and it deploys."""
    told = files("packages.md", "Python")
    assert sum(told[name].count("\n") for name in ("Pulumi.yaml", "__main__.py")) < LINES
    shop = Project(tmp_path / "shop", settings)
    for name, content in told.items():
        (shop.folder / name).write_text(content)
    assert "1 passed" in printed(str(environment / "bin" / "python"), "-m", "pytest", "-q", folder=shop.folder)
    deploys(shop, client, namespace)


def test_p16_the_program_of_the_readme(settings: dict[str, str], namespace: str, tmp_path: Path) -> None:
    """It deploys as it stands on the first screen, and the smaller size is refused in the words shown there."""
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    program = next(text for language, text in blocks if language == "python")
    refusal = next(text for language, text in blocks if not language)
    local("load-image", "redis")
    cache = Project(tmp_path / "cache", settings)
    (cache.folder / "Pulumi.yaml").write_text("name: cache\nruntime: python\n")
    (cache.folder / "__main__.py").write_text(program)
    cache.init()
    cache.must("config", "set", "kubernetes:namespace", namespace)
    try:
        cache.up()
        (cache.folder / "__main__.py").write_text(program.replace("10Gi", "5Gi"))
        said = " ".join(cache.must_fail("preview").split())
        assert " ".join(refusal.partition("(…")[0].split()) in said
    finally:
        cache.destroy()


@pytest.mark.long
def test_p16_a_new_stack_in_yaml(
    settings: dict[str, str], environment: Path, client: Client, namespace: str, tmp_path: Path
) -> None:
    """The same with the plugin's folder, into which the wheel has installed it."""
    program = yaml.safe_load(files("packages.md", "YAML")["Pulumi.yaml"])
    program["packages"]["stateful-service"] = str(environment / "bin")
    shop = Project(tmp_path / "shop", settings)
    (shop.folder / "Pulumi.yaml").write_text(yaml.safe_dump(program))
    deploys(shop, client, namespace)


def deploys(shop: Project, client: Client, namespace: str) -> None:
    """Deploys and destroys the stack as the documentation says."""
    local("load-image", "redis")
    shop.init()
    shop.must("config", "set", "kubernetes:namespace", namespace)
    try:
        shop.up()
        assert [each["pod"] for each in shop.outputs()["instances"]] == ["cache-0", "cache-1"]
        live: Any = client.get(StatefulSet, "cache", namespace=namespace)
        assert live.status.readyReplicas == 2
        shop.unchanged()
    finally:
        shop.destroy()
