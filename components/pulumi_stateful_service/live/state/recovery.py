"""From which instance the application is recovered after a crash of all, and what is noted of that: once per request.

The note is on the governing Service and, once it is done, on each claim, so that it outlives the StatefulSet, Pulumi's
state and the Service. Of several notes the latest counts: a claim that was away has an earlier one.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import (
    CONTAINER_NAME,
    RECOVERY_ANNOTATION,
    for_instance,
    pod_address,
    pod_name,
    service_address,
)
from pulumi_stateful_service.live.state.pod_status import (
    Diagnostics,
    is_terminating,
    ordinal_of,
    ready_pods,
    why_not_ready,
)
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}")
_NOTE = re.compile(r"(begun|told|done) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (\S{1,253}) (\d{1,9}|-)")


@dataclass(frozen=True)
class RecoveryPlan:
    """How the application is recovered."""

    request: str
    """Which recovery it is: each is done once."""
    command: Sequence[str]
    """Runs in the instance that the others follow."""
    service_name: str
    """Name of the governing Service."""
    cluster_domain: str
    ordinal: int | None = None
    """Of that instance; None where it is the one with the highest number."""
    compare: Sequence[str] = ()
    """Prints the number of an instance."""
    compared: Sequence[int] | None = None
    """Ordinals of the instances that are compared; None for all."""
    timeout_seconds: int = 60
    despite_ready: bool = False
    """Whether it is done although instances are ready."""

    def words(self, command: Sequence[str], namespace: str, set_name: str, ordinal: int) -> list[str]:
        """One of both commands for the instance in which it runs."""
        name = pod_name(set_name, ordinal)
        address = pod_address(name, service_address(self.service_name, namespace, self.cluster_domain))
        return [for_instance(word, name, ordinal).replace("{address}", address) for word in command]

    def ordinals(self, live: KubernetesObject) -> Sequence[int]:
        """The ordinals of the instances that something runs in before one of them is chosen, or in the chosen one."""
        if self.ordinal is not None:
            return [self.ordinal]
        return list(desired_ordinals(live)) if self.compared is None else sorted(self.compared)


def recovery_plan(given: Mapping[str, Any] | None, service_name: str, cluster_domain: str) -> RecoveryPlan | None:
    """The plan of the argument ``recover``, whose values are known."""
    if given is None:
        return None
    comparison = given.get("compare", {})
    plain = {key: value for key, value in given.items() if key != "compare"}
    return RecoveryPlan(
        service_name=service_name,
        cluster_domain=cluster_domain,
        compare=comparison.get("command", ()),
        compared=comparison.get("ordinals"),
        **plain,
    )


class Progress(IntEnum):
    """How far a recovery has come."""

    BEGUN = 0
    """The command may have run in the instance."""
    TOLD = 1
    """It has succeeded there."""
    DONE = 2


@dataclass(frozen=True)
class RecoveryNote:
    """What is noted of a recovery."""

    request: str
    progress: Progress
    at: str
    ordinal: int | None
    """The instance from which it is recovered; None where there was nothing to recover."""

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.progress.name.lower()} {self.at} {self.request} {'-' if self.ordinal is None else self.ordinal}"


def note_of(plan: RecoveryPlan, progress: Progress, now: datetime, ordinal: int | None) -> RecoveryNote:
    """The note of this recovery."""
    return RecoveryNote(plan.request, progress, f"{now:%Y-%m-%dT%H:%M:%SZ}", ordinal)


def latest_note(service: KubernetesObject | None, claims: Iterable[KubernetesObject]) -> RecoveryNote | None:
    """The latest note; None where there is none. One that somebody has damaged is none."""
    notes = [found for each in [service, *claims] if (found := _note(each)) is not None]
    return max(notes, key=lambda note: (note.at, note.progress), default=None)


def _note(of: KubernetesObject | None) -> RecoveryNote | None:
    text = str(((of or {}).get("metadata", {}).get("annotations") or {}).get(RECOVERY_ANNOTATION) or "")
    found = _NOTE.fullmatch(text)
    if found is None:
        return None
    ordinal = None if found[4] == "-" else int(found[4])
    return RecoveryNote(found[3], Progress[found[1].upper()], found[2], ordinal)


def claims_without(note: RecoveryNote, claims: Iterable[KubernetesObject]) -> list[str]:
    """The claims that have another note, or none."""
    return [claim["metadata"]["name"] for claim in claims if _note(claim) != note]


def has_service_note(note: RecoveryNote, service: KubernetesObject | None) -> bool:
    """Whether the Service has this note."""
    return _note(service) == note


def number_in(text: str) -> int | None:
    """The number that an instance has printed; None where it has printed something else."""
    plain = text.strip()
    return int(plain) if _NUMBER.fullmatch(plain) else None


def highest(numbers: Mapping[int, int]) -> int:
    """The ordinal with the highest number; of several the lowest ordinal."""
    return max(numbers, key=lambda ordinal: (numbers[ordinal], -ordinal))


def compared_text(set_name: str, numbers: Mapping[int, int]) -> str:
    """Which instances have which numbers."""
    return ", ".join(f"{pod_name(set_name, ordinal)}: {numbers[ordinal]}" for ordinal in sorted(numbers))


def ready_names(pods: Iterable[KubernetesObject]) -> list[str]:
    """The names of the instances that are ready."""
    return sorted(ready_pods(pods))


def ready_refusal(plan: RecoveryPlan, ready: Sequence[str]) -> str:
    """Why a service that runs is not recovered."""
    return (
        f"recover {plan.request!r} is for a service of which no instance is ready, and {', '.join(ready)} "
        f"{'is' if len(ready) == 1 else 'are'}: one that starts from another instance beside it could form a second "
        "cluster. If the service runs again, remove recover. If it has to be done all the same, set "
        "recover.despite_ready"
    )


def why_not_reached(ordinal: int, pods: Collection[KubernetesObject]) -> str | None:
    """Why no command can run in an instance now; None where one can, or could in a moment.

    A container that crashes again and again runs in between, and may be over before that is known of it.
    """
    pod = next((each for each in pods if ordinal_of(each) == ordinal), None)
    if pod is None:
        return "it does not exist"
    if is_terminating(pod):
        return "terminating"
    state = _container(pod)
    has_started = "running" in state.get("state", {}) or state.get("restartCount")
    return None if has_started else why_not_ready(pod, Diagnostics())


def why_not_running(ordinal: int, pods: Collection[KubernetesObject]) -> str | None:
    """Why the container of an instance does not run, as far as is known of it; None where it does."""
    pod = next(each for each in pods if ordinal_of(each) == ordinal)
    return None if "running" in _container(pod).get("state", {}) else why_not_ready(pod, Diagnostics())


def _container(pod: KubernetesObject) -> KubernetesObject:
    states = pod.get("status", {}).get("containerStatuses") or []
    return next((each for each in states if each["name"] == CONTAINER_NAME), {})


def never_created(live: KubernetesObject, plan: RecoveryPlan, pods: Collection[KubernetesObject]) -> list[str]:
    """The instances that are needed and do not come: with ``OrderedReady`` each waits until the one before is ready."""
    if live["spec"].get("podManagementPolicy") == "Parallel":
        return []
    existing, ready = {ordinal_of(pod) for pod in pods}, ready_pods(pods)
    name = live["metadata"]["name"]
    awaited = next((each for each in desired_ordinals(live) if pod_name(name, each) not in ready), None)
    return [
        pod_name(name, each)
        for each in plan.ordinals(live)
        if each not in existing and awaited is not None and each > awaited
    ]
