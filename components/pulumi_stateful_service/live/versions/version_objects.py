"""Versions of values and files on the cluster: a Secret or ConfigMap stays as long as a revision refers to it.

All are owned by the StatefulSet, so that they go with it.
"""

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import VERSION_LABEL, field_manager, files_name, secret_name
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.pod_templates import read_revisions
from pulumi_stateful_service.live.state.field_managers import is_made_by_component

VERSIONED = ("Secret", "ConfigMap")
"""The kinds of which each version has a name of its own."""

_NOT_FOUND, _CONFLICT = 404, 409
_DEFAULT_LIMIT = 10
"""Of ``revisionHistoryLimit``."""
_WAIT_FOR_LIMIT, _PAUSE = 2.0, 0.1
"""Seconds."""


@dataclass(frozen=True)
class Version:
    """A Secret or ConfigMap of a StatefulSet."""

    kind: str
    body: KubernetesObject

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body["metadata"]["name"])

    @property
    def described(self) -> str:
        """For messages."""
        return f"{self.kind} {self.body['metadata']['namespace']}/{self.name}"


async def own(cluster: Cluster, stateful_set: KubernetesObject, kinds: Collection[str]) -> None:
    """Makes a StatefulSet the owner of its versions; one that was recreated has another uid than the one before."""
    metadata = stateful_set["metadata"]
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": metadata["name"], "uid": metadata["uid"]}
    for version in await _versions(cluster, stateful_set, kinds):
        others = _other_owners(version.body, metadata["name"], "")
        if [*others, owner] != version.body["metadata"].get("ownerReferences"):
            await _set_owners(cluster, version, [*others, owner])


async def delete_superseded(
    cluster: Cluster, stateful_set: KubernetesObject, kinds: Collection[str], current: Collection[str]
) -> list[Version]:
    """Deletes the versions that neither the StatefulSet nor a ControllerRevision of it refers to, and returns them.

    ``current`` are the names of those that Pulumi has. A Pod that is created again has the template of a revision, and
    so has a roll-back.
    """
    metadata = stateful_set["metadata"]
    versions = await _versions(cluster, stateful_set, kinds)
    if not versions:
        return []
    # Read after the list of versions: one that is newer than these is not in that list.
    needed = json.dumps(await _templates(cluster, stateful_set))
    return [
        version
        for version in versions
        if version.name not in current
        and json.dumps(version.name) not in needed
        and _is_owned_by(version.body, metadata["uid"])
        and await _delete(cluster, version, Action.DELETE_VERSION)
    ]


async def has_earlier_versions(cluster: Cluster, stateful_set: KubernetesObject) -> bool:
    """Whether a revision of a StatefulSet refers to a version of values or files."""
    name = stateful_set["metadata"]["name"]
    revisions = json.dumps([revision["data"] for revision in await _revisions(cluster, stateful_set)])
    return any(f'"{of(name)}' in revisions for of in (secret_name, files_name))


async def ensure(cluster: Cluster, version: Version, set_name: str, uid: str) -> bool:
    """Creates a version that does not exist, and keeps one that does from going with an earlier StatefulSet.

    ``uid`` is that of the live StatefulSet, empty where there is none. Pulumi does not know that Kubernetes deletes a
    version together with its StatefulSet. Returns whether it was created.
    """
    metadata = version.body["metadata"]
    while (live := await cluster.get(version.kind, metadata["namespace"], metadata["name"])) is not None:
        others = _other_owners(live, set_name, uid)
        if others == live["metadata"].get("ownerReferences", []):
            return False
        # With it the garbage collector's deletion fails that is under way: its precondition is what it has read.
        await _set_owners(cluster, Version(version.kind, live), others)
    body = {"apiVersion": "v1", "kind": version.kind, **version.body}
    await cluster.patch(
        version.kind,
        metadata["namespace"],
        metadata["name"],
        body,
        action=Action.CREATE_VERSION,
        patch_type="apply",
        field_manager=field_manager(set_name),
        force=True,
    )
    return True


async def make_way(cluster: Cluster, kind: str, live: KubernetesObject) -> None:
    """Deletes a version that exists, for a provider that creates by POST alone and creates the same next."""
    await _delete(cluster, Version(kind, live), Action.MAKE_WAY_FOR_VERSION)


async def _versions(cluster: Cluster, stateful_set: KubernetesObject, kinds: Collection[str]) -> list[Version]:
    metadata = stateful_set["metadata"]
    lists = await asyncio.gather(
        *(cluster.list(kind, metadata["namespace"], labels={VERSION_LABEL: metadata["name"]}) for kind in kinds)
    )
    return [
        Version(kind, each)
        for kind, found in zip(kinds, lists, strict=True)
        for each in found
        if is_made_by_component(each, metadata["name"])
    ]


async def _revisions(cluster: Cluster, stateful_set: KubernetesObject) -> list[KubernetesObject]:
    return await read_revisions(cluster, stateful_set["metadata"]["namespace"], stateful_set)


async def _templates(cluster: Cluster, stateful_set: KubernetesObject) -> list[KubernetesObject]:
    """The Pod templates of the StatefulSet and of its revisions.

    The StatefulSet controller deletes revisions beyond the limit right after the rollout, which is awaited; Pods of
    several revisions can keep it from that.
    """
    metadata, limit = stateful_set["metadata"], stateful_set["spec"].get("revisionHistoryLimit", _DEFAULT_LIMIT)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _WAIT_FOR_LIMIT
    while True:
        live, revisions = await asyncio.gather(
            cluster.get_stateful_set(metadata["namespace"], metadata["name"]), _revisions(cluster, stateful_set)
        )
        status = (live or {}).get("status", {})
        in_use = {status.get("currentRevision"), status.get("updateRevision")}
        earlier = [each for each in revisions if each["metadata"]["name"] not in in_use]
        if len(earlier) <= limit or loop.time() > deadline:
            templates = [live["spec"]["template"]] if live else []
            return templates + [revision["data"] for revision in revisions]
        await asyncio.sleep(_PAUSE)


def _is_owned_by(live: KubernetesObject, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in live["metadata"].get("ownerReferences", []))


def _other_owners(live: KubernetesObject, set_name: str, uid: str) -> list[KubernetesObject]:
    """The owners that are no earlier StatefulSet of this name."""
    return [
        owner
        for owner in live["metadata"].get("ownerReferences", [])
        if (owner["kind"], owner["name"]) != ("StatefulSet", set_name) or owner["uid"] == uid
    ]


async def _set_owners(cluster: Cluster, version: Version, owners: list[KubernetesObject]) -> None:
    """Does nothing where the object is gone, or has changed since it was read."""
    metadata = version.body["metadata"]
    read = {key: metadata[key] for key in ("uid", "resourceVersion")}
    try:
        await cluster.patch(
            version.kind,
            metadata["namespace"],
            metadata["name"],
            {"metadata": {**read, "ownerReferences": owners}},
            action=Action.OWN_VERSION,
        )
    except ClusterError as error:
        if error.status not in {_NOT_FOUND, _CONFLICT}:
            raise


async def _delete(cluster: Cluster, version: Version, action: Action) -> bool:
    metadata = version.body["metadata"]
    uid = metadata["uid"]
    return await cluster.delete(version.kind, metadata["namespace"], metadata["name"], action=action, uid=uid)
