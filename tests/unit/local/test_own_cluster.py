"""The example's image on a cluster of the user's own. ``kind`` is a stand-in here that writes down how it is called."""

from pathlib import Path

import pytest

from local import images, own_cluster
from local.errors import LocalError


@pytest.fixture
def archives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Images are made in this folder, without content."""

    def archive(image: images.Image) -> tuple[Path, str]:
        return tmp_path / f"{image.name}-{image.tag}.tar", ""

    monkeypatch.setattr(images, "archive", archive)
    return tmp_path


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, exit_status: int = 0) -> Path:
    """A ``kind`` on PATH."""
    program, calls = folder / "kind", folder / "calls"
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\necho "no such cluster" >&2\nexit {exit_status}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return calls


def test_kind_gets_the_archives(archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both versions of the example, for the cluster that the context names."""
    calls = stand_in(archives, monkeypatch)
    own_cluster.bring_image("kind-trial")
    assert calls.read_text().splitlines() == [
        f"load image-archive {archives}/random-generator-{tag}.tar --name trial" for tag in ("1.0", "2.0")
    ]


def test_what_kind_says_is_shown(archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it fails."""
    stand_in(archives, monkeypatch, exit_status=1)
    with pytest.raises(LocalError, match="kind load image-archive failed:\nno such cluster"):
        own_cluster.bring_image("kind-trial")


def test_without_kind(archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to do."""
    monkeypatch.setenv("PATH", str(archives))
    with pytest.raises(LocalError, match=r"kind is not on PATH.*IMAGE="):
        own_cluster.bring_image("kind-trial")


@pytest.mark.usefixtures("archives")
def test_other_clusters(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is done, and what is needed is said."""
    own_cluster.bring_image("production")
    said = capsys.readouterr().err
    assert "The nodes of production must be able to pull the image of the stack" in said
    assert "IMAGE=registry.example.com/NAME:TAG" in said
