"""The Services: the governing one, which gives each instance its name, and those that clients reach instances by."""

from collections.abc import Mapping
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.defaults import first_ordinal, load_balancer_name, selector, service_type
from pulumi_stateful_service.arguments.types import (
    InstanceServicesArgs,
    LoadBalancerArgs,
    ServiceType,
    StatefulServiceArgs,
)
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.names import pod_name
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.objects.metadata import metadata


def governing_service(args: StatefulServiceArgs) -> KubernetesObject:
    """The headless Service that the set names in ``serviceName``."""
    return {
        "metadata": metadata(args, args["service_name"]),
        "spec": without_empty(
            clusterIP="None",
            selector=selector(args),
            ports=_ports(args),
            publishNotReadyAddresses=args.get("publish_not_ready_addresses"),
            **_families(args),
        ),
    }


def load_balancing_service(args: StatefulServiceArgs) -> KubernetesObject:
    """The ordinary Service over all ready instances."""
    load_balancer = args["load_balancer"]
    ports = _ports(args, load_balancer.get("ports"))
    if "port" in load_balancer:
        ports = [_port(args, load_balancer.get("target_port", next(iter(args["ports"]))), load_balancer["port"])]
    sticky = without_empty(timeoutSeconds=load_balancer.get("session_affinity_timeout_seconds"))
    return {
        "metadata": _metadata(args, load_balancer_name(args), load_balancer),
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
            **_reached(load_balancer),
            **_families(args),
        ),
    }


def instance_service(args: StatefulServiceArgs, ordinal: int) -> KubernetesObject:
    """The Service that leads to one instance."""
    wanted = args["instance_services"]
    name = apply_inputs(lambda set_name: pod_name(set_name, ordinal), args["name"])
    return {
        "metadata": _metadata(args, name, wanted),
        "spec": without_empty(
            selector={**selector(args), "statefulset.kubernetes.io/pod-name": name},
            ports=_ports(args),
            **_reached(wanted),
            **_families(args),
        ),
    }


def chosen_ordinals(args: StatefulServiceArgs) -> list[int]:
    """The ordinals that get a Service of their own. They are plain, or all that were chosen get one (validation)."""
    chosen = args["instance_services"].get("ordinals")
    if args.get("autoscaled"):
        return sorted(set(chosen or []))
    start: Any = first_ordinal(args)
    there: Any = range(start, start + args["replicas"])
    return [ordinal for ordinal in there if chosen is None or ordinal in chosen]


def _reached(wanted: LoadBalancerArgs | InstanceServicesArgs) -> KubernetesObject:
    return {
        "type": service_type(wanted),
        **pick(
            wanted,
            loadBalancerClass="load_balancer_class",
            loadBalancerSourceRanges="load_balancer_source_ranges",
            externalTrafficPolicy="external_traffic_policy",
        ),
    }


def _families(args: StatefulServiceArgs) -> KubernetesObject:
    return pick(args, ipFamilyPolicy="ip_family_policy", ipFamilies="ip_families")


def _metadata(
    args: StatefulServiceArgs, name: pulumi.Input[str], wanted: LoadBalancerArgs | InstanceServicesArgs
) -> KubernetesObject:
    of_the_service = metadata(args, name)
    own = {**of_the_service.get("annotations", {}), **wanted.get("annotations", {})}
    waits = wanted.get("wait_for_address", True)
    return {
        **of_the_service,
        "annotations": apply_inputs(lambda kind, waits: own | _awaited(kind, waits), service_type(wanted), waits),
    }


def _awaited(kind: str, waits: bool) -> dict[str, str]:
    """What Pulumi's provider waits for: an address. By itself it waits for Pods too, which the component has done."""
    if not waits:
        return {"pulumi.com/skipAwait": "true"}
    address = ".status.loadBalancer.ingress" if kind == ServiceType.LOAD_BALANCER else ".spec.clusterIP"
    return {"pulumi.com/waitFor": f"jsonpath={{{address}}}"}


def _ports(args: StatefulServiceArgs, numbers: Mapping[str, Any] | None = None) -> list[KubernetesObject]:
    """The instances' ports under the numbers given by name. Default: their own."""
    return [_port(args, name, number) for name, number in (numbers or args["ports"]).items()]


def _port(args: StatefulServiceArgs, name: pulumi.Input[str], number: Any) -> KubernetesObject:
    """A Service's port that leads to the instances' port of this name."""
    return without_empty(
        name=name,
        port=number,
        targetPort=name,
        protocol=apply_inputs(args.get("port_protocols", {}).get, name),
        appProtocol=apply_inputs(args.get("app_protocols", {}).get, name),
    )
