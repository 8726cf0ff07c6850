"""The values that hold where an argument was left out, each in one place."""

from typing import Any

import pulumi

from pulumi_stateful_service.arguments.types import (
    ClientServiceArgs,
    InstanceServicesArgs,
    LoadBalancerArgs,
    Resize,
    RestoredClaimArgs,
    ServiceType,
    SessionAffinity,
    StatefulServiceArgs,
    UpdateStrategy,
)
from pulumi_stateful_service.foundation import names
from pulumi_stateful_service.foundation.outputs import apply_inputs

ServiceSettings = LoadBalancerArgs | ClientServiceArgs | InstanceServicesArgs
"""The settings of a Service for clients."""

_ROLLOUT_SECONDS = 600


def first_ordinal(args: StatefulServiceArgs) -> pulumi.Input[int]:
    """The ordinal of the first instance (``spec.ordinals.start``)."""
    return args.get("ordinals", {}).get("start", 0)


def sets_partition(args: StatefulServiceArgs) -> bool:
    """Whether the component holds the instances back by the partition while it resizes them (``resize``).

    Not where the program itself, or ``leader_last``, says which of them get a change.
    """
    of_program = ("canary", "partition", "leader_last")
    return args.get("resize", Resize.REPLACE) != Resize.REPLACE and not any(each in args for each in of_program)


def cluster_domain(args: StatefulServiceArgs) -> pulumi.Input[str]:
    """The cluster's DNS domain."""
    return args.get("cluster_domain", "cluster.local")


def selector(args: StatefulServiceArgs) -> dict[str, Any]:
    """The labels that select the Pods. The selector of a StatefulSet cannot be changed."""
    own = {"app.kubernetes.io/name": args["name"], "app.kubernetes.io/instance": args["name"]}
    return dict(args.get("selector", own))


def service_type(wanted: ServiceSettings) -> pulumi.Input[str]:
    """One of ``ServiceType``."""
    return wanted.get("type", ServiceType.CLUSTER_IP.value)


def session_affinity(load_balancer: LoadBalancerArgs) -> pulumi.Input[str]:
    """One of ``SessionAffinity``."""
    return load_balancer.get("session_affinity", SessionAffinity.NONE.value)


def instance_service_name(settings: InstanceServicesArgs, pod: Any, ordinal: Any) -> Any:
    """Name of the Service of one instance."""
    return apply_inputs(names.for_instance, settings.get("name", "{pod}"), pod, ordinal)


def instance_service_ordinals(args: StatefulServiceArgs) -> list[int]:
    """The ordinals of the instances that have a Service of their own.

    A check requires plain values here: they decide which Services exist.
    """
    selected = args["instance_services"].get("ordinals")
    if args.get("autoscaled"):
        return sorted(set(selected or []))
    start: Any = first_ordinal(args)
    existing: Any = range(start, start + args["replicas"])
    return [ordinal for ordinal in existing if selected is None or ordinal in selected]


def load_balancer_name(args: StatefulServiceArgs) -> Any:
    """Name of the load-balancing Service."""
    default = apply_inputs(names.load_balancer_name, args["service_name"])
    return args.get("load_balancer", {}).get("name", default)


def update_strategy(args: StatefulServiceArgs) -> pulumi.Input[str]:
    """One of ``UpdateStrategy``."""
    if "leader_last" in args:
        return UpdateStrategy.ON_DELETE.value
    return args.get("update_strategy", UpdateStrategy.ROLLING_UPDATE.value)


def rollout_timeout_seconds(args: StatefulServiceArgs) -> pulumi.Input[int]:
    """Seconds within which a rollout must complete."""
    if "rollout_timeout_seconds" in args:
        return args["rollout_timeout_seconds"]
    default: pulumi.Input[int] = apply_inputs(
        lambda seconds, replicas: max(_ROLLOUT_SECONDS, seconds * replicas),
        seconds_per_instance(args),
        args["replicas"],
    )
    return default


def seconds_per_instance(args: StatefulServiceArgs) -> Any:
    """The longest that the replacement of one instance takes if all goes well: to stop, to start, to stay ready."""
    startup: Any = args.get("startup_probe", {})

    def seconds(grace: int, min_ready: int, initial_delay: int, period: int, failures: int) -> int:
        return grace + min_ready + (initial_delay + period * failures if startup else 0)

    return apply_inputs(
        seconds,
        args.get("termination_grace_period_seconds", 30),
        args.get("min_ready_seconds", 0),
        startup.get("initial_delay_seconds", 0),
        startup.get("period_seconds", 10),
        startup.get("failure_threshold", 3),
    )


def growth_timeout_seconds(args: StatefulServiceArgs) -> pulumi.Input[int]:
    """Seconds within which volumes must have grown."""
    return args.get("growth_timeout_seconds", 300)


def has_disruption_budget(args: StatefulServiceArgs) -> bool:
    """Whether a PodDisruptionBudget is made."""
    return args.get("quorum", False) or "min_available" in args or "disruption_budget" in args


def keeps_a_minimum(args: StatefulServiceArgs) -> bool:
    """Whether the PodDisruptionBudget says how many instances must stay."""
    return has_disruption_budget(args) and "disruption_budget" not in args


def allowed_port_names(args: StatefulServiceArgs) -> str:
    """What a reference to a port must be, for a message."""
    return f"must be one of ports: {', '.join(args['ports']) or 'there are none'}"


def restored_volumes(args: StatefulServiceArgs, claim: RestoredClaimArgs) -> list[str]:
    """The volumes that an item of ``restore`` is for: without a name those that are snapshotted."""
    if "volume" in claim:
        return [claim["volume"]]
    return list(args.get("snapshots", {}).get("volumes") or [volume["name"] for volume in args["volumes"]])
