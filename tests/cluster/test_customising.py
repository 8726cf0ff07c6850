"""The component's children adjusted by transforms, and the component renamed, without touching an instance."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from harness import ROOT, Service
from lightkube.resources.core_v1 import Service as KubernetesService
from pulumi_stateful_service.objects.strategic_merge import MERGE_KEYS

Make = Callable[..., Service]

PROGRAM = """\
import json
import pulumi
from pathlib import Path
from pulumi_stateful_service import StatefulService

{setup}

rg = StatefulService({name!r}, json.loads(Path("args.json").read_text()), pulumi.ResourceOptions({options}))
pulumi.export("instances", rg.instances)
"""


def transforms() -> str:
    """The functions that docs/customising.md shows."""
    code = (ROOT / "docs" / "customising.md").read_text().split("## Transforms\n")[1].split("```python\n")[1]
    return code[: code.index("\nStatefulService(")]


def program(rg: Service, setup: str = "", name: str = "rg", options: str = "") -> None:
    """Changes the program."""
    (rg.folder / "__main__.py").write_text(PROGRAM.format(setup=setup, name=name, options=options))


def state(rg: Service) -> dict[str, Any]:
    """What a rename must not change."""
    found = rg.stateful_set()
    claims = {name: claim.metadata.uid for name, claim in rg.claims().items()}
    return {"set": found.metadata.uid, "generation": found.metadata.generation, "Pods": rg.uids(), "claims": claims}


@pytest.mark.long
def test_p16_a_renamed_component_keeps_its_set(service: Make) -> None:
    """With an alias and the set's name kept, no object is replaced; without either, the change is refused."""
    rg = service(load_balancer={}, storage_class={"provisioner": "rancher.io/local-path", "reclaim_policy": "Delete"})
    rg.set(storage_class={**rg.args["storage_class"], "name": f"renamed-{rg.namespace}"})
    rg.up()
    before = state(rg)

    program(rg, name="db")
    assert "already exists and is not managed by this component" in rg.must_fail("preview")
    rg.set(name="rg")
    assert "add an alias: aliases=[pulumi.Alias(name=" in rg.must_fail("preview")
    assert "add an alias: aliases=[pulumi.Alias(name=" in rg.must_fail("up", "--yes", "--skip-preview")
    program(rg, name="db", options="aliases=[pulumi.Alias(name='rg')]")
    rg.set(name=None)
    assert "name cannot be changed from 'rg' to 'db'" in rg.must_fail("preview")
    assert "name cannot be changed from 'rg' to 'db'" in rg.must_fail("up", "--yes", "--skip-preview")
    assert state(rg) == before

    rg.set(name="rg")
    said = rg.up()
    assert "replaced" not in said
    assert "created" not in said
    assert state(rg) == before
    rg.unchanged()
    # From then on the component is known by its new name.
    program(rg, name="db")
    rg.unchanged()
    assert state(rg) == before


@pytest.mark.parametrize("kind", ["transformations", "transforms"])
def test_p16_transforms_adjust_every_child(service: Make, kind: str) -> None:
    """Arguments and options of the children change as the page says, and the next up has nothing to do."""
    rg = service()
    program(rg, transforms(), options=f"{kind}=[of_our_team, outlives_the_stack]")
    rg.up()
    assert rg.stateful_set().metadata.annotations["example.org/team"] == "storage"
    rg.unchanged()
    rg.refresh()
    rg.unchanged()
    rg.destroy()
    left: Any = rg.client.get(KubernetesService, "random-generator", namespace=rg.namespace)
    assert left.metadata.annotations["example.org/team"] == "storage"


def hook_of_the_page() -> str:
    """The hook that docs/customising.md shows."""
    code = (ROOT / "docs" / "customising.md").read_text().split("## Pulumi's resource options\n")[1].split("```py\n")[1]
    return code[: code.index("\nStatefulService(")]


def test_options_of_the_component_reach_its_objects(service: Make) -> None:
    """As the page's table says; and a hook that a transform adds runs beside the component's own."""
    rg = service(replicas=1, volumes=None, env={})
    setup = hook_of_the_page() + "namespace = pulumi.ComponentResource('test:index:Other', 'other')\n"
    options = "protect=True, retain_on_delete=True, deleted_with=namespace, depends_on=[namespace]"
    program(rg, setup, options=f"{options}, transformations=[announced]")
    rg.up()
    resources = json.loads(rg.must("stack", "export"))["deployment"]["resources"]
    [other] = [each["urn"] for each in resources if each["type"] == "test:index:Other"]
    children = [each for each in resources if each["type"].startswith("kubernetes:")]
    assert len(children) == 2
    for each in children:
        assert (each["protect"], each["retainOnDelete"], each["deletedWith"]) == (True, True, other)
    program(rg, setup, options="transformations=[announced]")
    said = rg.deploy(env={"A": "b"})
    assert "StatefulService 'rg': " in said
    assert "rg is about to change" in said
    program(rg, options="ignore_changes=['replicas']")
    assert "ignore_changes cannot be set: Pulumi does not pass it on" in rg.must_fail("preview")
    program(rg)


def merge_keys(definitions: dict[str, Any], name: str, found: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The keys of each list that the API merges, in a type and all that is in it."""
    for field, schema in definitions[name].get("properties", {}).items():
        if schema.get("x-kubernetes-list-type") == "map":
            found[field] = tuple(schema["x-kubernetes-list-map-keys"])
        of = [schema, schema.get("items", {}), schema.get("additionalProperties", {})]
        for each in (reference["$ref"].rpartition("/")[2] for reference in of if "$ref" in reference):
            merge_keys(definitions, each, found)
    return found


def test_ports_of_the_pod_template_are_merged_as_the_api_does(service: Make) -> None:
    """One number for UDP and for TCP: each keeps its protocol and host port, also when the other goes."""
    rg = service(replicas=1, ports={"http": 8080, "dns-udp": 5353, "dns-tcp": 5353}, port_protocols={"dns-udp": "UDP"})
    udp, tcp = {"containerPort": 5353, "protocol": "UDP", "hostPort": 20053}, {"containerPort": 5353, "hostPort": 20054}

    def deployed(*ports: dict[str, Any], **args: Any) -> dict[str, Any]:
        rg.deploy(pod_template={"spec": {"nodeSelector": [], "containers": [{"name": "app", "ports": ports}]}}, **args)
        rg.unchanged()
        [app] = rg.stateful_set().spec.template.spec.containers
        return {each.name: (each.protocol, each.hostPort) for each in app.ports if each.containerPort == 5353}

    assert deployed(udp, tcp) == {"dns-udp": ("UDP", 20053), "dns-tcp": ("TCP", 20054)}
    assert deployed(tcp, ports={"http": 8080, "dns-tcp": 5353}, port_protocols=None) == {"dns-tcp": ("TCP", 20054)}

    definitions = json.loads(rg.kubectl("get", "--raw", "/openapi/v2"))["definitions"]
    assert merge_keys(definitions, "io.k8s.api.core.v1.PodTemplateSpec", {}) == MERGE_KEYS


def test_a_transform_of_what_the_component_relies_on_is_refused(service: Make) -> None:
    """In the preview, with the argument to use; nothing has changed on the cluster."""
    rg = service()
    setup = """\
def other(args):
    if args.type_ == "kubernetes:apps/v1:StatefulSet":
        args.props["spec"]["serviceName"] = "other"
        return pulumi.ResourceTransformationResult(args.props, args.opts)
"""
    program(rg, setup, options="transforms=[other]")
    said = rg.must_fail("up", "--yes")
    assert "a transform changes serviceName from 'random-generator' to 'other': use the argument service_name" in said
    assert "Traceback" not in said
    assert not rg.pods()


MIRROR = """\
def mirror(args):
    if args.type_ == "kubernetes:apps/v1:StatefulSet":
        args.props["spec"]["template"]["spec"]["containers"][0]["image"] = "random-generator:2.0"
        return pulumi.ResourceTransformResult(args.props, args.opts)
"""
"""A team of many has its images from a registry of its own."""

PARENT = (
    "parent = pulumi.ComponentResource('test:index:Team', 'team')",
    "parent=parent, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]",
)
LEVELS = {
    "the component": (MIRROR, "transforms=[mirror]"),
    "a parent": (
        MIRROR + PARENT[0].replace("'team')", "'team', None, pulumi.ResourceOptions(transforms=[mirror]))"),
        PARENT[1],
    ),
    "the stack": (f"{MIRROR}\npulumi.runtime.register_resource_transform(mirror)", ""),
}


@pytest.mark.parametrize("level", [pytest.param("the component", marks=pytest.mark.long), "a parent", "the stack"])
def test_p10_an_image_that_a_transform_sets_goes_through_the_steps(service: Make, level: str) -> None:
    """Judged, forecast and held back is what is sent: one instance gets the version that fails its check."""
    rollout = {"steps": [1], "checks": [{"http_get": {"path": "/missing", "port": "http"}, "period_seconds": 1}]}
    rg = service(rollout=rollout)
    setup, options = PARENT if level == "a parent" else ("", "")
    program(rg, setup, options=options)
    rg.up()
    before = rg.uids()

    setup, options = LEVELS[level]
    program(rg, setup, options=options)
    preview = rg.must("preview")
    assert "rg-1, rg-0: replaced one after another (image)" in preview
    assert "rollout in steps: 1, then 2 of 2 instances" in preview
    assert "step 1 of 2 of the rollout failed (rg-1)" in rg.must_fail("up", "--yes", "--skip-preview")
    images = {name: pod.spec.containers[0].image for name, pod in rg.pods().items()}
    assert images == {"rg-0": "random-generator:1.0", "rg-1": "random-generator:2.0"}
    assert rg.uids()["rg-0"] == before["rg-0"]

    # Without the transform the instance gets its image back, and a change beside it is forecast as it is.
    rg.set(rollout=None)
    setup, options = PARENT if level == "a parent" else ("", "")
    program(rg, setup, options=options)
    assert "rg-1: replaced (image)" in rg.must("preview")
    rg.up()
    assert rg.uids()["rg-0"] == before["rg-0"]
    rg.unchanged()


def test_what_a_transform_of_the_stack_adds_to_volumes_is_refused(service: Make) -> None:
    """Claim templates cannot be changed later, and the engine ignores changes of them: the arguments are the place."""
    rg = service()
    setup = """\
def labelled(args):
    if args.type_ == "kubernetes:apps/v1:StatefulSet":
        args.props["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"] = {"team": "storage"}
        return pulumi.ResourceTransformResult(args.props, args.opts)
pulumi.runtime.register_resource_transform(labelled)
"""
    program(rg, setup)
    assert "use the argument volumes" in rg.must_fail("up", "--yes", "--skip-preview")
    assert not rg.pods()
