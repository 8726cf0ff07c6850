"""The program of a history: one service, with or without a transform, that writes its forecast to a file."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness import Service
from pulumi_stateful_service_report.preview_log import read_previews
from pulumi_stateful_service_report.report import new_report

_PROGRAM = """\
import json
import pulumi
from pathlib import Path
from pulumi_stateful_service import StatefulService

settings = json.loads(Path("settings.json").read_text())
transform = settings["transform"] or {"level": None}


def mirrored(args):
    if args.type_ != "kubernetes:apps/v1:StatefulSet":
        return None
    spec, template = args.props["spec"], args.props["spec"]["template"]
    if transform["does"] == "image":
        for container in template["spec"]["containers"]:
            container["image"] = "docker.io/library/" + container["image"]
    elif transform["does"] == "label":
        template["metadata"]["labels"]["team"] = "storage"
    elif transform["does"] == "annotation":
        args.props["metadata"].setdefault("annotations", {})["example.org/team"] = "storage"
    else:
        spec["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Delete", "whenScaled": "Delete"}
    return pulumi.ResourceTransformResult(args.props, args.opts)


def at(level):
    return [mirrored] if transform["level"] == level else []


for each in at("stack"):
    pulumi.runtime.register_resource_transform(each)
parent = pulumi.ComponentResource("test:index:Team", "team", None, pulumi.ResourceOptions(transforms=at("parent")))
rg = StatefulService("rg", settings["args"], pulumi.ResourceOptions(parent=parent, transforms=at("component")))
rg.forecast.apply(lambda told: Path("forecast.json").write_text(json.dumps(told)))
pulumi.export("forecast", rg.forecast)
pulumi.export("revisions", rg.revisions)
"""

_STATEFUL_SET = (
    "urn:pulumi:test::test::test:index:Team$stateful-service:index:StatefulService$kubernetes:apps/v1:StatefulSet::rg"
)


@dataclass(frozen=True)
class Said:
    """What a preview or an ``up`` has said."""

    done: bool
    """Whether it succeeded."""
    text: str
    forecast: Mapping[str, Any] | None
    """The output ``forecast``; None where it was not known."""
    report: Mapping[str, Any] | None = None
    """What is reported of the service; None where it is not in the preview's log, or there is none."""
    is_complete: bool = True
    """Whether the report says that the preview came to its end."""


@dataclass
class HistoryService(Service):
    """A project with the program of a history."""

    def __post_init__(self) -> None:
        super().__post_init__()
        (self.folder / "__main__.py").write_text(_PROGRAM)
        self.env = {**self.env, "PULUMI_DEBUG_COMMANDS": "true"}

    def settle_on(self, settings: Mapping[str, Any]) -> None:
        """Gives the program its settings."""
        args = {**settings["args"], "namespace": self.namespace}
        (self.folder / "settings.json").write_text(json.dumps({**settings, "args": args}))

    def said(self, *arguments: str) -> Said:
        """Runs a command of Pulumi, which may fail."""
        told = self.folder / "forecast.json"
        told.unlink(missing_ok=True)
        result = self.run(*arguments)
        return Said(result.returncode == 0, result.stdout, json.loads(told.read_text()) if told.exists() else None)

    def preview(self, *options: str) -> Said:
        """A preview, with the report of its event log."""
        log = self.folder / "events.jsonl"
        log.unlink(missing_ok=True)
        said = self.said("preview", "--event-log", str(log), *options)
        report = new_report(read_previews(log.read_text(), log.name))
        told = next((each.told for each in report.services), None)
        return replace(said, report=told, is_complete=report.is_complete)

    def up_after_preview(self, *options: str) -> Said:
        """An ``up`` of what was previewed."""
        return self.said("up", "--yes", "--skip-preview", *options)

    def up_killed_after(self, seconds: float) -> None:
        """An ``up`` that is killed after this many seconds, if it has not ended."""
        running = self.start_up()
        try:
            running.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(running)

    def by_hand(self, command: Sequence[str]) -> bool:
        """Runs kubectl; False where it refuses."""
        uid = str(self.stateful_set().metadata.uid)
        result = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *(each.replace("{uid}", uid) for each in command)],
            env=self.env,
            check=False,
            capture_output=True,
        )
        return result.returncode == 0


def replacing(*, replaces: bool) -> list[str]:
    """The options of a command that replaces the StatefulSet."""
    return ["--replace", _STATEFUL_SET] if replaces else []
