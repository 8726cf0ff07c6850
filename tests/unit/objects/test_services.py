"""The Services and the NetworkPolicy."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_stateful_service import StatefulService, StatefulServiceArgs
from pulumi_stateful_service.foundation.names import SERVICE_ROLE_LABEL
from pulumi_stateful_service.testing import LOAD_BALANCER_IP, Deployment, deploy
from rendered import container

Chapter = Callable[..., Deployment]


def test_the_whole_governing_service(chapter: Chapter) -> None:
    """The chapter's example, field by field."""
    labels = {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"}
    assert chapter().governing_service().inputs == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "random-generator",
            "labels": {**labels, "pulumi-stateful-service/service-role": "governing"},
            "annotations": {"pulumi.com/patchFieldManager": "pulumi-stateful-service.rg"},
        },
        "spec": {
            "clusterIP": "None",
            "selector": labels,
            "ports": [{"name": "http", "port": 8080, "targetPort": "http"}],
        },
    }


def test_the_governing_services_own_labels_and_annotations(chapter: Chapter) -> None:
    """It alone has them; labels of the selector stay."""
    of_service = {"labels": {"scrape": "yes"}, "annotations": {"example.com/a": "own"}}
    deployed = chapter(
        governing_service=of_service, labels={"scrape": "no"}, annotations={"example.com/a": "all"}, load_balancer={}
    )
    governing, other = deployed.governing_service().metadata, deployed.one("Service", "random-generator-lb").metadata
    assert (governing["labels"]["scrape"], governing["annotations"]["example.com/a"]) == ("yes", "own")
    assert (other["labels"]["scrape"], other["annotations"]["example.com/a"]) == ("no", "all")


def test_p03_addresses_of_pods_that_are_not_ready(chapter: Chapter) -> None:
    """The governing Service publishes them on request."""
    assert chapter(publish_not_ready_addresses=True).governing_service().spec["publishNotReadyAddresses"] is True


def test_p03_the_protocol_of_a_port() -> None:
    """A UDP port is one in the container, in the Services and in its SRV name."""

    def program() -> Any:
        args: StatefulServiceArgs = {"image": "a", "ports": {"dns": 53}, "port_protocols": {"dns": "UDP"}}
        return StatefulService("rg", args).srv_names

    deployed = deploy(program)
    assert container(deployed)["ports"] == [{"name": "dns", "containerPort": 53, "protocol": "UDP"}]
    assert deployed.governing_service().spec["ports"] == [
        {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"}
    ]
    assert deployed.result == {"dns": "_dns._udp.rg.default.svc.cluster.local"}


@pytest.mark.parametrize(
    ("load_balancer", "kind", "ports"),
    [
        ({}, "ClusterIP", [{"name": "http", "port": 8080, "targetPort": "http"}]),
        ({"port": 80}, "ClusterIP", [{"name": "http", "port": 80, "targetPort": "http"}]),
        ({"type": "NodePort"}, "NodePort", [{"name": "http", "port": 8080, "targetPort": "http"}]),
        ({"type": "LoadBalancer", "port": 80, "target_port": "http"}, "LoadBalancer", None),
    ],
)
def test_p12_the_load_balancing_service(chapter: Chapter, load_balancer: Any, kind: str, ports: Any) -> None:
    """Of any type; by default with every port under its own number."""
    spec = chapter(load_balancer=load_balancer).one("Service", "random-generator-lb").spec
    assert spec["type"] == kind
    assert spec["ports"] == (ports or [{"name": "http", "port": 80, "targetPort": "http"}])
    assert spec["selector"] == {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"}


def test_p12_fields_of_the_load_balancing_service(chapter: Chapter) -> None:
    """Class, source ranges, traffic policies, session affinity, IP families and ports."""
    service = chapter(
        ports={"http": 8080, "dns": 53},
        port_protocols={"dns": "UDP"},
        app_protocols={"http": "kubernetes.io/h2c"},
        ip_family_policy="PreferDualStack",
        ip_families=["IPv6", "IPv4"],
        load_balancer={
            "type": "LoadBalancer",
            "ports": {"http": 80},
            "load_balancer_class": "example.com/lb",
            "load_balancer_source_ranges": ["10.0.0.0/8"],
            "external_traffic_policy": "Local",
            "internal_traffic_policy": "Cluster",
            "traffic_distribution": "PreferSameZone",
            "session_affinity": "ClientIP",
            "session_affinity_timeout_seconds": 60,
            "wait_for_address": False,
        },
    ).one("Service", "random-generator-lb")
    assert service.metadata["annotations"]["pulumi.com/skipAwait"] == "true"
    assert service.spec == {
        "type": "LoadBalancer",
        "selector": {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"},
        "ports": [{"name": "http", "port": 80, "targetPort": "http", "appProtocol": "kubernetes.io/h2c"}],
        "loadBalancerClass": "example.com/lb",
        "loadBalancerSourceRanges": ["10.0.0.0/8"],
        "externalTrafficPolicy": "Local",
        "internalTrafficPolicy": "Cluster",
        "trafficDistribution": "PreferSameZone",
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
        "ipFamilyPolicy": "PreferDualStack",
        "ipFamilies": ["IPv6", "IPv4"],
    }


def test_the_load_balancers_address() -> None:
    """For a Service of type LoadBalancer, the one in its status."""

    def computed(_: str, inputs: Any) -> Any:
        if inputs.get("spec", {}).get("type") != "LoadBalancer":
            return {}
        return {"status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}}

    def program() -> pulumi.Output[str | None]:
        return StatefulService(
            "rg", {"image": "a", "ports": {"http": 8080}, "load_balancer": {"type": "LoadBalancer"}}
        ).load_balancer_address

    assert deploy(program, computed=computed).result == "lb.example.org"
    assert deploy(program).result == LOAD_BALANCER_IP


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"instance_services": {}}, ["rg-0", "rg-1"]),
        ({"instance_services": {}, "ordinals": {"start": 5}}, ["rg-5", "rg-6"]),
        ({"instance_services": {"ordinals": [1, 7]}}, ["rg-1"]),
        ({"instance_services": {"ordinals": [1, 7]}, "autoscaled": True}, ["rg-1", "rg-7"]),
        ({}, []),
    ],
)
def test_p12_services_of_instances(chapter: Chapter, changes: Any, expected: list[str]) -> None:
    """Each instance, or each selected one, has a Service that leads to it alone, created after the StatefulSet."""
    deployed = chapter(**changes)
    services = [each for each in deployed.all("Service") if each.metadata["name"] != "random-generator"]
    assert sorted(service.metadata["name"] for service in services) == expected
    for service in services:
        name = service.metadata["name"]
        assert service.spec["selector"]["statefulset.kubernetes.io/pod-name"] == name
        assert deployed.comes_after(service, deployed.stateful_set())


def test_p12_services_can_be_told_apart(chapter: Chapter) -> None:
    """All select the same Pods; a monitor that looks for one role finds each Pod once."""
    deployed = chapter(load_balancer={}, instance_services={"ordinals": [0]})
    roles = {each.metadata["name"]: each.metadata["labels"][SERVICE_ROLE_LABEL] for each in deployed.all("Service")}
    assert roles == {"random-generator": "governing", "random-generator-lb": "load-balancing", "rg-0": "instance"}
    assert SERVICE_ROLE_LABEL not in deployed.stateful_set().spec["template"]["metadata"]["labels"]


def test_p12_annotations_that_name_the_instance(chapter: Chapter) -> None:
    """Only the placeholders are replaced: annotations are often JSON."""
    annotations = {"a/host": "{pod}.example.com", "a/json": '{"port": {ordinal}}', "a/other": "{name}"}
    deployed = chapter(instance_services={"annotations": annotations})
    made = deployed.one("Service", "rg-1").metadata["annotations"]
    assert {key: made[key] for key in annotations} == {
        "a/host": "rg-1.example.com",
        "a/json": '{"port": 1}',
        "a/other": "{name}",
    }


def test_p12_names_and_node_ports_of_instances(chapter: Chapter) -> None:
    """By a template, and counted on from the first."""
    settings = {"name": "at-{ordinal}", "type": "NodePort", "node_ports": {"http": 30080}}
    deployed = chapter(replicas=3, instance_services=settings, ordinals={"start": 1}, discovery={})
    services = [deployed.one("Service", f"at-{ordinal}").inputs for ordinal in (1, 2, 3)]
    assert [each["spec"]["ports"][0]["nodePort"] for each in services] == [30081, 30082, 30083]
    assert [each["spec"]["selector"]["statefulset.kubernetes.io/pod-name"] for each in services] == [
        *("rg-1", "rg-2", "rg-3")
    ]
    values = {each["name"]: each.get("value") for each in container(deployed)["env"]}
    assert values["INSTANCE_SERVICE_ADDRESS"] == "at-$(POD_ORDINAL).$(POD_NAMESPACE).svc.cluster.local"
    assert "LOAD_BALANCER_ADDRESS" not in values


def test_p12_node_ports_of_the_load_balancing_service(chapter: Chapter) -> None:
    """By the port's name; and instances know the Service's address."""
    deployed = chapter(load_balancer={"type": "NodePort", "port": 80, "node_ports": {"http": 30080}}, discovery={})
    assert deployed.one("Service", "random-generator-lb").inputs["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080}
    ]
    values = {each["name"]: each.get("value") for each in container(deployed)["env"]}
    assert values["LOAD_BALANCER_ADDRESS"] == "random-generator-lb.$(POD_NAMESPACE).svc.cluster.local"


def test_p12_services_over_some_of_the_instances(chapter: Chapter) -> None:
    """By labels that the application sets; the other ones select by the component's labels alone."""
    deployed = chapter(
        client_services={
            "primary": {"selector": {"role": "primary"}},
            "replicas": {"selector": {"role": "replica"}, "ports": {"http": 80}},
        }
    )
    primary = deployed.one("Service", "primary").inputs
    own = {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"}
    assert primary["spec"]["selector"] == {**own, "role": "primary"}
    assert primary["metadata"]["labels"][SERVICE_ROLE_LABEL] == "client"
    assert deployed.one("Service", "replicas").inputs["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": "http"}
    ]
    assert deployed.stateful_set().inputs["spec"]["selector"]["matchLabels"] == own


def test_p12_addresses_of_instances() -> None:
    """One for each instance with a Service of its own, except those that have none yet."""

    def computed(_: str, inputs: Any) -> Any:
        ingress = [{"hostname": "first.example.org"}] if inputs.get("metadata", {}).get("name") == "rg-0" else []
        return {"metadata": {"namespace": "prod"}, "status": {"loadBalancer": {"ingress": ingress}}}

    def program(kind: str) -> Any:
        args: StatefulServiceArgs = {
            "image": "a",
            "replicas": 2,
            "ports": {"http": 80},
            "instance_services": {"type": kind},
        }
        return StatefulService("rg", args).instance_service_addresses

    inside = "prod.svc.cluster.local"
    assert deploy(lambda: program("LoadBalancer"), computed=computed).result == {"rg-0": "first.example.org"}
    assert deploy(lambda: program("ClusterIP"), computed=computed).result == {
        "rg-0": f"rg-0.{inside}",
        "rg-1": f"rg-1.{inside}",
    }


def test_the_network_policy(chapter: Chapter) -> None:
    """Instances reach each other on every port, clients reach those of the service, or the given ones."""
    selector = {"matchLabels": {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"}}
    policy = chapter(
        ports={"http": 8080, "dns": 53},
        port_protocols={"dns": "UDP"},
        network_policy={
            "clients": [
                {"pod_labels": {"app": "shop"}},
                {"namespace": "monitoring", "ports": ["http"]},
                {"namespace_labels": {"team": "a"}, "pod_labels": {"app": "b"}},
                {"cidr": "10.0.0.0/8"},
            ]
        },
    ).one("NetworkPolicy", "rg")
    http, dns = {"port": 8080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}
    assert policy.spec == {
        "podSelector": selector,
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"podSelector": selector}]},
            {"from": [{"podSelector": {"matchLabels": {"app": "shop"}}}], "ports": [http, dns]},
            {
                "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
                "ports": [http],
            },
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"team": "a"}},
                        "podSelector": {"matchLabels": {"app": "b"}},
                    }
                ],
                "ports": [http, dns],
            },
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [http, dns]},
        ],
    }
