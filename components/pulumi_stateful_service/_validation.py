"""The arguments, checked once, at the door: each by itself and against the others.

What comes out has only known keys and right types, so that the builders behind it need no checks of their own.
"""

import functools
from collections import Counter
from collections.abc import Mapping
from typing import cast

import pulumi

from . import _checks as is_
from ._arguments import (
    AccessMode,
    ClaimRetention,
    EnvFromArgs,
    ImagePullPolicy,
    PodManagementPolicy,
    ProbeArgs,
    ReclaimPolicy,
    ServiceType,
    StatefulServiceArgs,
    UpdateStrategy,
    VolumeBindingMode,
    VolumeMode,
)
from ._errors import ArgumentError
from ._inputs import jointly, lifted
from ._names import load_balancer_name
from ._objects import selector
from ._shape import Shape

_CHECKS: Mapping[str, is_.Check] = {
    "StatefulServiceArgs.image": is_.not_empty,
    "StatefulServiceArgs.name": is_.set_name,
    "StatefulServiceArgs.namespace": is_.dns_label,
    "StatefulServiceArgs.replicas": is_.at_least(0),
    "StatefulServiceArgs.service_name": is_.service_name,
    "StatefulServiceArgs.ports{}": is_.port_name,
    "StatefulServiceArgs.ports[]": is_.port_number,
    "StatefulServiceArgs.env{}": is_.env_name,
    "StatefulServiceArgs.env_from_secrets{}": is_.env_name,
    "StatefulServiceArgs.env_from_config_maps{}": is_.env_name,
    "StatefulServiceArgs.storage_class_name": is_.dns_subdomain_or_empty,
    "StatefulServiceArgs.growth_timeout_seconds": is_.at_least(1),
    "StatefulServiceArgs.pod_management_policy": is_.word_of(PodManagementPolicy),
    "StatefulServiceArgs.update_strategy": is_.word_of(UpdateStrategy),
    "StatefulServiceArgs.partition": is_.at_least(0),
    "StatefulServiceArgs.canary": is_.at_least(0),
    "StatefulServiceArgs.max_unavailable": is_.number_or_percentage,
    "StatefulServiceArgs.min_ready_seconds": is_.at_least(0),
    "StatefulServiceArgs.revision_history_limit": is_.at_least(0),
    "OrdinalsArgs.start": is_.at_least(0),
    "StatefulServiceArgs.rollout_timeout_seconds": is_.at_least(1),
    "StatefulServiceArgs.termination_grace_period_seconds": is_.at_least(1),
    "StatefulServiceArgs.service_account_name": is_.dns_subdomain,
    "StatefulServiceArgs.image_pull_policy": is_.word_of(ImagePullPolicy),
    "StatefulServiceArgs.image_pull_secrets[]": is_.dns_subdomain,
    "StatefulServiceArgs.labels{}": is_.label_key,
    "StatefulServiceArgs.labels[]": is_.label_value,
    "StatefulServiceArgs.annotations{}": is_.label_key,
    "StatefulServiceArgs.pod_annotations{}": is_.label_key,
    "StatefulServiceArgs.cluster_domain": is_.dns_subdomain,
    "KeyRefArgs.name": is_.dns_subdomain,
    "KeyRefArgs.key": is_.not_empty,
    "EnvFromArgs.secret": is_.dns_subdomain,
    "EnvFromArgs.config_map": is_.dns_subdomain,
    "ResourcesArgs.requests[]": is_.quantity,
    "ResourcesArgs.limits[]": is_.quantity,
    "HttpGetArgs.port": is_.port_name_or_number,
    "HttpGetArgs.scheme": is_.one_of("HTTP", "HTTPS"),
    "TcpSocketArgs.port": is_.port_name_or_number,
    "GrpcArgs.port": is_.port_number,
    "ProbeArgs.initial_delay_seconds": is_.at_least(0),
    "ProbeArgs.period_seconds": is_.at_least(1),
    "ProbeArgs.timeout_seconds": is_.at_least(1),
    "ProbeArgs.success_threshold": is_.at_least(1),
    "ProbeArgs.failure_threshold": is_.at_least(1),
    "VolumeArgs.name": is_.dns_label,
    "VolumeArgs.mount_path": is_.mount_path,
    "VolumeArgs.size": is_.size,
    "VolumeArgs.storage_class_name": is_.dns_subdomain_or_empty,
    "VolumeArgs.volume_mode": is_.word_of(VolumeMode),
    "VolumeArgs.volume_attributes_class_name": is_.dns_subdomain,
    "VolumeArgs.selector{}": is_.label_key,
    "VolumeArgs.selector[]": is_.label_value,
    "VolumeArgs.labels{}": is_.label_key,
    "VolumeArgs.labels[]": is_.label_value,
    "VolumeArgs.annotations{}": is_.label_key,
    "DataSourceArgs.kind": is_.not_empty,
    "DataSourceArgs.name": is_.dns_subdomain,
    "DataSourceArgs.api_group": is_.dns_subdomain,
    "VolumeArgs.access_modes[]": is_.word_of(AccessMode),
    "VolumeArgs.sub_path": is_.sub_path,
    "StorageClassArgs.provisioner": is_.not_empty,
    "StorageClassArgs.name": is_.dns_subdomain,
    "StorageClassArgs.reclaim_policy": is_.word_of(ReclaimPolicy),
    "StorageClassArgs.volume_binding_mode": is_.word_of(VolumeBindingMode),
    "TopologyArgs.key": is_.label_key,
    "TopologyArgs.values[]": is_.label_value,
    "ClaimRetentionPolicyArgs.when_deleted": is_.word_of(ClaimRetention),
    "ClaimRetentionPolicyArgs.when_scaled": is_.word_of(ClaimRetention),
    "LoadBalancerArgs.type": is_.word_of(ServiceType),
    "LoadBalancerArgs.name": is_.service_name,
    "LoadBalancerArgs.port": is_.port_number,
    "LoadBalancerArgs.annotations{}": is_.label_key,
}

_PROBES = ("readiness_probe", "liveness_probe", "startup_probe")
_WAYS_TO_PROBE = ("http_get", "tcp_socket", "grpc", "exec")


def checked(component_name: str, args: object, resource: pulumi.Resource | None = None) -> StatefulServiceArgs:
    """The arguments of a component, complete and right, with the defaults that depend on nothing else filled in.

    Raises ArgumentError at the first mistake. A mistake that can only be seen once an Output is known raises then.
    """
    where = f"StatefulService {component_name!r}"
    result = cast("StatefulServiceArgs", Shape(where, _CHECKS).conform(args, StatefulServiceArgs))
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
    _check_probes(where, result)
    _check_load_balancer(where, result)
    _check_update(where, result, resource)
    return result


def _check_labels(where: str, args: StatefulServiceArgs) -> None:
    for key in selector(args["name"]).keys() & args.get("labels", {}).keys():
        raise ArgumentError(
            where, f"labels[{key!r}]", "is the component's own", "the set and its Services select the Pods by it"
        )


def _check_pod_template(where: str, args: StatefulServiceArgs) -> None:
    template = args.get("pod_template", {})
    for key in template.keys() - {"metadata", "spec"}:
        known = is_.nearest(key, ("metadata", "spec")) or "a Pod template has metadata and spec"
        raise ArgumentError(where, f"pod_template.{key}", "is not a field", known)
    path = "pod_template.metadata.labels"
    for key in selector(args["name"]).keys() & template.get("metadata", {}).get("labels", {}).keys():
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
    source_of: dict[str, str] = {}
    for source in ("env", "env_from_secrets", "env_from_config_maps"):
        variables = cast("Mapping[str, object]", args.get(source, {}))
        for name in variables:
            if name in source_of:
                raise ArgumentError(
                    where, f"{source}[{name!r}]", f"is in {source_of[name]} too", "a variable has one source"
                )
            source_of[name] = source
    for i, each in enumerate(args.get("env_from", [])):
        _exactly_one(where, f"env_from[{i}]", each, ("secret", "config_map"))


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
                raise ArgumentError.of_value(where, f"{name}.{way}.port", port, _a_port_of(args))


def _exactly_one(where: str, path: str, value: EnvFromArgs | ProbeArgs, keys: tuple[str, ...]) -> None:
    given = [key for key in keys if key in value]
    if len(given) != 1:
        raise ArgumentError(
            where, path, f"has {' and '.join(given) or 'none'} of {', '.join(keys)}", "it needs exactly one"
        )


def _check_load_balancer(where: str, args: StatefulServiceArgs) -> None:
    load_balancer = args.get("load_balancer")
    if load_balancer is None:
        return
    ports = args["ports"]
    if not ports:
        raise ArgumentError(where, "load_balancer", "has nothing to lead to", "give the instances' ports in ports")
    target = load_balancer.get("target_port")
    load_balancer.setdefault("name", lifted(load_balancer_name, args["service_name"]))

    def differs_from_the_governing(name: str, governing: str) -> None:
        if name == governing:
            raise ArgumentError.of_value(
                where, "load_balancer.name", name, "must differ from service_name, which is the governing Service's"
            )

    load_balancer["name"], args["service_name"] = jointly(
        differs_from_the_governing, load_balancer["name"], args["service_name"]
    )
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
        raise ArgumentError.of_value(where, "load_balancer.target_port", target, _a_port_of(args))


def _a_port_of(args: StatefulServiceArgs) -> str:
    return f"must be one of ports: {', '.join(args['ports']) or 'there are none'}"


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
    start = args.get("ordinals", {}).get("start", 0)
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
