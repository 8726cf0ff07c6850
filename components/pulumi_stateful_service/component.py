"""The component: registers the objects in their order and tells the names that other stacks need."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
import pulumi_kubernetes as kubernetes  # loads its parts when they are used, so what few services have is named by it
from pulumi.resource import DependencyResource
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.resource import all_aliases, collapse_alias_to_urn, inherited_child_alias
from pulumi_kubernetes.apps.v1 import StatefulSet
from pulumi_kubernetes.core.v1 import Secret, Service

from pulumi_stateful_service.arguments.defaults import cluster_domain, first_ordinal, has_disruption_budget, selector
from pulumi_stateful_service.arguments.types import ServiceType, StatefulServiceArgs
from pulumi_stateful_service.arguments.validation.validate import checked
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation import names
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import Instance
from pulumi_stateful_service.foundation.outputs import all_outputs, apply_inputs
from pulumi_stateful_service.live.client import Connection, connection_of
from pulumi_stateful_service.live.preflight import Change, orphan_set, set_to_recreate
from pulumi_stateful_service.live.rollout_status import Rollout
from pulumi_stateful_service.live.rollout_wait import RolloutTarget, current_rollout, wait_for_rollout
from pulumi_stateful_service.live.rules.transforms import transform_refusals
from pulumi_stateful_service.live.rules.update import VALIDATED_FIELDS
from pulumi_stateful_service.objects.availability import disruption_budget
from pulumi_stateful_service.objects.environment import secret, secret_env_digest
from pulumi_stateful_service.objects.security import network_policy
from pulumi_stateful_service.objects.services import (
    governing_service,
    instance_service,
    instance_service_ordinals,
    load_balancing_service,
)
from pulumi_stateful_service.objects.stateful_set import stateful_set
from pulumi_stateful_service.objects.storage import claim_template, storage_class

_TYPE = "stateful-service:index:StatefulService"
_SIZE = "spec.resources.requests.storage"
_CAPITAL = re.compile(r"[A-Z]")


class StatefulService(pulumi.ComponentResource):
    """A stateful distributed application on Kubernetes: instances with stable names and a disk each.

    Makes the governing headless Service, then the StatefulSet, then the Services that clients reach instances by, if
    asked for; before the set also a storage class, a Secret, a PodDisruptionBudget and a NetworkPolicy, each if asked
    for. What it makes, ``pulumi destroy`` removes; the claims, and with them the data, stay.

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
    srv_names: pulumi.Output[Mapping[str, str]]
    """For each port, by its name, the DNS name whose SRV records list every ready instance with that port's number."""
    instances: pulumi.Output[Sequence[Instance]]
    """For each ordinal the Pod's name, its stable DNS name and the names of its claims."""
    storage_class_name: pulumi.Output[str | None]
    """Name of the storage class of the volumes that have none of their own; absent for the cluster's default."""
    load_balancer_address: pulumi.Output[str | None]
    """Where clients reach the load-balancing Service: the address that the cluster's load balancer gave it, or for the
    other types its DNS name. Absent without a load-balancing Service."""
    instance_service_addresses: pulumi.Output[Mapping[str, str]]
    """Where clients reach each instance that has a Service of its own, by its Pod's name: the address that the
    cluster's load balancer gave it, or for the other types its DNS name. Without those that have no address yet."""
    current_revision: pulumi.Output[str | None]
    """The revision that instances below the partition run (``status.currentRevision``)."""
    update_revision: pulumi.Output[str | None]
    """The revision of the arguments as they are (``status.updateRevision``)."""
    revisions: pulumi.Output[Mapping[str, str]]
    """The revision that each instance runs, by its Pod's name."""
    outdated: pulumi.Output[Sequence[str]]
    """The Pods that do not run the update revision: those held back by ``canary`` or ``partition``, or with
    ``OnDelete`` those that were not deleted yet."""

    def __init__(
        self,
        name: str,
        args: StatefulServiceArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the service.

        ``name`` is the component's name, and the StatefulSet's where ``args`` has none. Raises ArgumentError for
        arguments that cannot work, before anything is changed in the cluster.
        """
        earlier = _earlier_urns(name, opts)
        super().__init__(_TYPE, name, None, _with_aliases_of_children(name, opts, earlier))
        args = checked(name, args, self)

        class_name = self._class_name(args)
        # In a fixed order: another one would replace the set.
        volumes = sorted(args["volumes"], key=lambda volume: volume["name"])
        templates = [claim_template(volume, class_name) for volume in volumes]
        # By way of a future, since a child that used the component's own output would wait for itself.
        urn: pulumi.Output[Any] = pulumi.Output.from_input(cast("Any", self.urn.future()))
        component = urn.apply(names.component_label)
        wanted = stateful_set(args, templates, component)
        to_be_replaced = self._preflight(name, args, wanted, earlier)
        safe = to_be_replaced.apply(lambda _: None)
        first: list[Any] = self._before_the_set(name, args, class_name, safe)
        version = None
        if "secret_env" in args:
            values = Secret(f"{name}-env", **_arguments_of(secret(args)), opts=self._child(depends_on=[safe]))
            version = secret_env_digest(args, values.metadata.apply(lambda metadata: metadata.uid))
            first.append(values)
        service = Service(
            f"{name}-governing", **_arguments_of(governing_service(args)), opts=self._child(depends_on=[safe])
        )
        first.append(service)
        # The claims grow, each in place; the templates keep their first size, since the set would be replaced.
        not_ours = [f"spec.volumeClaimTemplates[*].{_SIZE}"]
        if args.get("autoscaled"):
            # The provider leaves out of what it sends what is ignored and belongs to somebody else.
            not_ours.append("spec.replicas")
        stateful = StatefulSet(
            name,
            **_arguments_of(wanted if version is None else stateful_set(args, templates, component, version)),
            opts=pulumi.ResourceOptions.merge(
                self._child(depends_on=[*first, self._make_room(to_be_replaced, after=first)]),
                pulumi.ResourceOptions(ignore_changes=not_ours),
            ),
        )
        self._refuse_adjusted(name, wanted, stateful)
        rollout = self._rollout(name, args, stateful)

        self.service_name = pulumi.Output.from_input(args["service_name"])
        self.stateful_set_name = pulumi.Output.from_input(args["name"])
        self.namespace = service.metadata.apply(lambda metadata: metadata.namespace or "default")
        self.storage_class_name = pulumi.Output.from_input(class_name)
        # What leads to the instances is known when they are there.
        self.service_address = all_outputs(args["service_name"], self.namespace, cluster_domain(args), rollout).apply(
            lambda of: names.service_address(*of[:3])
        )
        protocols = args.get("port_protocols", {})
        self.srv_names = all_outputs(self.service_address, protocols).apply(
            lambda of: {port: names.srv_name(port, of[1].get(port, "TCP"), of[0]) for port in args["ports"]}
        )
        ordinals = apply_inputs(
            lambda start, replicas: range(start, start + replicas), first_ordinal(args), args["replicas"]
        )
        if args.get("autoscaled"):
            ordinals = all_outputs(rollout, ordinals).apply(
                lambda of: of[1] if of[0].ordinals is None else of[0].ordinals
            )
        volume_names = [volume["name"] for volume in args["volumes"]]
        self.instances = all_outputs(args["name"], self.service_address, ordinals).apply(
            lambda of: names.instances(of[0], of[1], volume_names, of[2])
        )
        ready = [rollout.apply(lambda _: stateful)]
        self.load_balancer_address = self._load_balancer(name, args, ready)
        self.instance_service_addresses = self._instance_services(name, args, ready)
        self.current_revision = rollout.apply(lambda of: of.current_revision)
        self.update_revision = rollout.apply(lambda of: of.update_revision)
        self.revisions = rollout.apply(lambda of: of.revisions)
        self.outdated = rollout.apply(lambda of: of.outdated)
        self.register_outputs({_camel_case(output): getattr(self, output) for output in type(self).__annotations__})

    def _child(self, depends_on: Sequence[pulumi.Input[Any]] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _class_name(self, args: StatefulServiceArgs) -> pulumi.Input[str] | None:
        """The class for the claim templates.

        Not taken from the class's outputs: when a class is replaced, whatever uses its outputs is replaced with it.
        """
        if "storage_class" not in args:
            return args.get("storage_class_name")
        default_name = apply_inputs(names.storage_class_name, pulumi.get_project(), pulumi.get_stack(), args["name"])
        return args["storage_class"].get("name", default_name)

    def _storage_class(
        self, name: str, args: StatefulServiceArgs, class_name: Any, after: Sequence[pulumi.Input[Any]]
    ) -> pulumi.Resource:
        return kubernetes.storage.v1.StorageClass(
            f"{name}-storage-class",
            **_arguments_of(storage_class(args, class_name)),
            opts=pulumi.ResourceOptions.merge(
                self._child(depends_on=after),
                # The API refuses to change these in place. Volumes and claims don't need their class once made.
                pulumi.ResourceOptions(
                    replace_on_changes=["reclaimPolicy", "volumeBindingMode"], delete_before_replace=True
                ),
            ),
        )

    def _connection(self) -> pulumi.Output[Connection]:
        return connection_of(self.get_provider("kubernetes:apps/v1:StatefulSet"))

    def _preflight(
        self, name: str, args: StatefulServiceArgs, wanted: KubernetesObject, earlier: Sequence[pulumi.Input[str]]
    ) -> pulumi.Output[KubernetesObject | None]:
        """The live set that the change can only be made without, if any, once it is known that the change is safe."""
        if isinstance(pulumi.runtime.settings.SETTINGS.monitor, MockMonitor):
            return pulumi.Output.from_input(None)
        deciding = {field: wanted["spec"][field] for field in VALIDATED_FIELDS if field in wanted["spec"]}
        metadata = {key: wanted["metadata"][key] for key in ("name", "annotations")}
        component = wanted["metadata"]["labels"][names.COMPONENT_LABEL]
        service = governing_service(args)
        service = {
            "metadata": {"name": service["metadata"]["name"]},
            "spec": {key: service["spec"][key] for key in ("selector", "ports") if key in service["spec"]},
        }
        budget = disruption_budget(args)["metadata"]["name"] if has_disruption_budget(args) else None
        known = all_outputs(
            self._connection(), args.get("namespace"), component, metadata, deciding, list(earlier), service, budget
        )

        async def look(
            connection: Connection,
            namespace: str | None,
            component: str,
            metadata: Any,
            spec: Any,
            earlier: list[str],
            service: KubernetesObject,
            budget: str | None,
        ) -> KubernetesObject | None:
            change = Change(
                prefix=f"StatefulService {name!r}",
                component_labels=[component, *map(names.component_label, earlier)],
                namespace=namespace,
                stateful_set={"metadata": metadata, "spec": spec},
                governing_service=service,
                disruption_budget=budget,
                recreate_keeping_pods=args.get("recreate_keeping_pods", False),
                adopt=args.get("adopt", False),
                autoscaled=args.get("autoscaled", False),
            )
            return await set_to_recreate(connection, change, self)

        return known.apply(lambda of: look(*of))

    def _make_room(
        self, to_be_replaced: pulumi.Output[KubernetesObject | None], after: Sequence[Any]
    ) -> pulumi.Output[None]:
        """Nothing, once a set that has to go first is gone: as late as possible, since nothing guards its Pods then."""
        known = all_outputs(self._connection(), to_be_replaced, *(each.id for each in after))
        return known.apply(lambda of: orphan_set(of[0], of[1]))

    def _refuse_adjusted(self, name: str, wanted: KubernetesObject, stateful: StatefulSet) -> None:
        """Fails where a transform has changed what the component itself goes by: in the preview, before it is sent."""
        asked = {"metadata": {"annotations": wanted["metadata"]["annotations"]}, "spec": _deciding(wanted["spec"])}

        def refuse(asked: KubernetesObject, metadata: Any, spec: Any) -> None:
            annotations = dict((metadata and metadata.annotations) or {})
            made = {"metadata": {"annotations": annotations}, "spec": _deciding_of(spec)}
            if refusals := transform_refusals(asked, made):
                raise RefusedError(f"StatefulService {name!r}: {'; '.join(refusals)}.")

        all_outputs(asked, stateful.metadata, stateful.spec).apply(lambda of: refuse(*of))

    def _rollout(self, name: str, args: StatefulServiceArgs, stateful: StatefulSet) -> pulumi.Output[Rollout]:
        """Where the rollout stands: when it is done, or in a preview as it is."""
        volumes = {volume["name"]: volume["size"] for volume in args["volumes"]}
        timeouts = [args.get("rollout_timeout_seconds", 600), args.get("growth_timeout_seconds", 300)]
        also = args.get("max_unavailable")
        settings = all_outputs(self._connection(), volumes, selector(args), also, *timeouts)

        async def follow(metadata: Any, settings: list[Any]) -> Rollout:
            # Only an API server gives an identity: without one (mocks, rendered manifests) there is nothing to follow.
            if not (metadata and metadata.uid):
                return Rollout()
            connection, sizes, labels, max_unavailable, rollout_timeout, growth_timeout = settings
            target = RolloutTarget(
                prefix=f"StatefulService {name!r}",
                namespace=metadata.namespace,
                name=metadata.name,
                uid=metadata.uid,
                generation=metadata.generation,
                volume_sizes=sizes,
                claim_labels=labels,
                max_unavailable=max_unavailable,
                rollout_timeout_seconds=rollout_timeout,
                growth_timeout_seconds=growth_timeout,
            )
            if pulumi.runtime.is_dry_run():
                return await current_rollout(connection, target)
            return await wait_for_rollout(connection, target, self)

        rollout: pulumi.Output[Rollout] = stateful.metadata.apply(
            lambda metadata: settings.apply(lambda known: follow(metadata, known))
        )
        # A kubeconfig is a secret, but which Pod runs which revision is not.
        return pulumi.Output.unsecret(rollout)

    def _before_the_set(
        self, name: str, args: StatefulServiceArgs, class_name: Any, safe: pulumi.Input[Any]
    ) -> list[pulumi.Resource]:
        """What has to be there when the first instance starts."""
        opts = self._child(depends_on=[safe])
        made: list[pulumi.Resource] = []
        if "storage_class" in args:
            made.append(self._storage_class(name, args, class_name, after=[safe]))
        if has_disruption_budget(args):
            budget = _arguments_of(disruption_budget(args))
            made.append(kubernetes.policy.v1.PodDisruptionBudget(f"{name}-budget", **budget, opts=opts))
        if "network_policy" in args:
            network = _arguments_of(network_policy(args))
            made.append(kubernetes.networking.v1.NetworkPolicy(f"{name}-network", **network, opts=opts))
        return made

    def _load_balancer(
        self, name: str, args: StatefulServiceArgs, after: Sequence[pulumi.Input[pulumi.Resource]]
    ) -> pulumi.Output[str | None]:
        if "load_balancer" not in args:
            return pulumi.Output.from_input(None)
        # Last: Pulumi's provider waits until a load balancer has Pods to lead to.
        return self._reached(f"{name}-load-balancer", args, load_balancing_service(args), after)

    def _instance_services(
        self, name: str, args: StatefulServiceArgs, after: Sequence[pulumi.Input[pulumi.Resource]]
    ) -> pulumi.Output[Mapping[str, str]]:
        if "instance_services" not in args:
            return pulumi.Output.from_input({})
        addresses = []
        for ordinal in instance_service_ordinals(args):
            wanted = instance_service(args, ordinal)
            address = self._reached(f"{name}-{ordinal}", args, wanted, after)
            # It is named like its Pod.
            addresses.append(pulumi.Output.all(wanted["metadata"]["name"], address))
        return pulumi.Output.all(*addresses).apply(
            lambda all_of_them: {pod: address for pod, address in all_of_them if address}
        )

    def _reached(
        self,
        resource_name: str,
        args: StatefulServiceArgs,
        wanted: KubernetesObject,
        after: Sequence[pulumi.Input[pulumi.Resource]],
    ) -> pulumi.Output[str | None]:
        """Where clients reach a Service, which is made."""
        service = Service(resource_name, **_arguments_of(wanted), opts=self._child(depends_on=after))
        of_dns = (wanted["metadata"]["name"], self.namespace, cluster_domain(args))
        dns_name = pulumi.Output.all(*of_dns).apply(lambda of: names.service_address(*of))
        ingress = service.status.apply(_ingress_address)
        return pulumi.Output.all(service.spec.apply(lambda spec: spec.type), ingress, dns_name).apply(
            lambda of: of[1] if of[0] == ServiceType.LOAD_BALANCER else of[2]
        )


def _earlier_urns(name: str, opts: pulumi.ResourceOptions | None) -> list[pulumi.Input[str]]:
    """Under which URNs the component may have been known."""
    if opts and isinstance(opts.parent, DependencyResource):
        # In a plugin the parent is known by its URN alone, and so not what the component inherits from it. Where it is
        # the stack, it does not stand in the URNs of its children.
        urns = [collapse_alias_to_urn(alias, name, _TYPE, opts.parent) for alias in opts.aliases or []]
        return [urn.apply(lambda urn: urn.replace("::pulumi:pulumi:Stack$", "::")) for urn in urns]
    return all_aliases(opts.aliases, name, _TYPE, opts.parent) if opts else []


def _with_aliases_of_children(
    name: str, opts: pulumi.ResourceOptions | None, earlier: Sequence[pulumi.Input[str]]
) -> pulumi.ResourceOptions | None:
    """The options with what gives each child the aliases that it has from a renamed component.

    Pulumi's engine does so by itself, but only in the one operation that renames the component. Where that one failed
    half-way, the next would make the set's successor and then delete the set.
    """

    def alias(child: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if child.type_ == _TYPE:
            return None
        aliases: Any = [inherited_child_alias(child.name, name, urn, child.type_) for urn in earlier]
        more = pulumi.ResourceOptions(aliases=aliases)
        return pulumi.ResourceTransformationResult(child.props, pulumi.ResourceOptions.merge(child.opts, more))

    if not earlier:
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[alias]))


def _deciding(spec: KubernetesObject) -> KubernetesObject:
    """What of a set's spec the component itself goes by."""
    return {
        "service_name": spec["serviceName"],
        "selector": spec["selector"]["matchLabels"],
        "volumes": [template["metadata"]["name"] for template in spec.get("volumeClaimTemplates", [])],
    }


def _deciding_of(spec: Any) -> KubernetesObject:
    """The same of a spec as Pulumi tells it; nothing where it tells none, as some mocks do."""
    if not spec:
        return {}
    return {
        "service_name": spec.service_name,
        "selector": dict(spec.selector.match_labels),
        "volumes": [template.metadata.name for template in spec.volume_claim_templates or []],
    }


def _arguments_of(kubernetes_object: KubernetesObject) -> dict[str, Any]:
    """An object's outermost fields, as the constructors of pulumi_kubernetes name them.

    Copied, since a user's transformation may change them in place.
    """
    return {_CAPITAL.sub(r"_\g<0>", field).lower(): _copy(value) for field, value in kubernetes_object.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _ingress_address(status: Any) -> str | None:
    ingress = (status and status.load_balancer and status.load_balancer.ingress) or []
    return next((str(point.ip or point.hostname) for point in ingress if point.ip or point.hostname), None)
