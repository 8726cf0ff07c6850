"""Instances that are rebuilt: their volume is lost, or what is on it, and they start again with an empty one.

The program names the PersistentVolume that is given up, so the word is carried out once: the new claim has another one.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import REBUILD_ANNOTATION, claim_name
from pulumi_stateful_service.foundation.quorum import majority, min_available_count
from pulumi_stateful_service.live.state.pod_status import (
    has_restarted,
    is_crash_looping,
    is_ready,
    is_terminating,
    node_of,
    ordinal_of,
    was_ever_ready,
)
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, desired_ordinals


@dataclass(frozen=True)
class GivenUp:
    """A volume that the program gives up."""

    ordinal: int
    volume: str
    """Its name in the arguments."""
    volume_name: str
    """The PersistentVolume."""
    reclaim_policy: str = "Retain"
    lost_node: str = ""
    """The node that is off for good and has the instance's Pod; empty where the program names none."""

    def claim(self, set_name: str) -> str:
        """The name of its claim."""
        return claim_name(self.volume, set_name, self.ordinal)


@dataclass(frozen=True)
class RebuildPlan:
    """Which instances are rebuilt, and what must stay meanwhile."""

    volumes: Sequence[GivenUp] = ()
    quorum: bool = False
    min_available: int | str | None = None
    of_service: int | None = None
    """How many instances of all groups must stay; None in a service without groups."""
    selector: Mapping[str, str] = field(default_factory=dict)
    """The labels of all instances of a service with groups; empty for those of the StatefulSet."""

    def required(self, replicas: int) -> int:
        """How many other instances of the service must be ready: one has the data at least."""
        if self.of_service is not None:
            return self.of_service
        if self.quorum:
            return majority(replicas)
        # With all of them as minimum, one that is broken could never be rebuilt.
        return 1 if self.min_available is None else min(min_available_count(self.min_available, replicas), replicas - 1)


def requested_rebuild(stateful_set: KubernetesObject) -> list[GivenUp]:
    """What the program asks for, from the StatefulSet that it sends. The live one's annotation orders nothing."""
    note = (stateful_set["metadata"].get("annotations") or {}).get(REBUILD_ANNOTATION)
    try:
        return [GivenUp(**each) for each in json.loads(note or "[]")]
    except (ValueError, TypeError):
        return []  # of a live one: somebody has damaged it


def volumes_to_give_up(
    stateful_set: KubernetesObject, claims: Iterable[KubernetesObject], volumes: Iterable[GivenUp]
) -> dict[str, tuple[GivenUp, KubernetesObject]]:
    """Those that a claim of an instance still has, with the claim, by the claim's name."""
    existing = {claim["metadata"]["name"]: claim for claim in claims}
    set_name, ordinals = stateful_set["metadata"]["name"], desired_ordinals(stateful_set)
    return {
        name: (each, found)
        for each in volumes
        if each.ordinal in ordinals
        and (found := existing.get(name := each.claim(set_name)))
        and found["spec"].get("volumeName") == each.volume_name
    }


def rebuild_order(
    ordinals: Collection[int], pods: Iterable[KubernetesObject], rejoining: int | None = None
) -> list[int]:
    """The order in which instances are rebuilt: whoever has left already, then those that are not ready.

    Of these the lowest first, for which a controller with ordered Pod management waits; of those that are ready the
    highest first, as in an update.
    """
    ready = {ordinal_of(pod) for pod in pods if is_of_use(pod)}
    broken = sorted(each for each in ordinals if each not in ready and each != rejoining)
    others = sorted((each for each in ordinals if each in ready and each != rejoining), reverse=True)
    first = [rejoining] if rejoining is not None and rejoining in ordinals else []
    return [*first, *broken, *others]


def is_of_use(pod: KubernetesObject) -> bool:
    """Whether others can rely on the instance."""
    return is_ready(pod) and not is_terminating(pod)


def is_starting(pod: KubernetesObject) -> bool:
    """Whether the Pod has a node, was not ready since its containers have started, and may become so."""
    is_new = bool(node_of(pod)) and (not was_ever_ready(pod) or has_restarted(pod))
    return is_new and not is_terminating(pod) and not is_crash_looping(pod)


def line_for(stateful_set: KubernetesObject, claims: Iterable[KubernetesObject], lost_node: str = "") -> str:
    """What to write in the program so that the volumes of these claims are given up."""
    templates, set_name = claim_templates(stateful_set), stateful_set["metadata"]["name"]
    items = []
    for claim in claims:
        name = claim["metadata"]["name"]
        volume = next((each for each in templates if name.startswith(f"{each}-{set_name}-")), "")
        of = f'"volume": "{volume}", ' if len(templates) > 1 else ""
        node = f', "lost_node": "{lost_node}"' if lost_node else ""
        ordinal = name.rpartition("-")[2]
        items.append(f'{{"ordinal": {ordinal}, {of}"volume_name": "{claim["spec"].get("volumeName", "")}"{node}}}')
    return f"rebuild=[{', '.join(items)}]"
