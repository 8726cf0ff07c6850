"""The containers of an instance: the component's own, those that run before it, and those beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_stateful_service.arguments.types import (
    ContainerArgs,
    HttpGetArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    ProbeArgs,
    StatefulServiceArgs,
    VolumeArgs,
    VolumeMode,
)
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.names import CONTAINER_NAME
from pulumi_stateful_service.objects.environment import environment, environment_sources
from pulumi_stateful_service.objects.files import file_mounts
from pulumi_stateful_service.objects.security import container_security_context
from pulumi_stateful_service.objects.shared import Network, Shared

_LOGS = "FallbackToLogsOnError"
"""Then the termination message is the end of the log, unless the program writes one."""


def container(shared: Shared, network: Network, args: StatefulServiceArgs) -> KubernetesObject:
    """The component's own container."""
    return without_empty(
        name=CONTAINER_NAME,
        image=args["image"],
        imagePullPolicy=args.get("image_pull_policy"),
        command=args.get("command"),
        args=args.get("args"),
        ports=[_port(network, name) for name in network.ports],
        env=environment(shared, args),
        envFrom=environment_sources(args.get("env_from", [])),
        resources=_resources(args),
        resizePolicy=_resize_policy(args),
        securityContext=container_security_context(args.get("security", {})),
        lifecycle=_lifecycle(args.get("lifecycle", {})),
        **_probes(args),
        terminationMessagePolicy=_LOGS,
        volumeMounts=[
            *_mounts([volume for volume in args["volumes"] if not _is_block_device(volume)]),
            *_mounts(args.get("scratch_volumes", [])),
            *({**mount, "readOnly": True} for mount in _mounts(args.get("projected_volumes", []))),
            *file_mounts(args.get("config_files", {}), args.get("secret_files", {})),
        ],
        volumeDevices=[
            _volume_device(volume) for volume in args["volumes"] if _is_block_device(volume) and "mount_path" in volume
        ],
    )


def init_containers(shared: Shared, args: StatefulServiceArgs) -> list[KubernetesObject]:
    """``initContainers``: the side-cars, which keep running, and then those that run to their end."""
    sidecars = [{**_other(shared, args, each), "restartPolicy": "Always"} for each in args.get("sidecars", [])]
    return [*sidecars, *(_other(shared, args, each) for each in args.get("init_containers", []))]


def _other(shared: Shared, args: StatefulServiceArgs, wanted: ContainerArgs) -> KubernetesObject:
    """A container beside the component's own."""
    shares_environment = wanted.get("instance_env", False)
    own = [{"name": name, "value": value} for name, value in wanted.get("env", {}).items()]
    return without_empty(
        name=wanted["name"],
        image=wanted.get("image", args["image"]),
        imagePullPolicy=args.get("image_pull_policy"),
        command=wanted.get("command"),
        args=wanted.get("args"),
        ports=[{"name": name, "containerPort": number} for name, number in wanted.get("ports", {}).items()],
        env=[*(environment(shared, args) if shares_environment else []), *own],
        envFrom=environment_sources(args.get("env_from", [])) if shares_environment else [],
        resources=_resources(wanted),
        resizePolicy=_resize_policy(wanted),
        securityContext=container_security_context(args.get("security", {})),
        **_probes(wanted),
        terminationMessagePolicy=_LOGS,
        volumeMounts=[
            pick(mount, name="volume", mountPath="mount_path", subPath="sub_path", readOnly="read_only")
            for mount in wanted.get("mounts", [])
        ],
    )


def _resources(wanted: Mapping[str, Any]) -> KubernetesObject:
    return pick(wanted.get("resources", {}), requests="requests", limits="limits")


def _resize_policy(wanted: Mapping[str, Any]) -> list[KubernetesObject]:
    return [
        {"resourceName": resource, "restartPolicy": policy}
        for resource, policy in wanted.get("resize_policy", {}).items()
    ]


def _port(network: Network, name: str) -> KubernetesObject:
    return without_empty(name=name, containerPort=network.ports[name], protocol=network.protocols.get(name))


def _probes(wanted: Mapping[str, Any]) -> KubernetesObject:
    return {
        "readinessProbe": _probe(wanted.get("readiness_probe")),
        "livenessProbe": _probe(wanted.get("liveness_probe")),
        "startupProbe": _probe(wanted.get("startup_probe")),
    }


def _probe(probe: ProbeArgs | None) -> KubernetesObject | None:
    if probe is None:
        return None
    return without_empty(
        httpGet=_http_get(probe.get("http_get")),
        tcpSocket=pick(probe.get("tcp_socket", {}), port="port"),
        grpc=pick(probe.get("grpc", {}), port="port", service="service"),
        exec=pick(probe.get("exec", {}), command="command"),
        **pick(
            probe,
            initialDelaySeconds="initial_delay_seconds",
            periodSeconds="period_seconds",
            timeoutSeconds="timeout_seconds",
            successThreshold="success_threshold",
            failureThreshold="failure_threshold",
        ),
    )


def _http_get(request: HttpGetArgs | None) -> KubernetesObject:
    if request is None:
        return {}
    headers = [{"name": name, "value": value} for name, value in request.get("http_headers", {}).items()]
    return pick(request, path="path", port="port", scheme="scheme") | without_empty(httpHeaders=headers)


def _lifecycle(lifecycle: LifecycleArgs) -> KubernetesObject:
    return without_empty(postStart=_handler(lifecycle.get("post_start")), preStop=_handler(lifecycle.get("pre_stop")))


def _handler(handler: LifecycleHandlerArgs | None) -> KubernetesObject:
    if handler is None:
        return {}
    return without_empty(
        exec=pick(handler.get("exec", {}), command="command"),
        httpGet=_http_get(handler.get("http_get")),
        sleep=pick(handler, seconds="sleep_seconds"),
    )


def _is_block_device(volume: VolumeArgs) -> bool:
    # Never an Output: it decides between two lists, so its check requires a plain value.
    return volume.get("volume_mode") == VolumeMode.BLOCK


def _mounts(volumes: Sequence[Mapping[str, Any]]) -> list[KubernetesObject]:
    """Where volumes are in the component's own container, each in one place or more."""
    return [
        {"name": volume["name"], **_mount(mount)}
        for volume in volumes
        for mount in (volume, *volume.get("mounts", []))
        if "mount_path" in mount
    ]


def _mount(mount: Mapping[str, Any]) -> KubernetesObject:
    return pick(mount, mountPath="mount_path", readOnly="read_only", subPath="sub_path", subPathExpr="sub_path_expr")


def _volume_device(volume: VolumeArgs) -> KubernetesObject:
    return pick(volume, name="name", devicePath="mount_path")
