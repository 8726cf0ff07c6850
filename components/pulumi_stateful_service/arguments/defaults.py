"""The values in force where an argument was left out."""

from typing import Any

import pulumi

from pulumi_stateful_service.arguments.types import (
    InstanceServicesArgs,
    LoadBalancerArgs,
    ServiceType,
    SessionAffinity,
    StatefulServiceArgs,
)


def first_ordinal(args: StatefulServiceArgs) -> pulumi.Input[int]:
    """Where the numbering of the instances starts."""
    return args.get("ordinals", {}).get("start", 0)


def cluster_domain(args: StatefulServiceArgs) -> pulumi.Input[str]:
    """The cluster's DNS domain."""
    return args.get("cluster_domain", "cluster.local")


def selector(args: StatefulServiceArgs) -> dict[str, Any]:
    """The labels by which the set and the Services know the Pods. A set's selector can't be changed in place."""
    own = {"app.kubernetes.io/name": args["name"], "app.kubernetes.io/instance": args["name"]}
    return dict(args.get("selector", own))


def service_type(wanted: LoadBalancerArgs | InstanceServicesArgs) -> pulumi.Input[str]:
    """A word of ``ServiceType``."""
    return wanted.get("type", ServiceType.CLUSTER_IP.value)


def session_affinity(load_balancer: LoadBalancerArgs) -> pulumi.Input[str]:
    """A word of ``SessionAffinity``."""
    return load_balancer.get("session_affinity", SessionAffinity.NONE.value)


def has_disruption_budget(args: StatefulServiceArgs) -> bool:
    """Whether there is a number of instances to keep."""
    return args.get("quorum", False) or "min_available" in args


def allowed_port_names(args: StatefulServiceArgs) -> str:
    """What a port's name may be."""
    return f"must be one of ports: {', '.join(args['ports']) or 'there are none'}"
