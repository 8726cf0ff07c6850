"""Instances that are to be rebuilt: which volumes are given up, what is refused, and in which order they come."""

import json
from typing import Any

import pytest
from pulumi_stateful_service.live.before import forecast as forecasts
from pulumi_stateful_service.live.before.forecast import ClaimOutcome, InstanceOutcome
from pulumi_stateful_service.live.before.forecast_text import forecast_lines
from pulumi_stateful_service.live.before.refusals.claims import claim_warnings
from pulumi_stateful_service.live.before.refusals.rebuild import Found, rebuild_refusals
from pulumi_stateful_service.live.node_states import NodeState
from pulumi_stateful_service.live.state.claim_changes import desired_claims
from pulumi_stateful_service.live.state.member_changes import MemberCommand, MemberPlan
from pulumi_stateful_service.live.state.rebuild import (
    GivenUp,
    RebuildPlan,
    line_for,
    rebuild_order,
    requested_rebuild,
    volumes_to_give_up,
)

NOTE = "pulumi-stateful-service/rebuild"
TEMPLATE: dict[str, Any] = {"metadata": {}, "spec": {"containers": []}}
LOST = GivenUp(2, "data", "pv-2")


def live(replicas: int = 3, noted: str = "", volumes: tuple[str, ...] = ("data",)) -> dict[str, Any]:
    """A StatefulSet with what was asked of it last."""
    templates = [
        {"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}} for name in volumes
    ]
    metadata: dict[str, Any] = {"name": "db", "namespace": "prod", "annotations": {NOTE: noted} if noted else {}}
    metadata["uid"] = "the-set"
    return {
        "metadata": metadata,
        "spec": {"replicas": replicas, "template": TEMPLATE, "volumeClaimTemplates": templates},
    }


def claim(ordinal: int, volume: str | None = "", phase: str = "Bound", name: str = "data") -> dict[str, Any]:
    """The claim of an instance; without a volume's name, the one that it was created with."""
    spec: dict[str, Any] = {"resources": {"requests": {"storage": "1Gi"}}}
    if volume is not None:
        spec["volumeName"] = volume or f"pv-{ordinal}"
    status = {"phase": phase, "capacity": {"storage": "1Gi"}}
    return {"metadata": {"name": f"{name}-db-{ordinal}"}, "spec": spec, "status": status}


CLAIMS = [claim(ordinal) for ordinal in range(3)]


def pod(
    ordinal: int, *, ready: bool = True, node: str = "", was_ready: bool = True, restarted: str = ""
) -> dict[str, Any]:
    """The Pod of an instance, on a node of its own; ``restarted`` is when its container started again, if it has."""
    since = "2026-01-01T00:00:05Z" if was_ready else "2026-01-01T00:00:00Z"
    state = {"running": {"startedAt": restarted}} if restarted else {"running": {}} if ready else {"terminated": {}}
    return {
        "metadata": {"name": f"db-{ordinal}", "labels": {"controller-revision-hash": "new"}, "uid": f"uid-{ordinal}"},
        "spec": {"nodeName": node or f"node-{ordinal}"},
        "status": {
            "startTime": "2026-01-01T00:00:00Z",
            "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": since}],
            "containerStatuses": [{"state": state}],
        },
    }


def refusals(
    *volumes: GivenUp,
    pods: list[dict[str, Any]] | None = None,
    node: NodeState = NodeState.ANSWERS,
    members: MemberPlan | None = None,
    noted: str = "",
    claims: Any = CLAIMS,
    changes: Any = (),
    replicas: int = 3,
    recovers_first: bool = False,
    **plan: Any,
) -> list[str]:
    found = [pod(0), pod(1), pod(2, ready=False)] if pods is None else pods
    nodes = {each["spec"].get("nodeName", ""): node for each in found}
    state = Found(live(replicas, noted), claims, found, found, nodes, changes, recovers_first)
    return rebuild_refusals(RebuildPlan(volumes or (LOST,), **plan), members, state)


class TestWhich:
    def test_a_claim_that_has_the_volume_is_replaced_and_no_other(self) -> None:
        """One of an instance that is not there any more, or that has another volume, is not."""
        asked = [LOST, GivenUp(1, "data", "another"), GivenUp(7, "data", "pv-7")]
        assert list(volumes_to_give_up(live(), [*CLAIMS, claim(7)], asked)) == ["data-db-2"]

    def test_the_broken_come_first(self) -> None:
        """Who has left before all, then the lowest that is not ready; the highest of those that are."""
        pods = [pod(0), pod(1, ready=False), pod(3), pod(4, ready=False)]
        assert rebuild_order({0, 1, 2, 3, 4}, pods) == [1, 2, 4, 3, 0]
        assert rebuild_order({0, 1, 4}, pods, rejoining=4) == [4, 1, 0]
        assert rebuild_order({0, 1}, pods, rejoining=4) == [1, 0]

    @pytest.mark.parametrize("note", ["x", "3", '{"ordinal": 1}', '["pv"]', "null"])
    def test_a_damaged_note_says_nothing(self, note: str) -> None:
        """It is compared with, and never an order."""
        assert requested_rebuild(live(noted=note)) == []

    def test_the_line_to_write(self) -> None:
        """As the program needs it; the volume's own name where there are several."""
        assert line_for(live(), [claim(2)]) == 'rebuild=[{"ordinal": 2, "volume_name": "pv-2"}]'
        two = line_for(live(volumes=("data", "wal")), [claim(1, "a"), claim(1, "b", name="wal")], "node-b")
        assert json.loads(two.removeprefix("rebuild=")) == [
            {"ordinal": 1, "volume": "data", "volume_name": "a", "lost_node": "node-b"},
            {"ordinal": 1, "volume": "wal", "volume_name": "b", "lost_node": "node-b"},
        ]

    def test_a_lost_claim_is_named_with_the_line(self) -> None:
        """In every preview."""
        [warning] = claim_warnings(live(), [claim(0), claim(2, phase="Lost")], live())
        assert 'by rebuild=[{"ordinal": 2, "volume_name": "pv-2"}] (' in warning


class TestRefusals:
    def test_a_volume_that_is_not_there(self) -> None:
        """A new word that fits nothing is a mistake; one that was carried out is not."""
        another = GivenUp(2, "data", "pv-9")
        [refusal] = refusals(another)
        assert "rebuild names the volume pv-9 of db-2, but PersistentVolumeClaim data-db-2 has the volume" in refusal
        assert 'pv-2. To give that up: rebuild=[{"ordinal": 2, "volume_name": "pv-2"}] (' in refusal
        noted = json.dumps([{"ordinal": 2, "volume": "data", "volume_name": "pv-9"}])
        assert refusals(another, noted=noted) == []
        assert "there is no instance db-7" in refusals(GivenUp(7, "data", "pv-7"))[0]
        assert "there is no PersistentVolumeClaim data-db-2" in refusals(claims=CLAIMS[:2])[0]
        assert "has no volume yet" in refusals(claims=[claim(2, None)])[0]

    def test_a_node_that_answers_is_not_lost(self) -> None:
        """Nor one on which the Pod is not; and one that is silent is lost by the program's word alone."""
        assert refusals() == []
        [silent] = refusals(node=NodeState.SILENT)
        assert "db-2 is on node node-2, which does not answer" in silent
        assert 'say so: rebuild=[{"ordinal": 2, "volume_name": "pv-2", "lost_node": "node-2"}]' in silent
        lost = GivenUp(2, "data", "pv-2", lost_node="node-2")
        assert refusals(lost, node=NodeState.SILENT) == []
        assert refusals(lost, node=NodeState.ABSENT) == []
        assert refusals(node=NodeState.ABSENT) == [], "Kubernetes deletes the Pod"
        assert "that node answers (it is Ready)" in refusals(lost)[0]
        assert "no right to get nodes" in refusals(lost, node=NodeState.UNREAD)[0]
        assert refusals(node=NodeState.UNREAD) == []
        elsewhere = GivenUp(2, "data", "pv-2", lost_node="node-7")
        assert "lost_node is node-7, but db-2 is on node node-2" in refusals(elsewhere, node=NodeState.SILENT)[0]
        pending = pod(2, ready=False)
        pending["spec"] = {}
        assert refusals(lost, pods=[pod(0), pod(1), pending]) == []
        assert refusals(lost, pods=[pod(0), pod(1)]) == []

    @pytest.mark.parametrize(
        ("plan", "broken", "required"),
        [
            ({"quorum": True}, [1, 2], 2),
            ({"min_available": 2}, [1, 2], 2),
            ({"min_available": "100%"}, [1, 2], 2),
            ({}, [0, 1, 2], 1),
            ({"of_service": 2, "selector": {"app": "db"}}, [1, 2], 2),
        ],
    )
    def test_enough_others_must_be_ready(self, plan: Any, broken: list[int], required: int) -> None:
        """Without itself: what it holds is given up. One that is starting may become ready until it is its turn."""
        pods = [pod(each, ready=each not in broken) for each in range(3)]
        [refusal] = refusals(pods=pods, **plan)
        assert f"ready, and {required} must be" in refusal
        first = broken[0]

        def with_first(**changed: Any) -> list[str]:
            return refusals(pods=[*pods[:first], pod(first, ready=False, **changed), *pods[first + 1 :]], **plan)

        assert with_first(was_ready=False) == []
        assert with_first(restarted="2026-01-01T00:00:05Z") == [], "after a crash of all"
        assert with_first(restarted="2026-01-01T00:00:02Z"), "it was ready after that"

    def test_who_waits_for_a_recovery_will_be_ready(self) -> None:
        """Also a container that crashes again and again meanwhile; not a Pod that has no node, or is going."""
        waiting, homeless, going = (pod(1, ready=False) for _ in range(3))
        waiting["status"]["containerStatuses"] = [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
        homeless["spec"] = {}
        going["metadata"]["deletionTimestamp"] = "2026-01-01T01:00:00Z"
        for other, is_enough in ((waiting, True), (homeless, False), (going, False)):
            pods = [pod(0), other, pod(2, ready=False)]
            assert "after a crash of all by recover" in refusals(pods=pods, quorum=True)[0]
            assert (refusals(pods=pods, quorum=True, recovers_first=True) == []) is is_enough

    def test_a_majority_is_rebuilt_one_after_another(self) -> None:
        """Each when those before it are ready again; not if the first one has too few others already."""
        both = [GivenUp(1, "data", "pv-1"), LOST]
        assert refusals(*both, quorum=True) == []
        assert refusals(*both, pods=[pod(0), pod(1, ready=False), pod(2, ready=False)], quorum=True)
        five = [pod(0), pod(1, ready=False), pod(2, ready=False), pod(3), pod(4)]
        assert refusals(*both, pods=five, quorum=True, replicas=5, claims=[claim(each) for each in range(5)]) == []

    def test_the_pod_template_does_not_change_meanwhile(self) -> None:
        """Kubernetes would replace the others."""
        assert "db-2 cannot be rebuilt while the Pod template changes (image)" in refusals(changes=["image"])[0]
        assert refusals(GivenUp(2, "data", "old"), changes=["image"], noted=_noted("old")) == []

    def test_a_command_of_the_instance_runs_in_no_peer(self) -> None:
        """Where the instance does not run, there must be another command."""
        leave, remove = MemberCommand(["leave"], runs_in_instance=True), MemberCommand(["remove"])
        inside = MemberPlan(3, "svc", "cluster.local", leave=leave)
        both = MemberPlan(3, "svc", "cluster.local", leave=leave, remove=remove)
        assert (
            "members.leave runs in the instance that leaves (run_in), and db-2 does not run"
            in (refusals(members=inside)[0])
        )
        assert refusals(members=both) == []
        assert refusals(members=MemberPlan(3, "svc", "cluster.local", leave=remove)) == []
        runs = [pod(0), pod(1), pod(2)]
        assert refusals(members=inside, pods=runs) == []
        on_lost_node = GivenUp(2, "data", "pv-2", lost_node="node-2")
        assert refusals(on_lost_node, members=inside, pods=runs, node=NodeState.SILENT)


def _noted(volume: str) -> str:
    return json.dumps([{"ordinal": 2, "volume": "data", "volume_name": volume}])


class TestForecast:
    def forecast(self, *given_up: GivenUp, in_turn: bool = False) -> forecasts.Forecast:
        pods = [pod(0), pod(1), pod(2, ready=False)]
        for each in pods:
            each["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        wanted = desired_claims(live())
        return forecasts.forecast(live(), live(), pods, CLAIMS, "new", wanted, given_up=given_up, in_turn=in_turn)

    def test_what_becomes_of_the_instance_and_its_volume(self) -> None:
        """The others stay."""
        forecast = self.forecast(LOST, in_turn=True)
        assert forecast.instances == {
            "db-0": InstanceOutcome.KEPT,
            "db-1": InstanceOutcome.KEPT,
            "db-2": InstanceOutcome.REPLACED,
        }
        assert forecast.claims["data-db-2"] is ClaimOutcome.RECREATED
        assert forecast_lines(forecast) == [
            "db-2: rebuilt: leaves, gets an empty volume, and joins",
            "data-db-2: deleted, and created again without data; its volume pv-2 is kept (rebuild)",
        ]

    def test_several_in_their_order_and_a_pod_that_is_not_waited_for(self) -> None:
        """With what goes for good."""
        lost = GivenUp(2, "data", "pv-2", "Delete", "node-2")
        assert forecast_lines(self.forecast(GivenUp(1, "data", "pv-1"), lost)) == [
            "db-2, db-1: rebuilt with an empty volume, one after another",
            "db-2: deleted without waiting until node node-2 has ended it (lost_node)",
            "data-db-1: deleted, and created again without data; its volume pv-1 is kept (rebuild)",
            "data-db-2: deleted, and created again without data; its volume pv-2 is deleted with it (rebuild)",
        ]
