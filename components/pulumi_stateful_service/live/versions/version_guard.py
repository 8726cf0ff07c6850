"""Guards the Secrets and ConfigMaps with values and files, so that each version is there while instances need it.

Pulumi creates a new version before it updates the StatefulSet, under a name of its own, and leaves the version before
where it is (``retain_on_delete``): engine and provider know nothing of the revisions that still refer to it. What
follows is done around the engine's operation on the StatefulSet, and only there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import pulumi

from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import VERSION_LABEL, name_and_digest
from pulumi_stateful_service.foundation.outputs import contains_unknown, on_open_properties, resolve
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, NoClusterError
from pulumi_stateful_service.live.provider import setting_to_update_existing
from pulumi_stateful_service.live.shared_hooks import shared_hook
from pulumi_stateful_service.live.state.field_managers import is_made_by_component
from pulumi_stateful_service.live.versions import version_objects
from pulumi_stateful_service.live.versions.earlier_names import earlier_digests, earlier_name, with_earlier_names

_STATEFUL_SET = "StatefulSet"


class VersionGuard:
    """Guards the versions of one component."""

    def __init__(
        self,
        prefix: str,
        connection: Callable[[], Awaitable[Connection | None]],
        resource: pulumi.Resource,
        name: str,
        kinds: Collection[str],
    ) -> None:
        """``kinds`` are those of the versions that the component has, ``name`` is the component's.

        ``prefix`` begins every message.
        """
        self._prefix = prefix
        self._connection = connection
        self._resource = resource
        self._kinds = sorted(kinds)
        self.registered: Sequence[pulumi.Resource] = ()
        """The versions as they are registered with Pulumi."""
        self._template: asyncio.Future[KubernetesObject | None] | None = None
        if kinds:
            self._before = shared_hook("StatefulService: versions", self._prepare, resource, name, on_dry_run=True)
            self._after = shared_hook("StatefulService: owner", self._own, resource, name, on_dry_run=False)

    def around(self, kind: str, name: str, options: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """The options of a resource of this kind and name, around others.

        The transforms of these see the names that versions have.
        """
        if not self._kinds or kind not in {*version_objects.VERSIONED, _STATEFUL_SET}:
            return options
        transform = self._keep_references if kind == _STATEFUL_SET else self._keep
        before: list[Any] = [self._before(kind, name)]
        after: list[Any] = [self._after(kind, name)] if kind == _STATEFUL_SET else []
        hooks = pulumi.ResourceHookBinding(
            before_create=before, before_update=before, after_create=after, after_update=after
        )
        merged = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(transforms=[on_open_properties(transform)]), options
        )
        return pulumi.ResourceOptions.merge(merged, pulumi.ResourceOptions(hooks=hooks))

    async def _keep(self, args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        """Has the engine create a version before the one that it replaces goes, and leave that one to the component.

        A version that Pods refer to by its earlier name keeps it.
        """
        props: dict[str, Any] = {**args.props}
        metadata = (await resolve(props["metadata"])).value
        template = await self._live_template(metadata.get("namespace"), metadata["labels"][VERSION_LABEL])
        if template is None:
            return pulumi.ResourceTransformResult(props, args.opts)
        args.opts.retain_on_delete, args.opts.delete_before_replace = True, None
        if (earlier := earlier_name(metadata["name"], earlier_digests(template))) is not None:
            name, ending = earlier
            props["metadata"] = {**props["metadata"], "name": name}
            del props["immutable"]
            # It has the values of other versions too.
            args.opts.ignore_changes = [*(args.opts.ignore_changes or []), "data", "stringData"]
            for field in {"data", "stringData"} & props.keys():
                held = await resolve(props[field])
                data = {f"{key}{ending}": value for key, value in held.value.items()}
                props[field] = pulumi.Output.secret(data) if held.secret else data
        return pulumi.ResourceTransformResult(props, args.opts)

    async def _keep_references(self, args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        """Has the Pods refer to versions by the names that these have."""
        props: dict[str, Any] = {**args.props}
        metadata = (await resolve(props["metadata"])).value
        template = await self._live_template(metadata.get("namespace"), metadata["name"])
        if template is not None and (digests := earlier_digests(template)):
            props["spec"] = {
                **props["spec"],
                "template": await with_earlier_names(props["spec"]["template"], digests),
            }
        return pulumi.ResourceTransformResult(props, args.opts)

    async def _live_template(self, namespace: Any, set_name: Any) -> KubernetesObject | None:
        """The Pod template of the live StatefulSet, empty where there is none; None where no cluster is read."""
        if self._template is None:
            self._template = asyncio.ensure_future(self._read_template(namespace, set_name))
        return await self._template

    async def _read_template(self, namespace: Any, set_name: Any) -> KubernetesObject | None:
        connection = await self._connection()
        if connection is not None and connection.renders:
            return None
        if connection is None or contains_unknown([namespace, set_name]):
            return {}
        try:
            async with connected(connection) as cluster:
                live = await cluster.get_stateful_set(namespace or cluster.default_namespace, set_name)
        except NoClusterError:
            return None
        except ClusterError:
            # The look at the StatefulSet, which follows, says so.
            return {}
        return dict(live["spec"]["template"]) if live else {}

    async def _prepare(self, args: pulumi.ResourceHookArgs) -> None:
        """Before a version is created, and before the StatefulSet is created or updated."""
        kind, new = args.type.rpartition(":")[2], args.new_inputs or {}
        metadata = (await resolve(new.get("metadata"))).value or {}
        if contains_unknown([metadata.get("name"), metadata.get("namespace")]):
            return

        async def prepare(cluster: Cluster) -> None:
            namespace = metadata.get("namespace") or cluster.default_namespace
            set_name = (metadata.get("labels") or {}).get(VERSION_LABEL)
            if kind == _STATEFUL_SET:
                await self._ensure(cluster, namespace, metadata["name"], await self._current(namespace))
            elif set_name is None:
                return  # A transform has taken the label away, and with it what the component does.
            elif args.old_inputs is None:
                await self._before_creation(cluster, kind, namespace, metadata)
            else:
                body = (await resolve(dict(new))).value
                body = {**body, "metadata": {**metadata, "namespace": namespace}}
                await self._ensure(cluster, namespace, set_name, [version_objects.Version(kind, body)])

        await self._on_cluster(prepare)

    async def _before_creation(self, cluster: Cluster, kind: str, namespace: str, metadata: KubernetesObject) -> None:
        set_name = metadata["labels"][VERSION_LABEL]
        if (found := name_and_digest(metadata["name"])) is not None:
            earlier = await cluster.get(kind, namespace, found[0])
            if earlier and is_made_by_component(earlier, set_name) and not _is_labelled(earlier):
                raise RefusedError(
                    f"{self._prefix}: {kind} {namespace}/{found[0]} is from an earlier version of this package, and "
                    "Pulumi would delete it with the values that instances may need when they start again. Run pulumi "
                    "up once with the values as they were; then change them."
                )
        if pulumi.runtime.is_dry_run() or setting_to_update_existing() is None:
            return
        live = await cluster.get(kind, namespace, metadata["name"])
        if live is not None and is_made_by_component(live, set_name):
            await version_objects.make_way(cluster, kind, live)

    async def _ensure(
        self, cluster: Cluster, namespace: str, set_name: str, needed: Sequence[version_objects.Version]
    ) -> None:
        """Has these versions, which Pulumi takes for existing, exist, and stay where the StatefulSet is another one."""
        if pulumi.runtime.is_dry_run() or not needed:
            return
        live = await cluster.get_stateful_set(namespace, set_name)
        uid = live["metadata"]["uid"] if live else ""
        for version in needed:
            if await version_objects.ensure(cluster, version, set_name, uid):
                self._say(f"{version.described} did not exist any more, and was created again.")

    async def _current(self, namespace: str) -> list[version_objects.Version]:
        """The versions as Pulumi has them."""
        known = []
        resource: Any
        for resource in self.registered:
            metadata, data, immutable = (await resolve([resource.metadata, resource.data, resource.immutable])).value
            if metadata and data and not contains_unknown([metadata, data]):
                kept = {"labels": dict(metadata.labels or {}), "annotations": dict(metadata.annotations or {})}
                names = {"name": metadata.name, "namespace": metadata.namespace or namespace}
                body = {"metadata": {**names, **kept}, "data": dict(data), "immutable": bool(immutable)}
                known.append(version_objects.Version(str((await resolve(resource.kind)).value), body))
        return known

    async def _own(self, args: pulumi.ResourceHookArgs) -> None:
        """After the StatefulSet was created or updated."""
        live = (await resolve((args.new_outputs or {}).get("metadata"))).value or {}
        if not live.get("uid"):
            return

        async def own(cluster: Cluster) -> None:
            try:
                await version_objects.own(cluster, {"metadata": live}, self._kinds)
            except ClusterError as error:
                self._warn(
                    f"pulumi destroy will leave Secrets and ConfigMaps of this service behind, since the StatefulSet "
                    f"does not own them: {error.problem}"
                )

        await self._on_cluster(own)

    async def delete_superseded(self, namespace: str, name: str, *, is_new: bool) -> None:
        """Deletes the versions that no revision refers to: after a rollout that is complete.

        Those that a StatefulSet owns. One that is new (``is_new``) owns none but those that the program has now.
        """
        if is_new and not self._kinds:
            return
        connection = await self._connection()
        if connection is None or connection.renders:
            return
        current = {version.name for version in await self._current(namespace)}
        async with connected(connection) as cluster:
            try:
                live = await cluster.get_stateful_set(namespace, name)
                if live is None or not (self._kinds or await version_objects.has_earlier_versions(cluster, live)):
                    return
                kinds = self._kinds or version_objects.VERSIONED
                for version in await version_objects.delete_superseded(cluster, live, kinds, current):
                    self._say(f"{version.described} was deleted: no revision refers to it any more.")
            except ClusterError as error:
                if self._kinds:
                    self._warn(f"Secrets and ConfigMaps of superseded versions are kept: {error.problem}")

    async def _on_cluster(self, act: Callable[[Cluster], Awaitable[None]]) -> None:
        """Acts on the cluster, where one is read; in a preview only if it answers."""
        connection = await self._connection()
        if connection is None or connection.renders:
            return
        try:
            async with connected(connection) as cluster:
                await act(cluster)
        except NoClusterError:
            return
        except ClusterError:
            if not pulumi.runtime.is_dry_run():
                raise

    def _say(self, text: str) -> None:
        messages.info(f"{self._prefix}: {text}", self._resource)

    def _warn(self, text: str) -> None:
        messages.warn(f"{self._prefix}: {text}.", self._resource)


def _is_labelled(live: KubernetesObject) -> bool:
    return VERSION_LABEL in (live["metadata"].get("labels") or {})
