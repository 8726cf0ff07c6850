"""The change that is examined: what the program asks for, beside the live object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pulumi.output import Unknown

from pulumi_stateful_service.arguments.types import WaitFor
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL
from pulumi_stateful_service.live.rollout_plan import ResizePlan, RolloutPlan
from pulumi_stateful_service.live.state.application_versions import VersionPlan
from pulumi_stateful_service.live.state.cluster_forming import FormPlan
from pulumi_stateful_service.live.state.member_changes import MemberPlan
from pulumi_stateful_service.live.state.recovery import RecoveryPlan
from pulumi_stateful_service.live.state.volume_snapshots import SnapshotPlan


@dataclass(frozen=True)
class GroupOfService:
    """What the StatefulSet of one group has to do with the others of its service."""

    name: str
    set_names: Sequence[str]
    """The names of all StatefulSets of the service."""
    service: str
    """The name of the service, under which the objects are made that all groups have together."""
    selector: Mapping[str, str]
    """The labels of the instances of all groups."""
    required: int | None
    """How many instances must stay available; None where the program does not say."""


@dataclass(frozen=True)
class Change:
    """The desired objects, as far as the refusals read them, and what the program allows."""

    prefix: str
    """Begins every message."""
    component_labels: Sequence[str]
    """The values of the label that marks the component's StatefulSet; several where the component was renamed."""
    namespace: str | None
    """None for the provider's default."""
    stateful_set: KubernetesObject
    governing_service: KubernetesObject
    """Name, selector and ports."""
    disruption_budget: str | None
    """Name of the PodDisruptionBudget; None where the program has none."""
    recreate_keeping_pods: bool
    adopt: bool
    autoscaled: bool
    takes_over: bool = True
    """Whether Pulumi's provider owns before an update what kubectl has set (server-side apply)."""
    wait_for: str = WaitFor.READY.value
    """What a rollout is complete with, one of ``WaitFor``."""
    rollout: RolloutPlan | None = None
    """The steps in which instances are updated; None for one after another."""
    resize: ResizePlan | None = None
    """How CPU and memory are changed in place; None where instances are replaced for that as for other changes."""
    leader_last: bool = False
    """Whether the component itself replaces the instances, the leader last."""
    members: MemberPlan | None = None
    """How instances join and leave; None where Kubernetes adds and removes them without asking."""
    snapshots: SnapshotPlan | None = None
    """What is snapshotted before a change; None for nothing."""
    forming: FormPlan | None = None
    """How the application's cluster is formed; None where it does that by itself."""
    recovery: RecoveryPlan | None = None
    """How the application is recovered after a crash of all instances; None where it is not to be."""
    version: VersionPlan | None = None
    """Which versions of the application the program allows; None for all."""
    restored_claims: Sequence[KubernetesObject] = ()
    """Claims that are created with data before the StatefulSet."""
    min_available: int | str | None = None
    """How many instances must stay available; None where the program does not say."""
    quorum: bool = False
    """Whether a majority must."""
    group: GroupOfService | None = None
    """None in a service without groups."""
    uid: str | None = None
    """Of the StatefulSet that Pulumi's state has; None where it has none."""

    @property
    def set_name(self) -> str:
        """Name of the StatefulSet."""
        return str(self.stateful_set["metadata"]["name"])

    @property
    def service(self) -> str:
        """The name under which the objects are made that are not the StatefulSet's own."""
        return self.group.service if self.group else self.set_name

    def known_with(self, live: KubernetesObject) -> "Change":
        """The same with the live value where the desired one is not known yet, so that nothing is refused there."""
        return replace(self, stateful_set=known_part(self.stateful_set, live))

    def owns(self, live: KubernetesObject) -> bool:
        """Whether a live object has the component's label, or Pulumi's state has it: a stack can be renamed."""
        metadata = live["metadata"]
        labelled = (metadata.get("labels") or {}).get(COMPONENT_LABEL) in self.component_labels
        return labelled or (self.uid is not None and metadata.get("uid") == self.uid)


def known_part(desired: Any, live: Any) -> Any:
    """What is desired, with the live value where it is not known yet, so that nothing is refused there."""
    if isinstance(desired, Unknown):
        return live
    if isinstance(desired, Mapping):
        beside = live if isinstance(live, Mapping) else {}
        return {key: known_part(value, beside.get(key)) for key, value in desired.items()}
    if isinstance(desired, list):
        beside_items = [*live, *[None] * len(desired)] if isinstance(live, list) else [None] * len(desired)
        return [known_part(value, beside_items[place]) for place, value in enumerate(desired)]
    return desired
