"""Nodes that exist only in the API server: their Pods become ready without running.

For machines where no real node can run, and beside the real node for tests of scale. There they carry a taint, so that
only Pods that ask for them get there.
"""

import json
from typing import Any

from local import control_plane, kubernetes

LABEL = "type=kwok"
TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}


def count() -> int:
    """How many there are."""
    return len(_names())


def scale(wanted: int, *, beside_real: bool) -> None:
    """Have this many."""
    names = [f"simulated-{number}" for number in range(wanted)]
    if names:
        nodes = {"apiVersion": "v1", "kind": "List", "items": [_node(name, beside_real=beside_real) for name in names]}
        kubernetes.apply(json.dumps(nodes))
    surplus = sorted(set(_names()) - set(names))
    if surplus:
        kubernetes.run(["delete", "node", *surplus])


def _names() -> list[str]:
    nodes = kubernetes.get(control_plane.PKI, f"/api/v1/nodes?labelSelector={LABEL}") or {}
    return [each["metadata"]["name"] for each in nodes.get("items", [])]


def _node(name: str, *, beside_real: bool) -> dict[str, Any]:
    key, value = LABEL.split("=")
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            # By this kwok knows which nodes are its own.
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                key: value,
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "spec": {"taints": [TAINT] if beside_real else []},
    }
