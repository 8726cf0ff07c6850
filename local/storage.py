"""Volumes: the default class, `standard`, and the provisioner that makes a folder for each claim, and lets claims grow."""

from pathlib import Path

from local import kubernetes, processes
from local.parts import Part
from local.paths import CONFIG, KUBECONFIG, VOLUMES
from local.processes import Process

_NAME = "volume-provisioner"


def start(binaries: Path) -> None:
    """Have the class, and start the provisioner if it does not run."""
    VOLUMES.mkdir(parents=True, exist_ok=True)
    kubernetes.apply(binaries / "kubectl", (CONFIG / "standard-storage-class.yaml").read_text())
    command = [str(binaries / _NAME), f"--kubeconfig={KUBECONFIG}", f"--folder={VOLUMES}"]
    Part(_NAME, "The volume provisioner", command, (VOLUMES,), lambda: True).start()


def running() -> list[Process]:
    """The provisioner's processes."""
    return processes.of_program(_NAME, VOLUMES)


def stop() -> None:
    """End the provisioner; the volumes stay."""
    processes.stop(running(), 5)
