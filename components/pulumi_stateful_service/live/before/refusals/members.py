"""Refuses changes of the number of instances with which a member would join wrongly."""

from pulumi_stateful_service.documentation import MEMBERS
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import claim_name, pod_name
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.forecast import ClaimOutcome, Forecast, InstanceOutcome
from pulumi_stateful_service.live.state.member_changes import MemberNotes, members_of, replicas_of
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, desired_ordinals, first_ordinal


def member_refusals(
    change: Change, live: KubernetesObject | None, notes: MemberNotes | None, forecast: Forecast
) -> list[str]:
    """Refuses another first ordinal, a stop that deletes claims, and joining with the data of an earlier member."""
    plan, desired = change.members, change.stateful_set
    if plan is None or live is None or notes is None:
        return []
    name, start = live["metadata"]["name"], first_ordinal(live)
    if start != first_ordinal(desired):
        refusal = (
            f"ordinals.start cannot be changed from {start} to {first_ordinal(desired)} with members: an instance is "
            "added after the last one, and the last one is removed. Set replicas."
        )
        return [refusal]
    leaves = plan.group is not None and plan.group.others_stay
    if not leaves and (stopping := _stop_refusals(live, desired, forecast)):
        return stopping
    if plan.reuse_claims or (members_of(live, notes) == 0 and not notes.none_joined):
        return []
    restored = {claim["metadata"]["name"] for claim in change.restored_claims}
    joining = [
        ordinal
        for ordinal in desired_ordinals(desired)
        if ordinal - start >= max(members_of(live, notes), replicas_of(live))
        and forecast.instances.get(pod_name(name, ordinal)) is InstanceOutcome.ADDED
    ]
    claims = [claim_name(volume, name, ordinal) for ordinal in joining for volume in claim_templates(live)]
    left = [
        claim
        for claim in claims
        if claim not in restored and forecast.claims.get(claim, ClaimOutcome.CREATED) is not ClaimOutcome.CREATED
    ]
    if not left:
        return []
    pods = ", ".join(pod_name(name, ordinal) for ordinal in joining)
    refusal = (
        f"{pods} would join with the data of an earlier member: {', '.join(left)} "
        f"{'exists' if len(left) == 1 else 'exist'}. If the data are of no use any more, delete them: kubectl "
        f"--namespace {live['metadata']['namespace']} delete pvc {' '.join(left)}. If the instance is to join with "
        f"them, set members.reuse_claims=True ({MEMBERS})."
    )
    return [refusal]


def _stop_refusals(live: KubernetesObject, desired: KubernetesObject, forecast: Forecast) -> list[str]:
    """Refuses to delete the claims of members that are stopped: they have not left."""
    policy = desired["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    if desired_ordinals(desired) or not replicas_of(live) or policy.get("whenScaled") != "Delete":
        return []
    deleted = forecast.claims_of(ClaimOutcome.DELETED)
    if not deleted:
        return []
    refusal = (
        "replicas 0 stops the members, which start again with their data, but with when_scaled 'Delete' Kubernetes "
        f"would delete {', '.join(deleted)} and the data. Set when_scaled to 'Retain' together with replicas 0, and "
        f"back to 'Delete' when the members have been started again ({MEMBERS})."
    )
    return [refusal]
