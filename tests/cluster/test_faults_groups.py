"""Pulumi is killed while all members move from one group to another: the next `up` continues.

The members' commands note on the disk of the instance in which they run what becomes of whom, and when.
"""

from collections.abc import Callable, Sequence
from itertools import count, cycle
from pathlib import Path
from typing import Any

import pytest
from faults import MOMENTS, Running, recovered, witnessed
from harness import Service, only, watching
from lightkube.resources.core_v1 import PersistentVolume
from test_faults_killed import SIGNALS
from test_members import LIST, SHELL

Make = Callable[..., Service]


def noted(what: str) -> dict[str, Any]:
    """A command that can be repeated: it notes the time, what it does, and for which instance."""
    script = f"read now _ < /proc/uptime; echo $now {what} {{pod}} >> {LIST}"
    return {"command": ["sh", "-c", script], "timeout_seconds": 20}


def move(number: int, replicas: int) -> dict[str, Any]:
    """All members leave a group for the next one; the group that they have left before is removed."""
    return {"groups": {f"g{number}": {"replicas": 0}, f"g{number + 1}": {"replicas": replicas}}}


def instances(number: int, replicas: int) -> list[str]:
    """The instances of a group."""
    return [f"rg-g{number}-{ordinal}" for ordinal in range(replicas)]


def notes(rg: Service) -> list[tuple[str, str]]:
    """What was noted, in the order of time: on the disks of all instances that there ever were."""
    lines: list[str] = []
    for claim in rg.claims().values():
        if claim.spec.volumeName:
            volume: Any = rg.client.get(PersistentVolume, claim.spec.volumeName)
            written = Path(volume.spec.hostPath.path) / Path(LIST).name
            lines += written.read_text().splitlines() if written.exists() else []
    timed = sorted(lines, key=lambda line: float(line.split()[0]))
    return [(what, pod) for _, what, pod in map(str.split, timed)]


def moved(rg: Service, events: Sequence[tuple[str, str]], number: int, replicas: int) -> None:
    """Asserts that all have moved from a group to the next one, and that there were never fewer meanwhile."""
    before, after = instances(number, replicas), instances(number + 1, replicas)
    assert list(rg.pods()) == after
    assert all(map(rg.is_ready, after))
    members, ready, known = set(before), set(before), set(before)
    commands = [(what, pod) for what, pod in notes(rg) if pod in {*before, *after}]
    # Of those that leave now, what they did when they came is known.
    for what, pod in [each for each in commands if each[1] in after or each[0] == "leave"]:
        if what == "add":
            known.add(pod)
        elif what == "join":
            assert pod in known, commands
            members.add(pod)
        else:
            members.discard(pod)
        assert len(members) >= replicas, commands
    assert members == set(after), commands
    for event, pod in only(list(events), "ready", "ending"):
        (ready.add if event == "ready" else ready.discard)(pod)
        assert len(ready) >= replicas, events


def test_a_move_that_was_killed_is_continued(service: Make) -> None:
    """`pulumi up` killed when the first instance of a new group runs: it joins, and the old one leaves, once."""
    members = {each: noted(each) for each in ("add", "join", "leave")}
    rg = service(**SHELL, replicas=None, members=members, groups={"g0": {"replicas": 1}})
    rg.up()
    rg.set(**move(0, 1))
    with watching(rg) as events:
        rg.kill_up_when("the new instance is there", lambda: rg.pod("rg-g1-0"))
        recovered(rg)
    moved(rg, events, 0, 1)
    assert notes(rg).count(("leave", "rg-g0-0")) == 1
    rg.up()
    rg.unchanged()


@pytest.mark.long
def test_moves_to_another_group_are_killed(service: Make) -> None:
    """`pulumi up` killed at many moments of a move: never fewer members, each in one Pod, and the next `up` ends it."""
    members = {each: noted(each) for each in ("add", "join", "leave")}
    rg = service(**SHELL, replicas=None, members=members, groups={"g0": {"replicas": 2}}, quorum=True)
    numbers, signals = count(), cycle(SIGNALS)
    with witnessed(rg, writes=False) as witness:
        rg.up()
        rg.set(**move(number := next(numbers), 2))
        with watching(rg) as events:
            undisturbed = Running(rg, witness, "up")
            assert undisturbed.end() == 0, undisturbed.said
        moved(rg, events, number, 2)
        for moment in range(MOMENTS):
            rg.set(**move(number := next(numbers), 2))
            enough = round(undisturbed.happenings * (moment + 0.5) / MOMENTS)
            with watching(rg) as events:
                running = Running(rg, witness, "up")
                running.reach(lambda running=running, enough=enough: running.happenings >= enough)  # type: ignore[misc]
                running.send(next(signals))
                recovered(rg)
                running.clear()
            moved(rg, events, number, 2)
        rg.up()
        rg.must("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
        assert "pending operations" not in rg.unchanged()
