"""What a preview says of a service reaches programs and pull requests: ``pulumi-stateful-service report``."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fastjsonschema
import pulumi_stateful_service_report as package
import pytest
import yaml
from harness import CHAPTER, ROOT, Project, printed

_PROGRAM = """\
import json
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService

services = json.loads(Path("services.json").read_text())
for name, args in services.items():
    if args.pop("secret", False):
        args["env"] |= {"PASSWORD": pulumi.Output.secret("hunter2hunter2")}
    if args.pop("not_known_yet", False):
        new = kubernetes.core.v1.ConfigMap("new", metadata={"namespace": args["namespace"]})
        args["env"] |= {"NEW": new.id}
    StatefulService(name, args)
"""
_SCHEMA = json.loads(Path(package.__file__).with_name("report.schema.json").read_text())
_COMMAND = Path(sys.executable).with_name("pulumi-stateful-service")


class Previewed(Project):
    """A project whose previews are reported."""

    def settle_on(self, services: Mapping[str, Mapping[str, Any]]) -> None:
        """Gives the program its services."""
        (self.folder / "services.json").write_text(json.dumps(services))

    def event_log(self) -> Path:
        """The event log of a preview, and what people see of it."""
        log = self.folder / "events.json"
        log.unlink(missing_ok=True)
        self.env = {**self.env, "PULUMI_DEBUG_COMMANDS": "true"}
        self.seen = self.run("preview", "--event-log", str(log)).stdout
        return log

    def document(self) -> Path:
        """The output of ``pulumi preview --json``."""
        document = self.folder / "preview.json"
        env = {**self.env, "PULUMI_STATEFUL_SERVICE_REPORT": "true"}
        document.write_text(printed("pulumi", "preview", "--json", "--non-interactive", env=env, folder=self.folder))
        return document


def report(log: Path, *options: str, code: int = 0) -> str:
    """The report of a log, which ends with this exit code."""
    result = subprocess.run([_COMMAND, "report", log, *options], check=False, capture_output=True, text=True)
    assert result.returncode == code, result.stderr
    assert "hunter2" not in result.stdout + result.stderr
    return result.stdout


def as_json(log: Path) -> dict[str, Any]:
    """The report as JSON, which fits the schema."""
    written: dict[str, Any] = json.loads(report(log, "--format", "json"))
    fastjsonschema.validate(_SCHEMA, written)
    return written


@pytest.fixture
def project(env: dict[str, str], tmp_path: Path) -> Iterator[Previewed]:
    """A project with a program of several services; nothing is deployed yet."""
    made = Previewed(tmp_path / "project", env)
    (made.folder / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
    (made.folder / "__main__.py").write_text(_PROGRAM)
    made.init()
    yield made
    made.run("destroy", "--yes", "--skip-preview")


def test_a_preview_is_reported(project: Previewed, namespace: str, env: dict[str, str]) -> None:
    """A new image, a claim that goes, no change, an effect that is not known, a service that is dropped, a refusal.

    In the event log and in the document of --json alike, without a word more for people, and without a secret.
    """

    def service(name: str, **changes: Any) -> dict[str, Any]:
        own = {"name": name, "service_name": name, "namespace": namespace, "termination_grace_period_seconds": 1}
        return {**CHAPTER, **own, "replicas": 1, "pod_management_policy": "Parallel", **changes}

    images = {"replicas": 3, "quorum": True, "secret": True}
    shrinking = {"persistent_volume_claim_retention_policy": {"when_scaled": "Delete"}}
    services = {name: service(name) for name in ("unchanged", "unknown", "dropped")}
    services |= {"image": service("image", **images), "claims": service("claims", **shrinking, replicas=2)}
    project.settle_on(services)
    project.up()
    by_hand = ("patch", "statefulset/unchanged", "--field-manager=somebody", '--patch={"spec":{"minReadySeconds":1}}')
    printed("kubectl", "--namespace", namespace, *by_hand, env=env)

    del services["dropped"]
    services["image"] = service("image", **images, image="random-generator:2.0")
    services["claims"] = service("claims", **shrinking)
    services["unknown"] = service("unknown", not_known_yet=True)
    project.settle_on(services)
    log = project.event_log()
    assert "pulumi-stateful-service forecast" not in project.seen
    written = as_json(log)
    told = {each["name"]: each for each in written["services"]}
    assert {name: each["state"] for name, each in told.items()} == {
        "image": "Changed",
        "claims": "Changed",
        "unchanged": "Unchanged",
        "unknown": "Unknown",
        "dropped": "Deleted",
    }
    assert told["image"]["order"] == ["image-2", "image-1", "image-0"]
    assert told["image"]["reasons"] == ["image"]
    assert told["image"]["availability"] == {"required": 2, "ready": 3, "fewest": 2}
    assert told["image"]["findings"] == ["pod-replaced", "service-changed"]
    assert told["claims"]["claims"] == {"logs-claims-0": "Kept", "logs-claims-1": "Deleted"}
    assert told["unchanged"]["drift"] == [
        {"field": "spec.minReadySeconds", "manager": "somebody", "overwritten": False}
    ]
    assert told["unknown"]["reason"] == "the StatefulSet has values that are not known yet"
    assert told["dropped"]["claims"] == {"logs-dropped-0": "LeftBehind"}
    assert written["previews"][0]["complete"]
    assert as_json(project.document()) == written

    markdown = report(log, "--fail-on", "refused,quorum-at-risk")
    assert "- Pods `image-2`, `image-1`, `image-0`: replaced one after another (image)" in markdown
    assert "- Claim `logs-claims-1`: **deleted with the data**" in markdown
    assert "- Changed by `somebody`: `spec.minReadySeconds`; it stays" in markdown
    for gate in ("claim-deleted", "pod-replaced", "drift", "unknown", "service-deleted"):
        assert "Gate: failed on " + gate in report(log, "--fail-on", f"refused,{gate}", code=5)

    services["claims"] = service("claims", pod_management_policy="OrderedReady")
    project.settle_on(services)
    written = as_json(project.event_log())
    [refused] = [each for each in written["services"] if each["name"] == "claims"]
    assert refused["state"] == "Refused"
    assert refused["reason"].startswith("pod_management_policy (Parallel → OrderedReady)")
    assert not written["previews"][0]["complete"]
    report(project.folder / "events.json", "--fail-on", "preview-failed", code=5)


def test_p16_a_preview_of_a_yaml_program_is_reported(env: dict[str, str], namespace: str, tmp_path: Path) -> None:
    """What the component tells goes through the plugin, in the words of the program's language."""
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    (plugin / "pulumi-resource-stateful-service").symlink_to(ROOT / ".venv/bin/pulumi-resource-stateful-service")
    project = Previewed(tmp_path / "yaml", env)
    args = {"image": "random-generator:1.0", "ports": {"http": 8080}, "namespace": namespace, "quorum": True}
    service = {"type": "stateful-service:StatefulService", "properties": args}
    program = {"name": "test", "runtime": "yaml", "packages": {"stateful-service": str(plugin)}}
    (project.folder / "Pulumi.yaml").write_text(yaml.safe_dump({**program, "resources": {"rg": service}}))
    project.init()
    [told] = as_json(project.event_log())["services"]
    assert (told["state"], told["set"], told["instances"]) == ("Changed", "Created", {"rg-0": "Added"})
    assert told["findings"] == ["service-changed"]
