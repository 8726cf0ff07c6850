"""The component's overhead: many services in one program, against the objects written out and against a chart."""

from itertools import product
from typing import Any

from .measure import Part, alternating
from .services import CHAPTER, Program, World, objects_of

WAYS = ("component", "plain", "grouped", "chart")
"""``grouped`` is ``plain`` in a component without outputs: what grouping alone costs."""


def measure(part: Part, world: World, rounds: int, services: list[int]) -> None:
    """Rendered, so that the engine and the program are what is measured; then on the cluster, without replicas.

    Of more than a hundred services two rounds at most: one takes minutes.
    """
    with world.namespace() as namespace:
        for rendered, count in product((True, False), services):
            args = program_args(namespace="default") if rendered else program_args(namespace=namespace, replicas=0)
            objects = objects_of(world, args)
            for _, way in alternating(WAYS, rounds if count <= 100 else min(rounds, 2)):  # noqa: PLR2004
                program = Program(world.new_folder(), world.env, way=way, services=count, args=args, rendered=rendered)
                program.write_out(objects)
                _one(part, program, f"{count} {'rendered' if rendered else 'on the cluster'}")


def program_args(**changes: Any) -> dict[str, Any]:
    """The arguments of each service of a program with many; their names are their own."""
    return {key: value for key, value in {**CHAPTER, **changes}.items() if key != "service_name"}


def _one(part: Part, program: Program, what: str) -> None:
    part.timed(f"{what}, preview", program.way, lambda: program.must("preview"))
    part.timed(f"{what}, first up", program.way, program.up)
    part.row(what, "MiB").add(program.way, program.memory())
    part.timed(f"{what}, unchanged up", program.way, program.up)
    part.timed(f"{what}, destroy", program.way, program.destroy)
