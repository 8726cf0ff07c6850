"""Whether a rollout is complete, and what it waits for, from a StatefulSet and its Pods.

The check of Pulumi's provider requires the update revision on every Pod, and knows neither a partition nor what an
instance waits for (``docs/rollouts.md``). Here a rollout is complete when the controller has observed the change, every
instance is ready and available, and those from the partition on run the update revision.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, held_by
from pulumi_stateful_service.foundation.names import pod_name
from pulumi_stateful_service.live.state.pod_status import (
    Crash,
    Diagnostics,
    claim_volumes,
    crash,
    is_crash_looping,
    is_ready,
    is_terminating,
    node_of,
    ready_pods,
    revision,
    was_ever_ready,
    why_not_ready,
    why_terminating,
)
from pulumi_stateful_service.live.state.stateful_set_fields import (
    claim_templates,
    desired_ordinals,
    first_updated_ordinal,
    is_updated_on_delete,
)


@dataclass(frozen=True)
class BlockingPod:
    """A Pod of an outdated revision that is not ready."""

    uid: str
    node: str
    why: str
    """Continues a sentence that begins with the Pod."""
    is_hopeless: bool
    """Whether nobody expects it to become ready: it never was, or its containers crash again and again."""


@dataclass(frozen=True)
class Rollout:
    """The state of a rollout. Empty where no StatefulSet was read."""

    current_revision: str | None = None
    update_revision: str | None = None
    ordinals: range | None = None
    """The ordinals of the desired instances; None where no StatefulSet was read."""
    revisions: Mapping[str, str] = field(default_factory=dict)
    """The revision of each Pod, by name."""
    pending: Sequence[str] = ()
    """What the rollout waits for, a line for each instance, those that block others first. Empty when complete."""
    ready: Mapping[str, str] = field(default_factory=dict)
    """Uid by name of the Pods that are ready."""
    not_ready: Sequence[str] = ()
    """Names of the Pods that exist and are not ready."""
    held_back: Sequence[str] = ()
    """Those of them that keep an outdated revision, since the partition holds them back."""
    crashes: Sequence[Crash] = ()
    """Containers that terminated, of Pods that are not ready."""
    blocking: Mapping[str, BlockingPod] = field(default_factory=dict)
    """The Pods that must be updated and are not ready, by name: with ordered Pod management the controller waits for
    them before it replaces them."""
    without_volume: Mapping[str, str] = field(default_factory=dict)
    """Uid by name of the Pods that lack a volume of the StatefulSet, in ordinal order. Empty unless all are ready."""

    outdated_claims: Sequence[str] = ()
    """Names of the claims that differ from what new instances get."""

    snapshots: Mapping[str, str] = field(default_factory=dict)
    restore_tests: Mapping[str, str] = field(default_factory=dict)
    """Name of the newest VolumeSnapshot of each claim that was made before a change."""

    @property
    def outdated(self) -> list[str]:
        """Names of the Pods that do not run the update revision."""
        return [pod for pod, pod_revision in self.revisions.items() if pod_revision != self.update_revision]

    @property
    def is_complete(self) -> bool:
        """Whether the rollout waits for nothing."""
        return not self.pending


def rollout_status(
    stateful_set: KubernetesObject,
    pods: Sequence[KubernetesObject],
    diagnostics: Diagnostics | None = None,
    *,
    is_up: Callable[[KubernetesObject], bool] = is_ready,
) -> Rollout:
    """The state of the StatefulSet's rollout. ``is_up`` decides what is waited for of each Pod."""
    diagnostics = diagnostics or Diagnostics()
    set_name, status = stateful_set["metadata"]["name"], stateful_set.get("status", {})
    pods_by_name = {pod["metadata"]["name"]: pod for pod in sorted(pods, key=_name)}
    desired = {pod_name(set_name, ordinal): ordinal for ordinal in desired_ordinals(stateful_set)}
    blocking: list[str] = []
    waiting: list[str] = []
    not_ready: list[KubernetesObject] = []
    blocking_pods: dict[str, BlockingPod] = {}
    without_volume: dict[str, str] = {}
    held_back: list[str] = []
    all_ready = True
    for name, ordinal in desired.items():
        pod = pods_by_name.get(name)
        if pod is None or is_terminating(pod):
            all_ready = False
            waiting.append(
                f"{name}: {why_terminating(pod, diagnostics) if pod else _why_not_created(stateful_set, diagnostics)}"
            )
            continue
        must_be_updated = _must_be_updated(stateful_set, ordinal, pod)
        if not is_up(pod):
            all_ready = False
            not_ready.append(pod)
            outdated = " (outdated revision)" if must_be_updated else ""
            blocking.append(f"{name}: {why_not_ready(pod, diagnostics)}{outdated}")
            if must_be_updated:
                blocking_pods[name] = _blocking_pod(pod)
            elif _is_held_back(stateful_set, ordinal, pod):
                held_back.append(name)
        elif _lacks_volume(stateful_set, pod):
            waiting.append(f"{name}: waiting for its new volume")
            without_volume[name] = pod["metadata"]["uid"]
        elif must_be_updated:
            waiting.append(f"{name}: still on the previous revision")
    removed = [pod for name, pod in pods_by_name.items() if name not in desired]
    waiting.extend(f"{_name(pod)}: not deleted yet (scaled down){held_by(pod)}" for pod in removed)
    if is_terminating(stateful_set):
        waiting.insert(0, f"{set_name}: the StatefulSet is being deleted{held_by(stateful_set)}")
    is_observed = _is_observed(stateful_set)
    in_status = _pending_in_status(stateful_set, pods) if is_up is is_ready else []
    unobserved = [] if is_observed else [f"{set_name}: the StatefulSet controller has not observed the change yet"]
    return Rollout(
        current_revision=status.get("currentRevision"),
        update_revision=status.get("updateRevision"),
        ordinals=desired_ordinals(stateful_set),
        revisions={name: revision(pod) for name, pod in pods_by_name.items()},
        pending=[*unobserved, *blocking, *waiting] or in_status,
        ready=ready_pods(pods),
        not_ready=[_name(pod) for pod in not_ready],
        held_back=held_back,
        crashes=[found for pod in not_ready if (found := crash(pod))],
        blocking=blocking_pods if is_observed else {},
        without_volume=without_volume if is_observed and all_ready else {},
    )


def may_be_complete(stateful_set: KubernetesObject) -> bool:
    """Whether the StatefulSet's status allows for a complete rollout, so that its Pods are worth reading."""
    status = stateful_set.get("status", {})
    replicas = len(desired_ordinals(stateful_set))
    return _is_observed(stateful_set) and status.get("replicas", 0) == status.get("readyReplicas", 0) == replicas


def is_settled(stateful_set: KubernetesObject) -> bool:
    """Whether the status alone tells that every instance is ready and runs the one revision there is."""
    status = stateful_set.get("status", {})
    return may_be_complete(stateful_set) and status.get("currentRevision") == status.get("updateRevision")


def is_incomplete(
    stateful_set: KubernetesObject,
    pods: Sequence[KubernetesObject],
    is_up: Callable[[KubernetesObject], bool] = is_ready,
) -> bool:
    """Whether the last change was not rolled out: a Pod that was ready, and is not now, has nothing to do with it."""
    by_name = {_name(pod): pod for pod in pods}
    for ordinal in desired_ordinals(stateful_set):
        pod = by_name.pop(pod_name(stateful_set["metadata"]["name"], ordinal), None)
        if pod is None or _must_be_updated(stateful_set, ordinal, pod) or _lacks_volume(stateful_set, pod):
            return True
        if not is_up(pod) and not was_ever_ready(pod):
            return True
    return bool(by_name) or not _is_observed(stateful_set)


def _blocking_pod(pod: KubernetesObject) -> BlockingPod:
    uid, node = pod["metadata"]["uid"], node_of(pod)
    if not was_ever_ready(pod):
        return BlockingPod(uid, node, "never became ready", is_hopeless=True)
    if is_crash_looping(pod):
        return BlockingPod(uid, node, "crashes again and again", is_hopeless=True)
    return BlockingPod(uid, node, "is not ready any more", is_hopeless=False)


def has_outdated_pods(stateful_set: KubernetesObject, pods: Sequence[KubernetesObject]) -> bool:
    """Whether a Pod does not run the update revision, whatever the update strategy is."""
    return any(revision(pod) != stateful_set.get("status", {}).get("updateRevision") for pod in pods)


def _name(pod: KubernetesObject) -> str:
    return str(pod["metadata"]["name"])


def _is_observed(stateful_set: KubernetesObject) -> bool:
    """Whether the controller has observed the latest change."""
    observed = stateful_set.get("status", {}).get("observedGeneration", 0)
    return bool(observed >= stateful_set["metadata"]["generation"])


def _must_be_updated(stateful_set: KubernetesObject, ordinal: int, pod: KubernetesObject) -> bool:
    """Whether the controller must replace the Pod by one of the update revision."""
    if is_updated_on_delete(stateful_set) or ordinal < first_updated_ordinal(stateful_set):
        return False
    return bool(revision(pod) != stateful_set.get("status", {}).get("updateRevision"))


def _is_held_back(stateful_set: KubernetesObject, ordinal: int, pod: KubernetesObject) -> bool:
    """Whether the Pod keeps an outdated revision, whatever becomes of it."""
    is_below = not is_updated_on_delete(stateful_set) and ordinal < first_updated_ordinal(stateful_set)
    return is_below and bool(revision(pod) != stateful_set.get("status", {}).get("updateRevision"))


def _lacks_volume(stateful_set: KubernetesObject, pod: KubernetesObject) -> bool:
    """Whether the Pod was created before one of the claim templates was added."""
    return not claim_templates(stateful_set).keys() <= claim_volumes(pod)


def _why_not_created(stateful_set: KubernetesObject, diagnostics: Diagnostics) -> str:
    warning = diagnostics.warnings.get(stateful_set["metadata"]["uid"])
    return f"not created yet{f': {warning}' if warning else ''}"


def _pending_in_status(stateful_set: KubernetesObject, pods: Collection[KubernetesObject]) -> list[str]:
    """What the status does not show yet, although all Pods are right: it may be older than they are."""
    name, spec, status = stateful_set["metadata"]["name"], stateful_set["spec"], stateful_set["status"]
    replicas, available = len(desired_ordinals(stateful_set)), status.get("availableReplicas", 0)
    if available != replicas:
        seconds = spec.get("minReadySeconds", 0)
        return [f"{name}: {available} of {replicas} Pods have been ready for min_ready_seconds ({seconds})"]
    if status["currentRevision"] == status["updateRevision"]:
        return []
    updated = sum(revision(pod) == status["updateRevision"] for pod in pods)
    if status.get("updatedReplicas", 0) != updated:
        return [f"{name}: status.updatedReplicas is not up to date yet"]
    # When all Pods are updated, the controller makes the update revision the current one.
    if replicas and updated == replicas and spec.get("updateStrategy", {}).get("type") != "OnDelete":
        return [f"{name}: status.currentRevision is not up to date yet"]
    return []
