"""The Pod template: one container with its ports, environment, probes and volumes, merged with ``pod_template``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_stateful_service.arguments.types import (
    ProbeArgs,
    ScratchVolumeArgs,
    StatefulServiceArgs,
    VolumeArgs,
    VolumeMode,
)
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.objects.availability import topology_spread
from pulumi_stateful_service.objects.environment import environment, environment_sources
from pulumi_stateful_service.objects.metadata import common_labels
from pulumi_stateful_service.objects.security import container_security_context, pod_security_context
from pulumi_stateful_service.objects.strategic_merge import strategic_merge

CONTAINER_NAME = "app"
"""The component's container, for ``kubectl logs -c`` and for ``pod_template``."""


def pod_template(args: StatefulServiceArgs) -> KubernetesObject:
    """``spec.template`` of the StatefulSet."""
    annotations = dict(args.get("pod_annotations", {}))
    template = {
        "metadata": without_empty(labels=common_labels(args), annotations=annotations),
        "spec": without_empty(
            terminationGracePeriodSeconds=args.get("termination_grace_period_seconds", 30),
            serviceAccountName=args.get("service_account_name"),
            automountServiceAccountToken=args.get("automount_service_account_token", False),
            securityContext=pod_security_context(args),
            topologySpreadConstraints=topology_spread(args),
            imagePullSecrets=[{"name": name} for name in args.get("image_pull_secrets", [])],
            containers=[_container(args)],
            volumes=[_scratch_volume(volume) for volume in args.get("scratch_volumes", [])],
        ),
    }
    return strategic_merge(template, args.get("pod_template", {}))


def _container(args: StatefulServiceArgs) -> KubernetesObject:
    resources = args.get("resources", {})
    return without_empty(
        name=CONTAINER_NAME,
        image=args["image"],
        imagePullPolicy=args.get("image_pull_policy"),
        command=args.get("command"),
        args=args.get("args"),
        ports=[_port(args, name) for name in args["ports"]],
        env=environment(args),
        envFrom=environment_sources(args),
        resources=without_empty(requests=resources.get("requests"), limits=resources.get("limits")),
        securityContext=container_security_context(args),
        readinessProbe=_probe(args.get("readiness_probe")),
        livenessProbe=_probe(args.get("liveness_probe")),
        startupProbe=_probe(args.get("startup_probe")),
        # Then the termination message is the end of the log, unless the program writes one.
        terminationMessagePolicy="FallbackToLogsOnError",
        volumeMounts=[*_volume_mounts(args["volumes"]), *map(_scratch_mount, args.get("scratch_volumes", []))],
        volumeDevices=[
            _volume_device(volume) for volume in args["volumes"] if _is_block_device(volume) and "mount_path" in volume
        ],
    )


def _port(args: StatefulServiceArgs, name: str) -> KubernetesObject:
    return without_empty(
        name=name, containerPort=args["ports"][name], protocol=args.get("port_protocols", {}).get(name)
    )


def _probe(probe: ProbeArgs | None) -> KubernetesObject | None:
    if probe is None:
        return None
    return without_empty(
        httpGet=pick(probe.get("http_get", {}), path="path", port="port", scheme="scheme"),
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


def _is_block_device(volume: VolumeArgs) -> bool:
    # Never an Output: it decides between two lists, so validation requires a plain value.
    return volume.get("volume_mode") == VolumeMode.BLOCK


def _volume_mounts(volumes: Sequence[VolumeArgs]) -> list[KubernetesObject]:
    return [
        {"name": volume["name"], **_mount(mount)}
        for volume in volumes
        if not _is_block_device(volume)
        for mount in (volume, *volume.get("mounts", []))
        if "mount_path" in mount
    ]


def _mount(mount: Mapping[str, Any]) -> KubernetesObject:
    return pick(mount, mountPath="mount_path", readOnly="read_only", subPath="sub_path", subPathExpr="sub_path_expr")


def _scratch_mount(volume: ScratchVolumeArgs) -> KubernetesObject:
    return pick(volume, name="name", mountPath="mount_path")


def _scratch_volume(volume: ScratchVolumeArgs) -> KubernetesObject:
    medium = (
        apply_inputs(lambda in_memory: "Memory" if in_memory else "", volume["in_memory"])
        if "in_memory" in volume
        else None
    )
    # An emptyDir says something also when it is empty.
    return {"name": volume["name"], "emptyDir": without_empty(medium=medium, sizeLimit=volume.get("size_limit"))}


def _volume_device(volume: VolumeArgs) -> KubernetesObject:
    return pick(volume, name="name", devicePath="mount_path")
