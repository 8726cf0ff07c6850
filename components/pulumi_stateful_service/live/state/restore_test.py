"""The test of a restore: a Job that starts on new volumes made from the snapshots of one instance, and checks them.

The Pod is made from what the program sends, not from what runs: nobody who can change a Pod has Pulumi's identity
create another one. Its volumes are ephemeral, so that they go with it, also where Pulumi is killed meanwhile.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, without_empty
from pulumi_stateful_service.foundation.names import (
    COMPONENT_LABEL,
    CONTAINER_NAME,
    RESTORE_TEST_LABEL,
    SNAPSHOT,
    SNAPSHOT_GROUP,
    claim_name,
)
from pulumi_stateful_service.outside_text import cleaned, exit_problem

JOB = "Job"
CONTAINER = "restore-test"
KEPT_SECONDS = 3600
"""How long a Job that has ended, its Pod and its volumes are kept for whoever wants to see why it failed."""
_LONGEST_NAME = 40
_OF_POD = ("nodeSelector", "tolerations", "securityContext", "imagePullSecrets", "runtimeClassName")
"""Fields of the Pod template that its Pod needs to start where the instances do, and as who they do."""
_OF_CONTAINER = ("image", "imagePullPolicy", "env", "envFrom", "workingDir", "resources", "securityContext")


@dataclass(frozen=True)
class RestoreTest:
    """What the program asks for."""

    command: Sequence[str]
    image: str | None = None
    """None for that of the instances."""
    timeout_seconds: int = 600


@dataclass(frozen=True)
class Restored:
    """An instance of which the snapshots are restored."""

    ordinal: int
    pod: str
    """Its Pod's name."""
    snapshots: Mapping[str, str]
    """Name of the snapshot of each claim."""
    claims: Sequence[KubernetesObject]


def restore_test_labels(set_name: str, component: str) -> dict[str, str]:
    """By which the component knows the Jobs of its restore tests. No Service and no StatefulSet selects them."""
    return {RESTORE_TEST_LABEL: set_name, COMPONENT_LABEL: component}


def restore_test_job(
    stateful_set: KubernetesObject, restored: Restored, test: RestoreTest, labels: Mapping[str, str]
) -> KubernetesObject:
    """The Job that runs the command once. The same snapshots give the same name, so that it is not made twice."""
    set_name = stateful_set["metadata"]["name"]
    digest = hashlib.sha256("\n".join(sorted(restored.snapshots.values())).encode()).hexdigest()[:10]
    pod = _pod(stateful_set["spec"], set_name, restored, test)
    return {
        "metadata": {"name": f"{set_name[:_LONGEST_NAME].rstrip('-.')}-restore-{digest}", "labels": dict(labels)},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": test.timeout_seconds,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": {"labels": dict(labels)}, "spec": pod},
        },
    }


def _pod(spec: KubernetesObject, set_name: str, restored: Restored, test: RestoreTest) -> KubernetesObject:
    template: Mapping[str, Any] = spec["template"]["spec"]
    kept = {field: template[field] for field in _OF_POD if field in template}
    node_affinity = (template.get("affinity") or {}).get("nodeAffinity")
    volumes = [_volume(each, set_name, restored) for each in spec.get("volumeClaimTemplates") or []]
    return without_empty(
        **kept,
        affinity={"nodeAffinity": node_affinity} if node_affinity else None,
        restartPolicy="Never",
        automountServiceAccountToken=False,
        terminationGracePeriodSeconds=0,
        containers=[_container(template, test)],
        volumes=[*(template.get("volumes") or []), *volumes],
    )


def _container(template: Mapping[str, Any], test: RestoreTest) -> KubernetesObject:
    containers = template["containers"]
    main = next((each for each in containers if each["name"] == CONTAINER_NAME), containers[0])
    image = {"image": test.image} if test.image is not None else {}
    return {
        "name": CONTAINER,
        **{field: main[field] for field in (*_OF_CONTAINER, "volumeMounts", "volumeDevices") if field in main},
        **image,
        "command": list(test.command),
        # The end of what it prints, where it fails: no right to read logs is needed.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _volume(template: KubernetesObject, set_name: str, restored: Restored) -> KubernetesObject:
    """A volume made from a snapshot; an empty one in place of a volume that is not snapshotted."""
    volume = template["metadata"]["name"]
    name = claim_name(volume, set_name, restored.ordinal)
    claim = next((each for each in restored.claims if each["metadata"]["name"] == name), None)
    if claim is None or name not in restored.snapshots:
        return {"name": volume, "emptyDir": {}}
    source = {"apiGroup": SNAPSHOT_GROUP, "kind": SNAPSHOT, "name": restored.snapshots[name]}
    wanted = claim["spec"]
    size = (claim.get("status", {}).get("capacity") or wanted["resources"]["requests"])["storage"]
    spec = without_empty(
        accessModes=wanted["accessModes"],
        storageClassName=wanted.get("storageClassName"),
        volumeMode=wanted.get("volumeMode"),
        resources={"requests": {"storage": size}},
        dataSource=source,
    )
    return {"name": volume, "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}


def has_passed(job: KubernetesObject) -> bool | None:
    """Whether the command has succeeded; None while it is not known."""
    conditions = job.get("status", {}).get("conditions") or []
    held = {each["type"] for each in conditions if each["status"] == "True"}
    return True if "Complete" in held else False if "Failed" in held else None


def why_failed(job: KubernetesObject, pods: Sequence[KubernetesObject]) -> str:
    """What is known of the failure: the exit status and the last output, or why the Pod did not start."""
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses") or []:
            ended = status.get("state", {}).get("terminated") or {}
            if why := exit_problem(ended.get("exitCode") or 0, ended.get("message") or ""):
                return why
    conditions = job.get("status", {}).get("conditions") or []
    told = [each.get("message") or each.get("reason") for each in conditions if each["type"] == "Failed"]
    return "; ".join([*(cleaned(each) for each in told if each), *filter(None, map(why_waiting, pods))])


def why_waiting(pod: KubernetesObject) -> str:
    """What the Pod of a test waits for; empty where nothing is known."""
    status = pod.get("status", {})
    for each in status.get("containerStatuses") or []:
        if waiting := each.get("state", {}).get("waiting"):
            return cleaned(": ".join(filter(None, [waiting.get("reason"), waiting.get("message")])))
    unmet = [each for each in status.get("conditions") or [] if each["status"] == "False" and each.get("message")]
    return cleaned(unmet[0]["message"]) if unmet else ""
