"""The services that are measured: projects for Pulumi, the same objects for kubectl, and where they go."""

import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from harness import CHAPTER, ROOT, Project, environment, without_cluster
from pulumi_stateful_service.service_outputs import OUTPUTS

from .measure import machine, run

__all__ = ["CHAPTER", "ByHand", "Program", "World", "on_simulated_nodes", "world"]

PROGRAM = Path(__file__).parent / "program"
PLACEHOLDER = "db-0"
_OWN = ("pulumi-stateful-service/", "pulumi.com/", "app.kubernetes.io/managed-by")


@dataclass
class World:
    """The machine: the settings for commands, and a folder that goes at the end."""

    env: dict[str, str]
    folder: Path
    cleanup: ExitStack
    _count: int = 0

    def new_folder(self) -> Path:
        """A folder of its own for a project."""
        self._count += 1
        return self.folder / f"project-{self._count}"

    def kubectl(self, *arguments: str) -> str:
        """A kubectl command."""
        return run(["kubectl", *arguments], self.env)

    @contextmanager
    def namespace(self) -> Iterator[str]:
        """A namespace that is gone afterwards with all that is in it."""
        name = f"bench-{uuid.uuid4().hex[:6]}"
        self.kubectl("create", "namespace", name)
        try:
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait")

    def machine(self) -> dict[str, str]:
        """What a reader must know to compare."""
        versions = json.loads(run(["kubectl", "version", "--output", "json"], self.env))
        packages = json.loads(run([sys.executable, "-c", _PACKAGES], self.env))
        engine = run(["pulumi", "version"], self.env).strip().removeprefix("v")
        return machine(
            {"Kubernetes": versions["serverVersion"]["gitVersion"].removeprefix("v"), "engine": engine, **packages}
        )


_PACKAGES = """
import json
from importlib.metadata import version
print(json.dumps({name: version(name) for name in ("pulumi", "pulumi-kubernetes")}))
"""


@contextmanager
def world() -> Iterator[World]:
    """The machine, as ``make env`` sets it up."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as cleanup:
        yield World(environment(), Path(folder), cleanup)


@dataclass(frozen=True)
class Usage:
    """What a program's own process used, without the engine and the provider."""

    processor_seconds: float
    memory_mib: float


@dataclass
class Program(Project):
    """``program/`` in a folder of its own: so many services, in one of the ways, rendered or on the cluster."""

    way: str = "component"
    services: int = 1
    args: dict[str, Any] = field(default_factory=lambda: dict(CHAPTER))
    rendered: bool = False
    exported: tuple[str, ...] = ()
    """Outputs of the component to export."""

    def __post_init__(self) -> None:
        super().__post_init__()
        shutil.copytree(PROGRAM, self.folder, dirs_exist_ok=True)
        if self.rendered:
            # The provider takes no kubeconfig when it renders, not even from the environment.
            self.env = without_cluster(self.env, self.folder)
        self.set()
        self.init()

    def set(self, **changes: Any) -> None:
        """Changes arguments; None takes one away."""
        self.args = {key: value for key, value in {**self.args, **changes}.items() if value is not None}
        settings = {
            "way": self.way,
            "services": self.services,
            "args": self.args,
            "provider": {"render_yaml_to_directory": "manifests"} if self.rendered else {},
            "placeholder": PLACEHOLDER,
            "exported": self.exported,
        }
        (self.folder / "settings.json").write_text(json.dumps(settings))

    def deploy(self, **changes: Any) -> None:
        """Changes arguments and brings the services up."""
        self.set(**changes)
        self.up()

    def operations(self) -> dict[str, Callable[[], object]]:
        """What is measured of a new stack, by name and in this order."""
        return {"preview": lambda: self.must("preview"), "first up": self.up, "unchanged up": self.up}

    def usage(self) -> Usage:
        """What the program's own process used in its last run."""
        left = json.loads((self.folder / "usage.json").read_text())
        return Usage(left["seconds"], left["memory"] / 1024)

    def write_out(self, objects: list[dict[str, Any]], outputs: Mapping[str, Any]) -> None:
        """Gives the other ways the objects, as they are and as a chart, and the outputs."""
        (self.folder / "objects.json").write_text(json.dumps(objects))
        (self.folder / "outputs.json").write_text(json.dumps(outputs))
        chart = self.folder / "chart"
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: db\nversion: 1.0.0\n")
        text = yaml.safe_dump_all(objects).replace(PLACEHOLDER, "{{ .Release.Name }}")
        (chart / "templates" / "objects.yaml").write_text(text)


def objects_of(world: World, args: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects that the component makes, in the order in which they are made, without what is its own alone."""
    return _objects(_rendered(world, args))


def objects_and_outputs_of(world: World, args: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The same objects, and the outputs that the component has: None for those that are absent."""
    project = _rendered(world, args)
    known = project.outputs()
    return _objects(project), {_camel_case(output): known.get(output) for output in OUTPUTS}


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _rendered(world: World, args: Mapping[str, Any]) -> Program:
    project = Program(world.new_folder(), world.env, args=dict(args), rendered=True, exported=OUTPUTS)
    project.up()
    return project


def _objects(project: Program) -> list[dict[str, Any]]:
    files = (project.folder / "manifests").rglob("*.yaml")
    objects = [_without_own(yaml.safe_load(file.read_text())) for file in files]
    return sorted(objects, key=lambda each: (each["kind"] != "StorageClass", each["kind"]))


def _without_own(found: dict[str, Any]) -> dict[str, Any]:
    for kind in ("annotations", "labels"):
        kept = {key: value for key, value in found["metadata"].get(kind, {}).items() if not key.startswith(_OWN)}
        found["metadata"][kind] = kept
        if not kept:
            del found["metadata"][kind]
    return found


class ByHand:
    """The objects of one service, applied and waited for with kubectl."""

    def __init__(self, world: World, args: Mapping[str, Any]) -> None:
        self.world = world
        self.namespace = args["namespace"]
        self.objects = objects_of(world, args)
        self.set = next(each for each in self.objects if each["kind"] == "StatefulSet")
        self.file = world.new_folder().with_suffix(".json")

    def kubectl(self, *arguments: str) -> str:
        """A kubectl command in the namespace."""
        return self.world.kubectl("--namespace", self.namespace, *arguments)

    def write(self) -> None:
        """Writes the objects to the file that is applied."""
        self.file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": self.objects}))

    def apply(self) -> None:
        """Applies the objects and waits until the set is rolled out."""
        self.write()
        self.kubectl("apply", "--filename", str(self.file))
        self.kubectl("rollout", "status", f"statefulset/{PLACEHOLDER}", "--timeout=900s")

    def deploy(self, image: str, partition: int = 0) -> None:
        """Gives the instances from the partition on a version."""
        self.set["spec"]["template"]["spec"]["containers"][0]["image"] = image
        self.set["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
        self.apply()

    def scale(self, replicas: int) -> None:
        """Changes how many there are, and waits until those are there alone."""
        fewer = replicas < self.set["spec"]["replicas"]
        self.set["spec"]["replicas"] = replicas
        self.apply()
        if fewer:
            self.kubectl("wait", f"statefulset/{PLACEHOLDER}", f"--for=jsonpath={{.status.replicas}}={replicas}")

    def grow(self, size: str) -> None:
        """Grows all claims and waits for their capacity."""
        patch = json.dumps({"spec": {"resources": {"requests": {"storage": size}}}})
        claims = [f"pvc/logs-{PLACEHOLDER}-{ordinal}" for ordinal in range(self.set["spec"]["replicas"])]
        self.kubectl("patch", *claims, "--type", "merge", "--patch", patch)
        self.kubectl("wait", *claims, f"--for=jsonpath={{.status.capacity.storage}}={size}", "--timeout=300s")

    def compare(self) -> None:
        """Compares the cluster with the file; 1 says that they differ, in what the API server filled in."""
        subprocess.run(
            ["kubectl", "--namespace", self.namespace, "diff", "--filename", str(self.file)],
            env=self.world.env,
            check=False,
            capture_output=True,
        )

    def delete(self) -> None:
        """Deletes the objects and waits until the Pods are gone; the claims stay."""
        self.kubectl("delete", "--filename", str(self.file), "--cascade=foreground", "--timeout=300s")


SIMULATED: dict[str, Any] = {
    "pod_template": {
        "spec": {
            "nodeSelector": {"type": "kwok"},
            "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
        }
    }
}
"""Arguments that put the Pods on simulated nodes."""


@contextmanager
def on_simulated_nodes(world: World, count: int = 10) -> Iterator[dict[str, Any]]:
    """Has simulated nodes for a while; the arguments that put Pods there."""
    found = world.kubectl("get", "nodes", "--selector", "type=kwok", "--output", "name").split()

    def scale(wanted: int) -> None:
        run([sys.executable, "-m", "local", "scale-simulated-nodes", str(wanted)], world.env, ROOT)

    scale(max(count, len(found)))
    try:
        yield SIMULATED
    finally:
        scale(len(found))
