"""What a user may say: the typed arguments, in Kubernetes' own terms.

They are TypedDicts, so that one definition serves a Python program, its type checker, and the schema that Pulumi
infers for the other languages. The inference reads the annotations of this module as they stand: no postponed
annotations, no Literal, no bare dict, no union other than ``pulumi.Input`` (which is why a closed set of words is an
``Input[str]`` with a StrEnum beside it).
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NotRequired, TypedDict

import pulumi


class PodManagementPolicy(StrEnum):
    """How instances start and stop (``spec.podManagementPolicy``)."""

    ORDERED_READY = "OrderedReady"
    """One after another, 0 first, each only when its predecessor is ready; they stop in reverse."""
    PARALLEL = "Parallel"
    """All at once, ready or not. Updates still go one by one."""


class UpdateStrategy(StrEnum):
    """Who replaces instances when a new version comes (``spec.updateStrategy.type``)."""

    ROLLING_UPDATE = "RollingUpdate"
    """Kubernetes, from the highest ordinal down, each when the one before is ready."""
    ON_DELETE = "OnDelete"
    """The user: an instance gets the new version when its Pod is deleted."""


class ReclaimPolicy(StrEnum):
    """What becomes of a volume whose claim is deleted (``reclaimPolicy`` of a StorageClass)."""

    RETAIN = "Retain"
    """The volume and its data stay; somebody removes them by hand."""
    DELETE = "Delete"
    """The volume and its data are deleted with the claim."""


class VolumeBindingMode(StrEnum):
    """When a claim gets its volume (``volumeBindingMode`` of a StorageClass)."""

    WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"
    """Once its Pod is scheduled, so that the volume is made where the Pod can run."""
    IMMEDIATE = "Immediate"
    """At once."""


class VolumeMode(StrEnum):
    """What the container gets of a volume (``volumeMode`` of a PersistentVolumeClaim)."""

    FILESYSTEM = "Filesystem"
    """A folder."""
    BLOCK = "Block"
    """A block device."""


class ClaimRetention(StrEnum):
    """What becomes of a claim, and with it of the data (``persistentVolumeClaimRetentionPolicy``)."""

    RETAIN = "Retain"
    """It stays, and the instance finds it when it comes back."""
    DELETE = "Delete"
    """It is deleted, and with a class that reclaims by deletion the data too."""


class AccessMode(StrEnum):
    """Who may mount a volume (``accessModes`` of a PersistentVolumeClaim)."""

    READ_WRITE_ONCE = "ReadWriteOnce"
    """One node, for reading and writing."""
    READ_WRITE_ONCE_POD = "ReadWriteOncePod"
    """One Pod in the whole cluster, for reading and writing; needs a CSI driver that supports it."""
    READ_WRITE_MANY = "ReadWriteMany"
    """Many nodes, for reading and writing."""
    READ_ONLY_MANY = "ReadOnlyMany"
    """Many nodes, for reading."""


class ServiceType(StrEnum):
    """How a Service is reached (``spec.type``)."""

    CLUSTER_IP = "ClusterIP"
    """From inside the cluster."""
    NODE_PORT = "NodePort"
    """On a port of every node."""
    LOAD_BALANCER = "LoadBalancer"
    """Through a load balancer of the cluster's provider."""


class PortProtocol(StrEnum):
    """What a port speaks (``protocol`` of a container's and a Service's port)."""

    TCP = "TCP"
    """Connections."""
    UDP = "UDP"
    """Datagrams."""
    SCTP = "SCTP"
    """Associations; needs a cluster network that knows them."""


class IpFamilyPolicy(StrEnum):
    """Which addresses a Service gets (``spec.ipFamilyPolicy``)."""

    SINGLE_STACK = "SingleStack"
    """One, of the cluster's first family or of the one given."""
    PREFER_DUAL_STACK = "PreferDualStack"
    """IPv4 and IPv6 where the cluster has both."""
    REQUIRE_DUAL_STACK = "RequireDualStack"
    """IPv4 and IPv6; refused by a cluster that has not both."""


class IpFamily(StrEnum):
    """A kind of address (``spec.ipFamilies`` of a Service)."""

    IPV4 = "IPv4"
    """Version 4."""
    IPV6 = "IPv6"
    """Version 6."""


class TrafficPolicy(StrEnum):
    """Which instances a node sends a Service's traffic to (``externalTrafficPolicy``, ``internalTrafficPolicy``)."""

    CLUSTER = "Cluster"
    """All of them."""
    LOCAL = "Local"
    """Those on the node itself; from outside the client's address is kept then."""


class SessionAffinity(StrEnum):
    """Whether a client stays with an instance (``spec.sessionAffinity`` of a Service)."""

    NONE = "None"
    """Each connection goes to any."""
    CLIENT_IP = "ClientIP"
    """Connections from one address go to the same one."""


class Spread(StrEnum):
    """How far instances are kept apart (``topologySpreadConstraints``, ``whenUnsatisfiable``)."""

    SCHEDULE_ANYWAY = "ScheduleAnyway"
    """Apart where there is room for it; together rather than not at all."""
    DO_NOT_SCHEDULE = "DoNotSchedule"
    """Apart, or the instance waits."""
    OFF = "Off"
    """No constraint: the cluster's own defaults hold."""


class PodSecurityStandard(StrEnum):
    """What a Pod may do (the Pod Security Standards)."""

    RESTRICTED = "restricted"
    """As an ordinary user, with no privilege and no way to get one."""
    BASELINE = "baseline"
    """As root in its container too, with the container runtime's own privileges."""
    PRIVILEGED = "privileged"
    """Whatever ``pod_template`` says; nothing is set."""


class ImagePullPolicy(StrEnum):
    """When the kubelet pulls an image (``imagePullPolicy`` of a container)."""

    ALWAYS = "Always"
    """At every start of a container."""
    IF_NOT_PRESENT = "IfNotPresent"
    """When the node does not have it."""
    NEVER = "Never"
    """Never: the image must be on the node."""


class KeyRefArgs(TypedDict):
    """One key of a Secret or of a ConfigMap in the same namespace."""

    name: pulumi.Input[str]
    """Name of the Secret or the ConfigMap."""
    key: pulumi.Input[str]
    """The key in it."""
    optional: NotRequired[pulumi.Input[bool]]
    """Start the Pod even where the object or the key is missing. Default: false."""


class EnvFromArgs(TypedDict):
    """All keys of a Secret or of a ConfigMap as environment variables (``envFrom``). Exactly one of the two."""

    secret: NotRequired[pulumi.Input[str]]
    """Name of a Secret in the same namespace."""
    config_map: NotRequired[pulumi.Input[str]]
    """Name of a ConfigMap in the same namespace."""
    prefix: NotRequired[pulumi.Input[str]]
    """Put before each key. Default: nothing."""
    optional: NotRequired[pulumi.Input[bool]]
    """Start the Pod even where the object is missing. Default: false."""


class ResourcesArgs(TypedDict):
    """What the container asks for and may use (``resources``), as Kubernetes quantities by resource."""

    requests: NotRequired[Mapping[str, pulumi.Input[str]]]
    """What the scheduler sets aside, such as ``{"cpu": "100m", "memory": "128Mi"}``."""
    limits: NotRequired[Mapping[str, pulumi.Input[str]]]
    """What the container may use at most."""


class HttpGetArgs(TypedDict):
    """An HTTP GET that a status from 200 to 399 answers (``httpGet``)."""

    port: Any
    """Name (string) or number (1 to 65535) of the container's port."""
    path: NotRequired[pulumi.Input[str]]
    """Default: ``/``."""
    scheme: NotRequired[pulumi.Input[str]]
    """``HTTP`` or ``HTTPS``. Default: ``HTTP``."""


class TcpSocketArgs(TypedDict):
    """A TCP connection that can be opened (``tcpSocket``)."""

    port: Any
    """Name (string) or number (1 to 65535) of the container's port."""


class GrpcArgs(TypedDict):
    """A gRPC health check (``grpc``)."""

    port: pulumi.Input[int]
    """Number of the container's port, 1 to 65535."""
    service: NotRequired[pulumi.Input[str]]
    """The service to ask about. Default: the server as a whole."""


class ExecArgs(TypedDict):
    """A command in the container that ends with status 0 (``exec``)."""

    command: Sequence[pulumi.Input[str]]
    """The program and its arguments; no shell."""


class ProbeArgs(TypedDict):
    """How the kubelet looks at the container (``Probe``). Exactly one of the four ways to look."""

    http_get: NotRequired[HttpGetArgs]
    """By an HTTP GET."""
    tcp_socket: NotRequired[TcpSocketArgs]
    """By opening a TCP connection."""
    grpc: NotRequired[GrpcArgs]
    """By a gRPC health check."""
    exec: NotRequired[ExecArgs]
    """By a command in the container."""
    initial_delay_seconds: NotRequired[pulumi.Input[int]]
    """Seconds from the container's start to the first look. Default: 0."""
    period_seconds: NotRequired[pulumi.Input[int]]
    """Seconds from one look to the next, at least 1. Default: 10."""
    timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds after which a look has failed, at least 1. Default: 1."""
    success_threshold: NotRequired[pulumi.Input[int]]
    """Successes in a row that count as success, at least 1. Default: 1."""
    failure_threshold: NotRequired[pulumi.Input[int]]
    """Failures in a row that count as failure, at least 1. Default: 3."""


class DataSourceArgs(TypedDict):
    """An object that a new volume is made from (``dataSource`` of a PersistentVolumeClaim), in the same namespace."""

    kind: pulumi.Input[str]
    """``PersistentVolumeClaim`` for a clone, ``VolumeSnapshot`` for a snapshot."""
    name: pulumi.Input[str]
    """Its name."""
    api_group: NotRequired[pulumi.Input[str]]
    """Its API group, such as ``snapshot.storage.k8s.io``. Default: the core group."""


class VolumeArgs(TypedDict):
    """A volume that every instance gets one of its own of, by a claim template (``spec.volumeClaimTemplates``)."""

    name: str
    """Name of the claim template, a DNS label. The claim of ordinal 0 is ``NAME-SET-0``: the name can't be changed
    without leaving the data behind."""
    mount_path: pulumi.Input[str]
    """Where the container sees it: an absolute path without a colon; the device's path with ``volume_mode`` Block."""
    size: pulumi.Input[str]
    """Kubernetes quantity above zero, such as ``10Gi``. A larger one makes the disks that are there grow, without a
    restart, where the class allows it; a smaller one is refused."""
    storage_class_name: NotRequired[pulumi.Input[str]]
    """A class for this volume alone; the empty string for volumes that were made in advance and have no class.
    Default: the service's ``storage_class`` or ``storage_class_name``."""
    access_modes: NotRequired[Sequence[pulumi.Input[str]]]
    """Words of ``AccessMode``. Default: ``["ReadWriteOnce"]``."""
    read_only: NotRequired[pulumi.Input[bool]]
    """Mount it for reading only. Default: false."""
    sub_path: NotRequired[pulumi.Input[str]]
    """Mount this folder of the volume instead of its root."""
    volume_mode: NotRequired[str]
    """A word of ``VolumeMode``. Default: ``Filesystem``."""
    volume_attributes_class_name: NotRequired[pulumi.Input[str]]
    """A VolumeAttributesClass, which tunes the volume within its storage class. Default: none."""
    selector: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels that a volume made in advance must have (``selector.matchLabels``). Default: any."""
    data_source: NotRequired[DataSourceArgs]
    """What the volumes are filled with when they are made. Default: nothing."""
    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """For the claims. Default: none."""
    annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """For the claims. Default: none."""


class TopologyArgs(TypedDict):
    """Nodes that a volume may be made for: those with one of these values under this label."""

    key: pulumi.Input[str]
    """A node label, such as ``topology.kubernetes.io/zone``."""
    values: Sequence[pulumi.Input[str]]
    """Its allowed values."""


class StorageClassArgs(TypedDict):
    """A storage class that the component makes (``StorageClass``). Classes are cluster-wide and outlive no stack."""

    provisioner: pulumi.Input[str]
    """The driver that makes the volumes, such as ``ebs.csi.aws.com``."""
    name: NotRequired[pulumi.Input[str]]
    """Default: ``PROJECT-STACK-NAME``, so that two stacks on one cluster don't collide."""
    parameters: NotRequired[Mapping[str, pulumi.Input[str]]]
    """What the driver wants to know. Default: nothing."""
    reclaim_policy: NotRequired[pulumi.Input[str]]
    """A word of ``ReclaimPolicy``. Default: ``Retain``."""
    volume_binding_mode: NotRequired[pulumi.Input[str]]
    """A word of ``VolumeBindingMode``. Default: ``WaitForFirstConsumer``."""
    allow_volume_expansion: NotRequired[pulumi.Input[bool]]
    """Let the volumes grow. Default: true."""
    mount_options: NotRequired[Sequence[pulumi.Input[str]]]
    """Options for mounting the volumes. Default: none."""
    allowed_topologies: NotRequired[Sequence[TopologyArgs]]
    """Where volumes may be made; all of these must fit. Default: anywhere."""
    default: NotRequired[pulumi.Input[bool]]
    """Make it the cluster's default class. Default: false."""


class ClaimRetentionPolicyArgs(TypedDict):
    """When claims are deleted (``spec.persistentVolumeClaimRetentionPolicy``)."""

    when_deleted: NotRequired[pulumi.Input[str]]
    """When the service is destroyed: a word of ``ClaimRetention``. Default: ``Retain``."""
    when_scaled: NotRequired[pulumi.Input[str]]
    """When an instance is scaled away: a word of ``ClaimRetention``. Default: ``Retain``."""


class LoadBalancerArgs(TypedDict):
    """The ordinary Service that spreads clients over all ready instances."""

    type: NotRequired[pulumi.Input[str]]
    """A word of ``ServiceType``. Default: ``ClusterIP``."""
    name: NotRequired[pulumi.Input[str]]
    """Default: the governing Service's name with ``-lb``."""
    port: NotRequired[pulumi.Input[int]]
    """The port that clients use, 1 to 65535. Default: each port of ``ports`` under its own number."""
    target_port: NotRequired[pulumi.Input[str]]
    """Name of the port in ``ports`` that ``port`` leads to. Default: the only one there is."""
    ports: NotRequired[Mapping[str, pulumi.Input[int]]]
    """The ports that clients use, 1 to 65535, each by the name of the instances' port that it leads to. Not with
    ``port``. Default: each port of ``ports`` under its own number."""
    load_balancer_class: NotRequired[pulumi.Input[str]]
    """Who makes the load balancer (``spec.loadBalancerClass``); with type ``LoadBalancer``. Can't be changed later.
    Default: the cluster's own."""
    load_balancer_source_ranges: NotRequired[Sequence[pulumi.Input[str]]]
    """The networks that clients may come from, such as ``10.0.0.0/8`` (``spec.loadBalancerSourceRanges``); with type
    ``LoadBalancer``. Default: any."""
    external_traffic_policy: NotRequired[pulumi.Input[str]]
    """A word of ``TrafficPolicy`` for clients outside; with type ``NodePort`` or ``LoadBalancer``. Default:
    ``Cluster``."""
    internal_traffic_policy: NotRequired[pulumi.Input[str]]
    """A word of ``TrafficPolicy`` for clients in the cluster. Default: ``Cluster``."""
    traffic_distribution: NotRequired[pulumi.Input[str]]
    """Which instances a client's are first (``spec.trafficDistribution``), such as ``PreferSameZone``. Default: all
    alike."""
    session_affinity: NotRequired[pulumi.Input[str]]
    """A word of ``SessionAffinity``. Default: ``None``."""
    session_affinity_timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds that a client stays with its instance, 1 to 86400; with ``session_affinity`` ClientIP. Default:
    10800."""
    annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """For the cluster's load-balancer controller. Default: none."""
    wait_for_address: NotRequired[pulumi.Input[bool]]
    """Whether ``pulumi up`` waits until the Service has its address. Without it a cluster that has no load balancer to
    give does no harm, and ``load_balancer_address`` is absent until ``pulumi refresh`` finds it. Default: true."""


class InstanceServicesArgs(TypedDict):
    """A Service for one instance each, named like its Pod (label ``statefulset.kubernetes.io/pod-name``).

    For clients that must reach a chosen instance, from outside the cluster too.
    """

    ordinals: NotRequired[Sequence[int]]
    """The ordinals that get one; those that ``replicas`` does not reach get theirs when it does. Default: all."""
    type: NotRequired[pulumi.Input[str]]
    """A word of ``ServiceType``. Default: ``ClusterIP``."""
    load_balancer_class: NotRequired[pulumi.Input[str]]
    """Who makes the load balancers (``spec.loadBalancerClass``); with type ``LoadBalancer``. Can't be changed later.
    Default: the cluster's own."""
    load_balancer_source_ranges: NotRequired[Sequence[pulumi.Input[str]]]
    """The networks that clients may come from (``spec.loadBalancerSourceRanges``); with type ``LoadBalancer``. Default:
    any."""
    external_traffic_policy: NotRequired[pulumi.Input[str]]
    """A word of ``TrafficPolicy`` for clients outside; with type ``NodePort`` or ``LoadBalancer``. Default:
    ``Cluster``."""
    annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """For the cluster's load-balancer controller. Default: none."""
    wait_for_address: NotRequired[pulumi.Input[bool]]
    """Whether ``pulumi up`` waits until each Service has its address. Default: true."""


class DiscoveryArgs(TypedDict):
    """What an instance is told of itself and its peers, as environment variables.

    They come before ``env``, whose values can refer to them: ``POD_NAME``, ``POD_ORDINAL``, ``POD_NAMESPACE``,
    ``SERVICE_NAME`` (the governing Service), ``SERVICE_ADDRESS`` (its DNS name) and ``POD_ADDRESS`` (the instance's own
    stable DNS name).
    """

    peers: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Variables that list all instances, by name: the form of one instance, with ``{pod}``, ``{ordinal}`` and
    ``{address}`` in it; the list is separated by commas. ``{"INITIAL_CLUSTER": "{pod}=http://{address}:2380"}``.
    Such a list changes with ``replicas``, so scaling replaces all instances, one after the other, unless ``partition``
    holds them back; an application that asks the DNS (``srv_names``) needs none. Not with ``autoscaled``. Default:
    none."""


class SecurityArgs(TypedDict):
    """What the Pods may do. The defaults pass the ``restricted`` Pod Security Standard."""

    standard: NotRequired[str]
    """A word of ``PodSecurityStandard``: the strictest that the image can live with. Default: ``restricted``, for which
    the image must run as a user other than root, by its own ``USER`` (a number) or by ``run_as_user``."""
    run_as_user: NotRequired[pulumi.Input[int]]
    """The user's number, 0 or more; 0 is root and not with ``restricted``. Default: the image's."""
    run_as_group: NotRequired[pulumi.Input[int]]
    """The group's number, 0 or more. Default: the image's."""
    fs_group: NotRequired[pulumi.Input[int]]
    """The group that may write to the volumes, 0 or more; the processes get it beside their own. Default:
    ``run_as_group``, else 65532; none with ``privileged``, nor without volumes."""
    read_only_root_filesystem: NotRequired[pulumi.Input[bool]]
    """Whether the container can write to its volumes alone. Default: false."""
    add_capabilities: NotRequired[Sequence[pulumi.Input[str]]]
    """Linux capabilities to add, without ``CAP_``; ``restricted`` allows ``NET_BIND_SERVICE``. Default: none."""


class NetworkClientArgs(TypedDict):
    """Clients that a network policy lets in: Pods by namespace and labels, or a network (``cidr``)."""

    namespace: NotRequired[pulumi.Input[str]]
    """Name of their namespace. Default: the service's own, unless ``namespace_labels`` or ``cidr`` is given."""
    namespace_labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of their namespaces; none for all namespaces. Not with ``namespace``."""
    pod_labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Labels of the Pods. Default: all Pods there."""
    cidr: NotRequired[pulumi.Input[str]]
    """A network, such as ``10.0.0.0/8``. Alone."""
    ports: NotRequired[Sequence[str]]
    """Names of the ports in ``ports`` that they may use. Default: all of them."""


class NetworkPolicyArgs(TypedDict):
    """A NetworkPolicy that lets in the instances themselves, and the clients given here.

    It needs a cluster network that enforces it. What the instances send is not restricted.
    """

    clients: NotRequired[Sequence[NetworkClientArgs]]
    """Who else is let in. Default: nobody."""


class OrdinalsArgs(TypedDict):
    """The numbering of the instances (``spec.ordinals``)."""

    start: pulumi.Input[int]
    """The first ordinal, 0 or more."""


class StatefulServiceArgs(TypedDict):
    """A stateful distributed application: its instances, their names, their disks, and how they are updated."""

    image: pulumi.Input[str]
    """The container's image."""
    name: NotRequired[pulumi.Input[str]]
    """Name of the StatefulSet, a DNS label of at most 52 characters; instances are ``NAME-0`` and so on. Default: the
    component's own name. It can't be changed without leaving the disks behind."""
    namespace: NotRequired[pulumi.Input[str]]
    """An existing namespace. Default: the provider's, else ``default``."""
    replicas: NotRequired[pulumi.Input[int]]
    """Number of instances, 0 or more (``spec.replicas``). Default: 1."""
    autoscaled: NotRequired[bool]
    """An autoscaler, or whoever uses the set's ``scale``, decides the number of instances: ``replicas`` is what the
    service starts with, and no later ``pulumi up`` changes it. Default: false."""
    service_name: NotRequired[pulumi.Input[str]]
    """Name of the governing headless Service (``spec.serviceName``), a DNS label that starts with a letter. Default:
    the StatefulSet's name."""
    ports: NotRequired[Mapping[str, pulumi.Input[int]]]
    """The container's ports, number (1 to 65535) by name (at most 15 of a-z, 0-9 and -, with a letter). The governing
    Service has the same. Default: none."""
    port_protocols: NotRequired[Mapping[str, pulumi.Input[str]]]
    """A word of ``PortProtocol`` for ports, by name. Default: ``TCP``."""
    app_protocols: NotRequired[Mapping[str, pulumi.Input[str]]]
    """What is spoken over ports, by name (``appProtocol`` of the Services' ports), such as ``kubernetes.io/h2c`` or
    ``https``. Default: nothing is said."""
    ip_family_policy: NotRequired[pulumi.Input[str]]
    """A word of ``IpFamilyPolicy``, for all Services. Default: Kubernetes' (``SingleStack``)."""
    ip_families: NotRequired[Sequence[pulumi.Input[str]]]
    """Words of ``IpFamily``, for all Services, the first family first. Default: the cluster's."""
    command: NotRequired[Sequence[pulumi.Input[str]]]
    """What to run instead of the image's entrypoint (``command``)."""
    args: NotRequired[Sequence[pulumi.Input[str]]]
    """Its arguments instead of the image's (``args``)."""
    env: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables by name. In a value, ``$(OTHER)`` stands for the value of a variable that comes before it.
    Default: none."""
    secret_env: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables by name whose values are secret. The component keeps them in a Secret of its own,
    ``NAME-env``, so that neither the set nor its Pods show them, and a secret in Pulumi's state whether they were given
    as one or not. A new value replaces the instances as a new version does; an instance that ``partition`` holds back
    gets it when it restarts. Default: none."""
    discovery: NotRequired[DiscoveryArgs]
    """Tell each instance its own names and those of its peers in environment variables. Default: no such variables."""
    env_from_secrets: NotRequired[Mapping[str, KeyRefArgs]]
    """Environment variables by name, each from a key of a Secret."""
    env_from_config_maps: NotRequired[Mapping[str, KeyRefArgs]]
    """Environment variables by name, each from a key of a ConfigMap."""
    env_from: NotRequired[Sequence[EnvFromArgs]]
    """All keys of these Secrets and ConfigMaps as environment variables."""
    resources: NotRequired[ResourcesArgs]
    """What the container asks for and may use. Default: what the namespace says."""
    readiness_probe: NotRequired[ProbeArgs]
    """When an instance may be used and its successor may start. Default: as soon as the container runs."""
    liveness_probe: NotRequired[ProbeArgs]
    """When the container is restarted. Default: when its process ends."""
    startup_probe: NotRequired[ProbeArgs]
    """Holds the other probes back until it succeeds. Default: none."""
    volumes: NotRequired[Sequence[VolumeArgs]]
    """The disks of each instance. Default: none."""
    storage_class: NotRequired[StorageClassArgs]
    """Make a storage class for the volumes. Not with ``storage_class_name``. Default: the cluster's default class."""
    storage_class_name: NotRequired[pulumi.Input[str]]
    """Use an existing storage class for the volumes; the empty string for volumes that were made in advance and have no
    class. Not with ``storage_class``."""
    persistent_volume_claim_retention_policy: NotRequired[ClaimRetentionPolicyArgs]
    """When claims, and with them the data, are deleted. Default: never."""
    growth_timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which disks that are to grow must have grown, at least 1. Default: 300."""
    recreate_keeping_pods: NotRequired[bool]
    """Allow changes that Kubernetes takes only with a new StatefulSet: adding or removing a volume, and
    ``pod_management_policy`` or ``revision_history_limit`` without a stop. The set is deleted and made anew around its
    Pods, which keep running, and its claims. Take it away afterwards. Default: false."""
    selector: NotRequired[Mapping[str, pulumi.Input[str]]]
    """The labels by which the set and its Services know the Pods (``spec.selector.matchLabels``), to take over a set
    that has others. Can't be changed. Default: ``app.kubernetes.io/name`` and ``app.kubernetes.io/instance``, both with
    the set's name."""
    adopt: NotRequired[bool]
    """Take over a StatefulSet of this name that something else made, such as Helm: it is deleted and made anew around
    its Pods, which keep running, and its claims. Take it away afterwards. Default: false."""
    pod_management_policy: NotRequired[pulumi.Input[str]]
    """A word of ``PodManagementPolicy``. Default: ``OrderedReady``."""
    ordinals: NotRequired[OrdinalsArgs]
    """Where the numbering starts (``spec.ordinals``). Default: at 0."""
    update_strategy: NotRequired[pulumi.Input[str]]
    """A word of ``UpdateStrategy``. Default: ``RollingUpdate``."""
    partition: NotRequired[pulumi.Input[int]]
    """Only ordinals from this one on get a new version, 0 or more; the others keep theirs, even if their Pods are
    replaced. Not with ``canary``. It is an ordinal also where the numbering starts elsewhere, while Kubernetes' own
    field (``spec.updateStrategy.rollingUpdate.partition``) counts from that start. Default: all get it."""
    canary: NotRequired[pulumi.Input[int]]
    """How many instances, those with the highest ordinals, get a new version, from 0 to ``replicas``; the others keep
    theirs. Not with ``partition``. Default: all get it."""
    max_unavailable: NotRequired[Any]
    """How many instances may be missing during an update: a number from 1, or a percentage of ``replicas`` such as
    ``"30%"``, rounded up (``spec.updateStrategy.rollingUpdate.maxUnavailable``). Needs a cluster with the feature
    MaxUnavailableStatefulSet (on by default from Kubernetes 1.37). Default: 1."""
    min_ready_seconds: NotRequired[pulumi.Input[int]]
    """Seconds that an instance must have been ready before an update goes on, 0 or more (``spec.minReadySeconds``).
    Default: 0."""
    revision_history_limit: NotRequired[pulumi.Input[int]]
    """How many old versions Kubernetes keeps for a rollback, 0 or more (``spec.revisionHistoryLimit``). Pulumi's
    provider replaces the set when it changes. Default: 10."""
    rollout_timeout_seconds: NotRequired[pulumi.Input[int]]
    """Seconds within which the instances asked for must run and be ready, at least 1; after them ``pulumi up`` fails
    and says what is missing. Default: 600."""
    load_balancer: NotRequired[LoadBalancerArgs]
    """Make an ordinary Service over all instances, after they are there. Default: none."""
    termination_grace_period_seconds: NotRequired[pulumi.Input[int]]
    """Seconds that an instance gets to end cleanly, at least 1: without them two Pods could hold one identity.
    Default: 30."""
    instance_services: NotRequired[InstanceServicesArgs]
    """Make a Service for each instance, or each chosen one, after they are there. Default: none."""
    network_policy: NotRequired[NetworkPolicyArgs]
    """Let in peers and chosen clients alone. Default: no policy of the component's own."""
    quorum: NotRequired[bool]
    """Keep a majority of ``replicas`` running when nodes are drained and during updates: the same as ``min_available``
    with that number. Not with ``min_available``. Default: false."""
    min_available: NotRequired[Any]
    """How many instances must stay when nodes are drained and during updates: a number from 1, or a percentage of
    ``replicas`` such as ``"60%"``, rounded up. The component makes a PodDisruptionBudget, which refuses an eviction
    that would leave fewer ready (an instance that is not ready can always be evicted), and refuses a
    ``max_unavailable`` that would. Not with ``quorum``. Default: no budget."""
    spread_over_nodes: NotRequired[pulumi.Input[str]]
    """A word of ``Spread``: how far instances are kept on different nodes. Default: ``ScheduleAnyway``."""
    spread_over_zones: NotRequired[pulumi.Input[str]]
    """A word of ``Spread``: how far instances are kept in different zones (``topology.kubernetes.io/zone``). Default:
    ``ScheduleAnyway``."""
    security: NotRequired[SecurityArgs]
    """What the Pods may do. Default: what the ``restricted`` Pod Security Standard allows."""
    service_account_name: NotRequired[pulumi.Input[str]]
    """The ServiceAccount that the Pods run as. Default: ``default``."""
    automount_service_account_token: NotRequired[pulumi.Input[bool]]
    """Give the Pods the account's token. Default: false."""
    image_pull_policy: NotRequired[pulumi.Input[str]]
    """A word of ``ImagePullPolicy``. Default: Kubernetes' (``Always`` for the tag ``latest``, else
    ``IfNotPresent``)."""
    image_pull_secrets: NotRequired[Sequence[pulumi.Input[str]]]
    """Names of the Secrets to pull images with. Default: none."""
    labels: NotRequired[Mapping[str, pulumi.Input[str]]]
    """For every object and for the Pods, besides the component's own. Default: none."""
    annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """For every object, not for the Pods. Default: none."""
    pod_annotations: NotRequired[Mapping[str, pulumi.Input[str]]]
    """For the Pods. Default: none."""
    pod_template: NotRequired[Mapping[str, Any]]
    """Laid over the Pod template in Kubernetes' own words, as in a strategic merge: maps are merged, lists of named
    things (containers, volumes, environment variables …) by their names, other lists are replaced, and null takes a
    field away. The component's own container is ``app``. This way go side-cars, affinity, tolerations and whatever else
    the component does not model. Default: nothing."""
    publish_not_ready_addresses: NotRequired[pulumi.Input[bool]]
    """Instances are found through DNS before they are ready (``spec.publishNotReadyAddresses`` of the governing
    Service). Default: false."""
    cluster_domain: NotRequired[pulumi.Input[str]]
    """The cluster's DNS domain. Default: ``cluster.local``."""
