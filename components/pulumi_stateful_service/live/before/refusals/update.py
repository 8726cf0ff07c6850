"""Updates of the component's own StatefulSet.

Kubernetes accepts few changes to a StatefulSet in place. The others need a new StatefulSet, and its Pods and
PersistentVolumeClaims must fit it.
"""

from collections.abc import Sequence

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.before.refusals.identity import identity_refusals, ordinals_refusals
from pulumi_stateful_service.live.before.refusals.terms import Terms
from pulumi_stateful_service.live.before.refusals.volumes import (
    claim_field_changes,
    smaller_templates,
    template_changes,
    volume_refusals,
)
from pulumi_stateful_service.live.state.field_managers import (
    REPLICAS,
    FieldChange,
    changes_outside_pulumi,
    restart_outside_pulumi,
)
from pulumi_stateful_service.live.state.field_paths import shown_path, value_at

_DEFAULT_POLICY = "OrderedReady"

RECREATED = (
    "the StatefulSet object is deleted with --cascade=orphan and created again; its Pods keep running and its "
    "PersistentVolumeClaims are kept"
)
_TO_RECREATE = f"set recreate_keeping_pods=True for one pulumi up: {RECREATED}."


def update_terms(
    live: KubernetesObject, desired: KubernetesObject, *, recreate_keeping_pods: bool, autoscaled: bool = False
) -> Terms:
    """Whether the live StatefulSet may be updated to the desired one, and whether it must be recreated for that."""
    refusals = [*identity_refusals(live, desired), *ordinals_refusals(live, desired, autoscaled=autoscaled)]
    lasting = claim_field_changes(live, desired)
    if recreate_keeping_pods:
        lasting += smaller_templates(live, desired)
    else:
        refusals += volume_refusals(lasting)
    warnings = [*warnings_about_others(live, desired, autoscaled=autoscaled)]
    changes = [*template_changes(live, desired), *_policy_changes(live, desired)]
    recreate = bool(changes or lasting) and recreate_keeping_pods and not refusals
    if recreate:
        what = " and ".join([*changes, *map(str, lasting)])
        warnings.append(f"{what}: {RECREATED}. Pods whose template changes are then replaced in turn.")
    elif changes:
        refusals.append(
            f"{' and '.join(changes)}: Kubernetes accepts this only in a new StatefulSet. To make it, {_TO_RECREATE}"
        )
    return Terms(refusals, warnings, recreate)


def _policy_changes(live: KubernetesObject, desired: KubernetesObject) -> list[str]:
    before, after = (each["spec"].get("podManagementPolicy") or _DEFAULT_POLICY for each in (live, desired))
    return [] if before == after else [f"pod_management_policy ({before} → {after})"]


def changes_by_others(
    live: KubernetesObject, desired: KubernetesObject, *, autoscaled: bool
) -> list[tuple[FieldChange, bool]]:
    """The fields that others have changed, each with whether it stays with the next update."""
    return [
        (each, not each.is_taken_over and value_at(desired, each.path) is None)
        for each in changes_outside_pulumi(live, autoscaled=autoscaled)
    ]


def removal_warning(live: KubernetesObject, removed: Sequence[FieldChange]) -> str:
    """Says what others have removed from the Pod template."""
    paths = ", ".join(shown_path(each.path) for each in removed)
    return (
        f"StatefulSet {live['metadata']['name']} was modified outside Pulumi: {paths} was removed. The next update "
        "restores the program's value; if pulumi up shows no changes, run pulumi refresh first."
    )


def warnings_about_others(live: KubernetesObject, desired: KubernetesObject, *, autoscaled: bool) -> list[str]:
    """Warns of what other field managers have changed, and of a restart that somebody has started."""
    warnings = []
    name = f"StatefulSet {live['metadata']['name']}"
    changes = changes_by_others(live, desired, autoscaled=autoscaled)
    staying = [each for each, stays in changes if stays]
    restored = [each for each, stays in changes if not stays]
    if restored:
        autoscaler = " If an autoscaler manages replicas, set autoscaled=True."
        warnings.append(
            f"{name} was modified outside Pulumi: {_listed(restored)}. The next update restores the program's value; "
            "if pulumi up shows no changes, run pulumi refresh first."
            + (autoscaler if any(change.path == REPLICAS for change in restored) else "")
        )
    if staying:
        warnings.append(
            f"{name} has fields that the program does not set: {_listed(staying)}. They stay as long as their field "
            "manager owns them."
        )
    return warnings


def restart_warning(live: KubernetesObject) -> str | None:
    """Says that a restart is under way which somebody else has started, and what ``pulumi up`` makes of it."""
    restart = restart_outside_pulumi(live)
    status = live.get("status", {})
    if restart is None or status.get("currentRevision") == status.get("updateRevision"):
        return None
    return (
        f"StatefulSet {live['metadata']['name']} is being restarted outside Pulumi: {restart}. The restart goes on; "
        "pulumi up keeps it and waits for it."
    )


def _listed(changes: Sequence[FieldChange]) -> str:
    return ", ".join(map(str, changes))
