"""Arguments that are Outputs: they stay as they were given, and the checks across them change none of the others."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.core.v1 import ContainerArgs, PodSpecArgs
from pulumi_stateful_service import ArgumentError, StatefulService, StatefulServiceArgs
from pulumi_stateful_service.testing import Deployment, deploy

Chapter = Callable[..., Deployment]
PROXY = {"name": "proxy", "image": "proxy:1"}


def later(value: Any) -> Callable[[], pulumi.Output[Any]]:
    """An Output of the value, made inside of the program."""
    return lambda: pulumi.Output.from_input(value)


def secret(value: Any) -> Callable[[], pulumi.Output[Any]]:
    return lambda: pulumi.Output.secret(value)


@pytest.mark.parametrize(
    "containers",
    [
        [PROXY],
        later([PROXY]),
        [later(PROXY)],
        [{"name": later("proxy"), "image": "proxy:1"}],
        [{"name": "proxy", "image": later("proxy:1")}],
        [lambda: ContainerArgs(name="proxy", image="proxy:1")],
        [lambda: pulumi.Output.from_input(ContainerArgs(name="proxy", image=pulumi.Output.from_input("proxy:1")))],
    ],
)
def test_g1_a_side_car_is_added_to_the_components_container(chapter: Chapter, containers: Any) -> None:
    """However it is written: the component's own container stays, and the image is the same."""
    made = chapter(pod_template={"spec": {"containers": containers}}).stateful_set()
    [app, proxy] = made.spec["template"]["spec"]["containers"]
    assert app["name"] == "app"
    assert app["image"] == "random-generator:1.0"
    assert proxy == PROXY


@pytest.mark.parametrize(
    "patch",
    [
        lambda: pulumi.Output.from_input([{"name": "app", "imagePullPolicy": "Never"}]),
        lambda: [ContainerArgs(name="app", image_pull_policy="Never")],
    ],
)
def test_g1_a_change_of_the_components_container_is_merged(chapter: Chapter, patch: Any) -> None:
    """By its name, also where the list is an Output or has typed items."""
    made = chapter(pod_template={"spec": {"containers": patch}}).stateful_set()
    [app] = made.spec["template"]["spec"]["containers"]
    assert app["imagePullPolicy"] == "Never"
    assert app["volumeMounts"] == [{"name": "logs", "mountPath": "/opt/logs"}]


@pytest.mark.parametrize(
    "spec",
    [later({"nodeSelector": {"disk": "ssd"}}), lambda: PodSpecArgs(containers=[], node_selector={"disk": "ssd"})],
)
def test_g1_a_whole_spec_is_merged(chapter: Chapter, spec: Any) -> None:
    """The component's container stays."""
    made = chapter(pod_template={"spec": spec}).stateful_set().spec["template"]["spec"]
    assert made["nodeSelector"] == {"disk": "ssd"}
    assert [each["name"] for each in made["containers"]] == ["app"]


@pytest.mark.parametrize("metadata", [later({"labels": {"app.kubernetes.io/name": "x"}})])
def test_g1_what_cannot_be_set_is_refused_in_an_output_too(chapter: Chapter, metadata: Any) -> None:
    """A label of the selector in metadata that is an Output."""
    with pytest.raises(ArgumentError, match="cannot be set: the selector uses this label"):
        chapter(pod_template={"metadata": metadata})


@pytest.mark.parametrize("step", [{"canary": later(1)}, {"partition": later(1)}, {"min_available": later(1)}])
def test_g2_a_step_that_is_an_output_leaves_replicas_plain(chapter: Chapter, step: Any) -> None:
    """So that the Services of instances are still known."""
    deployed = chapter(**step, instance_services={})
    assert [each.metadata["name"] for each in deployed.all("Service")[1:]] == ["rg-0", "rg-1"]


def test_g2_an_output_makes_nothing_else_unknown() -> None:
    """In a preview with an unknown canary, replicas and the instances' claims are known."""

    def program() -> None:
        unknown: Any = pulumi.Output.from_input(None).apply(lambda _: pulumi.output.UNKNOWN)
        args: Any = {"image": "a", "replicas": 2, "canary": unknown, "quorum": True}
        StatefulService("rg", args)

    made = deploy(program, preview=True)
    assert made.stateful_set().spec["replicas"] == 2
    assert made.one("PodDisruptionBudget").spec["minAvailable"] == 2


def test_g3_a_target_port_that_is_an_output_names_the_port(chapter: Chapter) -> None:
    """With the protocol of the port that it names."""
    balancer = {"port": 53, "target_port": later("dns")}
    deployed = chapter(ports={"http": 80, "dns": 5353}, port_protocols={"dns": "UDP"}, load_balancer=balancer)
    service = deployed.one("Service", "random-generator-lb")
    assert service.spec["ports"] == [{"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"}]


def test_g3_a_target_port_that_is_none_of_the_ports_is_refused(chapter: Chapter) -> None:
    """Once it is known."""
    with pytest.raises(ArgumentError, match=r"load_balancer\.target_port is 'x'; it must be one of ports: http"):
        chapter(load_balancer={"port": 53, "target_port": later("x")})


SECRETS: list[tuple[dict[str, Any], str]] = [
    ({"canary": secret(4711)}, "canary must be at most replicas"),
    ({"replicas": secret(4711), "min_available": 4712}, "do not fit together"),
    ({"max_unavailable": secret("4711%")}, "max_unavailable has a secret value that is not allowed"),
    ({"resources": {"requests": {"cpu": secret("4711")}, "limits": {"cpu": "1"}}}, "must be at most its limit"),
    ({"ports": {"a": 4711, "b": secret(4711)}}, "two of ports have the same number and protocol"),
    ({"load_balancer": {"port": 1, "target_port": secret("t4711")}}, "has a secret value that is not allowed"),
    (
        {"load_balancer": {"name": secret("random-4711")}, "service_name": "random-4711"},
        "must not be the name of the governing Service too",
    ),
    ({"readiness_probe": {"http_get": {"port": secret("p4711")}}}, "has a secret value that is not allowed"),
]


@pytest.mark.parametrize(("arguments", "message"), SECRETS)
def test_g4_no_message_shows_a_secret(chapter: Chapter, arguments: Any, message: str) -> None:
    """Neither by itself nor beside others."""
    with pytest.raises(ArgumentError) as refused:
        chapter(**arguments)
    assert message in str(refused.value)
    if "service_name" not in arguments and "min_available" not in arguments:
        assert "4711" not in str(refused.value)


class Database(StatefulService):
    """A component of a user's own."""

    url: pulumi.Output[str]

    def __init__(self, name: str) -> None:
        args: StatefulServiceArgs = {"image": "db:1", "ports": {"client": 5432}}
        super().__init__(name, args)
        self.url = self.service_address.apply(lambda address: f"postgres://{address}")


def test_g5_a_subclass_has_the_outputs_and_its_own() -> None:
    """With annotations of its own."""

    def program() -> Any:
        db = Database("db")
        return {"url": db.url, "instances": db.instances.apply(len)}

    assert deploy(program).result == {"url": "postgres://db.default.svc.cluster.local", "instances": 1}


@pytest.mark.parametrize("threshold", [1, later(1)])
def test_a_probe_whose_threshold_is_an_output_is_compared_when_known(chapter: Chapter, threshold: Any) -> None:
    """A sibling of the cases above: an Output was taken for a wrong number."""
    probe = {"tcp_socket": {"port": "http"}, "success_threshold": threshold}
    made = chapter(liveness_probe=probe).stateful_set()
    assert made.spec["template"]["spec"]["containers"][0]["livenessProbe"]["successThreshold"] == 1
    with pytest.raises(ArgumentError, match="success_threshold is 2; it must be 1"):
        chapter(liveness_probe={**probe, "success_threshold": later(2)})


def test_d12_two_ports_with_one_number_and_protocol_are_refused(chapter: Chapter) -> None:
    """The API would refuse them; with another protocol they are two."""
    with pytest.raises(ArgumentError, match="'a' and 'b' have the same number and protocol, 53/TCP"):
        chapter(ports={"a": 53, "b": 53})
    assert chapter(ports={"a": 53, "b": 53}, port_protocols={"b": "UDP"}).stateful_set()


def test_d0_a_secret_does_not_reach_the_set_by_a_property(chapter: Chapter) -> None:
    """Pulumi would replace the set with a Secret whose data change; only the order is kept."""
    deployed = chapter(secret_env={"PASSWORD": secret("one")})
    made, values = deployed.stateful_set(), deployed.one("Secret")
    assert values.urn in made.depends_on
    assert not any(made.uses.values())
    other = chapter(secret_env={"PASSWORD": secret("two")}).stateful_set()
    assert made.spec["template"]["spec"] != other.spec["template"]["spec"]
