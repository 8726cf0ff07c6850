"""The outputs of a service: names at once, what the cluster decides when the rollout is complete."""

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import pulumi

from pulumi_stateful_service.arguments.defaults import cluster_domain, first_ordinal
from pulumi_stateful_service.arguments.groups import ServiceGroups
from pulumi_stateful_service.arguments.types import ServiceType, StatefulServiceArgs
from pulumi_stateful_service.foundation import names
from pulumi_stateful_service.foundation.names import POD_NAME_LABEL, ServiceRole
from pulumi_stateful_service.foundation.outputs import UNKNOWN, Resolved, apply_inputs, output_of
from pulumi_stateful_service.group import StatefulSetOfService
from pulumi_stateful_service.live.before.forecast import ForecastOutput, StatefulSetOutcome
from pulumi_stateful_service.live.state.rollout_status import Rollout
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
    "stateful_set_names",
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
    groups: ServiceGroups,
    class_name: pulumi.Input[str] | None,
    governing_service: Any,
    followed: Sequence[pulumi.Output[Any]],
    sets: Sequence[StatefulSetOfService],
    clients: Sequence[tuple[Planned, Any]],
    versions: Mapping[str, Any],
) -> dict[str, Callable[[], pulumi.Input[Any]]]:
    """For each output by its name the function that creates it, so that an output that nobody uses costs nothing.

    ``followed`` are known when the rollout of each of the ``sets`` is complete. ``clients`` are the Services for
    clients as they were planned and registered, ``versions`` the Secrets and ConfigMaps by what their names have after
    the component's.
    """
    args = groups.args

    @cache
    def rollout() -> Any:
        return output_of(_read_rollout(sets, followed))

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
        "stateful_set_name": lambda: groups.groups[0].args["name"],
        "stateful_set_names": lambda: groups.set_names if groups.has_groups else {},
        "namespace": namespace,
        "service_address": service_address,
        "ready_address": lambda: apply_inputs(lambda _, address: address, list(followed), service_address()),
        "srv_names": lambda: apply_inputs(
            _srv_names, service_address(), list(args["ports"]), args.get("port_protocols", {})
        ),
        "instances": lambda: _instances(groups, rollout, service_address()),
        "storage_class_name": lambda: class_name,
        "load_balancer_address": lambda: next((each for _, each in addresses(ServiceRole.LOAD_BALANCING)), None),
        "client_service_addresses": lambda: apply_inputs(_addresses_by_name, addresses(ServiceRole.CLIENT)),
        "instance_service_addresses": lambda: apply_inputs(_addresses_by_name, addresses(ServiceRole.INSTANCE)),
        **{
            output: name_of_version(suffix) if suffix in versions else lambda: None
            for output, suffix in _NAMES_OF_VERSIONS.items()
        },
        **{field: of_rollout(field) for field in _OF_ROLLOUT},
        "forecast": lambda: output_of(_read_forecast(sets)),
    }


def _srv_names(address: str, ports: Sequence[str], protocols: Mapping[str, str]) -> dict[str, str]:
    return {port: names.srv_name(port, protocols.get(port, "TCP"), address) for port in ports}


def _instances(groups: ServiceGroups, rollout: Callable[[], Any], service_address: Any) -> Any:
    volumes = [volume["name"] for volume in groups.args["volumes"]]

    def instances(status: Any, address: str, *sets: tuple[str, int, int]) -> list[names.Instance]:
        live = status.ordinals if status else None
        return [
            instance
            for set_name, start, replicas in sets
            for instance in names.instances(set_name, address, volumes, live or range(start, start + replicas))
        ]

    # An autoscaler decides the number of instances.
    status = rollout() if groups.args.get("autoscaled") else None
    sets = [(each.args["name"], first_ordinal(each.args), each.args["replicas"]) for each in groups.groups]
    return apply_inputs(instances, status, service_address, *sets)


@dataclass(frozen=True)
class ServiceRollout:
    """What the outputs tell of the rollouts of all StatefulSets of a service."""

    current_revision: str | None
    update_revision: str | None
    ordinals: range | None
    revisions: Mapping[str, str]
    outdated: Sequence[str]
    outdated_claims: Sequence[str]
    snapshots: Mapping[str, str]
    restore_tests: Mapping[str, str]

    @classmethod
    def of(cls, rollouts: Sequence[Rollout]) -> Self:
        """Of all of them; a revision and ordinals are those of one StatefulSet."""
        only = rollouts[0] if len(rollouts) == 1 else Rollout()
        return cls(
            only.current_revision,
            only.update_revision,
            only.ordinals,
            dict(ChainMap(*(dict(each.revisions) for each in reversed(rollouts)))),
            [pod for each in rollouts for pod in each.outdated],
            [claim for each in rollouts for claim in each.outdated_claims],
            dict(ChainMap(*(dict(each.snapshots) for each in reversed(rollouts)))),
            dict(ChainMap(*(dict(each.restore_tests) for each in reversed(rollouts)))),
        )


async def _read_rollout(sets: Sequence[StatefulSetOfService], followed: Sequence[pulumi.Output[Any]]) -> Resolved:
    states = [await each.state(rollout) for each, rollout in zip(sets, followed, strict=True)]
    resources = frozenset[pulumi.Resource]().union(*(each.resources for each in states))
    is_known = all(each.known for each in states)
    value = ServiceRollout.of([each.value for each in states]) if is_known else UNKNOWN
    return Resolved(value, any(each.secret for each in states), resources)


async def _read_forecast(sets: Sequence[StatefulSetOfService]) -> Resolved:
    forecasts = [await each.forecast() for each in sets]
    known = [each for each in forecasts if each is not None]
    value = _joined([each.as_output() for each in known]) if len(known) == len(forecasts) else UNKNOWN
    return Resolved(value, resources=frozenset([each.resource for each in sets]))


def _joined(forecasts: Sequence[ForecastOutput]) -> ForecastOutput:
    unchanged = StatefulSetOutcome.UNCHANGED.value
    return {
        "set": next((each["set"] for each in forecasts if each["set"] != unchanged), unchanged),
        "instances": {name: outcome for each in forecasts for name, outcome in each["instances"].items()},
        "order": [name for each in forecasts for name in each["order"]],
        "claims": {name: outcome for each in forecasts for name, outcome in each["claims"].items()},
        "reasons": list(dict.fromkeys(reason for each in forecasts for reason in each["reasons"])),
    }


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
