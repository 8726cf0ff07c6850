"""The Services: the governing one, which gives each instance its DNS name, and those for clients."""

from collections.abc import Mapping
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.defaults import (
    ServiceSettings,
    instance_service_name,
    load_balancer_name,
    selector,
    service_type,
)
from pulumi_stateful_service.arguments.types import ServiceType, StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.names import (
    POD_NAME_LABEL,
    SERVICE_ROLE_LABEL,
    ServiceRole,
    for_instance,
    pod_name,
)
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.objects.metadata import object_metadata


def governing_service(args: StatefulServiceArgs) -> KubernetesObject:
    """The headless Service that ``serviceName`` of the StatefulSet refers to."""
    own = args.get("governing_service", {})
    metadata = object_metadata(args, args["service_name"])
    return {
        "metadata": {
            **metadata,
            "labels": {**metadata["labels"], SERVICE_ROLE_LABEL: ServiceRole.GOVERNING.value, **own.get("labels", {})},
            "annotations": {**metadata["annotations"], **own.get("annotations", {})},
        },
        "spec": without_empty(
            clusterIP="None",
            selector=selector(args),
            ports=_ports(args),
            publishNotReadyAddresses=args.get("publish_not_ready_addresses"),
            **_ip_families(args),
        ),
    }


def load_balancing_service(args: StatefulServiceArgs) -> KubernetesObject:
    """The ordinary Service over all ready instances."""
    load_balancer = args["load_balancer"]
    node_ports = load_balancer.get("node_ports", {})
    ports = _ports(args, load_balancer.get("ports"), node_ports)
    if "port" in load_balancer:
        target = load_balancer.get("target_port", next(iter(args["ports"])))
        ports = [_port(args, target, load_balancer["port"], node_ports)]
    sticky = without_empty(timeoutSeconds=load_balancer.get("session_affinity_timeout_seconds"))
    return {
        "metadata": _client_service_metadata(args, ServiceRole.LOAD_BALANCING, load_balancer_name(args), load_balancer),
        "spec": without_empty(
            selector=selector(args),
            ports=ports,
            sessionAffinityConfig=without_empty(clientIP=sticky),
            **pick(
                load_balancer,
                internalTrafficPolicy="internal_traffic_policy",
                trafficDistribution="traffic_distribution",
                sessionAffinity="session_affinity",
            ),
            **_exposure(load_balancer),
            **_ip_families(args),
        ),
    }


def client_service(args: StatefulServiceArgs, name: str) -> KubernetesObject:
    """The Service of this name, over the instances with certain labels."""
    settings = args["client_services"][name]
    return {
        "metadata": _client_service_metadata(args, ServiceRole.CLIENT, name, settings),
        "spec": without_empty(
            selector={**selector(args), **settings["selector"]},
            ports=_ports(args, settings.get("ports")),
            **_exposure(settings),
            **_ip_families(args),
        ),
    }


def instance_service(args: StatefulServiceArgs, ordinal: int) -> KubernetesObject:
    """The Service of one instance."""
    settings = args["instance_services"]
    pod = apply_inputs(lambda set_name: pod_name(set_name, ordinal), args["name"])
    annotations = {
        key: apply_inputs(for_instance, annotation, pod, ordinal)
        for key, annotation in settings.get("annotations", {}).items()
    }
    node_ports = {
        name: apply_inputs(lambda first: first + ordinal, first)
        for name, first in settings.get("node_ports", {}).items()
    }
    name = instance_service_name(args, pod, ordinal)
    metadata = _client_service_metadata(args, ServiceRole.INSTANCE, name, {**settings, "annotations": annotations})
    return {
        "metadata": metadata,
        "spec": without_empty(
            selector={**selector(args), POD_NAME_LABEL: pod},
            ports=_ports(args, node_ports=node_ports),
            **_exposure(settings),
            **_ip_families(args),
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


def _ip_families(args: StatefulServiceArgs) -> KubernetesObject:
    return pick(args, ipFamilyPolicy="ip_family_policy", ipFamilies="ip_families")


def _client_service_metadata(
    args: StatefulServiceArgs, role: ServiceRole, name: pulumi.Input[str], settings: ServiceSettings
) -> KubernetesObject:
    metadata = object_metadata(args, name)
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
    args: StatefulServiceArgs, numbers: Mapping[str, Any] | None = None, node_ports: Mapping[str, Any] | None = None
) -> list[KubernetesObject]:
    """The instances' ports under the numbers given by name. Default: their own."""
    return [_port(args, name, number, node_ports or {}) for name, number in (numbers or args["ports"]).items()]


def _port(
    args: StatefulServiceArgs, name: pulumi.Input[str], number: Any, node_ports: Mapping[str, Any]
) -> KubernetesObject:
    """A Service's port that leads to the instances' port of this name."""
    return without_empty(
        name=name,
        port=number,
        targetPort=name,
        nodePort=apply_inputs(node_ports.get, name) if node_ports else None,
        protocol=apply_inputs(args.get("port_protocols", {}).get, name),
        appProtocol=apply_inputs(args.get("app_protocols", {}).get, name),
    )
