"""One StatefulSet of a service, from its registration until its rollout is complete.

A service without groups has one, a service with groups one for each.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.defaults import (
    cluster_domain,
    growth_timeout_seconds,
    keeps_a_minimum,
    rollout_timeout_seconds,
    selector,
    sets_partition,
)
from pulumi_stateful_service.arguments.groups import Group, ServiceGroups
from pulumi_stateful_service.arguments.types import StatefulServiceArgs, WaitFor
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation import messages, names
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL
from pulumi_stateful_service.foundation.outputs import (
    UNKNOWN,
    Resolved,
    apply_inputs,
    apply_known,
    contains_unknown,
    output_of,
    resolve,
)
from pulumi_stateful_service.foundation.quorum import majority, min_available_count
from pulumi_stateful_service.live.after.follow_rollout import GroupTurns, current_rollout, wait_for_rollout
from pulumi_stateful_service.live.after.target import RolloutTarget, not_found
from pulumi_stateful_service.live.before.application_versions import wanted_version
from pulumi_stateful_service.live.before.change import Change, GroupOfService
from pulumi_stateful_service.live.before.forecast import NO_CHANGE, NOT_CHECKED, Forecast
from pulumi_stateful_service.live.before.rebuild import rebuild_plan
from pulumi_stateful_service.live.before.refusals.transforms import transform_refusals
from pulumi_stateful_service.live.client.cluster import connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.guard import Guard
from pulumi_stateful_service.live.namespace_source import NamespaceSource
from pulumi_stateful_service.live.operation import Operation
from pulumi_stateful_service.live.provider import applies_on_the_server
from pulumi_stateful_service.live.rollout_plan import leader_check, resize_plan, rollout_plan
from pulumi_stateful_service.live.state.application_versions import version_plan
from pulumi_stateful_service.live.state.claim_changes import desired_claims
from pulumi_stateful_service.live.state.claim_owners import retains_claims
from pulumi_stateful_service.live.state.cluster_forming import form_plan
from pulumi_stateful_service.live.state.member_changes import GroupMembers, member_plan
from pulumi_stateful_service.live.state.outdated_claims import requested_recreation
from pulumi_stateful_service.live.state.recovery import recovery_plan
from pulumi_stateful_service.live.state.rollout_status import Rollout
from pulumi_stateful_service.live.state.volume_snapshots import snapshot_labels, snapshot_plan
from pulumi_stateful_service.live.turns import GroupTurn, Turns
from pulumi_stateful_service.live.versions.version_guard import VersionGuard
from pulumi_stateful_service.live.versions.version_objects import VERSIONED
from pulumi_stateful_service.objects.shared import Shared
from pulumi_stateful_service.objects.storage import restored_claims
from pulumi_stateful_service.plan import Planned
from pulumi_stateful_service.resources import relied_on


@dataclass(frozen=True)
class Service:
    """What the groups of a service have together."""

    component: pulumi.ComponentResource
    name: str
    """The component's, in Pulumi."""
    prefix: str
    """Begins every message."""
    groups: ServiceGroups
    class_name: pulumi.Input[str] | None
    """The class of volumes that name none."""
    earlier: Sequence[pulumi.Input[str]]
    """The URNs that the component has by its aliases."""
    governing: Planned
    namespace: NamespaceSource
    connection: Callable[[], Awaitable[Connection | None]]
    turns: Turns
    judged_services: set[str] = field(default_factory=set)
    """Those that exist and were examined."""


class StatefulSetOfService:
    """The StatefulSet of one group."""

    def __init__(self, service: Service, group: Group, planned: Sequence[Planned], *, is_guarded: bool) -> None:
        """``planned`` are the resources of the group alone. Under Pulumi's mocks nothing is guarded."""
        self._service = service
        self._group = group
        self._args: StatefulServiceArgs = group.args
        self._prefix = f"{service.prefix}: group {group.name!r}" if group.name else service.prefix
        self.guard: Guard | None = None
        self.versions: VersionGuard | None = None
        self.resource: Any = None
        """The StatefulSet in Pulumi, once it is registered."""
        if is_guarded:
            self._guard({each.kind for each in planned} & {*VERSIONED})

    def _guard(self, kinds: Collection[str]) -> None:
        service, component = self._service, self._service.component
        volumes, turn = [volume["name"] for volume in self._args["volumes"]], None
        if self._group.name:
            turn = GroupTurn(service.turns, self._group.name, self._rollout_timeout_seconds)
        self.guard = Guard(
            self._prefix,
            self._change,
            service.connection,
            component,
            volumes,
            service.namespace,
            service.name,
            turn=turn,
            judged_services=service.judged_services,
        )
        self.versions = VersionGuard(self._prefix, service.connection, component, service.name, kinds)

    def options(self, kind: str, name: str) -> pulumi.ResourceOptions | None:
        """The options of a resource of the group, or of one that all groups have together, by its name in Pulumi."""
        if self.guard is None or self.versions is None:
            return None
        return self.versions.around(kind, name, self.guard.options(kind, name))

    async def after_groups_before(self, all_groups: Sequence["StatefulSetOfService"]) -> Resolved:
        """Done when the engine is done with the StatefulSets of the groups that are updated before this one.

        Its hook may wait for their rollouts, and an engine that does one thing at a time would never come to them.
        """
        by_name = {each._group.name: each for each in all_groups}  # noqa: SLF001 - of the same class
        order = await self._service.turns.order(self._read_broken)
        for name in order[: order.index(self._group.name)]:
            await by_name[name].resource.urn.future()
        return Resolved(None)

    async def _read_broken(self) -> Collection[str]:
        """The groups of which no instance is ready, as far as that can be read."""
        groups = self._service.groups
        connection = await self._service.connection() if self.guard is not None else None
        given = await resolve([groups.args.get("namespace"), dict(groups.set_names)])
        if connection is None or connection.renders or not given.known:
            return ()
        namespace, set_names = given.value
        urn = await self._service.component.urn.future()
        labels = {COMPONENT_LABEL: names.component_label(urn or "")}
        try:
            async with connected(connection) as cluster:
                found = await cluster.find_stateful_sets(namespace or cluster.default_namespace, labels)
        except ClusterError:
            return ()  # which the examination of each of them says
        ready = {each["metadata"]["name"] for each in found if each.get("status", {}).get("readyReplicas")}
        return {group for group, name in set_names.items() if name not in ready} if ready else ()

    async def _change(self, metadata: KubernetesObject, spec: KubernetesObject) -> Change:
        """Describes the change to a desired metadata and spec."""
        service, args = self._service, self._args
        urns = (await resolve(list(service.earlier))).value
        restored = restored_claims(Shared.of_group(service.groups, self._group), args, service.class_name)
        group = await self._group_of_service()
        budget = (group.service if group else metadata.get("name")) if keeps_a_minimum(args) else None
        return Change(
            prefix=self._prefix,
            component_labels=[
                (metadata.get("labels") or {}).get(names.COMPONENT_LABEL, ""),
                *map(names.component_label, urns),
            ],
            namespace=metadata.get("namespace"),
            stateful_set={"metadata": metadata, "spec": spec},
            governing_service=(await resolve(service.governing.fields)).value,
            disruption_budget=budget,
            recreate_keeping_pods=args.get("recreate_keeping_pods", False),
            adopt=args.get("adopt", False),
            autoscaled=args.get("autoscaled", False),
            takes_over=applies_on_the_server(),
            wait_for=(await resolve(args.get("wait_for", WaitFor.READY.value))).value,
            rollout=await apply_known(
                rollout_plan,
                args.get("rollout"),
                dict(args["ports"]),
                service.groups.instances_before(self._group),
                service.groups.args["replicas"],
            ),
            resize=resize_plan(args),
            leader_last="leader_last" in args,
            members=await apply_known(
                member_plan,
                args.get("members"),
                args["replicas"],
                args["service_name"],
                cluster_domain(args),
                await self._group_members(),
            ),
            restored_claims=(await resolve(restored)).value,
            snapshots=await apply_known(snapshot_plan, args.get("snapshots")),
            forming=await apply_known(form_plan, args.get("form_cluster"), args["service_name"], cluster_domain(args)),
            recovery=await apply_known(recovery_plan, args.get("recover"), args["service_name"], cluster_domain(args)),
            version=await apply_known(version_plan, args.get("version"), args.get("rollout")),
            # With groups they are of all of them together, and waited for.
            min_available=None if group else await apply_known(lambda number: number, args.get("min_available")),
            quorum=args.get("quorum", False) and group is None,
            group=group,
        )

    async def _group_of_service(self) -> GroupOfService | None:
        groups = self._service.groups
        if not groups.has_groups:
            return None
        args = groups.args
        given = await resolve(
            [
                list(groups.set_names.values()),
                args["name"],
                selector(args),
                apply_inputs(_required, args.get("quorum", False), args.get("min_available"), args["replicas"]),
            ]
        )
        return GroupOfService(self._group.name, *given.value) if given.known else None

    async def _group_members(self) -> GroupMembers | None:
        groups = self._service.groups
        if not groups.has_groups:
            return None
        notes = "" if self._group.keeps_set else self._group.name
        given = await resolve([selector(groups.args), groups.args["replicas"]])
        return GroupMembers(notes, given.value[0], given.value[1] > 0) if given.known else None

    def follow(self, wanted: KubernetesObject) -> pulumi.Output[Any]:
        """The rollout once it is complete; unknown in the preview of a change; None without an operation."""
        return output_of(self._follow(wanted))

    async def _follow(self, wanted: KubernetesObject) -> Resolved:
        try:
            followed = await self._followed(wanted)
        except BaseException:
            await self._service.turns.done(self._group.name, failed=True)
            raise
        await self._service.turns.done(self._group.name, failed=False)
        return followed

    async def _followed(self, wanted: KubernetesObject) -> Resolved:
        metadata, spec = (await resolve([self.resource.metadata, self.resource.spec])).value
        if self.guard is None:
            await self._refuse_transforms(wanted, metadata, spec)
        if contains_unknown(metadata):
            status: Any = UNKNOWN
        elif self.guard is None or not (metadata and metadata.uid):
            # Without an API server (mocks, rendered manifests) there is no identity, and nothing to wait for.
            status = Rollout()
        elif self.guard.operation.kind is None:
            status = None
            if spec and spec.template and not contains_unknown(spec):
                self.guard.warn_of_removed_fields(spec.template)
            if (live_uid := self.guard.operation.live_uid) not in (None, metadata.uid):
                missing = not_found(self._prefix, metadata.namespace, metadata.name, exists=bool(live_uid))
                messages.warn(missing, self._service.component)
        else:
            status = UNKNOWN if pulumi.runtime.is_dry_run() else await self._complete_rollout(metadata)
        if self.guard is not None:
            self.guard.tell_programs()
        # A kubeconfig is a secret, but which Pod runs which revision is not.
        return Resolved(status, resources=frozenset([self.resource]))

    async def state(self, followed: pulumi.Output[Any]) -> Resolved:
        """The state of the rollout. Without an operation of the engine it is read here, when an output needs it."""
        rollout = await resolve(followed)
        if rollout.value is None:
            metadata = (await resolve(self.resource.metadata)).value
            rollout = replace(rollout, value=await self._current_rollout(metadata))
        return rollout

    async def forecast(self) -> Forecast | None:
        """What the change does: known when the engine has begun it, in a preview too. None where it is not known."""
        await self.resource.urn.future()
        guard, forecast = self.guard, NO_CHANGE
        if guard is None or guard.operation.kind is not None:
            forecast = (guard and guard.operation.forecast) or NOT_CHECKED
        is_unknown = guard is not None and forecast is NOT_CHECKED and pulumi.runtime.is_dry_run()
        return None if is_unknown else forecast

    async def _current_rollout(self, metadata: Any) -> Any:
        """The rollout of the live StatefulSet as it is, where the engine does not operate on it."""
        connection = await self._service.connection()
        if connection is None or connection.renders:
            return Rollout()
        target = await self._target(metadata)
        return UNKNOWN if target is None else await current_rollout(connection, target) or Rollout()

    async def _complete_rollout(self, metadata: Any) -> Any:
        """The rollout of the StatefulSet that the engine has sent, when it is complete."""
        rollout: Any = Rollout()
        connection = await self._service.connection()
        if connection is not None and not connection.renders:
            target = await self._target(metadata)
            if target is None:
                rollout = UNKNOWN
            else:
                rollout = await wait_for_rollout(connection, target, self._service.component, self._turns())
        if self.versions is not None:
            is_new = self.guard is not None and self.guard.operation.has_created(metadata.uid)
            await self.versions.delete_superseded(metadata.namespace, metadata.name, is_new=is_new)
        return rollout

    def _turns(self) -> GroupTurns | None:
        turns, name = self._service.turns, self._group.name
        return GroupTurns(partial(turns.member_step, name), partial(turns.leader_turn, name)) if name else None

    async def _rollout_timeout_seconds(self) -> int:
        return int((await resolve(rollout_timeout_seconds(self._args))).value)

    async def _target(self, metadata: Any) -> RolloutTarget | None:
        """What is followed: the StatefulSet with this metadata, as the guard's operation has it; None if not known."""
        args = self._args
        operation = self.guard.operation if self.guard is not None else Operation()
        desired = operation.desired
        settings = await resolve(
            [
                selector(args),
                args.get("max_unavailable"),
                rollout_timeout_seconds(args),
                growth_timeout_seconds(args),
                args.get("wait_for", WaitFor.READY.value),
            ]
        )
        if not settings.known or desired is None:
            return None
        claim_labels, max_unavailable, rollout_seconds, growth_seconds, wait_for = settings.value
        change, forecast = desired.change, operation.forecast
        return RolloutTarget(
            change.prefix,
            metadata.namespace,
            metadata.name,
            metadata.uid,
            metadata.generation,
            desired_claims(change.stateful_set),
            claim_labels,
            max_unavailable,
            rollout_seconds,
            growth_seconds,
            plan=change.rollout,
            resize=change.resize if forecast is not None and forecast.resizes.pods else None,
            is_released=sets_partition(args) and change.rollout is None,
            leader=await apply_known(leader_check, args.get("leader_last"), dict(args["ports"])),
            members=change.members,
            forming=change.forming,
            recovery=change.recovery,
            version=wanted_version(change),
            recreation=requested_recreation(change.stateful_set),
            rebuild=rebuild_plan(change),
            releases_claims=retains_claims(change.stateful_set) and not operation.has_created(metadata.uid),
            restart_to_grow=args.get("restart_to_grow", False),
            replace_unready=args.get("replace_unready", False),
            wait_for=wait_for,
            snapshot_labels=snapshot_labels(metadata.name, change.component_labels[0]) if "snapshots" in args else {},
        )

    async def _refuse_transforms(self, wanted: KubernetesObject, metadata: Any, spec: Any) -> None:
        """Raises where a transformation has changed what the component relies on: under mocks, as the guard does."""
        fields = await resolve([wanted["metadata"]["annotations"], relied_on(wanted["spec"])])
        made = relied_on(spec)
        if not made or contains_unknown([fields.value, metadata, spec]):
            return
        annotations, relied = fields.value
        before = {"metadata": {"annotations": annotations}, "spec": relied}
        after = {"metadata": {"annotations": dict((metadata and metadata.annotations) or {})}, "spec": made}
        if refusals := transform_refusals(before, after, created=True):
            raise RefusedError(f"{self._prefix}: {'; '.join(refusals)}.")


def _required(quorum: bool, min_available: int | str | None, replicas: int) -> int | None:
    """How many instances of all groups must stay available."""
    if quorum:
        return majority(replicas)
    return None if min_available is None else min_available_count(min_available, replicas)
