"""The component's overhead: many services in one program, against the same objects without it."""

from itertools import product
from typing import Any

from .measure import Part, alternating
from .services import CHAPTER, Program, World, objects_and_outputs_of

WAYS = ("component", "plain", "grouped", "registered", "guarded", "chart")
"""``plain`` is the objects written out, ``grouped`` the same in a component without outputs.

``registered`` is ``grouped`` with the component's outputs: the least that any component with these outputs costs.
``guarded`` is ``grouped`` with a hook on each object and a transform of the set that do nothing: the least that any
component costs that judges a change where the engine makes it.
"""
_MOST_FOR_ALL_ROUNDS = 50


def measure(part: Part, world: World, rounds: int, services: list[int]) -> None:
    """Rendered, so that the engine and the program are what is measured; then on the cluster, without replicas.

    Of more than fifty services two rounds at most: one takes minutes.
    """
    with world.namespace() as namespace:
        for rendered, count in product((True, False), services):
            args = program_args(namespace="default") if rendered else program_args(namespace=namespace, replicas=0)
            objects, outputs = objects_and_outputs_of(world, args)
            for _, way in alternating(WAYS, rounds if count <= _MOST_FOR_ALL_ROUNDS else min(rounds, 2)):
                program = Program(world.new_folder(), world.env, way=way, services=count, args=args, rendered=rendered)
                program.write_out(objects, outputs)
                each_operation(part, program, f"{count} {'rendered' if rendered else 'on the cluster'}")


def program_args(**changes: Any) -> dict[str, Any]:
    """The arguments of each service of a program with many, whose names are their own; None takes one away."""
    merged = {**CHAPTER, **changes, "service_name": None}
    return {key: value for key, value in merged.items() if value is not None}


def each_operation(part: Part, program: Program, what: str) -> None:
    """Times each operation of a program, and keeps what its own process used."""
    for operation, run in program.operations().items():
        part.timed(f"{what}, {operation}", program.way, run)
        used = program.usage()
        part.row(f"{what}, {operation}", "program CPU s").add(program.way, used.processor_seconds)
        if operation == "first up":
            part.row(what, "MiB").add(program.way, used.memory_mib)
    part.timed(f"{what}, destroy", program.way, program.destroy)
