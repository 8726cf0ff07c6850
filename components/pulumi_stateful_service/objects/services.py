"""The Services: the governing one, which gives each instance its DNS name, and those for clients."""

from collections.abc import Mapping
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.defaults import ServiceSettings, instance_service_name, service_type
from pulumi_stateful_service.arguments.types import (
    ClientServiceArgs,
    GoverningServiceArgs,
    InstanceServicesArgs,
    LoadBalancerArgs,
    ServiceType,
)
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.names import (
    POD_NAME_LABEL,
    SERVICE_ROLE_LABEL,
    ServiceRole,
    for_instance,
    pod_name,
)
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.objects.shared import Network, Shared


def governing_service(
    shared: Shared,
    network: Network,
    name: pulumi.Input[str],
    settings: GoverningServiceArgs,
    publish_not_ready_addresses: pulumi.Input[bool] | None,
) -> KubernetesObject:
    """The headless Service that ``serviceName`` of the StatefulSet refers to."""
    metadata = shared.metadata(name)
    return {
        "metadata": {
            **metadata,
            "labels": {
                **metadata["labels"],
                SERVICE_ROLE_LABEL: ServiceRole.GOVERNING.value,
                **settings.get("labels", {}),
            },
            "annotations": {**metadata["annotations"], **settings.get("annotations", {})},
        },
        "spec": without_empty(
            clusterIP="None",
            selector=dict(shared.selector),
            ports=_ports(network),
            publishNotReadyAddresses=publish_not_ready_addresses,
            **network.ip_families,
        ),
    }


def load_balancing_service(
    shared: Shared, network: Network, name: pulumi.Input[str], settings: LoadBalancerArgs
) -> KubernetesObject:
    """The ordinary Service over all ready instances."""
    node_ports = settings.get("node_ports", {})
    ports = _ports(network, settings.get("ports"), node_ports)
    if "port" in settings:
        target = settings.get("target_port", next(iter(network.ports)))
        ports = [_port(network, target, settings["port"], node_ports)]
    sticky = without_empty(timeoutSeconds=settings.get("session_affinity_timeout_seconds"))
    return {
        "metadata": _client_service_metadata(shared, ServiceRole.LOAD_BALANCING, name, settings),
        "spec": without_empty(
            selector=dict(shared.selector),
            ports=ports,
            sessionAffinityConfig=without_empty(clientIP=sticky),
            **pick(
                settings,
                internalTrafficPolicy="internal_traffic_policy",
                trafficDistribution="traffic_distribution",
                sessionAffinity="session_affinity",
            ),
            **_exposure(settings),
            **network.ip_families,
        ),
    }


def client_service(shared: Shared, network: Network, name: str, settings: ClientServiceArgs) -> KubernetesObject:
    """The Service of this name, over the instances with certain labels."""
    return {
        "metadata": _client_service_metadata(shared, ServiceRole.CLIENT, name, settings),
        "spec": without_empty(
            selector={**shared.selector, **settings["selector"]},
            ports=_ports(network, settings.get("ports")),
            **_exposure(settings),
            **network.ip_families,
        ),
    }


def instance_service(
    shared: Shared, network: Network, ordinal: int, settings: InstanceServicesArgs
) -> KubernetesObject:
    """The Service of one instance."""
    pod = apply_inputs(lambda set_name: pod_name(set_name, ordinal), shared.name)
    annotations = {
        key: apply_inputs(for_instance, annotation, pod, ordinal)
        for key, annotation in settings.get("annotations", {}).items()
    }
    node_ports = {
        name: apply_inputs(lambda first: first + ordinal, first)
        for name, first in settings.get("node_ports", {}).items()
    }
    name = instance_service_name(settings, pod, ordinal)
    metadata = _client_service_metadata(shared, ServiceRole.INSTANCE, name, {**settings, "annotations": annotations})
    return {
        "metadata": metadata,
        "spec": without_empty(
            selector={**shared.selector, POD_NAME_LABEL: pod},
            ports=_ports(network, node_ports=node_ports),
            **_exposure(settings),
            **network.ip_families,
        ),
    }


def _exposure(settings: ServiceSettings) -> KubernetesObject:
    """The type of a Service for clients, and how traffic from outside the cluster reaches it."""
    return {
        "type": service_type(settings),
        **pick(
            settings,
            loadBalancerClass="load_balancer_class",
            loadBalancerSourceRanges="load_balancer_source_ranges",
            externalTrafficPolicy="external_traffic_policy",
            publishNotReadyAddresses="publish_not_ready_addresses",
        ),
    }


def _client_service_metadata(
    shared: Shared, role: ServiceRole, name: pulumi.Input[str], settings: ServiceSettings
) -> KubernetesObject:
    metadata = shared.metadata(name)
    annotations = {**metadata.get("annotations", {}), **settings.get("annotations", {})}

    def with_await(service_type: str, wait_for_address: bool) -> dict[str, Any]:
        return annotations | _await_annotation(service_type, wait_for_address)

    wait_for_address = settings.get("wait_for_address", True)
    return {
        **metadata,
        "labels": {**metadata["labels"], SERVICE_ROLE_LABEL: role.value},
        "annotations": apply_inputs(with_await, service_type(settings), wait_for_address),
    }


def _await_annotation(service_type: str, wait_for_address: bool) -> dict[str, str]:
    """Makes Pulumi's provider wait for the address only: the component has waited for the Pods already."""
    if not wait_for_address:
        return {"pulumi.com/skipAwait": "true"}
    address = ".status.loadBalancer.ingress" if service_type == ServiceType.LOAD_BALANCER else ".spec.clusterIP"
    return {"pulumi.com/waitFor": f"jsonpath={{{address}}}"}


def _ports(
    network: Network, numbers: Mapping[str, Any] | None = None, node_ports: Mapping[str, Any] | None = None
) -> list[KubernetesObject]:
    """The instances' ports under the numbers given by name. Default: their own."""
    return [_port(network, name, number, node_ports or {}) for name, number in (numbers or network.ports).items()]


def _port(network: Network, name: pulumi.Input[str], number: Any, node_ports: Mapping[str, Any]) -> KubernetesObject:
    """A Service's port that leads to the instances' port of this name."""
    return without_empty(
        name=name,
        port=number,
        targetPort=name,
        nodePort=apply_inputs(node_ports.get, name) if node_ports else None,
        protocol=apply_inputs(network.protocols.get, name),
        appProtocol=apply_inputs(network.app_protocols.get, name),
    )
