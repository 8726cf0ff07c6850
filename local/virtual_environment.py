"""The clone's Python environment, `.venv`: made once, and brought up to date when what goes into it has changed.

The component is installed as its users install it, not as a link to its sources: Pulumi recognises a package without a
plugin of its own only when the package's files lie where they are installed.
"""

import hashlib
import importlib.util
import subprocess
import sys
import venv
from pathlib import Path

from local import debian
from local.console import last_lines, step
from local.errors import LocalError
from local.paths import CLONE

FOLDER = CLONE / ".venv"
PYTHON = FOLDER / "bin" / "python"
_COMPONENTS = CLONE / "components"
_MINIMUM = (3, 11)


def make(requirements: Path) -> None:
    """Have an environment with what this requirements file pins, and with the component as it is now."""
    stamp = FOLDER / f".{requirements.stem}"
    state = _state(requirements)
    if stamp.exists() and stamp.read_text() == state:
        return
    if sys.version_info < _MINIMUM:
        raise LocalError(
            f"Python {'.'.join(map(str, _MINIMUM))} or newer is needed, and this is {sys.version.split()[0]}: "
            "make PYTHON=<a newer one>."
        )
    if not importlib.util.find_spec("ensurepip"):
        debian.require({"python3-venv": "makes Python environments"})
    with step(f"Python environment from {requirements.name}"):
        if not PYTHON.exists():
            venv.create(FOLDER, with_pip=True, clear=True)
        result = subprocess.run(
            [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements],
            cwd=CLONE,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise LocalError(
                f"The packages of {requirements.name} could not be installed:\n{last_lines(result.stderr, 6)}\n"
                "They come from PyPI: check the network, then run the same again."
            )
        stamp.write_text(state)


def _state(requirements: Path) -> str:
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode())
    for source in sorted(_COMPONENTS.rglob("*")):
        if source.is_file() and not {"__pycache__", ".venv"} & set(source.parts):
            digest.update(str(source.relative_to(_COMPONENTS)).encode() + source.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    from local.console import say

    try:
        make(CLONE / sys.argv[1])
    except LocalError as problem:
        say(f"error: {problem}")
        sys.exit(1)
