"""P15: the program writes its manifests to a folder instead of deploying: the same objects, without a cluster."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from faults import recovered
from harness import ROOT, Project, Service, printed
from lightkube import Client, codecs
from lightkube.resources.core_v1 import PersistentVolumeClaim
from lightkube.resources.storage_v1 import StorageClass

Make = Callable[[str], Project]


@pytest.fixture
def program(env: dict[str, str], namespace: str, tmp_path: Path) -> Iterator[Make]:
    """Creates copies of the repository's program with all its objects, each with a state of its own."""
    stack = f"s{uuid.uuid4().hex[:8]}"
    made: list[Project] = []

    def make(name: str) -> Project:
        folder = tmp_path / name
        (folder / "stacks").mkdir(parents=True)
        for file in ("Pulumi.yaml", "__main__.py"):
            shutil.copy2(ROOT / file, folder / file)
        project = Project(folder, env, stack)
        project.init()
        for key, value in (
            ("namespace", namespace),
            ("storageSize", "10Mi"),
            ("storageClass.provisioner", "rancher.io/local-path"),
            ("storageClass.reclaim_policy", "Delete"),
            ("loadBalancer.type", "ClusterIP"),
            ("loadBalancer.port", "80"),
        ):
            project.must("config", "set", "--path", key, value)
        made.append(project)
        return project

    yield make
    for each in made:
        each.run("destroy", "--yes", "--skip-preview")


def rendered(project: Project) -> list[dict[str, Any]]:
    """The manifests that the program writes without a cluster."""
    folder = project.folder / "manifests"
    project.must("config", "set", "kubernetes:renderYamlToDirectory", str(folder))
    project.env = {**project.env, "KUBECONFIG": os.devnull}
    project.up()
    return [yaml.safe_load(file.read_text()) for file in sorted(folder.glob("*/*.yaml"))]


def differences(wanted: Any, live: Any, path: str = "") -> list[str]:
    """Where the live object differs from the rendered one, apart from what the API server sets."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return [
            difference
            for key, value in wanted.items()
            for difference in differences(value, live.get(key), f"{path}.{key}")
        ]
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return [
            difference
            for number, pair in enumerate(zip(wanted, live, strict=True))
            for difference in differences(*pair, f"{path}[{number}]")
        ]
    return [] if wanted == live else [f"{path}: {wanted!r} became {live!r}"]


def live(client: Client, manifest: dict[str, Any]) -> dict[str, Any]:
    """The live object of a manifest."""
    described: Any = codecs.from_dict(manifest)
    namespace = described.metadata.namespace
    place = {"namespace": namespace} if namespace and manifest["kind"] != "Namespace" else {}
    found: Any = client.get(type(described), described.metadata.name, **place)
    return dict(found.to_dict())


def test_rendered_objects_are_the_deployed_objects(program: Make, client: Client) -> None:
    """Every field that is rendered is the same on the cluster after up, and the API server takes the manifests."""
    to_deploy = program("deployed")
    manifests = rendered(to_render := program("rendered"))
    assert sorted(manifest["kind"] for manifest in manifests) == [
        "Namespace",
        "Service",
        "Service",
        "StatefulSet",
        "StorageClass",
    ]
    folder = str(to_render.folder / "manifests")
    printed("kubectl", "apply", "--dry-run=server", "--recursive", "-f", folder, env=to_deploy.env)
    to_deploy.up()
    assert {manifest["kind"]: differences(manifest, live(client, manifest)) for manifest in manifests} == {
        manifest["kind"]: [] for manifest in manifests
    }


def test_a_set_that_another_tool_applied_is_continued_with_pulumi(
    service: Callable[..., Service], client: Client
) -> None:
    """The component recognizes it as its own: it stays as it is, and no Pod restarts."""
    rg, to_render = service(), service()
    rendered(to_render)
    # As Flux and Argo CD do, with a field manager of their own.
    folder = str(to_render.folder / "manifests")
    rg.kubectl("apply", "--server-side", "--field-manager=gitops", "--recursive", "-f", folder)
    rg.kubectl("rollout", "status", "statefulset/rg", "--timeout=180s")
    before = rg.stateful_set().metadata, rg.uids(), identities(client, PersistentVolumeClaim, rg.namespace)
    rg.set(adopt=True)
    recovered(rg)
    rg.deploy(adopt=None)
    after = rg.stateful_set().metadata, rg.uids(), identities(client, PersistentVolumeClaim, rg.namespace)
    assert (before[0].uid, before[0].generation) == (after[0].uid, after[0].generation)
    assert before[1:] == after[1:]
    rg.unchanged()


def identities(client: Client, kind: Any, namespace: str) -> dict[str, str]:
    return {found.metadata.name: found.metadata.uid for found in client.list(kind, namespace=namespace)}


@pytest.mark.alone
def test_make_render_writes_a_stack_s_manifests_and_nothing_else(tmp_path: Path, client: Client) -> None:
    """The folder has the stack's objects and no others; the cluster has none of them."""
    classes = identities(client, StorageClass, "")
    (tmp_path / "1-manifest").mkdir()
    (tmp_path / "1-manifest" / "of-an-earlier-version.yaml").write_text("")
    subprocess.run(["make", "render", "STACK=prod", f"TO={tmp_path}"], cwd=ROOT, check=True)
    assert {file.name for file in tmp_path.glob("*/*")} == {
        "apps_v1-statefulset-prod-rg.yaml",
        "storage.k8s.io_v1-storageclass-default-random-generator-prod-rg.yaml",
        "v1-namespace-default-prod.yaml",
        "v1-service-prod-random-generator-lb.yaml",
        "v1-service-prod-random-generator.yaml",
    }
    assert identities(client, StorageClass, "") == classes
