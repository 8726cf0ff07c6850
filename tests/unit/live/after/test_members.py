"""Members that change while ``up`` is killed at any moment, and what is noted about them."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pulumi
import pytest
from pulumi_stateful_service import RefusedError
from pulumi_stateful_service.foundation.names import MEMBERS_ANNOTATION, REJOINING_ANNOTATION
from pulumi_stateful_service.live.after.members import Members
from pulumi_stateful_service.live.after.target import RolloutTarget
from pulumi_stateful_service.live.member_notes import read_member_notes
from pulumi_stateful_service.live.state.member_changes import GroupMembers, MemberCommand, MemberNotes, MemberPlan


class KilledError(Exception):
    """Nothing more of this ``up`` happens."""


class ScriptedCluster:
    """A StatefulSet and its governing Service; dies before a request of a certain number."""

    def __init__(self, replicas: int, notes: dict[str, str], claims: int = 9) -> None:
        self.replicas, self.notes, self.claims = replicas, notes, claims
        self.happened: list[str] = []
        self.rollouts: list[int] = []
        """How much had happened at each rollout."""
        self.requests, self.dies_at = 0, 10**9
        self.users = 1

    def live(self) -> dict[str, Any]:
        template = {"metadata": {"name": "data"}, "spec": {}}
        spec = {"replicas": self.replicas, "selector": {"matchLabels": {}}, "volumeClaimTemplates": [template]}
        return {"metadata": {"name": "rg", "namespace": "db", "uid": "1", "generation": 1}, "spec": spec}

    def _request(self) -> None:
        self.requests += 1
        if self.requests >= self.dies_at:
            raise KilledError

    async def get_stateful_set(self, *_: str) -> dict[str, Any]:
        return self.live()

    async def get_service(self, *_: str) -> dict[str, Any]:
        return {"metadata": {"annotations": self.notes}}

    async def list_claims(self, _: str, names: set[str], __: object) -> list[str]:
        return [name for name in names if int(name.rpartition("-")[2]) < self.claims]

    async def list_pods(self, _: object) -> list[Any]:
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        return [{"metadata": {"name": f"rg-{each}"}, "status": ready} for each in range(self.replicas)]

    async def run_in_pod(
        self, _: str, __: str, ___: str, words: list[str], ____: float, **_____: Any
    ) -> tuple[int, str]:
        self._request()
        self.happened.append(" ".join(words))
        return 0, ""

    async def patch(
        self, kind: str, _: str, name: str, patch: dict[str, Any], *, field_manager: str, **__: Any
    ) -> None:
        assert (kind, name, field_manager) == ("Service", "svc", "pulumi-stateful-service.rg")
        self._request()
        merged = {**self.notes, **patch["metadata"]["annotations"]}
        self.notes = {key: value for key, value in merged.items() if value is not None}

    async def patch_stateful_set(self, _: object, *, spec: dict[str, int], **__: Any) -> None:
        self._request()
        self.happened.append(f"replicas {spec['replicas']}")
        self.replicas = spec["replicas"]


def plan(wanted: int) -> MemberPlan:
    add, join = MemberCommand(["add", "{ordinal}"]), MemberCommand(["join", "{ordinal}"])
    leave = MemberCommand(["leave", "{ordinal}"], runs_in_instance=True)
    return MemberPlan(wanted, "svc", "cluster.local", add=add, join=join, leave=leave)


def change(cluster: ScriptedCluster, wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One ``up``, which may be killed."""
    monkeypatch.setattr(pulumi.log, "info", lambda *_, **__: None)
    target = RolloutTarget("", "db", "rg", "1", 1, {}, {}, None, 60, 60)

    async def rolled_out() -> Any:
        cluster.rollouts.append(len(cluster.happened))

    members = Members(cast("Any", cluster), target, plan(wanted), cast("Any", None), rolled_out)
    asyncio.run(members.change())


def read(cluster: ScriptedCluster, wanted: int) -> MemberNotes:
    return asyncio.run(read_member_notes(cast("Any", cluster), "P", cluster.live(), plan(wanted)))


@pytest.mark.parametrize(
    ("replicas", "noted", "wanted", "undisturbed"),
    [
        (3, None, 5, ["add 3", "replicas 4", "join 3", "add 4", "replicas 5", "join 4"]),
        (3, 3, 1, ["leave 2", "replicas 2", "leave 1", "replicas 1"]),
        (3, None, 0, ["replicas 0"]),
        (0, 3, 5, ["replicas 3", "add 3", "replicas 4", "join 3", "add 4", "replicas 5", "join 4"]),
        (0, 3, 2, ["replicas 3", "leave 2", "replicas 2"]),
        (0, None, 3, ["replicas 3"]),
    ],
)
def test_a_kill_before_any_request_is_continued(
    monkeypatch: pytest.MonkeyPatch, replicas: int, noted: int | None, wanted: int, undisturbed: list[str]
) -> None:
    """Commands may run twice; nothing else differs, and no instance is started, stopped or joined out of turn."""
    notes = {} if noted is None else {MEMBERS_ANNOTATION: str(noted)}
    whole = ScriptedCluster(replicas, notes)
    change(whole, wanted, monkeypatch)
    assert whole.happened == undisturbed
    for moment in range(1, whole.requests + 1):
        cluster = ScriptedCluster(replicas, notes)
        cluster.dies_at = moment
        with pytest.raises(KilledError):
            change(cluster, wanted, monkeypatch)
        cluster.dies_at = 10**9
        change(cluster, wanted, monkeypatch)
        once = [each for number, each in enumerate(cluster.happened) if each not in cluster.happened[:number]]
        assert once == undisturbed, moment
        assert cluster.notes == whole.notes
        assert [each for each in cluster.happened if "replicas" in each] == [
            each for each in undisturbed if "replicas" in each
        ]


def test_the_rollout_comes_before_the_first_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pod template that changed with the number is in all instances by then."""
    cluster = ScriptedCluster(3, {})
    change(cluster, 4, monkeypatch)
    assert cluster.happened[0] == "add 3"
    assert cluster.rollouts[0] == 0


@pytest.mark.parametrize(("replicas", "wanted"), [(3, 4), (3, 2)])
def test_a_kill_and_another_mind(monkeypatch: pytest.MonkeyPatch, replicas: int, wanted: int) -> None:
    """Taken back after a kill: one that may have left joins again, one that may have been added leaves."""
    moments = ScriptedCluster(replicas, {MEMBERS_ANNOTATION: str(replicas)})
    change(moments, wanted, monkeypatch)
    for moment in range(1, moments.requests + 1):
        cluster = ScriptedCluster(replicas, {MEMBERS_ANNOTATION: str(replicas)})
        cluster.dies_at = moment
        with pytest.raises(KilledError):
            change(cluster, wanted, monkeypatch)
        began, cluster.happened, cluster.dies_at = cluster.happened, [], 10**9
        noted, there = cluster.notes[MEMBERS_ANNOTATION], cluster.replicas
        change(cluster, replicas, monkeypatch)
        assert (cluster.replicas, cluster.notes) == (replicas, {MEMBERS_ANNOTATION: str(replicas)})
        if wanted < replicas:
            assert ("join 2" in cluster.happened) == (noted == "2")
            assert noted == "3" or "leave 2" in began
        else:
            assert ("leave 3" in cluster.happened) == (there == 4)


def test_members_are_noted_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What others do to replicas then is no change of the members: no command runs."""
    cluster = ScriptedCluster(3, {})
    change(cluster, 3, monkeypatch)
    assert cluster.notes == {MEMBERS_ANNOTATION: "3"}
    cluster.replicas = 1
    change(cluster, 3, monkeypatch)
    assert cluster.happened == ["replicas 3"]


def test_an_instance_that_had_to_join_again_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its note goes with it."""
    cluster = ScriptedCluster(3, {MEMBERS_ANNOTATION: "3", REJOINING_ANNOTATION: "2"})
    change(cluster, 2, monkeypatch)
    assert cluster.notes == {MEMBERS_ANNOTATION: "2"}


class TestNotes:
    """What stands on the governing Service."""

    def test_nothing(self) -> None:
        """Before the first operation."""
        assert read(ScriptedCluster(3, {}), 3) == MemberNotes()
        assert read(ScriptedCluster(3, {MEMBERS_ANNOTATION: "3", REJOINING_ANNOTATION: "0"}), 3) == MemberNotes(3, 0)

    @pytest.mark.parametrize(
        ("key", "value", "why"),
        [
            (MEMBERS_ANNOTATION, "three", "it must be a number"),
            (MEMBERS_ANNOTATION, "-1", "it must be a number"),
            (MEMBERS_ANNOTATION, "", "it must be a number"),
            (MEMBERS_ANNOTATION, "1" * 400, "it must be a number"),
            (MEMBERS_ANNOTATION, "50", "rg-49 would be a member, but there is no PersistentVolumeClaim data-rg-49"),
            (REJOINING_ANNOTATION, "2.0", "it must be a number"),
            (REJOINING_ANNOTATION, "7", "the instances are 0 to 2"),
        ],
    )
    def test_what_cannot_be(self, key: str, value: str, why: str) -> None:
        """Object, annotation and value are named, and the command that corrects it."""
        with pytest.raises(RefusedError) as error:
            read(ScriptedCluster(3, {key: value}), 3)
        said = str(error.value)
        assert said.startswith(f"P: Service db/svc has the annotation {key}='{value[:40]}")
        assert why in said
        assert (
            f"kubectl --namespace db annotate service svc {'--overwrite ' if 'rejoining' not in key else ''}{key}"
            in said
        )
        assert len(said) < 700

    def test_members_that_are_stopped(self) -> None:
        """Their claims explain them."""
        assert read(ScriptedCluster(0, {MEMBERS_ANNOTATION: "5"}), 0).members == 5
        with pytest.raises(RefusedError, match="there is no PersistentVolumeClaim data-rg-4"):
            read(ScriptedCluster(0, {MEMBERS_ANNOTATION: "5"}, claims=4), 0)


def test_the_members_of_a_new_group_are_noted_when_they_are_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before that, groups that an interrupted ``up`` has left to be created form the cluster with them."""
    monkeypatch.setattr(pulumi.log, "info", lambda *_, **__: None)
    cluster = ScriptedCluster(2, {})
    target = RolloutTarget("", "db", "rg", "1", 1, {}, {}, None, 60, 60)
    noted: list[dict[str, str]] = []

    async def rolled_out() -> Any:
        noted.append(dict(cluster.notes))

    of_group = replace(plan(2), group=GroupMembers("b", {}, others_stay=True))
    members = Members(cast("Any", cluster), target, of_group, cast("Any", None), rolled_out)
    asyncio.run(members.change())
    assert noted == [{}]
    assert cluster.notes == {"pulumi-stateful-service/members-b": "2"}
