"""States that releases of this package left behind, each with its program: rendered, so that they need no cluster.

A release adds its own by ``make record-state``; the others stay as they are.
"""

import shutil
from pathlib import Path
from typing import Any

from harness import Project, without_cluster

RELEASES = Path(__file__).parents[1] / "earlier_releases"
PROGRAM = "program.json"
NAMESPACE = "databases"
STATE = "state.json"

_PROGRAM = """\
import json
from pathlib import Path
import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService

program = json.loads(Path("program.json").read_text())
rendered = pulumi.ResourceOptions(provider=kubernetes.Provider("rendered", render_yaml_to_directory="manifests"))
made = [getattr(kubernetes.core.v1, kind)(name, **args, opts=rendered) for kind, name, args in program["objects"]]
for name, args in program["services"].items():
    StatefulService(name, args, pulumi.ResourceOptions.merge(rendered, pulumi.ResourceOptions(depends_on=made)))
"""


def releases() -> list[Path]:
    """The releases whose states are recorded."""
    return sorted(file.parent for file in RELEASES.glob(f"*/{STATE}"))


def rendering_project(folder: Path, env: dict[str, str], release: Path) -> Project:
    """A release's program in a folder of its own, with an empty stack."""
    project = Project(folder, without_cluster(env, folder))
    (folder / "Pulumi.yaml").write_text("name: recorded\nruntime: python\n")
    (folder / "__main__.py").write_text(_PROGRAM)
    shutil.copy(release / PROGRAM, folder)
    project.init()
    return project


def without_places(state: dict[str, Any]) -> dict[str, Any]:
    """A state without times and without the source positions of its resources."""
    deployment = state["deployment"]
    deployment.pop("manifest")
    for resource in deployment["resources"]:
        for key in ("created", "modified", "sourcePosition", "stackTrace"):
            resource.pop(key, None)
    return state
