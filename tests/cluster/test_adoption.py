"""P05, P06, P11: a set that Helm made becomes the component's own, with its Pods running and its claims kept."""

import json
import re
import shlex
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from faults import recovered
from harness import ROOT, Project, Service, absent_as_none, only, printed, watching
from lightkube import Client
from lightkube.resources.core_v1 import Namespace
from test_customising import program
from test_docs import sequence

Make = Callable[..., Service]
Helm = Callable[..., None]
RELEASE = ROOT / "examples" / "adoption" / "release.yaml"
LABELS = {"app.kubernetes.io/name": "random-generator", "app.kubernetes.io/instance": "rg"}
SAME: dict[str, Any] = {
    "selector": LABELS,
    "service_name": "rg-headless",
    "ports": {"web": 8080},
    "env": {"LOG_FILE": "/data/random.log", "SERVICE_NAME": "rg-headless"},
    "readiness_probe": {"http_get": {"path": "/ready", "port": "web"}, "period_seconds": 1},
    "volumes": [{"name": "data", "mount_path": "/data", "size": "10Mi", "labels": LABELS}],
}
"""The arguments that describe what Helm has made."""

HELM_S_OWN = {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "random-generator-1.2.3"}
"""Labels of the Pods besides those that are selected by."""

AS_HELM_HAS_IT = """\
def as_helm_has_it(args):
    if args.type_ == "kubernetes:apps/v1:StatefulSet":
        template = args.props["spec"]["template"]
        template["spec"]["containers"][0]["name"] = "random-generator"
        del template["spec"]["automountServiceAccountToken"]
        del template["spec"]["enableServiceLinks"]
        return pulumi.ResourceTransformationResult(args.props, args.opts)
"""


@pytest.fixture
def helm(namespace: str, env: dict[str, str]) -> Helm:
    """Creates the release's objects as Helm does, with changes to the set's spec, and waits until all are ready."""

    def install(**spec: Any) -> None:
        release = list(yaml.safe_load_all(RELEASE.read_text()))
        [stateful_set] = [each for each in release if each["kind"] == "StatefulSet"]
        stateful_set["spec"].update(spec)
        kubectl = ["kubectl", "--namespace", namespace]
        manifests = yaml.safe_dump_all(release)
        printed(*kubectl, "apply", "--field-manager=helm", "-f", "-", env=env, text=manifests)
        printed(*kubectl, "rollout", "status", "statefulset/rg", "--timeout=180s", env=env)

    return install


def claims(rg: Service) -> dict[str, str]:
    """The identity of each claim."""
    return {name: claim.metadata.uid for name, claim in rg.claims().items()}


@pytest.mark.long
def test_p05_a_set_that_helm_created_is_adopted(service: Make, helm: Helm) -> None:
    """While held back, no Pod restarts; then each is replaced once, in order. Claims and data are kept."""
    # A management policy that can't be changed in place either.
    helm(podManagementPolicy="Parallel")
    rg = service(**SAME, adopt=True, canary=0)
    pods, disks = rg.uids(), claims(rg)
    written = {name: rg.write(name, 2) for name in pods}
    made_by_helm = rg.stateful_set().metadata.uid

    preview = rg.must("preview")
    assert f"StatefulSet {rg.namespace}/rg is adopted" in preview
    assert rg.stateful_set().metadata.uid == made_by_helm

    recovered(rg)
    own = rg.stateful_set()
    assert own.metadata.uid != made_by_helm
    assert not [label for label in own.metadata.labels if label.startswith("helm.sh/")]
    assert rg.uids() == pods
    assert rg.outputs()["outdated"] == ["rg-0", "rg-1"]
    rg.deploy(adopt=None)
    assert (rg.stateful_set().metadata.uid, rg.uids()) == (own.metadata.uid, pods)

    with watching(rg) as seen:
        rg.deploy(canary=None)
    assert only(seen, "ending", "ready") == [
        ("ending", "rg-1"),
        ("ready", "rg-1"),
        ("ending", "rg-0"),
        ("ready", "rg-0"),
    ]
    assert [container.name for container in rg.pods()["rg-0"].spec.containers] == ["app"]
    assert claims(rg) == disks
    assert {name: rg.log(name)[:2] for name in written} == written
    rg.unchanged()
    rg.refresh()
    rg.unchanged()
    rg.destroy()
    assert rg.pods() == {}
    assert claims(rg) == disks


def test_p11_no_pod_restarts_where_the_template_is_the_same(service: Make, helm: Helm) -> None:
    """With a transform that keeps the template, the Pods that Helm created keep running."""
    helm()
    # What the component sets on its container, and Helm does not.
    container = {"name": "app", "terminationMessagePolicy": None}
    as_helm = {"metadata": {"labels": HELM_S_OWN}, "spec": {"containers": [container]}}
    same = {"security": {"standard": "privileged"}, "spread_over_nodes": "Off", "spread_over_zones": "Off"}
    rg = service(**SAME, **same, adopt=True, pod_template=as_helm)
    program(rg, AS_HELM_HAS_IT, options="transformations=[as_helm_has_it]")
    pods, disks = rg.uids(), claims(rg)
    written = {name: rg.write(name, 2) for name in pods}
    recovered(rg)
    rg.deploy(adopt=None)
    rg.unchanged()
    assert rg.uids() == pods
    assert claims(rg) == disks
    assert {name: rg.log(name) for name in written} == written
    # And they are the component's: scaling down ends the right one.
    rg.deploy(replicas=1)
    assert rg.uids() == {"rg-0": pods["rg-0"]}


def test_p11_what_cannot_be_kept_is_refused(service: Make, helm: Helm) -> None:
    """In the preview and in up, with both values, and neither the set nor a Pod is touched."""
    helm()
    rg = service(**SAME)
    before = rg.stateful_set().metadata.generation, rg.uids(), claims(rg)
    for change, message in (
        ({}, "already exists and is not managed by this component"),
        ({"adopt": True, "replicas": 3}, "has replicas 2, and the program has 3"),
        ({"replicas": 2, "selector": None}, "already exists and selects Pods by {'app.kubernetes.io/instance': 'rg'"),
        ({"selector": LABELS, "service_name": "rg"}, "already exists and is not headless"),
    ):
        rg.set(**change)
        said = rg.must_fail("preview")
        assert message in said
        assert "Traceback" not in said
    assert "already exists and is not headless" in rg.must_fail("up", "--yes", "--skip-preview")
    assert_an_owner_is_refused(rg)
    assert (rg.stateful_set().metadata.generation, rg.uids(), claims(rg)) == before


def assert_an_owner_is_refused(rg: Service) -> None:
    """An operator's StatefulSet is not adopted until it is released as the message says."""
    rg.set(**SAME, adopt=True)
    rg.kubectl("create", "configmap", "operated")
    uid = rg.kubectl("get", "configmap", "operated", "--output=jsonpath={.metadata.uid}")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "operated", "uid": uid, "controller": True}
    patch = {"metadata": {"ownerReferences": [owner]}}
    rg.kubectl("patch", "statefulset", "rg", "--type=merge", f"--patch={json.dumps(patch)}")
    refused = rg.must_fail("preview")
    assert f"StatefulSet {rg.namespace}/rg is controlled by ConfigMap operated (v1)" in refused
    remedy = re.findall(r"kubectl (--namespace \S+ patch statefulset rg .*}')", refused)[0]
    rg.kubectl(*shlex.split(remedy))
    assert f"StatefulSet {rg.namespace}/rg is adopted" in rg.must("preview")


@pytest.mark.long
def test_p11_an_interrupted_adoption_is_continued(service: Make, helm: Helm) -> None:
    """The old set is deleted and the new one not created: the next up creates it around the same Pods."""
    helm()
    rg = service(**SAME, adopt=True, canary=0)
    pods, disks = rg.uids(), claims(rg)
    rg.kubectl("delete", "statefulset", "rg", "--cascade=orphan")
    recovered(rg)
    assert rg.uids() == pods
    assert claims(rg) == disks


@pytest.fixture
def stage(env: dict[str, str], client: Client, tmp_path: Path) -> Iterator[Service]:
    """A copy of the example, and the name of a namespace that the sequence creates."""
    shutil.copytree(ROOT / "examples" / "adoption", tmp_path / "examples" / "adoption")
    looking = Service(tmp_path / "state-and-eyes", env, namespace=f"test-{uuid.uuid4().hex[:8]}", client=client)
    yield looking
    example = Project(tmp_path / "examples" / "adoption", env, "adoption")
    example.env = looking.env
    example.run("destroy", "--yes", "--skip-preview", "--stack", "adoption")
    absent_as_none(lambda: client.delete(Namespace, looking.namespace))


def test_p05_the_sequence_of_the_adoption_page(stage: Service, tmp_path: Path) -> None:
    """Run as it stands, every Pod runs the component's template at the end, on its claim and with its data."""

    def run(*lines: str) -> None:
        script = "\n".join(lines)
        printed("bash", "-ec", f"export NAMESPACE={stage.namespace}\n{script}", env=stage.env, folder=tmp_path)

    settings, namespace, *lines = sequence("adoption.md", "Procedure")
    assert settings.startswith("eval")
    assert namespace == "export NAMESPACE=adoption"
    change = lines.index("cd examples/adoption")
    run(*lines[:change])
    disks, written = claims(stage), {name: stage.write(name, 2) for name in stage.uids()}
    run(*lines[change:])
    assert {name: pod.spec.containers[0].name for name, pod in stage.pods().items()} == {"rg-0": "app", "rg-1": "app"}
    assert claims(stage) == disks
    assert {name: stage.log(name)[:2] for name in written} == written
