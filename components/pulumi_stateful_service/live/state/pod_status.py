"""The state of one Pod: whether it is ready, and if not, why."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, held_by
from pulumi_stateful_service.outside_text import cleaned

_REVISION_LABEL = "controller-revision-hash"
_ABOUT_VOLUMES = ("volume node affinity", "PersistentVolume's node affinity", "non-existent PersistentVolume")
"""What the scheduler says of a volume whose node is gone, or that is gone itself."""
_STARTING = (None, "ContainerCreating", "PodInitializing")
"""Reasons of a waiting container that are no problem."""


@dataclass(frozen=True)
class Diagnostics:
    """Objects that explain why a Pod is not ready. Read only when there is something to explain."""

    warnings: Mapping[str, str] = field(default_factory=dict)
    """The message of the latest Warning event of each object, by the object's uid."""
    claims: Mapping[str, KubernetesObject] = field(default_factory=dict)
    """The PersistentVolumeClaims that the Pods use, by name."""
    lost_nodes: Collection[str] = ()
    """Names of the nodes that do not answer."""
    unread: Sequence[str] = ()
    """Why some of these are not known."""


@dataclass(frozen=True)
class Crash:
    """A container that terminated and keeps its Pod from becoming ready."""

    pod: str
    container: str
    restarted: bool
    """Whether it was started again, so that its log is the previous one."""

    def logs_command(self, namespace: str) -> str:
        """The command that prints the log of the container that terminated."""
        previous = " --previous" if self.restarted else ""
        return f"kubectl --namespace {namespace} logs {self.pod} --container {self.container}{previous}"


def revision(pod: KubernetesObject) -> str:
    """The revision of the StatefulSet that the Pod was created from."""
    return str(pod["metadata"].get("labels", {}).get(_REVISION_LABEL, ""))


def ordinal_of(pod: KubernetesObject) -> int:
    """The Pod's ordinal, by its name."""
    return int(pod["metadata"]["name"].rpartition("-")[2])


def is_of_stateful_set(pod: KubernetesObject) -> bool:
    """Whether a StatefulSet has made the Pod."""
    return any(owner.get("kind") == "StatefulSet" for owner in pod["metadata"].get("ownerReferences") or [])


def is_terminating(pod: KubernetesObject) -> bool:
    """Whether the Pod, or another object, is being deleted."""
    return pod["metadata"].get("deletionTimestamp") is not None


def is_ready(pod: KubernetesObject) -> bool:
    """Whether the Pod's condition Ready is true."""
    return _conditions(pod).get("Ready", {}).get("status") == "True"


def ready_pods(pods: Iterable[KubernetesObject]) -> dict[str, str]:
    """Uid by name of the Pods that are ready and not being deleted."""
    return {
        pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods if is_ready(pod) and not is_terminating(pod)
    }


def is_running(pod: KubernetesObject) -> bool:
    """Whether all containers of the Pod run, ready or not."""
    containers = pod.get("status", {}).get("containerStatuses") or []
    return bool(containers) and all("running" in each.get("state", {}) for each in containers)


def is_crash_looping(pod: KubernetesObject) -> bool:
    """Whether a container terminates again and again."""
    return any(
        each.get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff" for each in _containers(pod)
    )


def ready_since(pod: KubernetesObject) -> datetime | None:
    """When the Pod became ready; None where it is not."""
    if not is_ready(pod):
        return None
    return datetime.fromisoformat(_conditions(pod)["Ready"]["lastTransitionTime"])


def was_ever_ready(pod: KubernetesObject) -> bool:
    """Whether the Pod is ready, or has been: its condition Ready has changed since the Pod started.

    The kubelet sets the condition when it starts the Pod. The condition Initialized would not do: after a reboot of the
    node the init containers run again.
    """
    ready, start = _conditions(pod).get("Ready"), pod.get("status", {}).get("startTime")
    return ready is not None and start is not None and bool(ready["lastTransitionTime"] > start)


def has_restarted(pod: KubernetesObject) -> bool:
    """Whether a container runs that was started after the Pod was ready last, as after a crash."""
    ready = _conditions(pod).get("Ready")
    if ready is None or is_ready(pod):
        return False
    started = [each.get("state", {}).get("running", {}).get("startedAt") or "" for each in _containers(pod)]
    return bool(max(started, default="") >= ready["lastTransitionTime"])


def serves(pod: KubernetesObject) -> bool:
    """Whether the Pod is ready, or was and is expected to be again."""
    return is_ready(pod) or (was_ever_ready(pod) and not is_crash_looping(pod))


def waits_for_its_volume(pod: KubernetesObject) -> bool:
    """Whether the Pod finds no node because of where its volume is."""
    scheduled = _conditions(pod).get("PodScheduled", {})
    message = scheduled.get("message") or ""
    return scheduled.get("status") == "False" and any(words in message for words in _ABOUT_VOLUMES)


def node_of(pod: KubernetesObject) -> str:
    """Name of the node that the Pod runs on; empty before it is scheduled."""
    return str(pod["spec"].get("nodeName") or "")


def why_terminating(pod: KubernetesObject, diagnostics: Diagnostics) -> str:
    """That the Pod is being deleted, who has disrupted it, and whether its node can carry it out."""
    target = _conditions(pod).get("DisruptionTarget", {})
    why = cleaned(target.get("message") or target.get("reason"))
    because = f" ({why})" if target.get("status") == "True" else ""
    return f"terminating{because}{held_by(pod)}{_on_lost_node(pod, diagnostics)}"


def _on_lost_node(pod: KubernetesObject, diagnostics: Diagnostics) -> str:
    return f", on node {node_of(pod)}, which does not answer" if node_of(pod) in diagnostics.lost_nodes else ""


def claim_names(pod: KubernetesObject) -> list[str]:
    """The names of the PersistentVolumeClaims that the Pod uses."""
    sources = [volume.get("persistentVolumeClaim") for volume in pod["spec"].get("volumes", [])]
    return [source["claimName"] for source in sources if source is not None]


def claim_volumes(pod: KubernetesObject) -> set[str]:
    """The names of the Pod's volumes that are claims."""
    return {volume["name"] for volume in pod["spec"].get("volumes", []) if volume.get("persistentVolumeClaim")}


def why_not_ready(pod: KubernetesObject, diagnostics: Diagnostics) -> str:
    """The reason as Kubernetes gives it, and which of its claims are being deleted."""
    claims = [claim for name in claim_names(pod) if (claim := diagnostics.claims.get(name))]
    deleted = [
        f"; PersistentVolumeClaim {claim['metadata']['name']} is being deleted{held_by(claim)}"
        for claim in claims
        if is_terminating(claim)
    ]
    return _reason(pod, diagnostics, claims) + "".join(deleted)


def _reason(pod: KubernetesObject, diagnostics: Diagnostics, claims: Sequence[KubernetesObject]) -> str:
    for container in _containers(pod):
        if problem := _container_problem(container):
            return problem
    unbound = [claim for claim in claims if claim.get("status", {}).get("phase") != "Bound"]
    for claim in unbound:
        if warning := diagnostics.warnings.get(claim["metadata"]["uid"]):
            return f"PersistentVolumeClaim {claim['metadata']['name']} is not bound: {warning}"
    scheduled = _conditions(pod).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        message = cleaned(scheduled.get("message") or scheduled.get("reason"))
        # A provisioner that does not answer causes no event, and the scheduler does not name the claim.
        names = ", ".join(claim["metadata"]["name"] for claim in unbound) if "unbound" in message else ""
        return f"cannot be scheduled: {message}{f' ({names})' if names else ''}"
    warning = diagnostics.warnings.get(pod["metadata"]["uid"])
    state = "running but not ready" if pod.get("status", {}).get("phase") == "Running" else "starting"
    return f"{state}{f': {warning}' if warning else ''}{_on_lost_node(pod, diagnostics)}"


def crash(pod: KubernetesObject) -> Crash | None:
    """The first container of the Pod that terminated with an error, if any."""
    for container in _containers(pod):
        if _container_problem(container) and _termination(container):
            restarted = "terminated" in container.get("lastState", {})
            return Crash(pod["metadata"]["name"], container["name"], restarted)
    return None


def _containers(pod: KubernetesObject) -> list[KubernetesObject]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _conditions(pod: KubernetesObject) -> dict[str, KubernetesObject]:
    return {condition["type"]: condition for condition in pod.get("status", {}).get("conditions", [])}


def _termination(container: KubernetesObject) -> KubernetesObject:
    """How the container terminated: now, or before it was last restarted."""
    terminated: KubernetesObject | None = container.get("state", {}).get("terminated")
    return terminated or container.get("lastState", {}).get("terminated") or {}


def _container_problem(container: KubernetesObject) -> str | None:
    prefix, waiting = f"container {container['name']}", container.get("state", {}).get("waiting", {})
    reason, termination = waiting.get("reason"), _termination(container)
    if reason == "CrashLoopBackOff" and termination:
        return f"{prefix}: CrashLoopBackOff: {_termination_text(termination)}"
    if reason not in _STARTING:
        return f"{prefix}: {reason}: {cleaned(waiting.get('message', 'no message'))}"
    if termination.get("exitCode") and not container.get("ready"):
        return f"{prefix}: terminated: {_termination_text(termination)}"
    return None


def _termination_text(termination: KubernetesObject) -> str:
    """Exit code and reason, and the last line of the termination message: with FallbackToLogsOnError, of the log."""
    text = f"exit code {termination.get('exitCode')} ({termination.get('reason', 'no reason')})"
    lines = [line.strip() for line in str(termination.get("message") or "").splitlines() if line.strip()]
    return f"{text}: {cleaned(lines[-1])}" if lines else text
