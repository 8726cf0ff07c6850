"""The container's environment variables, and the Secret that holds the values of ``secret_env``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.defaults import (
    cluster_domain,
    instance_service_name,
    load_balancer_name,
)
from pulumi_stateful_service.arguments.types import EnvFromArgs, KeyRefArgs, ResourceRefArgs, StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.names import (
    pod_address,
    pod_name,
    secret_name,
    service_address,
)
from pulumi_stateful_service.foundation.outputs import Resolved, apply_inputs, output_of, resolve
from pulumi_stateful_service.objects.shared import Shared
from pulumi_stateful_service.objects.versioned import version, version_of_secrets

_POD_FIELDS = {
    "POD_NAME": "metadata.name",
    "POD_ORDINAL": "metadata.labels['apps.kubernetes.io/pod-index']",
    "POD_NAMESPACE": "metadata.namespace",
    "POD_IP": "status.podIP",
    "HOST_IP": "status.hostIP",
    "NODE_NAME": "spec.nodeName",
}
"""Variables that the downward API sets."""


def environment(shared: Shared, args: StatefulServiceArgs) -> list[KubernetesObject]:
    """``env``. The user's own values come last, because $(NAME) refers only to variables before it."""
    return [
        *_discovery_variables(shared, args),
        *_variables_from_keys("secretKeyRef", args.get("env_from_secrets", {})),
        *_variables_from_keys("configMapKeyRef", args.get("env_from_config_maps", {})),
        *_variables_from_resources(args.get("env_from_resources", {})),
        *_secret_variables(shared, args.get("secret_env", {})),
        *({"name": name, "value": value} for name, value in args.get("env", {}).items()),
    ]


def environment_sources(sources: Sequence[EnvFromArgs]) -> list[KubernetesObject]:
    """``envFrom``."""
    return [_environment_source(source) for source in sources]


def secret(shared: Shared, values: Mapping[str, Any]) -> KubernetesObject:
    """The Secret that holds these values of ``secret_env``."""

    async def data() -> Resolved:
        return replace(await resolve(dict(values)), secret=True)

    return {**version(shared, _secret_version(shared, values)), "stringData": output_of(data())}


def _discovery_variables(shared: Shared, args: StatefulServiceArgs) -> list[KubernetesObject]:
    if "discovery" not in args:
        return []
    address = apply_inputs(
        lambda service, domain: service_address(service, "$(POD_NAMESPACE)", domain),
        args["service_name"],
        cluster_domain(args),
    )
    values = {
        "SERVICE_NAME": args["service_name"],
        "SERVICE_ADDRESS": address,
        "POD_ADDRESS": pod_address("$(POD_NAME)", "$(SERVICE_ADDRESS)"),
        "FIRST_POD_ADDRESS": _first_pod_address(shared, args),
        **({"GROUP_NAME": shared.group} if shared.group else {}),
        **_client_addresses(args),
        **{name: _peer_list(shared, args, form) for name, form in args["discovery"].get("peers", {}).items()},
    }
    return [
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in _POD_FIELDS.items()),
        *({"name": name, "value": value} for name, value in values.items()),
    ]


def _first_pod_address(shared: Shared, args: StatefulServiceArgs) -> Any:
    """The address of the first instance of the first group that has instances.

    A group that is emptied does not look at those that stay: what it had would change, and its instances restart before
    they leave.
    """

    def address(set_name: str, first: int) -> str:
        return pod_address(pod_name(set_name, first), "$(SERVICE_ADDRESS)")

    def among(own: int, *sets: tuple[str, int, int]) -> str:
        alike = [(set_name, first) for set_name, first, replicas in sets if bool(replicas) == bool(own)]
        return address(*alike[0])

    if len(shared.sets) == 1:
        return apply_inputs(address, shared.sets[0].set_name, shared.sets[0].first)
    return apply_inputs(among, args["replicas"], *((each.set_name, each.first, each.replicas) for each in shared.sets))


def _client_addresses(args: StatefulServiceArgs) -> dict[str, Any]:
    """The DNS names of the Services for clients, for an instance that tells its clients where to come back to."""
    addresses = {}
    if "load_balancer" in args:
        addresses["LOAD_BALANCER_ADDRESS"] = load_balancer_name(args)
    if "instance_services" in args:
        addresses["INSTANCE_SERVICE_ADDRESS"] = instance_service_name(
            args["instance_services"], "$(POD_NAME)", "$(POD_ORDINAL)"
        )

    def address(name: str, domain: str) -> str:
        return service_address(name, "$(POD_NAMESPACE)", domain)

    return {variable: apply_inputs(address, name, cluster_domain(args)) for variable, name in addresses.items()}


def _peer_list(shared: Shared, args: StatefulServiceArgs, peer_format: pulumi.Input[str]) -> Any:
    """All instances in the given format, with the separator between them."""

    def peer_list(peer_format: str, separator: str, *sets: tuple[str, int, int]) -> str:
        pods = [
            (ordinal, pod_name(set_name, ordinal))
            for set_name, start, replicas in sets
            for ordinal in range(start, start + replicas)
        ]
        return separator.join(
            peer_format.format(
                ordinal=ordinal, number=ordinal + 1, pod=pod, address=pod_address(pod, "$(SERVICE_ADDRESS)")
            )
            for ordinal, pod in pods
        )

    separator = args["discovery"].get("peer_separator", ",")
    sets = [(each.set_name, each.first, each.replicas) for each in shared.sets]
    return apply_inputs(peer_list, peer_format, separator, *sets)


def _secret_version(shared: Shared, values: Mapping[str, Any]) -> Any:
    return version_of_secrets(shared, values, apply_inputs(secret_name, shared.name))


def _secret_variables(shared: Shared, values: Mapping[str, Any]) -> Sequence[KubernetesObject]:
    """The variables of ``secret_env``. Another value is in another Secret: it rolls out as a new revision does."""
    of_version = _secret_version(shared, values) if values else None
    return _variables_from_keys("secretKeyRef", {name: {"name": of_version, "key": name} for name in values})


def _variables_from_keys(source: str, references: Any) -> Sequence[KubernetesObject]:
    def value_from(reference: KeyRefArgs) -> KubernetesObject:
        return {source: pick(reference, name="name", key="key", optional="optional")}

    return [{"name": name, "valueFrom": value_from(reference)} for name, reference in references.items()]


def _variables_from_resources(references: Mapping[str, ResourceRefArgs]) -> Sequence[KubernetesObject]:
    return [
        {"name": name, "valueFrom": {"resourceFieldRef": pick(each, resource="resource", divisor="divisor")}}
        for name, each in references.items()
    ]


def _environment_source(source: EnvFromArgs) -> KubernetesObject:
    return without_empty(
        prefix=source.get("prefix"),
        secretRef=_object_reference(source, "secret"),
        configMapRef=_object_reference(source, "config_map"),
    )


def _object_reference(source: EnvFromArgs, argument: str) -> KubernetesObject | None:
    return pick(source, name=argument, optional="optional") if argument in source else None
