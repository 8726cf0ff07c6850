"""The Pods: labels, template, environment, resources, probes and security."""

import functools
from typing import TYPE_CHECKING, Any, cast

from pulumi_stateful_service.arguments import checks
from pulumi_stateful_service.arguments.defaults import allowed_port_names, selector
from pulumi_stateful_service.arguments.types import (
    EnvFromArgs,
    PodSecurityStandard,
    ProbeArgs,
    ResourcesArgs,
    StatefulServiceArgs,
)
from pulumi_stateful_service.errors import ArgumentError
from pulumi_stateful_service.foundation.kubernetes_object import without_empty
from pulumi_stateful_service.foundation.names import DISCOVERED
from pulumi_stateful_service.foundation.outputs import checked_together
from pulumi_stateful_service.foundation.quantities import amount

if TYPE_CHECKING:
    from collections.abc import Mapping


_PROBES = ("readiness_probe", "liveness_probe", "startup_probe")


_WAYS_TO_PROBE = ("http_get", "tcp_socket", "grpc", "exec")


def check_labels(where: str, args: StatefulServiceArgs) -> None:
    if "selector" in args and not args["selector"]:
        raise ArgumentError(
            where, "selector", "is empty", "give the labels of the set that is taken over, or leave it out"
        )
    for key in selector(args).keys() & args.get("labels", {}).keys():
        raise ArgumentError(
            where, f"labels[{key!r}]", "is the component's own", "the set and its Services select the Pods by it"
        )


def check_pod_template(where: str, args: StatefulServiceArgs) -> None:
    template = args.get("pod_template", {})
    for key in template.keys() - {"metadata", "spec"}:
        known = checks.nearest(key, ("metadata", "spec")) or "a Pod template has metadata and spec"
        raise ArgumentError(where, f"pod_template.{key}", "is not a field", known)
    path = "pod_template.metadata.labels"
    for key in selector(args).keys() & template.get("metadata", {}).get("labels", {}).keys():
        raise ArgumentError(
            where, f"{path}[{key!r}]", "is the component's own", "the set and its Services select the Pods by it"
        )
    path = "pod_template.spec.terminationGracePeriodSeconds"
    if template.get("spec", {}).get("terminationGracePeriodSeconds") is not None:
        raise ArgumentError(where, path, "is an argument of its own", "use termination_grace_period_seconds")


def check_environment(where: str, args: StatefulServiceArgs) -> None:
    source_of: dict[str, str] = dict.fromkeys(DISCOVERED, "discovery") if "discovery" in args else {}
    for source in ("discovery.peers", "env", "secret_env", "env_from_secrets", "env_from_config_maps"):
        argument, _, key = source.partition(".")
        variables = cast("Mapping[str, Any]", args.get(argument, {}))
        variables = variables.get(key, {}) if key else variables
        for name in variables:
            if name in source_of:
                raise ArgumentError(
                    where, f"{source}[{name!r}]", f"is in {source_of[name]} too", "a variable has one source"
                )
            source_of[name] = source
    for i, each in enumerate(args.get("env_from", [])):
        _exactly_one(where, f"env_from[{i}]", each, ("secret", "config_map"))


def check_resources(where: str, args: StatefulServiceArgs) -> None:
    resources = args.get("resources", {})
    requests, limits = dict(resources.get("requests", {})), dict(resources.get("limits", {}))

    def fit(resource: str, request: str, limit: str) -> None:
        asked, allowed = amount(request), amount(limit)
        if asked == allowed:
            return
        if asked > allowed or not checks.is_overcommitable(resource):
            rule = "at most" if checks.is_overcommitable(resource) else "the same as"
            raise ArgumentError.of_value(
                where, f"resources.requests[{resource!r}]", request, f"must be {rule} its limit, {limit}"
            )

    for resource, request in list(requests.items()):
        if resource in limits:
            check = functools.partial(fit, resource)
            requests[resource], limits[resource] = checked_together(check, request, limits[resource])
        elif not checks.is_overcommitable(resource):
            raise ArgumentError(
                where,
                f"resources.requests[{resource!r}]",
                "has no limit, and only cpu, memory and ephemeral-storage can do without",
                "give resources.limits the same",
            )
    if resources:
        args["resources"] = cast("ResourcesArgs", without_empty(requests=requests, limits=limits))


def check_probes(where: str, args: StatefulServiceArgs) -> None:
    for name in _PROBES:
        probe = cast("ProbeArgs | None", args.get(name))
        if probe is None:
            continue
        _exactly_one(where, name, probe, _WAYS_TO_PROBE)
        if name != "readiness_probe" and probe.get("success_threshold", 1) != 1:
            raise ArgumentError.of_value(where, f"{name}.success_threshold", probe["success_threshold"], "must be 1")
        for way in ("http_get", "tcp_socket"):
            port = cast("Mapping[str, object]", probe.get(way, {})).get("port")
            # A template laid over the component's may bring ports of its own.
            if isinstance(port, str) and port not in args["ports"] and "pod_template" not in args:
                raise ArgumentError.of_value(where, f"{name}.{way}.port", port, allowed_port_names(args))


def _exactly_one(where: str, path: str, value: EnvFromArgs | ProbeArgs, keys: tuple[str, ...]) -> None:
    given = [key for key in keys if key in value]
    if len(given) != 1:
        raise ArgumentError(
            where, path, f"has {' and '.join(given) or 'none'} of {', '.join(keys)}", "it needs exactly one"
        )


def check_security(where: str, args: StatefulServiceArgs) -> None:
    security = args.get("security", {})
    if security.get("standard", PodSecurityStandard.RESTRICTED) != PodSecurityStandard.RESTRICTED:
        return
    remedy = "give security.standard baseline where the image needs it"

    def no_root(user: int) -> None:
        if user == 0:
            raise ArgumentError(where, "security.run_as_user", "is 0, which is root, and not restricted", remedy)

    def only_ports(*capabilities: str) -> None:
        for capability in capabilities:
            if capability != "NET_BIND_SERVICE":
                raise ArgumentError(
                    where, "security.add_capabilities", f"has {capability}; restricted allows NET_BIND_SERVICE", remedy
                )

    laid_over = args.get("pod_template", {}).get("spec", {}).get("securityContext") or {}
    if isinstance(laid_over, dict) and laid_over.get("runAsUser") == 0 and laid_over.get("runAsNonRoot", True):
        path = "pod_template.spec.securityContext.runAsUser"
        raise ArgumentError(where, path, "is 0, which is root, and not restricted", remedy)
    if "run_as_user" in security:
        [security["run_as_user"]] = checked_together(no_root, security["run_as_user"])
    if "add_capabilities" in security:
        security["add_capabilities"] = checked_together(only_ports, *security["add_capabilities"])
