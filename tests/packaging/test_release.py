"""What `make release` builds: the same bytes for the same commit."""

import hashlib
import json
import os
import tarfile
import tomllib
from pathlib import Path

import pytest

from local.release import DIGESTS, release

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text())["project"]["version"]


def test_two_builds_of_a_commit_have_one_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere, with other permissions of new files, in another time zone: each file is the same."""
    first = digests(release("HEAD", tmp_path / "first"))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = os.umask(0o077)
    try:
        second = digests(release("HEAD", tmp_path / "a" / "second"))
    finally:
        os.umask(before)
    assert first == second
    assert set(first) == {
        f"pulumi_stateful_service-{VERSION}-py3-none-any.whl",
        f"pulumi_stateful_service-{VERSION}.tar.gz",
        f"pulumi-stateful-service-sdk-typescript-{VERSION}.tar.gz",
        f"pulumi-stateful-service-sdk-go-{VERSION}.tar.gz",
        "schema.json",
        DIGESTS,
    }
    lines = (tmp_path / "first" / DIGESTS).read_text().splitlines()
    assert {line.split()[1]: line.split()[0] for line in lines} == {
        name: digest for name, digest in first.items() if name != DIGESTS
    }
    sdk = f"pulumi-stateful-service-sdk-typescript-{VERSION}"
    with tarfile.open(tmp_path / "first" / f"{sdk}.tar.gz") as archive:
        content = archive.extractfile(f"{sdk}/package.json")
        assert content
        assert "pulumi" in json.load(content)
        assert {(entry.uid, entry.uname, entry.mode) for entry in archive} == {(0, "", 0o644)}


def digests(files: list[Path]) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
