"""How many instances must stay available, against what an update takes away."""

from pulumi_stateful_service.arguments.cross_checks.cross_checks import CrossChecks
from pulumi_stateful_service.arguments.defaults import first_ordinal, keeps_a_minimum
from pulumi_stateful_service.arguments.types import StatefulServiceArgs
from pulumi_stateful_service.foundation.quorum import Availability


def check(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Checks the disruption budget against replicas, max_unavailable and the step of a rollout."""
    if args.get("quorum"):
        checks.refuse_both(args, "quorum", "min_available")
        checks.refuse_both(args, "quorum", "disruption_budget")
    checks.refuse_both(args, "min_available", "disruption_budget")
    if not keeps_a_minimum(args) or args.get("autoscaled"):
        return

    def leaves_enough(
        replicas: int,
        min_available: int | str | None,
        max_unavailable: int | str | None,
        partition: int,
        canary: int | None,
        start: int,
    ) -> None:
        held_back = max(0, min(partition - start, replicas)) if canary is None else replicas - canary
        availability = Availability(replicas, min_available, max_unavailable, held_back)
        if refusal := availability.refusal():
            raise checks.error(refusal, "min_available, max_unavailable and replicas do not fit together")
        for warning in availability.warnings():
            checks.warn(warning)

    checks.check(
        leaves_enough,
        args["replicas"],
        args.get("min_available"),
        args.get("max_unavailable"),
        args.get("partition", 0),
        args.get("canary"),
        first_ordinal(args),
    )
