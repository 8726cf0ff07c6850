"""Whether the application has a cluster already, as it is noted, and what forms one: a command that succeeds once.

The note is on the governing Service and on each claim, so that it outlives the StatefulSet, Pulumi's state, and the
Service. While the command runs, the Service has a note of when that began: an ``up`` that is killed then leaves a
command of which nobody knows how it ends.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import (
    CLUSTER_ANNOTATION,
    for_instance,
    pod_address,
    pod_name,
    service_address,
)
from pulumi_stateful_service.live.state.pod_status import is_running, is_terminating, ordinal_of
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals, first_ordinal

_FORMING, _FORMED = "forming", "formed"


@dataclass(frozen=True)
class FormPlan:
    """How the application's cluster is formed."""

    command: Sequence[str]
    check: Sequence[str]
    """Exits with status 0 where the application has a cluster."""
    service_name: str
    """Name of the governing Service."""
    cluster_domain: str
    timeout_seconds: int = 60
    secret_name: str | None = None
    """Name of the Secret that gets the output; None where nothing keeps it."""
    output: Sequence[str] | None = None
    """Prints the output; None where it is that of the command."""

    def words(self, command: Sequence[str], pod: KubernetesObject, set_name: str) -> list[str]:
        """One of both for the instance in which it runs."""
        ordinal, namespace = ordinal_of(pod), pod["metadata"]["namespace"]
        name = pod_name(set_name, ordinal)
        address = pod_address(name, service_address(self.service_name, namespace, self.cluster_domain))
        return [for_instance(word, name, ordinal).replace("{address}", address) for word in command]


def form_plan(given: Mapping[str, Any] | None, service_name: str, cluster_domain: str) -> FormPlan | None:
    """The plan of the argument ``form_cluster``, whose values are known."""
    if given is None:
        return None
    return FormPlan(service_name=service_name, cluster_domain=cluster_domain, **given)


def formed_note(now: datetime) -> str:
    """What is noted where the application has a cluster."""
    return f"{_FORMED} {now:%Y-%m-%dT%H:%M:%SZ}"


def forming_note(now: datetime) -> str:
    """What is noted on the Service while the command runs."""
    return f"{_FORMING} {now:%Y-%m-%dT%H:%M:%SZ}"


def _note(of: KubernetesObject | None) -> str:
    return str(((of or {}).get("metadata", {}).get("annotations") or {}).get(CLUSTER_ANNOTATION) or "")


def is_formed(service: KubernetesObject | None, claims: Iterable[KubernetesObject]) -> bool:
    """Whether any note says so. One that somebody has damaged does: a second cluster is worse than none."""
    notes = [_note(service), *map(_note, claims)]
    return any(note and not note.startswith(f"{_FORMING} ") for note in notes)


def began(service: KubernetesObject | None) -> datetime | None:
    """When the command was begun of which is not known how it ended; None where there is none."""
    kind, _, since = _note(service).partition(" ")
    if kind != _FORMING:
        return None
    try:
        return datetime.fromisoformat(since)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)  # damaged, and long over


def may_still_run(since: datetime | None, now: datetime, plan: FormPlan) -> bool:
    """Whether a command that was begun then can be running in its instance still."""
    return since is not None and now - since < timedelta(seconds=plan.timeout_seconds)


def without_note(claims: Iterable[KubernetesObject]) -> list[str]:
    """The claims that no note is on."""
    return [claim["metadata"]["name"] for claim in claims if not _note(claim)]


def instance_to_form_in(live: KubernetesObject, pods: Collection[KubernetesObject]) -> KubernetesObject | None:
    """The Pod in which the cluster is formed: the first instance, when those that start with it run; None before.

    With ``OrderedReady`` it may be alone: the second one starts when it is ready, which it may be in a cluster only.
    """
    running = {ordinal_of(pod): pod for pod in pods if is_running(pod) and not is_terminating(pod)}
    starts_together = live["spec"].get("podManagementPolicy") == "Parallel"
    awaited = desired_ordinals(live) if starts_together else [first_ordinal(live)]
    return running[first_ordinal(live)] if set(awaited) <= running.keys() else None
