"""Pulumi is killed, by SIGKILL and by SIGINT, at moments spread over the operation.

A moment is a number of events: printed lines about resources, and changes to Pods and claims. An undisturbed first run
tells how many there are. ``FAULT_MOMENTS`` is the number of moments.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from itertools import count, cycle
from typing import Any

import pytest
from faults import MOMENTS, Make, Running, as_asked, recovered, witnessed
from harness import Service

SIGNALS = (signal.SIGKILL, signal.SIGINT)
IMAGES = ("random-generator:2.0", "random-generator:1.0")
SET = "urn:pulumi:test::test::stateful-service:index:StatefulService$kubernetes:apps/v1:StatefulSet::rg"


def logs(size: str) -> dict[str, Any]:
    return {"name": "logs", "mount_path": "/opt/logs", "size": size}


def interrupted(rg: Service, prepare: Callable[[], Any], command: str = "up", again: str = "up", *how: str) -> None:
    """Interrupts an operation at one moment after another.

    ``prepare`` deploys the starting state and sets the arguments to deploy. After each interruption one more ``again``
    has to deploy them.
    """
    with witnessed(rg) as witness:
        rg.up()
        prepare()
        undisturbed = Running(rg, witness, command, *how)
        assert undisturbed.end() == 0, undisturbed.said
        for moment, number in zip(range(MOMENTS), cycle(SIGNALS), strict=False):
            prepare()
            running = Running(rg, witness, command, *how)
            enough = round(undisturbed.happenings * (moment + 0.5) / MOMENTS)
            running.reach(lambda running=running, enough=enough: running.happenings >= enough)  # type: ignore[misc]
            running.send(number)
            recovered(rg, again)
            running.clear()
            if again == "up":
                as_asked(rg)
            else:
                assert rg.pods() == {}
        rg.up()
        rg.must("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
        assert "pending operations" not in rg.unchanged()
        as_asked(rg)


def test_creation_is_killed(service: Make) -> None:
    """`pulumi up` killed while it creates a service: the next one completes it, on the claims that were made."""
    rg = service()
    interrupted(rg, rg.destroy)


@pytest.mark.long
def test_a_canary_is_killed(service: Make) -> None:
    """`pulumi up` killed during a canary: the next one completes it, and the others keep their version."""
    rg = service(replicas=3, canary=1)
    image = cycle(IMAGES)
    interrupted(rg, lambda: rg.set(image=next(image)))


@pytest.mark.long
def test_a_rollout_is_killed(service: Make) -> None:
    """`pulumi up` killed while all instances get a new version: the next one completes it."""
    rg = service()
    image = cycle(IMAGES)
    interrupted(rg, lambda: rg.set(image=next(image)))


@pytest.mark.long
def test_a_rollout_in_steps_is_killed(service: Make) -> None:
    """`pulumi up` killed during the steps of `rollout`: the next one continues with the same step."""
    checks = [{"http_get": {"path": "/logs", "port": "http"}, "period_seconds": 1}]
    rg = service(replicas=3, rollout={"steps": [1, 2], "bake_seconds": 1, "checks": checks})
    image = cycle(IMAGES)
    interrupted(rg, lambda: rg.set(image=next(image)))


@pytest.mark.long
def test_members_that_join_and_leave_are_killed(service: Make) -> None:
    """`pulumi up` killed while members are added or removed: the next one completes it."""
    answers = {"command": ["/random-generator", "get", "http://localhost:8080/ready"]}
    rg = service(replicas=3, members={"add": answers, "join": answers, "leave": answers, "reuse_claims": True})
    replicas = cycle((1, 3))
    interrupted(rg, lambda: rg.set(replicas=next(replicas)))


@pytest.mark.long
def test_a_growth_is_killed(service: Make) -> None:
    """`pulumi up` killed while disks grow: the next one grows the rest."""
    rg = service()
    size = count(11)
    interrupted(rg, lambda: rg.set(volumes=[logs(f"{next(size)}Mi")]))


@pytest.mark.long
def test_a_scale_down_is_killed(service: Make) -> None:
    """`pulumi up` killed while it scales down: the next one completes it, and the claims stay."""
    rg = service(replicas=3)

    def prepare() -> None:
        rg.deploy(replicas=3)
        rg.set(replicas=1)

    interrupted(rg, prepare)


@pytest.mark.long
def test_a_forced_replacement_is_killed(service: Make) -> None:
    """`pulumi up --replace` of the set killed while all instances stop: the next `up` starts them again."""
    rg = service()
    interrupted(rg, lambda: None, "up", "up", "--replace", SET)


@pytest.mark.long
def test_a_recreated_set_is_killed(service: Make) -> None:
    """`pulumi up` killed while a set is recreated around its Pods: the next one completes it."""
    rg = service(recreate_keeping_pods=True)
    volumes = cycle(([logs("10Mi"), {"name": "more", "mount_path": "/opt/more", "size": "5Mi"}], [logs("10Mi")]))
    interrupted(rg, lambda: rg.set(volumes=next(volumes)))


@pytest.mark.long
def test_a_destroy_is_killed(service: Make) -> None:
    """`pulumi destroy` killed: the next one completes it, and the `up` after it finds the data."""
    rg = service()
    interrupted(rg, rg.up, "destroy", "destroy")


@pytest.mark.long
def test_a_destroy_is_killed_and_undone(service: Make) -> None:
    """`pulumi destroy` killed: a `pulumi up` creates what was deleted again."""
    rg = service()
    interrupted(rg, rg.up, "destroy")


@pytest.mark.long
def test_the_provider_is_killed(service: Make) -> None:
    """Pulumi's Kubernetes provider killed during a rollout and a scale: the next `pulumi up` completes both."""
    rg = service()
    image = cycle(IMAGES)
    replicas = cycle((3, 2))
    with witnessed(rg) as witness:
        rg.up()
        for moment in range(MOMENTS):
            rg.set(image=next(image), replicas=next(replicas))
            running = Running(rg, witness, "up")
            assert running.reach(running.provider)
            running.reach(lambda running=running, moment=moment: running.happenings >= moment)  # type: ignore[misc]
            if (pid := running.provider()) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            running.end()
            recovered(rg)
            as_asked(rg)
        rg.refresh()
        rg.unchanged()
