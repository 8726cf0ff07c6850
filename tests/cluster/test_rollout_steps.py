"""P10: a rollout that takes its steps within one ``up``, and its checks."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from harness import CHAPTER, SOON, Service, watching
from test_rollouts import NEW, images, settled

Make = Callable[..., Service]

LOGS = {"http_get": {"path": "/logs", "port": "http"}, "period_seconds": 1}
"""What a version without a log file is ready without, and answers with 404."""
NO_LOG = {key: value for key, value in CHAPTER["env"].items() if key != "LOG_FILE"}


def partition(rg: Service) -> int:
    return int(rg.stateful_set().spec.updateStrategy.rollingUpdate.partition or 0)


def replaced(events: list[tuple[str, str]]) -> list[str]:
    """The Pods that were deleted, in order."""
    return [pod for event, pod in events if event == "deleted"]


def test_p10_a_good_version_passes_all_steps_in_one_up(service: Make) -> None:
    """One of five, half of them, then all; the preview lists the steps, and afterwards there is nothing to do."""
    rollout = {"steps": [1, "50%"], "bake_seconds": 2, "checks": [LOGS]}
    rg = service(replicas=5, rollout=rollout)
    rg.up()
    settled(rg)
    rg.set(image=NEW)
    preview = rg.must("preview")
    assert "rg-4, rg-3, rg-2, rg-1, rg-0: replaced one after another (image)" in preview
    assert (
        "rollout in steps: 1, then 3, then 5 of 5 instances; after each: bake for 2 s, check http_get /logs; if a step "
        "fails: stop" in preview
    )
    assert partition(rg) == 0
    with partitions(rg) as seen:
        rg.up()
    assert set(images(rg).values()) == {"2.0"}
    assert seen == [5, 4, 2, 0]
    assert rg.outputs()["outdated"] == []
    settled(rg)
    # Other changes know no steps: nothing is replaced.
    with partitions(rg) as seen:
        rg.deploy(replicas=6)
    assert seen == []
    settled(rg)


@contextmanager
def partitions(rg: Service) -> Iterator[list[int]]:
    """The values of the partition meanwhile."""
    seen: list[int] = []
    done = threading.Event()

    def look() -> None:
        last = partition(rg)
        while not done.wait(0.05):
            now = partition(rg)
            if now != last:
                seen.append(now)
            last = now

    thread = threading.Thread(target=look)
    thread.start()
    yield seen
    done.set()
    thread.join()


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (LOGS, "check http_get /logs of rg-4 failed: status 404"),
        pytest.param(
            {"name": "reads its log", "exec": {"command": ["/random-generator", "get", "http://localhost:8080/logs"]}},
            "check reads its log of rg-4 failed: exit status 1",
            marks=pytest.mark.long,
        ),
    ],
    ids=["http_get", "exec"],
)
def test_p10_a_version_that_is_ready_and_fails_its_check_touches_one_instance(
    service: Make, check: dict[str, Any], answer: str
) -> None:
    """Of five: up fails with check, instance and answer, and continues with the step when the cause is fixed."""
    rg = service(replicas=5, rollout={"steps": [1], "checks": [check]}, pod_management_policy="Parallel")
    rg.up()
    before = rg.uids()
    rg.set(env=NO_LOG)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "step 1 of 2 of the rollout failed (rg-4):" in said
    assert answer in said
    assert "The rollout is stopped: the other instances keep the previous version." in said
    assert "Traceback" not in said
    assert {pod for pod, uid in rg.uids().items() if uid != before[pod]} == {"rg-4"}
    assert partition(rg) == 4
    # Without a change, up goes on with the step that failed.
    assert answer in rg.must_fail("up", "--yes", "--skip-preview")
    assert {pod for pod, uid in rg.uids().items() if uid != before[pod]} == {"rg-4"}
    rg.deploy(env=CHAPTER["env"])
    assert {pod for pod, uid in rg.uids().items() if uid != before[pod]} == {"rg-4"}
    settled(rg)
    assert partition(rg) == 0


def test_p10_a_failed_rollout_is_rolled_back(service: Make) -> None:
    """Five of five run the previous version, and the three that had not been updated were never touched."""
    rollout = {"steps": [2], "checks": [LOGS], "on_failure": "RollBack"}
    rg = service(replicas=5, rollout=rollout, pod_management_policy="Parallel", quorum=True)
    rg.up()
    before, revision = rg.uids(), rg.outputs()["current_revision"]
    rg.set(env=NO_LOG, image=NEW)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "check http_get /logs of rg-4 failed: status 404" in said
    assert "The rollout was rolled back: rg-4, rg-3" in said
    assert set(images(rg).values()) == {"1.0"}
    assert {pod.metadata.labels["controller-revision-hash"] for pod in rg.pods().values()} == {revision}
    assert {pod for pod, uid in rg.uids().items() if uid != before[pod]} == {"rg-3", "rg-4"}
    assert all(status.restartCount == 0 for pod in rg.pods().values() for status in pod.status.containerStatuses)
    rg.deploy(env=CHAPTER["env"], image=CHAPTER["image"])
    settled(rg)


@pytest.mark.long
def test_p10_a_version_that_never_becomes_ready_is_rolled_back(service: Make) -> None:
    """The step fails with what the instance waits for; the next version is rolled out."""
    rollout = {"steps": [1], "on_failure": "RollBack"}
    rg = service(replicas=3, rollout=rollout)
    rg.up()
    before = rg.uids()
    rg.set(image="nothing-of-this-name:1.0", image_pull_policy="Never", rollout_timeout_seconds=SOON)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "rg-2: container app: ErrImageNeverPull" in said
    assert "rg-2 runs the previous version again" in said
    assert set(images(rg).values()) == {"1.0"}
    assert {pod for pod, uid in rg.uids().items() if uid != before[pod]} == {"rg-2"}
    rg.deploy(image=NEW, image_pull_policy=None, rollout_timeout_seconds=None)
    assert set(images(rg).values()) == {"2.0"}
    settled(rg)


def test_p10_a_rollout_that_was_killed_continues_from_its_step(service: Make) -> None:
    """Killed while the first step bakes: the next up skips no step, and bakes only for the rest of the time."""
    rg = service(replicas=3, rollout={"steps": [1, 2], "bake_seconds": 8, "checks": [LOGS]})
    rg.up()
    rg.set(image=NEW)
    rg.kill_up_when(
        "the first step", lambda: partition(rg) == 2 and images(rg).get("rg-2") == "2.0" and rg.is_ready("rg-2")
    )
    others = {pod: uid for pod, uid in rg.uids().items() if pod != "rg-2"}
    assert partition(rg) == 2
    assert {pod: uid for pod, uid in rg.uids().items() if pod != "rg-2"} == others
    first = rg.uids()["rg-2"]
    with partitions(rg) as seen:
        rg.up()
    assert seen == [1, 0]
    assert rg.uids()["rg-2"] == first
    assert set(images(rg).values()) == {"2.0"}
    settled(rg)


@pytest.mark.long
def test_p10_removing_the_steps_completes_the_rollout(service: Make) -> None:
    """A stopped rollout: without rollout in the program, the next up updates the rest."""
    rg = service(replicas=3, rollout={"steps": [1], "checks": [LOGS]})
    rg.up()
    rg.set(env=NO_LOG)
    rg.must_fail("up", "--yes", "--skip-preview")
    rg.deploy(rollout=None)
    assert rg.outputs()["outdated"] == []
    assert partition(rg) == 0
    settled(rg)
    # And a canary by hand is possible again.
    rg.deploy(canary=1, env=CHAPTER["env"])
    assert rg.outputs()["outdated"] == ["rg-0", "rg-1"]
    settled(rg)


def test_p10_a_query_decides_whether_the_rollout_continues(service: Make) -> None:
    """A stand-in for Prometheus: a value that is too high stops the rollout, no result too, a good value passes."""
    with prometheus() as (url, values):
        check = {"name": "errors", "prometheus": {"url": url, "query": "sum(rate(errors[1m]))", "at_most": 0.5}}
        rg = service(replicas=2, rollout={"steps": [1], "checks": [check]})
        rg.up()
        values[:] = ["0.75"]
        rg.set(image=NEW)
        assert "check errors failed: the value is 0.75, more than 0.5" in rg.must_fail("up", "--yes", "--skip-preview")
        values[:] = []
        assert "check errors failed: the query has no result" in rg.must_fail("up", "--yes", "--skip-preview")
        assert images(rg) == {"rg-0": "1.0", "rg-1": "2.0"}
        values[:] = ["0.25"]
        rg.up()
        assert set(images(rg).values()) == {"2.0"}


@contextmanager
def prometheus() -> Iterator[tuple[str, list[str]]]:
    """A server that answers instant queries with a vector of these values."""
    values: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            samples = [{"metric": {}, "value": [0, value]} for value in values]
            content = json.dumps({"status": "success", "data": {"resultType": "vector", "result": samples}}).encode()
            self.send_response(200 if self.path.startswith("/api/v1/query?query=sum") else 400)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", values
    server.shutdown()


@pytest.mark.long
def test_p10_instances_are_updated_from_the_highest_ordinal_in_steps(service: Make) -> None:
    """With ordinals from five: steps count instances, not ordinals."""
    rg = service(replicas=3, ordinals={"start": 5}, rollout={"steps": [2]})
    rg.up()
    with watching(rg) as events:
        rg.deploy(image=NEW)
    assert replaced(events) == ["rg-7", "rg-6", "rg-5"]
    settled(rg)


def test_p10_the_leader_is_updated_last(service: Make) -> None:
    """Found by a label that moves meanwhile; the preview names it, and a killed up is continued."""
    rg = service(replicas=3, leader_last={"labels": {"role": "leader"}}, quorum=True)
    rg.up()
    rg.kubectl("label", "pod", "rg-2", "role=leader")
    rg.set(image=NEW)
    assert "rg-2, rg-1, rg-0: replaced one after another, the leader last (image)" in rg.must("preview")
    with watching(rg) as events:
        rg.up()
    assert replaced(events) == ["rg-1", "rg-0", "rg-2"]
    assert rg.outputs()["outdated"] == []
    settled(rg)
    # A Pod that was left behind: the next up takes its turn.
    rg.kubectl("label", "pod", "rg-0", "role=leader")
    rg.set(image=CHAPTER["image"], wait_for="Created")
    rg.must_fail("preview")
    rg.set(wait_for=None)
    rg.kill_up_when("the first one is replaced", lambda: images(rg).get("rg-2") == "1.0")
    with watching(rg) as events:
        rg.up()
    assert replaced(events) == ["rg-1", "rg-0"]
    settled(rg)


@pytest.mark.long
def test_p10_a_leader_that_does_not_hand_over_keeps_its_version(service: Make) -> None:
    """The command fails or has no effect: up says so, and the leader is not updated."""
    leads = {"http_get": {"path": "/version", "port": "http"}, "contains": "rg-1"}
    failing = {"command": ["/random-generator", "get", "http://localhost:8080/nothing-here"]}
    env = {"LOG_FILE": CHAPTER["env"]["LOG_FILE"], "VERSION": "$(POD_NAME)"}
    rg = service(discovery={}, env=env, leader_last={**leads, "hand_over": failing}, rollout_timeout_seconds=30)
    rg.up()
    before = rg.uids()
    rg.set(image=NEW)
    said = rg.must_fail("up", "--yes", "--skip-preview")
    assert "leader_last.hand_over failed in rg-1 with exit status 1" in said
    assert {pod for pod, uid in rg.uids().items() if uid != before[pod]} == {"rg-0"}
    working = {"command": ["/random-generator", "get", "http://localhost:8080/version"]}
    rg.set(leader_last={**leads, "hand_over": working}, rollout_timeout_seconds=5)
    assert "rg-1 still leads after leader_last.hand_over" in rg.must_fail("up", "--yes", "--skip-preview")
    assert rg.uids()["rg-1"] == before["rg-1"]
    rg.deploy(leader_last=leads, rollout_timeout_seconds=None)
    assert set(images(rg).values()) == {"2.0"}
