"""What users write: the typed arguments of the component, in Kubernetes' own terms.

The arguments are TypedDicts, so that one definition serves Python programs, type checkers, and the schema that Pulumi
infers for other languages. The inference reads the annotations of this module at run time: it supports no postponed
annotations, no Literal, no bare dict, and no enumeration inside ``pulumi.Input``. An argument with a closed set of
values is therefore an ``Input[str]`` whose docstring says "one of" and the name of a StrEnum. From that ``plugin.py``
adds the enumerations to the schema, and also the one union, ``int | str``.

The comments in ``StatefulServiceArgs`` that look like ``# == Pods ==`` are the headings of the reference page.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NotRequired, TypedDict

import pulumi


class PodManagementPolicy(StrEnum):
    """The order in which Pods are created and deleted (``spec.podManagementPolicy``)."""

    ORDERED_READY = "OrderedReady"
    """Pods are created one at a time in ascending order, each when the one before is ready, and deleted in reverse
    order."""
    PARALLEL = "Parallel"
    """Pods are created and deleted all at once, without waiting. Updates still replace one Pod at a time."""


class UpdateStrategy(StrEnum):
    """How Pods are updated to a new revision (``spec.updateStrategy.type``)."""

    ROLLING_UPDATE = "RollingUpdate"
    """Kubernetes replaces the Pods from the highest ordinal down, each when the one before is ready."""
    ON_DELETE = "OnDelete"
    """A Pod is updated when you delete it."""


class WaitFor(StrEnum):
    """What ``pulumi up`` waits for after it has created or updated the StatefulSet."""

    READY = "Ready"
    """Every instance that is to be updated is, and all are ready."""
    RUNNING = "Running"
    """As ``Ready``, but it is enough that the containers run: for instances that become ready only after something that
    is created later has initialized them. Requires the policy ``Parallel``, unless there is one instance."""
    CREATED = "Created"
    """Nothing: the StatefulSet is created or updated."""


class Resize(StrEnum):
    """How a change of CPU and memory alone reaches instances that run."""

    REPLACE = "Replace"
    """As every change of the Pod template: the instances are replaced."""
    IN_PLACE = "InPlace"
    """The Pods keep running. Where a node cannot give an instance what it asks for, ``pulumi up`` fails and says so."""
    IN_PLACE_OR_REPLACE = "InPlaceOrReplace"
    """The same, but an instance whose node cannot give it what it asks for is replaced."""


class ResizeRestartPolicy(StrEnum):
    """What a change of a resource in place needs (``resizePolicy[].restartPolicy``)."""

    NOT_REQUIRED = "NotRequired"
    """The container keeps running."""
    RESTART_CONTAINER = "RestartContainer"
    """The container restarts, in the same Pod."""


class TolerationOperator(StrEnum):
    """How a toleration is compared with a taint."""

    EQUAL = "Equal"
    """Key and value are the same."""
    EXISTS = "Exists"
    """The key is the same, whatever its value."""


class TaintEffect(StrEnum):
    """What a taint does to Pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    """They are not scheduled onto the node."""
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    """They are scheduled elsewhere if possible."""
    NO_EXECUTE = "NoExecute"
    """They are not scheduled onto the node, and those that run there are evicted."""


class RolloutFailure(StrEnum):
    """What happens when a step of a rollout fails."""

    STOP = "Stop"
    """The rollout stops where it is: the other instances keep the previous version."""
    ROLL_BACK = "RollBack"
    """The updated instances are rolled back to the previous version."""


class RunIn(StrEnum):
    """Where a command about an instance runs."""

    PEER = "Peer"
    """In another instance that is ready, the lowest ordinal first."""
    INSTANCE = "Instance"
    """In the instance itself."""


class ReclaimPolicy(StrEnum):
    """What happens to a volume when its PersistentVolumeClaim is deleted (``reclaimPolicy`` of a StorageClass)."""

    RETAIN = "Retain"
    """The volume and its data are kept until they are deleted manually."""
    DELETE = "Delete"
    """The volume and its data are deleted with the claim."""


class VolumeBindingMode(StrEnum):
    """When a volume is provisioned and bound to a claim (``volumeBindingMode`` of a StorageClass)."""

    WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"
    """When a Pod that uses the claim is scheduled, so that the volume is provisioned where the Pod can run."""
    IMMEDIATE = "Immediate"
    """When the claim is created."""


class SelectorOperator(StrEnum):
    """How a label is compared (``operator`` of ``matchExpressions``)."""

    IN = "In"
    """The value is one of ``values``."""
    NOT_IN = "NotIn"
    """The value is none of ``values``."""
    EXISTS = "Exists"
    """The label is there."""
    DOES_NOT_EXIST = "DoesNotExist"
    """The label is not there."""


class VolumeMode(StrEnum):
    """How the container accesses a volume (``spec.volumeMode`` of a PersistentVolumeClaim)."""

    FILESYSTEM = "Filesystem"
    """The volume is mounted as a directory."""
    BLOCK = "Block"
    """The volume is a raw block device without a file system."""


class ClaimRetention(StrEnum):
    """What happens to PersistentVolumeClaims (``spec.persistentVolumeClaimRetentionPolicy``)."""

    RETAIN = "Retain"
    """The claims are kept. An instance that is created again uses its claim, with the data, again."""
    DELETE = "Delete"
    """The claims are deleted. With the reclaim policy ``Delete`` the data is deleted too."""


class SnapshotBefore(StrEnum):
    """A change before which volumes are snapshotted."""

    ROLLOUT = "Rollout"
    """``pulumi up`` replaces Pods: the volumes of those instances are snapshotted."""
    CLAIM_CHANGE = "ClaimChange"
    """A claim is expanded, gets another VolumeAttributesClass, labels or annotations, or is recreated."""
    SCALE_DOWN = "ScaleDown"
    """Instances are removed."""


class Downgrade(StrEnum):
    """What becomes of a change to a version that is earlier than one that has used the data."""

    REFUSE = "Refuse"
    """It is refused, in the preview too."""
    ALLOW = "Allow"
    """It is made. When an instance is ready with the earlier version, its data count as data of that version."""


class AccessMode(StrEnum):
    """How a volume can be mounted (``spec.accessModes`` of a PersistentVolumeClaim)."""

    READ_WRITE_ONCE = "ReadWriteOnce"
    """Read-write by a single node."""
    READ_WRITE_ONCE_POD = "ReadWriteOncePod"
    """Read-write by a single Pod in the cluster. Requires a CSI driver that supports it."""
    READ_WRITE_MANY = "ReadWriteMany"
    """Read-write by many nodes."""
    READ_ONLY_MANY = "ReadOnlyMany"
    """Read-only by many nodes."""


class ServiceType(StrEnum):
    """How a Service is exposed (``spec.type`` of a Service)."""

    CLUSTER_IP = "ClusterIP"
    """On an IP address that is reachable inside the cluster only."""
    NODE_PORT = "NodePort"
    """On a port of every node."""
    LOAD_BALANCER = "LoadBalancer"
    """Through a load balancer of the cloud provider."""


class PortProtocol(StrEnum):
    """The transport protocol of a port (``protocol`` of a container port and of a Service port)."""

    TCP = "TCP"
    """Transmission Control Protocol."""
    UDP = "UDP"
    """User Datagram Protocol."""
    SCTP = "SCTP"
    """Stream Control Transmission Protocol. Requires a network plugin that supports it."""


class IpFamilyPolicy(StrEnum):
    """Whether a Service is single-stack or dual-stack (``spec.ipFamilyPolicy`` of a Service)."""

    SINGLE_STACK = "SingleStack"
    """One IP family: the first of ``ip_families``, else the cluster's first."""
    PREFER_DUAL_STACK = "PreferDualStack"
    """IPv4 and IPv6 if the cluster is dual-stack, else one IP family."""
    REQUIRE_DUAL_STACK = "RequireDualStack"
    """IPv4 and IPv6. A cluster that is not dual-stack rejects the Service."""


class IpFamily(StrEnum):
    """An IP family (``spec.ipFamilies`` of a Service)."""

    IPV4 = "IPv4"
    """IP version 4."""
    IPV6 = "IPv6"
    """IP version 6."""


class TrafficPolicy(StrEnum):
    """How nodes route the traffic of a Service (``externalTrafficPolicy``, ``internalTrafficPolicy``)."""

    CLUSTER = "Cluster"
    """To all ready Pods."""
    LOCAL = "Local"
    """To ready Pods on the same node only. External traffic keeps the client's source IP address."""


class SessionAffinity(StrEnum):
    """Whether connections of a client go to the same Pod (``spec.sessionAffinity`` of a Service)."""

    NONE = "None"
    """Each connection can go to a different Pod."""
    CLIENT_IP = "ClientIP"
    """Connections from the same client IP address go to the same Pod."""


class Spread(StrEnum):
    """How strictly Pods are spread (``whenUnsatisfiable`` of ``topologySpreadConstraints``)."""

    SCHEDULE_ANYWAY = "ScheduleAnyway"
    """The scheduler prefers to spread the Pods, but schedules a Pod even if it cannot."""
    DO_NOT_SCHEDULE = "DoNotSchedule"
    """A Pod stays pending until it can be spread."""
    OFF = "Off"
    """No constraint is set. The defaults of the cluster apply."""


class PodSecurityStandard(StrEnum):
    """A Pod Security Standard, which defines what a Pod is allowed to do."""

    RESTRICTED = "restricted"
    """Follows the best practices for hardening Pods: no root user, no privilege escalation, capabilities dropped."""
    BASELINE = "baseline"
    """Prevents known privilege escalations. The container can run as root, with the default capabilities."""
    PRIVILEGED = "privileged"
    """Unrestricted. The component sets nothing but what the other arguments of ``security`` request."""


class ImagePullPolicy(StrEnum):
    """When the kubelet pulls the image (``imagePullPolicy`` of the container)."""

    ALWAYS = "Always"
    """Each time a container starts."""
    IF_NOT_PRESENT = "IfNotPresent"
    """When the image is not present on the node."""
    NEVER = "Never"
    """Never. The image must be present on the node."""


class KeyRefArgs(TypedDict):
    """A key of a Secret or ConfigMap in the same namespace (``secretKeyRef``, ``configMapKeyRef``)."""

    name: pulumi.Input[str]
    """Name of the Secret or ConfigMap."""
    key: pulumi.Input[str]
    """The key to select."""
    optional: NotRequired[pulumi.Input[bool]]
    """Whether a Pod can start if the object or the key does not exist. Default: false."""


class ResourceRefArgs(TypedDict):
    """An amount of the container's ``resources`` (``resourceFieldRef``)."""

    resource: pulumi.Input[str]
    """The resource, such as ``limits.memory`` or ``requests.cpu``."""
    divisor: NotRequired[pulumi.Input[str]]
    """The unit in which the amount is given; it is rounded up. For processors ``1`` or ``1m``; for others ``1``, a
    decimal unit such as ``1M``, or a binary one such as ``1Mi``. Default: ``1``, so whole processors and bytes."""


class EnvFromArgs(TypedDict):
    """A Secret or ConfigMap whose keys become environment variables (``envFrom`` of the container).

    Set exactly one of ``secret`` and ``config_map``.
    """

    secret: NotRequired[pulumi.Input[str]]
    """Name of a Secret in the same namespace. Mutually exclusive with ``config_map``."""
    config_map: NotRequired[pulumi.Input[str]]
    """Name of a ConfigMap in the same namespace. Mutually exclusive with ``secret``."""
    prefix: NotRequired[pulumi.Input[str]]
    """Prefix of the variable names. Default: none."""
    optional: NotRequired[pulumi.Input[bool]]
    """Whether a Pod can start if the Secret or ConfigMap does not exist. Default: false."""


class ResourcesArgs(TypedDict):
    """Compute resources of the container (``resources``), as Kubernetes quantities by resource name."""

    requests: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Minimum amounts, which the scheduler reserves, such as ``{"cpu": "100m", "memory": "128Mi"}``. Default: the
    limits, else the defaults of the namespace."""
    limits: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Maximum amounts. Default: the defaults of the namespace, else no limit."""


class ResizePolicyArgs(TypedDict):
    """What a change of the container's CPU or memory in place needs (``resizePolicy``)."""

    cpu: NotRequired[pulumi.Input[str]]
    """One of ``ResizeRestartPolicy``. Default: ``NotRequired``."""
    memory: NotRequired[pulumi.Input[str]]
    """One of ``ResizeRestartPolicy``: ``RestartContainer`` for a program that reads its memory limit when it starts.
    Default: ``NotRequired``."""


class HttpGetArgs(TypedDict):
    """An HTTP GET request. A status code from 200 to 399 indicates success (``httpGet`` of a probe)."""

    port: pulumi.Input[int | str]
    """Name of a port in ``ports``, or a port number from 1 to 65535."""
    path: NotRequired[pulumi.Input[str]]
    """Path of the request. Default: ``/``."""
    scheme: NotRequired[pulumi.Input[str]]
    """``HTTP`` or ``HTTPS``. Default: ``HTTP``."""
    http_headers: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Headers of the request, by name (``httpHeaders``). For probes and ``lifecycle`` only. Default: none."""


class TcpSocketArgs(TypedDict):
    """A TCP connection. An open port indicates success (``tcpSocket`` of a probe)."""

    port: pulumi.Input[int | str]
    """Name of a port in ``ports``, or a port number from 1 to 65535."""


class GrpcArgs(TypedDict):
    """A call of the gRPC health checking protocol (``grpc`` of a probe)."""

    port: pulumi.Input[int]
    """Port number, from 1 to 65535."""
    service: NotRequired[pulumi.Input[str]]
    """Name of the service in the health check request. Default: the empty name, which stands for the server."""


class ExecArgs(TypedDict):
    """A command that runs in the container. Exit status 0 indicates success (``exec`` of a probe)."""

    command: Sequence[pulumi.Input[str]]
    """The program and its arguments. It is not run in a shell."""


class ProbeArgs(TypedDict):
    """A health check that the kubelet performs on the container (``Probe``).

    Set exactly one of ``http_get``, ``tcp_socket``, ``grpc`` and ``exec``.
    """

    http_get: NotRequired[HttpGetArgs]
    """Performs an HTTP GET request."""
    tcp_socket: NotRequired[TcpSocketArgs]
    """Opens a TCP connection."""
    grpc: NotRequired[GrpcArgs]
    """Calls the gRPC health checking protocol."""
    exec: NotRequired[ExecArgs]
    """Runs a command in the container."""
    initial_delay_seconds: NotRequired[pulumi.Input[int]]
    """Seconds from the start of the container to the first probe, at least 0. Default: 0."""
    period_seconds: NotRequired[pulumi.Input[int]]
    """Seconds between probes, at least 1. Default: 10."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds after which the probe times out, at least 1. Default: 1."""
    success_threshold: NotRequired[pulumi.Input[int]]
    """Consecutive successes after a failure for the probe to be considered successful, at least 1. Must be 1 for
    liveness and startup probes. Default: 1."""
    failure_threshold: NotRequired[pulumi.Input[int]]
    """Consecutive failures after a success for the probe to be considered failed, at least 1. Default: 3."""


class LifecycleHandlerArgs(TypedDict):
    """What the kubelet does at an event (``LifecycleHandler``). Set exactly one of the three."""

    exec: NotRequired[ExecArgs]
    """Runs a command in the container."""
    http_get: NotRequired[HttpGetArgs]
    """Performs an HTTP GET request to the container."""
    sleep_seconds: NotRequired[pulumi.Input[int]]
    """Waits for this many seconds, at least 1 (``sleep``)."""


class LifecycleArgs(TypedDict):
    """What the kubelet does after the container's start and before its end (``lifecycle``)."""

    post_start: NotRequired[LifecycleHandlerArgs]
    """Right after the container was created; it is not running before this is done. Default: nothing."""
    pre_stop: NotRequired[LifecycleHandlerArgs]
    """Before the container is stopped, within ``termination_grace_period_seconds``. Default: nothing."""


class ContainerMountArgs(TypedDict):
    """A volume of the instance, mounted in another container (``volumeMounts``)."""

    volume: pulumi.Input[str]
    """Name of a volume in ``volumes``, ``scratch_volumes``, ``projected_volumes`` or ``pod_template``."""
    mount_path: pulumi.Input[str]
    """Absolute path in the container."""
    sub_path: NotRequired[pulumi.Input[str]]
    """Path within the volume. Default: its root."""
    read_only: NotRequired[pulumi.Input[bool]]
    """Whether the container can only read. Default: false."""


class ContainerArgs(TypedDict):
    """A container beside the component's own, which is named ``app``."""

    name: pulumi.Input[str]
    """Name of the container, a DNS label."""
    image: NotRequired[pulumi.Input[str]]
    """Image of the container. Default: ``image`` of the component."""
    command: NotRequired[Sequence[pulumi.Input[str]]]
    """Entrypoint. Default: the entrypoint of the image."""
    args: NotRequired[Sequence[pulumi.Input[str]]]
    """Arguments of the entrypoint. Default: the arguments of the image."""
    env: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables, by name. ``$(NAME)`` refers to variables before it. Default: none."""
    instance_env: NotRequired[bool]
    """Whether it also has the environment of the component's container: discovery, secrets and all, before its own
    ``env``. Default: false."""
    ports: NotRequired[Mapping[str, pulumi.Input[int]]]
    """Port numbers by name (``ports``). The Services do not have them. Default: none."""
    mounts: NotRequired[Sequence[ContainerMountArgs]]
    """Volumes that are mounted. Default: none."""
    resources: NotRequired[ResourcesArgs]
    """Compute resources. Default: the defaults of the namespace."""
    resize_policy: NotRequired[ResizePolicyArgs]
    """For side-cars: whether the container restarts when its resources change in place. Default: it keeps running."""
    readiness_probe: NotRequired[ProbeArgs]
    """For side-cars: the instance is ready only when they are. Default: none."""
    liveness_probe: NotRequired[ProbeArgs]
    """For side-cars: when the container is restarted. Default: none."""
    startup_probe: NotRequired[ProbeArgs]
    """For side-cars: the next container starts when it has succeeded. Default: none."""


class TolerationArgs(TypedDict):
    """A taint of nodes on which the instances can run nevertheless (``tolerations``)."""

    key: NotRequired[pulumi.Input[str]]
    """Key of the taint. Default: every key, which requires the operator ``Exists``."""
    operator: NotRequired[pulumi.Input[str]]
    """One of ``TolerationOperator``. Default: ``Equal``."""
    value: NotRequired[pulumi.Input[str]]
    """Value of the taint, for ``Equal``. Default: the empty value."""
    effect: NotRequired[pulumi.Input[str]]
    """One of ``TaintEffect``. Default: every effect."""
    toleration_seconds: NotRequired[pulumi.Input[int]]
    """Seconds for which ``NoExecute`` is tolerated, at least 0. Default: for ever."""


class DataSourceArgs(TypedDict):
    """An object in the same namespace from which volumes are populated (``dataSource`` of a PersistentVolumeClaim)."""

    kind: pulumi.Input[str]
    """``PersistentVolumeClaim`` to clone a volume, ``VolumeSnapshot`` to restore a snapshot."""
    name: pulumi.Input[str]
    """Name of the object."""
    api_group: NotRequired[pulumi.Input[str]]
    """API group of the object, such as ``snapshot.storage.k8s.io``. Required unless the kind is
    ``PersistentVolumeClaim``. Default: the core group."""


class DataSourceRefArgs(TypedDict):
    """An object of any kind from which volumes are populated (``dataSourceRef`` of a PersistentVolumeClaim)."""

    kind: pulumi.Input[str]
    """Kind of the object."""
    name: pulumi.Input[str]
    """Name of the object."""
    api_group: NotRequired[pulumi.Input[str]]
    """API group of the object. Default: the core group."""
    namespace: NotRequired[pulumi.Input[str]]
    """Namespace of the object, a DNS label; requires the feature gate CrossNamespaceVolumeDataSource and a
    ReferenceGrant there. Default: the namespace of the service."""


class SelectorRequirementArgs(TypedDict):
    """A requirement on the labels of a pre-provisioned volume (``matchExpressions``)."""

    key: pulumi.Input[str]
    """Key of a label."""
    operator: pulumi.Input[str]
    """One of ``SelectorOperator``."""
    values: NotRequired[Sequence[pulumi.Input[str]]]
    """Values for ``In`` and ``NotIn``. Default: none."""


class MountArgs(TypedDict):
    """One more place in the container at which a volume is mounted (``volumeMounts``)."""

    mount_path: pulumi.Input[str]
    """Absolute path in the container, other than ``/``, without a colon (``mountPath``)."""
    sub_path: NotRequired[pulumi.Input[str]]
    """Directory of the volume that is mounted, a relative path without ``..`` (``subPath``). Default: the root."""
    sub_path_expr: NotRequired[pulumi.Input[str]]
    """The same with variables of the environment, such as ``$(POD_NAME)`` (``subPathExpr``). Mutually exclusive with
    ``sub_path``. Default: none."""
    read_only: NotRequired[pulumi.Input[bool]]
    """Whether it is mounted read-only (``readOnly``). Default: false."""


class ScratchVolumeArgs(TypedDict):
    """A volume without a claim, empty whenever a Pod is created and deleted with it (``emptyDir``)."""

    name: str
    """Name of the volume, a DNS label."""
    mount_path: NotRequired[pulumi.Input[str]]
    """Absolute path in the container, other than ``/``, without a colon (``mountPath``). Default: not mounted in the
    component's container, but where ``mounts`` says, and in other containers."""
    sub_path: NotRequired[pulumi.Input[str]]
    """Directory or file of the volume that is mounted, a relative path without ``..`` (``subPath``). Default: the
    root."""
    mounts: NotRequired[Sequence[MountArgs]]
    """More places in the container at which it is mounted. Default: none."""
    in_memory: NotRequired[pulumi.Input[bool]]
    """Whether it is kept in memory, which counts against the container's memory limit (``medium: Memory``). Default:
    false, so on the node's disk."""
    size_limit: NotRequired[pulumi.Input[str]]
    """How much it may hold, a Kubernetes quantity; a Pod that exceeds it is evicted (``sizeLimit``). Default: no
    limit."""


class ServiceAccountTokenArgs(TypedDict):
    """A token of the Pods' ServiceAccount, which the kubelet renews (``serviceAccountToken``)."""

    path: pulumi.Input[str]
    """File in the volume, a relative path without ``..``."""
    audience: NotRequired[pulumi.Input[str]]
    """For whom the token is meant. Default: the API server."""
    expiration_seconds: NotRequired[pulumi.Input[int]]
    """Seconds that a token is valid, at least 600. Default: 3600."""


class ProjectedSourceArgs(TypedDict):
    """Where files of a projected volume come from (``sources[]`` of ``projected``).

    Set exactly one of ``secret``, ``config_map``, ``service_account_token`` and ``pod_fields``.
    """

    secret: NotRequired[pulumi.Input[str]]
    """Name of a Secret in the same namespace, such as a certificate's."""
    config_map: NotRequired[pulumi.Input[str]]
    """Name of a ConfigMap in the same namespace."""
    service_account_token: NotRequired[ServiceAccountTokenArgs]
    """A token of the Pods' ServiceAccount."""
    pod_fields: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Fields of the Pod, such as ``metadata.labels``, by the file in the volume (``downwardAPI``)."""
    items: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Files in the volume, relative paths without ``..``, by the key of the Secret or ConfigMap. Default: every key, in
    a file of its name."""
    optional: NotRequired[pulumi.Input[bool]]
    """Whether a Pod can start if the Secret or ConfigMap, or a key in ``items``, does not exist. Default: false."""


class ProjectedVolumeArgs(TypedDict):
    """A volume of files from Secrets, ConfigMaps, tokens and the Pod's own fields (``projected``).

    The kubelet renews the files while the instance runs. For files whose text the program has, ``config_files`` and
    ``secret_files`` roll out what is new.
    """

    name: str
    """Name of the volume, a DNS label."""
    mount_path: NotRequired[pulumi.Input[str]]
    """Absolute path in the container, other than ``/``, without a colon (``mountPath``). The volume is mounted
    read-only. Default: not mounted in the component's container, but where ``mounts`` says, and in other containers."""
    mounts: NotRequired[Sequence[MountArgs]]
    """More places in the container at which it is mounted, such as that of one file (``sub_path``), which is then not
    renewed. Default: none."""
    sources: Sequence[ProjectedSourceArgs]
    """Where the files come from, at least one."""
    mode: NotRequired[pulumi.Input[str]]
    """Permissions of the files, three or four octal digits such as ``0440`` (``defaultMode``). Where a Pod has
    ``fs_group``, Kubernetes lets that group read them too. Default: ``0644``."""


class VolumeArgs(TypedDict):
    """A volume of which every instance gets its own (``spec.volumeClaimTemplates``)."""

    name: str
    """Name of the claim template, a DNS label. The PersistentVolumeClaim of instance 0 is
    ``VOLUME-STATEFULSET-0``, so another name means another claim, without the data."""
    mount_path: NotRequired[pulumi.Input[str]]
    """Path in the container at which the volume is mounted: absolute, other than ``/``, without a colon
    (``volumeMounts[].mountPath``). With ``volume_mode`` ``Block``, the path of the device. Default: not mounted in the
    component's container, but for a side-car in ``pod_template``."""
    mounts: NotRequired[Sequence[MountArgs]]
    """More places in the container at which it is mounted. Default: none."""
    size: NotRequired[pulumi.Input[str]]
    """Requested capacity, a Kubernetes quantity greater than zero such as ``10Gi`` (``spec.resources.requests.storage``
    of the claims). Required unless ``volume_sizes`` has it. It can be increased: the existing volumes are expanded
    without a restart, if the storage class allows volume expansion. It cannot be reduced below what a claim has; an
    expansion that was not carried out is cancelled by setting the earlier size again."""
    storage_class_name: NotRequired[pulumi.Input[str]]
    """Name of a storage class for this volume only. The empty string selects pre-provisioned volumes without a class.
    Default: ``storage_class`` or ``storage_class_name`` of the component."""
    access_modes: NotRequired[Sequence[pulumi.Input[str]]]
    """How the volume can be mounted; each item is one of ``AccessMode``. Default: ``["ReadWriteOnce"]``."""
    read_only: NotRequired[pulumi.Input[bool]]
    """Whether the volume is mounted read-only (``volumeMounts[].readOnly``). Default: false."""
    sub_path: NotRequired[pulumi.Input[str]]
    """Directory of the volume that is mounted instead of its root, a relative path without ``..``
    (``volumeMounts[].subPath``). Default: the root."""
    sub_path_expr: NotRequired[pulumi.Input[str]]
    """The same with variables of the environment, such as ``$(POD_NAME)`` (``volumeMounts[].subPathExpr``). Mutually
    exclusive with ``sub_path``. Default: none."""
    size_limit: NotRequired[pulumi.Input[str]]
    """The most that the claims may request, a Kubernetes quantity (``spec.resources.limits.storage``). Another value is
    for the claims of a StatefulSet that is created or recreated after it. Default: none."""
    volume_mode: NotRequired[str]
    """One of ``VolumeMode``. Default: ``Filesystem``."""
    volume_attributes_class_name: NotRequired[pulumi.Input[str]]
    """Name of a VolumeAttributesClass, which sets mutable attributes of the volume such as IOPS
    (``spec.volumeAttributesClassName`` of the claims). Existing claims are changed without a restart; it cannot be
    removed. Default: none."""
    selector: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels that a pre-provisioned volume must have (``spec.selector.matchLabels`` of the claims). Default: none."""
    selector_expressions: NotRequired[Sequence[SelectorRequirementArgs]]
    """More requirements on the labels of a pre-provisioned volume, all of which must hold
    (``spec.selector.matchExpressions`` of the claims). Default: none."""
    data_source: NotRequired[DataSourceArgs]
    """Object from which new volumes are populated (``spec.dataSource`` of the claims). Default: empty volumes."""
    data_source_ref: NotRequired[DataSourceRefArgs]
    """Object of any kind from which a volume populator fills new volumes (``spec.dataSourceRef`` of the claims).
    Mutually exclusive with ``data_source``. Default: none."""
    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of the PersistentVolumeClaims; those of existing claims change without a restart. Default: none."""
    annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Annotations of the PersistentVolumeClaims; those of existing claims change without a restart. Default: none."""


class RestoredClaimArgs(TypedDict):
    """The claim of one instance, created with data before the StatefulSet.

    Exactly one of ``volume_name``, ``data_source``, ``data_source_ref`` and ``snapshot`` is required.
    """

    ordinal: NotRequired[int]
    """Number of the instance, at least 0. Required, unless ``snapshot`` is ``BeforeLastRollout``. Default: all
    instances."""
    volume: NotRequired[str]
    """Name of the volume in ``volumes``. Default: the only one, if there is only one; with ``BeforeLastRollout`` all
    that are snapshotted."""
    volume_name: NotRequired[pulumi.Input[str]]
    """Name of an existing PersistentVolume without a claim (``spec.volumeName`` of the claim)."""
    data_source: NotRequired[DataSourceArgs]
    """Snapshot or claim from which the volume is populated (``spec.dataSource`` of the claim)."""
    data_source_ref: NotRequired[DataSourceRefArgs]
    """Object of any kind from which the volume is populated (``spec.dataSourceRef`` of the claim)."""
    snapshot: NotRequired[pulumi.Input[str]]
    """Name of a VolumeSnapshot from which the volume is populated, also where the claim exists: ``pulumi up`` then
    stops the instance, keeps its volume (``persistentVolumeReclaimPolicy: Retain``) and names it, and replaces the
    claim. The other instances keep running. A claim that was made from this snapshot stays. Or ``BeforeLastRollout``:
    the newest snapshot that ``snapshots`` has made before the StatefulSet's last rollout. It is chosen once, as long as
    the argument stays. Mutually exclusive with ``members`` and ``rollout``."""


class QuiesceArgs(TypedDict):
    """Commands in an instance around its snapshots, so that what is on its volumes belongs together.

    Both run in the component's container, through the API server (``pods/exec``), and not in a shell; ``{pod}`` and
    ``{ordinal}`` stand for the instance's Pod name and ordinal. One instance after another is quiesced. Where its
    containers do not run, its snapshots are made without.
    """

    command: Sequence[pulumi.Input[str]]
    """Runs before the snapshots of the instance are made, such as one that flushes and freezes its files. If it fails,
    the change does not begin."""
    resume: Sequence[pulumi.Input[str]]
    """Runs as soon as the snapshots hold the data, and also where the command, a snapshot or the time limit fails. It
    must succeed where the instance is not quiesced. A ``pulumi up`` that is killed in between leaves the instance
    quiesced; the next one resumes it first."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which the command must end, and again within which the snapshots must hold the data, at least 1;
    otherwise the instance is resumed, and the change does not begin. Default: 30."""


class RestoreTestArgs(TypedDict):
    """A check of the snapshots of one instance, the first of those that are snapshotted, before the change begins.

    A Job with new volumes made from them runs the command, in the program's Pod template: its image, environment,
    volumes and security, without its other containers, init containers, probes and service account. Volumes that are
    not snapshotted are empty. No Service and no network policy of the component selects the Pod. If the command fails,
    the change does not begin, and the Job stays for an hour.
    """

    command: Sequence[pulumi.Input[str]]
    """Exits with status 0 if the data are good; not in a shell. It must not join the application's cluster: it runs
    beside the instance that the snapshots are of."""
    image: NotRequired[pulumi.Input[str]]
    """Container image of the check. Default: ``image``, in an update the new one: the check then tells as well whether
    the new version can read the data."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which the volumes must be restored and the command must end (``activeDeadlineSeconds`` of the
    Job), at least 1. Default: 600."""


class SnapshotsArgs(TypedDict):
    """VolumeSnapshots that ``pulumi up`` makes before a change, and waits for.

    They are ``readyToUse`` before the change begins; if one cannot be made, the change does not begin. No object owns
    them, so that they stay when the service is destroyed.
    """

    class_name: NotRequired[pulumi.Input[str]]
    """Name of a VolumeSnapshotClass (``spec.volumeSnapshotClassName``). Default: the cluster's default class for the
    driver of the volumes."""
    group_class_name: NotRequired[pulumi.Input[str]]
    """Name of a VolumeGroupSnapshotClass (``spec.volumeGroupSnapshotClassName``): the volumes of one instance are then
    snapshotted at one moment. Requires a CSI driver with group snapshots and the CRDs of
    ``groupsnapshot.storage.k8s.io/v1``. Mutually exclusive with ``class_name``. Default: each volume by itself."""
    before: NotRequired[Sequence[pulumi.Input[str]]]
    """The changes before which volumes are snapshotted, those of the instances that they touch; each item is
    one of ``SnapshotBefore``. ``pulumi destroy`` cannot be one: Pulumi runs no program for it, so that nothing comes
    before it. Default: all of them."""
    keep: NotRequired[pulumi.Input[int]]
    """Number of these snapshots that each claim keeps, at least 1. Older ones are deleted when the new ones are ready,
    except those from which a claim is being restored. Default: 3."""
    volumes: NotRequired[Sequence[str]]
    """Names of the volumes in ``volumes`` that are snapshotted. Default: all."""
    quiesce: NotRequired[QuiesceArgs]
    """Commands in the instance around its snapshots. Default: none, so that a snapshot holds what a crash would leave,
    and the snapshots of an instance's volumes are made one right after another."""
    restore_test: NotRequired[RestoreTestArgs]
    """Restores the snapshots of one instance and checks them before the change begins. Default: none."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which all snapshots must be ready to use, at least 1; otherwise the change does not begin, and the
    next ``pulumi up`` continues to wait for them. Default: 300."""


class TopologyArgs(TypedDict):
    """Where volumes are provisioned: for nodes whose label has one of the values (``matchLabelExpressions``)."""

    key: pulumi.Input[str]
    """Key of a node label, such as ``topology.kubernetes.io/zone``."""
    values: Sequence[pulumi.Input[str]]
    """Allowed values of the label, at least one, without duplicates."""


class StorageClassArgs(TypedDict):
    """A StorageClass that the component creates. Storage classes are cluster-wide; ``pulumi destroy`` deletes it."""

    provisioner: pulumi.Input[str]
    """The volume plugin that provisions the volumes, such as ``ebs.csi.aws.com`` (``provisioner``)."""
    name: NotRequired[pulumi.Input[str]]
    """Name of the StorageClass. Default: ``PROJECT-STACK-NAME``, so that the stacks of a cluster do not conflict."""
    parameters: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Parameters of the provisioner (``parameters``). Default: none."""
    reclaim_policy: NotRequired[pulumi.Input[str]]
    """One of ``ReclaimPolicy`` (``reclaimPolicy``). Default: ``Retain``."""
    volume_binding_mode: NotRequired[pulumi.Input[str]]
    """One of ``VolumeBindingMode`` (``volumeBindingMode``). Default: ``WaitForFirstConsumer``."""
    allow_volume_expansion: NotRequired[pulumi.Input[bool]]
    """Whether volumes can be expanded (``allowVolumeExpansion``). Default: true."""
    mount_options: NotRequired[Sequence[pulumi.Input[str]]]
    """Mount options of the volumes (``mountOptions``). Default: none."""
    allowed_topologies: NotRequired[Sequence[TopologyArgs]]
    """Restrictions of where volumes are provisioned, all of which apply (``allowedTopologies``). Default: none."""
    default: NotRequired[pulumi.Input[bool]]
    """Whether it is the default class of the cluster (``storageclass.kubernetes.io/is-default-class``). Default:
    false."""


class ClaimRetentionPolicyArgs(TypedDict):
    """When PersistentVolumeClaims are deleted (``spec.persistentVolumeClaimRetentionPolicy``)."""

    when_deleted: NotRequired[pulumi.Input[str]]
    """What happens to the claims when the StatefulSet is deleted, one of ``ClaimRetention``. Default: ``Retain``."""
    when_scaled: NotRequired[pulumi.Input[str]]
    """What happens to the claims of instances that are removed by scaling down, one of ``ClaimRetention``. Default:
    ``Retain``."""


class LoadBalancerArgs(TypedDict):
    """A Service that distributes client connections over all ready instances. It is not headless."""

    type: NotRequired[pulumi.Input[str]]
    """One of ``ServiceType`` (``spec.type``). Default: ``ClusterIP``."""
    name: NotRequired[pulumi.Input[str]]
    """Name of the Service. Default: the name of the governing Service with the suffix ``-lb``."""
    port: NotRequired[pulumi.Input[int]]
    """Port number of the Service, from 1 to 65535. Mutually exclusive with ``ports``. Default: the Service has all
    ports of the component's ``ports``, with the same numbers."""
    target_port: NotRequired[pulumi.Input[str]]
    """Name of the port in the component's ``ports`` to which ``port`` forwards. Requires ``port``. Default: the only
    port, if there is only one."""
    ports: NotRequired[Mapping[str, pulumi.Input[int]]]
    """Port numbers of the Service, from 1 to 65535, by the name of the port in the component's ``ports`` to which each
    forwards. Mutually exclusive with ``port``. Default: all ports, with the same numbers."""
    node_ports: NotRequired[Mapping[str, pulumi.Input[int]]]
    """Port numbers on each node, by the name of the port in the component's ``ports`` (``nodePort``). Requires the type
    ``NodePort`` or ``LoadBalancer``. By default clusters keep 30000 to 30085 for numbers that are chosen. Default: the
    cluster chooses them."""
    load_balancer_class: NotRequired[pulumi.Input[str]]
    """The load balancer implementation (``spec.loadBalancerClass``). Requires the type ``LoadBalancer``. Cannot be
    changed. Default: the cluster's default implementation."""
    load_balancer_source_ranges: NotRequired[Sequence[pulumi.Input[str]]]
    """Client networks that the load balancer accepts, in CIDR notation such as ``10.0.0.0/8``
    (``spec.loadBalancerSourceRanges``). Requires the type ``LoadBalancer``. Default: all."""
    external_traffic_policy: NotRequired[pulumi.Input[str]]
    """Routing of traffic from outside the cluster, one of ``TrafficPolicy`` (``spec.externalTrafficPolicy``). Requires
    the type ``NodePort`` or ``LoadBalancer``. Default: ``Cluster``."""
    internal_traffic_policy: NotRequired[pulumi.Input[str]]
    """Routing of traffic from inside the cluster, one of ``TrafficPolicy`` (``spec.internalTrafficPolicy``). Default:
    ``Cluster``."""
    traffic_distribution: NotRequired[pulumi.Input[str]]
    """Which instances a client prefers, such as ``PreferSameZone`` (``spec.trafficDistribution``). Default: no
    preference."""
    session_affinity: NotRequired[pulumi.Input[str]]
    """One of ``SessionAffinity`` (``spec.sessionAffinity``). Default: ``None``."""
    session_affinity_timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds that session affinity lasts, from 1 to 86400 (``spec.sessionAffinityConfig.clientIP.timeoutSeconds``).
    Requires ``session_affinity`` ``ClientIP``. Default: 10800."""
    annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Annotations of the Service, such as settings of the load balancer controller. Default: none."""
    before_instances: NotRequired[bool]
    """Whether the Service is created before the StatefulSet, for instances that look it up before they are ready.
    Default: false, so that clients find no Service before the rollout is complete."""
    publish_not_ready_addresses: NotRequired[pulumi.Input[bool]]
    """Whether connections also reach instances that are not ready (``spec.publishNotReadyAddresses``). Default:
    false."""
    wait_for_address: NotRequired[pulumi.Input[bool]]
    """Whether ``pulumi up`` waits until the Service has an address. If false, ``pulumi up`` also succeeds on a cluster
    without a load balancer, and the output ``load_balancer_address`` is absent until ``pulumi refresh`` reads the
    address. Default: true."""


class ClientServiceArgs(TypedDict):
    """A Service over those ready instances whose Pods have certain labels, such as the one that leads.

    The labels are what the application, or a program beside it, sets on its own Pods while they run.
    """

    selector: Mapping[str, pulumi.Input[str]]
    """Labels of the Pods, in addition to those by which the component selects its Pods."""
    type: NotRequired[pulumi.Input[str]]
    """One of ``ServiceType`` (``spec.type``). Default: ``ClusterIP``."""
    ports: NotRequired[Mapping[str, pulumi.Input[int]]]
    """Port numbers of the Service, from 1 to 65535, by the name of the port in the component's ``ports`` to which each
    forwards. Default: all ports, with the same numbers."""
    load_balancer_class: NotRequired[pulumi.Input[str]]
    """The load balancer implementation (``spec.loadBalancerClass``). Requires the type ``LoadBalancer``. Cannot be
    changed. Default: the cluster's default implementation."""
    load_balancer_source_ranges: NotRequired[Sequence[pulumi.Input[str]]]
    """Client networks that the load balancer accepts, in CIDR notation (``spec.loadBalancerSourceRanges``). Requires
    the type ``LoadBalancer``. Default: all."""
    external_traffic_policy: NotRequired[pulumi.Input[str]]
    """Routing of traffic from outside the cluster, one of ``TrafficPolicy`` (``spec.externalTrafficPolicy``). Requires
    the type ``NodePort`` or ``LoadBalancer``. Default: ``Cluster``."""
    annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Annotations of the Service. Default: none."""
    before_instances: NotRequired[bool]
    """Whether the Service is created before the StatefulSet, for instances that look it up before they are ready.
    Default: false, so that clients find no Service before the rollout is complete."""
    publish_not_ready_addresses: NotRequired[pulumi.Input[bool]]
    """Whether connections also reach instances that are not ready (``spec.publishNotReadyAddresses``). Default:
    false."""
    wait_for_address: NotRequired[pulumi.Input[bool]]
    """Whether ``pulumi up`` waits until the Service has an address. Default: true."""


class InstanceServicesArgs(TypedDict):
    """A Service for each instance (selector ``statefulset.kubernetes.io/pod-name``).

    For clients that must reach a specific instance, for example from outside the cluster.
    """

    ordinals: NotRequired[Sequence[int]]
    """Ordinals of the instances that get a Service. The Service of an ordinal that ``replicas`` does not include is
    created when it does. Default: all."""
    name: NotRequired[pulumi.Input[str]]
    """Name of each Service, with ``{pod}`` or ``{ordinal}`` in it for the Pod's name and the ordinal. Default:
    ``{pod}``."""
    node_ports: NotRequired[Mapping[str, pulumi.Input[int]]]
    """Port numbers on each node of the Service of ordinal 0, by the name of the port in the component's ``ports``
    (``nodePort``); those of ordinal 1 are higher by 1, and so on. Requires the type ``NodePort`` or ``LoadBalancer``.
    Default: the cluster chooses them."""
    type: NotRequired[pulumi.Input[str]]
    """One of ``ServiceType`` (``spec.type``). Default: ``ClusterIP``."""
    load_balancer_class: NotRequired[pulumi.Input[str]]
    """The load balancer implementation (``spec.loadBalancerClass``). Requires the type ``LoadBalancer``. Cannot be
    changed. Default: the cluster's default implementation."""
    load_balancer_source_ranges: NotRequired[Sequence[pulumi.Input[str]]]
    """Client networks that the load balancers accept, in CIDR notation such as ``10.0.0.0/8``
    (``spec.loadBalancerSourceRanges``). Requires the type ``LoadBalancer``. Default: all."""
    external_traffic_policy: NotRequired[pulumi.Input[str]]
    """Routing of traffic from outside the cluster, one of ``TrafficPolicy`` (``spec.externalTrafficPolicy``). Requires
    the type ``NodePort`` or ``LoadBalancer``. Default: ``Cluster``."""
    annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Annotations of the Services, such as settings of the load balancer controller. In the values, ``{pod}`` and
    ``{ordinal}`` stand for the Pod's name and the ordinal. Example:
    ``{"external-dns.alpha.kubernetes.io/hostname": "{pod}.example.com"}``. Default: none."""
    before_instances: NotRequired[bool]
    """Whether the Service is created before the StatefulSet, for instances that look it up before they are ready.
    Default: false, so that clients find no Service before the rollout is complete."""
    publish_not_ready_addresses: NotRequired[pulumi.Input[bool]]
    """Whether connections also reach instances that are not ready (``spec.publishNotReadyAddresses``). Default:
    false."""
    wait_for_address: NotRequired[pulumi.Input[bool]]
    """Whether ``pulumi up`` waits until each Service has an address. Default: true."""


class GoverningServiceArgs(TypedDict):
    """What the governing Service has of its own."""

    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of this Service alone, in addition to ``labels`` of the component. Default: none."""
    annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Annotations of this Service alone, in addition to ``annotations`` of the component. Default: none."""


class DiscoveryArgs(TypedDict):
    """Environment variables that give an instance its own names and those of its peers.

    The variables are ``POD_NAME``, ``POD_ORDINAL``, ``POD_NAMESPACE``, ``POD_IP``, ``HOST_IP`` and ``NODE_NAME`` (the
    address and the name of the node), ``SERVICE_NAME`` (the governing Service), ``SERVICE_ADDRESS`` (its DNS name),
    ``POD_ADDRESS`` (the stable DNS name of the instance) and ``FIRST_POD_ADDRESS`` (that of the instance with the
    lowest ordinal, in the first group that has instances); with ``load_balancer``, ``LOAD_BALANCER_ADDRESS`` (the DNS
    name of that Service), and with ``instance_services``, ``INSTANCE_SERVICE_ADDRESS`` (the DNS name of the instance's
    own). They are set before ``env``, whose values can refer to them.
    """

    peers: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables that list all instances, by name. The value is a template for one instance, with the
    placeholders ``{pod}``, ``{ordinal}``, ``{number}`` (the ordinal plus 1) and ``{address}``. Example:
    ``{"INITIAL_CLUSTER": "{pod}=http://{address}:2380"}``. The list changes with ``replicas``, so scaling restarts all
    instances one at a time, unless ``partition`` prevents it; an application that resolves ``srv_names`` through DNS
    does not need the list. Mutually exclusive with ``autoscaled``. Default: none."""
    peer_separator: NotRequired[pulumi.Input[str]]
    """Separator between the instances in the lists of ``peers``, such as a space. Default: a comma."""


class SecurityArgs(TypedDict):
    """Security settings of the Pods. The defaults comply with the ``restricted`` Pod Security Standard."""

    standard: NotRequired[str]
    """The Pod Security Standard that the Pods comply with, one of ``PodSecurityStandard``. Choose the strictest that
    the image supports. ``restricted`` requires an image that runs as a non-root user: by a numeric ``USER`` of the
    image, or by ``run_as_user``. Default: ``restricted``."""
    run_as_user: NotRequired[pulumi.Input[int]]
    """User ID of the processes, at least 0 (``securityContext.runAsUser``). 0 is root, which ``restricted`` does not
    allow. Default: the user of the image."""
    run_as_group: NotRequired[pulumi.Input[int]]
    """Group ID of the processes, at least 0 (``securityContext.runAsGroup``). Default: the group of the image."""
    fs_group: NotRequired[pulumi.Input[int]]
    """Supplemental group ID that owns the volumes, at least 0 (``securityContext.fsGroup``). Default: ``run_as_group``,
    else 65532; none without volumes or with ``privileged``."""
    read_only_root_filesystem: NotRequired[pulumi.Input[bool]]
    """Whether the root file system of the container is read-only (``securityContext.readOnlyRootFilesystem``). Default:
    false."""
    add_capabilities: NotRequired[Sequence[pulumi.Input[str]]]
    """Linux capabilities to add, without the prefix ``CAP_`` (``securityContext.capabilities.add``). ``restricted``
    allows ``NET_BIND_SERVICE`` only. Default: none."""


class NetworkClientArgs(TypedDict):
    """Clients that the NetworkPolicy allows: Pods, by namespace and labels, or a network, by ``cidr``."""

    namespace: NotRequired[pulumi.Input[str]]
    """Name of the namespace of the Pods. Mutually exclusive with ``namespace_labels``. Default: the namespace of the
    component, unless ``namespace_labels`` or ``cidr`` is set."""
    namespace_labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of the namespaces of the Pods (``namespaceSelector``); an empty map selects all namespaces. Mutually
    exclusive with ``namespace``."""
    pod_labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of the Pods (``podSelector``). Default: all Pods of the namespaces."""
    cidr: NotRequired[pulumi.Input[str]]
    """A network in CIDR notation, such as ``10.0.0.0/8`` (``ipBlock.cidr``). Mutually exclusive with ``namespace``,
    ``namespace_labels`` and ``pod_labels``."""
    ports: NotRequired[Sequence[str]]
    """Names of the ports in the component's ``ports`` that the clients can connect to. Default: all."""


class PrometheusArgs(TypedDict):
    """An instant query to Prometheus. Each value of its result must be within the limits; no result is a failure."""

    url: pulumi.Input[str]
    """Address of Prometheus, which the Pulumi program must reach, such as ``http://prometheus.example.com:9090``."""
    query: pulumi.Input[str]
    """The query, in PromQL."""
    at_least: NotRequired[pulumi.Input[float]]
    """The lowest value that is allowed. Default: none."""
    at_most: NotRequired[pulumi.Input[float]]
    """The highest value that is allowed. Default: none."""


class RolloutCheckArgs(TypedDict):
    """A check of the instances that a rollout has updated.

    Set exactly one of ``http_get``, ``exec`` and ``prometheus``.
    """

    name: NotRequired[str]
    """Name for messages. Default: what the check does."""
    http_get: NotRequired[HttpGetArgs]
    """Performs an HTTP GET request to each updated instance, through the API server (``pods/proxy``). A status code
    from 200 to 399 is a success; a redirect is not followed."""
    exec: NotRequired[ExecArgs]
    """Runs a command in the container of each updated instance, through the API server (``pods/exec``)."""
    prometheus: NotRequired[PrometheusArgs]
    """Queries Prometheus."""
    period_seconds: NotRequired[pulumi.Input[int]]
    """Seconds between checks while the instances bake, at least 1. Default: 10."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds from the request to the whole answer of the instance, at least 1; after them the check has failed. A
    check that the API server or Prometheus does not answer has not failed: it is run again, for up to
    ``rollout_timeout_seconds``. Default: 5."""
    failure_threshold: NotRequired[pulumi.Input[int]]
    """Consecutive failures after which the step has failed, at least 1. Only answers count. Default: 1."""


class RolloutArgs(TypedDict):
    """A rollout in steps, which ``pulumi up`` takes by itself."""

    steps: Sequence[pulumi.Input[int | str]]
    """How many instances, those with the highest ordinals, run the new version after each step: numbers of at least 1,
    or percentages of ``replicas`` such as ``"50%"``, rounded up. After the last step all instances are updated."""
    bake_seconds: NotRequired[pulumi.Input[int]]
    """Seconds that the updated instances must have been ready before the next step, at least 0. Default: 0."""
    checks: NotRequired[Sequence[RolloutCheckArgs]]
    """What must succeed for the updated instances before the next step; repeated while they bake. Default: none."""
    on_failure: NotRequired[pulumi.Input[str]]
    """One of ``RolloutFailure``: what happens when the instances of a step do not become ready in time, or a check
    fails. ``pulumi up`` fails in both cases. Default: ``Stop``."""


class LeaderArgs(TypedDict):
    """How an instance tells that it leads. Set exactly one of ``labels``, ``http_get`` and ``exec``."""

    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels that the leader's Pod has."""
    http_get: NotRequired[HttpGetArgs]
    """An HTTP GET request that the leader answers with a status code from 200 to 399, through the API server
    (``pods/proxy``)."""
    exec: NotRequired[ExecArgs]
    """A command with exit status 0 in the leader's container, through the API server (``pods/exec``)."""
    contains: NotRequired[pulumi.Input[str]]
    """Text that the leader's answer, or the output of the command, must contain too. Default: none."""
    hand_over: NotRequired[ExecArgs]
    """A command that runs in the leader's container before it is replaced, and has it pass the lead on. ``pulumi up``
    waits until it leads no more. Default: none."""


class FormClusterArgs(TypedDict):
    """A command that forms the application's cluster, and succeeds once in the life of the data.

    Both commands run in the component's container of the first instance, through the API server (``pods/exec``), and
    not in a shell. ``{pod}``, ``{ordinal}`` and ``{address}`` stand for its Pod name, ordinal and DNS name.
    """

    command: Sequence[pulumi.Input[str]]
    """The program and its arguments, such as ``cockroach init``. It runs when the instances run that start together:
    all with the policy ``Parallel``, else the first. Where it fails it has formed nothing, and is repeated."""
    check: Sequence[pulumi.Input[str]]
    """Exits with status 0 if the application has a cluster. It runs before the command, each time."""
    secret_name: NotRequired[pulumi.Input[str]]
    """Name of a Secret that ``pulumi up`` creates with the command's standard output under the key ``output``, such as
    the keys that Vault prints once. ``pulumi destroy`` keeps it. Default: the output is not kept."""
    output: NotRequired[Sequence[pulumi.Input[str]]]
    """A command that prints what the Secret gets, instead of the output of ``command``, such as a file on the volume
    that ``command`` has written: it is run again where ``pulumi up`` was interrupted. Requires ``secret_name``.
    Default: the output of ``command``, which is lost where ``pulumi up`` is killed while it runs."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which the command must end, and the cluster must be formed, at least 1; otherwise ``pulumi up``
    fails. If nobody knows how a command ended, none is run again before that time. Default: 60."""


class RecoveryComparisonArgs(TypedDict):
    """A command that prints a number in each instance: the instance with the highest one is recovered from."""

    command: Sequence[pulumi.Input[str]]
    """The program and its arguments. Its standard output must be one whole number of at most 20 digits, such as a log
    position. It must change nothing, since previews run it too. ``{pod}``, ``{ordinal}`` and ``{address}`` stand for
    the instance's Pod name, ordinal and DNS name."""
    ordinals: NotRequired[Sequence[pulumi.Input[int]]]
    """Ordinals of the instances that are compared. Each must tell its number, or none is chosen. Default: all."""


class RecoverArgs(TypedDict):
    """From which instance the application starts again after a crash of all, once.

    Set exactly one of ``ordinal`` and ``compare``. The commands run in the component's container, through the API
    server (``pods/exec``), and not in a shell.
    """

    request: pulumi.Input[str]
    """The name of this recovery, a DNS subdomain such as the day, ``2026-11-30``. Each is done once, which is noted on
    the governing Service and on the PersistentVolumeClaims; another name is another recovery."""
    command: Sequence[pulumi.Input[str]]
    """The program and its arguments, run in the chosen instance while its container waits or tries to start: it tells
    the application there to start without the others, for example by a file for its start script. It must succeed where
    it has run before. ``{pod}``, ``{ordinal}`` and ``{address}`` stand for the instance's Pod name, ordinal and DNS
    name."""
    ordinal: NotRequired[pulumi.Input[int]]
    """Ordinal of the instance. Default: the one that ``compare`` chooses."""
    compare: NotRequired[RecoveryComparisonArgs]
    """Chooses the instance with the highest number; of several the lowest ordinal. Default: ``ordinal`` chooses."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which one run of a command must end, at least 1. Runs are repeated for up to
    ``rollout_timeout_seconds``. Default: 60."""
    despite_ready: NotRequired[pulumi.Input[bool]]
    """Whether the recovery is done although instances are ready, for applications whose readiness says nothing of
    their cluster. Default: false, so that it is refused beside a cluster that runs."""


class MemberCommandArgs(TypedDict):
    """A command about an instance that joins or leaves.

    It must succeed where there is nothing left to do: it is repeated until it succeeds, and an interrupted
    ``pulumi up`` may have run it before.
    """

    command: Sequence[pulumi.Input[str]]
    """The program and its arguments. It is not run in a shell. ``{pod}``, ``{ordinal}`` and ``{address}`` stand for the
    instance's Pod name, ordinal and DNS name."""
    run_in: NotRequired[pulumi.Input[str]]
    """One of ``RunIn``: whose container it runs in, through the API server (``pods/exec``). Default: ``Peer``."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which it must succeed, at least 1; otherwise ``pulumi up`` fails. Default: 60."""


class MembersArgs(TypedDict):
    """How an instance becomes a member of the application's cluster, and how it stops being one.

    Not for the instances that the service is created with, which form the cluster, and not when ``replicas`` is 0,
    which stops the cluster as it is. Set at least one of ``add``, ``join`` and ``leave``.
    """

    add: NotRequired[MemberCommandArgs]
    """Runs before an instance is created, in a peer. Default: nothing."""
    join: NotRequired[MemberCommandArgs]
    """Runs when an instance that was added is ready, before the next one is added. Default: nothing."""
    leave: NotRequired[MemberCommandArgs]
    """Runs before an instance is removed, which stays until it has succeeded. Default: nothing."""
    remove: NotRequired[MemberCommandArgs]
    """Runs in place of ``leave`` for an instance that is rebuilt and not ready (``rebuild``), in a peer. Default:
    ``leave``, which must run in a peer if the instance does not run."""
    reuse_claims: NotRequired[bool]
    """Whether an instance can join with PersistentVolumeClaims that exist, such as those that a member of its name left
    (``when_scaled`` deletes them). Default: false, which refuses it."""


class VersionCommandArgs(TypedDict):
    """A command that tells whether the application can get another version."""

    command: Sequence[pulumi.Input[str]]
    """Exits with status 0 if it can. It runs in the component's container of the first instance that is ready, through
    the API server (``pods/exec``), and not in a shell. ``{pod}`` and ``{ordinal}`` stand for that instance's Pod name
    and ordinal, ``{image}`` for the new image. It changes nothing: an interrupted ``pulumi up`` runs it again."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which it must end, at least 1; otherwise the change is not made. Default: 60."""


class VersionArgs(TypedDict):
    """What ``pulumi up`` does before the application gets another version.

    The version is that of the image's tag, such as 16.4 of ``postgres:16.4-bookworm``. A digest, ``latest``, a date or
    a commit tells none; then nothing is refused, which each ``pulumi up`` that changes the service says.
    """

    number: NotRequired[pulumi.Input[str]]
    """The version of ``image``, such as ``16.4``, where its tag does not tell it. Default: that of the tag."""
    downgrade: NotRequired[pulumi.Input[str]]
    """Whether instances can get an earlier version than one that has used their data, one of ``Downgrade``. Default:
    ``Refuse``."""
    max_majors: NotRequired[pulumi.Input[int]]
    """Number of majors that the version can be later than the data of any instance, at least 1. More are refused.
    Default: 1."""
    major_parts: NotRequired[pulumi.Input[int]]
    """How many numbers make a major, 1 or 2: with 2, 3.5 and 3.6 are two majors, as of etcd. Default: 1."""
    before: NotRequired[VersionCommandArgs]
    """Runs before the first instance gets another image. If it fails, the change is not made. Default: nothing."""


class RecreateClaimsArgs(TypedDict):
    """Instances that get new, empty volumes where their PersistentVolumeClaims differ from those of new instances."""

    ordinals: Sequence[pulumi.Input[int]]
    """Ordinals of the instances. They are taken in turn, the highest first, each when all instances are ready."""
    reclaim_policy: NotRequired[pulumi.Input[str]]
    """What becomes of the volumes whose claims are deleted, one of ``ReclaimPolicy``
    (``persistentVolumeReclaimPolicy`` of the PersistentVolumes). Default: ``Retain``."""


class RebuildArgs(TypedDict):
    """A volume that is lost, or whose data are: its instance starts again with an empty one.

    The instance leaves and joins (``members``), and must get its data from the others before it is ready.
    """

    ordinal: pulumi.Input[int]
    """Ordinal of the instance."""
    volume: NotRequired[str]
    """Name of the volume in ``volumes``. Default: the only one, if there is only one."""
    volume_name: pulumi.Input[str]
    """Name of the PersistentVolume that is given up (``spec.volumeName`` of the claim). The new claim has another one,
    so what is asked for happens once, and the item can stay in the program."""
    lost_node: NotRequired[pulumi.Input[str]]
    """Name of the node that has the instance's Pod and is switched off for good. The Pod is then deleted without
    waiting until that node has ended it (``kubectl delete --force``). Refused while the node answers. If the node does
    run, there are two instances of one name. Default: the Pod must end first."""
    reclaim_policy: NotRequired[pulumi.Input[str]]
    """What becomes of the volume, one of ``ReclaimPolicy`` (``persistentVolumeReclaimPolicy`` of the PersistentVolume).
    Default: ``Retain``."""


class NetworkPolicyArgs(TypedDict):
    """A NetworkPolicy that allows connections to the instances from each other and from ``clients`` only.

    It requires a network plugin that enforces network policies. It does not restrict outgoing connections.
    """

    clients: NotRequired[Sequence[NetworkClientArgs]]
    """Clients that can connect, besides the instances. Default: none."""


class DisruptionBudgetArgs(TypedDict):
    """A PodDisruptionBudget by the number of instances that evictions can take away."""

    max_unavailable: pulumi.Input[int | str]
    """Number of instances that can be unavailable after an eviction: a number of at least 0, or a percentage of
    ``replicas`` such as ``"30%"``, rounded up (``spec.maxUnavailable``). With 0 no instance can be evicted."""


class OrdinalsArgs(TypedDict):
    """The numbering of the instances (``spec.ordinals``)."""

    start: pulumi.Input[int]
    """Ordinal of the first instance, at least 0 (``spec.ordinals.start``)."""


class GroupVolumeArgs(TypedDict):
    """What a volume has in one group; what is left out is as in ``volumes``."""

    size: NotRequired[pulumi.Input[str]]
    """Size of the volume, such as ``10Gi`` (``spec.resources.requests.storage`` of the claims). Default: the
    service's."""
    storage_class_name: NotRequired[pulumi.Input[str]]
    """Name of an existing StorageClass (``spec.storageClassName`` of the claims). Default: the service's."""
    volume_attributes_class_name: NotRequired[pulumi.Input[str]]
    """Name of an existing VolumeAttributesClass (``spec.volumeAttributesClassName`` of the claims). Default: the
    service's."""


class GroupArgs(TypedDict):
    """The instances of one group, and what they have that differs from the service.

    Each group is a StatefulSet. Maps are merged with those of the service, key by key; all else replaces it.
    """

    replicas: NotRequired[pulumi.Input[int]]
    """Number of instances, at least 0 (``spec.replicas``). Default: 1."""
    stateful_set_name: NotRequired[pulumi.Input[str]]
    """Name of the StatefulSet. Only the name of the service is possible besides the default: for one group, which
    keeps the StatefulSet, the Pods and the claims that the service had without ``groups``. Default: ``NAME-GROUP``."""
    zone: NotRequired[pulumi.Input[str]]
    """Zone in which the instances run (node label ``topology.kubernetes.io/zone``). Default: any."""
    image: NotRequired[pulumi.Input[str]]
    """Image of the container (``containers[].image``). Default: the service's."""
    command: NotRequired[Sequence[pulumi.Input[str]]]
    """Entrypoint of the container (``containers[].command``). Default: the service's."""
    args: NotRequired[Sequence[pulumi.Input[str]]]
    """Arguments of the entrypoint (``containers[].args``). Default: the service's."""
    env: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables, merged with the service's (``containers[].env``). Default: the service's."""
    config_files: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Files, merged with the service's: their text by their absolute path. Default: the service's."""
    resources: NotRequired[ResourcesArgs]
    """Compute resources of the container (``containers[].resources``). Default: the service's."""
    volumes: NotRequired[Mapping[str, GroupVolumeArgs]]
    """What volumes have in this group, by their names in ``volumes`` of the service. Default: the same."""
    node_selector: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of the nodes on which the instances can run, merged with the service's
    (``spec.template.spec.nodeSelector``). Default: the service's."""
    tolerations: NotRequired[Sequence[TolerationArgs]]
    """Taints of nodes on which the instances can run nevertheless (``spec.template.spec.tolerations``). Default: the
    service's."""
    affinity: NotRequired[Mapping[str, Any]]
    """Nodes and Pods that the instances prefer, require or avoid (``spec.template.spec.affinity``). Default: the
    service's."""
    priority_class_name: NotRequired[pulumi.Input[str]]
    """Name of the PriorityClass of the Pods (``spec.template.spec.priorityClassName``). Default: the service's."""
    ordinals: NotRequired[OrdinalsArgs]
    """The numbering of the instances (``spec.ordinals``). Default: starts at 0."""
    partition: NotRequired[pulumi.Input[int]]
    """Instances with a lower ordinal keep their version, at least 0
    (``spec.updateStrategy.rollingUpdate.partition``). Default: 0."""
    canary: NotRequired[pulumi.Input[int]]
    """Number of instances, those with the highest ordinals, that run the new version, at least 0. Mutually exclusive
    with ``partition``. Default: all."""
    restore: NotRequired[Sequence[RestoredClaimArgs]]
    """Claims that are created with data, as ``restore`` of the service without groups. Default: none."""
    recreate_claims: NotRequired[RecreateClaimsArgs]
    """Instances that get new, empty volumes, as ``recreate_claims`` of the service without groups. Default: none."""
    rebuild: NotRequired[Sequence[RebuildArgs]]
    """Volumes that are given up, as ``rebuild`` of the service without groups. Default: none."""


class StatefulServiceArgs(TypedDict):
    """Arguments of ``StatefulService``."""

    # == Most used ==

    image: pulumi.Input[str]
    """Image of the container (``containers[].image``)."""
    replicas: NotRequired[pulumi.Input[int]]
    """Number of instances, at least 0 (``spec.replicas``). Default: 1."""
    ports: NotRequired[Mapping[str, pulumi.Input[int]]]
    """Ports of the container and of the governing Service: port numbers from 1 to 65535, by name
    (``containers[].ports``). A name has at most 15 lowercase letters, digits or ``-``, with at least one letter.
    Default: none."""
    volumes: NotRequired[Sequence[VolumeArgs]]
    """Volumes of each instance (``spec.volumeClaimTemplates``). Default: none."""
    env: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables, by name (``containers[].env``). ``$(NAME)`` in a value refers to a variable that is
    defined before it. Default: none."""

    # == Pods ==

    name: NotRequired[pulumi.Input[str]]
    """Name of the StatefulSet, a DNS label of at most 52 characters; its Pods are ``NAME-0``, ``NAME-1`` and so on.
    Another name means other PersistentVolumeClaims, without the data. Default: the resource name of the component."""
    namespace: NotRequired[pulumi.Input[str]]
    """Name of an existing namespace. Default: the namespace of the Kubernetes provider, else ``default``."""
    ordinals: NotRequired[OrdinalsArgs]
    """The numbering of the instances (``spec.ordinals``). Default: starts at 0."""
    pod_management_policy: NotRequired[pulumi.Input[str]]
    """One of ``PodManagementPolicy`` (``spec.podManagementPolicy``). Default: ``OrderedReady``."""
    command: NotRequired[Sequence[pulumi.Input[str]]]
    """Entrypoint of the container (``containers[].command``). Default: the entrypoint of the image."""
    args: NotRequired[Sequence[pulumi.Input[str]]]
    """Arguments of the entrypoint (``containers[].args``). Default: the arguments of the image."""
    secret_env: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables with secret values, by name. The component stores the values in a Secret named
    ``NAME-env-DIGEST`` (the output ``secret_env_name``), so that the StatefulSet and its Pods do not contain them, and
    always encrypts them in the state of Pulumi. New values are another Secret and roll out like any change of the Pods;
    an instance that is held back keeps the values of its version, also when its Pod is created again. Default: none."""
    env_from_secrets: NotRequired[Mapping[str, KeyRefArgs]]
    """Environment variables whose values are keys of Secrets, by name (``containers[].env[].valueFrom.secretKeyRef``).
    Default: none."""
    env_from_config_maps: NotRequired[Mapping[str, KeyRefArgs]]
    """Environment variables whose values are keys of ConfigMaps, by name
    (``containers[].env[].valueFrom.configMapKeyRef``). Default: none."""
    env_from_resources: NotRequired[Mapping[str, ResourceRefArgs]]
    """Environment variables that tell the container's resources, by name
    (``containers[].env[].valueFrom.resourceFieldRef``). Default: none."""
    env_from: NotRequired[Sequence[EnvFromArgs]]
    """Secrets and ConfigMaps all of whose keys become environment variables (``containers[].envFrom``). Default:
    none."""
    discovery: NotRequired[DiscoveryArgs]
    """Environment variables that give each instance its own names and those of its peers. Default: none."""
    config_files: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Files of the component's container: their text by their absolute path. The component stores them in a ConfigMap
    named ``NAME-files-DIGEST`` (the output ``config_files_name``). New text is another ConfigMap and rolls out like any
    change of the Pods; an instance that is held back keeps the files of its version. Other containers can mount the
    volume ``config-files``. Default: none."""
    secret_files: NotRequired[Mapping[str, pulumi.Input[str]]]
    """The same with secret text, in a Secret named ``NAME-files-DIGEST`` (the output ``secret_files_name``), for the
    group of the Pod to read (mode 0440). The volume is ``secret-files``. Default: none."""
    resources: NotRequired[ResourcesArgs]
    """Compute resources of the container (``containers[].resources``); see ``resize`` for changes without a restart.
    Default: the defaults of the namespace."""
    resize_policy: NotRequired[ResizePolicyArgs]
    """Whether the container restarts when its CPU or memory change in place (``containers[].resizePolicy``); see
    ``resize``. Default: it keeps running."""
    readiness_probe: NotRequired[ProbeArgs]
    """Decides when an instance is ready: it then receives traffic, and the next instance can start
    (``containers[].readinessProbe``). Default: ready as soon as the container runs."""
    liveness_probe: NotRequired[ProbeArgs]
    """Decides when the container is restarted (``containers[].livenessProbe``). Default: only when its process
    exits."""
    startup_probe: NotRequired[ProbeArgs]
    """Delays the other probes until it succeeds (``containers[].startupProbe``). Default: none."""
    lifecycle: NotRequired[LifecycleArgs]
    """What the kubelet does after the container's start and before its end (``containers[].lifecycle``). Default:
    nothing."""
    init_containers: NotRequired[Sequence[ContainerArgs]]
    """Containers that run one after another, each to its end, before the component's starts
    (``spec.template.spec.initContainers``). They have the component's security settings. Default: none."""
    sidecars: NotRequired[Sequence[ContainerArgs]]
    """Containers that run beside the component's, started before it and stopped after it
    (``spec.template.spec.initContainers`` with ``restartPolicy: Always``, Kubernetes 1.33). They have the component's
    security settings, and start before ``init_containers``. Default: none."""
    node_selector: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of the nodes on which the instances can run (``spec.template.spec.nodeSelector``). Default: all nodes."""
    tolerations: NotRequired[Sequence[TolerationArgs]]
    """Taints of nodes on which the instances can run nevertheless (``spec.template.spec.tolerations``). Default:
    none."""
    affinity: NotRequired[Mapping[str, Any]]
    """Nodes and Pods that the instances prefer, require or avoid, with the field names of Kubernetes
    (``spec.template.spec.affinity``). See ``spread_over_nodes`` for the usual case. Default: none."""
    priority_class_name: NotRequired[pulumi.Input[str]]
    """Name of the PriorityClass of the Pods (``spec.template.spec.priorityClassName``). Default: the cluster's."""
    host_aliases: NotRequired[Mapping[str, Sequence[pulumi.Input[str]]]]
    """Lines of the containers' ``/etc/hosts``: hostnames by IP address (``spec.template.spec.hostAliases``). Default:
    none."""
    share_process_namespace: NotRequired[pulumi.Input[bool]]
    """Whether the containers of an instance see each other's processes, so that a side-car can signal the program
    (``spec.template.spec.shareProcessNamespace``). Default: false."""
    enable_service_links: NotRequired[pulumi.Input[bool]]
    """Whether the containers have environment variables for every Service of the namespace
    (``spec.template.spec.enableServiceLinks``). Default: false, since they can collide with those of the program."""
    termination_grace_period_seconds: NotRequired[pulumi.Input[int]]
    """Seconds that an instance has to shut down before it is killed, at least 1
    (``spec.template.spec.terminationGracePeriodSeconds``). 0 is not allowed, because two Pods could then have the same
    identity. Default: 30."""
    image_pull_policy: NotRequired[pulumi.Input[str]]
    """One of ``ImagePullPolicy`` (``containers[].imagePullPolicy``). Default: ``Always`` for the tag ``latest``, else
    ``IfNotPresent``."""
    image_pull_secrets: NotRequired[Sequence[pulumi.Input[str]]]
    """Names of the Secrets with which images are pulled (``spec.template.spec.imagePullSecrets``). Default: none."""
    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of all objects and of the Pods, in addition to those of the component. Default: none."""
    annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Annotations of all objects, except the Pods. Default: none."""
    pod_annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Annotations of the Pods. Default: none."""
    pod_template: NotRequired[Mapping[str, Any]]
    """Anything else of the Pod template (``spec.template``), with the field names of Kubernetes: a runtime
    class, DNS settings and so on. It is merged into the Pod template of the component like a strategic merge
    patch: maps are merged; lists whose items have keys in the API are merged by these (containers, volumes, environment
    variables and so on by name, ports by number and protocol, mounts by path); other lists are replaced. The container
    of the component is named ``app``. In Python, ``None`` removes a field. In other languages null does not reach the
    component: there an empty list empties a list that is replaced, and an empty list or map changes nothing else.
    Default: none."""

    # == Ports and clients ==

    service_name: NotRequired[pulumi.Input[str]]
    """Name of the governing headless Service, a DNS label that starts with a letter (``spec.serviceName``). Default:
    the name of the StatefulSet."""
    governing_service: NotRequired[GoverningServiceArgs]
    """Labels and annotations of the governing Service alone. Default: none."""
    port_protocols: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Transport protocols of ports, by port name; each value is one of ``PortProtocol``. Default: ``TCP``."""
    app_protocols: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Application protocols of ports, by port name, such as ``https`` or ``kubernetes.io/h2c`` (``appProtocol`` of the
    Service ports). Default: none."""
    ip_family_policy: NotRequired[pulumi.Input[str]]
    """One of ``IpFamilyPolicy``, for all Services (``spec.ipFamilyPolicy``). Default: ``SingleStack``."""
    ip_families: NotRequired[Sequence[pulumi.Input[str]]]
    """IP families of all Services, the primary one first, without duplicates; each item is one of ``IpFamily``
    (``spec.ipFamilies``). Default: the cluster's."""
    load_balancer: NotRequired[LoadBalancerArgs]
    """Creates a Service that distributes client connections over all ready instances, after the rollout. Requires
    ``ports``. Default: none."""
    client_services: NotRequired[Mapping[str, ClientServiceArgs]]
    """Creates Services over the instances with certain labels, by the Services' names, after the rollout. Requires
    ``ports``. Default: none."""
    instance_services: NotRequired[InstanceServicesArgs]
    """Creates a Service for each instance, or for selected ones, after the rollout. Requires ``ports``. Default:
    none."""
    publish_not_ready_addresses: NotRequired[pulumi.Input[bool]]
    """Whether instances are published in DNS before they are ready (``spec.publishNotReadyAddresses`` of the governing
    Service). Default: false."""
    cluster_domain: NotRequired[pulumi.Input[str]]
    """DNS domain of the cluster, with which the addresses in outputs and in the variables of ``discovery`` end.
    Default: ``cluster.local``."""

    # == Disks ==

    storage_class: NotRequired[StorageClassArgs]
    """Creates a StorageClass for the volumes. Mutually exclusive with ``storage_class_name``. Default: none, so that
    the default class of the cluster is used."""
    storage_class_name: NotRequired[pulumi.Input[str]]
    """Name of an existing StorageClass for the volumes (``spec.storageClassName`` of the claims). The empty string
    selects pre-provisioned volumes without a class. Mutually exclusive with ``storage_class``. Default: the default
    class of the cluster."""
    persistent_volume_claim_retention_policy: NotRequired[ClaimRetentionPolicyArgs]
    """When PersistentVolumeClaims, and with them the data, are deleted (``spec.persistentVolumeClaimRetentionPolicy``).
    Default: never."""
    volume_sizes: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Sizes of volumes that have no ``size`` of their own, by the volume's name, so that a stack has all its sizes in
    one place. Default: none."""
    scratch_volumes: NotRequired[Sequence[ScratchVolumeArgs]]
    """Volumes without claims, on the node's disk or in memory. Default: none."""
    projected_volumes: NotRequired[Sequence[ProjectedVolumeArgs]]
    """Volumes of files from Secrets and ConfigMaps that exist, tokens and the Pod's own fields. Default: none."""
    restore: NotRequired[Sequence[RestoredClaimArgs]]
    """Claims of chosen instances that are created with data before the StatefulSet: from a snapshot, another claim or
    an existing volume. A claim that exists, and was not restored from the same source, is refused, unless ``snapshot``
    replaces it. Default: none."""
    snapshots: NotRequired[SnapshotsArgs]
    """Makes VolumeSnapshots of the volumes of each instance before ``pulumi up`` changes it. Requires a CSI driver with
    snapshots, the CRDs of ``snapshot.storage.k8s.io`` and their controller. Requires ``volumes``. Default: none."""
    recreate_claims: NotRequired[RecreateClaimsArgs]
    """Replaces the volumes of chosen instances whose claims differ from those that new instances get, after
    ``recreate_keeping_pods`` has changed these: another class, a smaller size and so on. The claim and its Pod are
    deleted, and the instance starts with an empty volume, to which the application must copy its data from the other
    instances before it is ready. Claims that already match are skipped. Requires at least 2 ``replicas``. Default:
    none."""
    rebuild: NotRequired[Sequence[RebuildArgs]]
    """Replaces the volumes of instances whose disk or data are lost, one instance at a time, those that are not ready
    first: the claim and its Pod are deleted, and the instance starts with an empty volume. It begins only while enough
    other instances are ready: a majority of ``replicas`` with ``quorum``, ``min_available``, or one. The Pod template
    cannot be changed at the same time. Requires at least 2 ``replicas``. Default: none."""
    growth_timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which volumes must be expanded after ``size`` was increased, at least 1; otherwise ``pulumi up``
    fails. Default: 300."""
    restart_to_grow: NotRequired[bool]
    """Whether Pods are replaced, one at a time within their disruption budget, where a file system grows only when a
    Pod mounts the volume: where its node has not resized it within 100 seconds, or half of ``growth_timeout_seconds``
    if that is less (condition ``FileSystemResizePending`` of the claim). Default: false, so that ``pulumi up`` names
    them after ``growth_timeout_seconds``."""

    # == Rollout ==

    update_strategy: NotRequired[pulumi.Input[str]]
    """One of ``UpdateStrategy`` (``spec.updateStrategy.type``). Default: ``RollingUpdate``."""
    partition: NotRequired[pulumi.Input[int]]
    """Ordinal from which instances are updated to a new revision, at least 0; instances with a lower ordinal keep
    theirs, even if their Pods are recreated (``spec.updateStrategy.rollingUpdate.partition``). It is always an ordinal,
    while the Kubernetes field counts from ``ordinals.start``. Mutually exclusive with ``canary``. Default: all
    instances are updated."""
    canary: NotRequired[pulumi.Input[int]]
    """Number of instances, those with the highest ordinals, that are updated to a new revision, from 0 to ``replicas``;
    the other instances keep theirs. Mutually exclusive with ``partition`` and ``autoscaled``. Default: all instances
    are updated."""
    rollout: NotRequired[RolloutArgs]
    """Updates the instances in steps within one ``pulumi up``: a step begins when the instances of the one before are
    ready, have baked and have passed their checks. An interrupted rollout is continued by the next ``pulumi up``.
    Requires the update strategy ``RollingUpdate``. Mutually exclusive with ``partition``, ``canary`` and
    ``autoscaled``. Default: all instances are updated one after another."""
    version: NotRequired[VersionArgs]
    """Refuses a version of the application that is earlier than one that has used the data of an instance, and one that
    skips a major; on request it runs a check first. Which version has used the data is noted on each
    PersistentVolumeClaim. Requires ``volumes``. Default: versions are not compared."""
    leader_last: NotRequired[LeaderArgs]
    """Updates the leader last: ``pulumi up`` evicts the outdated instances one after another, each when all are ready.
    The StatefulSet gets the update strategy ``OnDelete``. Mutually exclusive with ``update_strategy``, ``partition``,
    ``canary``, ``rollout`` and ``max_unavailable``. Default: the highest ordinal first, whoever leads."""
    max_unavailable: NotRequired[pulumi.Input[int | str]]
    """Number of instances that can be unavailable during an update: a number of at least 1, or a percentage of
    ``replicas`` such as ``"30%"``, rounded down, to at least 1
    (``spec.updateStrategy.rollingUpdate.maxUnavailable``). Requires the feature gate MaxUnavailableStatefulSet, enabled
    by default since Kubernetes 1.37. Default: 1."""
    min_ready_seconds: NotRequired[pulumi.Input[int]]
    """Seconds that an instance must be ready before the update continues, at least 0 (``spec.minReadySeconds``).
    Default: 0."""
    wait_for: NotRequired[pulumi.Input[str]]
    """What ``pulumi up`` waits for, one of ``WaitFor``. Services for clients, and what uses the output
    ``ready_address``, are created after it. Default: ``Ready``."""
    rollout_timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which the rollout, or each step of ``rollout``, must complete, at least 1; otherwise ``pulumi up``
    fails with the reasons. Default: 600, or more where the instances, one after another, can take longer to stop, to
    start (``startup_probe``) and to be ready for ``min_ready_seconds``."""
    resize: NotRequired[str]
    """How a change of CPU and memory alone, also of side-cars, reaches instances that run: one of ``Resize``. In place
    it requires Kubernetes 1.33 (else instances are replaced), rights of its own, ``wait_for`` ``Ready``, and the update
    strategy ``RollingUpdate`` or ``leader_last``. With ``canary`` or ``partition`` instances are replaced. Default:
    ``Replace``."""
    replace_unready: NotRequired[bool]
    """Whether outdated Pods that are not ready any more are evicted, so that a new version can replace them: with the
    policy ``OrderedReady`` Kubernetes waits for them first. Pods that were never ready, and those whose containers
    crash again and again, are always evicted; ready ones never. Default: false."""
    revision_history_limit: NotRequired[pulumi.Input[int]]
    """Number of previous revisions that Kubernetes keeps for a rollback, at least 0 (``spec.revisionHistoryLimit``). A
    change of a live StatefulSet requires Kubernetes 1.37. Default: 10."""
    recreate_keeping_pods: NotRequired[bool]
    """Allows changes for which the StatefulSet must be recreated: adding or removing a volume, another class, a smaller
    size, other access modes or another source of a volume (for new claims; existing ones stay as they are, see
    ``recreate_claims``), and changing ``pod_management_policy``. The StatefulSet object is deleted with
    ``--cascade=orphan`` and created again; its Pods keep running and its PersistentVolumeClaims are kept. Remove the
    argument after the update. Default: false."""

    # == Availability ==

    autoscaled: NotRequired[bool]
    """Whether an autoscaler, or another client of the ``scale`` subresource, sets the number of instances: ``replicas``
    is then the initial number only, and ``pulumi up`` does not change it later. Default: false."""
    form_cluster: NotRequired[FormClusterArgs]
    """Forms the application's cluster when the first instances run, before they are ready: once, which is noted on the
    governing Service and on the PersistentVolumeClaims, so that no second cluster is formed beside the data of a first
    one. Requires ``wait_for`` ``Ready`` or ``Running``. Mutually exclusive with ``groups``. Default: the application
    forms its cluster by itself."""
    recover: NotRequired[RecoverArgs]
    """Recovers the application after a crash of all instances: one of them, given or found by comparing, is told to
    start without the others. It is done once for each ``recover.request``, before anything waits for ready instances;
    no Pod restarts for it, and nothing of it is in the Pod template. Requires ``wait_for`` ``Ready`` or ``Running``.
    Mutually exclusive with ``groups``. Default: the application comes back by itself."""
    members: NotRequired[MembersArgs]
    """Commands that run when ``replicas`` changes, and when ``recreate_claims`` or ``rebuild`` replaces a volume.
    ``pulumi up`` then adds and removes one instance after another, each when its command has succeeded; one that was
    interrupted is continued by the next. Requires ``wait_for`` ``Ready``. Mutually exclusive with ``autoscaled``.
    Default: Kubernetes adds and removes instances without asking the application."""
    quorum: NotRequired[bool]
    """Whether a majority of ``replicas`` stays available during node drains and updates: the same as ``min_available``
    with that number. Mutually exclusive with ``min_available``. Default: false."""
    min_available: NotRequired[pulumi.Input[int | str]]
    """Number of instances that stay available during node drains and updates: a number of at least 1, or a percentage
    of ``replicas`` such as ``"60%"``, rounded up. The component creates a PodDisruptionBudget, which prevents evictions
    of ready Pods that would leave fewer, and refuses a ``max_unavailable`` that would leave fewer. Mutually exclusive
    with ``quorum``. Default: no PodDisruptionBudget."""
    disruption_budget: NotRequired[DisruptionBudgetArgs]
    """Creates a PodDisruptionBudget by the number of instances that can be unavailable, instead of the number that must
    stay. Unlike ``min_available`` it follows the number of instances, and does not limit an update's
    ``max_unavailable``. Mutually exclusive with ``quorum`` and ``min_available``. Default: none."""
    spread_over_nodes: NotRequired[pulumi.Input[str]]
    """How strictly instances are spread over nodes, one of ``Spread``
    (``spec.template.spec.topologySpreadConstraints``). Default: ``ScheduleAnyway``."""
    spread_over_zones: NotRequired[pulumi.Input[str]]
    """How strictly instances are spread over zones (node label ``topology.kubernetes.io/zone``), one of ``Spread``
    (``spec.template.spec.topologySpreadConstraints``). Default: ``ScheduleAnyway``."""

    # == Groups ==

    groups: NotRequired[Mapping[str, GroupArgs]]
    """Several StatefulSets in place of one, by the names of the groups: for zones, for tiers such as hot and warm, or
    to move instances to other disks, machines or zones. Names are DNS labels that start with a letter. All groups have
    the governing Service, the Services for clients, the disruption budget and the network policy together, and no two
    of them are updated at once. Mutually exclusive with ``replicas``, ``ordinals``, ``partition``, ``canary``,
    ``restore``, ``recreate_claims``, ``rebuild``, ``autoscaled`` and ``adopt``. Default: one StatefulSet."""
    group_order: NotRequired[Sequence[str]]
    """The order in which the groups are updated: names of ``groups``, each once. Default: alphabetical."""

    # == Security ==

    security: NotRequired[SecurityArgs]
    """Security settings of the Pods. Default: those of the ``restricted`` Pod Security Standard."""
    network_policy: NotRequired[NetworkPolicyArgs]
    """Creates a NetworkPolicy that allows connections from the instances and from selected clients only. Default:
    none."""
    service_account_name: NotRequired[pulumi.Input[str]]
    """Name of the ServiceAccount of the Pods (``spec.template.spec.serviceAccountName``). Default: ``default``."""
    automount_service_account_token: NotRequired[pulumi.Input[bool]]
    """Whether the token of the ServiceAccount is mounted into the Pods
    (``spec.template.spec.automountServiceAccountToken``). Default: false."""

    # == Adoption ==

    adopt: NotRequired[bool]
    """Adopts an existing StatefulSet of this name that the component does not manage, for example one that Helm
    created. The StatefulSet object is deleted with ``--cascade=orphan`` and created again; its Pods keep running and
    its PersistentVolumeClaims are kept. Remove the argument after the update. Default: false."""
    selector: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels with which the StatefulSet and its Services select the Pods, to adopt a StatefulSet with other labels
    (``spec.selector.matchLabels``). Cannot be changed. Default: ``app.kubernetes.io/name`` and
    ``app.kubernetes.io/instance``, both with the name of the StatefulSet."""
