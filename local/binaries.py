"""Builds the pinned programs, each once, into the cache.

A program is kept under a name that depends on everything that went into it, so a new pin is built, an old one is
found again, and a second clone builds nothing. Programs that belong together are linked into one folder for PATH.
"""

import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from local import commands, go_toolchain, pins
from local.console import about, last_lines, say, seconds, step
from local.errors import LocalError
from local.locks import locked
from local.paths import CACHE, SOURCE
from local.pins import Binary

_BUILT = CACHE / "binaries"
_FOLDERS = CACHE / "bin"
_GIB = 1 << 30
_DISK_NEEDED = 12 * _GIB
_MEMORY_NEEDED = 3.4 * _GIB
"""With one package compiled at a time the largest program was built within 3.6 GB, of a machine's 4."""
_MEMORY_TO_SPARE = 8 * _GIB
"""From here on the compiler may keep more of its garbage, which makes it quicker by some percent."""


def build(binaries: Iterable[Binary]) -> None:
    """Build those of these programs that are not in the cache."""
    wanted = list(binaries)
    if not all(_place(each).is_dir() for each in wanted):
        with locked(CACHE / "build.lock", f"building (process {os.getpid()})"):
            _build_missing(wanted)


def folder(binaries: Iterable[Binary]) -> Path:
    """The folder with these programs, built first where they are not in the cache; fit for PATH."""
    wanted = list(binaries)
    build(wanted)
    return _linked(wanted)


def path(name: str) -> Path:
    """Where a program is that has been built; the same for as long as its pins are."""
    return _place(pins.binary(name)) / name


def _build_missing(wanted: list[Binary]) -> None:
    missing = [each for each in wanted if not _place(each).is_dir()]
    if not missing:
        return
    for left in _BUILT.glob(".building-*"):  # by a run that was killed, since we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    _check_room()
    go_toolchain.find()
    in_all = about(seconds_left(missing, [], 0))
    say(f"{len(missing)} of {len(wanted)} programs have to be built, which takes {in_all}. They are kept in {CACHE}.")
    started = time.monotonic()
    for number, each in enumerate(missing):
        rest = about(seconds_left(missing[number:], missing[:number], time.monotonic() - started))
        _build(each, f"[{wanted.index(each) + 1}/{len(wanted)}] {each.name} {each.shown_version()} ({rest} left)")
    cached = len(wanted) - len(missing)
    say(f"{len(missing)} built in {seconds(time.monotonic() - started)}{f', {cached} cached' if cached else ''}")


def seconds_left(missing: Sequence[Binary], built: Sequence[Binary], elapsed: float) -> float:
    """About how long the missing programs take, judged by how long those took that were built."""
    # Before much has been built, the number of processors says more than the time that it took.
    weight, expected_pace = 60, 2 / min(os.cpu_count() or 1, 8)
    pace = (weight * expected_pace + elapsed) / (weight + sum(each.seconds for each in built))
    return pace * sum(each.seconds for each in missing)


def _key(binary: Binary) -> str:
    """A digest of all that decides what comes out of the build."""
    digest = hashlib.sha256()
    folder = SOURCE / binary.folder
    # Programs of others share the module with some of ours, which they do not depend on.
    code = [folder / binary.package] if binary.package.startswith(".") else []
    for file in sorted(folder.rglob("*")):
        is_code = file.suffix == ".go" and not file.name.endswith("_test.go")
        is_code = is_code and any(file.is_relative_to(each) for each in code)
        if is_code or file.name in ("go.mod", "go.sum", *(Path(each).name for each in binary.beside)):
            digest.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    digest.update(repr((binary, platform.machine())).encode())
    return digest.hexdigest()[:16]


def _place(binary: Binary) -> Path:
    return _BUILT / f"{binary.name}-{binary.shown_version()}-{_key(binary)}"


def _linked(binaries: list[Binary]) -> Path:
    """One folder with all of these programs in it.

    They are hard links: Pulumi looks for its language hosts beside the file it was really started from.
    """
    places = [_place(each) for each in binaries]
    name = hashlib.sha256("\n".join(str(each) for each in places).encode()).hexdigest()[:12]
    target = _FOLDERS / name
    if not target.is_dir():
        _FOLDERS.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=_FOLDERS, prefix=".making-"))
        for place in places:
            for file in place.iterdir():
                os.link(file, scratch / file.name)
        scratch.chmod(0o755)
        try:
            scratch.rename(target)
        except OSError:  # another run was faster
            shutil.rmtree(scratch)
    return target


def _check_room() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(CACHE).free
    if free < _DISK_NEEDED:
        raise LocalError(
            f"Building needs {_DISK_NEEDED // _GIB} GB of disk, most of it for Go's own caches, and {CACHE} has "
            f"{free / _GIB:.1f} GB free. Make room, or set XDG_CACHE_HOME to a folder on a larger disk."
        )
    memory = _memory()
    if memory < _MEMORY_NEEDED:
        say(f"This machine has {memory / _GIB:.1f} GB of memory; the largest build takes 3.3 GB and may fail.")


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _build(binary: Binary, label: str) -> None:
    """Build into a scratch folder of the cache and move the result to its place in one step."""
    _BUILT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_BUILT, prefix=".building-") as scratch:
        source = Path(scratch, "source")
        output = Path(scratch, "output")
        output.mkdir()
        # Building happens in a copy, so that nothing is ever written into the clone.
        shutil.copytree(SOURCE / binary.folder, source)
        with step(label):
            _fetch_files(binary, source, output)
            flags = ["-p", str(_parallel()), go_toolchain.COMPILER_FLAGS, "-ldflags", binary.link_flags()]
            _go(["build", *flags, "-o", str(output / binary.name), binary.package], source)
            output.rename(_place(binary))


def _parallel() -> int:
    """How many packages to compile at once: each of the largest takes some 2 GB."""
    return max(1, min(os.cpu_count() or 1, _memory() // (2 * _GIB) - 1))


def _fetch_files(binary: Binary, source: Path, output: Path) -> None:
    """Copy what the program needs of its module besides Go packages."""
    if not (binary.beside or binary.embedded):
        return
    name = binary.beside_from or binary.module
    module = Path(json.loads(_go(["mod", "download", "-json", f"{name}@{binary.pinned(name)}"], source))["Dir"])
    for name in binary.beside:
        copy = output / Path(name).name
        ours = source / copy.name
        _copy(module / name, copy.with_name(f"{copy.name}-original") if ours.exists() else copy)
        if ours.exists():
            _copy(ours, copy)
    for name in binary.embedded:
        content = json.loads((module / name).read_text())
        if Path(name).name == "schema.json":
            content["version"] = binary.version
        (source / Path(name).name).write_text(json.dumps(content, separators=(",", ":")))


def _copy(file: Path, target: Path) -> None:
    shutil.copyfile(file, target)
    target.chmod(0o755 if not target.suffix else 0o644)


def _go(arguments: list[str], folder: Path) -> str:
    go = go_toolchain.find()
    environment = go_toolchain.environment()
    if _memory() > _MEMORY_TO_SPARE:
        environment["GOGC"] = "400"
    result = commands.run([go, *arguments], folder=folder, environment=environment)
    if result.returncode:
        raise LocalError(
            f"go {arguments[0]} failed:\n{last_lines(_without_downloads(result.stderr), 12)}\n"
            "Run make again when this is put right: it goes on where it stopped."
            + (_no_network_hint(result.stderr) or "")
        )
    return result.stdout


def _without_downloads(output: str) -> str:
    return "\n".join(line for line in output.splitlines() if not line.startswith("go: downloading"))


def _no_network_hint(output: str) -> str:
    signs = ("dial tcp", "no such host", "connection refused", "i/o timeout", "Temporary failure in name resolution")
    if any(sign in output for sign in signs):
        return (
            "\nThe Go module proxy cannot be reached. Check the network; behind a company's proxy set HTTPS_PROXY, or "
            "GOPROXY to the company's own Go module proxy."
        )
    return ""
