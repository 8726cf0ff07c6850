"""The Pod template: one container with its ports, environment, probes and volumes, and what the user lays over it."""

from typing import Any

from ._arguments import EnvFromArgs, KeyRefArgs, ProbeArgs, StatefulServiceArgs, VolumeArgs, VolumeMode
from ._objects import KubernetesObject, given, labels, renamed
from ._overlay import overlaid

CONTAINER_NAME = "app"
"""The component's own container, for ``kubectl logs -c`` and for ``pod_template``."""


def pod_template(args: StatefulServiceArgs) -> KubernetesObject:
    """``spec.template`` of the set."""
    template = {
        "metadata": given(labels=labels(args), annotations=dict(args.get("pod_annotations", {}))),
        "spec": given(
            terminationGracePeriodSeconds=args.get("termination_grace_period_seconds", 30),
            serviceAccountName=args.get("service_account_name"),
            automountServiceAccountToken=args.get("automount_service_account_token", False),
            imagePullSecrets=[{"name": name} for name in args.get("image_pull_secrets", [])],
            containers=[_container(args)],
        ),
    }
    return overlaid(template, args.get("pod_template", {}))


def _container(args: StatefulServiceArgs) -> KubernetesObject:
    resources = args.get("resources", {})
    return given(
        name=CONTAINER_NAME,
        image=args["image"],
        imagePullPolicy=args.get("image_pull_policy"),
        command=args.get("command"),
        args=args.get("args"),
        ports=[{"name": name, "containerPort": number} for name, number in args["ports"].items()],
        env=_environment(args),
        envFrom=[_environment_source(source) for source in args.get("env_from", [])],
        resources=given(requests=resources.get("requests"), limits=resources.get("limits")),
        readinessProbe=_probe(args.get("readiness_probe")),
        livenessProbe=_probe(args.get("liveness_probe")),
        startupProbe=_probe(args.get("startup_probe")),
        volumeMounts=[_mount(volume) for volume in args["volumes"] if not _is_block(volume)],
        volumeDevices=[renamed(v, name="name", devicePath="mount_path") for v in args["volumes"] if _is_block(v)],
    )


def _environment(args: StatefulServiceArgs) -> list[KubernetesObject]:
    # Taken from other objects first, so that values given here can refer to them as $(NAME).
    return [
        *_from_keys("secretKeyRef", args.get("env_from_secrets", {})),
        *_from_keys("configMapKeyRef", args.get("env_from_config_maps", {})),
        *({"name": name, "value": value} for name, value in args.get("env", {}).items()),
    ]


def _from_keys(kind: str, references: Any) -> list[KubernetesObject]:
    def value_from(reference: KeyRefArgs) -> KubernetesObject:
        return {kind: renamed(reference, name="name", key="key", optional="optional")}

    return [{"name": name, "valueFrom": value_from(reference)} for name, reference in references.items()]


def _environment_source(source: EnvFromArgs) -> KubernetesObject:
    return given(
        prefix=source.get("prefix"),
        secretRef=_reference(source, "secret"),
        configMapRef=_reference(source, "config_map"),
    )


def _reference(source: EnvFromArgs, kind: str) -> KubernetesObject | None:
    return renamed(source, name=kind, optional="optional") if kind in source else None


def _probe(probe: ProbeArgs | None) -> KubernetesObject | None:
    if probe is None:
        return None
    return given(
        httpGet=renamed(probe.get("http_get", {}), path="path", port="port", scheme="scheme"),
        tcpSocket=renamed(probe.get("tcp_socket", {}), port="port"),
        grpc=renamed(probe.get("grpc", {}), port="port", service="service"),
        exec=renamed(probe.get("exec", {}), command="command"),
        **renamed(
            probe,
            initialDelaySeconds="initial_delay_seconds",
            periodSeconds="period_seconds",
            timeoutSeconds="timeout_seconds",
            successThreshold="success_threshold",
            failureThreshold="failure_threshold",
        ),
    )


def _is_block(volume: VolumeArgs) -> bool:
    # Decides between two lists, so it is plain (validation).
    return volume.get("volume_mode") == VolumeMode.BLOCK


def _mount(volume: VolumeArgs) -> KubernetesObject:
    return renamed(volume, name="name", mountPath="mount_path", readOnly="read_only", subPath="sub_path")
