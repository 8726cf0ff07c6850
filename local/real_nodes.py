"""The real nodes of the cluster: how many, and the folders, addresses and zone of each.

One by default. Up to three share the machine and its network, each with a containerd, a kubelet, Pods and volumes
that the others know nothing of.
"""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from local import settings, templates
from local.errors import LocalError
from local.paths import NODES, RUN, STATE

MOST = 3
NUMBER = STATE / "real-nodes"


@dataclass(frozen=True)
class RealNode:
    """One node. The first has the folders that a cluster of one node has."""

    number: int

    @property
    def name(self) -> str:
        """The name of its Node object."""
        return f"real-node{self._suffix}"

    @property
    def zone(self) -> str:
        """Its zone, the label ``topology.kubernetes.io/zone``: each node is in one of its own."""
        return "abc"[self.number]

    @property
    def _suffix(self) -> str:
        return f"-{self.zone}" if self.number else ""

    def part(self, program: str) -> str:
        """What a program of this node is called in the list of the parts, and its log."""
        return f"{program}{self._suffix}"

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """The addresses of its Pods."""
        return settings.load().network.pods[self.number]

    @property
    def address(self) -> ipaddress.IPv4Address:
        """Its own address."""
        return self.pods[1]

    @property
    def _state(self) -> Path:
        return NODES / self.zone if self.number else STATE

    @property
    def _run(self) -> Path:
        return RUN / self.zone if self.number else RUN

    @property
    def config(self) -> Path:
        """Its settings."""
        return self._state / "node"

    @property
    def marks(self) -> tuple[str, ...]:
        """Of these the command line of each of its programs has one in it, and that of no other node's."""
        return (f"{self.config}/", str(self.containerd_socket), str(self.disk_socket), str(self.csi_socket))

    @property
    def kubelet(self) -> Path:
        """The kubelet's folder."""
        return self._state / "kubelet"

    @property
    def containerd_root(self) -> Path:
        """What containerd keeps: the images."""
        return self._state / "containerd"

    @property
    def pod_logs(self) -> Path:
        """The containers' logs."""
        return self._state / "pod-logs"

    @property
    def containerd_state(self) -> Path:
        """What containerd knows of what runs."""
        return self._run / "containerd"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd is asked."""
        return self._run / "containerd.sock"

    @property
    def pod_addresses(self) -> Path:
        """Which addresses are given to Pods."""
        return self._run / "addresses"

    @property
    def disk_socket(self) -> Path:
        """Where the kubelet asks for network disks."""
        return self._run / "disk.sock"

    @property
    def cgroup(self) -> str:
        """The name of the cgroup of its Pods."""
        return f"stateful-service-{self.name}"

    @property
    def csi_socket(self) -> Path:
        """Where the kubelet asks the CSI driver."""
        return self._run / "csi.sock"

    @property
    def folders(self) -> tuple[Path, ...]:
        """What it keeps, but for the settings of the machine that the first one changes."""
        return (self.kubelet, self.containerd_root, self.pod_logs, self.config)


FIRST = RealNode(0)
ALL = tuple(RealNode(number) for number in range(MOST))


def wanted() -> tuple[RealNode, ...]:
    """The nodes that the cluster is to have."""
    return ALL[: int(NUMBER.read_text()) if NUMBER.exists() else 1]


def want(number: int) -> None:
    """Sets how many the cluster is to have, from the next start on."""
    if not 1 <= number <= MOST:
        raise LocalError(f"NODES is {number}: it must be from 1 to {MOST}.")
    templates.write(NUMBER, f"{number}\n")


def named(name: str) -> RealNode:
    """The node of this name that the cluster is to have."""
    for each in wanted():
        if each.name == name:
            return each
    raise LocalError(f"There is no real node {name!r}; there are {', '.join(each.name for each in wanted())}.")
