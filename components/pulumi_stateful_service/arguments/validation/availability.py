"""The disruption budget against replicas and updates."""

import pulumi

from pulumi_stateful_service.arguments.defaults import first_ordinal, has_disruption_budget
from pulumi_stateful_service.arguments.types import StatefulServiceArgs
from pulumi_stateful_service.errors import ArgumentError
from pulumi_stateful_service.foundation.outputs import checked_together
from pulumi_stateful_service.foundation.quorum import Availability, refusal, warnings_about


def check_availability(where: str, args: StatefulServiceArgs, resource: pulumi.Resource | None) -> None:
    if args.get("quorum") and "min_available" in args:
        raise ArgumentError(
            where, "min_available", "is given beside quorum", "give the number (min_available) or the majority (quorum)"
        )
    if not has_disruption_budget(args) or args.get("autoscaled"):
        return

    def fits_together(
        replicas: int,
        min_available: int | str | None,
        max_unavailable: int | str | None,
        partition: int,
        canary: int | None,
        start: int,
    ) -> None:
        held_back = max(0, min(partition - start, replicas)) if canary is None else replicas - canary
        numbers = Availability(replicas, min_available, max_unavailable, held_back)
        if problem := refusal(numbers):
            raise ArgumentError(where, *problem)
        for warning in warnings_about(numbers):
            pulumi.log.warn(f"{where}: {warning}.", resource)

    args["replicas"], *_ = checked_together(
        fits_together,
        args["replicas"],
        args.get("min_available"),
        args.get("max_unavailable"),
        args.get("partition", 0),
        args.get("canary"),
        first_ordinal(args),
    )
