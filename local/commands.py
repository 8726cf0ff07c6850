"""Runs other programs to their end and hands back what they said; whoever calls decides what a failure means."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

Result = subprocess.CompletedProcess[str]


def run(
    command: Sequence[str | Path],
    *,
    text: str | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Result:
    """Run a program with this text, or nothing, to read."""
    return subprocess.run(
        [str(part) for part in command],
        input=text or "",
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def output(*command: str | Path) -> str:
    """What a program prints, or nothing when it fails."""
    result = run(command)
    return result.stdout if result.returncode == 0 else ""
