"""Instances that are rebuilt while ``up`` is killed at any moment, and what stops it before anything is lost."""

import asyncio
import re
from dataclasses import replace
from typing import Any, cast

import pytest
from pulumi_stateful_service import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.live.after import rebuild
from pulumi_stateful_service.live.after.members import Members
from pulumi_stateful_service.live.after.target import RolloutTarget
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.state.member_changes import MemberCommand, MemberPlan
from pulumi_stateful_service.live.state.rebuild import GivenUp, RebuildPlan

LOST = GivenUp(2, "data", "pv-2")
TARGET = RolloutTarget(
    "P", "db", "rg", "the-set", 1, {}, {}, None, 1, 1, rebuild=RebuildPlan([LOST], quorum=True), replace_unready=False
)


class KilledError(Exception):
    """Nothing more of this ``up`` happens."""


class Cluster:
    """Three instances with a volume each, and a controller that does its part at once; dies before some request."""

    users = 1

    def __init__(self, *broken: int, node_ready: str = "True") -> None:
        self.volumes = {each: f"pv-{each}" for each in range(3)}
        self.uids = {each: f"uid-{each}" for each in range(3)}
        self.broken, self.deleted = set(broken), set[int]()
        self.nodes: dict[int, str] = {each: f"node-{each}" for each in range(3)}
        self.notes: dict[str, str] = {}
        self.happened: list[str] = []
        self.node_ready = node_ready
        self.volume_error: ClusterError | None = None
        self.requests, self.dies_at = 0, 10**9

    def _request(self, what: str) -> None:
        self.requests += 1
        if self.requests >= self.dies_at:
            raise KilledError
        self.happened.append(what)

    async def get_stateful_set(self, *_: object) -> dict[str, Any]:
        template = {"metadata": {"name": "data"}, "spec": {}}
        spec = {"replicas": 3, "selector": {"matchLabels": {}}, "volumeClaimTemplates": [template]}
        ready = 3 - len(self.broken)
        status = {"observedGeneration": 1, "replicas": 3, "readyReplicas": ready, "availableReplicas": ready}
        metadata = {"name": "rg", "namespace": "db", "uid": "the-set", "generation": 1}
        return {"metadata": metadata, "spec": spec, "status": {**status, "currentRevision": "", "updateRevision": ""}}

    async def list_pods(self, *_: object) -> list[dict[str, Any]]:
        return [
            {
                "metadata": {"name": f"rg-{each}", "uid": self.uids[each], "namespace": "db"},
                "spec": {
                    "nodeName": self.nodes.get(each),
                    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": f"data-rg-{each}"}}],
                },
                "status": {"conditions": [{"type": "Ready", "status": str(each not in self.broken)}]},
            }
            for each in range(3)
        ]

    async def list_claims(self, *_: object) -> list[dict[str, Any]]:
        return [
            {"metadata": {"name": f"data-rg-{each}", "uid": volume}, "spec": {"volumeName": volume}}
            for each, volume in self.volumes.items()
        ]

    async def get_service(self, *_: object) -> dict[str, Any]:
        return {"metadata": {"annotations": self.notes}}

    async def get(self, kind: str, _: object, name: str) -> dict[str, Any] | None:
        if kind == "Node":
            return {"status": {"conditions": [{"type": "Ready", "status": self.node_ready}]}}
        if self.volume_error:
            raise ForbiddenError("no right to get persistentvolumes")
        return {"spec": {"persistentVolumeReclaimPolicy": "Retain" if f"keep {name}" in self.happened else "Delete"}}

    async def patch(self, kind: str, _: object, name: str, patch: dict[str, Any], **__: object) -> None:
        if kind == "PersistentVolume":
            if self.volume_error:
                raise self.volume_error
            self._request(f"keep {name}")
            return
        self._request("note")
        merged = {**self.notes, **patch["metadata"]["annotations"]}
        self.notes = {key: value for key, value in merged.items() if value is not None}

    async def run_in_pod(self, _: str, pod: str, __: str, words: list[str], *___: object, **____: object) -> Any:
        self._request(" ".join(words) + f" in {pod}")
        return 0, ""

    async def delete(self, kind: str, _: str, name: str, *, uid: str, **options: Any) -> bool:
        ordinal = int(name[-1])
        if kind == "Pod":
            assert options["grace_period_seconds"] == 0
            self._request(f"force {name}")
            return self._stopped(ordinal, uid)
        if self.volumes[ordinal] != uid:
            return False
        self._request(f"delete {name}")
        self.deleted.add(ordinal)
        if ordinal not in self.nodes:
            self._bind(ordinal)
        return True

    async def evict_pod(self, _: str, name: str, uid: str, **__: object) -> bool:
        self._request(f"evict {name}")
        return self._stopped(int(name[-1]), uid)

    def _stopped(self, ordinal: int, uid: str) -> bool:
        if self.uids[ordinal] != uid:
            return False
        self.uids[ordinal] += "'"
        if ordinal in self.deleted:
            self._bind(ordinal)
        return True

    def _bind(self, ordinal: int) -> None:
        """An instance with an empty volume becomes ready."""
        self.deleted.discard(ordinal)
        self.volumes[ordinal] += "'"
        self.broken.discard(ordinal)
        self.nodes[ordinal] = "another"


def commands() -> MemberPlan:
    add, join, remove = (MemberCommand([name, "{pod}"]) for name in ("add", "join", "remove"))
    leave = MemberCommand(["leave", "{pod}"], runs_in_instance=True)
    return MemberPlan(3, "svc", "cluster.local", add=add, join=join, leave=leave, remove=remove)


def up(cluster: Cluster, target: RolloutTarget = TARGET, plan: MemberPlan | None = None) -> None:
    async def no_rollout() -> Any:
        raise AssertionError

    members = Members(cast("Any", cluster), target, plan, cast("Any", None), no_rollout) if plan else None
    asyncio.run(rebuild.rebuild_instances(cast("Any", cluster), target, cast("Any", None), members))


@pytest.fixture(autouse=True)
def _in_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for level in ("info", "warn"):
        monkeypatch.setattr(messages, level, lambda *_, **__: None)


def without_notes(cluster: Cluster) -> list[str]:
    return [each for each in cluster.happened if each != "note"]


def test_one_that_is_broken_is_removed_by_a_peer_and_one_that_is_ready_leaves() -> None:
    """Each once; left in the program it does nothing more."""
    cluster = Cluster(2)
    up(cluster, plan=commands())
    done = ["keep pv-2", "remove rg-2 in rg-0", "add rg-2 in rg-0", "delete data-rg-2", "evict rg-2"]
    assert without_notes(cluster) == [*done, "join rg-2 in rg-0"]
    assert cluster.notes == {}
    up(cluster, plan=commands())
    assert len(without_notes(cluster)) == 6

    cluster = Cluster()
    both = replace(TARGET, rebuild=RebuildPlan([GivenUp(0, "data", "pv-0"), LOST], quorum=True))
    up(cluster, both, commands())
    left = [each for each in cluster.happened if each.startswith("leave")]
    assert left == ["leave rg-2 in rg-2", "leave rg-0 in rg-0"]
    assert cluster.volumes == {0: "pv-0'", 1: "pv-1", 2: "pv-2'"}


@pytest.mark.parametrize("pending", [False, True])
@pytest.mark.parametrize("dies_at", range(1, 10))
def test_killed_at_any_moment_it_is_continued(dies_at: int, pending: bool) -> None:
    """The volume is given up once, and the instance has joined in the end, after it was removed and added."""
    cluster = Cluster(2)
    if pending:
        del cluster.nodes[2]
    cluster.dies_at = dies_at
    try:
        up(cluster, plan=commands())
    except KilledError:
        cluster.dies_at = 10**9
        up(cluster, plan=commands())
    assert cluster.volumes == {0: "pv-0", 1: "pv-1", 2: "pv-2'"}
    assert cluster.notes == {}
    happened = without_notes(cluster)
    assert happened.count("delete data-rg-2") <= 2
    assert happened[-1] == "join rg-2 in rg-0"
    added = [place for place, each in enumerate(happened) if each.startswith("add")]
    assert added
    assert max(added) < max(place for place, each in enumerate(happened) if each.startswith("delete"))
    assert {uid for each, uid in cluster.uids.items() if each != 2} == {"uid-0", "uid-1"}


def test_nothing_is_deleted_while_too_few_others_are_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the timeout it says who is missing."""
    cluster = Cluster(1, 2)
    monkeypatch.setattr(rebuild, "pause", lambda *_: asyncio.sleep(0.01))
    late = replace(TARGET, rollout_timeout_seconds=0)
    with pytest.raises(RolloutError, match=r"rg-2 is not rebuilt: 1 of the other instances .*\(not rg-1\), and 2 must"):
        up(cluster, late, commands())
    assert cluster.happened == []


def test_a_volume_that_cannot_be_kept_stops_it() -> None:
    """Before the instance leaves; one that is not there any more needs no keeping."""
    cluster = Cluster(2)
    cluster.volume_error = ForbiddenError("no right to patch persistentvolumes", status=403)
    with pytest.raises(RolloutError, match=r"data-rg-2 is not deleted, because .*Retain .*cannot be set.*Nothing"):
        up(cluster, plan=commands())
    assert cluster.happened == []
    cluster.volume_error = ClusterError("not found", status=404)
    up(cluster, plan=commands())
    assert cluster.volumes[2] == "pv-2'"


@pytest.mark.parametrize(("ready", "done"), [("False", "force rg-2"), ("Unknown", "force rg-2"), ("True", "")])
def test_a_pod_is_not_waited_for_on_a_node_that_is_lost(ready: str, done: str) -> None:
    """Unless that answers again; on another node the Pod ends as always."""
    cluster = Cluster(2, node_ready=ready)
    lost = replace(LOST, lost_node="node-2")
    target = replace(TARGET, rebuild=RebuildPlan([lost], quorum=True))
    if done:
        up(cluster, target)
        assert cluster.happened == ["keep pv-2", "delete data-rg-2", "force rg-2"]
    else:
        with pytest.raises(RolloutError, match=re.escape("lost_node is node-2, and that node answers: rg-2 may run")):
            up(cluster, target)
        assert cluster.happened == ["keep pv-2", "delete data-rg-2"]
        up(cluster)
        assert cluster.happened[-1] == "evict rg-2"
    cluster = Cluster(2, node_ready=ready)
    cluster.nodes[2] = "node-7"
    up(cluster, target)
    assert cluster.happened == ["keep pv-2", "delete data-rg-2", "evict rg-2"]


def test_a_volume_that_comes_back_is_not_given_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody binds it to the new claim."""
    cluster = Cluster(2)
    monkeypatch.setattr(cluster, "_bind", cluster.broken.discard)
    with pytest.raises(RolloutError, match="data-rg-2 was deleted, and has the volume again that rebuild gives up"):
        up(cluster)
