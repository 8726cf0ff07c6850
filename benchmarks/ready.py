"""Time to ready: from the command until every instance is there and ready, against ``kubectl apply`` and waiting."""

from typing import Any

from .measure import Part, alternating
from .services import CHAPTER, ByHand, Program, World, on_simulated_nodes

WAYS = ("component", "kubectl")
POLICIES = ("Parallel", "OrderedReady")
MOST_BOUND_IN_ORDER = 100
REAL = {key: value for key, value in CHAPTER.items() if key != "service_name"}


def measure(part: Part, world: World, rounds: int, replicas: list[int]) -> None:
    """Three replicas that really run, then many on simulated nodes, whose Pods are ready without running.

    The more replicas, the fewer rounds: a round of a thousand takes minutes. In order, more than a hundred have no
    claims: the scheduler looks once a second whether the next one is bound.
    """
    for policy in POLICIES:
        _rounds(world, part, f"3 on the real node, {policy}", rounds, {"replicas": 3, "pod_management_policy": policy})
    with on_simulated_nodes(world) as simulated:
        for count in replicas:
            for policy in POLICIES:
                args = {
                    "replicas": count,
                    "pod_management_policy": policy,
                    "rollout_timeout_seconds": 1800,
                    **simulated,
                }
                what = f"{count:,} simulated, {policy}"
                if policy == "OrderedReady" and count > MOST_BOUND_IN_ORDER:
                    args["volumes"] = []
                    what += ", without claims"
                _rounds(world, part, what, max(1, min(rounds, 300 // count)), args)


def _rounds(world: World, part: Part, what: str, rounds: int, changes: dict[str, Any]) -> None:
    unchanged = f"{what}, unchanged up"
    for _, way in alternating(WAYS, rounds):
        with world.namespace() as namespace:
            args = {**REAL, **changes, "namespace": namespace}
            if way == "component":
                program = Program(world.new_folder(), world.env, args=args)
                part.timed(what, way, program.up, unchanged)
                part.timed(unchanged, way, program.up)
                program.destroy()
            else:
                by_hand = ByHand(world, args)
                part.timed(what, way, by_hand.apply, unchanged)
                by_hand.delete()
