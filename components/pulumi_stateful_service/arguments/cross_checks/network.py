"""How instances are reached: ports, Services for clients, and the network policy."""

from collections.abc import Mapping
from typing import Any, cast

from pulumi_stateful_service.arguments.cross_checks.cross_checks import CrossChecks
from pulumi_stateful_service.arguments.defaults import (
    ServiceSettings,
    allowed_port_names,
    first_ordinal,
    instance_service_name,
    instance_service_ordinals,
    load_balancer_name,
    service_type,
    session_affinity,
)
from pulumi_stateful_service.arguments.types import (
    ClientServiceArgs,
    InstanceServicesArgs,
    LoadBalancerArgs,
    NetworkClientArgs,
    ServiceType,
    SessionAffinity,
    StatefulServiceArgs,
)
from pulumi_stateful_service.arguments.value_checks.checks import service_name
from pulumi_stateful_service.foundation.names import pod_name
from pulumi_stateful_service.foundation.outputs import apply_inputs, contains_output

_TYPES_THAT_KNOW = {
    "node_ports": (ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER),
    "load_balancer_class": (ServiceType.LOAD_BALANCER,),
    "load_balancer_source_ranges": (ServiceType.LOAD_BALANCER,),
    "external_traffic_policy": (ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER),
}


def check(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Checks ports, Services and the network policy."""
    _check_ports(args, checks)
    if "load_balancer" in args:
        _check_load_balancer(args, args["load_balancer"], checks)
    for name, settings in args.get("client_services", {}).items():
        _check_client_service(args, name, settings, checks)
    if "instance_services" in args:
        _check_instance_services(args, args["instance_services"], checks)
    _check_service_names(args, checks)
    for i, client in enumerate(args.get("network_policy", {}).get("clients", [])):
        _check_client(args, client, f"network_policy.clients[{i}]", checks)


def _check_ports(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    for argument in ("port_protocols", "app_protocols"):
        for name in cast("Mapping[str, object]", args.get(argument, {})):
            if name not in args["ports"]:
                raise checks.error_of_value(f"a key of {argument}", name, allowed_port_names(args))

    def differ(ports: Mapping[str, int], protocols: Mapping[str, str]) -> None:
        names: dict[tuple[int, str], str] = {}
        for name, number in ports.items():
            protocol = protocols.get(name, "TCP")
            if (number, protocol) in names:
                raise checks.error(
                    f"ports {names[number, protocol]!r} and {name!r} have the same number and protocol, {number}/"
                    f"{protocol}; each pair must be unique",
                    "two of ports have the same number and protocol; each pair must be unique",
                )
            names[number, protocol] = name

    checks.check(differ, args["ports"], args.get("port_protocols", {}))


def _check_load_balancer(args: StatefulServiceArgs, load_balancer: LoadBalancerArgs, checks: CrossChecks) -> None:
    if not args["ports"]:
        raise checks.error("load_balancer requires at least one entry in ports")

    _check_service_type(load_balancer, "load_balancer", checks)

    def is_sticky(affinity: str) -> None:
        if affinity != SessionAffinity.CLIENT_IP:
            raise checks.error(
                f"load_balancer.session_affinity_timeout_seconds requires session_affinity ClientIP; it is {affinity}"
            )

    if "session_affinity_timeout_seconds" in load_balancer:
        checks.check(is_sticky, session_affinity(load_balancer))
    _check_client_ports(args, load_balancer, checks)


def _check_client_ports(args: StatefulServiceArgs, load_balancer: LoadBalancerArgs, checks: CrossChecks) -> None:
    checks.refuse_both(load_balancer, "port", "ports", path="load_balancer.")
    _check_port_names(args, "load_balancer.ports", load_balancer.get("ports", {}), checks)
    _check_port_names(args, "load_balancer.node_ports", load_balancer.get("node_ports", {}), checks)
    if "target_port" in load_balancer and "port" not in load_balancer:
        raise checks.error("load_balancer.target_port requires load_balancer.port")
    if "port" not in load_balancer:
        return
    if "target_port" not in load_balancer and len(args["ports"]) > 1:
        raise checks.error(
            f"load_balancer.port requires target_port, one of {', '.join(args['ports'])}: there is more than one port"
        )

    def is_a_port(target: str) -> None:
        if target not in args["ports"]:
            raise checks.error_of_value("load_balancer.target_port", target, allowed_port_names(args))

    if "target_port" in load_balancer:
        checks.check(is_a_port, load_balancer["target_port"])


def _check_client_service(args: StatefulServiceArgs, name: str, client: ClientServiceArgs, checks: CrossChecks) -> None:
    path = f"client_services[{name!r}]"
    if not args["ports"]:
        raise checks.error(f"{path} requires at least one entry in ports")
    _check_port_names(args, f"{path}.ports", client.get("ports", {}), checks)
    _check_service_type(client, path, checks)


def _check_port_names(args: StatefulServiceArgs, path: str, numbers: Mapping[str, object], checks: CrossChecks) -> None:
    for name in numbers:
        if name not in args["ports"]:
            raise checks.error_of_value(f"a key of {path}", name, allowed_port_names(args))


def _check_instance_services(args: StatefulServiceArgs, wanted: InstanceServicesArgs, checks: CrossChecks) -> None:
    if not args["ports"]:
        raise checks.error("instance_services requires at least one entry in ports")
    _check_service_type(wanted, "instance_services", checks)
    _check_port_names(args, "instance_services.node_ports", wanted.get("node_ports", {}), checks)
    for argument, value in (("replicas", args["replicas"]), ("ordinals.start", first_ordinal(args))):
        if contains_output(value):
            raise checks.error(
                f"instance_services requires a plain value of {argument}, and it is an Output: it decides which "
                "Services there are"
            )
    if args.get("autoscaled") and "ordinals" not in wanted:
        raise checks.error(
            "instance_services requires instance_services.ordinals with autoscaled: the number of instances is not "
            "known here"
        )

    def begins_with_a_letter(name: str, set_name: str) -> None:
        if (allowed := service_name(name)) and "name" not in wanted:
            raise checks.error_of_value("name", set_name, f"{allowed}, because Services are named after Pods")
        if allowed:
            raise checks.error_of_value("instance_services.name", name, f"{allowed}, for each instance")

    pod = apply_inputs(lambda set_name: pod_name(set_name, 0), args["name"])
    checks.check(begins_with_a_letter, instance_service_name(wanted, pod, 0), args["name"])


def _check_service_names(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Two Services with one name would be one Service."""
    services: list[tuple[str, str, Any]] = [("service_name", "the governing Service", args["service_name"])]
    if "load_balancer" in args:
        services.append(("load_balancer.name", "the load-balancing Service", load_balancer_name(args)))
    clients = args.get("client_services", {})
    services += [("a key of client_services", "a Service of client_services", name) for name in clients]
    if "instance_services" in args:
        for ordinal in instance_service_ordinals(args):
            pod = apply_inputs(pod_name, args["name"], ordinal)
            name = instance_service_name(args["instance_services"], pod, ordinal)
            services.append(("instance_services.name", f"the Service of instance {ordinal}", name))

    def differ(*names: str) -> None:
        having: dict[str, int] = {}
        for number, name in enumerate(names):
            other = having.setdefault(name, number)
            if other != number:
                raise checks.error_of_value(
                    services[number][0], name, f"must not be the name of {services[other][1]} too"
                )

    checks.check(differ, *(name for _, _, name in services))


def _check_service_type(wanted: ServiceSettings, path: str, checks: CrossChecks) -> None:
    def knows(kind: str) -> None:
        for argument, kinds in _TYPES_THAT_KNOW.items():
            if argument in wanted and kind not in kinds:
                raise checks.error(f"{path}.{argument} requires type {' or '.join(kinds)}; it is {kind}")

    if _TYPES_THAT_KNOW.keys() & wanted.keys():
        checks.check(knows, service_type(wanted))


def _check_client(args: StatefulServiceArgs, client: NetworkClientArgs, path: str, checks: CrossChecks) -> None:
    by_pods = [key for key in ("namespace", "namespace_labels", "pod_labels") if key in client]
    if "cidr" in client and by_pods:
        raise checks.error(f"{path}.cidr and {path}.{by_pods[0]} are mutually exclusive; add a client for each of them")
    if "cidr" not in client and not by_pods:
        raise checks.error(f"{path} requires namespace, namespace_labels, pod_labels or cidr")
    checks.refuse_both(client, "namespace", "namespace_labels", path=f"{path}.")
    if not args["ports"]:
        raise checks.error(f"{path} requires at least one entry in ports")
    for name in cast("list[Any]", client.get("ports", [])):
        if name not in args["ports"]:
            raise checks.error_of_value(f"{path}.ports", name, allowed_port_names(args))
