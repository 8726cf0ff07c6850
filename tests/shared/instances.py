"""A StatefulSet and its Pods as a cluster returns them, for unit tests."""

from typing import Any

OLD, NEW = "rg-old", "rg-new"


def a_set(*, replicas: int = 3, start: int = 0, strategy: Any = None, **status: Any) -> dict[str, Any]:
    counted = {
        "observedGeneration": 2,
        "replicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "currentRevision": OLD,
        "updateRevision": NEW,
        "updatedReplicas": 0,
    }
    return {
        "metadata": {"name": "rg", "uid": "uid-rg", "generation": 2},
        "spec": {
            "replicas": replicas,
            "ordinals": {"start": start},
            "updateStrategy": strategy or {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        },
        "status": counted | status,
    }


def a_pod(
    ordinal: int, revision: str = OLD, *, ready: bool = True, was_ready: bool = True, **more: Any
) -> dict[str, Any]:
    conditions = [
        {"type": "Initialized", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"},
        {
            "type": "Ready",
            "status": str(ready),
            "lastTransitionTime": "2026-01-01T00:00:05Z" if was_ready else "2026-01-01T00:00:00Z",
        },
    ]
    started = {"startTime": "2026-01-01T00:00:00Z"}
    return {
        "metadata": {
            "name": f"rg-{ordinal}",
            "uid": f"uid-{ordinal}",
            "labels": {"controller-revision-hash": revision},
            **more.pop("metadata", {}),
        },
        "spec": {},
        "status": {"phase": "Running", "conditions": conditions, **started, **more},
    }


def partition(number: int) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}
