"""Projects that ``pulumi new`` makes of ``templates/``, with the package of this working tree."""

import os
import re
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from harness import ROOT, Project, absent_as_none, condition, eventually, local, printed
from lightkube import Client
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Pod

TEMPLATES = ROOT / "templates"
_REPOSITORY = "github.com/pulumi-stateful-service/pulumi-stateful-service"
_PACKAGE = f"packages:\n  stateful-service: {_REPOSITORY}/components\n"
_PLUGIN = "pulumi-resource-stateful-service"


def template(language: str, folder: Path, package: str | None) -> Path:
    """A copy of a template, with what the engine is to find in place of the package's address; None for nothing."""
    made = folder / "template"
    shutil.copytree(TEMPLATES / f"stateful-service-{language}", made)
    file = made / "Pulumi.yaml"
    line = f"packages:\n  stateful-service: {package}\n" if package else ""
    text, replaced = re.subn(
        r"^packages:\n  stateful-service: github\.com/.*\n", line, file.read_text(), flags=re.MULTILINE
    )
    assert replaced == 1
    file.write_text(text)
    return made


def new(template: Path, folder: Path, env: Mapping[str, str], namespace: str) -> Project:
    """The project that ``pulumi new`` makes of a template, in an empty folder; nothing is deployed yet."""
    local("load-image", "redis")
    project = Project(folder / "outside", dict(env), stack="dev")
    shop = folder / "shop"
    project.must("new", str(template), "--yes", "--dir", str(shop), "--config", f"kubernetes:namespace={namespace}")
    project.folder = shop
    return project


def unit_tests(project: Project) -> str:
    """Runs what the project's workflow runs as its unit tests."""
    workflow = yaml.safe_load((project.folder / ".github" / "workflows" / "preview.yml").read_text())
    [command] = [step["run"] for step in workflow["jobs"]["preview"]["steps"] if step.get("name") == "Unit tests"]
    return printed("bash", "-ec", command, env=project.env, folder=project.folder, timeout=600)


def previews_both_stacks(project: Project, namespace: str) -> None:
    """Each stack has the instances and the disks of its own, as ``pulumi preview`` shows it."""
    _has_instances(project.must("preview"), namespace, 1)
    project.must("stack", "init", "prod")
    project.must("config", "set", "kubernetes:namespace", namespace)
    _has_instances(project.must("preview"), namespace, 3)
    project.must("stack", "select", "dev")


def _has_instances(preview: str, namespace: str, count: int) -> None:
    addresses = re.findall(r'address: "(\S+)"', preview)
    assert addresses == [f"cache-{number}.cache.{namespace}.svc.cluster.local" for number in range(count)], preview
    assert "warning: StatefulService" not in preview


def deploys(project: Project, client: Client, namespace: str) -> None:
    """The stack dev is deployed and ready, keeps a key on its disk, does not change by itself, and is destroyed."""
    redis = ("kubectl", "--namespace", namespace, "exec", "cache-0", "--", "redis-cli")
    try:
        project.up()
        assert project.outputs()["service"] == f"cache.{namespace}.svc.cluster.local"
        live: Any = client.get(StatefulSet, "cache", namespace=namespace)
        assert (live.spec.replicas, live.status.readyReplicas) == (1, 1)
        assert printed(*redis, "set", "key", "kept", env=project.env) == "OK\n"
        before: Any = client.get(Pod, "cache-0", namespace=namespace)
        client.delete(Pod, "cache-0", namespace=namespace)
        # A Pod that is not there yet would be waited for, which is a change.
        eventually("cache-0 is replaced and ready", lambda: _is_replaced(client, before))
        project.unchanged()
        assert printed(*redis, "get", "key", env=project.env) == "kept\n"
    finally:
        project.destroy()


def _is_replaced(client: Client, before: Any) -> bool:
    pod = absent_as_none(lambda: client.get(Pod, "cache-0", namespace=before.metadata.namespace))
    new = pod is not None and pod.metadata is not None and pod.metadata.uid != before.metadata.uid
    return new and condition(pod, "Ready") == "True"


def published(folder: Path) -> dict[str, str]:
    """Settings with which git finds this working tree's package at the address of the repository."""
    for name in printed("git", "ls-files", "--cached", "--others", "--exclude-standard", "components").splitlines():
        if (ROOT / name).is_file():
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy)
    git = ("git", "-c", "user.name=test", "-c", "user.email=test@example.com")
    for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "All")):
        printed(*git, *command, folder=folder)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{folder}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://{_REPOSITORY}",
    }


def with_plugin(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The settings of an engine that has the plugin installed, beside the providers that it has."""
    plugins = folder / "home" / "plugins"
    for provider in (Path(env["PULUMI_HOME"]) / "plugins").glob("resource-*/"):
        # Pulumi looks for folders, not for links to folders.
        (plugins / provider.name).mkdir(parents=True)
        for file in provider.iterdir():
            (plugins / provider.name / file.name).symlink_to(file)
    ours = plugins / f"resource-stateful-service-v{version('pulumi-stateful-service')}"
    ours.mkdir(parents=True)
    (ours / _PLUGIN).symlink_to(ROOT / ".venv" / "bin" / _PLUGIN)
    return {**env, "PULUMI_HOME": str(folder / "home")}


def programs_first(env: Mapping[str, str], *folders: Path) -> dict[str, str]:
    """The settings with the programs of these folders before any other."""
    return {**env, "PATH": os.pathsep.join([*map(str, folders), env["PATH"]])}
