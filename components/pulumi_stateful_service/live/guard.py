"""Guards a StatefulSet: what is refused and done happens in the engine's operation on it, and in no other.

The engine tells a program neither what it targets nor whether it runs for ``up``, ``refresh`` or ``destroy``; a hook
is the only sign that it operates on a resource. So the hooks of the StatefulSet refuse and recreate, and only
after one of them has run are volumes expanded and Pods evicted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi_stateful_service_report.record import encode

from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, with_whole_numbers
from pulumi_stateful_service.foundation.names import (
    ATTEMPT_ANNOTATION,
    COMPONENT_LABEL,
    FIELD_MANAGER_ANNOTATION,
    IDENTITY_ANNOTATION,
    pod_name,
    set_of_field_manager,
)
from pulumi_stateful_service.foundation.outputs import UNKNOWN, contains_unknown, on_open_properties, resolve
from pulumi_stateful_service.live.after.application_versions import check_version, note_versions
from pulumi_stateful_service.live.after.volume_snapshots import take_snapshots
from pulumi_stateful_service.live.before.application_versions import version_work
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.desired_set import DesiredStatefulSet
from pulumi_stateful_service.live.before.dry_run import predict
from pulumi_stateful_service.live.before.forecast import NO_CHANGE, Forecast, InstanceOutcome
from pulumi_stateful_service.live.before.forecast_record import record
from pulumi_stateful_service.live.before.forecast_text import forecast_message
from pulumi_stateful_service.live.before.preflight import (
    is_replacement_refused,
    is_to_be_formed,
    last_attempt,
    live_claims,
    live_warnings,
    missing_claims,
    noted_members,
    refuse_or_recreate,
    refuse_to_end_claims,
    rendering_warnings,
    unfinished_work,
)
from pulumi_stateful_service.live.before.refusals import conflicts, groups
from pulumi_stateful_service.live.before.refusals.held_back import held_back_refusals
from pulumi_stateful_service.live.before.refusals.identity import name_refusals, namespace_refusals
from pulumi_stateful_service.live.before.refusals.members import member_refusals
from pulumi_stateful_service.live.before.refusals.namespaces import creation_warning, deletion_refusals
from pulumi_stateful_service.live.before.refusals.owners import owner_refusals
from pulumi_stateful_service.live.before.refusals.replacement import replacement_refusals, replacement_warning
from pulumi_stateful_service.live.before.refusals.resize import resize_refusals
from pulumi_stateful_service.live.before.refusals.restore import restored_claim_messages
from pulumi_stateful_service.live.before.refusals.transforms import transform_refusals
from pulumi_stateful_service.live.before.refusals.update import changes_by_others, removal_warning
from pulumi_stateful_service.live.before.roll_back import with_chosen_snapshots
from pulumi_stateful_service.live.before.service_rights import missing_service_rights
from pulumi_stateful_service.live.before.volume_snapshots import snapshot_lines, snapshot_work
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, NoClusterError
from pulumi_stateful_service.live.client.snapshot import Snapshot
from pulumi_stateful_service.live.member_notes import has_noted_members, note_none_joined, read_member_notes
from pulumi_stateful_service.live.namespace_source import NamespaceSource, advice_on_replacement, read_namespace
from pulumi_stateful_service.live.operation import Operation, OperationKind
from pulumi_stateful_service.live.prepare_cluster import (
    STATEFUL_SET,
    after_deletion,
    own_created_fields,
    prepare_cluster,
)
from pulumi_stateful_service.live.provider import forecasts, reads_cluster, setting_to_update_existing
from pulumi_stateful_service.live.shared_hooks import shared_hook
from pulumi_stateful_service.live.state.application_versions import VersionWork
from pulumi_stateful_service.live.state.claim_owners import retains_claims
from pulumi_stateful_service.live.state.field_managers import is_made_by_component, restart_outside_pulumi
from pulumi_stateful_service.live.state.member_changes import MemberNotes, members_of, replicas_of
from pulumi_stateful_service.live.state.removed_fields import removed_fields
from pulumi_stateful_service.live.state.stateful_set_fields import added_volumes, desired_ordinals, identity_note
from pulumi_stateful_service.live.state.volume_snapshots import SnapshotWork
from pulumi_stateful_service.live.turns import GroupTurn
from pulumi_stateful_service.live.versions.version_objects import VERSIONED

_NOT_THERE, _NOT_READ = "Pulumi's state has the StatefulSet, the cluster does not", "the cluster was not read"
"""Why it is not known what becomes of a StatefulSet that the engine leaves as it is."""
_WITHOUT_FORECAST = " To make changes without a forecast: pulumi config set stateful-service:forecast false"


@dataclass(frozen=True)
class Seen:
    """What there is before the engine decides."""

    live: KubernetesObject | None = None
    """The StatefulSet that the component has or adopts."""
    attempt: int | None = 0
    """The number of the operation to note on it; 0 for none. None leaves what is noted: it could not be read."""
    deletes_first: bool | None = None
    """Whether a replacement that is forced (``--replace``, taint, another provider) begins with the deletion.

    It deletes by name: deleted first, the StatefulSet comes back on its claims; deleted last, the new one is. One that
    is refused, or cannot be examined, must not begin so: the engine calls no hook before that. None leaves it as it is.
    """


class Guard:
    """Guards the StatefulSet of one component."""

    def __init__(
        self,
        prefix: str,
        change: Callable[[KubernetesObject, KubernetesObject], Awaitable[Change]],
        connection: Callable[[], Awaitable[Connection | None]],
        resource: pulumi.Resource,
        volumes: Sequence[str],
        namespace: NamespaceSource,
        name: str,
        *,
        turn: GroupTurn | None = None,
        judged_services: set[str] | None = None,
    ) -> None:
        """``change`` describes the change from the desired metadata and spec. ``prefix`` begins every message.

        ``name`` is the component's. ``turn`` is that of the StatefulSet in a service with groups, and
        ``judged_services`` the Services that the guards of all its groups have examined.
        """
        self._prefix = prefix
        self._change = change
        self._connection = connection
        self._resource = resource
        self._volumes = volumes
        self._namespace = namespace
        self._operation = Operation()
        self._warned = False
        self._said: set[str] = set()
        self._judged_services = set() if judged_services is None else judged_services
        self._turn = turn
        self._hook = shared_hook("StatefulService", self._before, resource, name, on_dry_run=True)

    @property
    def operation(self) -> Operation:
        """What the engine does to the StatefulSet, as far as it is known now: all, once the engine is done with it."""
        return self._operation

    def warn_of_removed_fields(self, template: dict[str, Any]) -> None:
        """Warns of what others have removed from the Pod template that Pulumi's state has.

        Called where the engine does not operate on the StatefulSet: an operation restores it, and its forecast says so.
        """
        live = self._operation.live
        if live is None or not (removed := removed_fields(template, live)):
            return
        others = [*(self._operation.changed_by_others or ()), *((each, False) for each in removed)]
        self._operation = replace(self._operation, changed_by_others=others)
        messages.warn(f"{self._prefix}: {removal_warning(live, removed)}", self._resource)

    def tell_programs(self) -> None:
        """Tells what this preview has found, for programs that read its log. Called once the engine is done."""
        operation = self._operation
        # Without an operation nothing is changed, which is to be known: the StatefulSet was read, and is there.
        forecast = operation.forecast if operation.kind is not None else NO_CHANGE if operation.live_uid else None
        unknown_because = operation.unknown_because or (_NOT_READ if operation.live_uid is None else _NOT_THERE)
        self._tell_programs(forecast, unknown_because)

    def _tell_programs(self, forecast: Forecast | None, reason: str, *, is_refused: bool = False) -> None:
        if not pulumi.runtime.is_dry_run():
            return
        operation = self._operation
        change = operation.desired.change if operation.desired else None
        live_pods = operation.live_pods
        told = record(change, forecast, reason, operation.changed_by_others, live_pods=live_pods, is_refused=is_refused)
        messages.for_programs(encode(told), self._resource)

    @property
    def _creates(self) -> bool:
        return self._operation.kind is OperationKind.CREATE

    def options(self, kind: str, name: str) -> pulumi.ResourceOptions:
        """The options of a resource of the component: the StatefulSet or another kind, and its name in Pulumi."""
        hook = self._hook(kind, name)
        binding = pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
        transforms: Any = [on_open_properties(self._prepare)] if kind == STATEFUL_SET else []
        return pulumi.ResourceOptions(transforms=transforms, hooks=binding)

    async def _prepare(self, args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        """Notes on the StatefulSet what it is to be, and whether an earlier operation has to be continued. Reads only.

        Called by the engine whenever the StatefulSet is registered, also where it does not operate on it; before the
        transforms of the component, of its parents and of the stack. What comes after them is examined: the hook sees
        that. From here it takes what the engine ignores changes of, and so leaves out there.
        """
        props: dict[str, Any] = {**args.props}
        metadata, spec = with_whole_numbers((await resolve([props["metadata"], props["spec"]])).value)
        annotations = dict(props["metadata"].get("annotations") or {})
        annotations[IDENTITY_ANNOTATION] = identity_note(metadata, spec)
        noted = {**metadata, "annotations": {**(metadata.get("annotations") or {}), **annotations}}
        ignored = tuple(args.opts.ignore_changes or ())
        desired = DesiredStatefulSet(await self._change(noted, spec), bool(args.opts.protect), ignored)
        self._operation = replace(self._operation, registered=desired)
        seen = await self._look(desired)
        if seen.attempt:
            annotations[ATTEMPT_ANNOTATION] = str(seen.attempt)
        elif seen.attempt is None:
            args.opts.ignore_changes = [*ignored, f'metadata.annotations["{ATTEMPT_ANNOTATION}"]']
        live = seen.live
        if live is not None and pulumi.runtime.is_dry_run() and added_volumes(live, {"spec": spec}):
            # Pods mount what the live set has no claim template for, and gets in ``up`` before this is sent: the API
            # server would refuse the provider's dry run. With a value that is unknown, the provider does none.
            annotations[ATTEMPT_ANNOTATION] = pulumi.Output.from_input(UNKNOWN)
        props["metadata"] = {**props["metadata"], "annotations": annotations}
        if self._operation.joins:
            props["spec"] = {**props["spec"], "replicas": 0}
        if live is not None and desired.keeps_replicas:
            # Updates ignore it, but a creation (state lost, adopted) must not undo what the autoscaler has done, or
            # remove an instance that has not left.
            props["spec"] = {**props["spec"], "replicas": live["spec"].get("replicas", 1)}
        if seen.deletes_first is not None:
            args.opts.delete_before_replace = seen.deletes_first
        return pulumi.ResourceTransformResult(props, args.opts)

    async def _look(self, desired: DesiredStatefulSet) -> Seen:
        """The live StatefulSet that the component has or adopts, and what is to be noted and set for its operation."""
        absent = Seen(deletes_first=retains_claims(desired.change.stateful_set) or None)
        try:
            connection = await self._connection()
            if connection is None or connection.renders or not desired.is_named:
                return absent
            async with connected(connection) as cluster:
                own = {COMPONENT_LABEL: label} if (label := desired.change.component_labels[0]) else None
                live = await cluster.get_stateful_set(*desired.where(cluster), labels=own)
                pods = [pod_name(live["metadata"]["name"], each) for each in desired_ordinals(live)] if live else []
                uid = live["metadata"]["uid"] if live else ""
                self._operation = replace(self._operation, live_uid=uid, live_pods=pods)
                if live is None:
                    joins = await self._joins_others(cluster, desired)
                    self._operation = replace(self._operation, changed_by_others=[], joins=joins)
                    return absent  # An up that was killed may have left none.
                if not desired.change.owns(live):
                    return Seen(live) if desired.change.adopt else Seen(deletes_first=False)
                change, seen = desired.change.known_with(live), Snapshot(cluster)
                self._operation = replace(self._operation, live=live)
                self._note_changes_by_others(live, change)
                claims = await live_claims(seen, live)
                for warning in live_warnings(live, claims, change):
                    self._said.add(warning)
                    messages.warn(f"{self._prefix}: {warning}", self._resource)
                is_unfinished = await unfinished_work(seen, live, claims, change)
                is_refused = await is_replacement_refused(seen, live, claims, change)
                return Seen(live, last_attempt(live) + is_unfinished, deletes_first=not is_refused)
        except NoClusterError:
            return absent
        except ClusterError as error:
            # Nothing is sent here. An operation that the engine decides on is examined, or does not begin.
            self._warn_not_checked(error.problem)
            return Seen(attempt=None, deletes_first=False)

    async def _joins_others(self, cluster: Cluster, desired: DesiredStatefulSet) -> bool:
        """Whether the instances of a group that does not exist yet join those of others, which form the cluster."""
        change = desired.change
        if change.group is None or change.members is None:
            return False
        namespace, name = desired.where(cluster)
        labels = {COMPONENT_LABEL: [label for label in change.component_labels if label]}
        others = await cluster.find_stateful_sets(namespace, labels)
        # Groups that are created together form the cluster together: none of them is ready before the others.
        together = self._turn.created if self._turn else set()
        others = [each for each in others if each["metadata"]["name"] not in {name, *together} and replicas_of(each)]
        if not others:
            return False
        is_ready = any(each.get("status", {}).get("readyReplicas") for each in others)
        if not is_ready and not await has_noted_members(cluster, namespace, change.members):
            return False
        # Members that are noted lost their StatefulSet: they come back as what they are.
        stateful_set = _with_replicas({"metadata": {**desired.metadata, "namespace": namespace}, "spec": desired.spec})
        notes = await read_member_notes(cluster, self._prefix, stateful_set, change.members)
        return notes.none_joined or not notes.members

    def _note_changes_by_others(self, live: KubernetesObject, change: Change) -> None:
        restart = restart_outside_pulumi(live)
        changes = changes_by_others(live, change.stateful_set, autoscaled=change.autoscaled)
        changes += [(restart, True)] if restart else []
        self._operation = replace(self._operation, changed_by_others=changes)

    async def _before(self, args: pulumi.ResourceHookArgs) -> None:
        try:
            await self._examine(args)
        except RefusedError as error:
            self._tell_programs(None, str(error).removeprefix(f"{self._prefix}: "), is_refused=True)
            raise

    async def _examine(self, args: pulumi.ResourceHookArgs) -> None:
        """Examines a creation or an update, and prepares it: called by the engine before it is sent, in previews too.

        Raises RefusedError for a change that would lose data or leave it behind.
        """
        kind = args.type.rpartition(":")[2]
        if kind == STATEFUL_SET:
            self._operation = replace(
                self._operation, kind=OperationKind.CREATE if args.old_inputs is None else OperationKind.UPDATE
            )
            await self._before_stateful_set(args)
        elif args.old_inputs is not None:
            self._refuse_other_set(args.old_inputs, args.new_inputs or {})
            if kind == "Service":
                await self._refuse_removed_groups(args.old_inputs, args.new_inputs or {})
        else:
            await self._before_creation(kind, args.new_inputs or {})

    async def _before_stateful_set(self, args: pulumi.ResourceHookArgs) -> None:
        if not reads_cluster():
            self._warn_not_checked(
                "stateful-service:readCluster is false. No change is refused, volumes are neither expanded nor "
                "snapshotted, rollout has no steps, no member joins or leaves, and pulumi up does not wait for the "
                "rollout"
            )
            return
        connection, registered = await self._connection(), self._operation.registered
        if connection is None or registered is None:
            self._not_checked("the settings of its provider are not known yet")
            return
        desired = await self._sent_by(args, registered)
        if connection.renders:
            self._warn_of_rendering(desired)
            self._is_unknown("manifests are rendered, and the cluster is not read")
            return
        if not desired.is_named:
            self._not_checked("its name or namespace is not known yet")
            return
        try:
            async with connected(connection) as cluster:
                if args.old_outputs is not None:
                    old, (namespace, name) = args.old_outputs["metadata"], desired.where(cluster)
                    known, known_name = old.get("namespace") or namespace, old.get("name", name)
                    advice = ""
                    if known != namespace and self._volumes:
                        advice = await advice_on_replacement(cluster, self._namespace, known, namespace, known_name)
                    self._refuse_names(known, known_name, namespace, name, advice)
                    desired = desired.with_uid(args.old_outputs["metadata"].get("uid"))
                await self._check_and_prepare(cluster, desired, is_update=args.old_inputs is not None)
        except NoClusterError:
            return
        except ClusterError as error:
            self._not_checked(error.problem, error)

    async def _sent_by(self, args: pulumi.ResourceHookArgs, registered: DesiredStatefulSet) -> DesiredStatefulSet:
        """The StatefulSet as the engine sends it, after all transforms. Raises where they change what is relied on."""
        new = args.new_inputs or {}
        metadata, spec = with_whole_numbers((await resolve([new["metadata"], new["spec"]])).value)
        annotations = metadata.get("annotations") or {}
        if contains_unknown(annotations.get(ATTEMPT_ANNOTATION)):
            metadata = {**metadata, "annotations": {**annotations, ATTEMPT_ANNOTATION: ""}}
        change = await self._change(metadata, spec)
        sent = registered.with_sent(change, is_update=args.old_inputs is not None)
        if self._operation.joins:
            sent = sent.with_replicas(registered.change.stateful_set)
        refusals = transform_refusals(registered.change.stateful_set, change.stateful_set, created=self._creates)
        if refusals:
            raise RefusedError(f"{self._prefix}: {'; '.join(refusals)}.")
        self._operation = replace(self._operation, sent=sent)
        return sent

    def _warn_of_rendering(self, desired: DesiredStatefulSet) -> None:
        for warning in rendering_warnings(desired.change):
            messages.warn(f"{self._prefix}: {warning}", self._resource)

    def _say(self, text: str) -> None:
        messages.info(f"{self._prefix}: {text}", self._resource)

    def _refuse_other_set(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Raises where an object is to belong to a StatefulSet of another name: it would be changed before that one."""
        old_manager, manager = (
            (each["metadata"].get("annotations") or {}).get(FIELD_MANAGER_ANNOTATION) for each in (old, new)
        )
        if isinstance(old_manager, str) and isinstance(manager, str):
            self._refuse_names("", set_of_field_manager(old_manager), "", set_of_field_manager(manager))

    async def _refuse_removed_groups(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Raises where a governing Service is updated for groups that have instances and are removed."""
        if not groups.is_about_groups(old, new):
            return
        before, after = groups.sets_of(old), groups.sets_of(new)
        metadata = (await resolve(new["metadata"])).value
        connection = await self._connection()
        if before is None or after is None or connection is None or contains_unknown(metadata.get("namespace")):
            self._not_checked("the groups before and after it are not known yet")
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
            self._not_checked(error.problem, error)
            return
        for refusal in [refusal for live in removed if live for refusal in groups.removal_refusals(live)]:
            raise RefusedError(f"{self._prefix}: {refusal}")

    async def _before_creation(self, kind: str, new: Mapping[str, Any]) -> None:
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
                self._warn_of_rights(missing)
        except NoClusterError:
            return
        except ClusterError as error:
            self._not_checked(error.problem, error)
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
        if not is_own and not change.adopt:
            raise RefusedError(f"{self._prefix}: {conflicts.refusal_of_existing(where)}")
        for refusal in [] if is_own else owner_refusals(live, kind):
            raise RefusedError(f"{self._prefix}: {refusal}")
        if kind == "Service" and metadata["name"] == change.governing_service["metadata"]["name"]:
            for refusal in conflicts.service_refusals(live, change.governing_service, set_name, adopting=change.adopt):
                raise RefusedError(f"{self._prefix}: {refusal}")
        self._warn_exists(kind, where)
        if not pulumi.runtime.is_dry_run():
            async with connected(connection) as cluster:
                await own_created_fields(cluster, kind, live, set_name)

    def _warn_of_rights(self, missing: str | None) -> None:
        if missing and missing not in self._said:
            self._said.add(missing)
            messages.warn(f"{self._prefix}: {missing}.", self._resource)

    def _warn_exists(self, kind: str, where: str) -> None:
        """Says with what Pulumi's provider updates an object that exists, where it would fail to create it."""
        if kind not in VERSIONED and (setting := setting_to_update_existing()):
            messages.warn(f"{self._prefix}: {conflicts.warning_of_existing(where, setting)}", self._resource)

    def _refuse_names(self, old_namespace: str, old: str, namespace: str, name: str, advice: str = "") -> None:
        """Raises where a StatefulSet that has claims is to have another name or another namespace."""
        volumes = self._volumes
        for refusal in [
            *namespace_refusals(old_namespace, namespace, name, volumes),
            *name_refusals([old], name, volumes),
        ]:
            raise RefusedError(" ".join(filter(None, [f"{self._prefix}: {refusal}", advice])))

    async def _refuse_namespace(self, name: str, namespace: KubernetesObject | None) -> None:
        for refusal in deletion_refusals(namespace):
            raise RefusedError(f"{self._prefix}: {refusal}")
        if self._creates and self._volumes and await self._namespace.is_deleted_with_the_program():
            messages.warn(f"{self._prefix}: {creation_warning(name)}", self._resource)

    async def _check_and_prepare(
        self, cluster: Cluster, desired: DesiredStatefulSet, *, is_update: bool, has_turn: bool = False
    ) -> None:
        where = desired.where(cluster)
        # Side by side, as all that follows: what depends on each other takes a round trip each.
        namespace, live = await asyncio.gather(read_namespace(cluster, where[0]), cluster.get_stateful_set(*where))
        await self._refuse_namespace(where[0], namespace)
        live = await after_deletion(cluster, live, self._say)
        if live is not None and desired.change.autoscaled:
            desired = desired.with_replicas(live)
        seen = Snapshot(cluster)
        desired = replace(desired, change=await with_chosen_snapshots(seen, desired.change, live))
        recreate = await refuse_or_recreate(
            seen, desired.change, live, self._resource, self._said, self._judged_services
        )
        missing, replaced = await missing_claims(seen, desired.change)
        recreate = recreate or (bool(replaced) and live is not None)
        if recreate and desired.protected:
            raise RefusedError(
                f"{self._prefix}: the StatefulSet is protected, and this change deletes it (its Pods and claims are "
                "kept) and creates it again. Remove protect for one pulumi up."
            )
        claims = await live_claims(seen, live) if live is not None else []
        if live is not None and not is_update and desired.change.owns(live):
            self._refuse_replacement(live, claims)
        for text in restored_claim_messages(missing, replaced):
            self._say(text)
        names = {claim["metadata"]["name"] for claim in replaced}
        versions = await version_work(seen, desired.change, live, claims, names)
        if live is None or is_update or recreate:
            await self._predict(seen, desired, live, claims, recreate=recreate, replaced=replaced)
        else:
            self._is_unknown("the StatefulSet exists: it is adopted, or replaced")
        if not has_turn and await self._wait_for_turn(cluster, live):
            # The others have changed meanwhile, and so may this one have.
            await self._check_and_prepare(cluster, desired, is_update=is_update, has_turn=True)
            return
        if await is_to_be_formed(seen, live, claims, desired.change):
            self._say("form_cluster runs when the first instances run, unless its check says that there is a cluster.")
        snapshots = await snapshot_work(seen, desired.change, live, claims, self._operation.forecast)
        for line in [*(versions.lines if versions else ()), *(snapshot_lines(snapshots) if snapshots else ())]:
            self._say(f"{line}.")
        if pulumi.runtime.is_dry_run():
            return
        await self._before_the_change(cluster, desired, live, versions, snapshots)
        await self._prepare_cluster(cluster, desired, live, missing, replaced, recreate=recreate, is_update=is_update)

    async def _prepare_cluster(
        self,
        cluster: Cluster,
        desired: DesiredStatefulSet,
        live: KubernetesObject | None,
        missing: Sequence[KubernetesObject],
        replaced: Sequence[KubernetesObject],
        *,
        recreate: bool,
        is_update: bool,
    ) -> None:
        if live is None and self._turn is not None and not self._operation.joins:
            self._turn.created.add(desired.metadata["name"])
        if self._operation.joins and desired.change.members is not None:
            metadata = {**desired.metadata, "namespace": desired.where(cluster)[0]}
            await note_none_joined(cluster, metadata, desired.change.members)
        if live is not None and desired.keeps_replicas:
            desired = desired.with_replicas(live)
        # What cannot be predicted is held back as well: steps without an outdated instance are passed at once.
        forecast = self._operation.forecast
        await prepare_cluster(
            cluster,
            desired,
            live,
            missing,
            replaced,
            recreate=recreate,
            is_update=is_update,
            in_steps=desired.change.rollout is not None and (forecast is None or forecast.changes_template),
            in_place=bool(forecast and forecast.resizes.pods),
        )

    async def _wait_for_turn(self, cluster: Cluster, live: KubernetesObject | None) -> bool:
        """Whether it had to be waited until the groups before this one are complete: where its instances stop.

        Those of which none is ready do not wait: the others may need them.
        """
        operation = self._operation
        if self._turn is None or live is None or pulumi.runtime.is_dry_run() or operation.desired is None:
            return False
        forecast, change = operation.forecast, operation.desired.change
        removed = forecast is None or (forecast.of(InstanceOutcome.REMOVED) and not forecast.in_turn)
        stops = (
            forecast is None
            or removed
            # With OnDelete nothing restarts for what is sent, and the order of the groups is found afterwards.
            or (forecast.order and not change.leader_last)
            or any(each.restarts for each in forecast.resizes.pods.values())
        )
        if not stops or not live.get("status", {}).get("readyReplicas"):
            return False
        return await self._turn.wait(cluster, live["metadata"]["namespace"], change.group, forecast, self._say)

    async def _before_the_change(
        self,
        cluster: Cluster,
        desired: DesiredStatefulSet,
        live: KubernetesObject | None,
        versions: VersionWork | None,
        snapshots: SnapshotWork | None,
    ) -> None:
        """Does in ``up`` what must succeed before anything is changed. Raises RefusedError where it does not."""
        if live is None:
            return
        if versions is not None:
            await note_versions(cluster, live, versions.notes)
            await check_version(cluster, self._prefix, versions)
        if snapshots is not None:
            await take_snapshots(cluster, self._prefix, live, desired.change.stateful_set, snapshots, self._resource)

    def _refuse_replacement(self, live: KubernetesObject, claims: Sequence[KubernetesObject]) -> None:
        for refusal in replacement_refusals(live, claims):
            raise RefusedError(f"{self._prefix}: {refusal}")
        messages.warn(f"{self._prefix}: {replacement_warning(live)}", self._resource)
        self._warn_exists(STATEFUL_SET, f"StatefulSet {live['metadata']['namespace']}/{live['metadata']['name']}")

    async def _predict(
        self,
        cluster: Cluster,
        desired: DesiredStatefulSet,
        live: KubernetesObject | None,
        claims: Sequence[KubernetesObject],
        *,
        recreate: bool,
        replaced: Sequence[KubernetesObject] = (),
    ) -> None:
        """Says what the change does to every instance and claim; raises where it would replace what is held back."""
        namespace, _ = desired.where(cluster)
        as_found = live
        if self._operation.joins:
            as_found = _with_replicas({"metadata": {**desired.metadata, "namespace": namespace}, "spec": desired.spec})
        notes = await noted_members(cluster, desired.change, as_found)
        if notes is not None and self._operation.joins:
            notes = replace(notes, none_joined=True)
        try:
            predicted = await predict(
                cluster,
                namespace,
                desired.metadata,
                desired.spec,
                live,
                recreate=recreate,
                takes_over=desired.change.takes_over,
                leader_last=desired.change.leader_last,
                resize=desired.change.resize,
                in_turn=notes is not None and _in_turn(desired.change, live or {"spec": desired.spec}, notes),
            )
        except ClusterError as error:
            why = f"the effect on the instances could not be determined: {error.problem}"
            self._is_unknown(why)
            if forecasts():
                self._not_checked(why, error, _WITHOUT_FORECAST)
            return
        if predicted is not None and replaced:
            predicted = predicted.with_restored([claim["metadata"]["name"] for claim in replaced])
        self._operation = replace(self._operation, forecast=predicted)
        if predicted is None:
            why = "the StatefulSet has values that are not known yet"
            self._is_unknown(why)
            self._say(f"what this change does to the instances is not known before the update: {why}.")
            return
        plan = desired.change.rollout
        adopting = live is not None and not desired.change.owns(live)
        for refusal in [
            *held_back_refusals(predicted, adopting=adopting, in_steps=plan is not None),
            *member_refusals(desired.change, as_found, notes, predicted),
            *resize_refusals(predicted, namespace),
        ]:
            raise RefusedError(f"{self._prefix}: {refusal}")
        removed = predicted.of(InstanceOutcome.REMOVED)
        await refuse_to_end_claims(cluster, desired.change, claims, predicted.ending, removed)
        if live is not None or self._operation.joins:
            messages.info(forecast_message(self._prefix, predicted), self._resource)
            if plan is not None and predicted.changes_template and predicted.order:
                steps = plan.described(len(desired_ordinals({"spec": desired.spec})))
                self._say(f"rollout in steps: {steps}")

    def _not_checked(self, why: str, error: ClusterError | None = None, advice: str = "") -> None:
        """What cannot be examined is not done: a preview warns, and ``up`` ends before anything is sent.

        Raises the error that is the cause, if it says all. ``advice`` says how to go on all the same.
        """
        if pulumi.runtime.is_dry_run():
            self._warn_not_checked(why)
            return
        if error is not None and error.problem == why:
            raise error
        raise RefusedError(
            f"{self._prefix}: this change cannot be checked against the cluster, so it is not made: {why}.{advice}"
        )

    def _is_unknown(self, why: str) -> None:
        self._operation = replace(self._operation, unknown_because=why)

    def _warn_not_checked(self, why: str) -> None:
        self._is_unknown(why)
        if not self._warned:
            self._warned = True
            messages.warn(f"{self._prefix}: this change was not checked against the cluster: {why}.", self._resource)


def _in_turn(change: Change, live: KubernetesObject, notes: MemberNotes) -> bool:
    """Whether instances are added and removed one after another: not where all stop, and not where all start."""
    group = change.members.group if change.members else None
    leaves = group is not None and group.others_stay
    stops = change.stateful_set["spec"].get("replicas") == 0 and not leaves
    return notes.none_joined or (members_of(live, notes) > 0 and not stops)


def _with_replicas(stateful_set: KubernetesObject, replicas: int = 0) -> KubernetesObject:
    return {**stateful_set, "spec": {**stateful_set["spec"], "replicas": replicas}}
