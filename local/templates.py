"""The configuration files in `config/`, with the values of this machine filled in."""

import os
import tempfile
from pathlib import Path
from string import Template

from local.paths import CONFIG


def rendered(name: str, **values: object) -> str:
    """The text of a configuration file; a name without a value is an error, and so is a value nobody asks for."""
    template = Template((CONFIG / name).read_text())
    unknown = set(values) - set(template.get_identifiers())
    if unknown:
        raise ValueError(f"config/{name} has no {', '.join(sorted(unknown))}")
    return template.substitute({key: str(value) for key, value in values.items()})


def write(path: Path, text: str, mode: int = 0o600) -> bool:
    """Write a file in one step, only if it would change, and tell whether it did."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(scratch).chmod(mode)
    Path(scratch).replace(path)
    return True
