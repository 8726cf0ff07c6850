"""Updates of the component's own StatefulSet.

Kubernetes accepts few changes to a StatefulSet in place. For the others, Pulumi's provider replaces the
StatefulSet, which stops all Pods at once and can leave their data behind.
"""

from collections.abc import Mapping
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.rules.identity import identity_refusals, ordinals_refusals
from pulumi_stateful_service.live.rules.managed_fields import changes_outside_pulumi, is_applied_by_component
from pulumi_stateful_service.live.rules.verdict import Verdict
from pulumi_stateful_service.live.rules.volumes import template_changes, volume_refusals

_REPLACING = {
    "podManagementPolicy": "pod_management_policy",
    "revisionHistoryLimit": "revision_history_limit",
}
"""Fields whose change makes Pulumi's provider replace the StatefulSet, and the arguments that set them."""

_API_DEFAULTS: Mapping[str, Any] = {"podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10}

VALIDATED_FIELDS = ("selector", "serviceName", "volumeClaimTemplates", "replicas", "ordinals", *_REPLACING)
"""The fields of the desired spec that the rules read."""

RECREATED = (
    "the StatefulSet object is deleted with --cascade=orphan and created again; its Pods keep running and its "
    "PersistentVolumeClaims are kept"
)
_TO_RECREATE = f"set recreate_keeping_pods=True for one pulumi up: {RECREATED}."


def validate_update(
    live: KubernetesObject, desired: KubernetesObject, *, recreate_keeping_pods: bool, autoscaled: bool = False
) -> Verdict:
    """Whether the live StatefulSet may be updated to the desired one, and whether it must be recreated for that."""
    refusals = [
        *identity_refusals(live, desired),
        *ordinals_refusals(live, desired, autoscaled=autoscaled),
        *volume_refusals(live, desired),
    ]
    warnings = _warnings_about_others(live, autoscaled=autoscaled)
    not_in_place, replacing = template_changes(live, desired), _replacing_changes(live, desired)
    changes = [*not_in_place, *replacing]
    replaced = f"changing {' and '.join(replacing)} replaces the StatefulSet"
    recreate = bool(changes) and recreate_keeping_pods and not refusals
    if recreate:
        warnings.append(f"{' and '.join(changes)}: {RECREATED}. Pods whose template changes are then replaced in turn.")
    elif not_in_place:
        refusals.append(
            f"{' and '.join(not_in_place)}: Kubernetes accepts this only in a new StatefulSet. To make it, {_TO_RECREATE}"
        )
    elif replacing and _deletes_claims(live):
        refusals.append(
            f"{replaced}, and with when_deleted=Delete that would delete its PersistentVolumeClaims and their data. "
            f"To make it without that, {_TO_RECREATE}"
        )
    elif replacing:
        warnings.append(
            f"{replaced}: all Pods are stopped, then started again with the same PersistentVolumeClaims, and the "
            f"service is unavailable until then. To avoid this, {_TO_RECREATE}"
        )
    return Verdict(refusals, warnings, recreate)


def max_unavailable_warning(live: KubernetesObject, max_unavailable: object) -> str | None:
    """Warns where the API server has dropped ``maxUnavailable``, because it does not know the field."""
    rolling_update = live["spec"].get("updateStrategy", {}).get("rollingUpdate", {})
    if max_unavailable is None or "maxUnavailable" in rolling_update:
        return None
    return (
        f"max_unavailable={max_unavailable!r} has no effect: this cluster does not support maxUnavailable for "
        "StatefulSets, so Pods are updated one at a time. It requires the feature gate MaxUnavailableStatefulSet, "
        "enabled by default from Kubernetes 1.37."
    )


def _replacing_changes(live: KubernetesObject, desired: KubernetesObject) -> list[str]:
    changes = []
    for field, argument in _REPLACING.items():
        before, after = _value_set_by_component(live, field, desired), desired["spec"].get(field)
        if before != after:
            changes.append(f"{argument} ({_shown(before)} → {_shown(after)})")
    return changes


def _value_set_by_component(live: KubernetesObject, field: str, desired: KubernetesObject) -> object:
    """The value that Pulumi's provider compares with; None where the program had not set the field.

    The provider compares what programs set: to set a field to its default is a change for it.
    """
    value, is_applied = live["spec"].get(field), is_applied_by_component(live, field)
    if is_applied is None:
        # Nothing tells whether the program or the API server has set a default value.
        return None if value == _API_DEFAULTS[field] and field not in desired["spec"] else value
    return value if is_applied else None


def _warnings_about_others(live: KubernetesObject, *, autoscaled: bool) -> list[str]:
    changes = changes_outside_pulumi(live, autoscaled=autoscaled)
    if not changes:
        return []
    autoscaler = " If an autoscaler manages replicas, set autoscaled=True."
    return [
        f"StatefulSet {live['metadata']['name']} was modified outside Pulumi: {', '.join(map(str, changes))}. The next "
        "update restores the program's value; if pulumi up shows no changes, run pulumi refresh first."
        + (autoscaler if any(change.path == "spec.replicas" for change in changes) else "")
    ]


def _deletes_claims(live: KubernetesObject) -> bool:
    return bool(live["spec"].get("persistentVolumeClaimRetentionPolicy", {}).get("whenDeleted") == "Delete")


def _shown(value: object) -> str:
    return "unset" if value is None else str(value)
