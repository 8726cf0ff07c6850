"""P05: the Namespace that the program itself creates, and with it the claims."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness import Service, absent_as_none, eventually, printed
from lightkube import Client
from lightkube.resources.core_v1 import ConfigMap, Namespace
from test_docs import sequence

Make = Callable[..., Service]

_PROGRAM = """\
import json
from pathlib import Path
import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService

read = lambda name: json.loads(Path(name).read_text())
given = read("namespace.json")
made = kubernetes.core.v1.Namespace(
    "made", metadata={"name": given["name"]}, opts=pulumi.ResourceOptions(**given["options"])
)
StatefulService("rg", {**read("args.json"), "namespace": made.metadata["name"]})
"""


class Stage:
    """A service in a Namespace of its program."""

    def __init__(self, rg: Service) -> None:
        self.rg = rg
        rg.namespace += "-own"
        self.other = rg.namespace + "-2"
        (rg.folder / "__main__.py").write_text(_PROGRAM)
        rg.set()

    def name(self, name: str, **options: bool) -> None:
        """Sets the name and the options of the Namespace."""
        (self.rg.folder / "namespace.json").write_text(json.dumps({"name": name, "options": options}))

    def is_kept(self, log: list[str], claim: str) -> bool:
        """Whether the instance runs on its claim, with what it had written; the Namespace is not being deleted."""
        rg = self.rg
        live: Any = rg.client.get(Namespace, rg.namespace)
        eventually("the instance is ready", lambda: rg.is_ready("rg-0"))
        there = rg.log("rg-0")[: len(log)] == log and rg.claims()["logs-rg-0"].metadata.uid == claim
        return there and live.metadata.deletionTimestamp is None


@pytest.fixture
def stage(service: Make, client: Client) -> Iterator[Stage]:
    """Nothing is deployed yet."""
    made = Stage(service(replicas=1))
    yield made
    # What is pending deletion stays in the state, and nothing of the stack is needed any more.
    for name in (made.rg.namespace, made.other):
        absent_as_none(lambda name=name: client.delete(Namespace, name))  # type: ignore[misc]


@pytest.mark.parametrize("options", [(), pytest.param(("--continue-on-error",), marks=pytest.mark.long)])
def test_p05_a_namespace_that_is_pending_deletion_is_not_deleted(stage: Stage, options: tuple[str, ...]) -> None:
    """Its name was changed in an up without a preview, and taken back: refused until its remedy was carried out."""
    rg, refusal = stage.rg, "as pending deletion, and the next pulumi up that succeeds deletes it with all claims"
    stage.name(rg.namespace)
    assert f"Namespace '{rg.namespace}' is a resource of this program. Unless it has the option" in rg.up()
    log, claim = rg.write("rg-0", 3), str(rg.claims()["logs-rg-0"].metadata.uid)
    pods = rg.uids()

    stage.name(stage.other)
    assert "do not run pulumi up with another name of it, also not with --skip-preview" in rg.must_fail("preview")
    assert "its state has it as pending deletion" in rg.must_fail("up", "--yes", "--skip-preview", *options)
    stage.name(rg.namespace)
    assert refusal in rg.must_fail("preview")
    refused = rg.must_fail("up", "--yes", "--skip-preview", *options)
    assert refusal in refused
    assert stage.is_kept(log, claim)

    remedy = re.findall(r"kubectl (--namespace \S+ annotate statefulset rg \S+-)$", refused, re.MULTILINE)[0]
    *edit, annotate, up = sequence("storage.md", "Namespaces")
    assert shlex.split(annotate.replace("NAMESPACE", rg.namespace).replace("NAME", "rg"))[3:] == shlex.split(remedy)[2:]
    assert up == "pulumi up"
    printed("bash", "-ec", "\n".join(edit), env=rg.env, folder=rg.folder)
    rg.kubectl(*shlex.split(remedy))
    rg.up()
    rg.unchanged()
    assert stage.is_kept(log, claim)
    assert rg.uids() == pods

    # What does not go keeps the Namespace in deletion for as long as the test looks.
    rg.kubectl("create", "configmap", "kept")
    with rg.held(ConfigMap, "kept"):
        rg.kubectl("delete", "namespace", rg.namespace, "--wait=false")
        rg.set(replicas=2)
        assert f"Namespace {rg.namespace} is being deleted, and everything in it" in rg.must_fail("preview")


@pytest.mark.long
def test_p05_a_namespace_that_is_kept(stage: Stage) -> None:
    """``protect`` has Pulumi refuse another name before anything is changed; ``retain_on_delete`` is for destroy."""
    rg = stage.rg
    stage.name(rg.namespace, protect=True)
    rg.up()
    log, claim = rg.write("rg-0", 3), str(rg.claims()["logs-rg-0"].metadata.uid)
    stage.name(stage.other, protect=True)
    for refused in (rg.must_fail("preview"), rg.must_fail("up", "--yes", "--skip-preview")):
        assert "as it is currently marked for protection" in refused
    assert absent_as_none(lambda: rg.client.get(Namespace, stage.other)) is None
    stage.name(rg.namespace, protect=True)
    rg.unchanged()
    assert "because it is protected" in rg.must_fail("destroy", "--yes", "--skip-preview")
    rg.up()
    assert stage.is_kept(log, claim)
    stage.name(rg.namespace, retain_on_delete=True)
    rg.up()
    rg.destroy()
    rg.env["PULUMI_K8S_UPSERT_EXISTING_OBJECTS"] = "true"
    rg.up()
    assert stage.is_kept(log, claim)
