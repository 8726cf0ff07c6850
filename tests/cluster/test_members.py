"""P06: instances that are added and removed one after another, each after its command has succeeded.

The application is a list on the disk of ``rg-0`` of who joins and leaves.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from harness import Service, eventually, only, watching
from test_rollouts import settled

Make = Callable[..., Service]

LIST = "/opt/logs/members"
SHELL: dict[str, Any] = {
    "image": "etcd:3.7.3",
    "command": ["sh", "-c", "trap exit TERM; while :; do busybox sleep 1 & wait; done"],
    "readiness_probe": None,
}


def noted(what: str, condition: str = "true") -> dict[str, Any]:
    """A command that adds to the list, where a condition holds."""
    script = f"{condition} || {{ echo not now; exit 7; }}; echo {what} {{pod}} >> {LIST}"
    return {"command": ["sh", "-c", script], "timeout_seconds": 3}


def members(rg: Service) -> list[str]:
    """The entries of the list since the last call."""
    written = rg.kubectl("exec", "rg-0", "--", "sh", "-c", f"busybox cat {LIST}; busybox rm -f {LIST}")
    return written.splitlines()


def allow(rg: Service, file: str) -> None:
    """Makes a condition true."""
    rg.kubectl("exec", "rg-0", "--", "sh", "-c", f"echo > /opt/logs/{file}")


@pytest.mark.long
def test_p06_members_join_and_leave_one_after_another(service: Make) -> None:
    """From one to three and back: one after another, no other restarts, and an old disk joins on request only."""
    commands = {name: noted(name) for name in ("add", "join", "leave")}
    rg = service(**SHELL, replicas=1, members=commands)
    rg.up()
    settled(rg)
    first = rg.uids()

    rg.set(replicas=3)
    preview = rg.must("preview")
    assert "rg-1, rg-2: added, one after another (members)" in preview
    with watching(rg) as events:
        rg.up()
    assert members(rg) == ["add rg-1", "join rg-1", "add rg-2", "join rg-2"]
    assert [pod for _, pod in only(events, "ready")] == ["rg-1", "rg-2"]
    assert first.items() <= rg.uids().items()
    settled(rg)
    rg.refresh()
    settled(rg)

    # Others run them too: rg-0 is the peer of all but itself.
    rg.set(replicas=1)
    preview = rg.must("preview")
    assert "rg-2, rg-1: removed, one after another, each when it has left (members)" in preview
    rg.up()
    assert members(rg) == ["leave rg-2", "leave rg-1"]
    assert rg.uids() == first
    settled(rg)

    rg.set(replicas=2)
    refused = rg.must_fail("preview")
    assert "rg-1 would join with the data of an earlier member: logs-rg-1 exists." in refused
    assert f"kubectl --namespace {rg.namespace} delete pvc logs-rg-1" in refused
    assert "would join with the data" in rg.must_fail("up", "--yes", "--skip-preview")
    assert rg.uids() == first
    rg.deploy(members={**commands, "reuse_claims": True})
    assert members(rg) == ["add rg-1", "join rg-1"]

    # Stopped and started: all stay members.
    rg.deploy(replicas=0)
    assert rg.pods() == {}
    rg.deploy(replicas=2)
    assert len(rg.pods()) == 2
    assert "No such file" in rg.kubectl("exec", "rg-0", "--", "sh", "-c", f"busybox ls {LIST} 2>&1 || true")


def test_p06_an_instance_that_has_not_left_stays(service: Make) -> None:
    """A leave or an add that fails stops the up with the reason, before anything else; the next up continues."""
    allowed = "[ {pod} = rg-2 -o -e /opt/logs/may-leave ]"
    commands = {"add": noted("add", "[ -e /opt/logs/may-add ]"), "leave": noted("leave", allowed)}
    rg = service(**SHELL, replicas=3, members=commands)
    rg.up()
    rg.set(replicas=1)
    failed = rg.must_fail("up", "--yes", "--skip-preview")
    assert "members.leave of rg-1 did not succeed within 3 s: exit status 7 in rg-0: not now." in failed
    assert "It is not removed; the next pulumi up continues" in failed
    assert set(rg.pods()) == {"rg-0", "rg-1"}
    assert members(rg) == ["leave rg-2"]
    # Taken back, it is a member as before; the one that has left joins with the claim only on request.
    rg.set(replicas=2)
    rg.up()
    settled(rg)
    allow(rg, "may-leave")
    rg.deploy(replicas=1)
    assert members(rg) == ["leave rg-1"]
    assert set(rg.pods()) == {"rg-0"}
    settled(rg)
    # Nor is an instance created that was not added.
    rg.set(replicas=2, members={**commands, "reuse_claims": True})
    failed = rg.must_fail("up", "--yes", "--skip-preview")
    assert "members.add of rg-1 did not succeed within 3 s: exit status 7 in rg-0: not now." in failed
    assert set(rg.pods()) == {"rg-0"}
    allow(rg, "may-add")
    rg.up()
    assert members(rg) == ["add rg-1"]
    assert set(rg.pods()) == {"rg-0", "rg-1"}


def test_p06_a_join_that_was_killed_is_continued(service: Make) -> None:
    """Killed while the instance runs and has not joined: it is not added again, and joins before the next one."""
    allowed = "[ -e /opt/logs/may-join ]"
    commands = {"add": noted("add"), "join": {**noted("join", allowed), "timeout_seconds": 60}}
    rg = service(**SHELL, replicas=1, members=commands)
    rg.up()
    rg.set(replicas=3)
    rg.kill_up_when("the instance is there", lambda: rg.is_ready("rg-1"))
    assert members(rg) == ["add rg-1"]
    allow(rg, "may-join")
    rg.up()
    assert members(rg) == ["join rg-1", "add rg-2", "join rg-2"]
    settled(rg)


def test_p06_a_note_causes_nothing(service: Make) -> None:
    """Whoever patches the StatefulSet moves no member; what cannot be on the Service is named, and so is the remedy."""
    commands = {name: noted(name) for name in ("add", "join", "leave")}
    rg = service(**SHELL, replicas=2, members=commands)
    rg.up()
    pods, note = rg.uids(), "pulumi-stateful-service/members"
    service_object = json.loads(rg.kubectl("get", "service", "random-generator", "--output=json"))
    assert service_object["metadata"]["annotations"][note] == "2"
    for members_noted in ("50", "1"):
        rg.kubectl("annotate", "statefulset", "rg", "--overwrite", f"{note}={members_noted}")
        rg.kubectl("annotate", "statefulset", "rg", "--overwrite", "pulumi-stateful-service/rejoining=1")
        assert f'annotations["{note}"] = {members_noted} (field manager kubectl-annotate)' in rg.up()
        assert rg.uids() == pods
    rg.kubectl("scale", "statefulset", "rg", "--replicas=1")
    eventually("one is stopped", lambda: "rg-1" not in rg.pods())
    rg.up()
    assert rg.uids().keys() == pods.keys()
    assert "No such file" in rg.kubectl("exec", "rg-0", "--", "sh", "-c", f"busybox ls {LIST} 2>&1 || true")

    for wrong, why in (
        ("50", "rg-49 would be a member, but there is no PersistentVolumeClaim logs-rg-49"),
        ("x", "number"),
    ):
        rg.kubectl("annotate", "service", "random-generator", "--overwrite", f"{note}={wrong}")
        refused = rg.must_fail("up", "--yes", "--skip-preview")
        assert f"Service {rg.namespace}/random-generator has the annotation {note}='{wrong}'" in refused
        assert why in refused
        assert "Traceback" not in refused
        assert len(rg.pods()) == 2
        remedy = re.findall(r"kubectl (--namespace .*? annotate .*?=\d+)", refused)[0]
        rg.kubectl(*remedy.split())
        rg.unchanged()


def test_p06_stopped_is_not_left(service: Make) -> None:
    """``when_scaled: Delete`` is for members that leave: a stop with it is refused, and its remedy keeps the data."""

    def policy(when_scaled: str) -> dict[str, Any]:
        return {"persistent_volume_claim_retention_policy": {"when_scaled": when_scaled}}

    rg = service(**SHELL, replicas=2, members={"leave": noted("leave")}, **policy("Delete"))
    rg.up()
    for pod in rg.pods():
        rg.kubectl("exec", pod, "--", "sh", "-c", f"echo {pod} > /opt/logs/data")
    claims = {name: claim.metadata.uid for name, claim in rg.claims().items()}
    rg.set(replicas=0)
    for refused in (rg.must_fail("preview"), rg.must_fail("up", "--yes", "--skip-preview")):
        assert "Kubernetes would delete logs-rg-0, logs-rg-1 and the data. Set when_scaled to 'Retain'" in refused
    rg.deploy(**policy("Retain"))
    eventually("all are stopped", lambda: not rg.pods())
    rg.deploy(replicas=2)
    rg.deploy(**policy("Delete"))
    assert {name: claim.metadata.uid for name, claim in rg.claims().items()} == claims
    for pod in rg.pods():
        assert rg.kubectl("exec", pod, "--", "busybox", "cat", "/opt/logs/data").strip() == pod


@pytest.mark.long
def test_p06_a_member_leaves_with_its_data_and_joins_without(service: Make, second_class: str) -> None:
    """``recreate_claims``: each leaves, gets a new disk, and joins; killed in between, it joins with the next up."""
    commands = {name: noted(name) for name in ("add", "leave")}
    commands["join"] = {**noted("join", "[ -e /opt/logs/may-join ]"), "timeout_seconds": 60}
    rg = service(**SHELL, replicas=3, members=commands)
    rg.up()
    uids = rg.uids()
    rg.set(storage_class_name=second_class, recreate_keeping_pods=True, recreate_claims={"ordinals": [1, 2]})
    rg.kill_up_when(
        "the disk is new", lambda: rg.uids().get("rg-2") not in (None, uids["rg-2"]) and rg.is_ready("rg-2")
    )
    assert members(rg) == ["leave rg-2", "add rg-2"]
    allow(rg, "may-join")
    rg.up()
    assert members(rg) == ["join rg-2", "leave rg-1", "add rg-1", "join rg-1"]
    classes: dict[str, Any] = {name: claim.spec.storageClassName for name, claim in rg.claims().items()}
    assert classes == {"logs-rg-0": "standard", "logs-rg-1": second_class, "logs-rg-2": second_class}
    assert rg.uids()["rg-0"] == uids["rg-0"]
