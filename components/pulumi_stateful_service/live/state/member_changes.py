"""Which instance joins or leaves next: from a live StatefulSet, what is noted, and the number that is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pulumi_stateful_service.arguments.types import RunIn
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import for_instance, pod_address, pod_name, service_address
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals


@dataclass(frozen=True)
class MemberCommand:
    """A command about one instance."""

    command: Sequence[str]
    """With ``{pod}``, ``{ordinal}`` and ``{address}`` in it."""
    runs_in_instance: bool = False
    """Whether it runs in the instance itself, and not in a peer."""
    timeout_seconds: int = 60


@dataclass(frozen=True)
class GroupMembers:
    """The members of a service with groups, as one group sees them."""

    notes: str
    """What the annotations of the notes end with; empty for the group that keeps the notes of a service without."""
    selector: Mapping[str, str]
    """The labels of all instances of the service."""
    others_stay: bool
    """Whether the service is to have instances: then those of a group that is to have none leave."""


@dataclass(frozen=True)
class MemberPlan:
    """How instances join and leave."""

    replicas: int
    """The number of instances that is wanted."""
    service_name: str
    """Name of the governing Service."""
    cluster_domain: str
    add: MemberCommand | None = None
    join: MemberCommand | None = None
    leave: MemberCommand | None = None
    remove: MemberCommand | None = None
    reuse_claims: bool = False
    group: GroupMembers | None = None
    """None in a service without groups."""

    def leaving(self, *, is_ready: bool) -> tuple[str, MemberCommand | None]:
        """The command by which an instance that is rebuilt leaves, and its name."""
        return ("leave", self.leave) if is_ready or self.remove is None else ("remove", self.remove)

    def annotation(self, key: str) -> str:
        """The annotation of the governing Service that has a note."""
        return f"{key}-{self.group.notes}" if self.group and self.group.notes else key

    def command(self, command: MemberCommand, namespace: str, set_name: str, ordinal: int) -> list[str]:
        """The command for one instance."""
        pod = pod_name(set_name, ordinal)
        address = pod_address(pod, service_address(self.service_name, namespace, self.cluster_domain))
        return [for_instance(word, pod, ordinal).replace("{address}", address) for word in command.command]


def member_plan(
    members: Mapping[str, Any] | None,
    replicas: int,
    service_name: str,
    cluster_domain: str,
    group: GroupMembers | None = None,
) -> MemberPlan | None:
    """The plan of the argument ``members``, whose values are known."""
    if members is None:
        return None
    commands = {name: _command(members[name]) for name in ("add", "join", "leave", "remove") if name in members}
    reuse_claims = members.get("reuse_claims", False)
    return MemberPlan(replicas, service_name, cluster_domain, reuse_claims=reuse_claims, group=group, **commands)


def _command(given: Mapping[str, Any]) -> MemberCommand:
    return MemberCommand(given["command"], given.get("run_in") == RunIn.INSTANCE, given.get("timeout_seconds", 60))


class StepKind(StrEnum):
    """What a step does."""

    SET_REPLICAS = "SetReplicas"
    """Starts or stops instances that stay members."""
    JOIN = "Join"
    LEAVE = "Leave"


@dataclass(frozen=True)
class MemberNotes:
    """What an earlier operation has noted of the members."""

    members: int = 0
    """How many instances, from the first, are members; 0 where nothing is noted."""
    rejoining: int | None = None
    """The ordinal of the instance that has left for a new volume, and has not joined again."""
    none_joined: bool = False
    """Whether it is noted that none is: of a group that is added to a service, or that has left it."""


@dataclass(frozen=True)
class MemberStep:
    """The next change of the number of instances, and of members."""

    kind: StepKind
    replicas: int
    """``spec.replicas`` with it."""
    members: int
    """How many instances, from the first, are members after it."""


def next_step(
    live: KubernetesObject, notes: MemberNotes, wanted: int, group: GroupMembers | None = None
) -> MemberStep | None:
    """The next step to the number of instances that is wanted; None where there is none left.

    An interrupted ``up`` leaves an instance that is no member yet. Where none is wanted, they stop as they are, unless
    other groups go on without them.
    """
    replicas, members = replicas_of(live), members_of(live, notes)
    stops = wanted == 0 and not (group and group.others_stay)
    if stops or (members == 0 and not notes.none_joined):
        as_wanted = MemberStep(StepKind.SET_REPLICAS, wanted, wanted or members)
        return None if replicas == wanted else as_wanted
    if replicas < members:
        # Stopped, or scaled by others: members run before one of them leaves.
        return MemberStep(StepKind.SET_REPLICAS, members, members)
    if replicas > wanted:
        return MemberStep(StepKind.LEAVE, replicas - 1, min(members, replicas - 1))
    if members < wanted:
        return MemberStep(StepKind.JOIN, max(replicas, members + 1), members + 1)
    return None


def is_unfinished(live: KubernetesObject, notes: MemberNotes, plan: MemberPlan) -> bool:
    """Whether instances have to join or leave."""
    return next_step(live, notes, plan.replicas, plan.group) is not None or rejoining(live, notes) is not None


def rejoining(live: KubernetesObject, notes: MemberNotes) -> int | None:
    """The ordinal of the instance that has to join again; None where there is none, also while it is stopped."""
    return notes.rejoining if notes.rejoining in desired_ordinals(live) else None


def replicas_of(live: KubernetesObject) -> int:
    """``spec.replicas``."""
    return len(desired_ordinals(live))


def members_of(live: KubernetesObject, notes: MemberNotes) -> int:
    """How many instances, from the first, are members: all, where nothing is noted."""
    return 0 if notes.none_joined else notes.members or replicas_of(live)
