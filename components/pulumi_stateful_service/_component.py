"""The component: registers the objects in their order and tells the names that other stacks need."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import StatefulSet
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.storage.v1 import StorageClass

from . import _names as names
from ._arguments import Instance, ServiceType, StatefulServiceArgs
from ._inputs import lifted
from ._objects import KubernetesObject
from ._services import governing_service, load_balancing_service
from ._stateful_set import stateful_set
from ._storage import claim_template, storage_class
from ._validation import checked

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

        service = Service(f"{name}-governing", **_arguments_of(governing_service(args)), opts=self._child())
        class_name, made_first = self._storage_class(name, args)
        templates = [claim_template(volume, class_name) for volume in args["volumes"]]
        stateful = StatefulSet(
            name, **_arguments_of(stateful_set(args, templates)), opts=self._child(depends_on=[service, *made_first])
        )

        namespace = service.metadata.apply(lambda metadata: metadata.namespace or "default")
        domain = args.get("cluster_domain", "cluster.local")
        address = pulumi.Output.all(args["service_name"], namespace, domain).apply(
            lambda of: names.service_address(*of)
        )
        self.service_name = pulumi.Output.from_input(args["service_name"])
        self.stateful_set_name = pulumi.Output.from_input(args["name"])
        self.namespace = namespace
        self.service_address = address
        self.srv_names = address.apply(lambda of: {port: names.srv_name(port, "TCP", of) for port in args["ports"]})
        self.instances = pulumi.Output.all(args["name"], address, args["replicas"]).apply(
            lambda of: names.instances(of[0], of[1], [v["name"] for v in args["volumes"]], range(of[2]))
        )
        self.storage_class_name = pulumi.Output.from_input(class_name)
        self.load_balancer_address = self._load_balancer(name, args, stateful, namespace)
        self.register_outputs(
            {
                "serviceName": self.service_name,
                "statefulSetName": self.stateful_set_name,
                "namespace": self.namespace,
                "serviceAddress": self.service_address,
                "srvNames": self.srv_names,
                "instances": self.instances,
                "storageClassName": self.storage_class_name,
                "loadBalancerAddress": self.load_balancer_address,
            }
        )

    def _child(self, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _storage_class(
        self, name: str, args: StatefulServiceArgs
    ) -> tuple[pulumi.Input[str] | None, list[pulumi.Resource]]:
        """The class for the claim templates, and what has to be there before the set."""
        if "storage_class" not in args:
            return args.get("storage_class_name"), []
        default_name = lifted(names.storage_class_name, pulumi.get_project(), pulumi.get_stack(), args["name"])
        made = StorageClass(
            f"{name}-storage-class", **_arguments_of(storage_class(args, default_name)), opts=self._child()
        )
        return made.metadata.apply(lambda metadata: str(metadata.name)), [made]

    def _load_balancer(
        self, name: str, args: StatefulServiceArgs, stateful: StatefulSet, namespace: pulumi.Output[str]
    ) -> pulumi.Output[str | None]:
        if "load_balancer" not in args:
            return pulumi.Output.from_input(None)
        # After the set: Pulumi's provider waits until a load balancer has Pods to lead to.
        service = Service(
            f"{name}-load-balancer",
            **_arguments_of(load_balancing_service(args)),
            opts=self._child(depends_on=[stateful]),
        )
        domain = args.get("cluster_domain", "cluster.local")
        dns_name = pulumi.Output.all(args["load_balancer"]["name"], namespace, domain).apply(
            lambda of: names.service_address(*of)
        )
        ingress = service.status.apply(_ingress_address)
        return pulumi.Output.all(service.spec.apply(lambda spec: spec.type), ingress, dns_name).apply(
            lambda of: of[1] if of[0] == ServiceType.LOAD_BALANCER else of[2]
        )


def _arguments_of(kubernetes_object: KubernetesObject) -> dict[str, Any]:
    """An object's outermost fields, as the constructors of pulumi_kubernetes name them."""
    return {_CAPITAL.sub(r"_\g<0>", field).lower(): value for field, value in kubernetes_object.items()}


def _ingress_address(status: Any) -> str | None:
    ingress = (status and status.load_balancer and status.load_balancer.ingress) or []
    return next((str(point.ip or point.hostname) for point in ingress if point.ip or point.hostname), None)
