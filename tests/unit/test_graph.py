"""The graph: what is registered, under whom, and what waits for what."""

from collections.abc import Callable
from typing import Any

from pulumi_stateful_service.testing import Deployment

Chapter = Callable[..., Deployment]
FULL: dict[str, Any] = {
    "storage_class": {"provisioner": "kubernetes.io/host-path"},
    "load_balancer": {"type": "LoadBalancer", "port": 80},
}


def test_p01_the_governing_service_comes_before_the_set(chapter: Chapter) -> None:
    """The set waits for its governing Service, and names it."""
    deployed = chapter()
    service = deployed.governing_service()
    assert deployed.comes_after(deployed.stateful_set(), service)
    assert not deployed.comes_after(service, deployed.stateful_set())
    assert service.spec["clusterIP"] == "None"
    assert service.spec["selector"] == deployed.stateful_set().spec["selector"]["matchLabels"]


def test_p07_the_storage_class_comes_before_the_set(chapter: Chapter) -> None:
    """A class made after the set would leave its Pods pending."""
    deployed = chapter(**FULL)
    deployed.assert_order(deployed.one("StorageClass"), deployed.stateful_set())
    deployed.service("rg").assert_order()


def test_the_set_waits_for_its_class_even_if_no_volume_uses_it(chapter: Chapter) -> None:
    """The order is said, not left to which outputs are used."""
    volume = {"name": "logs", "mount_path": "/opt/logs", "size": "10Mi", "storage_class_name": "other"}
    deployed = chapter(**FULL, volumes=[volume])
    assert deployed.one("StorageClass").urn in deployed.stateful_set().depends_on


def test_p12_the_load_balancer_comes_after_the_set(chapter: Chapter) -> None:
    """A load balancer waits for Pods to lead to, so it comes last."""
    deployed = chapter(**FULL)
    deployed.assert_order(deployed.stateful_set(), deployed.one("Service", "random-generator-lb"))


def test_p12_no_load_balancer_unless_asked_for(chapter: Chapter) -> None:
    """The only Service is the governing one."""
    deployed = chapter()
    assert [service.metadata["name"] for service in deployed.all("Service")] == ["random-generator"]
    assert not deployed.all("StorageClass")


def test_every_object_is_the_components_child(chapter: Chapter) -> None:
    """The component is the parent of all it makes."""
    deployed = chapter(**FULL)
    component, *children = deployed.resources
    assert component.type == "stateful-service:index:StatefulService"
    assert len(children) == 4
    assert {child.parent for child in children} == {component.urn}


def test_every_object_is_named(chapter: Chapter) -> None:
    """No name is left to Pulumi: a set of another name would start with empty disks."""
    deployed = chapter(**FULL)
    assert {child.metadata["name"] for child in deployed.resources[1:]} == {
        "rg",
        "random-generator",
        "random-generator-lb",
        "project-stack-rg",
    }
