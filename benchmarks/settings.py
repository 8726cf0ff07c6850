"""What a user can set: the first ``up`` of many services on the cluster, under one setting after the other."""

from .measure import Part, alternating
from .overhead import program_args
from .services import Program, World

SERVICES = 50
SETTINGS = {
    "component": {},
    "without checkpoints": {"PULUMI_SKIP_CHECKPOINTS": "true", "PULUMI_EXPERIMENTAL": "true"},
    "parallel 32": {"PULUMI_PARALLEL": "32"},
    "client rates": {"PULUMI_K8S_CLIENT_QPS": "500", "PULUMI_K8S_CLIENT_BURST": "1000"},
}
"""The environment of each; the engine's and the provider's defaults first."""


def measure(part: Part, world: World, rounds: int) -> None:
    """A new stack each time."""
    with world.namespace() as namespace:
        for _, way in alternating(tuple(SETTINGS), rounds):
            program = Program(
                world.new_folder(),
                world.env | SETTINGS[way],
                services=SERVICES,
                args=program_args(namespace=namespace, replicas=0),
            )
            part.timed(f"{SERVICES} on the cluster, first up", way, program.up)
            part.timed(f"{SERVICES} on the cluster, destroy", way, program.destroy)
