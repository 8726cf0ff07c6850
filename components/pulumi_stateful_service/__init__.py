"""The Stateful Service pattern for Kubernetes as one Pulumi component."""

from ._arguments import (
    AccessMode,
    EnvFromArgs,
    ExecArgs,
    GrpcArgs,
    HttpGetArgs,
    ImagePullPolicy,
    Instance,
    KeyRefArgs,
    LoadBalancerArgs,
    PodManagementPolicy,
    ProbeArgs,
    ReclaimPolicy,
    ResourcesArgs,
    ServiceType,
    StatefulServiceArgs,
    StorageClassArgs,
    TcpSocketArgs,
    VolumeArgs,
    VolumeBindingMode,
)
from ._component import StatefulService
from ._errors import ArgumentError

__all__ = [
    "AccessMode",
    "ArgumentError",
    "EnvFromArgs",
    "ExecArgs",
    "GrpcArgs",
    "HttpGetArgs",
    "ImagePullPolicy",
    "Instance",
    "KeyRefArgs",
    "LoadBalancerArgs",
    "PodManagementPolicy",
    "ProbeArgs",
    "ReclaimPolicy",
    "ResourcesArgs",
    "ServiceType",
    "StatefulService",
    "StatefulServiceArgs",
    "StorageClassArgs",
    "TcpSocketArgs",
    "VolumeArgs",
    "VolumeBindingMode",
]
