"""Volumes of a real CSI driver: ours, which keeps folders, and the side-cars that any cluster with such volumes runs.

The driver runs once for each real node, beside its kubelet, and once as the controller, which the side-cars ask.
"""

from collections.abc import Iterable

from local import binaries, kubernetes, processes
from local.parts import Part
from local.paths import CONFIG, KUBECONFIG, RUN, STATE
from local.processes import Process
from local.real_nodes import RealNode

FOLDER = STATE / "csi"
_SOCKET = RUN / "csi-controller.sock"
MOST_VOLUMES = 100
"""How many volumes a node can have attached."""
_DRIVER = "csi-driver"
_SNAPSHOT_OBJECTS = "*snapshot.storage.k8s.io_*.yaml"


def start() -> None:
    """Have the objects, and start what does not run."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    _define_snapshots()
    for name in ("csi-classes.yaml", "csi-snapshot-classes.yaml"):
        kubernetes.apply((CONFIG / name).read_text())
    controller, *others = all_parts()
    if not controller.healthy():  # whoever asks it ends when it does, though perhaps not at once
        _stop(others)
    for part in (controller, *others):
        part.start()


def _define_snapshots() -> None:
    """Have the kinds of objects that snapshots are, which come with the snapshot controller."""
    files = sorted(binaries.path("snapshot-controller").parent.glob(_SNAPSHOT_OBJECTS))
    kinds = [f"crd/{each.stem.partition('_')[2]}.{each.name.partition('_')[0]}" for each in files]
    kubernetes.apply("\n---\n".join(each.read_text() for each in files))
    kubernetes.run(["wait", "--for=condition=Established", "--timeout=30s", *kinds])


def healthy() -> bool:
    """Whether everything runs as it should."""
    return all(part.healthy() for part in all_parts())


def running() -> list[Process]:
    """The processes of what there is once."""
    return [each for part in all_parts() for each in part.running()]


def stop() -> None:
    """End what there is once; the volumes stay."""
    _stop(reversed(all_parts()))


def _stop(found: Iterable[Part]) -> None:
    for part in found:
        processes.stop(part.running(), 5)


def all_parts() -> list[Part]:
    """What there is once, in the order in which it is started."""
    return [
        _controller(),
        _side_car("csi-provisioner", "The CSI provisioner", "--extra-create-metadata", "--default-fstype=ext4"),
        _side_car("csi-attacher", "The CSI attacher", "--default-fstype=ext4"),
        _side_car("csi-resizer", "The CSI resizer"),
        _side_car("csi-snapshotter", "The CSI snapshotter", "--extra-create-metadata"),
        _part("snapshot-controller", "The snapshot controller"),
    ]


def driver(node: RealNode) -> Part:
    """What mounts the volumes on a node."""
    command = [
        str(binaries.path(_DRIVER)),
        f"--folder={FOLDER}",
        f"--node={node.name}",
        f"--socket={node.csi_socket}",
        f"--registration={node.kubelet / 'plugins_registry' / 'csi.sock'}",
        f"--max-volumes={MOST_VOLUMES}",
    ]
    title = f"{_DRIVER} of {node.name}"
    return Part(_DRIVER, title, command, node.marks, node.csi_socket.is_socket, shown=node.part(_DRIVER))


def _controller() -> Part:
    command = [str(binaries.path(_DRIVER)), f"--folder={FOLDER}", f"--socket={_SOCKET}"]
    return Part(_DRIVER, "The CSI controller", command, (_SOCKET,), _SOCKET.is_socket, shown="csi-controller")


def _side_car(name: str, title: str, *options: str) -> Part:
    return _part(name, title, f"--csi-address={_SOCKET}", *options)


def _part(name: str, title: str, *options: str) -> Part:
    command = [
        str(binaries.path(name)),
        f"--kubeconfig={KUBECONFIG}",
        *options,
        # By default it is minutes until what failed is tried again.
        "--retry-interval-start=500ms",
        "--retry-interval-max=5s",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]
    return Part(name, title, command, (KUBECONFIG,), lambda: True)
