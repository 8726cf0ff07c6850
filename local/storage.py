"""Volumes: the default class, `standard`, and the provisioner that makes a folder for each claim."""

import json
from pathlib import Path

from local import kubernetes, processes, templates
from local.paths import CONFIG, KUBECONFIG, NODE_CONFIG, VOLUMES
from local.parts import Part
from local.processes import Process

_NAMESPACE = "local-path-storage"
_CONFIG = NODE_CONFIG / "local-path-provisioner.json"
_HELPER = NODE_CONFIG / "volume-helper-pod.yaml"


def start(binaries: Path) -> None:
    """Have the class, and start the provisioner if it does not run."""
    VOLUMES.mkdir(parents=True, exist_ok=True)
    kubernetes.apply(binaries / "kubectl", (CONFIG / "standard-storage-class.yaml").read_text())
    config = {
        "nodePathMap": [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [str(VOLUMES)]}],
        "setupCommand": "/volume-helper",
        "teardownCommand": "/volume-helper",
    }
    changed = templates.write(_CONFIG, json.dumps(config, indent=2))
    helper = templates.write(_HELPER, (CONFIG / "volume-helper-pod.yaml").read_text())
    provisioner(binaries, changed=changed or helper).start()


def running() -> list[Process]:
    """The provisioner's processes."""
    return processes.of_program("local-path-provisioner", _CONFIG)


def stop() -> None:
    """End the provisioner; the volumes stay."""
    processes.stop(running(), 5)


def provisioner(binaries: Path, *, changed: bool = False) -> Part:
    """The process that answers claims."""
    return Part(
        "local-path-provisioner",
        "The volume provisioner",
        [
            str(binaries / "local-path-provisioner"),
            "start",
            f"--config={_CONFIG}",
            f"--kubeconfig={KUBECONFIG}",
            f"--namespace={_NAMESPACE}",
            "--service-account-name=local-path-provisioner",
            "--helper-image=volume-helper:1.0",
            f"--helper-pod-file={_HELPER}",
            "--worker-threads=32",
        ],
        (_CONFIG,),
        lambda: True,
        changed,
    )
