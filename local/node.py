"""A real node: containerd, kubelet and the drivers of its disks, with Pods that run.

A part that runs with the settings it would get now is left alone, so that Pods go on while a neighbour is repaired.
"""

import os
import shutil
import time
from functools import partial
from pathlib import Path

from local import (
    binaries,
    commands,
    control_plane,
    csi,
    images,
    kubernetes,
    machine,
    network,
    node_services,
    parts,
    ports,
    processes,
    real_nodes,
    settings,
    storage,
    templates,
)
from local.console import say, step
from local.debian import PATH, program
from local.errors import LocalError
from local.parts import Part
from local.paths import RUN, STATE, VOLUMES
from local.processes import Process
from local.real_nodes import RealNode

PARTS = ("containerd", "network-disks", "csi-driver", "kubelet")
_HEALTH_PORT = 10248
_CNI_BINARIES = Path("/usr/lib/cni")
_OWNER = RUN / "state"


def healthy() -> bool:
    """Whether every part of every node runs and is ready."""
    return network.is_up() and all(
        part.healthy()
        for part in (
            *node_services.all_parts(),
            *(part for node in real_nodes.wanted() for part in _parts(node)),
        )
    )


def check_alone() -> None:
    """Fail when a node with another state folder, such as another user's, has the machine's one run folder."""
    other = _OWNER.read_text() if _OWNER.exists() else str(STATE)
    in_use = any(shims(node) for node in real_nodes.ALL) or _containerd_ready(real_nodes.FIRST)
    if other != str(STATE) and in_use:
        raise LocalError(
            f"Another embedded cluster is up on this machine, with its state in {other}, and there can be one. "
            f"Take it down first: XDG_STATE_HOME={Path(other).parent} make cluster-down"
        )


def start() -> bool:
    """Start what does not run of the nodes, wait until they are ready, and tell whether one of them ran no Pod."""
    machine.note()
    nodes = real_nodes.wanted()
    for node in nodes:  # one of them may be frozen
        processes.resume(processes_of(node))
    fresh = [node for node in nodes if not shims(node) and not running_part(node, "containerd")]
    for node in fresh:
        _clear_after_reboot(node)
    network.up()
    for node in nodes:
        network.reconnect(node)
        machine.make_cgroup(node)
        _write_settings(node)
    _check_ports()
    for node in nodes:
        _containerd(node).start()
    load_images()
    node_services.start_before_pods()
    for node in nodes:
        for part in _parts(node):
            part.start()
    node_services.start()
    for node in nodes:
        log = _kubelet(node).log
        processes.wait_until(f"The node {node.name}", log, partial(_is_ready, node), 90)
    return bool(fresh)


def load_images(wanted: tuple[images.Image, ...] = images.ALL) -> None:
    """Give the nodes those of the images that they do not have as they are now."""
    for node in real_nodes.wanted():
        images.load(wanted, _ctr(node))


def import_images(path: Path) -> list[str]:
    """Give the nodes the images in a file, and return their names."""
    names = images.names_in(path)
    for node in real_nodes.wanted():
        images.import_file(path, _ctr(node))
    return sorted(names)


def stop() -> None:
    """End the nodes' processes and the Pods', and leave nothing of them on the machine."""
    node_services.stop()
    for node in real_nodes.ALL:
        _stop_node(node)
    if os.geteuid() == 0 and shutil.which("ip", path=PATH):
        machine.restore()
        machine.wait_for_links_to_go()


def remove_surplus() -> None:
    """Stop the nodes that the cluster is not to have, and delete their Node objects; their disks stay."""
    for node in real_nodes.ALL[len(real_nodes.wanted()) :]:
        if kubernetes.get(control_plane.PKI, f"/api/v1/nodes/{node.name}") is not None:
            with step(f"Removing {node.name}"):
                _stop_node(node)
                machine.clear_runtime(node)
                network.reconnect(node)
                kubernetes.run(["delete", "node", node.name])


def running() -> list[Process]:
    """All processes of the nodes, the Pods' and what they share included."""
    shared = [each for name in node_services.PARTS for each in node_services.running(name)]
    return [*shared, *(each for node in real_nodes.ALL for each in processes_of(node))]


def processes_of(node: RealNode) -> list[Process]:
    """All processes of a node, its Pods' included."""
    found = shims(node)
    own = [each for name in PARTS for each in running_part(node, name)]
    return [*own, *found, *processes.descendants(each.pid for each in found)]


def shims(node: RealNode) -> list[Process]:
    """The processes that hold a node's containers."""
    return processes.of_program("containerd-shim-runc-v2", node.containerd_socket)


def running_part(node: RealNode, name: str) -> list[Process]:
    """The processes of a part of a node."""
    return processes.of_program(name, *node.marks)


def _stop_node(node: RealNode) -> None:
    """Ask a node's programs to end, then all its containers at once; kill what is left, and end what held them."""
    processes.resume(processes_of(node))
    for name in ("kubelet", "network-disks", "csi-driver"):
        processes.stop(running_part(node, name), 5)
    holders = shims(node)
    patience = 3.0
    while found := processes.children(each.pid for each in holders):
        processes.stop(found, patience)
        patience = 0.0
    # Without a containerd, which would clean up behind the shims while we do.
    processes.stop(running_part(node, "containerd"), 5)
    processes.stop(shims(node), 0.2)


def _clear_after_reboot(node: RealNode) -> None:
    """Remove what a killed cluster or a reboot leaves: no container runs, so none of it is in use."""
    for name in reversed(PARTS):
        processes.stop(running_part(node, name), 5)
    machine.clear_runtime(node)


def _write_settings(node: RealNode) -> None:
    for folder in (VOLUMES, storage.NETWORK_DISKS, node.kubelet, node.containerd_root, _cni_config(node), RUN):
        folder.mkdir(parents=True, exist_ok=True)
    node.disk_socket.parent.mkdir(parents=True, exist_ok=True)
    RUN.chmod(0o711)
    templates.write(_OWNER, str(STATE))
    templates.write(
        _cni_config(node) / "10-stateful-service.conflist",
        templates.rendered(
            "cni.conflist",
            addresses=node.pod_addresses,
            pod_range=node.pods,
            first_pod=node.pods[2],
            node=node.address,
            cluster_range=settings.load().network.range,
        ),
    )
    templates.write(_resolv_conf(node), "")
    server = f"https://{node.address}:{network.API_PORT}"
    kubernetes.write_kubeconfig(control_plane.PKI, _kubeconfig(node), server, **{"tls-server-name": "localhost"})


def _cni_config(node: RealNode) -> Path:
    return node.config / "cni"


def _kubeconfig(node: RealNode) -> Path:
    return node.config / "kubeconfig"


def _resolv_conf(node: RealNode) -> Path:
    return node.config / "resolv.conf"


def _parts(node: RealNode) -> list[Part]:
    """A node's processes in the order in which they are started."""
    return [_containerd(node), _network_disks(node), csi.driver(node), _kubelet(node)]


def _containerd(node: RealNode) -> Part:
    config = parts.settings_file(
        node.config,
        "containerd.toml",
        root=node.containerd_root,
        state=node.containerd_state,
        socket=node.containerd_socket,
        pause_image=images.PAUSE.reference,
        snapshotter=_snapshotter(),
        runc=program("runc"),
        cni_binaries=_CNI_BINARIES,
        cni_config=_cni_config(node),
    )
    command = [program("containerd"), "--config", str(config)]
    return _part(node, "containerd", command, partial(_containerd_ready, node))


def _network_disks(node: RealNode) -> Part:
    command = [
        str(binaries.path("network-disks")),
        f"--node={node.name}",
        f"--folder={storage.NETWORK_DISKS}",
        f"--socket={node.disk_socket}",
        f"--registration={node.kubelet / 'plugins_registry' / 'disk.sock'}",
    ]
    return _part(node, "network-disks", command, node.disk_socket.is_socket)


def _kubelet(node: RealNode) -> Part:
    config = parts.settings_file(
        node.config,
        "kubelet.yaml",
        node=node.address,
        cgroup=node.cgroup,
        port=network.KUBELET_PORT,
        health_port=_HEALTH_PORT,
        name_server=settings.load().network.node,
        client_ca=control_plane.PKI / "ca.crt",
        resolv_conf=_resolv_conf(node),
        containerd_socket=node.containerd_socket,
        volume_plugins=node.kubelet / "volume-plugins",
        pod_logs=node.pod_logs,
    )
    command = [
        str(binaries.path("kubelet")),
        f"--config={config}",
        f"--kubeconfig={_kubeconfig(node)}",
        f"--root-dir={node.kubelet}",
        f"--cert-dir={node.kubelet / 'pki'}",
        f"--node-ip={node.address}",
        f"--node-labels=topology.kubernetes.io/zone={node.zone}",
        f"--hostname-override={node.name}",
    ]
    health = f"http://{node.address}:{_HEALTH_PORT}/healthz"
    return _part(node, "kubelet", command, partial(parts.answers, health))


def _part(node: RealNode, name: str, command: list[str], ready: parts.Condition) -> Part:
    title = f"{name} of {node.name}"
    return Part(name, title, command, node.marks, ready, shown=node.part(name))


def _snapshotter() -> str:
    """How images are laid over each other: a file system that is an overlay itself cannot carry another one."""
    kind = commands.output("stat", "--file-system", "--format=%T", STATE)
    return "native" if "overlay" in kind else "overlayfs"


def _check_ports() -> None:
    chosen = settings.load()
    ours = {each.pid for each in running()}
    ports.check(chosen.ports.of_node(), ours)
    for node in real_nodes.wanted():
        ports.check({network.KUBELET_PORT: "a kubelet", _HEALTH_PORT: "a kubelet"}, ours, str(node.address))
    ports.check({53: "the name server"}, ours, str(chosen.network.node))


def _ctr(node: RealNode) -> list[str]:
    return [program("ctr"), "--address", str(node.containerd_socket)]


def _containerd_ready(node: RealNode) -> bool:
    return bool(commands.output(*_ctr(node), "version"))


def _is_ready(node: RealNode) -> bool:
    found = kubernetes.get(control_plane.PKI, f"/api/v1/nodes/{node.name}")
    if not isinstance(found, dict):
        return False
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in found["status"].get("conditions", []))
    return ready and not found["spec"].get("taints")


def wait_for_pods() -> None:
    """After a start, wait until the Pods that are already assigned to the nodes run again.

    Until a kubelet has looked at them the API server shows them as running, as it did before.
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
    """The Pods that the API server takes to be running on a node, and its kubelet does not."""
    return {pod for node in real_nodes.wanted() for pod in _not_running_on(node)}


def _not_running_on(node: RealNode) -> set[str]:
    ours = f"fieldSelector=spec.nodeName={node.name},status.phase=Running"
    wanted = kubernetes.get(control_plane.PKI, f"/api/v1/pods?{ours}") or {}
    found = kubernetes.get(control_plane.PKI, f"/api/v1/nodes/{node.name}/proxy/runningpods/") or {}
    present = {each["metadata"]["uid"] for each in found.get("items") or []}
    return {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in wanted.get("items", [])
        if each["metadata"]["uid"] not in present and "deletionTimestamp" not in each["metadata"]
    }
