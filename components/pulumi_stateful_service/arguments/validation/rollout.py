"""Updates: partition, canary, update strategy and autoscaling."""

from pulumi_stateful_service.arguments.defaults import first_ordinal
from pulumi_stateful_service.arguments.types import StatefulServiceArgs, UpdateStrategy
from pulumi_stateful_service.arguments.validation.cross_checks import CrossChecks


def check(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Checks what an update reaches."""
    checks.refuse_both(args, "partition", "canary")
    _check_strategy(args, checks)
    if "partition" in args:
        checks.check(
            lambda partition, replicas, start: _warn_of_unreachable(checks, partition, start + replicas - 1),
            args["partition"],
            args["replicas"],
            first_ordinal(args),
        )
    if "canary" in args:
        checks.check(
            lambda canary, replicas: _refuse_more_than_replicas(checks, canary, replicas),
            args["canary"],
            args["replicas"],
        )
    _check_autoscaling(args, checks)


def _check_strategy(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    of_rolling_updates = [each for each in ("partition", "canary", "max_unavailable") if each in args]

    def is_rolling(strategy: str) -> None:
        if strategy == UpdateStrategy.ON_DELETE:
            raise checks.error(
                f"{of_rolling_updates[0]} requires update_strategy RollingUpdate; with OnDelete an instance is updated "
                "when you delete its Pod"
            )

    if of_rolling_updates and "update_strategy" in args:
        checks.check(is_rolling, args["update_strategy"])


def _warn_of_unreachable(checks: CrossChecks, partition: int, last: int) -> None:
    if partition > last >= 0:
        checks.warn(f"partition is {partition}, and the last ordinal is {last}: no instance is updated.")


def _refuse_more_than_replicas(checks: CrossChecks, canary: int, replicas: int) -> None:
    if canary > replicas:
        raise checks.error(
            f"canary is {canary}; it must be at most replicas, which is {replicas}", "canary must be at most replicas"
        )


def _check_autoscaling(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    if not args.get("autoscaled"):
        return
    if "canary" in args:
        raise checks.error(
            "canary and autoscaled are mutually exclusive: the number of instances is not known here; use partition, "
            "the first ordinal to update"
        )
    if args.get("discovery", {}).get("peers"):
        raise checks.error(
            "discovery.peers and autoscaled are mutually exclusive: the list would not follow the autoscaler; look the "
            "peers up in the DNS (srv_names)"
        )
