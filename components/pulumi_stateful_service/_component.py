"""The component: registers the objects in their order and tells the names that other stacks need."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
from pulumi.runtime.mocks import MockMonitor
from pulumi_kubernetes.apps.v1 import StatefulSet
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.storage.v1 import StorageClass

from . import _names as names
from ._arguments import Instance, ServiceType, StatefulServiceArgs
from ._changes import DECIDING_FIELDS
from ._cluster import Connection, connection_of
from ._growth import sizes_of_claims
from ._inputs import lifted
from ._objects import KubernetesObject, selector
from ._preflight import Change, prepare
from ._rollout import Rollout
from ._services import governing_service, load_balancing_service
from ._stateful_set import stateful_set
from ._storage import claim_template, storage_class
from ._validation import checked
from ._waiting import Asked, done, seen

_SIZE = "spec.resources.requests.storage"
_CAPITAL = re.compile(r"[A-Z]")


class StatefulService(pulumi.ComponentResource):
    """A stateful distributed application on Kubernetes: instances with stable names and a disk each.

    Makes the governing headless Service, a storage class if asked for, the StatefulSet, and an ordinary Service over
    all instances if asked for, in this order. What it makes, ``pulumi destroy`` removes; the claims, and with them the
    data, stay.

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
        super().__init__("stateful-service:index:StatefulService", name, None, opts)
        args = checked(name, args, self)

        class_name = self._class_name(args)
        # In a fixed order: another one would replace the set.
        volumes = sorted(args["volumes"], key=lambda volume: volume["name"])
        templates = [claim_template(volume, class_name) for volume in volumes]
        # By way of a future, since a child that used the component's own output would wait for itself.
        urn: pulumi.Output[Any] = pulumi.Output.from_input(cast("Any", self.urn.future()))
        wanted = stateful_set(args, templates, urn.apply(names.component_label))
        first = [self._preflight(name, args, wanted)]
        if "storage_class" in args:
            first.append(self._storage_class(name, args, class_name, after=first))
        service = Service(
            f"{name}-governing", **_arguments_of(governing_service(args)), opts=self._child(depends_on=first[:1])
        )
        stateful = StatefulSet(
            name,
            **_arguments_of(wanted),
            opts=pulumi.ResourceOptions.merge(
                self._child(depends_on=[*first, service]),
                # The claims grow, each in place; the templates keep their first size, since the set would be replaced.
                pulumi.ResourceOptions(ignore_changes=[f"spec.volumeClaimTemplates[*].{_SIZE}"]),
            ),
        )
        rollout = self._rollout(name, args, stateful)

        self.service_name = pulumi.Output.from_input(args["service_name"])
        self.stateful_set_name = pulumi.Output.from_input(args["name"])
        self.namespace = service.metadata.apply(lambda metadata: metadata.namespace or "default")
        self.storage_class_name = pulumi.Output.from_input(class_name)
        # What leads to the instances is known when they are there.
        domain = args.get("cluster_domain", "cluster.local")
        self.service_address = pulumi.Output.all(self.service_name, self.namespace, domain, rollout).apply(
            lambda of: names.service_address(*of[:3])
        )
        self.srv_names = self.service_address.apply(
            lambda of: {port: names.srv_name(port, "TCP", of) for port in args["ports"]}
        )
        start = args.get("ordinals", {}).get("start", 0)
        self.instances = pulumi.Output.all(self.stateful_set_name, self.service_address, start, args["replicas"]).apply(
            lambda of: names.instances(of[0], of[1], [v["name"] for v in args["volumes"]], range(of[2], of[2] + of[3]))
        )
        self.load_balancer_address = self._load_balancer(name, args, [rollout.apply(lambda _: stateful)], domain)
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
        default_name = lifted(names.storage_class_name, pulumi.get_project(), pulumi.get_stack(), args["name"])
        return args["storage_class"].get("name", default_name)

    def _storage_class(
        self, name: str, args: StatefulServiceArgs, class_name: Any, after: Sequence[pulumi.Input[Any]]
    ) -> StorageClass:
        return StorageClass(
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

    def _preflight(self, name: str, args: StatefulServiceArgs, wanted: KubernetesObject) -> pulumi.Input[Any]:
        """Nothing, once it is known that the change is safe, and what has to be done before it is done."""
        if isinstance(pulumi.runtime.settings.SETTINGS.monitor, MockMonitor):
            return pulumi.Output.from_input(None)
        deciding = {field: wanted["spec"][field] for field in DECIDING_FIELDS if field in wanted["spec"]}
        metadata = {key: wanted["metadata"][key] for key in ("name", "annotations", "labels")}
        known = pulumi.Output.all(self._connection(), args.get("namespace"), metadata, deciding)

        async def look(connection: Connection, namespace: str | None, metadata: Any, spec: Any) -> None:
            change = Change(
                where=f"StatefulService {name!r}",
                component=metadata["labels"][names.COMPONENT_LABEL],
                namespace=namespace,
                wanted={"metadata": metadata, "spec": spec},
                may_recreate=args.get("recreate", False),
            )
            await prepare(connection, change, self)

        return known.apply(lambda of: look(*of))

    def _rollout(self, name: str, args: StatefulServiceArgs, stateful: StatefulSet) -> pulumi.Output[Rollout]:
        """Where the rollout stands: when it is done, or in a preview as it is."""
        volumes = {volume["name"]: volume["size"] for volume in args["volumes"]}
        start = args.get("ordinals", {}).get("start", 0)
        timeouts = [args.get("rollout_timeout_seconds", 600), args.get("growth_timeout_seconds", 300)]
        also = args.get("max_unavailable")
        settings = pulumi.Output.all(self._connection(), volumes, start, args["replicas"], also, *timeouts)

        async def follow(metadata: Any, settings: list[Any]) -> Rollout:
            # Only an API server gives an identity: without one (mocks, rendered manifests) there is nothing to follow.
            if not (metadata and metadata.uid):
                return Rollout()
            connection, sizes, start, replicas, max_unavailable, rollout_timeout, growth_timeout = settings
            asked = Asked(
                where=f"StatefulService {name!r}",
                namespace=metadata.namespace,
                name=metadata.name,
                uid=metadata.uid,
                generation=metadata.generation,
                sizes=sizes_of_claims(metadata.name, sizes, range(start, start + replicas)),
                labels=selector(metadata.name),
                max_unavailable=max_unavailable,
                timeout_seconds=rollout_timeout,
                growth_timeout_seconds=growth_timeout,
            )
            return await (seen(connection, asked) if pulumi.runtime.is_dry_run() else done(connection, asked, self))

        rollout: pulumi.Output[Rollout] = stateful.metadata.apply(
            lambda metadata: settings.apply(lambda known: follow(metadata, known))
        )
        # A kubeconfig is a secret, but which Pod runs which revision is not.
        return pulumi.Output.unsecret(rollout)

    def _load_balancer(
        self,
        name: str,
        args: StatefulServiceArgs,
        after: Sequence[pulumi.Input[pulumi.Resource]],
        domain: pulumi.Input[str],
    ) -> pulumi.Output[str | None]:
        if "load_balancer" not in args:
            return pulumi.Output.from_input(None)
        # Last: Pulumi's provider waits until a load balancer has Pods to lead to.
        service = Service(
            f"{name}-load-balancer", **_arguments_of(load_balancing_service(args)), opts=self._child(depends_on=after)
        )
        dns_name = pulumi.Output.all(args["load_balancer"]["name"], self.namespace, domain).apply(
            lambda of: names.service_address(*of)
        )
        ingress = service.status.apply(_ingress_address)
        return pulumi.Output.all(service.spec.apply(lambda spec: spec.type), ingress, dns_name).apply(
            lambda of: of[1] if of[0] == ServiceType.LOAD_BALANCER else of[2]
        )


def _arguments_of(kubernetes_object: KubernetesObject) -> dict[str, Any]:
    """An object's outermost fields, as the constructors of pulumi_kubernetes name them."""
    return {_CAPITAL.sub(r"_\g<0>", field).lower(): value for field, value in kubernetes_object.items()}


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _ingress_address(status: Any) -> str | None:
    ingress = (status and status.load_balancer and status.load_balancer.ingress) or []
    return next((str(point.ip or point.hostname) for point in ingress if point.ip or point.hostname), None)
