"""After a crash of all instances one of them starts first: the one with the highest number, or the one that is named.

The application starts in an instance when another one is ready, or when it is told to start alone; its first start is
``rg-0``'s. It keeps count of when it was told.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from harness import SOON, CommandError, Service, eventually
from lightkube.resources.core_v1 import Service as KubernetesService
from test_members import SHELL

Make = Callable[..., Service]

START = """
cd /opt/logs; trap exit TERM
told() { [ -e alone ] && busybox mv alone alone.last && echo told >> told; }
first() { [ $HOSTNAME = rg-0 ] && [ ! -e data ]; }
get() { busybox wget -q -T 1 -O /dev/null http://rg-$1.$SERVICE_ADDRESS:8080/data 2>/dev/null; }
peer() { get 0 || get 1 || get 2; }
until told || first || peer; do busybox sleep 0.2; done
busybox rm -f alone; echo > data; busybox httpd -p 8080
while :; do busybox sleep 1 & wait; done
"""
WAITING: dict[str, Any] = {
    **SHELL,
    "replicas": 3,
    "command": ["sh", "-c", START],
    "readiness_probe": {"tcp_socket": {"port": 8080}, "period_seconds": 1},
    "env": {},
    "discovery": {},
    "pod_management_policy": "Parallel",
    "publish_not_ready_addresses": True,
    "rollout_timeout_seconds": 60,
}
ALONE = ["sh", "-c", "echo > /opt/logs/alone"]
POSITION = ["busybox", "cat", "/opt/logs/position"]
NOTE = "pulumi-stateful-service/recovery"


def sh(rg: Service, pod: str, script: str) -> str:
    return rg.kubectl("exec", pod, "--", "sh", "-c", script)


def kill_all(rg: Service) -> dict[str, str]:
    """Kills all instances at once, and returns their uids. No server is left that a new instance could still meet."""
    before = rg.uids()
    for pod in before:
        with suppress(CommandError):  # it may kill itself before it has told that it has killed the others
            sh(rg, pod, "busybox killall busybox")
    rg.kubectl("delete", "pod", *before, "--grace-period=0", "--force")
    return before


def crash(rg: Service) -> dict[str, str]:
    """Kills all instances at once. Returns the uids of those that come in their place, and wait."""
    before = kill_all(rg)

    def wait() -> dict[str, str] | None:
        pods = rg.pods()
        states = [pod.status.containerStatuses for pod in pods.values()]
        runs = [each and each[0].state.running for each in states]
        return rg.uids() if len(pods) == len(before) and all(runs) and not before.items() & rg.uids().items() else None

    return eventually("the instances wait", wait) or {}


def told(rg: Service) -> dict[str, int]:
    """How often each instance was told to start alone."""
    counts = {pod: len(sh(rg, pod, "cd /opt/logs; busybox cat told || true").split()) for pod in sorted(rg.pods())}
    return {pod: count for pod, count in counts.items() if count}


def noted(rg: Service) -> set[str]:
    """How far, which and where, as the claims have it."""
    notes = [(each.metadata.annotations or {}).get(NOTE, "") for each in rg.claims().values()]
    parts = [note.split(" ") for note in notes]
    return {" ".join([each[0], *each[2:]]) for each in parts}


def test_p08_all_instances_start_again_after_the_one_with_the_highest_number(service: Make) -> None:
    """The preview says which and why; nobody restarts, it is done once, and never beside instances that are ready."""
    rg = service(**WAITING)
    rg.up()
    for pod, position in {"rg-0": 7, "rg-1": 12, "rg-2": 12}.items():
        sh(rg, pod, f"echo {position} > /opt/logs/position")
    recover = {"request": "first", "compare": {"command": POSITION}, "command": ALONE}
    rg.set(recover=recover)
    refused = rg.must_fail("preview")
    assert "recover 'first' is for a service of which no instance is ready, and rg-0, rg-1, rg-2 are" in refused

    waiting = crash(rg)
    reason = "recover 'first' runs in rg-1, which has the highest number (rg-0: 7, rg-1: 12, rg-2: 12)."
    assert reason in rg.must("preview")
    assert told(rg) == {}
    said = rg.up()
    assert reason in said
    assert "recover 'first' is done: rg-1 has started the application." in said
    assert rg.uids() == waiting
    assert told(rg) == {"rg-1": 1}
    rg.unchanged()


@pytest.mark.long
def test_p08_a_recovery_that_is_killed_is_continued_in_the_same_instance(service: Make) -> None:
    """Before the command, after it, when the instance is ready, and while it is noted; though numbers are others."""
    rg = service(**WAITING)
    rg.up()

    def note() -> str:
        governing: Any = rg.client.get(KubernetesService, "random-generator", namespace=rg.namespace)
        return str(governing.metadata.annotations.get(NOTE, ""))

    moments: dict[str, Callable[[str], object]] = {
        "begun": lambda request: note().startswith("begun") and request in note(),
        "told": lambda request: note().startswith("told") and request in note(),
        "ready": lambda _: rg.is_ready("rg-1"),
        "noted": lambda request: any(request in each for each in noted(rg)),
    }
    for moment, condition in moments.items():
        for pod, position in {"rg-0": 7, "rg-1": 12, "rg-2": 9}.items():
            sh(rg, pod, f"cd /opt/logs; busybox rm -f told; echo {position} > position")
        waiting = crash(rg)
        # So slow that each moment can be met.
        slow = ["sh", "-c", "busybox sleep 1; echo > /opt/logs/alone"]
        rg.set(recover={"request": moment, "compare": {"command": POSITION}, "command": slow})
        rg.kill_up_when(moment, lambda condition=condition, moment=moment: condition(moment))  # type: ignore[misc]
        sh(rg, "rg-2", "echo 99 > /opt/logs/position")
        rg.up()
        assert told(rg) == {"rg-1": 1}, moment
        assert rg.uids() == waiting
        assert noted(rg) == {f"done {moment} 1"}
        rg.unchanged()
    rg.refresh()
    rg.unchanged()
    assert note().endswith("noted 1")


@pytest.mark.long
def test_p08_containers_that_crash_are_asked_and_told_while_they_run(service: Make) -> None:
    """Each lives for a second; the preview names what they are in."""
    script = START.replace("until told", "busybox sleep 1; until told").replace(
        "do busybox sleep 0.2; done", "do exit 3; done"
    )
    rg = service(**{**WAITING, "command": ["sh", "-c", script], "rollout_timeout_seconds": 300})
    rg.up()
    for pod, position in {"rg-0": 7, "rg-1": 1, "rg-2": 12}.items():
        sh(rg, pod, f"echo {position} > /opt/logs/position")
    before = kill_all(rg)
    eventually("all crash", lambda: len(crashing(rg)) == len(before))
    rg.set(recover={"request": "first", "compare": {"command": POSITION}, "command": ALONE})
    assert "recover 'first' waits in pulumi up until each instance tells its number" in rg.must("preview")
    waiting = rg.uids()
    assert "runs in rg-2, which has the highest number (rg-0: 7, rg-1: 1, rg-2: 12)." in rg.up()
    assert rg.uids() == waiting
    assert told(rg) == {"rg-2": 1}


def crashing(rg: Service) -> list[str]:
    states = {name: pod.status.containerStatuses for name, pod in rg.pods().items()}
    return [name for name, each in states.items() if each and each[0].state.waiting and each[0].restartCount]


@pytest.mark.long
def test_p08_ordered_instances_that_do_not_exist_are_not_recovered_from(service: Make) -> None:
    """Refused until the policy is Parallel; and a service that comes back on its claims is recovered on request."""
    rg = service(**{**WAITING, "pod_management_policy": "OrderedReady"})
    rg.up()
    before = kill_all(rg)
    eventually("the first one waits", lambda: rg.uids().keys() == {"rg-0"} and not before.items() & rg.uids().items())
    rg.set(recover={"request": "first", "ordinal": 1, "command": ALONE})
    refused = rg.must_fail("up", "--yes", "--skip-preview")
    assert "recover needs rg-1, which does not exist, and with pod_management_policy OrderedReady" in refused
    rg.set(pod_management_policy="Parallel", recreate_keeping_pods=True)
    assert "recover 'first' runs in rg-1, as recover.ordinal says." in rg.must("preview")
    rg.up()
    assert told(rg) == {"rg-1": 1}

    # All stop in order; none knows who was the last. The first request is over.
    rg.destroy()
    rg.set(recreate_keeping_pods=None, rollout_timeout_seconds=SOON)
    assert f"did not complete within rollout_timeout_seconds ({SOON})" in rg.must_fail("up", "--yes", "--skip-preview")
    rg.deploy(recover={"request": "second", "ordinal": 2, "command": ALONE}, rollout_timeout_seconds=None)
    assert told(rg) == {"rg-1": 1, "rg-2": 1}
    assert noted(rg) == {"done second 2"}
    # And where that is known before it is created.
    rg.destroy()
    rg.set(recover={"request": "third", "ordinal": 0, "command": ALONE})
    assert "recover 'third' runs in rg-0" in rg.must("preview")
    rg.up()
    assert told(rg) == {"rg-0": 1, "rg-1": 1, "rg-2": 1}
    rg.unchanged()


@pytest.mark.long
@pytest.mark.parametrize(
    "waits",
    [
        {"quorum": True, "rollout": {"steps": [1]}},
        {"leader_last": {"exec": {"command": ["busybox", "test", "-e", "/opt/logs/leads"]}}},
        {"members": {"join": {"command": ["busybox", "true"]}}, "min_ready_seconds": 1},
    ],
    ids=["steps", "leader-last", "members"],
)
def test_p08_a_recovery_comes_before_what_waits_for_ready_instances(service: Make, waits: dict[str, Any]) -> None:
    """Together with another template, which is rolled out when the instances are ready."""
    rg = service(**WAITING, **waits)
    rg.up()
    for pod, position in {"rg-0": 7, "rg-1": 12, "rg-2": 9}.items():
        sh(rg, pod, f"echo {position} > /opt/logs/position")
    sh(rg, "rg-0", "echo > /opt/logs/leads")
    crash(rg)
    recover = {"request": "first", "compare": {"command": POSITION}, "command": ALONE}
    rg.set(recover=recover, pod_annotations={"example.com/config": "2"})
    assert "recover 'first' runs in rg-1, which has the highest number" in rg.must("preview")
    rg.up()
    assert told(rg) == {"rg-1": 1}
    assert {pod.metadata.annotations["example.com/config"] for pod in rg.pods().values()} == {"2"}
    rg.unchanged()
