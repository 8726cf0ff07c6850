"""The one real node: containerd, kubelet, name server, Service rules and volume provisioner, with Pods that run.

A part that runs with the settings it would get now is left alone, so that Pods go on while a neighbour is repaired.
"""

import os
import shutil
import socket
import struct
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

from local import (
    binaries,
    commands,
    control_plane,
    images,
    kubernetes,
    machine,
    network,
    ports,
    processes,
    settings,
    templates,
)
from local.console import say, step
from local.debian import PATH, program
from local.parts import Part
from local.paths import (
    CONTAINERD_ROOT,
    CONTAINERD_SOCKET,
    CONTAINERD_STATE,
    KUBECONFIG,
    KUBELET,
    NODE_CONFIG,
    RUN,
    STATE,
    VOLUMES,
)
from local.processes import Process

NAME = "real-node"
PARTS = ("containerd", "kubelet", "coredns", "kube-proxy")
_CNI_BINARIES = Path("/usr/lib/cni")
_CNI_CONFIG = NODE_CONFIG / "cni"
_ADDRESSES = RUN / "addresses"
_POD_LOGS = STATE / "pod-logs"


def healthy() -> bool:
    """Whether every part of the node runs and is ready."""
    return network.is_up() and all(part.healthy() for part in _parts(write=False))


def start() -> bool:
    """Start whatever of the node does not run, wait until it is ready for Pods, and tell whether no Pod ran before."""
    machine.note()
    fresh = not shims()
    if fresh:
        _clear_after_reboot()
    network.up()
    _write_settings()
    parts = {part.name: part for part in _parts(write=True)}
    _check_ports(parts)
    parts["containerd"].start()
    images.load((images.PAUSE, *images.EXAMPLES), program("ctr"))
    for name, part in parts.items():
        if name != "containerd":
            part.start()
    processes.wait_until("The node", parts["kubelet"].log, _node_ready, 60)
    return fresh


def stop() -> None:
    """End the node's processes and the Pods', and leave nothing of them on the machine."""
    for name in reversed(PARTS[1:]):
        processes.stop(running_part(name), 5)
    _stop_containers()
    if os.geteuid() == 0 and shutil.which("ip", path=PATH):
        machine.restore()
        machine.wait_for_links_to_go()


def running() -> list[Process]:
    """All processes of the node, the Pods' included."""
    found = shims()
    return [
        *(each for name in PARTS for each in running_part(name)),
        *found,
        *processes.children(each.pid for each in found),
    ]


def shims() -> list[Process]:
    """The processes that hold our containerd's containers."""
    return processes.of_program("containerd-shim-runc-v2", CONTAINERD_SOCKET)


def running_part(name: str) -> list[Process]:
    """The processes of a part."""
    return processes.of_program(name, STATE, RUN)


def _stop_containers() -> None:
    """Ask all containers to end at once, kill what is left, and end what held them."""
    holders = shims()
    patience = 3.0
    while found := processes.children(each.pid for each in holders):
        processes.stop(found, patience)
        patience = 0.0
    # Without a containerd, which would clean up behind the shims while we do.
    processes.stop(running_part("containerd"), 5)
    processes.stop(shims(), 0.2)


def _clear_after_reboot() -> None:
    """Remove what a killed cluster or a reboot leaves: no container runs, so none of it is in use."""
    processes.stop(running_part("kubelet"), 5)
    processes.stop(running_part("containerd"), 5)
    machine.clear_runtime()


def _write_settings() -> None:
    chosen = settings.load()
    pods = chosen.network.pods
    for folder in (VOLUMES, KUBELET, CONTAINERD_ROOT, _CNI_CONFIG, RUN):
        folder.mkdir(parents=True, exist_ok=True)
    RUN.chmod(0o711)
    templates.write(
        _CNI_CONFIG / "10-stateful-service.conflist",
        templates.rendered(
            "cni.conflist",
            addresses=_ADDRESSES,
            pod_range=pods,
            first_pod=pods[2],
            node=pods[1],
            cluster_range=chosen.network.range,
        ),
    )
    templates.write(NODE_CONFIG / "resolv.conf", "")


def _parts(*, write: bool) -> list[Part]:
    """The node's processes in the order in which they are started."""
    chosen = settings.load()
    node = str(chosen.network.node)

    def setting(name: str, text: str) -> tuple[Path, bool]:
        path = NODE_CONFIG / name
        return path, templates.write(path, text) if write else False

    containerd, containerd_changed = setting(
        "containerd.toml",
        templates.rendered(
            "containerd.toml",
            root=CONTAINERD_ROOT,
            state=CONTAINERD_STATE,
            socket=CONTAINERD_SOCKET,
            pause_image=images.PAUSE.reference,
            snapshotter=_snapshotter(),
            runc=program("runc"),
            cni_binaries=_CNI_BINARIES,
            cni_config=_CNI_CONFIG,
        ),
    )
    kubelet, kubelet_changed = setting(
        "kubelet.yaml",
        templates.rendered(
            "kubelet.yaml",
            node=node,
            health_port=chosen.ports.kubelet_health,
            client_ca=control_plane.PKI / "ca.crt",
            resolv_conf=NODE_CONFIG / "resolv.conf",
            containerd_socket=CONTAINERD_SOCKET,
            volume_plugins=KUBELET / "volume-plugins",
            pod_logs=_POD_LOGS,
        ),
    )
    corefile, corefile_changed = setting(
        "Corefile",
        templates.rendered("Corefile", node=node, health_port=chosen.ports.dns_health, kubeconfig=KUBECONFIG),
    )
    proxy, proxy_changed = setting(
        "kube-proxy.yaml",
        templates.rendered(
            "kube-proxy.yaml",
            node=node,
            kubeconfig=KUBECONFIG,
            pod_range=chosen.network.pods,
            health_port=chosen.ports.proxy_health,
            metrics_port=chosen.ports.proxy_metrics,
            node_name=NAME,
        ),
    )
    return [
        Part(
            "containerd",
            "containerd",
            [program("containerd"), "--config", str(containerd)],
            (containerd,),
            _containerd_ready,
            containerd_changed,
        ),
        Part(
            "kubelet",
            "The kubelet",
            [
                str(binaries.path("kubelet")),
                f"--config={kubelet}",
                f"--kubeconfig={KUBECONFIG}",
                f"--root-dir={KUBELET}",
                f"--cert-dir={KUBELET / 'pki'}",
                f"--node-ip={node}",
                f"--hostname-override={NAME}",
            ],
            (kubelet,),
            lambda: _http_ok(chosen.ports.kubelet_health, "/healthz"),
            kubelet_changed,
        ),
        Part(
            "coredns",
            "The name server",
            [str(binaries.path("coredns")), "-conf", str(corefile)],
            (corefile,),
            _dns_answers,
            corefile_changed,
        ),
        Part(
            "kube-proxy",
            "kube-proxy",
            [str(binaries.path("kube-proxy")), f"--config={proxy}"],
            (proxy,),
            lambda: _http_ok(chosen.ports.proxy_health, "/healthz"),
            proxy_changed,
        ),
    ]


def _snapshotter() -> str:
    """How images are laid over each other: a file system that is an overlay itself cannot carry another one."""
    kind = commands.output("stat", "--file-system", "--format=%T", STATE)
    return "native" if "overlay" in kind else "overlayfs"


def _check_ports(parts: dict[str, Part]) -> None:
    chosen = settings.load()
    ours = {each.pid for part in parts.values() for each in part.running()}
    ports.check(chosen.ports.of_node(), ours)
    ports.check({10250: "the kubelet", 53: "the name server"}, ours, str(chosen.network.node))


def _containerd_ready() -> bool:
    return bool(commands.output(program("ctr"), "--address", CONTAINERD_SOCKET, "version"))


def _http_ok(port: int, path: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, urllib.error.URLError):
        return False


def _dns_answers() -> bool:
    """Whether the name server knows the one Service that every cluster has."""
    name = b"".join(
        bytes([len(label)]) + label.encode() for label in ["kubernetes", "default", "svc", "cluster", "local"]
    )
    query = struct.pack(">6H", 0x5353, 0x0100, 1, 0, 0, 0) + name + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        try:
            client.sendto(query, (str(settings.load().network.node), 53))
            answer = client.recv(512)
        except OSError:
            return False
    number_of_answers = answer[6:8]
    return int.from_bytes(number_of_answers, "big") > 0


def _node_ready() -> bool:
    node = kubernetes.get(control_plane.PKI, f"/api/v1/nodes/{NAME}")
    if not isinstance(node, dict):
        return False
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", []))
    return ready and not node["spec"].get("taints")


def wait_for_pods() -> None:
    """After a start, wait until the Pods that are already assigned to the node run again.

    Until the kubelet has looked at them the API server shows them as running, as it did before.
    """
    if not _not_running_pods():
        return
    with step("Pods from before"):
        deadline = time.monotonic() + 60
        while (missing := _not_running_pods()) and time.monotonic() < deadline:
            time.sleep(0.2)
    if missing:
        say(f"Not running yet: {', '.join(sorted(missing))} (kubectl describe pod says why).")


def _not_running_pods() -> set[str]:
    """The Pods that the API server takes to be running on the node, and the kubelet does not."""
    ours = f"fieldSelector=spec.nodeName={NAME},status.phase=Running"
    wanted = kubernetes.get(control_plane.PKI, f"/api/v1/pods?{ours}") or {}
    found = kubernetes.get(control_plane.PKI, f"/api/v1/nodes/{NAME}/proxy/runningpods/") or {}
    present = {each["metadata"]["uid"] for each in found.get("items") or []}
    return {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in wanted.get("items", [])
        if each["metadata"]["uid"] not in present and "deletionTimestamp" not in each["metadata"]
    }
