"""The application's cluster is formed once, whenever ``up`` is killed; what it prints is kept, or said to be lost."""

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest
from pulumi_stateful_service import RolloutError
from pulumi_stateful_service.live.after import cluster_forming as module
from pulumi_stateful_service.live.after.cluster_forming import form_cluster, note_formed
from pulumi_stateful_service.live.after.target import RolloutTarget
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.errors import ClusterError, PodError
from pulumi_stateful_service.live.client.exec import Ended
from pulumi_stateful_service.live.state.claim_changes import DesiredClaim
from pulumi_stateful_service.live.state.cluster_forming import (
    FormPlan,
    began,
    form_plan,
    instance_to_form_in,
    is_formed,
)

NOTE = "pulumi-stateful-service/cluster"
PLAN = FormPlan(["form", "{pod}", "{address}"], ["check"], "svc", "cluster.local", 30, "keys")
START = datetime(2026, 11, 29, 20, tzinfo=UTC)


class KilledError(BaseException):
    """Nothing more of this ``up`` happens."""


class ScriptedCluster:
    """A StatefulSet with claims, its Service, and an application; dies before a request of a certain number."""

    users = 1

    def __init__(self, replicas: int = 2, policy: str = "Parallel", running: int = 2) -> None:
        self.replicas, self.policy, self.running = replicas, policy, running
        self.notes: dict[str, str] = {}
        self.secret: dict[str, Any] | None = None
        self.has_cluster = False
        self.formed = 0
        self.words: list[list[str]] = []
        self.fails: list[Any] = []
        """What comes of the next runs of the command instead of success."""
        self.prints = 0
        """The exit status of the command that prints the output."""
        self.requests, self.dies_at, self.seconds = 0, 10**9, 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def _request(self) -> None:
        self.requests += 1
        if self.requests >= self.dies_at:
            raise KilledError

    async def get_stateful_set(self, *_: str) -> Any:
        spec = {
            "replicas": self.replicas,
            "podManagementPolicy": self.policy,
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        }
        return {"metadata": {"name": "rg", "namespace": "db", "uid": "1", "generation": 1}, "spec": spec}

    async def list_pods(self, _: Any) -> Any:
        return [pod(ordinal) for ordinal in range(self.running)]

    async def get_service(self, *_: str) -> Any:
        return {"metadata": {"annotations": {NOTE: self.notes["svc"]} if "svc" in self.notes else None}}

    async def list_set_claims(self, _: str, names: Any, __: Any) -> Any:
        return [{"metadata": {"name": name, "annotations": {NOTE: self.notes.get(name)}}} for name in sorted(names)]

    async def get(self, kind: str, *_: str) -> Any:
        assert kind == "Secret"
        return self.secret

    async def create(self, kind: str, _: str, body: Any, *, action: Action, field_manager: str) -> None:
        action.require("create", kind)
        assert field_manager == "pulumi-stateful-service.rg"
        self._request()
        if self.secret is not None:
            raise ClusterError("it exists", status=409)
        self.secret = body

    async def patch(self, kind: str, _: str, name: str, patch: Any, *, action: Action, field_manager: str) -> None:
        action.require("patch", kind)
        assert field_manager == "pulumi-stateful-service.rg"
        self._request()
        if kind == "Secret":
            assert self.secret is not None
            self.secret = {**self.secret, "data": patch["stringData"]}
        else:
            self._note(name, patch)

    def _note(self, name: str, patch: Any) -> None:
        merged = {**self.notes, name: patch["metadata"]["annotations"][NOTE]}
        self.notes = {key: value for key, value in merged.items() if value is not None}

    async def run_in_pod(self, *asked: Any, action: Action) -> tuple[int, str]:
        assert (action, asked[3]) == (Action.CHECK_CLUSTER, ["check"])
        self._request()
        return (0, "") if self.has_cluster else (1, "no cluster")

    async def ended_in_pod(self, *asked: Any, action: Action) -> Ended:
        assert action is Action.FORM_CLUSTER
        assert asked[:3] == ("db", "rg-0", "app")
        self._request()
        if asked[3] == ["print"]:
            return Ended(self.prints, "noise\n", "saved\n")
        self.words.append(asked[3])
        result = self.fails.pop(0) if self.fails else None
        if isinstance(result, ClusterError):
            raise result
        if result is not None:
            return Ended(result, "not now", "")
        self.has_cluster = True
        self.formed += 1
        return Ended(0, "noise\nkey\n", "key\n")


def pod(ordinal: int) -> Any:
    return {
        "metadata": {"name": f"rg-{ordinal}", "namespace": "db"},
        "status": {"containerStatuses": [{"state": {"running": {}}}]},
    }


def target() -> RolloutTarget:
    return RolloutTarget("P", "db", "rg", "1", 1, {"data": DesiredClaim("1Gi")}, {}, None, 1, 60)


def up(cluster: ScriptedCluster, plan: FormPlan = PLAN) -> None:
    """One ``up``, which may be killed."""
    asyncio.run(form_cluster(cast("Any", cluster), target(), plan, cast("Any", None)))
    asyncio.run(note_formed(cast("Any", cluster), target(), plan))


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said; time passes by the attempts alone."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda text, *_, **__: lines.append(text))
    monkeypatch.setattr(module, "_PAUSE", 0)
    monotonic = itertools.count(step=2)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(monotonic)))
    return lines


NOTED = ["data-rg-0", "data-rg-1", "svc"]


def test_it_is_formed_once(said: list[str]) -> None:
    """In the first instance; the output is stored, and shown nowhere."""
    cluster = ScriptedCluster()
    for _ in range(3):
        up(cluster)
    assert cluster.words == [["form", "rg-0", "rg-0.svc.db.svc.cluster.local"]]
    assert sorted(cluster.notes) == NOTED
    assert all(note.startswith("formed 2026-11-29T20:") for note in cluster.notes.values())
    assert cluster.secret is not None
    assert cluster.secret["data"] == {"output": "key\n"}
    assert "What it printed is in Secret keys." in said[-1]
    assert not any("key\n" in line for line in said)


def test_a_kill_before_any_request_is_continued() -> None:
    """Formed once; the output is stored, or the next ``up`` says that it is lost: at one of all moments."""
    whole = ScriptedCluster()
    up(whole)
    lost = []
    for moment in range(1, whole.requests + 1):
        cluster = ScriptedCluster()
        cluster.dies_at = moment
        with pytest.raises(KilledError):
            up(cluster)
        cluster.dies_at, cluster.seconds = 10**9, 60
        if cluster.has_cluster and not (cluster.secret or {}).get("data"):
            with pytest.raises(RolloutError, match=r"what it printed is lost.*kubectl --namespace db patch secret k"):
                up(cluster)
            lost.append(moment)
            cluster.secret = {**(cluster.secret or {}), "data": {"output": "a2V5"}}
        up(cluster)
        assert cluster.formed == 1
        assert sorted(cluster.notes) == NOTED
        assert cluster.secret is not None
        assert cluster.secret["data"]["output"]
    assert len(lost) == 1


def test_a_command_of_its_own_for_the_output_loses_none() -> None:
    """Whenever ``up`` is killed; one that fails is said, and run again; also of a cluster that was there before."""
    plan = replace(PLAN, output=["print"])
    whole = ScriptedCluster()
    up(whole, plan)
    for moment in range(1, whole.requests + 1):
        cluster = ScriptedCluster()
        cluster.dies_at = moment
        with pytest.raises(KilledError):
            up(cluster, plan)
        cluster.dies_at, cluster.seconds = 10**9, 60
        up(cluster, plan)
        assert cluster.formed == 1
        assert cluster.secret is not None
        assert cluster.secret["data"] == {"output": "saved\n"}
        assert sorted(cluster.notes) == NOTED
    failing = ScriptedCluster()
    failing.prints = 1
    with pytest.raises(RolloutError, match=r"form_cluster.output has failed: exit status 1\. The next pulumi up runs"):
        up(failing, plan)
    failing.prints, failing.seconds = 0, 60
    up(failing, plan)
    assert (failing.formed, failing.secret and failing.secret["data"]) == (1, {"output": "saved\n"})
    before = ScriptedCluster()
    before.has_cluster = True
    up(before, plan)
    assert (before.words, before.secret and before.secret["data"]) == ([], {"output": "saved\n"})


class TestUnknownEnd:
    """A command of which nobody knows how it ended."""

    def test_it_is_not_run_again_while_it_may_run(self) -> None:
        """Of an ``up`` that was killed: the next one waits as long as the command may take, and then runs it again."""
        cluster = ScriptedCluster()
        cluster.notes["svc"] = f"forming {START:%Y-%m-%dT%H:%M:%SZ}"
        cluster.seconds = 10
        with pytest.raises(RolloutError, match=r"did not succeed within 30 s: form_cluster.check: exit status 1"):
            up(cluster)
        assert cluster.words == []
        cluster.seconds = 31
        up(cluster)
        assert cluster.formed == 1

    def test_it_has_formed_the_cluster(self) -> None:
        """Which the check tells, without another run."""
        cluster = ScriptedCluster()
        cluster.notes["svc"], cluster.has_cluster = f"forming {START:%Y-%m-%dT%H:%M:%SZ}", True
        up(cluster, FormPlan(PLAN.command, PLAN.check, "svc", "cluster.local"))
        assert cluster.words == []
        assert cluster.notes["svc"].startswith("formed")

    @pytest.mark.parametrize("error", [ClusterError("the connection broke"), PodError("no answer within 30 s")])
    def test_within_one_up(self, error: ClusterError) -> None:
        cluster = ScriptedCluster()
        cluster.fails = [error]
        with pytest.raises(RolloutError, match="form_cluster did not succeed within 30 s"):
            up(cluster)
        assert len(cluster.words) == 1
        assert cluster.notes["svc"].startswith("forming")


def test_a_command_that_fails_is_repeated() -> None:
    """Until it succeeds, or the time is over; it has formed nothing then."""
    cluster = ScriptedCluster()
    cluster.fails = [1, 2]
    up(cluster)
    assert (len(cluster.words), cluster.formed) == (3, 1)
    never = ScriptedCluster()
    never.fails = [7] * 99
    with pytest.raises(RolloutError, match=r"within 30 s: exit status 7: not now\. The next pulumi up continues"):
        up(never)
    assert "svc" not in never.notes


def test_there_is_a_cluster_already(said: list[str]) -> None:
    """As where the argument is new: nothing runs, and it is noted."""
    cluster = ScriptedCluster()
    cluster.has_cluster = True
    up(cluster)
    assert (cluster.words, cluster.secret) == ([], None)
    assert sorted(cluster.notes) == NOTED
    assert "form_cluster did not run" in said[-1]


@pytest.mark.parametrize("where", ["svc", "data-rg-1"])
def test_any_note_keeps_a_second_cluster_from_being_formed(where: str) -> None:
    """Also a damaged one, and where the application has lost its cluster; the claims are noted at the end of ``up``."""
    cluster = ScriptedCluster()
    cluster.notes[where] = "damaged"
    up(cluster)
    assert cluster.words == []
    assert sorted(cluster.notes) == NOTED


def test_a_secret_is_never_overwritten() -> None:
    """One of somebody else, or with the output of an earlier cluster; nothing is formed then."""
    cluster = ScriptedCluster()
    cluster.secret = {"metadata": {"labels": {}}, "data": {"output": "eA=="}}
    with pytest.raises(RolloutError, match="Secret db/keys exists, and is not of this service"):
        up(cluster)
    cluster.secret = {"metadata": {"labels": {"pulumi-stateful-service/output-of": "rg"}}, "data": {"output": "eA=="}}
    with pytest.raises(RolloutError, match="Secret db/keys has the output of an earlier form_cluster"):
        up(cluster)
    assert cluster.words == []


def test_when_it_is_formed() -> None:
    """When the instances run that start together; not at all where there are none."""
    live = asyncio.run(ScriptedCluster().get_stateful_set())
    assert instance_to_form_in(live, [pod(0)]) is None
    assert instance_to_form_in(live, [pod(1), pod(0)]) == pod(0)
    ordered = asyncio.run(ScriptedCluster(policy="OrderedReady").get_stateful_set())
    assert instance_to_form_in(ordered, [pod(0)]) == pod(0)
    assert instance_to_form_in(ordered, []) is None
    none = ScriptedCluster(replicas=0)
    up(none)
    assert none.requests == 0
    with pytest.raises(RolloutError, match="form_cluster was not run, because the first instances did not all run"):
        up(ScriptedCluster(running=1))


def test_notes() -> None:
    assert form_plan(None, "svc", "d") is None
    assert form_plan({"command": ["a"], "check": ["b"]}, "svc", "d") == FormPlan(["a"], ["b"], "svc", "d")
    assert began({"metadata": {"annotations": {NOTE: "forming yesterday"}}}) == datetime(1970, 1, 1, tzinfo=UTC)
    assert began({"metadata": {}}) is None
    assert not is_formed({"metadata": {"annotations": {NOTE: "forming 2026-11-29T20:00:00Z"}}}, [])
    assert not is_formed(None, [])
