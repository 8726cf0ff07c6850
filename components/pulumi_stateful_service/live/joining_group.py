"""Whether the instances of a group that does not exist yet join those of others, which have formed the cluster."""

from collections.abc import Collection

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL
from pulumi_stateful_service.live.before.desired_set import DesiredStatefulSet
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.member_notes import has_noted_members, read_member_notes
from pulumi_stateful_service.live.state.member_changes import replicas_of


async def joins_others(
    cluster: Cluster, prefix: str, desired: DesiredStatefulSet, created_together: Collection[str]
) -> bool:
    """Whether they join, one after another (``members``).

    ``created_together`` are the StatefulSets that this operation has created: they form the cluster together, since
    none of them is ready before the others.
    """
    change = desired.change
    if change.group is None or change.members is None:
        return False
    namespace, name = desired.where(cluster)
    labels = {COMPONENT_LABEL: [label for label in change.component_labels if label]}
    found = await cluster.find_stateful_sets(namespace, labels)
    others = [each for each in found if each["metadata"]["name"] not in {name, *created_together} and replicas_of(each)]
    if not others:
        return False
    is_ready = any(each.get("status", {}).get("readyReplicas") for each in others)
    if not is_ready and not await has_noted_members(cluster, namespace, change.members):
        return False
    # Members that are noted lost their StatefulSet: they come back as what they are.
    notes = await read_member_notes(cluster, prefix, without_instances(desired, namespace), change.members)
    return notes.none_joined or not notes.members


def without_instances(desired: DesiredStatefulSet, namespace: str) -> KubernetesObject:
    """The StatefulSet as it is created where its instances join."""
    return {"metadata": {**desired.metadata, "namespace": namespace}, "spec": {**desired.spec, "replicas": 0}}
