"""What all real nodes share, since they share the machine's network: names, Services and NetworkPolicies."""

import ipaddress
import socket
import struct
from functools import partial

from local import binaries, network, parts, processes, real_nodes, settings
from local.parts import Part
from local.paths import KUBECONFIG, MACHINE, STATE
from local.processes import Process

PARTS = ("network-policies", "coredns", "kube-proxy")


def all_parts() -> list[Part]:
    """The processes, in the order in which they are started."""
    return [_network_policies(), _coredns(), _kube_proxy()]


def start_before_pods() -> None:
    """Start what no Pod may run without."""
    _network_policies().start()


def start() -> None:
    """Start whatever does not run."""
    for part in all_parts():
        part.start()


def stop() -> None:
    """End all of it."""
    for name in reversed(PARTS):
        processes.stop(running(name), 5)


def running(name: str) -> list[Process]:
    """The processes of a part."""
    return processes.of_program(name, STATE)


def _network_policies() -> Part:
    command = [
        str(binaries.path("network-policies")),
        f"--kubeconfig={KUBECONFIG}",
        f"--nodes={','.join(node.name for node in real_nodes.wanted())}",
        f"--table={network.POLICIES}",
    ]
    return Part("network-policies", "What enforces NetworkPolicies", command, (STATE,), network.has_policies)


def _coredns() -> Part:
    chosen = settings.load()
    address = chosen.network.node
    config = parts.settings_file(
        MACHINE, "Corefile", node=address, health_port=chosen.ports.dns_health, kubeconfig=KUBECONFIG
    )
    command = [str(binaries.path("coredns")), "-conf", str(config)]
    return Part("coredns", "The name server", command, (MACHINE,), partial(_dns_answers, address))


def _kube_proxy() -> Part:
    chosen = settings.load()
    config = parts.settings_file(
        MACHINE,
        "kube-proxy.yaml",
        node=chosen.network.node,
        kubeconfig=KUBECONFIG,
        cluster_range=chosen.network.range,
        health_port=chosen.ports.proxy_health,
        metrics_port=chosen.ports.proxy_metrics,
        node_name=real_nodes.FIRST.name,
    )
    command = [str(binaries.path("kube-proxy")), f"--config={config}"]
    health = f"http://127.0.0.1:{chosen.ports.proxy_health}/healthz"
    return Part("kube-proxy", "kube-proxy", command, (MACHINE,), partial(parts.answers, health))


def _dns_answers(server: ipaddress.IPv4Address) -> bool:
    """Whether the name server knows the one Service that every cluster has."""
    name = b"".join(
        bytes([len(label)]) + label.encode() for label in ["kubernetes", "default", "svc", "cluster", "local"]
    )
    query = struct.pack(">6H", 0x5353, 0x0100, 1, 0, 0, 0) + name + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        try:
            client.sendto(query, (str(server), 53))
            answer = client.recv(512)
        except OSError:
            return False
    number_of_answers = answer[6:8]
    return int.from_bytes(number_of_answers, "big") > 0
