"""The outputs of a service: names at once, what the cluster decides when the rollout is complete."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.defaults import cluster_domain, first_ordinal
from pulumi_stateful_service.arguments.types import ServiceType, StatefulServiceArgs
from pulumi_stateful_service.foundation import names
from pulumi_stateful_service.foundation.names import POD_NAME_LABEL, ServiceRole
from pulumi_stateful_service.foundation.outputs import Resolved, apply_inputs, output_of
from pulumi_stateful_service.plan import Planned

_OF_ROLLOUT = (
    "current_revision",
    "update_revision",
    "revisions",
    "outdated",
    "outdated_claims",
    "snapshots",
    "restore_tests",
)
_NAMES_OF_VERSIONS = {
    "secret_env_name": "-env",
    "config_files_name": "-config-files",
    "secret_files_name": "-secret-files",
}
"""Each with what the resource's name in Pulumi has after the component's."""

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
    *_NAMES_OF_VERSIONS,
    *_OF_ROLLOUT,
    "forecast",
)
"""The outputs of the component."""


def service_outputs(
    args: StatefulServiceArgs,
    class_name: pulumi.Input[str] | None,
    governing_service: Any,
    followed: pulumi.Output[Any],
    read_rollout: Callable[[], Coroutine[Any, Any, Resolved]],
    read_forecast: Callable[[], Coroutine[Any, Any, Resolved]],
    clients: Sequence[tuple[Planned, Any]],
    versions: Mapping[str, Any],
) -> dict[str, Callable[[], pulumi.Input[Any]]]:
    """For each output by its name the function that creates it, so that an output that nobody uses costs nothing.

    ``followed`` is known when the rollout is complete. ``clients`` are the Services for clients as they were planned
    and registered, ``versions`` the Secrets and ConfigMaps by what their names have after the component's.
    """

    @cache
    def rollout() -> Any:
        return output_of(read_rollout())

    @cache
    def namespace() -> Any:
        return args.get("namespace") or apply_inputs(
            lambda metadata: metadata.namespace or "default", governing_service.metadata
        )

    @cache
    def service_address() -> Any:
        # What follows from the arguments is known at once: a Job that initializes the instances needs their names.
        return apply_inputs(names.service_address, args["service_name"], namespace(), cluster_domain(args))

    def addresses(role: ServiceRole) -> list[tuple[Any, Any]]:
        # An instance's Service is listed by the Pod's name, which its own may differ from.
        return [
            (
                planned.fields["spec"]["selector"].get(POD_NAME_LABEL, planned.fields["metadata"]["name"]),
                _address(args, planned, service, namespace()),
            )
            for planned, service in clients
            if planned.role is role
        ]

    def name_of_version(suffix: str) -> Callable[[], Any]:
        return lambda: apply_inputs(lambda metadata: metadata.name, versions[suffix].metadata)

    def of_rollout(field: str) -> Callable[[], Any]:
        return lambda: apply_inputs(lambda status: getattr(status, field), rollout())

    return {
        "service_name": lambda: args["service_name"],
        "stateful_set_name": lambda: args["name"],
        "namespace": namespace,
        "service_address": service_address,
        "ready_address": lambda: apply_inputs(lambda _, address: address, followed, service_address()),
        "srv_names": lambda: apply_inputs(
            _srv_names, service_address(), list(args["ports"]), args.get("port_protocols", {})
        ),
        "instances": lambda: _instances(args, rollout, service_address()),
        "storage_class_name": lambda: class_name,
        "load_balancer_address": lambda: next((each for _, each in addresses(ServiceRole.LOAD_BALANCING)), None),
        "client_service_addresses": lambda: apply_inputs(_addresses_by_name, addresses(ServiceRole.CLIENT)),
        "instance_service_addresses": lambda: apply_inputs(_addresses_by_name, addresses(ServiceRole.INSTANCE)),
        **{
            output: name_of_version(suffix) if suffix in versions else lambda: None
            for output, suffix in _NAMES_OF_VERSIONS.items()
        },
        **{field: of_rollout(field) for field in _OF_ROLLOUT},
        "forecast": lambda: output_of(read_forecast()),
    }


def _srv_names(address: str, ports: Sequence[str], protocols: Mapping[str, str]) -> dict[str, str]:
    return {port: names.srv_name(port, protocols.get(port, "TCP"), address) for port in ports}


def _instances(args: StatefulServiceArgs, rollout: Callable[[], Any], service_address: Any) -> Any:
    volumes = [volume["name"] for volume in args["volumes"]]

    def instances(status: Any, set_name: str, address: str, start: int, replicas: int) -> list[names.Instance]:
        live = status.ordinals if status else None
        return names.instances(set_name, address, volumes, live or range(start, start + replicas))

    # An autoscaler decides the number of instances.
    status = rollout() if args.get("autoscaled") else None
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
