"""When a rollout is done, and what holds it up: judged from the set and its Pods as they are on the cluster.

Pulumi's provider wants every Pod at the new version and knows neither a partition nor what an instance waits for
(``docs/rollouts.md``). Here done means: the set's controller has seen the change, every instance is ready and
available, and those asked for run the new version.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import pod_name

REVISION_LABEL = "controller-revision-hash"


@dataclass(frozen=True)
class Rollout:
    """Where a rollout stands."""

    current_revision: str | None = None
    update_revision: str | None = None
    ordinals: range | None = None
    """The ordinals that the set has, once it was seen."""
    revisions: Mapping[str, str] = field(default_factory=dict)
    """The revision of each Pod, by its name."""
    missing: Sequence[str] = ()
    """What is still to come, one line for each instance, what holds the others up first; empty when it is done."""
    broken: Sequence[str] = ()
    """Pods that are there, but not ready."""
    abandoned: Mapping[str, str] = field(default_factory=dict)
    """Pods of a version that is no longer wanted, which never became ready: identity by name."""
    without_volume: Mapping[str, str] = field(default_factory=dict)
    """Pods that lack a volume of the set, the lowest ordinal first: identity by name. Empty while a Pod is missing."""

    @property
    def outdated(self) -> list[str]:
        """The Pods that do not run the update revision."""
        return [pod for pod, revision in self.revisions.items() if revision != self.update_revision]

    @property
    def done(self) -> bool:
        """Whether what was asked for is there."""
        return not self.missing


@dataclass(frozen=True)
class Diagnostics:
    """What explains why a Pod is not ready."""

    warnings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """The latest warning about an object, by kind and name."""
    unbound_claims: Collection[str] = ()
    """The names of claims without a volume."""


def judge(
    stateful_set: KubernetesObject, pods: Sequence[KubernetesObject], facts: Diagnostics | None = None
) -> Rollout:
    """Where the rollout of this set stands."""
    facts = facts or Diagnostics()
    status = stateful_set.get("status", {})
    name = stateful_set["metadata"]["name"]
    by_name = {pod["metadata"]["name"]: pod for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))}
    wanted = [pod_name(name, ordinal) for ordinal in wanted_ordinals(stateful_set)]
    behind: list[str] = []
    waiting: list[str] = []
    abandoned: dict[str, str] = {}
    without_volume: dict[str, str] = {}
    broken: list[str] = []
    away = False
    for ordinal, pod in zip(wanted_ordinals(stateful_set), wanted, strict=True):
        found = by_name.get(pod)
        outdated = _is_outdated(stateful_set, ordinal, found)
        away = away or found is None or not _is_ready(found) or _is_ending(found)
        if found is None or _is_ending(found):
            waiting.append(f"{pod}: {_why_absent(stateful_set, found, facts)}")
        elif not _is_ready(found):
            broken.append(pod)
            behind.append(f"{pod}: {_why_not_ready(found, facts)}{' (not the wanted version)' if outdated else ''}")
            if outdated and not _was_ready(found):
                abandoned[pod] = found["metadata"]["uid"]
        elif _lacks_volume(stateful_set, found):
            waiting.append(f"{pod}: does not have its new volume yet")
            without_volume[pod] = found["metadata"]["uid"]
        elif outdated:
            waiting.append(f"{pod}: does not run the new version yet")
    waiting.extend(f"{pod}: is to be removed" for pod in by_name if pod not in wanted)
    missing = [*([] if _is_seen(stateful_set) else [f"{name}: its controller has not seen the change yet"])]
    missing += behind + waiting
    return Rollout(
        current_revision=status.get("currentRevision"),
        update_revision=status.get("updateRevision"),
        ordinals=wanted_ordinals(stateful_set),
        revisions={pod: _revision(found) for pod, found in by_name.items()},
        missing=missing or _unsettled(stateful_set, by_name.values()),
        broken=broken,
        abandoned=abandoned if _is_seen(stateful_set) else {},
        without_volume=without_volume if _is_seen(stateful_set) and not away else {},
    )


def is_incomplete(stateful_set: KubernetesObject, pods: Sequence[KubernetesObject]) -> bool:
    """Whether the last change of the StatefulSet was not rolled out. A Pod that was ready, and is not now, was."""
    by_name = {pod["metadata"]["name"]: pod for pod in pods}
    name = stateful_set["metadata"]["name"]
    for ordinal in wanted_ordinals(stateful_set):
        pod = by_name.pop(pod_name(name, ordinal), None)
        if pod is None or _is_outdated(stateful_set, ordinal, pod) or _lacks_volume(stateful_set, pod):
            return True
        if not _is_ready(pod) and not _was_ready(pod):
            return True
    return bool(by_name) or not _is_seen(stateful_set)


def wanted_ordinals(stateful_set: KubernetesObject) -> range:
    """The ordinals that the set is to have."""
    spec = stateful_set["spec"]
    start = spec.get("ordinals", {}).get("start", 0)
    return range(start, start + spec.get("replicas", 1))


def may_be_done(stateful_set: KubernetesObject) -> bool:
    """Whether the set's status allows that it is done: worth a look at the Pods."""
    status = stateful_set.get("status", {})
    wanted = len(wanted_ordinals(stateful_set))
    return _is_seen(stateful_set) and status.get("replicas", 0) == status.get("readyReplicas", 0) == wanted


def _is_seen(stateful_set: KubernetesObject) -> bool:
    """Whether the status is not one from before the change."""
    observed = stateful_set.get("status", {}).get("observedGeneration", 0)
    return bool(observed >= stateful_set["metadata"]["generation"])


def _is_outdated(stateful_set: KubernetesObject, ordinal: int, pod: KubernetesObject | None) -> bool:
    """Whether an instance is to run the new version and does not."""
    strategy = stateful_set["spec"].get("updateStrategy", {})
    if pod is None or strategy.get("type") == "OnDelete":
        return False
    # Kubernetes counts the partition from the first ordinal.
    keeps = strategy.get("rollingUpdate", {}).get("partition", 0)
    must_be_new = bool(ordinal >= wanted_ordinals(stateful_set).start + keeps)
    return must_be_new and _revision(pod) != stateful_set.get("status", {}).get("updateRevision")


def _lacks_volume(stateful_set: KubernetesObject, pod: KubernetesObject) -> bool:
    """Whether the set has a claim template that the Pod was made without."""
    mounted = {
        volume["name"] for volume in pod["spec"].get("volumes", []) if volume.get("persistentVolumeClaim") is not None
    }
    templates = stateful_set["spec"].get("volumeClaimTemplates", [])
    return not {template["metadata"]["name"] for template in templates} <= mounted


def _why_absent(stateful_set: KubernetesObject, pod: KubernetesObject | None, facts: Diagnostics) -> str:
    if pod is not None:
        return "is ending"
    refused = facts.warnings.get(("StatefulSet", stateful_set["metadata"]["name"]))
    return f"is not there yet{f': {refused}' if refused else ''}"


def _unsettled(stateful_set: KubernetesObject, pods: Collection[KubernetesObject]) -> list[str]:
    """What the status must say besides the Pods, so that one from before the change can't be taken for it."""
    name, spec, status = stateful_set["metadata"]["name"], stateful_set["spec"], stateful_set["status"]
    wanted = len(wanted_ordinals(stateful_set))
    available = status.get("availableReplicas", 0)
    if available != wanted:
        seconds = spec.get("minReadySeconds", 0)
        return [f"{name}: {available} of {wanted} have been ready for min_ready_seconds ({seconds})"]
    at_update = sum(_revision(pod) == status["updateRevision"] for pod in pods)
    settled = status["currentRevision"] == status["updateRevision"]
    # Once all are updated, the controller makes the new revision the current one and counts anew.
    if not settled and status.get("updatedReplicas", 0) != at_update:
        return [f"{name}: its status does not count the updated instances yet"]
    if not settled and wanted and at_update == wanted and spec.get("updateStrategy", {}).get("type") != "OnDelete":
        return [f"{name}: its status does not say yet that the update is complete"]
    return []


def _revision(pod: KubernetesObject) -> str:
    return str(pod["metadata"].get("labels", {}).get(REVISION_LABEL, ""))


def _is_ending(pod: KubernetesObject) -> bool:
    return pod["metadata"].get("deletionTimestamp") is not None


def _is_ready(pod: KubernetesObject) -> bool:
    return _conditions(pod).get("Ready", {}).get("status") == "True"


def _was_ready(pod: KubernetesObject) -> bool:
    """Whether it has been ready: then its readiness changed after it was initialised."""
    conditions = _conditions(pod)
    if "Ready" not in conditions or "Initialized" not in conditions:
        return False
    return bool(conditions["Ready"]["lastTransitionTime"] > conditions["Initialized"]["lastTransitionTime"])


def _conditions(pod: KubernetesObject) -> dict[str, KubernetesObject]:
    return {each["type"]: each for each in pod.get("status", {}).get("conditions", [])}


def _why_not_ready(pod: KubernetesObject, facts: Diagnostics) -> str:
    """The reason in the kubelet's, the scheduler's or the storage controller's own words."""
    status = pod.get("status", {})
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        if reason := _container_problem(container):
            return reason
    claims = [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in pod["spec"].get("volumes", [])]
    unbound = [claim for claim in claims if claim in facts.unbound_claims]
    for claim in unbound:
        if ("PersistentVolumeClaim", claim) in facts.warnings:
            return f"its claim {claim} has no volume: {facts.warnings['PersistentVolumeClaim', claim]}"
    scheduled = _conditions(pod).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        message = str(scheduled.get("message") or scheduled.get("reason"))
        # A provisioner that does not answer gives no warning, and the scheduler does not tell which claim.
        claim_names = f" ({', '.join(unbound)})" if unbound and "unbound" in message else ""
        return f"cannot be scheduled: {message}{claim_names}"
    warning = facts.warnings.get(("Pod", pod["metadata"]["name"]))
    state = "runs but is not ready" if status.get("phase") == "Running" else "is starting"
    return f"{state}{f': {warning}' if warning else ''}"


def _container_problem(container: KubernetesObject) -> str | None:
    name, state = container["name"], container.get("state", {})
    waiting = state.get("waiting", {})
    ended = state.get("terminated") or container.get("lastState", {}).get("terminated") or {}
    exited = f"exit code {ended.get('exitCode')} ({ended.get('reason', 'no reason given')})"
    if waiting.get("reason") == "CrashLoopBackOff" and ended:
        return f"container {name} ends again and again, last with {exited}"
    if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
        return f"container {name}: {waiting['reason']}: {waiting.get('message', 'no message given')}"
    if ended.get("exitCode") and not container.get("ready"):
        return f"container {name} ended with {exited}"
    return None
