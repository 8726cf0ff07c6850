"""The Job that restores snapshots: what it starts with, what it is not given, and what is known when it has ended."""

from typing import Any

import pytest
from pulumi_stateful_service.live.state.restore_test import (
    Restored,
    RestoreTest,
    has_passed,
    restore_test_job,
    restore_test_labels,
    why_failed,
)

CLAIM: dict[str, Any] = {
    "metadata": {"name": "data-db-1"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "csi",
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": "1Gi"}},
    },
    "status": {"capacity": {"storage": "2Gi"}},
}
RESTORED = Restored(1, "db-1", {"data-db-1": "data-db-1-20261129"}, [CLAIM])
LABELS = restore_test_labels("db", "ours")
TEMPLATE: dict[str, Any] = {
    "serviceAccountName": "db",
    "priorityClassName": "high",
    "nodeSelector": {"disk": "fast"},
    "securityContext": {"fsGroup": 70},
    "affinity": {"nodeAffinity": {"a": 1}, "podAntiAffinity": {"b": 2}},
    "initContainers": [{"name": "chown"}],
    "containers": [
        {"name": "proxy", "image": "proxy"},
        {
            "name": "app",
            "image": "db:2",
            "args": ["serve"],
            "env": [{"name": "A", "value": "b"}],
            "readinessProbe": {"exec": {}},
            "lifecycle": {"preStop": {}},
            "ports": [{"containerPort": 1}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "config", "mountPath": "/etc/db"}],
        },
    ],
    "volumes": [{"name": "config", "configMap": {"name": "db-config"}}],
}
SET: dict[str, Any] = {
    "metadata": {"name": "db"},
    "spec": {
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": TEMPLATE},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}}, {"metadata": {"name": "wal"}}],
    },
}


def job(**test: Any) -> dict[str, Any]:
    return restore_test_job(SET, RESTORED, RestoreTest(["check", "/data"], **test), LABELS)


def test_it_starts_with_new_volumes_from_the_snapshots() -> None:
    """As large as the claim's volume is; a volume that is not snapshotted is empty, and those of files are the same."""
    config, data, wal = job()["spec"]["template"]["spec"]["volumes"]
    assert config == TEMPLATE["volumes"][0]
    assert (data["name"], wal) == ("data", {"name": "wal", "emptyDir": {}})
    spec = data["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert spec["dataSource"] == {
        "apiGroup": "snapshot.storage.k8s.io",
        "kind": "VolumeSnapshot",
        "name": "data-db-1-20261129",
    }
    assert spec["resources"] == {"requests": {"storage": "2Gi"}}
    assert (spec["storageClassName"], spec["accessModes"]) == ("csi", ["ReadWriteOnce"])


def test_it_runs_the_command_in_the_applications_container() -> None:
    """With its image unless another one is given, its environment and mounts, and nothing that serves."""
    [container] = job()["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["command"]) == ("db:2", ["check", "/data"])
    assert container["env"] == [{"name": "A", "value": "b"}]
    assert not {"args", "readinessProbe", "lifecycle", "ports"} & container.keys()
    assert job(image="check:1")["spec"]["template"]["spec"]["containers"][0]["image"] == "check:1"


def test_it_is_no_instance() -> None:
    """No selector of the service finds it, it has no rights, and it runs once, for a limited time."""
    made = job(timeout_seconds=7)
    spec, template = made["spec"], made["spec"]["template"]
    assert template["metadata"]["labels"] == LABELS
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 7)
    pod = template["spec"]
    assert (pod["restartPolicy"], pod["automountServiceAccountToken"]) == ("Never", False)
    assert not {"serviceAccountName", "priorityClassName", "initContainers", "hostname"} & pod.keys()
    assert (pod["affinity"], pod["nodeSelector"]) == ({"nodeAffinity": {"a": 1}}, {"disk": "fast"})
    assert pod["securityContext"] == {"fsGroup": 70}


def test_the_same_snapshots_are_tested_by_one_job() -> None:
    """Its name is that of a Pod's label, at most 63 characters, whatever the StatefulSet's is."""
    assert job()["metadata"]["name"] == job(timeout_seconds=1)["metadata"]["name"]
    others = Restored(1, "db-1", {"data-db-1": "data-db-1-20261130"}, [CLAIM])
    another = restore_test_job(SET, others, RestoreTest(["check"]), LABELS)
    assert another["metadata"]["name"] != job()["metadata"]["name"]
    long = restore_test_job({**SET, "metadata": {"name": "d" * 39 + "-" + "b" * 20}}, others, RestoreTest([]), LABELS)
    assert len(long["metadata"]["name"]) < 64
    assert "--" not in long["metadata"]["name"]


@pytest.mark.parametrize(("status", "passed"), [("Complete", True), ("Failed", False), ("Suspended", None)])
def test_what_the_job_says(status: str, passed: bool | None) -> None:
    assert has_passed({"status": {"conditions": [{"type": status, "status": "True"}]}}) is passed
    assert has_passed({"status": {"conditions": [{"type": status, "status": "False"}]}}) is None
    assert has_passed({}) is None


def test_why_it_failed() -> None:
    """The exit status with the end of the output, without what steers a terminal; else what the Pod waits for."""
    ended = {"exitCode": 3, "message": "page 7 is bad\x1b[2J"}
    pod = {"status": {"containerStatuses": [{"state": {"terminated": ended}}]}}
    told = why_failed({}, [pod])
    assert told.startswith("exit status 3: page 7 is bad")
    assert "\x1b" not in told
    late = {"status": {"conditions": [{"type": "Failed", "status": "True", "message": "Job was active too long"}]}}
    unmet = {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "unbound claims"}]}}
    assert why_failed(late, [unmet]) == "Job was active too long; unbound claims"
    pulling = {"status": {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]}}
    assert why_failed(late, [pulling]) == "Job was active too long; ErrImagePull"
