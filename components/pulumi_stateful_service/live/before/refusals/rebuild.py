"""Instances that are to start again with an empty volume, where that would not be safe."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pulumi_stateful_service.documentation import REBUILD, RIGHTS
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import pod_name
from pulumi_stateful_service.live.node_states import NodeState
from pulumi_stateful_service.live.state.member_changes import MemberPlan
from pulumi_stateful_service.live.state.pod_status import is_running, is_terminating, node_of
from pulumi_stateful_service.live.state.rebuild import (
    GivenUp,
    RebuildPlan,
    is_of_use,
    is_starting,
    line_for,
    rebuild_order,
    requested_rebuild,
    volumes_to_give_up,
)
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals

_GivenUp = Sequence[tuple[GivenUp, KubernetesObject]]
"""The volumes of one instance that are given up, each with its claim."""
_TWO = 2


@dataclass(frozen=True)
class Found:
    """What is on the cluster."""

    live: KubernetesObject
    claims: Sequence[KubernetesObject]
    pods: Sequence[KubernetesObject]
    """Of the StatefulSet."""
    all_pods: Sequence[KubernetesObject]
    """Of the service, with all its groups."""
    nodes: Mapping[str, NodeState] = field(default_factory=dict)
    """Of the Pods of instances that are rebuilt, by their names."""
    changes: Sequence[str] = ()
    """What else changes in the Pod template."""
    recovers_first: bool = False
    """Whether ``recover`` comes first: the instances that wait for it may become ready by it."""

    @property
    def set_name(self) -> str:
        """Name of the StatefulSet."""
        return str(self.live["metadata"]["name"])

    def name(self, ordinal: int) -> str:
        """The Pod's name of an instance."""
        return pod_name(self.set_name, ordinal)

    def pod(self, ordinal: int) -> KubernetesObject | None:
        """The Pod of an instance."""
        return next((each for each in self.pods if each["metadata"]["name"] == self.name(ordinal)), None)

    def ready_soon(self) -> set[str]:
        """The names of the instances that are ready, or may become so without being rebuilt."""
        pods = [
            each for each in self.all_pods if is_of_use(each) or is_starting(each) or self._waits_for_recovery(each)
        ]
        return {pod["metadata"]["name"] for pod in pods}

    def _waits_for_recovery(self, pod: KubernetesObject) -> bool:
        return self.recovers_first and bool(node_of(pod)) and not is_terminating(pod)


def rebuild_refusals(plan: RebuildPlan, members: MemberPlan | None, found: Found) -> list[str]:
    """Refuses words that fit no volume, nodes that may run the Pod, and what would leave too few instances."""
    pending = volumes_to_give_up(found.live, found.claims, plan.volumes)
    refusals = _unknown_volumes(plan, pending, found)
    if refusals or not pending:
        return refusals
    by_ordinal: dict[int, list[tuple[GivenUp, KubernetesObject]]] = {}
    for each, claim in pending.values():
        by_ordinal.setdefault(each.ordinal, []).append((each, claim))
    refusals = [_template_refusal(found, sorted(by_ordinal))]
    for ordinal, given_up in by_ordinal.items():
        refusals += [_node_refusal(found, ordinal, given_up), _member_refusal(members, found, ordinal, given_up)]
    return [each for each in refusals if each] or [
        each for each in [_quorum_refusal(plan, found, list(by_ordinal))] if each
    ]


def _unknown_volumes(plan: RebuildPlan, pending: Collection[str], found: Found) -> list[str]:
    """Words that are new and fit nothing: those that the live StatefulSet has were carried out."""
    known = {_identity(each) for each in requested_rebuild(found.live)}
    claims = {claim["metadata"]["name"]: claim for claim in found.claims}
    return [
        f"rebuild names the volume {each.volume_name} of {found.name(each.ordinal)}, but "
        f"{_why_not_there(found, each.ordinal, name, claims.get(name))} ({REBUILD})."
        for each in plan.volumes
        if (name := each.claim(found.set_name)) not in pending and _identity(each) not in known
    ]


def _why_not_there(found: Found, ordinal: int, name: str, claim: KubernetesObject | None) -> str:
    if ordinal not in desired_ordinals(found.live):
        return f"there is no instance {found.name(ordinal)}"
    if claim is None:
        return f"there is no PersistentVolumeClaim {name}, so it gets a new volume anyway"
    volume = claim["spec"].get("volumeName")
    if volume is None:
        return f"PersistentVolumeClaim {name} has no volume yet"
    return f"PersistentVolumeClaim {name} has the volume {volume}. To give that up: {line_for(found.live, [claim])}"


def _identity(given_up: GivenUp) -> tuple[int, str, str]:
    return given_up.ordinal, given_up.volume, given_up.volume_name


def _template_refusal(found: Found, ordinals: Sequence[int]) -> str:
    if not found.changes:
        return ""
    return (
        f"{', '.join(map(found.name, ordinals))} cannot be rebuilt while the Pod template changes "
        f"({', '.join(found.changes)}): Kubernetes would replace other instances at the same time. Make the two "
        f"changes in two runs of pulumi up ({REBUILD})."
    )


def _node_refusal(found: Found, ordinal: int, given_up: _GivenUp) -> str:
    """At most one Pod of a name may run: it goes when its node has ended it, or is lost by the user's word."""
    pod, name = found.pod(ordinal), found.name(ordinal)
    node = node_of(pod) if pod else ""
    if not node:
        return ""
    state, lost = found.nodes.get(node, NodeState.UNREAD), sorted({each.lost_node for each, _ in given_up} - {""})
    if not lost and state is NodeState.SILENT:
        return (
            f"{name} is on node {node}, which does not answer: Kubernetes does not replace a Pod while its node may "
            "still run it. If the node is switched off for good, say so: "
            f"{line_for(found.live, [claim for _, claim in given_up], node)} ({REBUILD})."
        )
    if lost and lost != [node]:
        return f"lost_node is {', '.join(lost)}, but {name} is on node {node}. Correct it, or leave it out ({REBUILD})."
    if lost and state is NodeState.ANSWERS:
        return (
            f"lost_node is {node}, but that node answers (it is Ready): {name} may run there, and would run twice. "
            f"Leave lost_node out, so that the Pod ends first ({REBUILD})."
        )
    if lost and state is NodeState.UNREAD:
        return (
            f"lost_node is {node}, and whether that node answers is not known: no right to get nodes. Add it to the "
            f"Role ({RIGHTS}), or delete the node (kubectl delete node {node}) and leave lost_node out."
        )
    return ""


def _member_refusal(members: MemberPlan | None, found: Found, ordinal: int, given_up: _GivenUp) -> str:
    """Refuses a command that would have to run in an instance that does not run: in a peer it may say another thing."""
    pod = found.pod(ordinal)
    is_on_lost_node = any(each.lost_node for each, _ in given_up)
    runs = pod is not None and is_running(pod) and not is_terminating(pod) and not is_on_lost_node
    name, command = members.leaving(is_ready=pod is not None and is_of_use(pod)) if members else ("", None)
    if command is None or not command.runs_in_instance or runs:
        return ""
    return (
        f"members.{name} runs in the instance that leaves (run_in), and {found.name(ordinal)} does not run. Set "
        f"members.remove, a command that removes a member from a peer ({REBUILD})."
    )


def _quorum_refusal(plan: RebuildPlan, found: Found, ordinals: Sequence[int]) -> str:
    """Each of them in turn needs enough others, those among them that were rebuilt before it."""
    required = plan.required(len(desired_ordinals(found.live)))
    ready = found.ready_soon()
    for ordinal in rebuild_order(ordinals, found.pods):
        pod = found.name(ordinal)
        others = sorted(ready - {pod})
        if len(others) < required:
            return (
                f"{pod} cannot be rebuilt: of the other instances {', '.join(others) or 'none'} "
                f"{'is' if len(others) < _TWO else 'are'} ready, and {required} must be. It gets its data from them. "
                "Make others ready first, after a crash of all by recover; where too many volumes are lost for that, "
                f"restore the data from a snapshot or a backup ({REBUILD})."
            )
        ready.add(pod)
    return ""
