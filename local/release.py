"""Builds what a release consists of, from a commit: wheel, sdist, SDKs in other languages, schema, and their digests.

Who builds the same commit gets the same bytes: times are the commit's, files are in order, and belong to nobody. The
programs that build are pinned.
"""

import gzip
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import binaries, commands, pins, virtual_environment
from local.console import say, step
from local.errors import LocalError
from local.paths import CLONE

DIGESTS = "SHA256SUMS"
_UV = virtual_environment.FOLDER / "bin" / "uv"
_NAME = "pulumi-stateful-service"
_LANGUAGES = {"nodejs": "typescript", "go": "go"}
"""The generator's name of a language, and that of its archive."""


def release(commit: str, folder: Path) -> list[Path]:
    """Build a release from a commit into a folder, which is emptied first; returns the files.

    Raises LocalError where the commit cannot be read, or something cannot be built.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch, _times_of(commit) as epoch:
        components = _checked_out(commit, Path(scratch))
        with step("wheel, sdist"):
            constraints = ("--build-constraints", str(CLONE / "requirements-build.txt"))
            _run(_UV, "build", "--quiet", *constraints, "--out-dir", str(folder), str(components))
        (folder / ".gitignore").unlink(missing_ok=True)
        schema = folder / "schema.json"
        shutil.copyfile(components / "schema.json", schema)
        version = next(folder.glob("*.whl")).name.split("-")[1]
        generator = binaries.folder([pins.binary("sdk-generator")]) / "sdk-generator"
        for language, name in _LANGUAGES.items():
            with step(f"SDK for {name}"):
                sdk = Path(scratch) / language
                _run(generator, str(schema), language, str(sdk))
                pack(sdk, folder / f"{_NAME}-sdk-{name}-{version}.tar.gz", epoch)
    files = sorted(folder.iterdir())
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (folder / DIGESTS).write_text("".join(lines))
    return [*files, folder / DIGESTS]


def pack(folder: Path, archive: Path, epoch: int) -> None:
    """Write a folder's files to a ``.tar.gz`` that depends on their names and contents alone."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=epoch) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            entry = tarfile.TarInfo(f"{archive.name.removesuffix('.tar.gz')}/{file.relative_to(folder).as_posix()}")
            entry.size, entry.mtime, entry.mode = file.stat().st_size, epoch, 0o644
            with file.open("rb") as content:
                tar.addfile(entry, content)


def _checked_out(commit: str, scratch: Path) -> Path:
    """The folder ``components`` as a commit has it."""
    archive = scratch / "components.tar"
    _run("git", "-C", str(CLONE), "archive", "--output", str(archive), commit, "components")
    with tarfile.open(archive) as tar:
        tar.extractall(scratch, filter="data")
    return scratch / "components"


@contextmanager
def _times_of(commit: str) -> Iterator[int]:
    """Have all times in what is built be that of a commit."""
    epoch = int(_run("git", "-C", str(CLONE), "show", "--no-patch", "--format=%ct", commit))
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    try:
        yield epoch
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


def _run(*command: str | Path) -> str:
    result = commands.run(command)
    if result.returncode:
        raise LocalError(f"{' '.join(map(str, command))} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def _check_committed() -> None:
    if commands.output("git", "-C", CLONE, "status", "--porcelain"):
        raise LocalError("There are changes that are not committed, and a release is built from a commit.")


if __name__ == "__main__":
    try:
        _check_committed()
        for made in release("HEAD", CLONE / sys.argv[1]):
            print(made.relative_to(CLONE))
    except LocalError as problem:
        say(f"error: {problem}")
        sys.exit(1)
