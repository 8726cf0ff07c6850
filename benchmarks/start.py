"""Program start: what importing the package costs, and what constructing a service costs."""

import json
import sys

from .imports import IMPORTS, imported
from .measure import Part, alternating, run
from .services import CHAPTER, World, objects_of

SERVICES = 200
_CONSTRUCTED = """
import json, sys, time
import pulumi, pulumi_kubernetes as kubernetes
from pulumi.runtime import Mocks, set_mocks, test
from pulumi_stateful_service import StatefulService

class Nothing(Mocks):
    def new_resource(self, args): return args.name, dict(args.inputs)
    def call(self, args): return {}

set_mocks(Nothing())
given = json.loads(sys.argv[2])

def component():
    for number in range(int(sys.argv[3])):
        StatefulService(f"db-{number}", given["args"])

def plain():
    for number in range(int(sys.argv[3])):
        objects = json.loads(json.dumps(given["objects"]).replace("db-0", f"db-{number}"))
        service, stateful_set = ({k: v for k, v in each.items() if k not in ("apiVersion", "kind")} for each in objects)
        made = kubernetes.core.v1.Service(f"service-{number}", **service)
        kubernetes.apps.v1.StatefulSet(f"set-{number}", **stateful_set, opts=pulumi.ResourceOptions(depends_on=[made]))

started = time.process_time()
test({"component": component, "plain": plain}[sys.argv[1]])()
print(json.dumps(time.process_time() - started))
"""


def measure(part: Part, world: World, rounds: int) -> None:
    """In processes of their own: their processor time, without the interpreter's own start."""
    args = {**CHAPTER, "namespace": "default"}
    del args["service_name"]
    objects = [each for each in objects_of(world, args) if each["kind"] in ("Service", "StatefulSet")]
    given = json.dumps({"args": args, "objects": objects})
    for _, way in alternating(tuple(IMPORTS), rounds):
        seconds, memory, _ = imported(way, world.env)
        part.row("import", "ms").add(way, seconds * 1000)
        part.row("import", "MiB").add(way, memory)
        seconds = json.loads(run([sys.executable, "-c", _CONSTRUCTED, way, given, str(SERVICES)], world.env))
        part.row("a service, constructed and registered (mocks)", "ms").add(way, seconds * 1000 / SERVICES)
