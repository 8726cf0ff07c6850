"""Guards a StatefulSet: what is refused and done happens in the engine's operation on it, and in no other.

The engine tells a program neither what it targets nor whether it runs for ``up``, ``refresh`` or ``destroy``; a hook
is the only sign that it operates on a resource. So the hooks of the StatefulSet refuse and recreate, and only
after one of them has run are volumes expanded and Pods evicted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
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
    IDENTITY_ANNOTATION,
    pod_name,
)
from pulumi_stateful_service.foundation.outputs import UNKNOWN, contains_unknown, on_open_properties, resolve
from pulumi_stateful_service.live.after.application_versions import check_version, note_versions
from pulumi_stateful_service.live.after.recovery import note_nothing_to_recover
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
    read_ahead,
    refuse_or_recreate,
    refuse_to_end_claims,
    rendering_warnings,
    unfinished_work,
)
from pulumi_stateful_service.live.before.rebuild import refusals_to_rebuild
from pulumi_stateful_service.live.before.recovery import is_new, recovery_line
from pulumi_stateful_service.live.before.refusals.held_back import held_back_refusals
from pulumi_stateful_service.live.before.refusals.identity import name_refusals, namespace_refusals
from pulumi_stateful_service.live.before.refusals.members import member_refusals
from pulumi_stateful_service.live.before.refusals.namespaces import creation_warning, deletion_refusals
from pulumi_stateful_service.live.before.refusals.replacement import replacement_refusals, replacement_warning
from pulumi_stateful_service.live.before.refusals.resize import resize_refusals
from pulumi_stateful_service.live.before.refusals.restore import restored_claim_messages
from pulumi_stateful_service.live.before.refusals.transforms import transform_refusals
from pulumi_stateful_service.live.before.refusals.update import changes_by_others, removal_warning
from pulumi_stateful_service.live.before.roll_back import with_chosen_snapshots
from pulumi_stateful_service.live.before.volume_snapshots import snapshot_lines, snapshot_work
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, NoClusterError
from pulumi_stateful_service.live.client.snapshot import Snapshot
from pulumi_stateful_service.live.joining_group import joins_others, without_instances
from pulumi_stateful_service.live.member_notes import note_none_joined
from pulumi_stateful_service.live.namespace_source import NamespaceSource, advice_on_replacement, read_namespace
from pulumi_stateful_service.live.object_guard import ObjectGuard
from pulumi_stateful_service.live.operation import Operation, OperationKind
from pulumi_stateful_service.live.prepare_cluster import (
    STATEFUL_SET,
    after_deletion,
    prepare_cluster,
)
from pulumi_stateful_service.live.provider import forecasts, reads_cluster
from pulumi_stateful_service.live.shared_hooks import shared_hook
from pulumi_stateful_service.live.state.application_versions import VersionWork
from pulumi_stateful_service.live.state.claim_owners import retains_claims
from pulumi_stateful_service.live.state.field_managers import restart_outside_pulumi
from pulumi_stateful_service.live.state.member_changes import MemberNotes, members_of
from pulumi_stateful_service.live.state.removed_fields import removed_fields
from pulumi_stateful_service.live.state.stateful_set_fields import added_volumes, desired_ordinals, identity_note
from pulumi_stateful_service.live.state.volume_snapshots import SnapshotWork
from pulumi_stateful_service.live.turns import GroupTurn
from pulumi_stateful_service.live.verdicts import Verdicts

_NOT_THERE, _NOT_READ = "Pulumi's state has the StatefulSet, the cluster does not", "the cluster was not read"
"""Why it is not known what becomes of a StatefulSet that the engine leaves as it is."""
_PROTECTED = (
    "the StatefulSet is protected, and this change deletes it (its Pods and claims are kept) and creates it again. "
    "Remove protect for one pulumi up."
)
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
        self._verdicts = Verdicts(prefix, resource)
        self._change = change
        self._connection = connection
        self._resource = resource
        self._volumes = volumes
        self._namespace = namespace
        self._operation = Operation()
        self._judged_services = set() if judged_services is None else judged_services
        self._objects = ObjectGuard(self._verdicts, change, connection, volumes, self._judged_services)
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
        self._verdicts.warn(removal_warning(live, removed))

    def tell_programs(self) -> None:
        """Tells what this preview has found, for programs that read its log. Called once the engine is done."""
        operation = self._operation
        # Without an operation nothing is changed, which is to be known: the StatefulSet was read, and is there.
        forecast = operation.forecast if operation.kind is not None else NO_CHANGE if operation.live_uid else None
        unknown_because = self._verdicts.unknown_because or (_NOT_READ if operation.live_uid is None else _NOT_THERE)
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
                    created = self._turn.created if self._turn else ()
                    joins = await joins_others(cluster, self._verdicts.prefix, desired, created)
                    self._operation = replace(self._operation, changed_by_others=[], joins=joins)
                    return absent  # An up that was killed may have left none.
                if not desired.change.owns(live):
                    return Seen(live) if desired.change.adopt else Seen(deletes_first=False)
                change, seen = desired.change.known_with(live), Snapshot(cluster)
                self._operation = replace(self._operation, live=live)
                self._note_changes_by_others(live, change)
                claims = await live_claims(seen, live)
                for warning in live_warnings(live, claims, change):
                    self._verdicts.warn_once(warning)
                is_unfinished = await unfinished_work(seen, live, claims, change)
                is_refused = await is_replacement_refused(seen, live, claims, change)
                return Seen(live, last_attempt(live) + is_unfinished, deletes_first=not is_refused)
        except NoClusterError:
            return absent
        except ClusterError as error:
            # Nothing is sent here. An operation that the engine decides on is examined, or does not begin.
            self._verdicts.warn_not_judged(error.problem)
            return Seen(attempt=None, deletes_first=False)

    def _note_changes_by_others(self, live: KubernetesObject, change: Change) -> None:
        restart = restart_outside_pulumi(live)
        changes = changes_by_others(live, change.stateful_set, autoscaled=change.autoscaled)
        changes += [(restart, True)] if restart else []
        self._operation = replace(self._operation, changed_by_others=changes)

    async def _before(self, args: pulumi.ResourceHookArgs) -> None:
        try:
            await self._examine(args)
        except RefusedError as error:
            self._tell_programs(None, str(error).removeprefix(f"{self._verdicts.prefix}: "), is_refused=True)
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
        else:
            await self._objects.examine(kind, args)

    async def _before_stateful_set(self, args: pulumi.ResourceHookArgs) -> None:
        if not reads_cluster():
            self._verdicts.warn_not_judged(
                "stateful-service:readCluster is false. No change is refused, volumes are neither expanded nor "
                "snapshotted, rollout has no steps, no member joins or leaves, and pulumi up does not wait for the "
                "rollout"
            )
            return
        connection, registered = await self._connection(), self._operation.registered
        if connection is None or registered is None:
            self._verdicts.not_judged("the settings of its provider are not known yet")
            return
        desired = await self._sent_by(args, registered)
        if connection.renders:
            self._warn_of_rendering(desired)
            self._verdicts.unknown_because = "manifests are rendered, and the cluster is not read"
            return
        if not desired.is_named:
            self._verdicts.not_judged("its name or namespace is not known yet")
            return
        try:
            async with connected(connection) as cluster:
                if args.old_outputs is not None:
                    old, (namespace, name) = args.old_outputs["metadata"], desired.where(cluster)
                    known, known_name = old.get("namespace") or namespace, old.get("name", name)
                    advice = ""
                    if known != namespace and self._volumes:
                        advice = await advice_on_replacement(cluster, self._namespace, known, namespace, known_name)
                    refusals = namespace_refusals(known, namespace, name, self._volumes)
                    refusals += name_refusals([known_name], name, self._volumes)
                    self._verdicts.refuse(refusals, advice)
                    desired = desired.with_uid(args.old_outputs["metadata"].get("uid"))
                await self._check_and_prepare(cluster, desired, is_update=args.old_inputs is not None)
        except NoClusterError:
            return
        except ClusterError as error:
            self._verdicts.not_judged(error.problem, error)

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
        self._verdicts.refuse([f"{'; '.join(refusals)}."] if refusals else [])
        self._operation = replace(self._operation, sent=sent)
        return sent

    def _warn_of_rendering(self, desired: DesiredStatefulSet) -> None:
        for warning in rendering_warnings(desired.change):
            self._verdicts.warn(warning)

    async def _refuse_namespace(self, name: str, namespace: KubernetesObject | None) -> None:
        self._verdicts.refuse(deletion_refusals(namespace))
        if self._creates and self._volumes and await self._namespace.is_deleted_with_the_program():
            self._verdicts.warn(creation_warning(name))

    async def _check_and_prepare(
        self, cluster: Cluster, desired: DesiredStatefulSet, *, is_update: bool, has_turn: bool = False
    ) -> None:
        where = desired.where(cluster)
        # Side by side, as all that follows: what depends on each other takes a round trip each.
        seen = Snapshot(cluster)
        reads = [read_ahead(seen, where[0], desired.change)] if self._creates else []
        namespace, found, *_ = await asyncio.gather(
            read_namespace(cluster, where[0]), cluster.get_stateful_set(*where), *reads
        )
        await self._refuse_namespace(where[0], namespace)
        live = await after_deletion(cluster, found, self._verdicts.say)
        if live is not found:
            seen = Snapshot(cluster)  # what was read is of the time before
        if live is not None and desired.change.autoscaled:
            desired = desired.with_replicas(live)
        desired = replace(desired, change=await with_chosen_snapshots(seen, desired.change, live))
        recreate = await refuse_or_recreate(
            seen, desired.change, live, self._resource, self._verdicts.said, self._judged_services
        )
        missing, replaced = await missing_claims(seen, desired.change)
        recreate = recreate or (bool(replaced) and live is not None)
        if recreate and desired.protected:
            self._verdicts.refuse([_PROTECTED])
        claims = await live_claims(seen, live) if live is not None else []
        if live is not None and not is_update and desired.change.owns(live):
            self._refuse_replacement(live, claims)
        for text in restored_claim_messages(missing, replaced):
            self._verdicts.say(text)
        names = {claim["metadata"]["name"] for claim in replaced}
        versions = await version_work(seen, desired.change, live, claims, names)
        if live is None or is_update or recreate:
            await self._predict(seen, desired, live, claims, recreate=recreate, replaced=replaced)
        else:
            self._verdicts.unknown_because = "the StatefulSet exists: it is adopted, or replaced"
        if not has_turn and await self._wait_for_turn(cluster, live):
            # The others have changed meanwhile, and so may this one have.
            await self._check_and_prepare(cluster, desired, is_update=is_update, has_turn=True)
            return
        await self._say_what_runs(seen, desired.change, live, claims)
        snapshots = await snapshot_work(seen, desired.change, live, claims, self._operation.forecast)
        for line in [*(versions.lines if versions else ()), *(snapshot_lines(snapshots) if snapshots else ())]:
            self._verdicts.say(f"{line}.")
        if pulumi.runtime.is_dry_run():
            return
        await self._before_the_change(cluster, desired, live, versions, snapshots)
        await self._prepare_cluster(cluster, desired, live, missing, replaced, recreate=recreate, is_update=is_update)

    async def _say_what_runs(
        self, cluster: Cluster, change: Change, live: KubernetesObject | None, claims: Sequence[KubernetesObject]
    ) -> None:
        """Says which commands of the program run once. Raises RefusedError for a recovery that must not be done."""
        if await is_to_be_formed(cluster, live, claims, change):
            self._verdicts.say(
                "form_cluster runs when the first instances run, unless its check says that there is a cluster."
            )
        is_preview = pulumi.runtime.is_dry_run()
        line = await recovery_line(cluster, live, claims, change, asks=is_preview)
        if line and is_preview:
            self._verdicts.say(f"{line}.")

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
        if desired.change.recovery is not None and await is_new(cluster, live, desired.change):
            await note_nothing_to_recover(cluster, *desired.where(cluster), desired.change.recovery)
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
            # One that is rebuilt is counted when it is its turn, and may be what makes the others ready.
            or (set(forecast.order) - set(forecast.rebuilt_pods) and not change.leader_last)
            or any(each.restarts for each in forecast.resizes.pods.values())
        )
        if not stops or not live.get("status", {}).get("readyReplicas"):
            return False
        return await self._turn.wait(cluster, live["metadata"]["namespace"], change.group, forecast, self._verdicts.say)

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
            await check_version(cluster, self._verdicts.prefix, versions)
        if snapshots is not None:
            await take_snapshots(
                cluster, self._verdicts.prefix, live, desired.change.stateful_set, snapshots, self._resource
            )

    def _refuse_replacement(self, live: KubernetesObject, claims: Sequence[KubernetesObject]) -> None:
        self._verdicts.refuse(replacement_refusals(live, claims))
        self._verdicts.warn(replacement_warning(live))
        self._objects.warn_exists(
            STATEFUL_SET, f"StatefulSet {live['metadata']['namespace']}/{live['metadata']['name']}"
        )

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
            as_found = without_instances(desired, namespace)
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
            self._verdicts.unknown_because = why
            if forecasts():
                self._verdicts.not_judged(why, error, _WITHOUT_FORECAST)
            return
        if predicted is not None and replaced:
            predicted = predicted.with_restored([claim["metadata"]["name"] for claim in replaced])
        self._operation = replace(self._operation, forecast=predicted)
        if predicted is None:
            why = "the StatefulSet has values that are not known yet"
            self._verdicts.unknown_because = why
            self._verdicts.say(f"what this change does to the instances is not known before the update: {why}.")
            return
        plan = desired.change.rollout
        adopting = live is not None and not desired.change.owns(live)
        self._verdicts.refuse(
            [
                *held_back_refusals(predicted, adopting=adopting, in_steps=plan is not None),
                *member_refusals(desired.change, as_found, notes, predicted),
                *resize_refusals(predicted, namespace),
                *await refusals_to_rebuild(cluster, desired.change, live, claims, predicted),
            ]
        )
        removed = predicted.of(InstanceOutcome.REMOVED)
        await refuse_to_end_claims(cluster, desired.change, claims, predicted.ending, removed)
        if live is not None or self._operation.joins:
            self._verdicts.say(forecast_message(predicted))
            if plan is not None and predicted.changes_template and predicted.order:
                steps = plan.described(len(desired_ordinals({"spec": desired.spec})))
                self._verdicts.say(f"rollout in steps: {steps}")


def _in_turn(change: Change, live: KubernetesObject, notes: MemberNotes) -> bool:
    """Whether instances are added and removed one after another: not where all stop, and not where all start."""
    group = change.members.group if change.members else None
    leaves = group is not None and group.others_stay
    stops = change.stateful_set["spec"].get("replicas") == 0 and not leaves
    return notes.none_joined or (members_of(live, notes) > 0 and not stops)
