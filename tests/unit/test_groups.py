"""Groups: what the arguments say of each StatefulSet, and of all of them together."""

import asyncio
from typing import Any

import pytest
from pulumi_stateful_service import ArgumentError, RefusedError, StatefulService
from pulumi_stateful_service.foundation.names import (
    FIELD_MANAGER_ANNOTATION,
    GROUP_LABEL,
    GROUPS_ANNOTATION,
    MEMBERS_ANNOTATION,
)
from pulumi_stateful_service.live.before.refusals.groups import is_about_groups, removal_refusals, sets_of
from pulumi_stateful_service.live.member_notes import has_noted_members
from pulumi_stateful_service.live.rollout_plan import RolloutPlan
from pulumi_stateful_service.live.state.member_changes import (
    GroupMembers,
    MemberNotes,
    MemberStep,
    StepKind,
    member_plan,
    next_step,
)
from pulumi_stateful_service.live.turns import Turns
from pulumi_stateful_service.testing import Deployment, deploy

BASE: dict[str, Any] = {
    "image": "db:1",
    "ports": {"client": 5432},
    "env": {"MODE": "plain", "LEVEL": "info"},
    "volumes": [{"name": "data", "mount_path": "/data", "size": "1Gi"}],
    "groups": {"hot": {"replicas": 2}, "warm": {"replicas": 3}},
}


def deployed(**changes: Any) -> Deployment:
    """A service with groups."""
    given: Any = {**BASE, **changes}
    args: Any = {key: each for key, each in given.items() if each is not None}
    return deploy(lambda: StatefulService("db", args))


def pod_spec(deployment: Deployment, name: str) -> Any:
    return deployment.stateful_set(name).spec["template"]["spec"]


def variables(deployment: Deployment, name: str) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in pod_spec(deployment, name)["containers"][0]["env"]}


def test_each_group_is_a_stateful_set_of_one_service() -> None:
    """One governing Service over all Pods, and a selector of its own for each StatefulSet."""
    deployment = deployed(load_balancer={})
    hot, warm = (deployment.stateful_set(name) for name in ("db-hot", "db-warm"))
    assert [each.spec["replicas"] for each in (hot, warm)] == [2, 3]
    assert [each.spec["serviceName"] for each in (hot, warm)] == ["db", "db"]
    own = {"app.kubernetes.io/name": "db", "app.kubernetes.io/instance": "db"}
    assert hot.spec["selector"]["matchLabels"] == {**own, GROUP_LABEL: "hot"}
    governing, for_clients = deployment.all("Service")
    assert governing.spec["selector"] == for_clients.spec["selector"] == own
    assert own.items() <= warm.spec["template"]["metadata"]["labels"].items()
    assert governing.metadata["annotations"][GROUPS_ANNOTATION] == '{"hot": "db-hot", "warm": "db-warm"}'
    constraints = hot.spec["template"]["spec"]["topologySpreadConstraints"]
    assert all(each["labelSelector"]["matchLabels"] == own for each in constraints)


def test_a_service_without_groups_knows_nothing_of_them() -> None:
    """No label, no annotation and no variable more than before."""
    deployment = deployed(groups=None, discovery={"peers": {"PEERS": "{pod}"}})
    made = deployment.stateful_set("db")
    assert GROUP_LABEL not in str(made.inputs)
    assert GROUPS_ANNOTATION not in str(deployment.governing_service("db").inputs)
    assert "GROUP_NAME" not in variables(deployment, "db")


def test_what_a_group_says_goes_before_what_the_service_says() -> None:
    """Maps are merged, lists and values replaced; volumes differ by their names."""
    volumes = {"data": {"size": "5Gi", "storage_class_name": "fast"}}
    hot = {
        "image": "db:2",
        "zone": "eu-1a",
        "env": {"LEVEL": "debug"},
        "args": ["--hot"],
        "volumes": volumes,
        "node_selector": {"disks": "fast"},
    }
    deployment = deployed(groups={"hot": hot, "warm": {}}, node_selector={"os": "linux"}, storage_class_name="slow")
    container = pod_spec(deployment, "db-hot")["containers"][0]
    assert (container["image"], container["args"]) == ("db:2", ["--hot"])
    assert variables(deployment, "db-hot") == {"MODE": "plain", "LEVEL": "debug"}
    selector = {"os": "linux", "disks": "fast", "topology.kubernetes.io/zone": "eu-1a"}
    assert pod_spec(deployment, "db-hot")["nodeSelector"] == selector
    assert pod_spec(deployment, "db-warm")["nodeSelector"] == {"os": "linux"}
    templates = [
        deployment.stateful_set(name).spec["volumeClaimTemplates"][0]["spec"] for name in ("db-hot", "db-warm")
    ]
    assert [each["storageClassName"] for each in templates] == ["fast", "slow"]
    assert [each["resources"]["requests"]["storage"] for each in templates] == ["5Gi", "1Gi"]


def test_peers_and_instances_are_those_of_all_groups() -> None:
    """In the order of the groups; each instance knows its own."""
    deployment = deployed(discovery={"peers": {"PEERS": "{pod}"}})
    peers = "db-hot-0,db-hot-1,db-warm-0,db-warm-1,db-warm-2"
    assert [variables(deployment, name)["PEERS"] for name in ("db-hot", "db-warm")] == [peers, peers]
    assert variables(deployment, "db-warm")["GROUP_NAME"] == "warm"
    assert variables(deployment, "db-warm")["FIRST_POD_ADDRESS"] == "db-hot-0.$(SERVICE_ADDRESS)"


@pytest.mark.parametrize(("old", "new"), [("a", "b"), ("b", "a")])
def test_a_move_changes_no_template_of_the_instances_that_leave(old: str, new: str) -> None:
    """They would restart before they leave; those that stay do not restart when the old group is removed either."""
    before = deployed(discovery={}, groups={old: {"replicas": 3}})
    during = deployed(discovery={}, groups={old: {"replicas": 0}, new: {"replicas": 3}})
    after = deployed(discovery={}, groups={new: {"replicas": 3}})
    assert pod_spec(before, f"db-{old}") == pod_spec(during, f"db-{old}")
    assert pod_spec(during, f"db-{new}") == pod_spec(after, f"db-{new}")
    assert variables(after, f"db-{new}")["FIRST_POD_ADDRESS"] == f"db-{new}-0.$(SERVICE_ADDRESS)"


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({"quorum": True}, 3),
        ({"min_available": "50%"}, 3),
        ({"disruption_budget": {"max_unavailable": 1}}, 4),
        ({"disruption_budget": {"max_unavailable": "25%"}}, 3),
    ],
)
def test_the_budget_counts_all_instances(budget: dict[str, Any], expected: int) -> None:
    """As a number: that is what Kubernetes documents for Pods of several controllers."""
    made = deployed(**budget).one("PodDisruptionBudget", "db")
    assert made.spec["minAvailable"] == expected
    assert "maxUnavailable" not in made.spec


def test_the_group_that_keeps_the_set_changes_nothing_of_it() -> None:
    """Neither a name, nor a label, nor what is in its Pods."""
    plain = deployed(groups=None, replicas=2, discovery={})
    kept = deployed(groups={"old": {"replicas": 2, "stateful_set_name": "db"}}, discovery={})
    before, after = (each.stateful_set("db") for each in (plain, kept))
    assert (before.name, before.spec, before.metadata) == (after.name, after.spec, after.metadata)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"replicas": 2}, "replicas and groups are mutually exclusive: give it to each group"),
        ({"autoscaled": True}, "autoscaled and groups are mutually exclusive"),
        ({"form_cluster": {"command": ["a"], "check": ["a"]}}, "form_cluster and groups are mutually exclusive"),
        ({"recover": {"request": "a", "ordinal": 0, "command": ["a"]}}, "recover and groups are mutually exclusive"),
        ({"instance_services": {}}, "instance_services and groups are mutually exclusive"),
        ({"groups": {}}, "groups is {}; it must not be empty"),
        ({"groups": {"0": {}}}, "a key of groups is '0'; it must have at most 52 lowercase letters"),
        ({"groups": None, "group_order": ["a"]}, "group_order requires groups"),
        ({"group_order": ["hot"]}, r"group_order is \['hot'\]; it must have each of groups once: hot, warm"),
        (
            {"groups": {"a": {"volumes": {"logs": {}}}}},
            "has 'logs', which is not the name of a volume; there are: data",
        ),
        ({"groups": {"a": {"stateful_set_name": "other"}}}, "must be the name of the service, 'db'"),
        (
            {"groups": {each: {"stateful_set_name": "db"} for each in "ab"}},
            "only one can keep the StatefulSet of the service",
        ),
        (
            {"groups": {"a": {"canary": 2}}},
            "^StatefulService 'db': group 'a': canary is 2; it must be at most replicas",
        ),
        ({"groups": {"a" * 50: {}}}, "the name of the StatefulSet of group '.*' is 'db-.*'; it must have at most 52"),
        ({"groups": {"a": {}}, "min_available": 2}, "min_available is 2; it must be at most replicas, which is 1"),
        ({"groups": {"a": {"zone": "x", "node_selector": {"topology.kubernetes.io/zone": "y"}}}}, "mutually exclusive"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    """With the argument, and what to do."""
    with pytest.raises(ArgumentError, match=message):
        deployed(**changes)


def test_steps_count_the_instances_of_all_groups() -> None:
    """What is reached in the groups before is no step of a group; each ends with one of its own."""
    first, second = (RolloutPlan([1, 3, "80%"], before=before, all_replicas=5) for before in (0, 2))
    assert first.updated_after_each_step(2) == [1, 2]
    assert second.updated_after_each_step(3) == [1, 2, 3]
    assert RolloutPlan([1, 3]).updated_after_each_step(5) == [1, 3, 5]


def live_set(replicas: int, **labels: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": "db-b", "labels": labels}, "spec": {"replicas": replicas}}


def governing(note: str | None = None) -> dict[str, Any]:
    noted = {} if note is None else {GROUPS_ANNOTATION: note}
    return {"metadata": {"annotations": {FIELD_MANAGER_ANNOTATION: "pulumi-stateful-service.db", **noted}}}


class TestRemoval:
    def test_the_sets_of_a_service_are_read_from_its_governing_service(self) -> None:
        """Those of the groups, or the only one."""
        assert sets_of(governing('{"a": "db-a", "b": "db"}')) == {"db-a", "db"}
        assert sets_of(governing()) == {"db"}
        assert is_about_groups(governing(), governing("{}"))
        assert not is_about_groups(governing(), governing())

    def test_a_set_with_instances_is_not_removed(self) -> None:
        """The message says how, for a group and for the only set of a service."""
        [refusal] = removal_refusals(live_set(2, **{GROUP_LABEL: "b"}))
        assert refusal.startswith("StatefulSet shop/db-b has 2 instances, and the program no longer has it")
        assert "Keep the group 'b' and set its replicas to 0 for one pulumi up" in refusal
        [refusal] = removal_refusals(live_set(1))
        assert "Give a group stateful_set_name='db-b'" in refusal
        assert removal_refusals(live_set(0)) == []


GROUP = GroupMembers("b", {}, others_stay=True)


@pytest.mark.parametrize(
    ("replicas", "notes", "wanted", "group", "expected"),
    [
        (0, MemberNotes(none_joined=True), 2, GROUP, MemberStep(StepKind.JOIN, 1, 1)),
        (1, MemberNotes(none_joined=True), 2, GROUP, MemberStep(StepKind.JOIN, 1, 1)),
        (1, MemberNotes(none_joined=True), 0, GROUP, MemberStep(StepKind.LEAVE, 0, 0)),
        (0, MemberNotes(none_joined=True), 0, GROUP, None),
        (2, MemberNotes(2), 0, GROUP, MemberStep(StepKind.LEAVE, 1, 1)),
        (2, MemberNotes(2), 0, GroupMembers("b", {}, others_stay=False), MemberStep(StepKind.SET_REPLICAS, 0, 2)),
        (0, MemberNotes(), 2, GROUP, MemberStep(StepKind.SET_REPLICAS, 2, 2)),
    ],
)
def test_members_of_a_group(
    replicas: int, notes: MemberNotes, wanted: int, group: GroupMembers, expected: MemberStep | None
) -> None:
    """Those of a group that is added join; those of one that is to be empty leave, unless all are stopped."""
    assert next_step(live_set(replicas), notes, wanted, group) == expected


class TestTurns:
    def test_a_group_waits_for_those_before_it(self) -> None:
        """And is told when one of them could not be completed."""

        async def run() -> None:
            turns = Turns("P", ["a", "b", "c"])
            waiting = asyncio.create_task(turns.wait_for("b"))
            await asyncio.sleep(0)
            assert turns.is_before("b")
            assert not turns.is_before("a")
            assert not waiting.done()
            await turns.done("a", failed=False)
            await waiting
            await turns.done("b", failed=True)
            with pytest.raises(RefusedError, match="P: group 'c': nothing is changed, because group 'b' could not"):
                await turns.wait_for("c")

        asyncio.run(run())

    def test_broken_groups_come_first(self) -> None:
        """The others may need them."""

        async def broken() -> list[str]:
            return ["c"]

        assert asyncio.run(Turns("P", ["a", "b", "c"]).order(broken)) == ["c", "a", "b"]

    def test_instances_join_and_leave_by_turns(self) -> None:
        """Never two at once, and first one joins: there are never fewer than there were."""
        steps: list[str] = []

        async def change(turns: Turns, group: str, kind: StepKind, number: int) -> None:
            for _ in range(number):
                async with turns.member_step(group, kind):
                    steps.append(f"{group} begins")
                    await asyncio.sleep(0)
                    steps.append(f"{group} ends")
            await turns.done(group, failed=False)

        async def run() -> None:
            turns = Turns("P", ["new", "old", "other"])
            changes = [
                change(turns, "old", StepKind.LEAVE, 3),
                change(turns, "new", StepKind.JOIN, 2),
                turns.done("other", failed=False),
            ]
            await asyncio.gather(*changes)

        asyncio.run(run())
        begun = [each.removesuffix(" begins") for each in steps[::2]]
        assert begun == ["new", "old", "new", "old", "old"]
        assert steps[1::2] == [f"{each} ends" for each in begun]

    def test_the_group_of_the_leader_comes_last(self) -> None:
        """Whatever its place in the order; the others go in order."""
        replaced: list[str] = []

        async def replace(turns: Turns, group: str) -> None:
            async def leads() -> bool:
                return group == "a"

            await turns.leader_turn(group, leads)
            replaced.append(group)
            await asyncio.sleep(0)
            await turns.done(group, failed=False)

        async def run() -> None:
            turns = Turns("P", ["a", "b", "c"])
            await asyncio.gather(*(replace(turns, group) for group in "cba"))

        asyncio.run(run())
        assert replaced == ["b", "c", "a"]

    def test_a_group_that_waits_holds_no_member_back(self) -> None:
        """The engine does not come to the groups after it before it is done."""

        async def run() -> None:
            turns = Turns("P", ["a", "b", "c"])
            waiting = asyncio.create_task(turns.wait_for("b"))
            await asyncio.sleep(0)
            async with turns.member_step("a", StepKind.JOIN):
                pass
            await turns.done("a", failed=False)
            await waiting

        asyncio.run(run())


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, False),
        ({f"{MEMBERS_ANNOTATION}-a": "0"}, False),
        ({f"{MEMBERS_ANNOTATION}-a": "0", f"{MEMBERS_ANNOTATION}-b": "2"}, True),
        ({MEMBERS_ANNOTATION: "3"}, True),
    ],
)
def test_a_cluster_exists_when_members_are_noted(annotations: dict[str, str], expected: bool) -> None:
    """Of any group: one that is added joins them, and groups that are created together do not join each other."""

    class Cluster:
        async def get_service(self, *_: str) -> dict[str, Any]:
            return {"metadata": {"annotations": annotations}}

    plan = member_plan({}, 1, "db", "cluster.local", GroupMembers("a", {}, others_stay=True))
    cluster: Any = Cluster()
    assert plan
    assert asyncio.run(has_noted_members(cluster, "shop", plan)) == expected
