"""Updates: partition, canary, strategy and autoscaling."""

import functools

import pulumi

from pulumi_stateful_service.arguments.defaults import first_ordinal
from pulumi_stateful_service.arguments.types import (
    StatefulServiceArgs,
    UpdateStrategy,
)
from pulumi_stateful_service.errors import ArgumentError
from pulumi_stateful_service.foundation.outputs import checked_together


def check_autoscaling(where: str, args: StatefulServiceArgs) -> None:
    if not args.get("autoscaled"):
        return
    if "canary" in args:
        raise ArgumentError(
            where,
            "canary",
            "is given with autoscaled: how many instances there are is not known here",
            "give partition, the first ordinal to update",
        )
    if args.get("discovery", {}).get("peers"):
        raise ArgumentError(
            where,
            "discovery.peers",
            "is given with autoscaled: the list would not follow the autoscaler",
            "ask the DNS (srv_names)",
        )


def check_update(where: str, args: StatefulServiceArgs, resource: pulumi.Resource | None) -> None:
    if "partition" in args and "canary" in args:
        raise ArgumentError(
            where,
            "canary",
            "is given beside partition",
            "give the first ordinal to update (partition) or how many to update (canary)",
        )
    steps = [step for step in ("partition", "canary", "max_unavailable") if step in args]

    def can_take_steps(strategy: str) -> None:
        if steps and strategy == UpdateStrategy.ON_DELETE:
            raise ArgumentError(
                where, steps[0], "is given with update_strategy OnDelete", "with OnDelete you delete Pods yourself"
            )

    if "update_strategy" in args:
        [args["update_strategy"]] = checked_together(can_take_steps, args["update_strategy"])
    start = first_ordinal(args)
    if "partition" in args:
        args["partition"], args["replicas"], _ = checked_together(
            functools.partial(_within_the_ordinals, where, resource), args["partition"], args["replicas"], start
        )
    if "canary" in args:
        args["canary"], args["replicas"] = checked_together(
            functools.partial(_within_the_replicas, where), args["canary"], args["replicas"]
        )


def _within_the_ordinals(
    where: str, resource: pulumi.Resource | None, partition: int, replicas: int, start: int
) -> None:
    last = start + replicas - 1
    if replicas and partition > last:
        pulumi.log.warn(
            f"{where}: partition is {partition}, and the last ordinal is {last}: no instance gets a new version",
            resource,
        )


def _within_the_replicas(where: str, canary: int, replicas: int) -> None:
    if canary > replicas:
        raise ArgumentError.of_value(where, "canary", canary, f"must be at most the number of replicas, {replicas}")
