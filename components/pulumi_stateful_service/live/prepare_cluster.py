"""Prepares the cluster for what Pulumi's provider then sends: only in the engine's operation on the StatefulSet."""

from collections.abc import Callable, Sequence
from http import HTTPStatus

import pulumi

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.foundation.outputs import contains_unknown
from pulumi_stateful_service.live.after.claim_removal import remove_claims
from pulumi_stateful_service.live.after.steps import hold_back
from pulumi_stateful_service.live.after.target import patch_partition
from pulumi_stateful_service.live.before.desired_set import DesiredStatefulSet
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.provider import setting_to_update_existing
from pulumi_stateful_service.live.state.field_managers import entries_that_keep_restart, owned_after_creation
from pulumi_stateful_service.live.state.stateful_set_fields import (
    desired_ordinals,
    is_being_deleted,
    is_updated_on_delete,
)

STATEFUL_SET = "StatefulSet"
_ATTEMPTS = 5
"""The status of a StatefulSet changes while its instances are restarted."""
_LIMIT, _DEFAULT_LIMIT = "revisionHistoryLimit", 10


async def after_deletion(
    cluster: Cluster, live: KubernetesObject | None, say: Callable[[str], None]
) -> KubernetesObject | None:
    """The live StatefulSet. If it is being deleted, waits until it does not exist; in a preview returns None.

    Raises ClusterError if it still exists a minute after its Pods' termination grace period.
    """
    if live is None or not is_being_deleted(live):
        return live
    namespace, name = live["metadata"]["namespace"], live["metadata"]["name"]
    if pulumi.runtime.is_dry_run():
        say(f"StatefulSet {namespace}/{name} is being deleted; pulumi up waits until it is gone, and creates it again.")
        return None
    say(f"StatefulSet {namespace}/{name} is being deleted; waiting until it is gone, to create it again.")
    grace = live["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", 30)
    await cluster.wait_until_deleted(namespace, name, live["metadata"]["uid"], timeout=grace + 60)
    return await cluster.get_stateful_set(namespace, name)


async def own_created_fields(cluster: Cluster, kind: str, live: KubernetesObject, set_name: str) -> None:
    """Makes the component the manager of the fields that Pulumi's provider created by a POST.

    The provider's first update does so. After the state was lost, the provider updates the object as if it created it:
    fields that the program has removed would stay. Does nothing where the provider does not update what exists.
    """
    if setting_to_update_existing() is not None:
        return
    metadata = live["metadata"]
    fields = owned_after_creation(metadata.get("managedFields", []), field_manager(set_name))
    if fields is not None:
        patch = {"metadata": {"managedFields": fields, "resourceVersion": metadata["resourceVersion"]}}
        await cluster.patch(kind, metadata.get("namespace"), metadata["name"], patch, action=Action.OWN_FIELDS)


async def prepare_cluster(
    cluster: Cluster,
    desired: DesiredStatefulSet,
    live: KubernetesObject | None,
    missing_claims: Sequence[KubernetesObject],
    replaced_claims: Sequence[KubernetesObject] = (),
    *,
    recreate: bool,
    is_update: bool,
    in_steps: bool = False,
    in_place: bool = False,
) -> None:
    """Creates claims that are restored, and recreates the StatefulSet around its Pods where that is asked for.

    Claims that are replaced go, with their Pods, while there is no StatefulSet that would create them empty. With
    ``in_steps`` no instance that serves is updated by what Pulumi's provider then sends; with ``in_place`` none.
    """
    if replaced_claims:
        prefix, where, selector = desired.change.prefix, desired.where(cluster), desired.spec["selector"]
        await remove_claims(cluster, prefix, where, selector["matchLabels"], live, replaced_claims)
    for claim in missing_claims:
        namespace, _ = desired.where(cluster)
        await cluster.create("PersistentVolumeClaim", namespace, claim, action=Action.RESTORE_CLAIM)
    if live is not None and is_update and not recreate:
        await _keep_restart(cluster, live)
        await _patch_revision_history_limit(cluster, desired, live)
        if in_place and not is_updated_on_delete(live):
            await patch_partition(cluster, live, len(desired_ordinals(live)))
        elif in_steps and (plan := desired.change.rollout) is not None:
            replicas = max(len(desired_ordinals(live)), len(desired_ordinals({"spec": desired.spec})))
            await hold_back(cluster, live, plan, replicas)
    if live is not None and not is_update and not recreate:
        await own_created_fields(cluster, STATEFUL_SET, live, desired.where(cluster)[1])
    if live is not None and recreate and not replaced_claims:
        metadata = live["metadata"]
        await cluster.delete_orphaning(metadata["namespace"], metadata["name"], metadata["uid"])
    if is_update and (live is None or recreate):
        await _create(cluster, desired)


async def _keep_restart(cluster: Cluster, live: KubernetesObject) -> None:
    """Keeps a restart that somebody has started with kubectl: the provider would take it back, and restart all Pods."""
    for attempt in range(_ATTEMPTS):
        entries = entries_that_keep_restart(live)
        if entries is None:
            return
        metadata, action = live["metadata"], Action.KEEP_RESTART
        patch = {"metadata": {"managedFields": entries, "resourceVersion": metadata["resourceVersion"]}}
        try:
            await cluster.patch(STATEFUL_SET, metadata["namespace"], metadata["name"], patch, action=action)
        except ClusterError as error:
            if error.status != HTTPStatus.CONFLICT or attempt == _ATTEMPTS - 1:
                raise
            live = await cluster.get_stateful_set(metadata["namespace"], metadata["name"]) or live
        else:
            return


async def _patch_revision_history_limit(cluster: Cluster, desired: DesiredStatefulSet, live: KubernetesObject) -> None:
    """Changes the one identity field that can be changed in place (from Kubernetes 1.37)."""
    limit = desired.spec.get(_LIMIT, _DEFAULT_LIMIT)
    if live["spec"].get(_LIMIT, _DEFAULT_LIMIT) == limit or contains_unknown(limit):
        return
    namespace, name = desired.where(cluster)
    action, patch = Action.SET_REVISION_HISTORY_LIMIT, {"spec": {_LIMIT: limit}}
    await cluster.patch(STATEFUL_SET, namespace, name, patch, action=action, field_manager=field_manager(name))


async def _create(cluster: Cluster, desired: DesiredStatefulSet) -> None:
    """Creates the StatefulSet that the provider then updates, with the fields that it does not send."""
    namespace, _ = desired.where(cluster)
    await cluster.apply_stateful_set(namespace, desired.metadata, desired.spec, action=Action.CREATE_STATEFUL_SET)
