"""The sequences in docs/ run as they stand."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import ROOT
from lightkube import Client
from lightkube.resources.core_v1 import Pod


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A copy of the repository as it is, for commands that change it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    yield tmp_path
    subprocess.run(["make", "down", "STACK=prod"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)


def sequence(document: str, heading: str) -> list[str]:
    """The shell commands of the first block under a heading."""
    section = (ROOT / "docs" / document).read_text().split(f"## {heading}\n")[1]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1].splitlines()


@pytest.mark.alone
def test_the_canary_of_the_rollouts_page(clone: Path, client: Client) -> None:
    """Each step of the documented canary ends with the versions that the page tells."""

    def versions() -> list[str]:
        pods: Any = client.list(Pod, namespace="prod", labels={"app.kubernetes.io/name": "rg"})
        return [
            pod.spec.containers[0].image.partition(":")[2] for pod in sorted(pods, key=lambda pod: pod.metadata.name)
        ]

    after_each: list[list[str]] = []
    before: list[str] = []
    for line in sequence("rollouts.md", "A canary, step by step"):
        before.append(line)
        if line.startswith(("pulumi up", "make up")):
            script = "\n".join(["set -e", *(each for each in before)])
            result = subprocess.run(
                ["bash", "-c", script],
                cwd=clone,
                check=False,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            assert result.returncode == 0, result.stdout
            after_each.append(versions())
            before = before[:1]
    assert after_each == [
        ["1.0", "1.0", "1.0"],
        ["1.0", "1.0", "2.0"],
        ["1.0", "2.0", "2.0"],
        ["2.0", "2.0", "2.0"],
    ]
