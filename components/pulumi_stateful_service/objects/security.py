"""Security contexts of the Pods, and the NetworkPolicy."""

from typing import Any

from pulumi_stateful_service.arguments.types import (
    NetworkClientArgs,
    NetworkPolicyArgs,
    PodSecurityStandard,
    PortProtocol,
    SecurityArgs,
)
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, without_empty
from pulumi_stateful_service.objects.shared import Network, Shared

_FS_GROUP = 65532
"""The group that many images call nonroot; no other files belong to it."""
_NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that Kubernetes sets on every namespace."""


def pod_security_context(security: SecurityArgs, *, has_volumes: bool) -> KubernetesObject:
    """``securityContext`` of the Pod."""
    standard = security.get("standard", PodSecurityStandard.RESTRICTED)
    fs_group: Any = security.get("fs_group")
    if fs_group is None and standard != PodSecurityStandard.PRIVILEGED and has_volumes:
        fs_group = security.get("run_as_group", _FS_GROUP)
    return without_empty(
        runAsNonRoot=True if standard == PodSecurityStandard.RESTRICTED else None,
        runAsUser=security.get("run_as_user"),
        runAsGroup=security.get("run_as_group"),
        fsGroup=fs_group,
        # Changes the group of all files only if the root of the volume has another: that can take minutes.
        fsGroupChangePolicy=None if fs_group is None else "OnRootMismatch",
        seccompProfile=None if standard == PodSecurityStandard.PRIVILEGED else {"type": "RuntimeDefault"},
    )


def container_security_context(security: SecurityArgs) -> KubernetesObject:
    """``securityContext`` of a container."""
    restricted = security.get("standard", PodSecurityStandard.RESTRICTED) == PodSecurityStandard.RESTRICTED
    return without_empty(
        allowPrivilegeEscalation=False if restricted else None,
        capabilities=without_empty(drop=["ALL"] if restricted else None, add=security.get("add_capabilities")),
        readOnlyRootFilesystem=security.get("read_only_root_filesystem"),
    )


def network_policy(shared: Shared, network: Network, settings: NetworkPolicyArgs) -> KubernetesObject:
    """The NetworkPolicy: instances reach each other on every port, clients reach the ports of the service."""
    instances = {"from": [{"podSelector": {"matchLabels": dict(shared.selector)}}]}
    clients = settings.get("clients", [])
    return {
        "metadata": shared.metadata(),
        "spec": {
            "podSelector": {"matchLabels": dict(shared.selector)},
            "policyTypes": ["Ingress"],
            "ingress": [
                instances,
                *({"from": [_peer(client)], "ports": _client_ports(network, client)} for client in clients),
            ],
        },
    }


def _peer(client: NetworkClientArgs) -> KubernetesObject:
    if "cidr" in client:
        return {"ipBlock": {"cidr": client["cidr"]}}
    # An empty selector selects all, so it is not left out.
    peer: KubernetesObject = {}
    if "namespace" in client:
        peer["namespaceSelector"] = {"matchLabels": {_NAMESPACE_NAME: client["namespace"]}}
    if "namespace_labels" in client:
        peer["namespaceSelector"] = without_empty(matchLabels=dict(client["namespace_labels"]))
    if "pod_labels" in client:
        peer["podSelector"] = without_empty(matchLabels=dict(client["pod_labels"]))
    return peer


def _client_ports(network: Network, client: NetworkClientArgs) -> list[KubernetesObject]:
    return [
        {"port": network.ports[name], "protocol": network.protocols.get(name, PortProtocol.TCP.value)}
        for name in client.get("ports", network.ports)
    ]
