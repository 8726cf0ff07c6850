"""Records the state that this release leaves behind: of the example in YAML, which uses every argument, rendered."""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from earlier_releases import NAMESPACE, PROGRAM, RELEASES, STATE, rendering_project, without_places
from harness import environment

from docs.reference import yaml_example


def main() -> None:
    """Writes the program and its state to the folder of this release."""
    release = RELEASES / version("pulumi-stateful-service")
    if release.exists():
        sys.exit(f"{release} exists: the state of a release stays as it was. Remove it to record it again.")
    release.mkdir(parents=True)
    _write(release / PROGRAM, json.loads(yaml_example.python_program(NAMESPACE)))
    with tempfile.TemporaryDirectory() as folder:
        project = rendering_project(Path(folder), environment(), release)
        project.up()
        state = json.loads(project.must("stack", "export", "--show-secrets"))
    _write(release / STATE, without_places(state))


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
