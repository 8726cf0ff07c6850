"""What operations cost through Pulumi, against the same done by hand with kubectl.

Times are whole commands: the engine's start, which is an ``up`` that changes nothing, is in them.
"""

from collections.abc import Callable
from contextlib import ExitStack

from .measure import Part
from .ready import REAL
from .services import ByHand, Program, World, on_simulated_nodes

UNCHANGED, EMPTY = "an up that changes nothing", "a refresh of an empty stack"
"""What the engine's start takes, with the program and without it."""
OLD, NEW = "random-generator:1.0", "random-generator:2.0"
MANY = 100


def measure(part: Part, world: World, rounds: int) -> None:
    """A service of three that really run, each way its own, and the growth of a hundred on simulated nodes."""
    with ExitStack() as namespaces:
        ours, theirs = (namespaces.enter_context(world.namespace()) for _ in range(2))
        program = Program(world.new_folder(), world.env, args={**REAL, "namespace": ours, "replicas": 3})
        by_hand = ByHand(world, {**REAL, "namespace": theirs, "replicas": 3})
        empty = Program(world.new_folder(), world.env)
        for number in range(rounds):
            _round(part, number, program, by_hand)
            part.timed(EMPTY, "component", empty.refresh)
    with on_simulated_nodes(world) as simulated, ExitStack() as namespaces:
        ours, theirs = (namespaces.enter_context(world.namespace()) for _ in range(2))
        args = {**REAL, "replicas": MANY, "pod_management_policy": "Parallel", **simulated}
        program = Program(world.new_folder(), world.env, args={**args, "namespace": ours})
        by_hand = ByHand(world, {**args, "namespace": theirs})
        program.up()
        by_hand.apply()
        for number in range(rounds):
            _both(part, number, f"growth of {MANY} claims", *_growth(number, program, by_hand))
        program.destroy()
        by_hand.delete()


def _round(part: Part, number: int, program: Program, by_hand: ByHand) -> None:
    program.deploy(image=OLD, canary=None, replicas=3)
    by_hand.set["spec"]["replicas"] = 3
    by_hand.deploy(OLD)
    _both(
        part,
        number,
        "canary of 1 in 3",
        lambda: program.deploy(image=NEW, canary=1),
        lambda: by_hand.deploy(NEW, partition=2),
    )
    program.deploy(image=OLD, canary=None)
    by_hand.deploy(OLD)
    _both(part, number, "growth of 3 claims", *_growth(number, program, by_hand))
    _both(part, number, "scale from 3 to 5", lambda: program.deploy(replicas=5), lambda: by_hand.scale(5))
    _both(part, number, "scale from 5 to 3", lambda: program.deploy(replicas=3), lambda: by_hand.scale(3))
    part.timed(UNCHANGED, "component", program.up)
    _both(part, number, "refresh; kubectl diff", program.refresh, by_hand.compare, EMPTY)
    _both(part, number, "destroy", program.destroy, by_hand.delete, EMPTY)


def _growth(number: int, program: Program, by_hand: ByHand) -> tuple[Callable[[], object], Callable[[], object]]:
    size = f"{20 + number}Mi"
    volumes = [{**volume, "size": size} for volume in program.args["volumes"]]
    return lambda: program.deploy(volumes=volumes), lambda: by_hand.grow(size)


def _both(
    part: Part, number: int, what: str, ours: Callable[[], object], theirs: Callable[[], object], start: str = UNCHANGED
) -> None:
    ways = [("component", ours), ("kubectl", theirs)]
    for way, do in ways if number % 2 == 0 else reversed(ways):
        part.timed(what, way, do, start)
