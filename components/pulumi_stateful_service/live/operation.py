"""What the engine does to the StatefulSet in this run, as the guard tells it to what comes after.

A program is told nothing of it. The guard learns it bit by bit: when the StatefulSet is registered, and when a hook
runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.before.desired_set import DesiredStatefulSet
from pulumi_stateful_service.live.before.forecast import Forecast
from pulumi_stateful_service.live.state.field_managers import FieldChange


class OperationKind(StrEnum):
    """What the engine does to a resource that it does not leave as it is."""

    CREATE = "create"
    UPDATE = "update"


@dataclass(frozen=True)
class Operation:
    """The engine's operation on the StatefulSet of one component; in a preview, the one that ``up`` would have."""

    kind: OperationKind | None = None
    """None where the engine does not operate on it: nothing is changed, waited for or deleted then."""
    registered: DesiredStatefulSet | None = None
    """The StatefulSet as the component registers it; None before that."""
    sent: DesiredStatefulSet | None = None
    """The same as the engine sends it, after all transforms; None where it sends none."""
    live_uid: str | None = None
    """Uid of the live StatefulSet before the operation: empty where there is none, None where it was not read."""
    live_pods: Sequence[str] | None = None
    """The Pods that the live StatefulSet is to have before the operation; None where it was not read."""
    live: KubernetesObject | None = None
    """The component's StatefulSet as it is before the operation; None where there is none, or it was not read."""
    forecast: Forecast | None = None
    """What it does to each instance and claim; None where that is not known."""
    joins: bool = False
    """Whether it is created for a group whose instances join others, one after another (``members``)."""
    changed_by_others: Sequence[tuple[FieldChange, bool]] | None = None
    """The fields that others have changed, each with whether it stays; None where the StatefulSet was not read."""

    def has_created(self, uid: str) -> bool:
        """Whether the StatefulSet with this uid has come with the operation: no object has it as its owner yet."""
        return self.live_uid is not None and self.live_uid != uid

    @property
    def desired(self) -> DesiredStatefulSet | None:
        """The StatefulSet as it is to be, as far as that is known."""
        return self.sent or self.registered
