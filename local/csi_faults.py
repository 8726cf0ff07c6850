"""What goes wrong with disks, done to the CSI driver: calls that fail or hang, and nodes that can have few volumes."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local import csi, real_nodes
from local.errors import LocalError

_FOLDER = csi.FOLDER / "faults"


def add(call: str, **fault: Any) -> Path:
    """Have a call of CSI go wrong from now on, such as ``ControllerExpandVolume``; the file that says so.

    ``code`` is the gRPC code of the error, such as ``OUT_OF_RANGE``, and ``message`` its text; without a code the call
    is carried out. ``hang_seconds`` is how long it hangs before, until whoever asked gives up where it is negative.
    ``namespace``, ``claim`` and ``volume`` say which volumes are meant, and ``times`` how often; else all, and always.
    """
    if not _FOLDER.is_dir():
        raise LocalError("The CSI driver is not running: run make cluster first.")
    rule = {"call": call, **{name: value for name, value in fault.items() if value is not None}}
    with tempfile.NamedTemporaryFile("w", dir=_FOLDER, prefix=".", delete=False) as file:
        json.dump(rule, file)
    scratch = Path(file.name)
    return scratch.rename(_FOLDER / f"{scratch.name.removeprefix('.')}.json")


def end(files: Sequence[Path] = ()) -> None:
    """Have calls go well again: those of these files, or all."""
    for each in files or tuple(_FOLDER.glob("*.json")):
        each.unlink(missing_ok=True)


def limit(node: str, number: int) -> None:
    """Have a node say that it can have so many volumes attached; Kubernetes asks each ten seconds."""
    name = real_nodes.named(node).name
    note = csi.FOLDER / "nodes" / name / "note.json"
    if not note.exists():
        raise LocalError("The CSI driver is not running: run make cluster first.")
    scratch = note.with_name(".limit.json")
    scratch.write_text(json.dumps({"name": name, "maxVolumes": number or csi.MOST_VOLUMES}))
    scratch.rename(note)
