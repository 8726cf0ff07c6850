"""Java archives get into an image only as they are pinned."""

import hashlib
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from local import debian, java_archives
from local.errors import LocalError

CONTENT = b"what is published"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module with one archive, and a Maven that fetches it."""
    (tmp_path / "pom.xml").write_text("<project/>")
    (tmp_path / "jars.sha256").write_text(f"{hashlib.sha256(CONTENT).hexdigest()}  one.jar\n")
    monkeypatch.setattr(java_archives, "SOURCE", tmp_path.parent)
    monkeypatch.setattr(debian, "require", lambda _: None)
    monkeypatch.setattr(debian, "program", lambda name: name)
    return tmp_path


def _maven(monkeypatch: pytest.MonkeyPatch, content: bytes, returncode: int = 0) -> None:
    def run(command: Any, *, folder: Path) -> CompletedProcess[str]:
        assert (folder / "pom.xml").exists()
        (folder / "archives").mkdir()
        (folder / "archives" / "one.jar").write_bytes(content)
        return CompletedProcess(command, returncode, "", "no such version")

    monkeypatch.setattr("local.commands.run", run)


def test_archives_are_those_that_are_pinned(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their digests."""
    _maven(monkeypatch, CONTENT)
    assert java_archives.fetched(module.name) == {"one.jar": CONTENT}


def test_another_archive_of_the_same_name_is_refused(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has what there is and what there should be."""
    _maven(monkeypatch, b"something else")
    with pytest.raises(LocalError, match=r"not those of .*jars\.sha256") as refused:
        java_archives.fetched(module.name)
    assert str(refused.value).count("one.jar") == 2


def test_maven_says_why_it_fails(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own words."""
    _maven(monkeypatch, CONTENT, 1)
    with pytest.raises(LocalError, match=r"could not fetch the archives:\n +no such version"):
        java_archives.fetched(module.name)
