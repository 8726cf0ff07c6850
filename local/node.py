"""The one real node: containerd, kubelet, name server, Service and NetworkPolicy rules, with Pods that run.

A part that runs with the settings it would get now is left alone, so that Pods go on while a neighbour is repaired.
"""

import hashlib
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
from local.errors import LocalError
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
PARTS = ("containerd", "network-policies", "kubelet", "coredns", "kube-proxy")
_CNI_BINARIES = Path("/usr/lib/cni")
_CNI_CONFIG = NODE_CONFIG / "cni"
_ADDRESSES = RUN / "addresses"
_OWNER = RUN / "state"
_POD_LOGS = STATE / "pod-logs"


def healthy() -> bool:
    """Whether every part of the node runs and is ready."""
    return network.is_up() and all(part.healthy() for part in _parts())


def check_alone() -> None:
    """Fail when a node with another state folder, such as another user's, has the machine's one run folder."""
    other = _OWNER.read_text() if _OWNER.exists() else str(STATE)
    if other != str(STATE) and (shims() or _containerd_ready()):
        raise LocalError(
            f"Another embedded cluster is up on this machine, with its state in {other}, and there can be one. "
            f"Take it down first: XDG_STATE_HOME={Path(other).parent} make cluster-down"
        )


def start() -> bool:
    """Start whatever of the node does not run, wait until it is ready for Pods, and tell whether no Pod ran before."""
    machine.note()
    fresh = not shims()
    if fresh:
        _clear_after_reboot()
    network.up()
    _write_settings()
    parts = {part.name: part for part in _parts()}
    _check_ports(parts)
    parts["containerd"].start()
    load_images()
    for name, part in parts.items():
        if name != "containerd":
            part.start()
    processes.wait_until("The node", parts["kubelet"].log, _node_ready, 60)
    return fresh


def load_images(wanted: tuple[images.Image, ...] = images.ALL) -> None:
    """Give the node those of the images that it does not have as they are now."""
    images.load(wanted, program("ctr"))


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
    templates.write(_OWNER, str(STATE))
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


def _parts() -> list[Part]:
    """The node's processes in the order in which they are started."""
    return [_containerd(), _network_policies(), _kubelet(), _coredns(), _kube_proxy()]


def _settings_file(name: str, **values: object) -> Path:
    """A configuration file with its values filled in.

    Its name depends on what is in it, so a part that was started with other settings has another command line.
    """
    text = templates.rendered(name, **values)
    path = NODE_CONFIG / f"{hashlib.sha256(text.encode()).hexdigest()[:8]}-{name}"
    templates.write(path, text)
    return path


def _containerd() -> Part:
    config = _settings_file(
        "containerd.toml",
        root=CONTAINERD_ROOT,
        state=CONTAINERD_STATE,
        socket=CONTAINERD_SOCKET,
        pause_image=images.PAUSE.reference,
        snapshotter=_snapshotter(),
        runc=program("runc"),
        cni_binaries=_CNI_BINARIES,
        cni_config=_CNI_CONFIG,
    )
    command = [program("containerd"), "--config", str(config)]
    return Part("containerd", "containerd", command, (NODE_CONFIG,), _containerd_ready)


def _network_policies() -> Part:
    """Before the kubelet, so that no Pod runs without its policies."""
    command = [
        str(binaries.path("network-policies")),
        f"--kubeconfig={KUBECONFIG}",
        f"--node={NAME}",
        f"--table={network.POLICIES}",
    ]
    return Part("network-policies", "What enforces NetworkPolicies", command, (STATE,), network.has_policies)


def _kubelet() -> Part:
    chosen = settings.load()
    config = _settings_file(
        "kubelet.yaml",
        node=chosen.network.node,
        health_port=chosen.ports.kubelet_health,
        client_ca=control_plane.PKI / "ca.crt",
        resolv_conf=NODE_CONFIG / "resolv.conf",
        containerd_socket=CONTAINERD_SOCKET,
        volume_plugins=KUBELET / "volume-plugins",
        pod_logs=_POD_LOGS,
    )
    command = [
        str(binaries.path("kubelet")),
        f"--config={config}",
        f"--kubeconfig={KUBECONFIG}",
        f"--root-dir={KUBELET}",
        f"--cert-dir={KUBELET / 'pki'}",
        f"--node-ip={chosen.network.node}",
        f"--hostname-override={NAME}",
    ]
    return Part(
        "kubelet", "The kubelet", command, (NODE_CONFIG,), lambda: _http_ok(chosen.ports.kubelet_health, "/healthz")
    )


def _coredns() -> Part:
    chosen = settings.load()
    config = _settings_file(
        "Corefile", node=chosen.network.node, health_port=chosen.ports.dns_health, kubeconfig=KUBECONFIG
    )
    command = [str(binaries.path("coredns")), "-conf", str(config)]
    return Part("coredns", "The name server", command, (NODE_CONFIG,), _dns_answers)


def _kube_proxy() -> Part:
    chosen = settings.load()
    config = _settings_file(
        "kube-proxy.yaml",
        node=chosen.network.node,
        kubeconfig=KUBECONFIG,
        pod_range=chosen.network.pods,
        health_port=chosen.ports.proxy_health,
        metrics_port=chosen.ports.proxy_metrics,
        node_name=NAME,
    )
    command = [str(binaries.path("kube-proxy")), f"--config={config}"]
    return Part(
        "kube-proxy", "kube-proxy", command, (NODE_CONFIG,), lambda: _http_ok(chosen.ports.proxy_health, "/healthz")
    )


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
