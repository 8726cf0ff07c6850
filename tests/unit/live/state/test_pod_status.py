"""Whether a Pod is or was ready, and why it is not, from its status as a cluster returns it."""

from typing import Any

import pytest
from pulumi_stateful_service.live.state.pod_status import (
    Crash,
    Diagnostics,
    crash,
    is_crash_looping,
    is_running,
    was_ever_ready,
    why_not_ready,
    why_terminating,
)

STARTED, LATER = "2026-01-01T00:00:00Z", "2026-03-01T12:00:00Z"


def a_pod(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "rg-0", "uid": "uid-0"},
        "spec": {"volumes": [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs-rg-0"}}, {"name": "tmp"}]},
        "status": {"phase": "Running", "startTime": STARTED, **status},
    }


def conditions(**changed: str) -> list[dict[str, Any]]:
    """Conditions of a Pod that is not ready, with the time of each one's last change."""
    statuses = {"Initialized": "True", "Ready": "False"}
    return [{"type": name, "status": statuses[name], "lastTransitionTime": time} for name, time in changed.items()]


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param(a_pod(conditions=conditions(Ready=STARTED)), False, id="not ready since it started"),
        pytest.param(a_pod(conditions=conditions(Initialized=LATER, Ready=STARTED)), False, id="slow init container"),
        pytest.param(a_pod(conditions=conditions(Initialized=STARTED, Ready=LATER)), True, id="was ready until later"),
        pytest.param(a_pod(conditions=conditions(Initialized=LATER, Ready=LATER)), True, id="its node was rebooted"),
        pytest.param(a_pod(conditions=[]), False, id="no condition yet"),
        pytest.param(a_pod(conditions=conditions(Ready=LATER), startTime=None), False, id="not started yet"),
    ],
)
def test_a_pod_was_ready_if_its_condition_has_changed_since_it_started(pod: Any, expected: bool) -> None:
    """A Pod that served for months must not count as never ready after a reboot, which runs init containers again."""
    assert was_ever_ready(pod) == expected


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"name": "app", "ready": False, "state": {"waiting": {"reason": reason, "message": message}}, **more}


def terminated(exit_code: int, message: str | None = None, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": exit_code, "reason": reason, "message": message}}


def claim(phase: str) -> dict[str, Any]:
    return {"metadata": {"name": "logs-rg-0", "uid": "uid-claim"}, "status": {"phase": phase}}


PENDING = {"logs-rg-0": claim("Pending")}
UNSCHEDULED = [{"type": "PodScheduled", "status": "False", "message": "pod has unbound claims"}]


@pytest.mark.parametrize(
    ("status", "diagnostics", "expected"),
    [
        (
            {"containerStatuses": [waiting("ImagePullBackOff", "Back-off pulling image")]},
            Diagnostics(),
            "container app: ImagePullBackOff: Back-off pulling image",
        ),
        (
            {"containerStatuses": [waiting("CrashLoopBackOff", "back-off 10s", lastState=terminated(3))]},
            Diagnostics(),
            "container app: CrashLoopBackOff: exit code 3 (Error)",
        ),
        (
            {"containerStatuses": [{"name": "app", "state": terminated(1, reason="OOMKilled")}]},
            Diagnostics(),
            "container app: terminated: exit code 1 (OOMKilled)",
        ),
        (
            {"initContainerStatuses": [{"name": "init", "state": terminated(2)}], "containerStatuses": [waiting("x")]},
            Diagnostics(),
            "container init: terminated: exit code 2 (Error)",
        ),
        (
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]},
            Diagnostics(),
            "cannot be scheduled: 0/1 nodes",
        ),
        ({}, Diagnostics({"uid-0": "Readiness probe failed"}), "running but not ready: Readiness probe failed"),
        (
            {"phase": "Pending"},
            Diagnostics({"uid-claim": "no class"}, PENDING),
            "PersistentVolumeClaim logs-rg-0 is not bound: no class",
        ),
        ({"phase": "Pending"}, Diagnostics({"uid-claim": "no class"}, {"logs-rg-0": claim("Bound")}), "starting"),
        (
            {"conditions": UNSCHEDULED},
            Diagnostics(claims=PENDING),
            "cannot be scheduled: pod has unbound claims (logs-rg-0)",
        ),
        ({"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]}, Diagnostics(), "starting"),
    ],
)
def test_the_reason_is_the_one_of_kubernetes(status: Any, diagnostics: Diagnostics, expected: str) -> None:
    """As the kubelet, the scheduler or the storage controller gives it."""
    assert why_not_ready(a_pod(**status), diagnostics) == expected


def test_events_of_an_earlier_pod_of_the_same_name_are_not_this_pods() -> None:
    """Events are matched by uid: a Pod that comes again has its name, and the events stay for an hour."""
    assert why_not_ready(a_pod(), Diagnostics({"uid-of-the-earlier-rg-0": "Back-off"})) == "running but not ready"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("starting\nFATAL: data directory has wrong ownership\n\n", ": FATAL: data directory has wrong ownership"),
        ("x" * 1000, ": " + "x" * 299 + "…"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_crash_shows_the_last_line_of_the_termination_message(message: str | None, shown: str) -> None:
    """With FallbackToLogsOnError that is the last line of the log."""
    status = waiting("CrashLoopBackOff", lastState=terminated(1, message))
    reason = why_not_ready(a_pod(containerStatuses=[status]), Diagnostics())
    assert reason == f"container app: CrashLoopBackOff: exit code 1 (Error){shown}"


@pytest.mark.parametrize(
    ("container", "command"),
    [
        (waiting("CrashLoopBackOff", lastState=terminated(1)), "logs rg-0 --container app --previous"),
        ({"name": "init", "state": terminated(1)}, "logs rg-0 --container init"),
    ],
)
def test_a_crash_names_the_command_for_the_log(container: Any, command: str) -> None:
    """A container that was restarted has written to the previous log."""
    found = crash(a_pod(containerStatuses=[container]))
    assert found is not None
    assert found.logs_command("prod") == f"kubectl --namespace prod {command}"


@pytest.mark.parametrize(
    "container",
    [
        waiting("ImagePullBackOff"),
        {"name": "app", "ready": True, "state": {"running": {}}, "lastState": terminated(1)},
        {"name": "init", "ready": True, "state": terminated(0)},
    ],
)
def test_no_crash_without_a_container_that_failed(container: Any) -> None:
    """One that never started has no log; one that runs again, or that completed, is no problem."""
    assert crash(a_pod(containerStatuses=[container])) is None


def test_a_crash_of_an_init_container_comes_first() -> None:
    """The other containers wait for it."""
    pod = a_pod(
        initContainerStatuses=[{"name": "init", "state": terminated(1)}], containerStatuses=[waiting("PodInitializing")]
    )
    assert crash(pod) == Crash("rg-0", "init", restarted=False)


def test_who_disrupts_a_pod_and_which_node_does_not_answer_is_said() -> None:
    """A preemption, an eviction, and a node that cannot carry the deletion out."""
    disrupted = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "PreemptionByScheduler",
        "message": "preempted",
    }
    pod = a_pod(conditions=[disrupted])
    pod["spec"]["nodeName"] = "node-1"
    assert why_terminating(a_pod(), Diagnostics()) == "terminating"
    assert why_terminating(pod, Diagnostics()) == "terminating (preempted)"
    lost = Diagnostics(lost_nodes=["node-1"])
    assert why_terminating(pod, lost) == "terminating (preempted), on node node-1, which does not answer"
    assert why_not_ready(pod, lost) == "running but not ready, on node node-1, which does not answer"


def test_a_pod_runs_when_all_its_containers_do() -> None:
    """Ready or not; one that waits between two crashes does not."""
    running: Any = {"state": {"running": {}}}
    crashing: Any = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    assert is_running(a_pod(containerStatuses=[running, running]))
    assert not is_running(a_pod(containerStatuses=[running, crashing]))
    assert not is_running(a_pod())
    assert is_crash_looping(a_pod(containerStatuses=[running, crashing]))
    assert not is_crash_looping(a_pod(containerStatuses=[running]))


def test_finalizers_that_hold_a_pod_or_its_claim_are_named() -> None:
    """Whoever set them has to remove them; Kubernetes' own are not worth a word."""
    pod = a_pod(conditions=[])
    pod["metadata"] |= {"deletionTimestamp": LATER, "finalizers": ["example.com/hold", "foregroundDeletion"]}
    assert why_terminating(pod, Diagnostics()) == "terminating, held by finalizers: example.com/hold"
    metadata = {"name": "logs-rg-0", "uid": "c", "deletionTimestamp": LATER, "finalizers": ["a/b", "c/d"]}
    claim = {"metadata": metadata, "status": {"phase": "Bound"}}
    assert why_not_ready(a_pod(conditions=[]), Diagnostics(claims={"logs-rg-0": claim})) == (
        "running but not ready; PersistentVolumeClaim logs-rg-0 is being deleted, held by finalizers: a/b, c/d"
    )


def test_text_from_outside_is_fit_for_a_terminal() -> None:
    """Whoever wrote it: the program, the kubelet, or who disrupts the Pod."""
    status = waiting("CrashLoopBackOff", lastState=terminated(1, "\x1b]0;title\x07FATAL\x1b[0m: \u202eno"))
    assert why_not_ready(a_pod(containerStatuses=[status]), Diagnostics()).endswith(": FATAL: no")
    scheduled = {"type": "PodScheduled", "status": "False", "message": "no\nnode\x1b[2J"}
    assert why_not_ready(a_pod(conditions=[scheduled]), Diagnostics()) == "cannot be scheduled: no node"
