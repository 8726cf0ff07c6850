"""What a change does to every instance and every PersistentVolumeClaim of a StatefulSet.

Told from what is on the cluster, and from the StatefulSet as the API server would store it. The rules are those of
Kubernetes' StatefulSet controller: a Pod is replaced when its revision is not the one that the change makes, from the
partition on, from the highest ordinal to the lowest.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypedDict

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import pod_name
from pulumi_stateful_service.foundation.quantities import size_in_bytes
from pulumi_stateful_service.live.state.claim_changes import (
    DesiredClaim,
    by_claim,
    claim_patch,
    is_being_deleted,
    requested_size,
)
from pulumi_stateful_service.live.state.outdated_claims import ClaimRecreation, claims_to_recreate
from pulumi_stateful_service.live.state.pod_status import (
    claim_volumes,
    is_terminating,
    node_of,
    ready_pods,
    revision,
)
from pulumi_stateful_service.live.state.pod_template_changes import pod_template_changes
from pulumi_stateful_service.live.state.rebuild import GivenUp, rebuild_order, volumes_to_give_up
from pulumi_stateful_service.live.state.resize import PodResize
from pulumi_stateful_service.live.state.stateful_set_fields import (
    claim_templates,
    desired_ordinals,
    first_ordinal,
    first_updated_ordinal,
    is_updated_on_delete,
    updated_at_a_time,
)


class InstanceOutcome(StrEnum):
    """What a change does to an instance."""

    KEPT = "Kept"
    """Its Pod keeps running."""
    RESIZED = "Resized"
    """CPU or memory of its Pod change in place; the Pod keeps running."""
    REPLACED = "Replaced"
    """Its Pod is deleted and created again, with the same name and the same claims."""
    ADDED = "Added"
    """It has no Pod, and gets one."""
    REMOVED = "Removed"
    """Its Pod is deleted (scaled down)."""


class ClaimOutcome(StrEnum):
    """What a change does to a PersistentVolumeClaim."""

    KEPT = "Kept"
    """It stays as it is."""
    EXPANDED = "Expanded"
    """Its volume grows; no Pod restarts for it."""
    REDUCED = "Reduced"
    """Its request is lowered: an expansion that was not carried out is cancelled."""
    MODIFIED = "Modified"
    """Its VolumeAttributesClass, labels or annotations change; no Pod restarts for it."""
    CREATED = "Created"
    """It does not exist, and is created."""
    RECREATED = "Recreated"
    """It is deleted and created again, without its data (``recreate_claims``, ``rebuild``)."""
    RESTORED = "Restored"
    """It is deleted and created again with the data of a VolumeSnapshot; its volume is kept (``restore``)."""
    LEFT_BEHIND = "LeftBehind"
    """It stays with its data, and no instance uses it."""
    TERMINATING = "Terminating"
    """Somebody has deleted it: it stays until its Pod is gone, and this change does not end it."""
    DELETED = "Deleted"
    """It is deleted with its data (``when_scaled: Delete``)."""


class StatefulSetOutcome(StrEnum):
    """What a change does to the StatefulSet object."""

    UNCHANGED = "Unchanged"
    NOT_CHECKED = "NotChecked"
    """The cluster was not read."""
    CREATED = "Created"
    UPDATED = "Updated"
    RECREATED = "Recreated"
    """Deleted without its Pods, and created again around them."""


class ForecastOutput(TypedDict):
    """What a change does to every instance and every PersistentVolumeClaim."""

    # Single words, since Pulumi passes the keys of objects in outputs on to other languages as they are.

    set: str
    """To the StatefulSet object: ``Unchanged``, ``Created``, ``Updated``, ``Recreated`` (deleted without its Pods, and
    created again around them), or ``NotChecked`` (the cluster was not read; in a preview the output is then
    unknown)."""
    instances: Mapping[str, str]
    """To each instance, by its Pod's name: ``Kept``, ``Resized`` (CPU or memory change in place), ``Replaced``,
    ``Added`` or ``Removed``."""
    order: Sequence[str]
    """The Pods that are replaced, in the order of their replacement."""
    claims: Mapping[str, str]
    """To each claim, by its name: ``Kept``, ``Expanded``, ``Reduced`` (an expansion that was not carried out is
    cancelled), ``Modified`` (VolumeAttributesClass, labels or annotations), ``Created``, ``Recreated`` (deleted and
    created again, without its data: ``recreate_claims``, ``rebuild``), ``Restored`` (deleted and created again with
    the data of a VolumeSnapshot, its volume kept: ``restore``), ``LeftBehind`` (kept with the data, and used by no
    instance), ``Terminating`` (deleted by somebody, and kept as long as its Pod runs, which this change does not end)
    or ``Deleted`` (``when_scaled: Delete``, or deleted by somebody and ended by this change)."""
    reasons: Sequence[str]
    """What in the Pod template changes: ``image``, ``env`` and so on."""


@dataclass(frozen=True)
class Resizes:
    """What is changed in place (``resize``)."""

    pods: Mapping[str, PodResize] = field(default_factory=dict)
    """By the Pod's name: what is left to do for it."""
    why_not: str = ""
    """Why a change of CPU or memory is not made in place, or not for all Pods; empty where it is, or there is none."""
    missing_rights: Sequence[str] = ()
    """The rights without which it cannot be."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why the API server does not resize a Pod that is not to be replaced for it, by its name."""


NO_RESIZES = Resizes()


@dataclass(frozen=True)
class Forecast:
    """What a change does."""

    stateful_set: StatefulSetOutcome
    instances: Mapping[str, InstanceOutcome]
    """By the Pod's name."""
    claims: Mapping[str, ClaimOutcome]
    """By the claim's name."""
    order: Sequence[str] = ()
    """The Pods that are replaced, in the order of their replacement."""
    at_a_time: int = 1
    """How many of them are replaced at a time."""
    on_delete: Sequence[str] = ()
    """Pods that get the new revision when the user deletes them."""
    held_back: Sequence[str] = ()
    """Pods that the partition keeps on another revision."""
    losing_revision: Sequence[str] = ()
    """Pods that are removed with all others while the partition holds them back: without Pods, Kubernetes keeps no
    earlier revision for them."""
    replaced_though_held_back: Sequence[str] = ()
    """Pods that get a volume added, although the partition or OnDelete would keep them."""
    reasons: Sequence[str] = ()
    """What in the Pod template changes."""
    changes_template: bool = False
    """Whether the Pod template changes."""
    leader_last: bool = False
    """Whether the leader comes last, wherever it stands in the order."""
    in_turn: bool = False
    """Whether instances are added and removed one after another, each when the application has been told."""
    ending: Mapping[str, str] = field(default_factory=dict)
    """The Pod of each claim that somebody has deleted and that ends with this change, by the claim's name."""
    sizes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The size that each claim requests before and after, where that changes."""
    ready: Sequence[str] = ()
    """The Pods that are ready now."""
    resizes: Resizes = NO_RESIZES
    """What is changed in place, and why something is not."""
    given_up: Mapping[str, GivenUp] = field(default_factory=dict)
    """The volume that each claim loses (``rebuild``), by the claim's name."""
    rebuilt_pods: Sequence[str] = ()
    """The Pods of their instances, in the order in which these are rebuilt."""
    forced: Mapping[str, str] = field(default_factory=dict)
    """The node of each Pod that is deleted without waiting for that node, by the Pod's name."""

    def of(self, outcome: InstanceOutcome) -> list[str]:
        """The names of the instances with this outcome."""
        return [name for name, each in self.instances.items() if each is outcome]

    def claims_of(self, outcome: ClaimOutcome) -> list[str]:
        """The names of the claims with this outcome."""
        return [name for name, each in self.claims.items() if each is outcome]

    def with_restored(self, claims: Collection[str]) -> "Forecast":
        """The same where the instances of these claims are stopped, and the claims replaced, before anything else."""
        stopped = [
            name
            for name, outcome in self.instances.items()
            if outcome in (InstanceOutcome.KEPT, InstanceOutcome.REPLACED)
            and any(claim.endswith(f"-{name}") for claim in claims)
        ]
        return replace(
            self,
            instances={**self.instances, **dict.fromkeys(stopped, InstanceOutcome.REPLACED)},
            claims={**self.claims, **dict.fromkeys(claims, ClaimOutcome.RESTORED)},
            order=[*stopped, *(name for name in self.order if name not in stopped)],
            at_a_time=max(self.at_a_time, len(stopped)),
            held_back=[name for name in self.held_back if name not in stopped],
            on_delete=[name for name in self.on_delete if name not in stopped],
        )

    def as_output(self) -> ForecastOutput:
        """As the component's output has it."""
        return {
            "set": self.stateful_set.value,
            "instances": {name: each.value for name, each in self.instances.items()},
            "order": list(self.order),
            "claims": {name: each.value for name, each in self.claims.items()},
            "reasons": list(self.reasons),
        }


_NO_POD: KubernetesObject = {"spec": {}}
NO_CHANGE = Forecast(StatefulSetOutcome.UNCHANGED, {}, {})
NOT_CHECKED = Forecast(StatefulSetOutcome.NOT_CHECKED, {}, {})


def forecast(
    live: KubernetesObject | None,
    after: KubernetesObject,
    pods: Sequence[KubernetesObject],
    claims: Sequence[KubernetesObject],
    new_revision: str | None,
    wanted: Mapping[str, DesiredClaim],
    *,
    recreated: bool = False,
    recreation: ClaimRecreation | None = None,
    leader_last: bool = False,
    in_turn: bool = False,
    resizes: Resizes = NO_RESIZES,
    given_up: Sequence[GivenUp] = (),
) -> Forecast:
    """What the change from ``live`` to ``after``, both with the API's defaults, does.

    ``new_revision`` is the name of the revision that the change makes; None where no Pod runs it yet. ``wanted`` is
    what the program asks of the claims of each volume.
    """
    set_name = after["metadata"]["name"]
    pods_by_name = {pod["metadata"]["name"]: pod for pod in pods}
    ordinals = {pod_name(set_name, ordinal): ordinal for ordinal in desired_ordinals(after)}
    first_updated = first_updated_ordinal(after)
    on_delete = is_updated_on_delete(after) and not leader_last
    instances: dict[str, InstanceOutcome] = {}
    outdated: list[str] = []
    held_back: list[str] = []
    without_volume: list[str] = []
    replaced_though_held_back: list[str] = []
    for name, ordinal in ordinals.items():
        pod = pods_by_name.get(name)
        instances[name] = InstanceOutcome.ADDED if pod is None else InstanceOutcome.KEPT
        if pod is None:
            continue
        is_outdated = revision(pod) != new_revision and name not in resizes.pods
        if not claim_templates(after).keys() <= claim_volumes(pod):
            without_volume.append(name)
            if on_delete or ordinal < first_updated:
                replaced_though_held_back.append(name)
        elif is_terminating(pod) or (is_outdated and not on_delete and ordinal >= first_updated):
            outdated.append(name)
        elif is_outdated:
            held_back.append(name)
    # The controller cannot add a volume to a running Pod, and starts at the lowest ordinal that lacks one.
    recreated_claims = claims_to_recreate(after, claims, wanted, recreation or ClaimRecreation())
    lost = volumes_to_give_up(live, claims, given_up) if live is not None else {}
    rebuilt = [pod_name(set_name, each) for each in rebuild_order({each.ordinal for each, _ in lost.values()}, pods)]
    order = [name for name in rebuilt if name in pods_by_name]
    order += [name for name in [*without_volume, *reversed(outdated)] if name not in order]
    with_new_claims = [pod_name(set_name, ordinal) for ordinal in recreated_claims]
    order += [name for name in with_new_claims if instances.get(name) is InstanceOutcome.KEPT and name not in order]
    instances |= dict.fromkeys(resizes.pods, InstanceOutcome.RESIZED)
    instances |= dict.fromkeys(order, InstanceOutcome.REPLACED)
    removed = [name for name in pods_by_name if name not in ordinals]
    instances |= dict.fromkeys(removed, InstanceOutcome.REMOVED)
    outcomes, sizes = _claim_outcomes(live, after, claims, wanted, [pods_by_name[name] for name in removed])
    recreated_names = {claim["metadata"]["name"] for each in recreated_claims.values() for claim in each} | lost.keys()
    outcomes |= dict.fromkeys(recreated_names, ClaimOutcome.RECREATED)
    terminating = [name for name in _terminating(claims) if name in outcomes and name not in recreated_names]
    outcomes |= dict.fromkeys(terminating, ClaimOutcome.TERMINATING)
    ending = {
        name: pod
        for name in terminating
        for pod, outcome in instances.items()
        if name.endswith(f"-{pod}") and outcome in (InstanceOutcome.REPLACED, InstanceOutcome.REMOVED)
    }
    outcomes |= dict.fromkeys(ending, ClaimOutcome.DELETED)
    return Forecast(
        stateful_set=_outcome(live, recreated=recreated),
        instances=instances,
        claims=outcomes,
        order=order,
        at_a_time=1 if without_volume else updated_at_a_time(after),
        on_delete=held_back if on_delete else [],
        held_back=[] if on_delete else held_back,
        losing_revision=[
            name
            for name in removed
            if not ordinals and first_updated > first_ordinal(after) and revision(pods_by_name[name]) != new_revision
        ],
        replaced_though_held_back=replaced_though_held_back,
        reasons=pod_template_changes(live, after) if live is not None else [],
        leader_last=leader_last and bool(outdated),
        in_turn=in_turn,
        changes_template=live is not None and live["spec"]["template"] != after["spec"]["template"],
        ending=ending,
        sizes=sizes,
        ready=list(ready_pods(pods)),
        resizes=resizes,
        given_up={name: each for name, (each, _) in lost.items()},
        rebuilt_pods=rebuilt,
        forced={
            name: each.lost_node
            for each, _ in lost.values()
            if each.lost_node and node_of(pods_by_name.get(name := pod_name(set_name, each.ordinal), _NO_POD))
        },
    )


def _terminating(claims: Sequence[KubernetesObject]) -> list[str]:
    return [claim["metadata"]["name"] for claim in claims if is_being_deleted(claim)]


def _outcome(live: KubernetesObject | None, *, recreated: bool) -> StatefulSetOutcome:
    if live is None:
        return StatefulSetOutcome.CREATED
    return StatefulSetOutcome.RECREATED if recreated else StatefulSetOutcome.UPDATED


def _claim_outcomes(
    live: KubernetesObject | None,
    after: KubernetesObject,
    claims: Sequence[KubernetesObject],
    wanted: Mapping[str, DesiredClaim],
    removed: Sequence[KubernetesObject],
) -> tuple[dict[str, ClaimOutcome], dict[str, tuple[str, str]]]:
    existing = {claim["metadata"]["name"]: claim for claim in claims}
    set_name = after["metadata"]["name"]
    templates = claim_templates(live or after)
    outcomes: dict[str, ClaimOutcome] = {}
    sizes: dict[str, tuple[str, str]] = {}
    for name, (volume, desired) in by_claim(set_name, wanted, desired_ordinals(after)).items():
        if name not in existing:
            outcomes[name] = ClaimOutcome.CREATED
            continue
        patch = claim_patch(existing[name], desired, templates.get(volume), set_name)
        outcomes[name] = ClaimOutcome.MODIFIED if patch else ClaimOutcome.KEPT
        if size := patch.get("spec", {}).get("resources", {}).get("requests", {}).get("storage"):
            requested = requested_size(existing[name])
            is_larger = size_in_bytes(requested) < size_in_bytes(size)
            outcomes[name] = ClaimOutcome.EXPANDED if is_larger else ClaimOutcome.REDUCED
            sizes[name] = (requested, size)
    if live is None:
        return outcomes, sizes
    policy = after["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    is_deleted = policy.get("whenScaled") == "Delete"
    removed_pods = {pod["metadata"]["name"]: pod for pod in removed}
    for volume in claim_templates(live):
        for pod in (pod_name(set_name, ordinal) for ordinal in desired_ordinals(live)):
            name = f"{volume}-{pod}"
            if name in existing and name not in outcomes:
                goes = pod in removed_pods and (is_deleted or _goes_with(existing[name], removed_pods[pod]))
                outcomes[name] = ClaimOutcome.DELETED if goes else ClaimOutcome.LEFT_BEHIND
    return outcomes, sizes


def _goes_with(claim: KubernetesObject, pod: KubernetesObject) -> bool:
    """Whether a claim is deleted with a Pod that is going already, under the policy that was in force then."""
    owners = claim["metadata"].get("ownerReferences") or []
    return is_terminating(pod) and any(owner["uid"] == pod["metadata"]["uid"] for owner in owners)
