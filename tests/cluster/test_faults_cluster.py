"""Parts of the cluster are killed while a change goes on, and started again.

The parts are found by the paths on their command lines and killed one by one; `make cluster` starts what does not
run.
"""

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from api_server_proxy import troubled
from faults import MOMENTS, Make, Running, Witness, as_asked, recovered, witnessed
from harness import Service, local, parts
from test_resize import LARGE, SMALL, given, has_one_revision, restarts
from test_rollouts import settled

pytestmark = pytest.mark.alone

PARTS = (
    "kubelet",
    *(
        pytest.param(part, marks=pytest.mark.long)
        for part in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "containerd")
    ),
)
IMAGES = ("random-generator:1.0", "random-generator:2.0")


def kill(part: str) -> None:
    """Kills the processes of a part of the cluster."""
    pids = parts()[part]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@pytest.fixture(autouse=True)
def _cluster_comes_back() -> Iterator[None]:
    yield
    local("cluster")


def away(rg: Service, witness: Witness, part: str, moment: int) -> None:
    """Kills a part during a change, starts it again a few seconds later, and completes the change."""
    running = Running(rg, witness, "up")
    running.reach(lambda: running.happenings >= moment)
    kill(part)
    # Pulumi finds it gone: a few seconds are enough to be refused, and more than a retry or two.
    starter = threading.Timer(4, lambda: local("cluster"))
    starter.start()
    running.end()
    starter.join()
    assert "Traceback" not in running.said
    recovered(rg)
    as_asked(rg)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_away(service: Make, part: str) -> None:
    """API server, etcd, controllers, kubelet or containerd killed in a rollout: this `up` or the next completes it."""
    rg = service()
    with witnessed(rg) as witness:
        rg.up()
        for number in range(1, max(MOMENTS // 2, 1) + 1):
            size = f"{10 + number}Mi"
            rg.set(image=IMAGES[number % 2], volumes=[{"name": "logs", "mount_path": "/opt/logs", "size": size}])
            away(rg, witness, part, 2 * number)
        rg.refresh()
        rg.unchanged()


@pytest.mark.long
@pytest.mark.parametrize("moment", ["/pods/rg-2/resize?dryRun=All", "/pods/rg-1/resize"], ids=["before", "meanwhile"])
def test_the_controllers_are_away_in_a_resize(service: Make, moment: str) -> None:
    """Before the change is sent, or while Pods are resized: this `up` ends well, and no Pod is replaced or restarts."""
    rg = service(replicas=3, resources=SMALL, resize="InPlace")
    rg.up()
    before, starters = rg.uids(), list[threading.Timer]()

    def kill_once(path: str) -> None:
        if path.endswith(moment) and not starters:
            kill("kube-controller-manager")
            starters.append(threading.Timer(4, lambda: local("cluster")))
            starters[0].start()

    rg.set(resources=LARGE)
    with troubled(rg, lambda *_: None) as between:
        between.hold = kill_once
        rg.up()
    [starter] = starters
    starter.join()
    assert rg.uids() == before
    assert restarts(rg) == {0}
    assert given(rg) == dict.fromkeys(before, LARGE["limits"])
    assert has_one_revision(rg)
    settled(rg)
