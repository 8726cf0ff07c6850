"""Services whose instances are in groups, a StatefulSet each, against the same objects without the component."""

from .measure import Part, alternating
from .overhead import each_operation, program_args
from .services import Program, World, objects_and_outputs_of

WAYS = ("component", "plain", "guarded")
SERVICES, GROUPS = 20, ("first", "second", "third")


def measure(part: Part, world: World, rounds: int) -> None:
    """Rendered: a Service, a PodDisruptionBudget and three StatefulSets of one instance each."""
    groups = {name: {"replicas": 1} for name in GROUPS}
    args = program_args(namespace="default", quorum=True, groups=groups, replicas=None)
    objects, outputs = objects_and_outputs_of(world, args)
    for _, way in alternating(WAYS, rounds):
        program = Program(world.new_folder(), world.env, way=way, services=SERVICES, args=args, rendered=True)
        program.write_out(objects, outputs)
        each_operation(part, program, f"{SERVICES} services of {len(GROUPS)} groups, rendered")
