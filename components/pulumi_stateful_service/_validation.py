"""The arguments, checked once, at the door: each by itself and against the others.

What comes out has only known keys and right types, so that the builders behind it need no checks of their own.
"""

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import pulumi

from . import _checks as is_
from . import _validation_of_services as services
from ._arguments import (
    ClaimRetention,
    EnvFromArgs,
    PodSecurityStandard,
    ProbeArgs,
    ResourcesArgs,
    StatefulServiceArgs,
    UpdateStrategy,
)
from ._availability import Numbers, too_few, wants_budget, worth_saying
from ._environment import DISCOVERED
from ._errors import ArgumentError
from ._inputs import jointly, lifted
from ._objects import first_ordinal, given, selector
from ._rules import RULES
from ._shape import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROBES = ("readiness_probe", "liveness_probe", "startup_probe")
_WAYS_TO_PROBE = ("http_get", "tcp_socket", "grpc", "exec")


def checked(component_name: str, args: object, resource: pulumi.Resource | None = None) -> StatefulServiceArgs:
    """The arguments of a component, complete and right, with the defaults that depend on nothing else filled in.

    Raises ArgumentError at the first mistake. A mistake that can only be seen once an Output is known raises then.
    """
    where = f"StatefulService {component_name!r}"
    result = cast("StatefulServiceArgs", Shape(where, RULES).conform(args, StatefulServiceArgs))
    if "name" not in result:
        if allowed := is_.set_name(component_name):
            raise ArgumentError(
                where, "name", "is missing, and the component's own name can't stand for it", f"it {allowed}"
            )
        result["name"] = component_name
    result.setdefault("service_name", result["name"])
    result.setdefault("replicas", 1)
    result.setdefault("ports", {})
    result.setdefault("volumes", [])
    _check_labels(where, result)
    _check_pod_template(where, result)
    _check_storage(where, result)
    _say_what_is_deleted(where, result, resource)
    _check_environment(where, result)
    _check_resources(where, result)
    _check_probes(where, result)
    services.check_ports(where, result)
    services.check_load_balancer(where, result)
    services.check_instance_services(where, result)
    _check_security(where, result)
    services.check_network_policy(where, result)
    _check_update(where, result, resource)
    _check_autoscaling(where, result)
    _check_availability(where, result, resource)
    return result


def _check_labels(where: str, args: StatefulServiceArgs) -> None:
    if "selector" in args and not args["selector"]:
        raise ArgumentError(
            where, "selector", "is empty", "give the labels of the set that is taken over, or leave it out"
        )
    for key in selector(args).keys() & args.get("labels", {}).keys():
        raise ArgumentError(
            where, f"labels[{key!r}]", "is the component's own", "the set and its Services select the Pods by it"
        )


def _check_pod_template(where: str, args: StatefulServiceArgs) -> None:
    template = args.get("pod_template", {})
    for key in template.keys() - {"metadata", "spec"}:
        known = is_.nearest(key, ("metadata", "spec")) or "a Pod template has metadata and spec"
        raise ArgumentError(where, f"pod_template.{key}", "is not a field", known)
    path = "pod_template.metadata.labels"
    for key in selector(args).keys() & template.get("metadata", {}).get("labels", {}).keys():
        raise ArgumentError(
            where, f"{path}[{key!r}]", "is the component's own", "the set and its Services select the Pods by it"
        )
    path = "pod_template.spec.terminationGracePeriodSeconds"
    if template.get("spec", {}).get("terminationGracePeriodSeconds") is not None:
        raise ArgumentError(where, path, "is an argument of its own", "use termination_grace_period_seconds")


def _check_storage(where: str, args: StatefulServiceArgs) -> None:
    if "storage_class" in args and "storage_class_name" in args:
        raise ArgumentError(
            where,
            "storage_class_name",
            "is given beside storage_class",
            "give storage_class to make a class, or storage_class_name to use one that exists",
        )
    volumes = args["volumes"]
    _refuse_repeated(where, "volumes", "name", [volume["name"] for volume in volumes])

    for i, volume in enumerate(volumes):
        source = volume.get("data_source", {})
        known = isinstance(source.get("kind"), str) and "api_group" not in source
        if known and source["kind"] != "PersistentVolumeClaim":
            raise ArgumentError.of_value(
                where,
                f"volumes[{i}].data_source.kind",
                source["kind"],
                "must be PersistentVolumeClaim without api_group; a snapshot's is snapshot.storage.k8s.io",
            )

    topologies = args.get("storage_class", {}).get("allowed_topologies", [])
    keys = [topology["key"] for topology in topologies if isinstance(topology["key"], str)]
    _refuse_repeated(where, "storage_class.allowed_topologies", "key", keys)

    def mount_paths_differ(*paths: str) -> None:
        _refuse_repeated(where, "volumes", "mount_path", [path.rstrip("/") for path in paths])

    paths = jointly(mount_paths_differ, *(volume["mount_path"] for volume in volumes))
    for volume, path in zip(volumes, paths, strict=True):
        volume["mount_path"] = path


def _say_what_is_deleted(where: str, args: StatefulServiceArgs, resource: pulumi.Resource | None) -> None:
    policy = args.get("persistent_volume_claim_retention_policy", {})
    if not pulumi.runtime.is_dry_run():
        return

    def say(when: str, then: str, word: str) -> None:
        if word == ClaimRetention.DELETE:
            pulumi.log.warn(f"{where}: {when} is Delete: {then}, and with them the data.", resource)

    if "when_deleted" in policy:
        lifted(functools.partial(say, "when_deleted", "pulumi destroy deletes the claims"), policy["when_deleted"])
    if "when_scaled" in policy:
        lifted(functools.partial(say, "when_scaled", "scaling down deletes the claims"), policy["when_scaled"])


def _refuse_repeated(where: str, argument: str, key: str, values: list[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise ArgumentError(
                where, argument, f"has the {key} {value!r} {count} times", f"each needs a {key} of its own"
            )


def _check_environment(where: str, args: StatefulServiceArgs) -> None:
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


def _check_resources(where: str, args: StatefulServiceArgs) -> None:
    resources = args.get("resources", {})
    requests, limits = dict(resources.get("requests", {})), dict(resources.get("limits", {}))

    def fit(resource: str, request: str, limit: str) -> None:
        asked, allowed = is_.amount(request), is_.amount(limit)
        if asked == allowed:
            return
        if asked > allowed or not is_.is_overcommitable(resource):
            rule = "at most" if is_.is_overcommitable(resource) else "the same as"
            raise ArgumentError.of_value(
                where, f"resources.requests[{resource!r}]", request, f"must be {rule} its limit, {limit}"
            )

    for resource, request in list(requests.items()):
        if resource in limits:
            check = functools.partial(fit, resource)
            requests[resource], limits[resource] = jointly(check, request, limits[resource])
        elif not is_.is_overcommitable(resource):
            raise ArgumentError(
                where,
                f"resources.requests[{resource!r}]",
                "has no limit, and only cpu, memory and ephemeral-storage can do without",
                "give resources.limits the same",
            )
    if resources:
        args["resources"] = cast("ResourcesArgs", given(requests=requests, limits=limits))


def _check_probes(where: str, args: StatefulServiceArgs) -> None:
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
                raise ArgumentError.of_value(where, f"{name}.{way}.port", port, services.a_port_of(args))


def _exactly_one(where: str, path: str, value: EnvFromArgs | ProbeArgs, keys: tuple[str, ...]) -> None:
    given = [key for key in keys if key in value]
    if len(given) != 1:
        raise ArgumentError(
            where, path, f"has {' and '.join(given) or 'none'} of {', '.join(keys)}", "it needs exactly one"
        )


def _check_security(where: str, args: StatefulServiceArgs) -> None:
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
        [security["run_as_user"]] = jointly(no_root, security["run_as_user"])
    if "add_capabilities" in security:
        security["add_capabilities"] = jointly(only_ports, *security["add_capabilities"])


def _check_autoscaling(where: str, args: StatefulServiceArgs) -> None:
    if not args.get("autoscaled"):
        return
    if "canary" in args:
        raise ArgumentError(
            where,
            "canary",
            "is given with autoscaled: how many instances there are is not known here",
            "give partition, the first ordinal to update",
        )
    if args.get("discovery", {}).get("peers"):
        raise ArgumentError(
            where,
            "discovery.peers",
            "is given with autoscaled: the list would not follow the autoscaler",
            "ask the DNS (srv_names)",
        )


def _check_availability(where: str, args: StatefulServiceArgs, resource: pulumi.Resource | None) -> None:
    if args.get("quorum") and "min_available" in args:
        raise ArgumentError(
            where, "min_available", "is given beside quorum", "give the number (min_available) or the majority (quorum)"
        )
    if not wants_budget(args) or args.get("autoscaled"):
        return

    def fits_together(
        replicas: int,
        min_available: int | str | None,
        max_unavailable: int | str | None,
        partition: int,
        canary: int | None,
        start: int,
    ) -> None:
        held_back = max(0, min(partition - start, replicas)) if canary is None else replicas - canary
        numbers = Numbers(replicas, min_available, max_unavailable, held_back)
        if problem := too_few(numbers):
            raise ArgumentError(where, *problem)
        for warning in worth_saying(numbers):
            pulumi.log.warn(f"{where}: {warning}.", resource)

    args["replicas"], *_ = jointly(
        fits_together,
        args["replicas"],
        args.get("min_available"),
        args.get("max_unavailable"),
        args.get("partition", 0),
        args.get("canary"),
        first_ordinal(args),
    )


def _check_update(where: str, args: StatefulServiceArgs, resource: pulumi.Resource | None) -> None:
    if "partition" in args and "canary" in args:
        raise ArgumentError(
            where,
            "canary",
            "is given beside partition",
            "give the first ordinal to update (partition) or how many to update (canary)",
        )
    steps = [step for step in ("partition", "canary", "max_unavailable") if step in args]

    def can_take_steps(strategy: str) -> None:
        if steps and strategy == UpdateStrategy.ON_DELETE:
            raise ArgumentError(
                where, steps[0], "is given with update_strategy OnDelete", "with OnDelete you delete Pods yourself"
            )

    if "update_strategy" in args:
        [args["update_strategy"]] = jointly(can_take_steps, args["update_strategy"])
    start = first_ordinal(args)
    if "partition" in args:
        args["partition"], args["replicas"], _ = jointly(
            functools.partial(_within_the_ordinals, where, resource), args["partition"], args["replicas"], start
        )
    if "canary" in args:
        args["canary"], args["replicas"] = jointly(
            functools.partial(_within_the_replicas, where), args["canary"], args["replicas"]
        )


def _within_the_ordinals(
    where: str, resource: pulumi.Resource | None, partition: int, replicas: int, start: int
) -> None:
    last = start + replicas - 1
    if replicas and partition > last:
        pulumi.log.warn(
            f"{where}: partition is {partition}, and the last ordinal is {last}: no instance gets a new version",
            resource,
        )


def _within_the_replicas(where: str, canary: int, replicas: int) -> None:
    if canary > replicas:
        raise ArgumentError.of_value(where, "canary", canary, f"must be at most the number of replicas, {replicas}")
