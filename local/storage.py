"""Volumes: the default class, `standard`, and the provisioner that makes a folder for each claim and lets it grow."""

from local import binaries, kubernetes, processes
from local.parts import Part
from local.paths import CONFIG, KUBECONFIG, VOLUMES
from local.processes import Process

NAME = "volume-provisioner"


def start() -> None:
    """Have the class, and start the provisioner if it does not run."""
    VOLUMES.mkdir(parents=True, exist_ok=True)
    kubernetes.apply((CONFIG / "standard-storage-class.yaml").read_text())
    _part().start()


def healthy() -> bool:
    """Whether the provisioner runs as it should."""
    return _part().healthy()


def _part() -> Part:
    command = [str(binaries.path(NAME)), f"--kubeconfig={KUBECONFIG}", f"--folder={VOLUMES}"]
    return Part(NAME, "The volume provisioner", command, (VOLUMES,), lambda: True)


def running() -> list[Process]:
    """The provisioner's processes."""
    return processes.of_program(NAME, VOLUMES)


def stop() -> None:
    """End the provisioner; the volumes stay."""
    processes.stop(running(), 5)
