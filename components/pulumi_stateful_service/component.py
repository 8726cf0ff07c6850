"""The component: registers what is planned, in order, and gives the names that other stacks need."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pulumi
from pulumi.runtime.mocks import MockMonitor

from pulumi_stateful_service.aliases import earlier_urns, with_aliases_of_children
from pulumi_stateful_service.arguments.check_arguments import check_arguments
from pulumi_stateful_service.arguments.cross_checks.cross_checks import CrossChecks
from pulumi_stateful_service.arguments.cross_checks.unique_names import reserve_name
from pulumi_stateful_service.arguments.defaults import (
    cluster_domain,
    growth_timeout_seconds,
    keeps_a_minimum,
    rollout_timeout_seconds,
    selector,
    sets_partition,
)
from pulumi_stateful_service.arguments.resource_options import check_options
from pulumi_stateful_service.arguments.types import StatefulServiceArgs, WaitFor
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation import messages, names
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import COMPONENT_TYPE, Instance
from pulumi_stateful_service.foundation.outputs import (
    UNKNOWN,
    Independent,
    Resolved,
    apply_inputs,
    apply_known,
    contains_output,
    contains_unknown,
    output_of,
    resolve,
    without_dependencies,
)
from pulumi_stateful_service.live.after.follow_rollout import current_rollout, wait_for_rollout
from pulumi_stateful_service.live.after.target import RolloutTarget, not_found
from pulumi_stateful_service.live.before.application_versions import wanted_version
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.forecast import NO_CHANGE, NOT_CHECKED, ForecastOutput
from pulumi_stateful_service.live.before.refusals.transforms import transform_refusals
from pulumi_stateful_service.live.callback_server import start_callback_server
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.guard import Guard
from pulumi_stateful_service.live.namespace_source import NamespaceSource
from pulumi_stateful_service.live.provider import applies_on_the_server, connection_of
from pulumi_stateful_service.live.rollout_plan import leader_check, resize_plan, rollout_plan
from pulumi_stateful_service.live.state.application_versions import version_plan
from pulumi_stateful_service.live.state.claim_changes import desired_claims
from pulumi_stateful_service.live.state.claim_owners import retains_claims
from pulumi_stateful_service.live.state.member_changes import member_plan
from pulumi_stateful_service.live.state.outdated_claims import requested_recreation
from pulumi_stateful_service.live.state.rollout_status import Rollout
from pulumi_stateful_service.live.state.volume_snapshots import snapshot_labels, snapshot_plan
from pulumi_stateful_service.live.versions.version_guard import VersionGuard
from pulumi_stateful_service.live.versions.version_objects import VERSIONED
from pulumi_stateful_service.objects.shared import Shared
from pulumi_stateful_service.objects.storage import restored_claims
from pulumi_stateful_service.plan import GOVERNING, After, Planned, plan
from pulumi_stateful_service.resources import RESOURCES, arguments_of, relied_on
from pulumi_stateful_service.service_outputs import service_outputs


class StatefulService(pulumi.ComponentResource):
    """A stateful distributed application on Kubernetes: instances with stable names and a disk each.

    Creates the governing headless Service, then the StatefulSet, then the Services for clients, if requested. Before
    the StatefulSet it creates, if requested, a storage class, a Secret, a PodDisruptionBudget and a NetworkPolicy.
    ``pulumi destroy`` deletes what was created; the PersistentVolumeClaims, and with them the data, are kept.

    Source: the chapter Stateful Service of *Kubernetes Patterns*.
    """

    service_name: pulumi.Output[str]
    """Name of the governing Service."""
    stateful_set_name: pulumi.Output[str]
    """Name of the StatefulSet."""
    namespace: pulumi.Output[str]
    """The namespace of both."""
    service_address: pulumi.Output[str]
    """DNS name of the governing Service: its addresses are those of all ready instances, its SRV records name them."""
    ready_address: pulumi.Output[str]
    """The same name, known when the rollout is complete: what uses it is created or updated after the instances."""
    srv_names: pulumi.Output[Mapping[str, str]]
    """For each port, by its name, the DNS name whose SRV records list every ready instance with that port's number."""
    instances: pulumi.Output[Sequence[Instance]]
    """For each ordinal the Pod's name, its stable DNS name and the names of its claims."""
    storage_class_name: pulumi.Output[str | None]
    """Name of the storage class of the volumes that have none of their own; absent for the cluster's default."""
    load_balancer_address: pulumi.Output[str | None]
    """Where clients reach the load-balancing Service: the address that the cluster's load balancer gave it, or for the
    other types its DNS name. Absent without a load-balancing Service."""
    client_service_addresses: pulumi.Output[Mapping[str, str]]
    """Where clients reach each of ``client_services``, by its name: the address that the cluster's load balancer gave
    it, or for the other types its DNS name. Without those that have no address yet."""
    instance_service_addresses: pulumi.Output[Mapping[str, str]]
    """Where clients reach each instance that has a Service of its own, by its Pod's name: the address that the
    cluster's load balancer gave it, or for the other types its DNS name. Without those that have no address yet."""
    secret_env_name: pulumi.Output[str | None]
    """Name of the Secret with the values of ``secret_env``, by the names of the variables. Other values have another
    one. Absent without them."""
    config_files_name: pulumi.Output[str | None]
    """Name of the ConfigMap with the text of ``config_files``, by the names of the files in the volume
    ``config-files``. Other text has another one. Absent without them."""
    secret_files_name: pulumi.Output[str | None]
    """Name of the Secret with the text of ``secret_files``, by the names of the files in the volume ``secret-files``.
    Other text has another one. Absent without them."""
    current_revision: pulumi.Output[str | None]
    """The revision that instances below the partition run (``status.currentRevision``)."""
    update_revision: pulumi.Output[str | None]
    """The revision of the arguments as they are (``status.updateRevision``)."""
    revisions: pulumi.Output[Mapping[str, str]]
    """The revision that each instance runs, by its Pod's name."""
    outdated: pulumi.Output[Sequence[str]]
    """The Pods that do not run the update revision: those held back by ``canary`` or ``partition``, or with
    ``OnDelete`` those that were not deleted yet."""
    outdated_claims: pulumi.Output[Sequence[str]]
    """The claims that differ from those that new instances get: another class, a smaller size and so on. See
    ``recreate_claims``."""
    snapshots: pulumi.Output[Mapping[str, str]]
    """The newest VolumeSnapshot of each claim that ``pulumi up`` has made before a change and that is ready to use, by
    the claim's name. Empty without the argument ``snapshots``."""
    restore_tests: pulumi.Output[Mapping[str, str]]
    """When each VolumeSnapshot that is still there was restored and passed ``snapshots.restore_test`` (UTC, RFC 3339),
    by the VolumeSnapshot's name. Empty without that argument."""
    forecast: pulumi.Output[ForecastOutput]
    """What the change of this ``pulumi up``, or of this preview, does to every instance and every claim."""

    def __init__(
        self,
        name: str,
        args: StatefulServiceArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the service.

        ``name`` is the component's name, and the StatefulSet's where ``args`` has none. Raises ArgumentError for
        arguments that cannot work and for options that have no effect, before anything is changed in the cluster.
        """
        check_options(_prefix(name), opts)
        earlier = earlier_urns(name, opts)
        super().__init__(COMPONENT_TYPE, name, None, with_aliases_of_children(name, opts, earlier))
        self._name = name
        self._args, checks = check_arguments(name, args, self)
        self._class_name = _class_name(self._args)
        planned = plan(self._args, self._class_name, self._component_label())
        stages = {after: [each for each in planned if each.after is after] for after in After}
        [wanted] = stages[After.PREREQUISITES]

        checked = self._checked(checks)
        self._namespace = NamespaceSource(self._args.get("namespace"), opts and opts.depends_on)
        guards = self._new_guards(checks.prefix, earlier, planned)
        self._guard: Guard | None = guards[0]
        self._versions: VersionGuard | None = guards[1]
        first = [(each, self._register(each, checked)) for each in stages[After.CHECKS]]
        prerequisites = [resource for _, resource in first]
        governing = prerequisites[-1]
        self._stateful_set = self._register_stateful_set(wanted, prerequisites)
        rollout = output_of(self._follow(wanted.fields))
        ready = output_of(_once(rollout.future(), self._stateful_set)) if stages[After.ROLLOUT] else None
        after = [(each, self._register(each, [ready])) for each in stages[After.ROLLOUT]]
        clients = [(each, resource) for each, resource in [*first, *after] if each.role]
        versions = {each.suffix: resource for each, resource in first if each.kind in VERSIONED}
        if self._versions is not None:
            self._versions.registered = list(versions.values())
        self._outputs = service_outputs(
            self._args,
            self._class_name,
            governing,
            rollout,
            partial(self._state, rollout),
            self._forecast,
            clients,
            versions,
        )

    if not TYPE_CHECKING:  # which knows the outputs above, and reports any other name

        def __getattr__(self, name: str) -> Any:
            """An output, created when it is first used."""
            if (create := self.__dict__.get("_outputs", {}).get(name)) is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            output = pulumi.Output.from_input(create())
            setattr(self, name, output)
            return output

    def _checked(self, checks: CrossChecks) -> list[pulumi.Output[Any]]:
        """What waits for the arguments to be known and right: nothing where they are already."""
        where: list[Any] = [self._args.get("namespace"), self._args["name"]]
        if checks.are_done and not contains_output(where):
            reserve_name(checks, self._name, *where)
            return []

        async def check() -> None:
            await checks.run()
            given = await resolve(where)
            if given.known:
                reserve_name(checks, self._name, *given.value)

        return [output_of(_once(check()))]

    def _component_label(self) -> Any:
        # Not an Output of the URN: a child that depends on its component waits for itself.
        async def label() -> Resolved:
            return Resolved(names.component_label(cast("str", await self.urn.future())))

        return output_of(label(), Independent)

    def _register(self, planned: Planned, after: Sequence[Any]) -> Any:
        opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self, depends_on=list(after)), planned.options or pulumi.ResourceOptions()
        )
        if self._guard is not None and self._versions is not None:
            own = self._versions.around(planned.kind, self._guard.options(planned.kind))
            opts = pulumi.ResourceOptions.merge(opts, own)
        return RESOURCES[planned.kind]()(f"{self._name}{planned.suffix}", **arguments_of(planned.fields), opts=opts)

    def _register_stateful_set(self, planned: Planned, after: Sequence[Any]) -> Any:
        """Registers the StatefulSet with dependencies that order it, and no others.

        Pulumi replaces a resource with a property that comes from a replaced one. A Secret or ConfigMap whose data
        change is replaced, and with it the StatefulSet would be, which stops all instances.
        """
        fields, dependencies = without_dependencies(planned.fields)
        return self._register(replace(planned, fields=fields), [*after, *dependencies])

    async def _connection(self) -> Connection | None:
        return await connection_of(self.get_provider("kubernetes:apps/v1:StatefulSet"))

    def _new_guards(
        self, prefix: str, earlier: Sequence[pulumi.Input[str]], planned: Sequence[Planned]
    ) -> tuple[Guard, VersionGuard] | tuple[None, None]:
        """Under Pulumi's mocks there is no engine that calls them, and no cluster is contacted."""
        if _is_mocked():
            return None, None
        start_callback_server()
        [governing] = [each for each in planned if each.suffix == GOVERNING]
        volumes = [volume["name"] for volume in self._args["volumes"]]
        hook_name = _hook_name(self._name)
        guard = Guard(
            prefix, self._change(earlier, governing), self._connection, self, volumes, self._namespace, hook_name
        )
        kinds = {each.kind for each in planned} & {*VERSIONED}
        return guard, VersionGuard(prefix, self._connection, self, hook_name, kinds)

    def _change(self, earlier: Sequence[pulumi.Input[str]], governing: Planned) -> Callable[..., Awaitable[Change]]:
        """Describes the change to a desired metadata and spec."""
        args = self._args

        async def change(metadata: KubernetesObject, spec: KubernetesObject) -> Change:
            urns = (await resolve(list(earlier))).value
            restored = restored_claims(Shared.of(args), args, self._class_name)
            return Change(
                prefix=_prefix(self._name),
                component_labels=[
                    (metadata.get("labels") or {}).get(names.COMPONENT_LABEL, ""),
                    *map(names.component_label, urns),
                ],
                namespace=metadata.get("namespace"),
                stateful_set={"metadata": metadata, "spec": spec},
                governing_service=(await resolve(governing.fields)).value,
                disruption_budget=metadata.get("name") if keeps_a_minimum(args) else None,
                recreate_keeping_pods=args.get("recreate_keeping_pods", False),
                adopt=args.get("adopt", False),
                autoscaled=args.get("autoscaled", False),
                takes_over=applies_on_the_server(),
                wait_for=(await resolve(args.get("wait_for", WaitFor.READY.value))).value,
                rollout=await apply_known(rollout_plan, args.get("rollout"), dict(args["ports"])),
                resize=resize_plan(args),
                leader_last="leader_last" in args,
                members=await apply_known(
                    member_plan, args.get("members"), args["replicas"], args["service_name"], cluster_domain(args)
                ),
                restored_claims=(await resolve(restored)).value,
                snapshots=await apply_known(snapshot_plan, args.get("snapshots")),
                version=await apply_known(version_plan, args.get("version"), args.get("rollout")),
                min_available=await apply_known(lambda number: number, args.get("min_available")),
                quorum=args.get("quorum", False),
            )

        return change

    async def _state(self, followed: pulumi.Output[Any]) -> Resolved:
        """The state of the rollout. Without an operation of the engine it is read here, when an output needs it."""
        rollout = await resolve(followed)
        if rollout.value is None:
            metadata = (await resolve(self._stateful_set.metadata)).value
            rollout = replace(rollout, value=await self._current_rollout(metadata))
        return rollout

    async def _follow(self, wanted: KubernetesObject) -> Resolved:
        """The rollout once it is complete; unknown in the preview of a change; None without an operation."""
        metadata, spec = (await resolve([self._stateful_set.metadata, self._stateful_set.spec])).value
        if self._guard is None:
            await self._refuse_transforms(wanted, metadata, spec)
        if contains_unknown(metadata):
            status: Any = UNKNOWN
        elif self._guard is None or not (metadata and metadata.uid):
            # Without an API server (mocks, rendered manifests) there is no identity, and nothing to wait for.
            status = Rollout()
        elif self._guard.operation.kind is None:
            status = None
            if spec and spec.template and not contains_unknown(spec):
                self._guard.warn_of_removed_fields(spec.template)
            if (live_uid := self._guard.operation.live_uid) not in (None, metadata.uid):
                missing = not_found(_prefix(self._name), metadata.namespace, metadata.name, exists=bool(live_uid))
                messages.warn(missing, self)
        else:
            status = UNKNOWN if pulumi.runtime.is_dry_run() else await self._complete_rollout(metadata)
        if self._guard is not None:
            self._guard.tell_programs()
        # A kubeconfig is a secret, but which Pod runs which revision is not.
        return Resolved(status, resources=frozenset([self._stateful_set]))

    async def _forecast(self) -> Resolved:
        """What the change does: known when the engine has begun it, in a preview too."""
        await self._stateful_set.urn.future()
        guard, forecast = self._guard, NO_CHANGE
        if guard is None or guard.operation.kind is not None:
            forecast = (guard and guard.operation.forecast) or NOT_CHECKED
        is_unknown = guard is not None and forecast is NOT_CHECKED and pulumi.runtime.is_dry_run()
        value = UNKNOWN if is_unknown else forecast.as_output()
        return Resolved(value, resources=frozenset([self._stateful_set]))

    async def _current_rollout(self, metadata: Any) -> Any:
        """The rollout of the live StatefulSet as it is, where the engine does not operate on it."""
        connection = await self._connection()
        if connection is None or connection.renders:
            return Rollout()
        target = await self._target(metadata)
        return UNKNOWN if target is None else await current_rollout(connection, target) or Rollout()

    async def _complete_rollout(self, metadata: Any) -> Any:
        """The rollout of the StatefulSet that the engine has sent, when it is complete."""
        rollout: Any = Rollout()
        connection = await self._connection()
        if connection is not None and not connection.renders:
            target = await self._target(metadata)
            rollout = UNKNOWN if target is None else await wait_for_rollout(connection, target, self)
        if self._versions is not None:
            await self._versions.delete_superseded(metadata.namespace, metadata.name)
        return rollout

    async def _target(self, metadata: Any) -> RolloutTarget | None:
        """What is followed: the StatefulSet with this metadata, as the guard's operation has it; None if not known."""
        args = self._args
        desired = self._guard.operation.desired if self._guard is not None else None
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
        change, forecast = desired.change, self._guard.operation.forecast if self._guard is not None else None
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
            version=wanted_version(change),
            recreation=requested_recreation(change.stateful_set),
            retains_claims=retains_claims(change.stateful_set),
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
            raise RefusedError(f"{_prefix(self._name)}: {'; '.join(refusals)}.")


_hook_names: dict[str, int] = {}
"""How many components of this process have a name."""


def _hook_name(name: str) -> str:
    """A name for the hook of a component's StatefulSet, which no other hook of the deployment has."""
    number = _hook_names[name] = _hook_names.get(name, 0) + 1
    return f"StatefulService {name}" if number == 1 else f"StatefulService {name} ({number})"


def _prefix(name: str) -> str:
    return f"StatefulService {name!r}"


async def _once(done: Awaitable[Any], value: Any = None) -> Resolved:
    """The value, once something is done."""
    await done
    return Resolved(value)


def _is_mocked() -> bool:
    """Whether the program runs under Pulumi's mocks, where no cluster is contacted."""
    return isinstance(pulumi.runtime.settings.SETTINGS.monitor, MockMonitor)


def _class_name(args: StatefulServiceArgs) -> pulumi.Input[str] | None:
    """The class for the claim templates.

    Not an output of the class: a class that is replaced would have the StatefulSet replaced.
    """
    if "storage_class" not in args:
        return args.get("storage_class_name")
    default_name = apply_inputs(names.storage_class_name, pulumi.get_project(), pulumi.get_stack(), args["name"])
    return args["storage_class"].get("name", default_name)
