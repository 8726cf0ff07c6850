"""The examples in README.md and docs/ run as they stand: programs under mocks, tests as users run them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from generate import PAGES as GENERATED
from generate import generated, without_a_test
from pulumi_stateful_service.testing import deploy

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(python|yaml)\n(?:# (\S+\.(?:py|yaml))\n)?(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = [ROOT / "README.md", ROOT / "components" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = [
    pytest.param(code, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, (language, name, code) in enumerate(BLOCK.findall(page.read_text()))
    if language == "python" and not name
]


@pytest.mark.parametrize("code", PROGRAMS)
def test_each_program_deploys(code: str) -> None:
    """An example is accepted, and makes at least one service."""

    def program() -> None:
        names: dict[str, Any] = {}
        exec(compile(code, "example", "exec"), names)  # noqa: S102 - our own examples

    assert deploy(program, config={"password": "known"}).all("StatefulService")


def test_the_testing_page(tmp_path: Path) -> None:
    """Its files, put into an empty folder, are a project whose tests pass."""
    files = [found for found in BLOCK.findall((ROOT / "docs" / "testing.md").read_text()) if found[1]]
    for _, name, content in files:
        (tmp_path / name).write_text(content)
    tests = sum(name.startswith("test_") for _, name, _ in files)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:anyio"]
    run = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert tests >= 5


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_page_is_current(page: str) -> None:
    """It is what the sources say now."""
    assert (ROOT / "docs" / page).read_text() == generated(page), "run `make docs`"


def test_each_promise_has_a_test_on_the_cluster() -> None:
    """None that was shown once is left without a test; the package as others use it is still to be shown."""
    assert set(without_a_test()) <= {"P16"}


def test_each_link_leads_somewhere() -> None:
    """A link from a page to a file of the repository finds it."""
    links = [
        (page.relative_to(ROOT), link)
        for page in PAGES
        for link in re.findall(r"\]\(((?!https?:|#)[^)#]+)", BLOCK.sub("", page.read_text()))
    ]
    assert not [(page, link) for page, link in links if not (ROOT / page.parent / link).exists()]
    assert len(links) > 10
