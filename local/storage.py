"""Volumes: folders of this machine, made for each claim by one provisioner, which also lets them grow.

Those of the default class, `standard`, belong to one node each, as disks that are built in do. Those of the class
`network` can be attached to any node, to one at a time, as a cloud's disks can.
"""

from local import binaries, kubernetes, processes
from local.parts import Part
from local.paths import CONFIG, KUBECONFIG, STATE, VOLUMES
from local.processes import Process

NAME = "volume-provisioner"
NETWORK_DISKS = STATE / "network-disks"
_CLASSES = ("standard-storage-class.yaml", "network-storage-class.yaml")


def start() -> None:
    """Have the classes, and start the provisioner if it does not run."""
    for folder in (VOLUMES, NETWORK_DISKS):
        folder.mkdir(parents=True, exist_ok=True)
    for name in _CLASSES:
        kubernetes.apply((CONFIG / name).read_text())
    _part().start()


def healthy() -> bool:
    """Whether the provisioner runs as it should."""
    return _part().healthy()


def _part() -> Part:
    command = [
        str(binaries.path(NAME)),
        f"--kubeconfig={KUBECONFIG}",
        f"--folder={VOLUMES}",
        f"--disks={NETWORK_DISKS}",
    ]
    return Part(NAME, "The volume provisioner", command, (VOLUMES,), lambda: True)


def running() -> list[Process]:
    """The provisioner's processes."""
    return processes.of_program(NAME, VOLUMES)


def stop() -> None:
    """End the provisioner; the volumes stay."""
    processes.stop(running(), 5)
