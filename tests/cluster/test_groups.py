"""P06 and P14: groups, which are updated, and whose members change, as those of one StatefulSet."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from harness import Service, eventually, only, watching
from test_members import LIST, SHELL
from test_rollouts import settled

Make = Callable[..., Service]

THREE: dict[str, Any] = {
    "replicas": None,
    "quorum": True,
    "groups": {"a": {}, "b": {"env": {"TIER": "b"}}, "c": {}},
    "env": {"LOG_FILE": "/opt/logs/random.log"},
    "discovery": {"peers": {"PEERS": "{pod}"}},
}
PODS = ["rg-a-0", "rg-b-0", "rg-c-0"]


def sets(rg: Service) -> list[str]:
    """The names of the StatefulSets."""
    return rg.kubectl("get", "statefulsets", "--output=jsonpath={.items[*].metadata.name}").split()


def environment(rg: Service, pod: str) -> dict[str, str]:
    """The environment variables of an instance."""
    return {each.name: each.value for each in rg.pod(pod).spec.containers[0].env if each.value is not None}


def test_p14_groups_are_one_service(service: Make) -> None:
    """One governing Service and one budget, peers across groups; updated one after another; removed when empty."""
    rg = service(**THREE)
    rg.up()
    assert sets(rg) == ["rg-a", "rg-b", "rg-c"]
    assert rg.outputs()["stateful_set_names"] == {"a": "rg-a", "b": "rg-b", "c": "rg-c"}
    assert [each["pod"] for each in rg.outputs()["instances"]] == PODS
    assert environment(rg, "rg-b-0")["PEERS"] == "rg-a-0,rg-b-0,rg-c-0"
    assert {pod: environment(rg, pod)["GROUP_NAME"] for pod in PODS} == dict(zip(PODS, "abc", strict=True))
    assert environment(rg, "rg-b-0")["TIER"] == "b"
    for pod in PODS:
        address = f"http://{pod}.random-generator.{rg.namespace}.svc.cluster.local:8080/ready"
        assert "200" in rg.get_from("rg-a-0", address) or rg.get_from("rg-a-0", address) is not None
    budget = json.loads(rg.kubectl("get", "poddisruptionbudget", "rg", "--output=json"))
    assert (budget["spec"]["minAvailable"], budget["status"]["expectedPods"]) == (2, 3)
    settled(rg)

    # All change, and none before the one before it is ready.
    rg.set(group_order=["c", "a", "b"], env={**THREE["env"], "CHANGED": "1"})
    preview = rg.must("preview")
    assert "group 'c'" in preview
    # An engine that does one thing at a time must not wait for what it has not come to.
    with watching(rg) as events:
        rg.up("--parallel", "1")
    order = ["rg-c-0", "rg-a-0", "rg-b-0"]
    assert only(events, "ending", "ready") == [event for pod in order for event in (("ending", pod), ("ready", pod))]
    settled(rg)

    # A group that has instances is not removed at once.
    rg.set(groups={"a": {}, "c": {}}, group_order=None)
    refused = rg.must_fail("preview")
    assert "rg-b has 1 instance, and the program no longer has it" in refused
    assert "Keep the group 'b' and set its replicas to 0 for one pulumi up" in refused
    assert "no longer has it" in rg.must_fail("up", "--yes", "--skip-preview")
    assert list(rg.pods()) == PODS
    rg.deploy(groups={"a": {}, "b": {"replicas": 0}, "c": {"replicas": 2}}, discovery=None)
    assert list(rg.pods()) == ["rg-a-0", "rg-c-0", "rg-c-1"]
    rg.deploy(groups={"a": {}, "c": {"replicas": 2}})
    assert sets(rg) == ["rg-a", "rg-c"]
    assert set(rg.claims()) == {"logs-rg-a-0", "logs-rg-b-0", "logs-rg-c-0", "logs-rg-c-1"}
    settled(rg)
    rg.destroy()
    assert len(rg.claims()) == 4


def command(what: str) -> dict[str, Any]:
    """A command that notes in a file of the instance in which it runs, and then of all, what becomes of a member."""
    return {"command": ["sh", "-c", f"echo {what} {{pod}} >> {LIST}"], "timeout_seconds": 20}


def written(rg: Service) -> list[str]:
    """What was noted, in the order of its time: by all instances that there are."""
    lines: list[str] = []
    for pod in rg.pods():
        lines += rg.kubectl("exec", pod, "--", "sh", "-c", f"busybox cat {LIST} 2>/dev/null || true").splitlines()
    return lines


def test_p06_instances_move_to_another_group(service: Make) -> None:
    """Into groups and back without a restart; a new group's members join while those of the old one leave by turns."""
    members = {each: command(each) for each in ("add", "join", "leave")}
    rg = service(**SHELL, replicas=2, members=members, quorum=True)
    rg.up()
    before = rg.uids()
    rg.deploy(replicas=None, groups={"old": {"stateful_set_name": "rg", "replicas": 2}})
    assert rg.uids() == before
    settled(rg)
    rg.deploy(replicas=2, groups=None)
    assert rg.uids() == before

    old, new = {"stateful_set_name": "rg", "replicas": 2}, {"replicas": 2}
    rg.set(replicas=None, groups={"old": {**old, "replicas": 0}, "new": new})
    preview = rg.must("preview")
    assert "rg-new-0, rg-new-1: added, one after another (members)" in preview
    assert "rg-1, rg-0: removed, one after another, each when it has left (members)" in preview
    with watching(rg) as events:
        rg.up()
    moves = [event for event in only(events, "ready", "ending") if event[1] in {*before, "rg-new-0", "rg-new-1"}]
    assert moves == [("ready", "rg-new-0"), ("ending", "rg-1"), ("ready", "rg-new-1"), ("ending", "rg-0")]
    assert list(rg.pods()) == ["rg-new-0", "rg-new-1"]
    settled(rg)
    rg.deploy(groups={"new": new})
    assert sets(rg) == ["rg-new"]
    assert set(rg.claims()) == {"logs-rg-0", "logs-rg-1", "logs-rg-new-0", "logs-rg-new-1"}
    settled(rg)


@pytest.mark.long
def test_p10_the_group_of_the_leader_is_updated_last(service: Make) -> None:
    """Whatever its place in the order: the others do not wait for it, and it waits for all of them."""
    rg = service(**{**THREE, "discovery": None}, leader_last={"labels": {"role": "leader"}})
    rg.up()
    rg.kubectl("label", "pod", "rg-a-0", "role=leader")
    rg.set(env={**THREE["env"], "CHANGED": "1"})
    with watching(rg) as events:
        rg.up()
    order = ["rg-b-0", "rg-c-0", "rg-a-0"]
    assert only(events, "ending", "ready") == [event for pod in order for event in (("ending", pod), ("ready", pod))]


@pytest.mark.long
def test_p14_a_group_that_is_broken_waits_for_nobody(service: Make) -> None:
    """What repairs it is sent first, whatever its place in the order, and the others follow."""
    groups = {"a": {}, "b": {"replicas": 2}, "c": {"image": "not-there:1.0"}}
    rg = service(**{**THREE, "discovery": None, "groups": groups}, wait_for="Created")
    rg.up()
    eventually("the others are ready", lambda: all(map(rg.is_ready, ("rg-a-0", "rg-b-0", "rg-b-1"))))
    healthy = {pod: uid for pod, uid in rg.uids().items() if pod != "rg-c-0"}
    repaired = {**groups, "c": {}}
    rg.set(groups=repaired, env={**THREE["env"], "CHANGED": "1"}, wait_for=None)
    with watching(rg) as events:
        rg.up()
    assert [pod for event, pod in events if event == "ready"] == ["rg-c-0", "rg-a-0", "rg-b-1", "rg-b-0"]
    assert not healthy.items() & rg.uids().items()
    settled(rg)


@pytest.mark.long
def test_p06_groups_that_are_created_together_form_the_cluster(service: Make) -> None:
    """No command runs, also where the first one is ready before the second is created; one that comes later joins."""
    members = {each: command(each) for each in ("add", "join", "leave")}
    groups: dict[str, Any] = {"a": {}, "b": {}, "c": {}}
    rg = service(**{**SHELL, "replicas": None}, members=members, groups=groups)
    rg.up()
    assert written(rg) == []
    rg.deploy(groups={**groups, "d": {}})
    assert sorted(written(rg)) == ["add rg-d-0", "join rg-d-0"]
    settled(rg)
