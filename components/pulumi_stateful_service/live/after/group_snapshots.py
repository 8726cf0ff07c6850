"""Makes snapshots of several volumes at one moment, by a VolumeGroupSnapshot.

The snapshot controller makes the VolumeSnapshots when the driver has taken them all, and names them by digests. They
have no labels, and get the component's: then they are what it makes of single volumes, and are found as such.
"""

import asyncio
import time
from collections.abc import Mapping

from pulumi_stateful_service.errors import StatefulServiceError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import SNAPSHOT, SNAPSHOT_LABEL, field_manager
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.state.volume_snapshots import (
    GROUP_SNAPSHOT,
    InstanceToSnapshot,
    SnapshotWork,
    claim_of,
    failure,
    group_label,
    group_of,
    new_group,
    notes_of_snapshot,
)

_FIRST_PAUSE, _LAST_PAUSE = 0.1, 1.0
"""Seconds between two looks."""
_ERROR_SECONDS = 5.0
"""How long a group must have failed: the snapshot controller tries again, and writes errors that pass by."""


class GroupFailedError(StatefulServiceError):
    """A VolumeGroupSnapshot that failed, was deleted, or has made no snapshots in time."""


async def make_group(
    cluster: Cluster, namespace: str, work: SnapshotWork, instance: InstanceToSnapshot, deadline: float
) -> dict[str, str]:
    """Makes the snapshots of an instance, and returns their names by claim as soon as they are there.

    Raises GroupFailedError where they are not by the deadline, in seconds of the monotonic clock.
    """
    manager = field_manager(work.labels[SNAPSHOT_LABEL])
    group = instance.group or await _created(cluster, namespace, work, instance, manager)
    made = await _members(cluster, namespace, group, instance, deadline)
    for claim in instance.claims:
        patch = {"metadata": notes_of_snapshot(work, instance, claim)}
        name = made[claim["metadata"]["name"]]
        await cluster.patch(SNAPSHOT, namespace, name, patch, action=Action.LABEL_SNAPSHOT, field_manager=manager)
    return made


async def _created(
    cluster: Cluster, namespace: str, work: SnapshotWork, instance: InstanceToSnapshot, manager: str
) -> KubernetesObject:
    label = group_label(instance.claims)
    for claim in instance.claims:
        metadata = claim["metadata"]
        if not label.items() <= (metadata.get("labels") or {}).items():
            patch = {"metadata": {"labels": label}}
            await cluster.patch_claim(
                namespace, metadata["name"], patch, action=Action.LABEL_CLAIM, field_manager=manager
            )
    body = new_group(work, instance, cluster.now())
    return await cluster.create(
        GROUP_SNAPSHOT, namespace, body, action=Action.MAKE_GROUP_SNAPSHOT, field_manager=manager
    )


async def _members(
    cluster: Cluster, namespace: str, group: KubernetesObject, instance: InstanceToSnapshot, deadline: float
) -> dict[str, str]:
    """The name of the snapshot of each claim, once all are there."""
    metadata, pause = group["metadata"], _FIRST_PAUSE
    wanted = {claim["metadata"]["name"] for claim in instance.claims}
    failing_since: float | None = None
    while True:
        groups, snapshots = await asyncio.gather(
            cluster.list(GROUP_SNAPSHOT, namespace, labels=_own_labels(metadata)), cluster.list(SNAPSHOT, namespace)
        )
        made = {claim_of(each): str(each["metadata"]["name"]) for each in snapshots if _is_in(each, metadata["uid"])}
        if wanted <= made.keys():
            return {claim: made[claim] for claim in sorted(wanted)}
        found = next((each for each in groups if each["metadata"]["uid"] == metadata["uid"]), None)
        what = f"{', '.join(sorted(wanted))}: {GROUP_SNAPSHOT} {metadata['name']}"
        if found is None:
            raise GroupFailedError(f"{what} was deleted")
        now, why = time.monotonic(), failure(found)
        failing_since = (failing_since or now) if why else None
        if why and failing_since is not None and now - failing_since >= _ERROR_SECONDS:
            raise GroupFailedError(f"{what} failed: {why}")
        if now > deadline:
            raise GroupFailedError(f"{what} has made no VolumeSnapshots in time")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LAST_PAUSE)


def _own_labels(metadata: Mapping[str, dict[str, str]]) -> dict[str, str]:
    return {SNAPSHOT_LABEL: metadata["labels"][SNAPSHOT_LABEL]}


def _is_in(snapshot: KubernetesObject, uid: str) -> bool:
    owner = group_of(snapshot)
    return owner is not None and owner["uid"] == uid
