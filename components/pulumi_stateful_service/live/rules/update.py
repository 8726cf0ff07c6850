"""Updates of the component's own StatefulSet.

Kubernetes accepts few changes to a StatefulSet in place. The others need a new StatefulSet, and its Pods and
PersistentVolumeClaims must fit it.
"""

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.rules.identity import identity_refusals, ordinals_refusals
from pulumi_stateful_service.live.rules.managed_fields import changes_outside_pulumi
from pulumi_stateful_service.live.rules.verdict import Verdict
from pulumi_stateful_service.live.rules.volumes import (
    claim_field_changes,
    smaller_templates,
    template_changes,
    volume_refusals,
)

_DEFAULT_POLICY = "OrderedReady"

RECREATED = (
    "the StatefulSet object is deleted with --cascade=orphan and created again; its Pods keep running and its "
    "PersistentVolumeClaims are kept"
)
_TO_RECREATE = f"set recreate_keeping_pods=True for one pulumi up: {RECREATED}."


def validate_update(
    live: KubernetesObject, desired: KubernetesObject, *, recreate_keeping_pods: bool, autoscaled: bool = False
) -> Verdict:
    """Whether the live StatefulSet may be updated to the desired one, and whether it must be recreated for that."""
    refusals = [*identity_refusals(live, desired), *ordinals_refusals(live, desired, autoscaled=autoscaled)]
    lasting = claim_field_changes(live, desired)
    if recreate_keeping_pods:
        lasting += smaller_templates(live, desired)
    else:
        refusals += volume_refusals(lasting)
    warnings = [*warnings_about_others(live, autoscaled=autoscaled)]
    changes = [*template_changes(live, desired), *_policy_changes(live, desired)]
    recreate = bool(changes or lasting) and recreate_keeping_pods and not refusals
    if recreate:
        what = " and ".join([*changes, *map(str, lasting)])
        warnings.append(f"{what}: {RECREATED}. Pods whose template changes are then replaced in turn.")
    elif changes:
        refusals.append(
            f"{' and '.join(changes)}: Kubernetes accepts this only in a new StatefulSet. To make it, {_TO_RECREATE}"
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


def _policy_changes(live: KubernetesObject, desired: KubernetesObject) -> list[str]:
    before, after = (each["spec"].get("podManagementPolicy") or _DEFAULT_POLICY for each in (live, desired))
    return [] if before == after else [f"pod_management_policy ({before} → {after})"]


def warnings_about_others(live: KubernetesObject, *, autoscaled: bool) -> list[str]:
    """Warns of what other field managers have changed."""
    changes = changes_outside_pulumi(live, autoscaled=autoscaled)
    if not changes:
        return []
    autoscaler = " If an autoscaler manages replicas, set autoscaled=True."
    return [
        f"StatefulSet {live['metadata']['name']} was modified outside Pulumi: {', '.join(map(str, changes))}. The next "
        "update restores the program's value; if pulumi up shows no changes, run pulumi refresh first."
        + (autoscaler if any(change.path == "spec.replicas" for change in changes) else "")
    ]
