"""After a crash of all instances one of them starts first: the one with the highest number, or the one that is named.

The application starts in an instance when another one is ready, or when it is told to start alone; its first start is
``rg-0``'s. It keeps count of when it was told.
"""

from collections.abc import Callable
from typing import Any

from harness import Service, eventually
from test_members import SHELL

Make = Callable[..., Service]

START = """
cd /opt/logs; busybox rm -f ready; trap exit TERM
told() { [ -e alone ] && busybox mv alone alone.last && echo told >> told; }
first() { [ $HOSTNAME = rg-0 ] && [ ! -e data ]; }
until told || first || busybox nslookup -type=a $SERVICE_ADDRESS >/dev/null 2>&1; do busybox sleep 0.2; done
echo > data; echo > ready
while :; do busybox sleep 1 & wait; done
"""
WAITING: dict[str, Any] = {
    **SHELL,
    "replicas": 3,
    "command": ["sh", "-c", START],
    "readiness_probe": {"exec": {"command": ["busybox", "test", "-e", "/opt/logs/ready"]}, "period_seconds": 1},
    "env": {},
    "discovery": {},
    "pod_management_policy": "Parallel",
    "rollout_timeout_seconds": 60,
}
ALONE = ["sh", "-c", "echo > /opt/logs/alone"]
POSITION = ["busybox", "cat", "/opt/logs/position"]
NOTE = "pulumi-stateful-service/recovery"


def sh(rg: Service, pod: str, script: str) -> str:
    return rg.kubectl("exec", pod, "--", "sh", "-c", script)


def crash(rg: Service) -> dict[str, str]:
    """Kills all instances at once. Returns the uids of those that come in their place, and wait."""
    before = rg.uids()
    rg.kubectl("delete", "pod", *before, "--grace-period=0", "--force")

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
    return {" ".join(note.split(" ")[::2]) + " " + note.split(" ")[-1] for note in notes}


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
    rg.set(recover=None)
    rg.must("preview", "--expect-no-changes")
