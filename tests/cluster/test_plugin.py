"""The component from other languages: a YAML program, by way of the plugin."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import ROOT, Project, eventually, printed
from lightkube import Client
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import PersistentVolumeClaim, Pod, Secret, Service
from lightkube.resources.networking_v1 import NetworkPolicy
from lightkube.resources.policy_v1 import PodDisruptionBudget
from lightkube.resources.storage_v1 import StorageClass

from docs.reference import yaml_example

PLUGIN = "pulumi-resource-stateful-service"
SMALLEST = {
    "image": "random-generator:1.0",
    "ports": {"http": 8080},
    "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1},
    "terminationGracePeriodSeconds": 1,
}
SET_BY_THE_SERVER = {
    "metadata": {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences"},
    "spec": {"clusterIP", "clusterIPs", "healthCheckNodePort", "volumeName", "nodeName"},
    "": {"status"},
}


@pytest.fixture
def program(env: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Creates a project of a YAML program that finds the plugin in a folder; nothing is deployed yet."""
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / PLUGIN).symlink_to(ROOT / ".venv" / "bin" / PLUGIN)
    made: list[Project] = []

    def make(content: dict[str, Any], **variables: str) -> Project:
        content = {**content, "runtime": "yaml", "packages": {"stateful-service": str(folder)}}
        project = Project(tmp_path / f"yaml-{len(made)}", {**env, **variables})
        (project.folder / "Pulumi.yaml").write_text(yaml.safe_dump(content))
        project.init()
        made.append(project)
        return project

    yield make
    for each in made:
        each.run("destroy", "--yes", "--skip-preview")


def one_service(namespace: str, **changes: Any) -> dict[str, Any]:
    """A YAML program with one StatefulService."""
    args = {**SMALLEST, "namespace": namespace, **changes}
    service = {"type": "stateful-service:StatefulService", "properties": args}
    return {"name": "test", "resources": {"rg": service}, "outputs": {"pods": "${rg.instances}"}}


def test_p16_a_yaml_program_creates_the_objects_of_the_python_program(
    program: Callable[..., Project], env: dict[str, str], client: Client, namespace: str, tmp_path: Path
) -> None:
    """Every argument from YAML, and then from Python: the live objects are the same, field by field."""
    example = yaml.safe_load(yaml_example.FILE.read_text())
    from_yaml = program(example)
    from_yaml.must("config", "set", "namespace", namespace)
    from_yaml.up()
    from_yaml.unchanged()
    outputs = from_yaml.outputs()
    assert outputs["firstInstance"] == f"rg-5.random-generator.{namespace}.svc.cluster.local"
    assert [each["pod"] for each in outputs["instances"]] == ["rg-5", "rg-6"]
    assert set(outputs["revisions"]) == {"rg-5", "rg-6"}
    made_by_yaml = live_objects(client, namespace)
    from_yaml.destroy()
    # Restored claims are kept.
    client.deletecollection(PersistentVolumeClaim, namespace=namespace)
    eventually("everything is gone", lambda: not live_objects(client, namespace))

    from_python = Project(tmp_path / "python", env)
    (from_python.folder / "Pulumi.yaml").write_text(f"name: {example['name']}\nruntime: python\n")
    (from_python.folder / "__main__.py").write_text(yaml_example.PYTHON)
    (from_python.folder / "program.json").write_text(yaml_example.python_program(namespace))
    from_python.init()
    try:
        from_python.up()
        made_by_python = live_objects(client, namespace)
    finally:
        from_python.destroy()

    assert made_by_yaml.keys() == made_by_python.keys()
    for name, made in made_by_yaml.items():
        assert json.dumps(made, indent=1, sort_keys=True) == json.dumps(made_by_python[name], indent=1, sort_keys=True)
    kinds = [kind for kind, _ in made_by_yaml]
    counts = {"StatefulSet": 9, "Service": 11, "StorageClass": 2, "PersistentVolumeClaim": 7, "Pod": 2}
    counts |= {"Secret": 3, "PodDisruptionBudget": 2, "NetworkPolicy": 1}
    assert {kind: kinds.count(kind) for kind in counts} == counts


def live_objects(client: Client, namespace: str) -> dict[tuple[str, str], Any]:
    """The program's live objects, without what the server sets."""
    found: dict[tuple[str, str], Any] = {}
    kinds: tuple[Any, ...] = (
        *(StatefulSet, Service, PersistentVolumeClaim, Pod),
        *(Secret, PodDisruptionBudget, NetworkPolicy),
    )
    for kind in kinds:
        for each in client.list(kind, namespace=namespace):
            found[kind.__name__, each.metadata.name] = wanted(each.to_dict())
    classes: Any = client.list(StorageClass)
    for each in classes:
        if each.metadata.name.startswith(f"{namespace}-"):
            found["StorageClass", each.metadata.name] = wanted(each.to_dict())
    return found


def wanted(live: dict[str, Any]) -> dict[str, Any]:
    """A live object without what the server sets."""
    for part, fields in SET_BY_THE_SERVER.items():
        of = live.get(part, {}) if part else live
        for name in fields & of.keys():
            del of[name]
    for port in live.get("spec", {}).get("ports", []):
        port.pop("nodePort", None)
    return live


@pytest.mark.long
def test_p16_a_second_up_changes_nothing(program: Callable[..., Project], namespace: str) -> None:
    """Maps reach a plugin in another order at each run, and no instance is replaced for it."""
    variables = {f"VARIABLE_{number}": str(number) for number in range(12)}
    project = program(one_service(namespace, env=variables))
    project.up()
    for _ in range(3):
        project.unchanged()


def test_p16_a_mistake_in_yaml_gets_one_message(program: Callable[..., Project], namespace: str) -> None:
    """Plain or an Output: the message names the argument as YAML does, without a stack trace."""
    project = program(one_service(namespace, maxUnavailable="0%"))
    said = project.must_fail("up", "--yes", "--skip-preview")
    assert "StatefulService 'rg': maxUnavailable is '0%'; it must be a whole number from 1, or a percentage" in said

    content = one_service(namespace)
    content["resources"]["rg"]["options"] = {"ignoreChanges": ["replicas"], "deletedWith": "${other}"}
    content["resources"]["other"] = {"type": "kubernetes:core/v1:ConfigMap", "properties": {}}
    refused = program(content).must_fail("preview")
    assert "ignoreChanges cannot be set: Pulumi does not pass it on to the objects of a component" in refused

    late = program(one_service(namespace, image="not-there:1", rolloutTimeoutSeconds=3, imagePullPolicy="Never"))
    said_late = late.must_fail("up", "--yes", "--skip-preview")
    assert "StatefulService 'rg': the rollout did not complete within rolloutTimeoutSeconds (3)" in said_late
    for each in (said, refused, said_late):
        assert "Traceback" not in each
        assert "File " not in each
        assert "<class" not in each


def test_p16_the_cluster_is_the_one_of_the_provider_that_is_given(
    program: Callable[..., Project], env: dict[str, str], namespace: str
) -> None:
    """The rollout is followed on the given provider's cluster, although the plugin's environment names none."""
    content = one_service(namespace)
    kubeconfig = Path(env["KUBECONFIG"]).read_text()
    content["resources"]["cluster"] = {"type": "pulumi:providers:kubernetes", "properties": {"kubeconfig": kubeconfig}}
    content["resources"]["rg"]["options"] = {"providers": ["${cluster}"]}
    content["outputs"] = {"revisions": "${rg.revisions}"}
    project = program(content, KUBECONFIG=os.devnull)
    project.up()
    assert list(project.outputs()["revisions"]) == ["rg-0"]
    project.unchanged()
    content["resources"]["rg"]["properties"]["podManagementPolicy"] = "Parallel"
    changed = {
        **content,
        "runtime": "yaml",
        "packages": yaml.safe_load((project.folder / "Pulumi.yaml").read_text())["packages"],
    }
    (project.folder / "Pulumi.yaml").write_text(yaml.safe_dump(changed))
    assert "podManagementPolicy (OrderedReady → Parallel)" in project.must_fail("preview")


def test_p16_what_package_add_records_is_found_on_path(program: Callable[..., Project], namespace: str) -> None:
    """The program's path is added, its name and version are recorded, and found on PATH on any machine."""
    project = program({"name": "test"})
    file = project.folder / "Pulumi.yaml"
    file.write_text("name: test\nruntime: yaml\n")
    plugin = ROOT / ".venv" / "bin" / PLUGIN
    project.must("package", "add", str(plugin))
    recorded = yaml.safe_load(file.read_text())["packages"]["stateful-service"]
    version = recorded.rpartition("@")[2]
    assert version == installed_version("pulumi-stateful-service")
    content = {**one_service(namespace), "runtime": "yaml", "packages": {"stateful-service": version}}
    file.write_text(yaml.safe_dump(content))
    project.env = {**project.env, "PATH": f"{plugin.parent}:{project.env['PATH']}"}
    assert "1 errored" not in project.must("preview")


def test_p16_secrets_and_outputs_reach_the_instances(
    program: Callable[..., Project], client: Client, namespace: str
) -> None:
    """An Output of another resource and a secret reach the instances; the secret stays encrypted in the state."""
    content = one_service(
        namespace,
        env={"GREETING": '${settings.data["greeting"]}', "PASSWORD": {"fn::secret": "hush-hush"}},
    )
    content["resources"]["settings"] = {
        "type": "kubernetes:core/v1:ConfigMap",
        "properties": {"metadata": {"name": "settings", "namespace": namespace}, "data": {"greeting": "hello"}},
    }
    project = program(content)
    project.up()
    pod: Any = client.get(Pod, "rg-0", namespace=namespace)
    assert {each.name: each.value for each in pod.spec.containers[0].env} == {
        "GREETING": "hello",
        "PASSWORD": "hush-hush",
    }
    assert "hush-hush" not in project.must("stack", "export")


@pytest.mark.long
def test_p16_a_component_that_is_renamed_in_yaml_keeps_its_set(
    program: Callable[..., Project], client: Client, namespace: str
) -> None:
    """With an alias and the set's name kept, neither the set nor its Pod is replaced."""

    def identities() -> list[str]:
        live: Any = [client.get(kind, name, namespace=namespace) for kind, name in ((StatefulSet, "rg"), (Pod, "rg-0"))]
        return [each.metadata.uid for each in live]

    project = program(one_service(namespace, name="rg"))
    project.up()
    before = identities()
    content = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())
    content["resources"]["db"] = {**content["resources"].pop("rg"), "options": {"aliases": [{"name": "rg"}]}}
    content["outputs"] = {"pods": "${db.instances}"}
    (project.folder / "Pulumi.yaml").write_text(yaml.safe_dump(content))
    said = project.up()
    assert "replaced" not in said
    assert identities() == before
    project.unchanged()


def _filled(schema: str) -> dict[str, Any]:
    return {part: value for part, value in json.loads(schema).items() if value != {}}


def test_the_schema_in_the_repository_is_what_pulumi_gets(env: dict[str, str]) -> None:
    """components/schema.json is the output of pulumi package get-schema, and Pulumi finds nothing wrong with it."""
    schema = ROOT / "components" / "schema.json"
    got = printed("pulumi", "package", "get-schema", str(ROOT / ".venv" / "bin" / PLUGIN), env=env)
    # Which empty parts are written down depends on Pulumi's release.
    assert _filled(got) == _filled(schema.read_text())
    checked = subprocess.run(
        ["pulumi", "schema", "check", schema], env=env, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert checked.returncode == 0, checked.stdout
    assert not re.search(rb"(?i)error|warning", checked.stdout), checked.stdout
