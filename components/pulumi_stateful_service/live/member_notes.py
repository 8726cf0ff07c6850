"""The notes about members: annotations of the governing Service, which tell where an earlier operation has stopped.

They are not on the StatefulSet, since commands run and instances are added by them: whoever may only patch
StatefulSets must not be able to have Pulumi do that.
"""

import re
from collections.abc import Mapping

from pulumi_stateful_service.documentation import MEMBERS
from pulumi_stateful_service.errors import RefusedError, shown
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import (
    MEMBERS_ANNOTATION,
    REJOINING_ANNOTATION,
    claim_name,
    pod_name,
)
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.object_notes import annotate
from pulumi_stateful_service.live.state.member_changes import MemberNotes, MemberPlan, members_of, replicas_of
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, first_ordinal

_NUMBER = re.compile(r"0|[1-9]\d{0,8}")


async def read_member_notes(
    cluster: Cluster, prefix: str, stateful_set: KubernetesObject, plan: MemberPlan
) -> MemberNotes:
    """What is noted about the members of a StatefulSet.

    Raises RefusedError, which begins with ``prefix``, where the notes cannot be: nothing is done by them then.
    """
    namespace = stateful_set["metadata"]["namespace"]
    service = await cluster.get_service(namespace, plan.service_name)
    annotations: Mapping[str, str] = ((service or {}).get("metadata") or {}).get("annotations") or {}
    notes = _parsed(prefix, stateful_set, plan, annotations)
    known = max(replicas_of(stateful_set), plan.replicas)
    if notes.members > known and (unused := await _unused_claims(cluster, stateful_set, notes.members)):
        last = pod_name(stateful_set["metadata"]["name"], first_ordinal(stateful_set) + notes.members - 1)
        why = f"{last} would be a member, but there is no PersistentVolumeClaim {' or '.join(unused)}"
        raise RefusedError(
            f"{prefix}: {_refusal(stateful_set, plan, plan.annotation(MEMBERS_ANNOTATION), annotations, why)}"
        )
    return notes


async def has_noted_members(cluster: Cluster, namespace: str, plan: MemberPlan) -> bool:
    """Whether members are noted of any group of a service: its cluster exists, ready or not."""
    service = await cluster.get_service(namespace, plan.service_name)
    annotations: Mapping[str, str] = ((service or {}).get("metadata") or {}).get("annotations") or {}
    return any(key.startswith(MEMBERS_ANNOTATION) and value != "0" for key, value in annotations.items())


async def note_none_joined(cluster: Cluster, metadata: KubernetesObject, plan: MemberPlan) -> None:
    """Notes that none is a member of the instances of a StatefulSet that is about to be created."""
    await write_member_notes(cluster, {"metadata": metadata}, plan, {plan.annotation(MEMBERS_ANNOTATION): 0})


async def write_member_notes(
    cluster: Cluster, stateful_set: KubernetesObject, plan: MemberPlan, notes: Mapping[str, int | None]
) -> None:
    """Notes values by their annotations; None removes one."""
    metadata = stateful_set["metadata"]
    annotations = {key: None if value is None else str(value) for key, value in notes.items()}
    namespace, set_name = metadata["namespace"], metadata["name"]
    await annotate(cluster, "Service", namespace, plan.service_name, annotations, set_name, action=Action.NOTE_MEMBERS)


def _parsed(
    prefix: str, stateful_set: KubernetesObject, plan: MemberPlan, annotations: Mapping[str, str]
) -> MemberNotes:
    members_key, rejoining_key = (plan.annotation(key) for key in (MEMBERS_ANNOTATION, REJOINING_ANNOTATION))
    for key in (members_key, rejoining_key):
        if key in annotations and not _NUMBER.fullmatch(annotations[key]):
            refusal = _refusal(stateful_set, plan, key, annotations, "it must be a number")
            raise RefusedError(f"{prefix}: {refusal}")
    notes = MemberNotes(
        int(annotations.get(members_key, 0)),
        int(annotations[rejoining_key]) if rejoining_key in annotations else None,
        none_joined=plan.group is not None and annotations.get(members_key) == "0",
    )
    start = first_ordinal(stateful_set)
    end = start + max(members_of(stateful_set, notes), replicas_of(stateful_set), plan.replicas)
    if notes.rejoining is not None and notes.rejoining not in range(start, end):
        why = f"the instances are {start} to {end - 1}"
        raise RefusedError(f"{prefix}: {_refusal(stateful_set, plan, rejoining_key, annotations, why)}")
    return notes


async def _unused_claims(cluster: Cluster, stateful_set: KubernetesObject, members: int) -> list[str]:
    """The claims of the last member, where none of them exists: there never was such an instance, or its data are gone.

    Empty also where instances have no claims.
    """
    metadata, last = stateful_set["metadata"], first_ordinal(stateful_set) + members - 1
    names = [claim_name(volume, metadata["name"], last) for volume in claim_templates(stateful_set)]
    labels = stateful_set["spec"]["selector"]["matchLabels"]
    return [] if names and await cluster.list_claims(metadata["namespace"], set(names), labels) else names


def _refusal(
    stateful_set: KubernetesObject, plan: MemberPlan, key: str, annotations: Mapping[str, str], why: str
) -> str:
    """Names object, annotation and value, and says how to correct it."""
    namespace = stateful_set["metadata"]["namespace"]
    annotate = f"kubectl --namespace {namespace} annotate service {plan.service_name}"
    correct = {
        plan.annotation(
            MEMBERS_ANNOTATION
        ): "set it to the number of instances that are members of the application's cluster, from the "
        f"first: {annotate} --overwrite {key}={plan.replicas}",
        plan.annotation(REJOINING_ANNOTATION): f"remove it: {annotate} {key}-",
    }[key]
    return (
        f"Service {namespace}/{plan.service_name} has the annotation {key}={shown(annotations[key])}, which this "
        f"component has not written: {why}. No instance is added or removed by it. To correct it, {correct} "
        f"({MEMBERS})."
    )
