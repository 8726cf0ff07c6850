"""What it costs that disks can grow, where none does: a set of many replicas, with growth support and without.

    make bench

On simulated nodes, whose Pods are ready without running, so that the engine, the component and the API server are what
is measured. Both ways alternate; ratios in one run.
"""

import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "cluster"))

from harness import Service, client_for, environment
from operations import namespace, timed

REPLICAS, ROUNDS = 500, 3
ON_SIMULATED_NODES: dict[str, Any] = {
    "spec": {
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
    }
}
WITHOUT_GROWTH = """\
from pulumi_stateful_service import _preflight, _waiting

async def nothing(*_): return []

_waiting._grow = _preflight._announce_growth = nothing
"""


def main() -> None:
    """Runs the rounds and prints the table."""
    env = environment()
    times: dict[str, dict[bool, list[float]]] = {}
    with client_for(env) as client, ExitStack() as cleanup:
        for _ in range(ROUNDS):
            for grows in (True, False):
                with tempfile.TemporaryDirectory() as folder:
                    service = Service(Path(folder), env, namespace=namespace(client, cleanup), client=client)
                    if not grows:
                        program = Path(folder) / "__main__.py"
                        program.write_text(WITHOUT_GROWTH + program.read_text())
                    service.set(replicas=REPLICAS, pod_management_policy="Parallel", pod_template=ON_SIMULATED_NODES)
                    for what, do in (
                        ("first up", service.up),
                        ("unchanged up", service.up),
                        ("preview", lambda service=service: service.must("preview")),
                    ):
                        times.setdefault(what, {}).setdefault(grows, []).append(timed(do))
                    service.destroy()
    print(f"{REPLICAS} replicas, medians of {ROUNDS}")
    print(f"{'':14} {'with growth':>12} {'without':>9} {'ratio':>7}")
    for what, each in times.items():
        ours, theirs = statistics.median(each[True]), statistics.median(each[False])
        ratio = statistics.median(a / b for a, b in zip(each[True], each[False], strict=True))
        print(f"{what:14} {ours:10.1f} s {theirs:7.1f} s {ratio:7.2f}")


if __name__ == "__main__":
    main()
