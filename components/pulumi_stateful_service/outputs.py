"""The outputs of a service: names at once, what the cluster decides when the rollout is complete."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.defaults import cluster_domain, first_ordinal
from pulumi_stateful_service.arguments.types import ServiceType, StatefulServiceArgs
from pulumi_stateful_service.foundation import names
from pulumi_stateful_service.foundation.names import POD_NAME_LABEL, ServiceRole
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.plan import Planned

OUTPUTS = (
    "service_name",
    "stateful_set_name",
    "namespace",
    "service_address",
    "ready_address",
    "srv_names",
    "instances",
    "storage_class_name",
    "load_balancer_address",
    "client_service_addresses",
    "instance_service_addresses",
    "current_revision",
    "update_revision",
    "revisions",
    "outdated",
    "outdated_claims",
    "forecast",
)
"""The outputs of the component."""


def service_outputs(
    args: StatefulServiceArgs,
    class_name: pulumi.Input[str] | None,
    governing_service: Any,
    rollout: pulumi.Output[Any],
    forecast: pulumi.Output[Any],
    clients: Sequence[tuple[Planned, Any]],
) -> dict[str, pulumi.Output[Any]]:
    """The outputs by name. ``clients`` are the Services for clients as they were planned and registered."""
    namespace = args.get("namespace") or apply_inputs(
        lambda metadata: metadata.namespace or "default", governing_service.metadata
    )
    # What follows from the arguments is known at once: a Job that initializes the instances needs their names.
    service_address = apply_inputs(names.service_address, args["service_name"], namespace, cluster_domain(args))
    addresses: dict[ServiceRole | None, list[tuple[Any, Any]]] = {role: [] for role in ServiceRole}
    for planned, service in clients:
        # An instance's Service is listed by the Pod's name, which its own may differ from.
        name = planned.fields["spec"]["selector"].get(POD_NAME_LABEL, planned.fields["metadata"]["name"])
        addresses[planned.role].append((name, _address(args, planned, service, namespace)))
    load_balancer_address = next((address for _, address in addresses[ServiceRole.LOAD_BALANCING]), None)
    known = {
        "service_name": args["service_name"],
        "stateful_set_name": args["name"],
        "namespace": namespace,
        "service_address": service_address,
        "ready_address": apply_inputs(lambda _, address: address, rollout, service_address),
        "srv_names": apply_inputs(_srv_names, service_address, list(args["ports"]), args.get("port_protocols", {})),
        "instances": _instances(args, rollout, service_address),
        "storage_class_name": class_name,
        "load_balancer_address": load_balancer_address,
        "client_service_addresses": apply_inputs(_addresses_by_name, addresses[ServiceRole.CLIENT]),
        "instance_service_addresses": apply_inputs(_addresses_by_name, addresses[ServiceRole.INSTANCE]),
    }
    of_rollout = ("current_revision", "update_revision", "revisions", "outdated", "outdated_claims")
    return {
        "forecast": forecast,
        **{name: pulumi.Output.from_input(value) for name, value in known.items()},
        **{name: apply_inputs(lambda status, name=name: getattr(status, name), rollout) for name in of_rollout},
    }


def _srv_names(address: str, ports: Sequence[str], protocols: Mapping[str, str]) -> dict[str, str]:
    return {port: names.srv_name(port, protocols.get(port, "TCP"), address) for port in ports}


def _instances(args: StatefulServiceArgs, rollout: pulumi.Output[Any], service_address: Any) -> Any:
    volumes = [volume["name"] for volume in args["volumes"]]

    def instances(status: Any, set_name: str, address: str, start: int, replicas: int) -> list[names.Instance]:
        live = status.ordinals if status else None
        return names.instances(set_name, address, volumes, live or range(start, start + replicas))

    # An autoscaler decides the number of instances.
    status = rollout if args.get("autoscaled") else None
    return apply_inputs(instances, status, args["name"], service_address, first_ordinal(args), args["replicas"])


def _addresses_by_name(pairs: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    return {name: address for name, address in pairs if address}


def _address(args: StatefulServiceArgs, planned: Planned, service: Any, namespace: Any) -> Any:
    """Where clients reach a Service."""

    def address(spec: Any, status: Any, name: str, namespace: str, domain: str) -> str | None:
        if spec.type == ServiceType.LOAD_BALANCER:
            return _ingress_address(status)
        return names.service_address(name, namespace, domain)

    name = planned.fields["metadata"]["name"]
    return apply_inputs(address, service.spec, service.status, name, namespace, cluster_domain(args))


def _ingress_address(status: Any) -> str | None:
    ingress = (status and status.load_balancer and status.load_balancer.ingress) or []
    return next((str(point.ip or point.hostname) for point in ingress if point.ip or point.hostname), None)
