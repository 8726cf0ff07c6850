"""Prepares the cluster for what Pulumi's provider then sends: only in the engine's operation on the StatefulSet."""

from collections.abc import Sequence

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import MEMBERS_ANNOTATION, REJOINING_ANNOTATION, field_manager
from pulumi_stateful_service.foundation.outputs import contains_unknown
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.desired_set import DesiredStatefulSet
from pulumi_stateful_service.live.rollout_steps import set_partition
from pulumi_stateful_service.live.stateful_set_fields import desired_ordinals

STATEFUL_SET = "StatefulSet"
_LIMIT, _DEFAULT_LIMIT = "revisionHistoryLimit", 10


async def prepare_cluster(
    cluster: Cluster,
    desired: DesiredStatefulSet,
    live: KubernetesObject | None,
    missing_claims: Sequence[KubernetesObject],
    *,
    recreate: bool,
    is_update: bool,
    hold_back: bool = False,
) -> None:
    """Creates claims that are restored, and recreates the StatefulSet around its Pods where that was judged.

    With ``hold_back`` no instance is updated by what Pulumi's provider then sends: the rollout goes in steps.
    """
    for claim in missing_claims:
        await cluster.create("PersistentVolumeClaim", desired.where(cluster)[0], claim)
    if live is not None and is_update and not recreate:
        await _patch_revision_history_limit(cluster, desired, live)
        if hold_back:
            replicas = max(len(desired_ordinals(live)), len(desired_ordinals({"spec": desired.spec})))
            await set_partition(cluster, live, replicas)
    if live is not None and recreate:
        metadata = live["metadata"]
        await cluster.delete_orphaning(metadata["namespace"], metadata["name"], metadata["uid"])
    if is_update and (live is None or recreate):
        await _keep_notes_of_members(cluster, await _create(cluster, desired), live)


async def _keep_notes_of_members(
    cluster: Cluster, recreated: KubernetesObject, before: KubernetesObject | None
) -> None:
    """Notes on a StatefulSet that was recreated what the one before had noted of its members."""
    annotations = (before or {}).get("metadata", {}).get("annotations") or {}
    noted = {key: annotations[key] for key in (MEMBERS_ANNOTATION, REJOINING_ANNOTATION) if key in annotations}
    if noted:
        await cluster.patch_stateful_set(recreated, annotations=noted)


async def _patch_revision_history_limit(cluster: Cluster, desired: DesiredStatefulSet, live: KubernetesObject) -> None:
    """Changes the one identity field that can be changed in place (from Kubernetes 1.37)."""
    limit = desired.spec.get(_LIMIT, _DEFAULT_LIMIT)
    if live["spec"].get(_LIMIT, _DEFAULT_LIMIT) == limit or contains_unknown(limit):
        return
    namespace, name = desired.where(cluster)
    await cluster.patch(STATEFUL_SET, namespace, name, {"spec": {_LIMIT: limit}}, field_manager=field_manager(name))


async def _create(cluster: Cluster, desired: DesiredStatefulSet) -> KubernetesObject:
    """Creates the StatefulSet that the provider then updates, with the fields that it does not send."""
    namespace, name = desired.where(cluster)
    body = {"apiVersion": "apps/v1", "kind": STATEFUL_SET, "metadata": desired.metadata, "spec": desired.spec}
    return await cluster.patch(
        STATEFUL_SET, namespace, name, body, patch_type="apply", field_manager=field_manager(name), force=True
    )
