"""The Pods: labels, template, environment, resources, probes and security."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pulumi

from pulumi_stateful_service.arguments.cross_checks.cross_checks import CrossChecks
from pulumi_stateful_service.arguments.defaults import selector
from pulumi_stateful_service.arguments.types import (
    ContainerArgs,
    PodSecurityStandard,
    ResourcesArgs,
    StatefulServiceArgs,
    TaintEffect,
    TolerationOperator,
)
from pulumi_stateful_service.arguments.value_checks.checks import is_overcommitable, nearest, normal_path
from pulumi_stateful_service.foundation.names import CONTAINER_NAME, DISCOVERED, FILE_VOLUMES
from pulumi_stateful_service.foundation.quantities import amount

_PROBES = ("readiness_probe", "liveness_probe", "startup_probe")
_LIFECYCLE_HANDLERS = ("exec", "http_get", "sleep_seconds")
_PROBE_HANDLERS = ("http_get", "tcp_socket", "grpc", "exec")
_PROJECTED_SOURCES = ("secret", "config_map", "service_account_token", "pod_fields")
_PER_VARIABLE = (
    "discovery.peers",
    "env",
    "secret_env",
    "env_from_secrets",
    "env_from_config_maps",
    "env_from_resources",
)


def check(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Checks everything that becomes part of the Pod template."""
    _check_labels(args, checks)
    _check_pod_template(args, checks)
    _check_environment(args, checks)
    _check_resources(checks, "", args.get("resources", {}))
    _check_files(args, checks)
    _check_projected_volumes(args, checks)
    _check_probes(args, checks)
    _check_containers(args, checks)
    _check_tolerations(args, checks)
    _check_security(args, checks)


def _check_labels(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    if "selector" in args and not args["selector"]:
        raise checks.error("selector must not be empty; omit it, or use the labels of the StatefulSet to adopt")
    _refuse_selector_labels(args, checks, "labels", args.get("labels", {}))
    of_service = args.get("governing_service", {}).get("labels", {})
    _refuse_selector_labels(args, checks, "governing_service.labels", of_service)


def _refuse_selector_labels(
    args: StatefulServiceArgs, checks: CrossChecks, path: str, labels: Mapping[str, object]
) -> None:
    for key in selector(args).keys() & labels.keys():
        raise checks.error(f"{path}[{key!r}] cannot be set: the selector uses this label to find the Pods")


def _check_pod_template(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    def known_fields(template: Mapping[str, Any]) -> None:
        for key in template.keys() - {"metadata", "spec"}:
            known = nearest(key, ("metadata", "spec")) or "a Pod template has metadata and spec"
            raise checks.error(f"pod_template.{key} is not a field; {known}")

    def no_selector_labels(metadata: Mapping[str, Any]) -> None:
        _refuse_selector_labels(args, checks, "pod_template.metadata.labels", metadata.get("labels") or {})

    def no_grace_period(spec: Mapping[str, Any]) -> None:
        if spec.get("terminationGracePeriodSeconds") is not None:
            raise checks.error(
                "pod_template.spec.terminationGracePeriodSeconds cannot be set; use termination_grace_period_seconds"
            )

    def no_root(context: Mapping[str, Any]) -> None:
        if context.get("runAsUser") == 0 and context.get("runAsNonRoot", True):
            raise checks.error(
                "pod_template.spec.securityContext.runAsUser is 0 (root), which the restricted standard does not "
                f"allow; {_LESSER_STANDARD}"
            )

    template = args.get("pod_template", {})
    known_fields(template)
    _check_shallow(checks, no_selector_labels, template.get("metadata"))
    spec = template.get("spec")
    _check_shallow(checks, no_grace_period, spec)
    if _is_restricted(args):
        _check_shallow(checks, no_root, spec.get("securityContext") if isinstance(spec, Mapping) else None)


def _check_shallow(checks: CrossChecks, function: Any, mapping: Any) -> None:
    """Checks a mapping whose values matter one by one: an Output deeper in it holds nothing back."""
    if isinstance(mapping, Mapping):
        function(mapping)
    elif isinstance(mapping, pulumi.Output):
        checks.check(lambda known: function(known) if isinstance(known, Mapping) else None, mapping)


_LESSER_STANDARD = "set security.standard to baseline if the image requires it"


def _is_restricted(args: StatefulServiceArgs) -> bool:
    standard = args.get("security", {}).get("standard", PodSecurityStandard.RESTRICTED)
    return standard == PodSecurityStandard.RESTRICTED


def _check_environment(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    source_of: dict[str, str] = dict.fromkeys(DISCOVERED, "discovery") if "discovery" in args else {}
    for source in _PER_VARIABLE:
        argument, _, key = source.partition(".")
        variables = cast("Mapping[str, Any]", args.get(argument, {}))
        for name in variables.get(key, {}) if key else variables:
            if name in source_of:
                raise checks.error(
                    f"{source}[{name!r}] is set by {source_of[name]} too; an environment variable has one source"
                )
            source_of[name] = source
    for name, reference in args.get("env_from_resources", {}).items():
        is_a_unit = _is_a_unit(checks, f"env_from_resources[{name!r}].divisor")
        checks.check(is_a_unit, reference["resource"], reference.get("divisor", "1"))
    for i, each in enumerate(args.get("env_from", [])):
        _require_exactly_one(checks, f"env_from[{i}]", each, ("secret", "config_map"))


def _is_a_unit(checks: CrossChecks, path: str) -> Callable[[str, str], None]:
    def check(resource: str, divisor: str) -> None:
        if resource.endswith(".cpu") and divisor not in {"1", "1m"}:
            raise checks.error_of_value(path, divisor, "must be 1 or 1m for processors")
        if not resource.endswith(".cpu") and divisor == "1m":
            raise checks.error_of_value(path, divisor, "is for processors; use 1, 1M, 1Mi and so on")

    return check


def _check_extended(checks: CrossChecks, path: str, quantities: Mapping[str, Any]) -> None:
    """Checks that extended resources, which have a domain in their name, are counted."""

    def is_whole(path: str, quantity: str) -> None:
        if amount(quantity) % 1:
            raise checks.error_of_value(path, quantity, "must be a whole number")

    for resource, quantity in quantities.items():
        if "/" in resource:
            checks.check(is_whole, f"{path}[{resource!r}]", quantity)


def _check_resources(checks: CrossChecks, prefix: str, resources: ResourcesArgs) -> None:
    limits = resources.get("limits", {})

    def fits(resource: str, request: str, limit: str) -> None:
        requested, limited = amount(request), amount(limit)
        if requested > limited or (requested != limited and not is_overcommitable(resource)):
            path = f"{prefix}resources.requests[{resource!r}]"
            rule = "at most" if is_overcommitable(resource) else "equal to"
            raise checks.error(
                f"{path} is {request!r}; it must be {rule} its limit, {limit}", f"{path} must be {rule} its limit"
            )

    for kind, quantities in (("requests", resources.get("requests", {})), ("limits", limits)):
        _check_extended(checks, f"{prefix}resources.{kind}", quantities)
    for resource, request in resources.get("requests", {}).items():
        if resource in limits:
            checks.check(fits, resource, request, limits[resource])
        elif not is_overcommitable(resource):
            raise checks.error(
                f"{prefix}resources.requests[{resource!r}] requires a limit of the same amount in {prefix}resources."
                "limits: only cpu, memory and ephemeral-storage can be overcommitted"
            )


def _check_probes(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    # pod_template may add ports of its own.
    ports = None if "pod_template" in args else args["ports"]
    _check_probes_of(checks, "", args, ports)
    for event in ("post_start", "pre_stop"):
        handler = cast("Mapping[str, Any] | None", args.get("lifecycle", {}).get(event))
        if handler is not None:
            path = f"lifecycle.{event}"
            _require_exactly_one(checks, path, handler, _LIFECYCLE_HANDLERS)
            _check_port(checks, f"{path}.http_get.port", handler.get("http_get", {}).get("port"), ports)


def _check_probes_of(
    checks: CrossChecks, prefix: str, container: Mapping[str, Any], ports: Mapping[str, object] | None
) -> None:
    """Checks a container's probes. ``ports`` are those that they can name; None where not all are known."""

    def is_one(path: str, threshold: int) -> None:
        if threshold != 1:
            raise checks.error_of_value(path, threshold, "must be 1")

    for name in _PROBES:
        probe = cast("Mapping[str, Any] | None", container.get(name))
        if probe is None:
            continue
        _require_exactly_one(checks, f"{prefix}{name}", probe, _PROBE_HANDLERS)
        if name != "readiness_probe":
            checks.check(is_one, f"{prefix}{name}.success_threshold", probe.get("success_threshold", 1))
        for handler in ("http_get", "tcp_socket"):
            _check_port(checks, f"{prefix}{name}.{handler}.port", probe.get(handler, {}).get("port"), ports)


def _check_port(checks: CrossChecks, path: str, port: object, ports: Mapping[str, object] | None) -> None:
    def is_a_port(port: int | str) -> None:
        if isinstance(port, str) and ports is not None and port not in ports:
            raise checks.error_of_value(path, port, f"must be one of ports: {', '.join(ports) or 'there are none'}")

    checks.check(is_a_port, port)


def _check_files(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Checks that no volume has the name of one with files."""
    files = {*args.get("config_files", {}), *args.get("secret_files", {})}
    for name in _volume_names(args).intersection(FILE_VOLUMES.values()) if files else ():
        raise checks.error(f"a volume cannot be named {name!r}: the component's own volume has this name")


def _check_projected_volumes(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    for i, volume in enumerate(args.get("projected_volumes", [])):
        for j, source in enumerate(volume["sources"]):
            path = f"projected_volumes[{i}].sources[{j}]"
            _require_exactly_one(checks, path, source, _PROJECTED_SOURCES)
            for key in ("items", "optional"):
                if key in source and not {"secret", "config_map"} & source.keys():
                    raise checks.error(f"{path}.{key} requires secret or config_map")


def _volume_names(args: StatefulServiceArgs) -> set[str]:
    every = (*args["volumes"], *args.get("scratch_volumes", []), *args.get("projected_volumes", []))
    return {volume["name"] for volume in every}


def _check_containers(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Checks the containers beside the component's own."""
    volumes = _volume_names(args) | {*FILE_VOLUMES.values()}
    names = [CONTAINER_NAME]
    for argument in ("init_containers", "sidecars"):
        for i, container in enumerate(cast("Sequence[ContainerArgs]", args.get(argument, []))):
            path = f"{argument}[{i}]"
            if container["name"] in names:
                raise checks.error(f"{path}.name is {container['name']!r}; another container has this name")
            names.append(str(container["name"]))
            for probe in _PROBES:
                if argument == "init_containers" and probe in container:
                    raise checks.error(f"{path}.{probe} cannot be set: an init container runs to its end")
            if argument == "init_containers" and "resize_policy" in container:
                raise checks.error(f"{path}.resize_policy cannot be set: an init container runs to its end")
            _check_probes_of(checks, f"{path}.", cast("Mapping[str, Any]", container), container.get("ports", {}))
            _check_resources(checks, f"{path}.", container.get("resources", {}))
            checks.check(_unique_paths(checks, path), [mount["mount_path"] for mount in container.get("mounts", [])])
            for j, mount in enumerate(container.get("mounts", [])):
                if "pod_template" not in args and mount["volume"] not in volumes:
                    allowed = (
                        f"must be one of volumes, scratch_volumes or projected_volumes: {', '.join(sorted(volumes))}"
                    )
                    raise checks.error_of_value(f"{path}.mounts[{j}].volume", mount["volume"], allowed)


def _unique_paths(checks: CrossChecks, path: str) -> Callable[[Sequence[str]], None]:
    def check(paths: Sequence[str]) -> None:
        normal = [normal_path(each) for each in paths]
        for each in normal:
            if normal.count(each) > 1:
                raise checks.error(f"{path}.mounts has several items with mount_path {each!r}; each must be unique")

    return check


def _check_tolerations(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    def fits(path: str, operator: str, effect: str) -> None:
        toleration = args["tolerations"][int(path[len("tolerations[") : -1])]
        if operator == TolerationOperator.EXISTS and "value" in toleration:
            raise checks.error(f"{path}.value requires the operator Equal")
        if operator == TolerationOperator.EQUAL and "key" not in toleration:
            raise checks.error(f"{path} requires key, or the operator Exists")
        if "toleration_seconds" in toleration and effect != TaintEffect.NO_EXECUTE:
            raise checks.error(f"{path}.toleration_seconds requires the effect NoExecute")

    for i, each in enumerate(args.get("tolerations", [])):
        operator = each.get("operator", TolerationOperator.EQUAL.value)
        checks.check(fits, f"tolerations[{i}]", operator, each.get("effect", ""))


def _require_exactly_one(checks: CrossChecks, path: str, value: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    present = [key for key in keys if key in value]
    if len(present) != 1:
        raise checks.error(
            f"{path} requires exactly one of {', '.join(keys)}; it has {' and '.join(present) or 'none'}"
        )


def _check_security(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    if not _is_restricted(args):
        return
    security = args.get("security", {})

    def is_not_root(user: int) -> None:
        if user == 0:
            raise checks.error(
                "security.run_as_user is 0 (root), which the restricted standard does not allow; " + _LESSER_STANDARD
            )

    def are_allowed(capabilities: Sequence[str]) -> None:
        for capability in capabilities:
            if capability != "NET_BIND_SERVICE":
                raise checks.error(
                    f"security.add_capabilities has {capability}, and the restricted standard allows NET_BIND_SERVICE "
                    f"alone; {_LESSER_STANDARD}"
                )

    if "run_as_user" in security:
        checks.check(is_not_root, security["run_as_user"])
    for capability in security.get("add_capabilities", []):
        checks.check(are_allowed, [capability])
