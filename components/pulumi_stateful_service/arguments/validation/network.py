"""The arguments that say how instances are reached, held against each other."""

from typing import TYPE_CHECKING, cast

import pulumi

from pulumi_stateful_service.arguments import checks
from pulumi_stateful_service.arguments.defaults import allowed_port_names, first_ordinal, service_type, session_affinity
from pulumi_stateful_service.arguments.types import (
    InstanceServicesArgs,
    LoadBalancerArgs,
    ServiceType,
    SessionAffinity,
    StatefulServiceArgs,
)
from pulumi_stateful_service.errors import ArgumentError
from pulumi_stateful_service.foundation.names import load_balancer_name
from pulumi_stateful_service.foundation.outputs import apply_inputs, checked_together

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_ports(where: str, args: StatefulServiceArgs) -> None:
    """What is said of ports, by the names of ports."""
    for argument in ("port_protocols", "app_protocols"):
        for name in cast("Mapping[str, object]", args.get(argument, {})):
            if name not in args["ports"]:
                raise ArgumentError.of_value(where, f"a key of {argument}", name, allowed_port_names(args))


def check_load_balancer(where: str, args: StatefulServiceArgs) -> None:
    """The load-balancing Service: its name, its ports, and what only some types know."""
    load_balancer = args.get("load_balancer")
    if load_balancer is None:
        return
    if not args["ports"]:
        raise ArgumentError(where, "load_balancer", "has nothing to lead to", "give the instances' ports in ports")
    load_balancer.setdefault("name", apply_inputs(load_balancer_name, args["service_name"]))

    def differs_from_the_governing(name: str, governing: str) -> None:
        if name == governing:
            raise ArgumentError.of_value(
                where, "load_balancer.name", name, "must differ from service_name, which is the governing Service's"
            )

    load_balancer["name"], args["service_name"] = checked_together(
        differs_from_the_governing, load_balancer["name"], args["service_name"]
    )
    _check_reached(where, "load_balancer", load_balancer)
    _check_affinity(where, load_balancer)
    _check_client_ports(where, args, load_balancer)


def _check_affinity(where: str, load_balancer: LoadBalancerArgs) -> None:
    def sticky(affinity: str) -> None:
        if affinity != SessionAffinity.CLIENT_IP:
            raise ArgumentError(
                where,
                "load_balancer.session_affinity_timeout_seconds",
                f"is given with session_affinity {affinity}",
                "give it with ClientIP",
            )

    if "session_affinity_timeout_seconds" in load_balancer:
        [load_balancer["session_affinity"]] = checked_together(sticky, session_affinity(load_balancer))


def _check_client_ports(where: str, args: StatefulServiceArgs, load_balancer: LoadBalancerArgs) -> None:
    ports, target = args["ports"], load_balancer.get("target_port")
    if "ports" in load_balancer and "port" in load_balancer:
        raise ArgumentError(
            where, "load_balancer.ports", "is given beside port", "give the one port, or each by the name it leads to"
        )
    for name in load_balancer.get("ports", {}):
        if name not in ports:
            raise ArgumentError.of_value(where, "a key of load_balancer.ports", name, allowed_port_names(args))
    if target is not None and "port" not in load_balancer:
        raise ArgumentError(where, "load_balancer.target_port", "stands alone", "give load_balancer.port too")
    if "port" not in load_balancer:
        return
    if target is None:
        if len(ports) > 1:
            raise ArgumentError(
                where,
                "load_balancer.target_port",
                "is missing",
                f"load_balancer.port must lead to one of {', '.join(ports)}",
            )
        load_balancer["target_port"] = next(iter(ports))
    elif isinstance(target, str) and target not in ports:
        raise ArgumentError.of_value(where, "load_balancer.target_port", target, allowed_port_names(args))


def check_instance_services(where: str, args: StatefulServiceArgs) -> None:
    """Services of instances: which there are must be known, and their names must be a Service's."""
    wanted = args.get("instance_services")
    if wanted is None:
        return
    if not args["ports"]:
        raise ArgumentError(where, "instance_services", "has nothing to lead to", "give the instances' ports in ports")
    _check_reached(where, "instance_services", wanted)
    undecided = [
        name
        for name, value in (("replicas", args["replicas"]), ("ordinals.start", first_ordinal(args)))
        if isinstance(value, pulumi.Output)
    ]
    if undecided or (args.get("autoscaled") and "ordinals" not in wanted):
        raise ArgumentError(
            where,
            "instance_services",
            f"needs to know which instances there are, and {' and '.join(undecided) or 'an autoscaler'} "
            f"{'is an Output' if undecided else 'decides'}",
            "give a plain value" if undecided else "give instance_services.ordinals",
        )

    def begins_with_a_letter(set_name: str) -> None:
        if allowed := checks.service_name(f"{set_name}-0"):
            raise ArgumentError.of_value(where, "name", set_name, f"{allowed}, since Services are named after Pods")

    [args["name"]] = checked_together(begins_with_a_letter, args["name"])


def _check_reached(where: str, path: str, wanted: LoadBalancerArgs | InstanceServicesArgs) -> None:
    """What only some types of Service know."""
    needs = {
        "load_balancer_class": (ServiceType.LOAD_BALANCER,),
        "load_balancer_source_ranges": (ServiceType.LOAD_BALANCER,),
        "external_traffic_policy": (ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER),
    }

    def known_to(kind: str) -> None:
        for argument, kinds in needs.items():
            if argument in wanted and kind not in kinds:
                raise ArgumentError(
                    where, f"{path}.{argument}", f"is given with type {kind}", f"give it with {' or '.join(kinds)}"
                )

    if needs.keys() & wanted.keys():
        [wanted["type"]] = checked_together(known_to, service_type(wanted))


def check_network_policy(where: str, args: StatefulServiceArgs) -> None:
    """Each client is somebody, and may use a port that there is."""
    for i, client in enumerate(args.get("network_policy", {}).get("clients", [])):
        path = f"network_policy.clients[{i}]"
        by_pods = [key for key in ("namespace", "namespace_labels", "pod_labels") if key in client]
        if "cidr" in client and by_pods:
            raise ArgumentError(
                where, f"{path}.cidr", f"is given beside {' and '.join(by_pods)}", "make a client of each"
            )
        if "cidr" not in client and not by_pods:
            raise ArgumentError(where, path, "names nobody", "give namespace, namespace_labels, pod_labels or cidr")
        if "namespace" in client and "namespace_labels" in client:
            raise ArgumentError(where, f"{path}.namespace_labels", "is given beside namespace", "give one of them")
        for name in client.get("ports", []):
            if name not in args["ports"]:
                raise ArgumentError.of_value(where, f"{path}.ports", name, allowed_port_names(args))
        if not args["ports"]:
            raise ArgumentError(where, path, "has nothing to reach", "give the instances' ports in ports")
