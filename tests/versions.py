"""Runs unit tests with the oldest and with the newest releases that the package supports.

Each in a throw-away environment: the lower bounds of components/pyproject.toml on the oldest Python that it names, and
whatever is newest on the newest Python that this machine has.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = str(Path(sys.executable).with_name("uv"))
TOOLS = ("aiohttp-socks", "pytest", "pytest-xdist", "hypothesis")


def main(tests: list[str]) -> int:
    """The exit status: that of the first run that failed."""
    pinned = (ROOT / "requirements-dev.txt").read_text()
    tools = [line for line in pinned.splitlines() if line.partition("==")[0] in TOOLS]
    requires = tomllib.loads((ROOT / "components" / "pyproject.toml").read_text())["project"]["requires-python"]
    oldest, found = requires.removeprefix(">="), pythons(requires)
    if oldest not in found:
        sys.exit(
            f"Python {oldest}, the oldest that is supported, is not on this machine; there are {', '.join(found)}."
        )
    newest = max(found, key=lambda version: tuple(map(int, version.split("."))))
    for python, resolution in ((oldest, "lowest-direct"), (newest, "highest")):
        with tempfile.TemporaryDirectory() as scratch:
            environment = Path(scratch, "environment")
            inside = str(environment / "bin" / "python")
            uv("venv", "--python", found[python], str(environment))
            uv("pip", "install", "--python", inside, "--resolution", resolution, str(ROOT / "components"))
            uv("pip", "install", "--python", inside, *tools)
            listed = subprocess.run(
                [UV, "pip", "freeze", "--python", inside], check=True, capture_output=True, text=True
            ).stdout
            ours = re.findall(r"^(?:pulumi|pulumi-kubernetes|pyyaml|aiohttp)==.*$", listed, re.MULTILINE)
            sys.stdout.write(f"Python {python}: {', '.join(ours)}\n")
            sys.stdout.flush()
            command = [inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", *tests]
            if status := subprocess.run(command, cwd=ROOT, check=False).returncode:
                return status
    return 0


def pythons(requires: str) -> dict[str, str]:
    """The interpreters of this machine by their minor version, the standard build of each."""
    # Those of pyenv too: of its versions, only the chosen ones are on PATH.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    path = os.pathsep.join([*map(str, pyenv.glob("versions/*/bin")), os.environ["PATH"]])
    command = [UV, "python", "list", "--only-installed", "--output-format", "json", requires]
    listed = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PATH": path},
    ).stdout
    return {
        f"{each['version_parts']['major']}.{each['version_parts']['minor']}": each["path"]
        for each in reversed(json.loads(listed))
        if each["implementation"] == "cpython" and each["variant"] == "default"
    }


def uv(*arguments: str) -> None:
    """A command of uv that has to succeed."""
    subprocess.run([UV, *arguments, "--quiet", "--no-python-downloads"], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
