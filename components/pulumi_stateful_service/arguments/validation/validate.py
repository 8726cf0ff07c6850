"""The arguments, checked once, at the door: each by itself and against the others.

What comes out has only known keys and right types, so that the builders behind it need no checks of their own.
"""

from typing import cast

import pulumi

from pulumi_stateful_service.arguments import checks
from pulumi_stateful_service.arguments.rules import RULES
from pulumi_stateful_service.arguments.schema import Schema
from pulumi_stateful_service.arguments.types import StatefulServiceArgs
from pulumi_stateful_service.arguments.validation import availability, network, pods, rollout, storage
from pulumi_stateful_service.errors import ArgumentError


def checked(component_name: str, args: object, resource: pulumi.Resource | None = None) -> StatefulServiceArgs:
    """The arguments of a component, complete and right, with the defaults that depend on nothing else filled in.

    Raises ArgumentError at the first mistake. A mistake that can only be seen once an Output is known raises then.
    """
    where = f"StatefulService {component_name!r}"
    result = cast("StatefulServiceArgs", Schema(where, RULES).conform(args, StatefulServiceArgs))
    if "name" not in result:
        if allowed := checks.set_name(component_name):
            raise ArgumentError(
                where, "name", "is missing, and the component's own name can't stand for it", f"it {allowed}"
            )
        result["name"] = component_name
    result.setdefault("service_name", result["name"])
    result.setdefault("replicas", 1)
    result.setdefault("ports", {})
    result.setdefault("volumes", [])
    pods.check_labels(where, result)
    pods.check_pod_template(where, result)
    storage.check_storage(where, result)
    storage.say_what_is_deleted(where, result, resource)
    pods.check_environment(where, result)
    pods.check_resources(where, result)
    pods.check_probes(where, result)
    network.check_ports(where, result)
    network.check_load_balancer(where, result)
    network.check_instance_services(where, result)
    pods.check_security(where, result)
    network.check_network_policy(where, result)
    rollout.check_update(where, result, resource)
    rollout.check_autoscaling(where, result)
    availability.check_availability(where, result, resource)
    return result
