"""What contributors meet: the workflows and hooks call what the Makefile and `.ci/run` call, and nothing else."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def targets() -> set[str]:
    """The targets that `make` lists."""
    return set(re.findall(r"^([a-z][-a-z]*):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_calls_what_users_call(file: Path) -> None:
    """After the packages of the README, one command: `.ci/run`, or a target of the Makefile. It may only read."""
    workflow = read(file)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        install, *commands = [step["run"] for step in job["steps"] if "run" in step]
        assert {"python3", "git", "make"} <= set(install.split())
        assert len(commands) == 1
        assert commands[0] == ".ci/run" or commands[0].removeprefix("make ") in targets()


def test_a_workflow_runs_everything() -> None:
    """One of them is `.ci/run`, which is `make test`."""
    assert any(".ci/run" in file.read_text() for file in WORKFLOWS)
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()


def test_hooks_run_the_tools_of_the_checks() -> None:
    """Those of `.venv`, so that nothing is downloaded when somebody commits, and each is one that `make check` runs."""
    check = (ROOT / "Makefile").read_text()
    [repository] = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        tool = hook["entry"].split()[0]
        assert hook["language"] == "system"
        assert tool.startswith(".venv/bin/")
        assert f"$(VENV)/{Path(tool).name}" in check


@pytest.mark.parametrize("file", [each for each in FORMS if each.name != "config.yml"], ids=lambda file: file.name)
def test_a_form_has_what_github_requires(file: Path) -> None:
    """A name, a description, and fields with a label each."""
    form = read(file)
    assert form["name"]
    assert form["description"]
    assert all(each["attributes"].get("label") for each in form["body"] if each["type"] != "markdown")
