"""Updates: partition, canary, update strategy and autoscaling."""

import pulumi

from pulumi_stateful_service.arguments.cross_checks.cross_checks import CrossChecks
from pulumi_stateful_service.arguments.defaults import allowed_port_names, first_ordinal, seconds_per_instance
from pulumi_stateful_service.arguments.types import (
    HttpGetArgs,
    PodManagementPolicy,
    Resize,
    RunIn,
    StatefulServiceArgs,
    UpdateStrategy,
    WaitFor,
)

_AWAIT_ANNOTATIONS = {
    "pulumi.com/skipAwait": "wait_for",
    "pulumi.com/waitFor": "wait_for",
    "pulumi.com/timeoutSeconds": "rollout_timeout_seconds",
}
"""Annotations that tell Pulumi's provider how to wait, and the arguments that tell the component."""

LEADER_CHECKS = ("labels", "http_get", "exec")
"""How an instance can tell that it leads."""

MEMBER_COMMANDS = ("add", "join", "leave")
"""The commands of ``members``."""

ROLLOUT_CHECKS = ("http_get", "exec", "prometheus")
"""What a check of a rollout can do."""


def check(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    """Checks what an update reaches."""
    checks.refuse_both(args, "partition", "canary")
    for manual in ("partition", "canary"):
        checks.refuse_both(args, "rollout", manual)
    for other in ("update_strategy", "partition", "canary", "rollout", "max_unavailable"):
        checks.refuse_both(args, "leader_last", other)
    _check_rollout(args, checks)
    _check_wait(args, checks)
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
    _check_members(args, checks)
    if "output" in args.get("form_cluster", {}) and "secret_name" not in args["form_cluster"]:
        raise checks.error("form_cluster.output requires form_cluster.secret_name")
    if "recover" in args and ("ordinal" in args["recover"]) == ("compare" in args["recover"]):
        raise checks.error("recover requires exactly one of ordinal, compare")


def _check_members(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    if "members" not in args:
        return
    members = args["members"]
    if not any(command in members for command in MEMBER_COMMANDS):
        raise checks.error(f"members requires at least one of {', '.join(MEMBER_COMMANDS)}")
    if args.get("autoscaled"):
        raise checks.error(
            "members and autoscaled are mutually exclusive: an autoscaler removes instances that have not left"
        )

    def is_peer(run_in: str) -> None:
        if run_in == RunIn.INSTANCE:
            raise checks.error("members.add.run_in must be Peer: the instance does not exist when the command runs")

    def is_removed_by_peer(run_in: str) -> None:
        if run_in != RunIn.PEER:
            raise checks.error("members.remove.run_in must be Peer: it is for an instance that cannot be asked")

    checks.check(is_peer, members.get("add", {}).get("run_in", RunIn.PEER.value))
    checks.check(is_removed_by_peer, members.get("remove", {}).get("run_in", RunIn.PEER.value))


def _check_strategy(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    names = ("partition", "canary", "rollout", "max_unavailable")
    of_rolling_updates = [*(each for each in names if each in args), *["resize"] * _is_in_place(args)]

    def is_rolling(strategy: str) -> None:
        if strategy == UpdateStrategy.ON_DELETE:
            raise checks.error(
                f"{of_rolling_updates[0]} requires update_strategy RollingUpdate; with OnDelete an instance is updated "
                "when you delete its Pod"
            )

    if of_rolling_updates and "update_strategy" in args:
        checks.check(is_rolling, args["update_strategy"])


def _is_in_place(args: StatefulServiceArgs) -> bool:
    return args.get("resize", Resize.REPLACE) != Resize.REPLACE


def _check_rollout(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    if "leader_last" in args:
        leader = args["leader_last"]
        if sum(way in leader for way in LEADER_CHECKS) != 1:
            raise checks.error(f"leader_last requires exactly one of {', '.join(LEADER_CHECKS)}")
        if "labels" in leader and "contains" in leader:
            raise checks.error("leader_last.contains requires http_get or exec")
        _check_port(args, checks, "leader_last.http_get.port", leader.get("http_get"))
    for i, check in enumerate(args.get("rollout", {}).get("checks", [])):
        path = f"rollout.checks[{i}]"
        given = [kind for kind in ROLLOUT_CHECKS if kind in check]
        if len(given) != 1:
            raise checks.error(f"{path} requires exactly one of {', '.join(ROLLOUT_CHECKS)}")
        _check_port(args, checks, f"{path}.http_get.port", check.get("http_get"))
        if "prometheus" in check and not {"at_least", "at_most"} & check["prometheus"].keys():
            raise checks.error(f"{path}.prometheus requires at_least, at_most or both")


def _check_port(args: StatefulServiceArgs, checks: CrossChecks, path: str, request: HttpGetArgs | None) -> None:
    def is_a_port(port: int | str) -> None:
        if isinstance(port, str) and port not in args["ports"]:
            raise checks.error_of_value(path, port, allowed_port_names(args))

    if request is not None:
        checks.check(is_a_port, request["port"])
        if "http_headers" in request:
            request_path = path.removesuffix(".port")
            raise checks.error(f"{request_path}.http_headers cannot be set: the API server passes none on")


def _check_wait(args: StatefulServiceArgs, checks: CrossChecks) -> None:
    for annotation, argument in _AWAIT_ANNOTATIONS.items():
        if annotation in args.get("annotations", {}):
            raise checks.error(
                f"annotations[{annotation!r}] cannot be set: the component waits for the instances itself; use "
                f"{argument}"
            )

    def is_ready(wait_for: str) -> None:
        names = ("rollout", "leader_last", "recreate_claims", "rebuild", "members")
        following = [*(each for each in names if each in args), *["resize"] * _is_in_place(args)]
        if following and wait_for != WaitFor.READY:
            raise checks.error(f"{following[0]} requires wait_for Ready")

        commands = [each for each in ("form_cluster", "recover") if each in args]
        if commands and wait_for == WaitFor.CREATED:
            raise checks.error(f"{commands[0]} requires wait_for Ready or Running: it runs in an instance")

    def is_reachable(wait_for: str, policy: str, replicas: int) -> None:
        if wait_for == WaitFor.RUNNING and policy == PodManagementPolicy.ORDERED_READY and replicas > 1:
            raise checks.error(
                "wait_for Running requires pod_management_policy Parallel: with OrderedReady an instance is created "
                "only when the one before is ready"
            )

    if "wait_for" in args:
        checks.check(is_ready, args["wait_for"])
        policy = args.get("pod_management_policy", PodManagementPolicy.ORDERED_READY.value)
        checks.check(is_reachable, args["wait_for"], policy, args["replicas"])
    if "rollout_timeout_seconds" in args:
        checks.check(
            lambda given, slowest, replicas: _warn_of_short_timeout(checks, given, slowest, replicas),
            args["rollout_timeout_seconds"],
            seconds_per_instance(args),
            args["replicas"],
        )


def _warn_of_short_timeout(checks: CrossChecks, given: int, slowest: int, replicas: int) -> None:
    if pulumi.runtime.is_dry_run() and given < slowest * replicas:
        checks.warn(
            f"rollout_timeout_seconds is {given}, and an update of {replicas} instances, one after another, can take "
            f"{slowest * replicas} seconds: each up to {slowest} to stop, to start (startup_probe) and to be ready for "
            "min_ready_seconds."
        )


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
    if "rollout" in args:
        raise checks.error(
            "rollout and autoscaled are mutually exclusive: instances that an autoscaler adds meanwhile get the new "
            "version without a check; use partition, the first ordinal to update"
        )
    if args.get("discovery", {}).get("peers"):
        raise checks.error(
            "discovery.peers and autoscaled are mutually exclusive: the list would not follow the autoscaler; look the "
            "peers up in the DNS (srv_names)"
        )
