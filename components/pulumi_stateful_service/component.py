"""The component: registers what is planned, in order, and gives the names that other stacks need."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pulumi
from pulumi.runtime.mocks import MockMonitor

from pulumi_stateful_service.aliases import earlier_urns, with_aliases_of_children
from pulumi_stateful_service.arguments.check_arguments import check_arguments
from pulumi_stateful_service.arguments.cross_checks.cross_checks import CrossChecks
from pulumi_stateful_service.arguments.cross_checks.unique_names import reserve_name
from pulumi_stateful_service.arguments.groups import ServiceGroups, service_groups
from pulumi_stateful_service.arguments.resource_options import check_options
from pulumi_stateful_service.arguments.types import StatefulServiceArgs
from pulumi_stateful_service.foundation import names
from pulumi_stateful_service.foundation.names import COMPONENT_TYPE, Instance
from pulumi_stateful_service.foundation.outputs import (
    Independent,
    Resolved,
    apply_inputs,
    contains_output,
    output_of,
    resolve,
    without_dependencies,
)
from pulumi_stateful_service.group import Service, StatefulSetOfService
from pulumi_stateful_service.live.before.forecast import ForecastOutput
from pulumi_stateful_service.live.callback_server import start_callback_server
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.namespace_source import NamespaceSource
from pulumi_stateful_service.live.provider import connection_of
from pulumi_stateful_service.live.turns import Turns
from pulumi_stateful_service.live.versions.version_objects import VERSIONED
from pulumi_stateful_service.plan import GOVERNING, After, Planned, plan
from pulumi_stateful_service.resources import RESOURCES, arguments_of
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
    """Name of the StatefulSet; with ``groups``, that of the group that is updated first."""
    stateful_set_names: pulumi.Output[Mapping[str, str]]
    """With ``groups``, the name of each StatefulSet by that of its group. Empty without them."""
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
    """The revision that instances below the partition run (``status.currentRevision``). Absent with ``groups``."""
    update_revision: pulumi.Output[str | None]
    """The revision of the arguments as they are (``status.updateRevision``). Absent with ``groups``."""
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
        groups = service_groups(self._args)
        self._class_name = _class_name(self._args)
        planned = plan(groups, self._class_name, self._component_label())
        stages = {after: [each for each in planned if each.after is after] for after in After}
        [governing_plan] = [each for each in planned if each.suffix == GOVERNING]

        checked = self._checked(checks, groups)
        if not (is_mocked := _is_mocked()):
            start_callback_server()
        service = Service(
            self,
            name,
            checks.prefix,
            groups,
            self._class_name,
            earlier,
            governing_plan,
            NamespaceSource(self._args.get("namespace"), opts and opts.depends_on),
            self._connection,
            Turns(checks.prefix, [group.name for group in groups.groups]),
        )
        self._sets = [
            StatefulSetOfService(
                service, group, [each for each in planned if each.group is group], is_guarded=not is_mocked
            )
            for group in groups.groups
        ]
        by_group = {group.name: each for group, each in zip(groups.groups, self._sets, strict=True)}
        # What all groups have together is examined once, as a part of the first.
        of = {each.suffix + each.kind: by_group[each.group.name] if each.group else self._sets[0] for each in planned}

        def register(each: Planned, after: Sequence[Any]) -> Any:
            name = f"{self._name}{each.suffix}"
            return self._register(name, each, after, of[each.suffix + each.kind].options(each.kind, name))

        first = [(each, register(each, checked)) for each in stages[After.CHECKS]]
        prerequisites = [resource for _, resource in first]
        for each, stateful_set in zip(stages[After.PREREQUISITES], self._sets, strict=True):
            in_order = [output_of(stateful_set.after_groups_before(self._sets))] if groups.has_groups else []
            stateful_set.resource = _registered_set(register, each, [*prerequisites, *in_order])
        rollouts = [
            of_set.follow(wanted.fields) for of_set, wanted in zip(self._sets, stages[After.PREREQUISITES], strict=True)
        ]
        followed = zip(rollouts, self._sets, strict=True) if stages[After.ROLLOUT] else ()
        ready = [output_of(_once(rollout.future(), of_set.resource)) for rollout, of_set in followed]
        after = [(each, register(each, ready)) for each in stages[After.ROLLOUT]]
        clients = [(each, resource) for each, resource in [*first, *after] if each.role]
        versions = [(each, resource) for each, resource in first if each.kind in VERSIONED]
        for of_set in self._sets:
            if of_set.versions is not None:
                of_set.versions.registered = [
                    resource for each, resource in versions if of[each.suffix + each.kind] is of_set
                ]
        self._outputs = service_outputs(
            groups,
            self._class_name,
            prerequisites[-1],
            rollouts,
            self._sets,
            clients,
            {each.suffix: resource for each, resource in versions},
        )

    if not TYPE_CHECKING:  # which knows the outputs above, and reports any other name

        def __getattr__(self, name: str) -> Any:
            """An output, created when it is first used."""
            if (create := self.__dict__.get("_outputs", {}).get(name)) is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            output = pulumi.Output.from_input(create())
            setattr(self, name, output)
            return output

    def _checked(self, checks: CrossChecks, groups: ServiceGroups) -> list[pulumi.Output[Any]]:
        """What waits for the arguments to be known and right: nothing where they are already."""
        where: list[Any] = [self._args.get("namespace"), list(groups.set_names.values())]

        def reserve(namespace: str | None, set_names: Sequence[str]) -> None:
            for set_name in set_names:
                reserve_name(checks, self._name, namespace, set_name)

        if checks.are_done and not contains_output(where):
            reserve(*where)
            return []

        async def check() -> None:
            await checks.run()
            given = await resolve(where)
            if given.known:
                reserve(*given.value)

        return [output_of(_once(check()))]

    def _component_label(self) -> Any:
        # Not an Output of the URN: a child that depends on its component waits for itself.
        async def label() -> Resolved:
            return Resolved(names.component_label(cast("str", await self.urn.future())))

        return output_of(label(), Independent)

    def _register(
        self, name: str, planned: Planned, after: Sequence[Any], guarding: pulumi.ResourceOptions | None
    ) -> Any:
        opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self, depends_on=list(after)), planned.options or pulumi.ResourceOptions()
        )
        if guarding is not None:
            opts = pulumi.ResourceOptions.merge(opts, guarding)
        return RESOURCES[planned.kind]()(name, **arguments_of(planned.fields), opts=opts)

    async def _connection(self) -> Connection | None:
        return await connection_of(self.get_provider("kubernetes:apps/v1:StatefulSet"))


def _registered_set(register: Callable[[Planned, Sequence[Any]], Any], planned: Planned, after: Sequence[Any]) -> Any:
    """The StatefulSet, registered with dependencies that order it, and no others.

    Pulumi replaces a resource with a property that comes from a replaced one. A Secret or ConfigMap whose data change
    is replaced, and with it the StatefulSet would be, which stops all instances.
    """
    fields, dependencies = without_dependencies(planned.fields)
    return register(replace(planned, fields=fields), [*after, *dependencies])


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
