"""Guards the objects around a StatefulSet (Services, classes, budgets and so on) in the engine's operations on them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pulumi

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import FIELD_MANAGER_ANNOTATION, set_of_field_manager
from pulumi_stateful_service.foundation.outputs import contains_unknown, resolve
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.refusals import conflicts, groups
from pulumi_stateful_service.live.before.refusals.identity import name_refusals
from pulumi_stateful_service.live.before.refusals.owners import owner_refusals
from pulumi_stateful_service.live.before.service_rights import missing_service_rights
from pulumi_stateful_service.live.client.cluster import connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, NoClusterError
from pulumi_stateful_service.live.prepare_cluster import own_created_fields
from pulumi_stateful_service.live.provider import setting_to_update_existing
from pulumi_stateful_service.live.state.field_managers import is_made_by_component
from pulumi_stateful_service.live.verdicts import Verdicts
from pulumi_stateful_service.live.versions.version_objects import VERSIONED


class ObjectGuard:
    """Guards the objects around one StatefulSet."""

    def __init__(
        self,
        verdicts: Verdicts,
        change: Callable[[KubernetesObject, KubernetesObject], Awaitable[Change]],
        connection: Callable[[], Awaitable[Connection | None]],
        volumes: Sequence[str],
        judged_services: set[str],
    ) -> None:
        """``judged_services`` gets the names of the Services that are examined."""
        self._verdicts = verdicts
        self._change = change
        self._connection = connection
        self._volumes = volumes
        self._judged_services = judged_services

    async def examine(self, kind: str, args: pulumi.ResourceHookArgs) -> None:
        """Examines a creation or an update before it is sent. Raises RefusedError for one that must not be."""
        new = args.new_inputs or {}
        if args.old_inputs is None:
            await self._examine_creation(kind, new)
            return
        self._refuse_other_set(args.old_inputs, new)
        if kind == "Service":
            await self._refuse_removed_groups(args.old_inputs, new)

    def warn_exists(self, kind: str, where: str) -> None:
        """Says with what Pulumi's provider updates an object that exists, where it would fail to create it."""
        if kind not in VERSIONED and (setting := setting_to_update_existing()):
            self._verdicts.warn(conflicts.warning_of_existing(where, setting))

    def _refuse_other_set(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Raises where an object is to belong to a StatefulSet of another name: it would be changed before that one."""
        old_manager, manager = (
            (each["metadata"].get("annotations") or {}).get(FIELD_MANAGER_ANNOTATION) for each in (old, new)
        )
        if isinstance(old_manager, str) and isinstance(manager, str):
            old_name, name = set_of_field_manager(old_manager), set_of_field_manager(manager)
            self._verdicts.refuse(name_refusals([old_name], name, self._volumes))

    async def _refuse_removed_groups(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Raises where a governing Service is updated for groups that have instances and are removed."""
        if not groups.is_about_groups(old, new):
            return
        before, after = groups.sets_of(old), groups.sets_of(new)
        metadata = (await resolve(new["metadata"])).value
        connection = await self._connection()
        if before is None or after is None or connection is None or contains_unknown(metadata.get("namespace")):
            self._verdicts.not_judged("the groups before and after it are not known yet")
            return
        if connection.renders or not before - after:
            return
        try:
            async with connected(connection) as cluster:
                namespace = metadata.get("namespace") or cluster.default_namespace
                removed = await asyncio.gather(
                    *(cluster.get_stateful_set(namespace, name) for name in sorted(before - after))
                )
        except NoClusterError:
            return
        except ClusterError as error:
            self._verdicts.not_judged(error.problem, error)
            return
        self._verdicts.refuse(refusal for live in removed if live for refusal in groups.removal_refusals(live))

    async def _examine_creation(self, kind: str, new: Mapping[str, Any]) -> None:
        """Raises where an object of this name exists that is not the component's."""
        metadata = (await resolve(new.get("metadata"))).value or {}
        connection = await self._connection()
        if (
            connection is None
            or connection.renders
            or contains_unknown([metadata.get("name"), metadata.get("namespace")])
        ):
            return
        try:
            async with connected(connection) as cluster:
                namespace = None if kind == "StorageClass" else metadata.get("namespace") or cluster.default_namespace
                missing, live = await asyncio.gather(
                    missing_service_rights(cluster, connection, kind, namespace),
                    cluster.get(kind, namespace, metadata["name"]),
                )
                if missing:
                    self._verdicts.warn_once(f"{missing}.")
        except NoClusterError:
            return
        except ClusterError as error:
            self._verdicts.not_judged(error.problem, error)
            return
        if live is not None:
            await self._judge_existing(connection, kind, namespace, metadata, live)
        if kind == "Service":
            self._judged_services.add(metadata["name"])

    async def _judge_existing(
        self,
        connection: Connection,
        kind: str,
        namespace: str | None,
        metadata: KubernetesObject,
        live: KubernetesObject,
    ) -> None:
        change = await self._change(metadata, {})
        set_name = set_of_field_manager(str((metadata.get("annotations") or {}).get(FIELD_MANAGER_ANNOTATION)))
        where = f"{kind} {namespace + '/' if namespace else ''}{metadata['name']}"
        # A class has no namespace: another namespace may have a StatefulSet of the same name.
        is_own = change.owns(live) if kind == "StorageClass" else is_made_by_component(live, set_name)
        if not is_own:
            self._verdicts.refuse([] if change.adopt else [conflicts.refusal_of_existing(where)])
            self._verdicts.refuse(owner_refusals(live, kind))
        if kind == "Service" and metadata["name"] == change.governing_service["metadata"]["name"]:
            self._verdicts.refuse(
                conflicts.service_refusals(live, change.governing_service, set_name, adopting=change.adopt)
            )
        self.warn_exists(kind, where)
        if not pulumi.runtime.is_dry_run():
            async with connected(connection) as cluster:
                await own_created_fields(cluster, kind, live, set_name)
