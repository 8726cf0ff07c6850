"""What the component asks the API server, and what that costs: by number, where each takes long, and at the end."""

import subprocess
import time

from api_server_proxy import troubled
from credential_plugin import exec_kubeconfig, runs_by_program
from own_requests import OURS
from test_checks import SHELL

from .measure import Part, alternating, number_of_services
from .overhead import program_args
from .services import Program, World, objects_and_outputs_of

SERVICES = (1, 50)
LATENCY = 0.3
"""Seconds that each request takes longer, the provider's too."""


def measure(part: Part, world: World, rounds: int) -> None:
    """On the cluster: StatefulSets without replicas, but for the Pod that answers slowly."""
    with world.namespace() as namespace:
        for count in SERVICES:
            _counted(part, world, namespace, count)
        _with_latency(part, world, namespace, rounds)
        for _ in range(rounds):
            _end_after_failed_check(part, world, namespace)


def _counted(part: Part, world: World, namespace: str, count: int) -> None:
    """The component's own requests, and how often a credential plugin runs: once each, since neither varies."""
    args = program_args(namespace=namespace, replicas=0)
    program = Program(world.new_folder(), world.env, services=count, args=args)
    with troubled(program, lambda *_: None) as between:
        for operation, run in program.operations().items():
            between.asked.clear()
            run()
            asked = sum(agent.startswith(OURS) for agent, _, _ in between.asked)
            part.row(f"{number_of_services(count)}, {operation}", "requests").add("component", asked)
        program.destroy()
    # Another kubeconfig is another cluster for Pulumi, so this is another stack.
    program = Program(world.new_folder(), world.env, services=count, args=args)
    runs = exec_kubeconfig(program, program.folder, None)
    for operation, run in program.operations().items():
        run()
        part.row(f"{number_of_services(count)}, {operation}", "runs of a credential plugin").add(
            "component", runs_by_program(runs)
        )
    program.destroy()


def _with_latency(part: Part, world: World, namespace: str, rounds: int) -> None:
    args = program_args(namespace=namespace, replicas=0)
    objects, outputs = objects_and_outputs_of(world, args)
    for _, way in alternating(("component", "plain"), rounds):
        program = Program(world.new_folder(), world.env, way=way, args=args)
        program.write_out(objects, outputs)
        with troubled(program, lambda *_: None) as between:
            between.latency = LATENCY
            for operation, run in program.operations().items():
                what = f"{number_of_services(1)}, {operation}, {LATENCY * 1000:.0f} ms more a request"
                part.timed(what, way, run)
            between.latency = 0
            program.destroy()


def _end_after_failed_check(part: Part, world: World, namespace: str) -> None:
    """How long an ``up`` goes on once a check has failed, while the Pod still sends its answer."""
    check = {"http_get": {"path": "/check", "port": "http"}, "timeout_seconds": 2}
    rollout = {"steps": [1], "checks": [check]}
    args = program_args(**SHELL, namespace=namespace, rollout=rollout)
    program = Program(world.new_folder(), world.env, args=args)
    program.up()
    program.set(env={"MODE": "drips"})
    seconds = _seconds_after(program, "no answer within 2 s")
    part.row("from a failed check to the end of up, while the Pod still answers").add("component", seconds)
    program.destroy()


def _seconds_after(program: Program, words: str) -> float:
    """How long an ``up`` runs on after it has first said this."""
    command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--color", "never"]
    said: float | None = None
    with subprocess.Popen(
        command, cwd=program.folder, env=program.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        for line in running.stdout or ():
            if said is None and words in line:
                said = time.perf_counter()
    if said is None:
        raise SystemExit(f"pulumi up did not say {words!r}")
    return time.perf_counter() - said
