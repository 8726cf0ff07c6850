"""Manifests written to a folder instead of to a cluster."""

from pathlib import Path

from harness import CHAPTER, Project, without_cluster

PROGRAM = f"""\
import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService

rendered = kubernetes.Provider("rendered", render_yaml_to_directory="manifests")
StatefulService("rg", {CHAPTER!r}, pulumi.ResourceOptions(provider=rendered))
"""


def test_p16_manifests_are_rendered_where_no_cluster_is_known(env: dict[str, str], tmp_path: Path) -> None:
    """Without a kubeconfig, ``up`` writes the manifests and contacts no cluster."""
    project = Project(tmp_path, without_cluster(env, tmp_path))
    (tmp_path / "Pulumi.yaml").write_text("name: rendering\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    project.init()
    project.must("preview")
    project.up()
    project.unchanged()
    written = sorted(path.name for path in (tmp_path / "manifests").rglob("*.yaml"))
    assert written == ["apps_v1-statefulset-default-rg.yaml", "v1-service-default-random-generator.yaml"]
