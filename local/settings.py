"""The addresses and ports of the cluster, with their defaults, and how to choose others.

All addresses come from one small range, so that whatever has one stays on the cluster's own network interface:
the first /24 is for Pods (its first address is the node), the second for Services, the third for load balancers, and
the fourth for the Pods of a second and a third node.
"""

import ipaddress
import os
from dataclasses import dataclass
from functools import cache

from local.errors import LocalError

NETWORK_VARIABLE = "STATEFUL_SERVICE_NETWORK"
PORT_VARIABLE = "STATEFUL_SERVICE_PORT"

_PREFIX = 22
_PORTS = range(1024, 65501)


@dataclass(frozen=True)
class Ports:
    """Where the parts listen on loopback, counted from one base."""

    base: int

    @property
    def api_server(self) -> int:
        """The Kubernetes API."""
        return self.base

    @property
    def etcd(self) -> int:
        """The cluster's database."""
        return self.base + 1

    @property
    def etcd_peer(self) -> int:
        """Where etcd would talk to others."""
        return self.base + 2

    @property
    def controller_manager(self) -> int:
        """The controller manager's health and metrics."""
        return self.base + 3

    @property
    def scheduler(self) -> int:
        """The scheduler's health and metrics."""
        return self.base + 4

    @property
    def kwok(self) -> int:
        """The simulated nodes' kubelet."""
        return self.base + 5

    @property
    def proxy_health(self) -> int:
        """kube-proxy's health."""
        return self.base + 6

    @property
    def proxy_metrics(self) -> int:
        """kube-proxy's metrics."""
        return self.base + 7

    @property
    def dns_health(self) -> int:
        """CoreDNS's readiness."""
        return self.base + 8

    def of_control_plane(self) -> dict[int, str]:
        """The ports that a cluster without a real node needs, and for whom."""
        return {
            self.api_server: "kube-apiserver",
            self.etcd: "etcd",
            self.etcd_peer: "etcd",
            self.controller_manager: "kube-controller-manager",
            self.scheduler: "kube-scheduler",
            self.kwok: "kwok-controller",
        }

    def of_node(self) -> dict[int, str]:
        """The ports that the real node needs in addition, and for whom."""
        return {
            self.proxy_health: "kube-proxy",
            self.proxy_metrics: "kube-proxy",
            self.dns_health: "coredns",
        }


@dataclass(frozen=True)
class Network:
    """The cluster's addresses."""

    range: ipaddress.IPv4Network

    def _part(self, number: int) -> ipaddress.IPv4Network:
        return list(self.range.subnets(new_prefix=24))[number]

    @property
    def pods(self) -> tuple[ipaddress.IPv4Network, ...]:
        """The Pods' addresses on each real node."""
        return (self._part(0), *self._part(3).subnets())

    @property
    def node(self) -> ipaddress.IPv4Address:
        """The first node's own address, and the cluster's name server."""
        return self.pods[0][1]

    @property
    def services(self) -> ipaddress.IPv4Network:
        """The Services' addresses."""
        return self._part(1)

    @property
    def load_balancers(self) -> ipaddress.IPv4Network:
        """The addresses of Services of type LoadBalancer."""
        return self._part(2)


@dataclass(frozen=True)
class Settings:
    """What can be chosen about the cluster."""

    network: Network
    ports: Ports

    @property
    def server(self) -> str:
        """The address of the Kubernetes API."""
        return f"https://127.0.0.1:{self.ports.api_server}"


@cache
def load() -> Settings:
    """The settings in force."""
    return Settings(
        parse_network(os.environ.get(NETWORK_VARIABLE) or "10.244.0.0/22"),
        parse_port(os.environ.get(PORT_VARIABLE) or "16443"),
    )


def parse_network(text: str) -> Network:
    """The range as the user wrote it."""
    try:
        chosen = ipaddress.IPv4Network(text)
    except ValueError:
        chosen = None
    if chosen is None or chosen.prefixlen != _PREFIX or not chosen.is_private:
        raise LocalError(
            f"{NETWORK_VARIABLE} is {text!r}: it must be a private IPv4 range of size /22, such as 10.244.0.0/22."
        )
    return Network(chosen)


def parse_port(text: str) -> Ports:
    """The first port as the user wrote it."""
    if not text.isdecimal() or int(text) not in _PORTS:
        raise LocalError(
            f"{PORT_VARIABLE} is {text!r}: it must be the first of nine free ports, "
            f"from {_PORTS.start} to {_PORTS.stop - 1}."
        )
    return Ports(int(text))
