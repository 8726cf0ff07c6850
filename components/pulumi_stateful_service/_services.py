"""The Services: the governing one, which gives each instance its name, and the one that spreads clients over all."""

from ._arguments import ServiceType, StatefulServiceArgs
from ._inputs import lifted
from ._objects import KubernetesObject, given, metadata, selector


def governing_service(args: StatefulServiceArgs) -> KubernetesObject:
    """The headless Service that the set names in ``serviceName``."""
    return {
        "metadata": metadata(args, args["service_name"]),
        "spec": given(
            clusterIP="None",
            selector=selector(args["name"]),
            ports=[_port(name, number) for name, number in args["ports"].items()],
            publishNotReadyAddresses=args.get("publish_not_ready_addresses"),
        ),
    }


def load_balancing_service(args: StatefulServiceArgs) -> KubernetesObject:
    """The ordinary Service over all ready instances."""
    load_balancer = args["load_balancer"]
    kind = load_balancer.get("type", ServiceType.CLUSTER_IP.value)
    of_the_service = metadata(args, load_balancer["name"])
    own = {**of_the_service.get("annotations", {}), **load_balancer.get("annotations", {})}
    if "port" in load_balancer:
        ports = [{"name": load_balancer["target_port"], "port": load_balancer["port"]}]
    else:
        ports = [{"name": name, "port": number} for name, number in args["ports"].items()]
    return {
        "metadata": {**of_the_service, "annotations": lifted(lambda kind: own | _awaited(kind), kind)},
        "spec": {
            "type": kind,
            "selector": selector(args["name"]),
            "ports": [{**port, "targetPort": port["name"]} for port in ports],
        },
    }


def _awaited(kind: str) -> dict[str, str]:
    """What Pulumi's provider waits for: an address. By itself it waits for Pods too, which the component has done."""
    address = ".status.loadBalancer.ingress" if kind == ServiceType.LOAD_BALANCER else ".spec.clusterIP"
    return {"pulumi.com/waitFor": f"jsonpath={{{address}}}"}


def _port(name: str, number: object) -> KubernetesObject:
    return {"name": name, "port": number, "targetPort": name}
