"""Which instance joins or leaves next, wherever an earlier ``up`` has stopped."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service.live.forecast import ClaimOutcome, Forecast, InstanceOutcome, StatefulSetOutcome
from pulumi_stateful_service.live.member_changes import (
    MemberNotes,
    MemberPlan,
    MemberStep,
    StepKind,
    is_unfinished,
    member_plan,
    next_step,
)
from pulumi_stateful_service.live.member_refusals import member_refusals
from pulumi_stateful_service.live.preflight import Change

NOTHING = MemberNotes()


def live(replicas: int, start: int = 0) -> dict[str, Any]:
    """A StatefulSet with so many instances."""
    template = {"metadata": {"name": "data"}, "spec": {}}
    return {
        "metadata": {"name": "rg", "namespace": "db"},
        "spec": {"replicas": replicas, "ordinals": {"start": start}, "volumeClaimTemplates": [template]},
    }


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))
def test_steps_lead_to_the_wanted_number_one_member_at_a_time(replicas: int, members: int, wanted: int) -> None:
    """From any state: members join and leave one by one, and no member's instance is removed before it has left."""
    for _step in range(30):
        step = next_step(live(replicas), MemberNotes(members), wanted)
        if step is None:
            break
        members = members or replicas
        if step.kind is StepKind.JOIN:
            assert step.members == members + 1
            assert step.replicas == max(replicas, step.members)
        elif step.kind is StepKind.LEAVE:
            assert step.replicas == replicas - 1
            assert step.members == min(members, step.replicas)
            assert replicas >= members
        else:
            assert wanted == 0 or replicas == 0 or replicas < step.replicas <= members
        replicas, members = step.replicas, step.members
    assert replicas == wanted
    assert wanted in (0, members or replicas)


@pytest.mark.parametrize(
    ("state", "notes", "wanted", "step"),
    [
        (live(3), NOTHING, 3, None),
        (live(3), NOTHING, 4, MemberStep(StepKind.JOIN, 4, 4)),
        (live(3), NOTHING, 1, MemberStep(StepKind.LEAVE, 2, 2)),
        (live(4), MemberNotes(3), 5, MemberStep(StepKind.JOIN, 4, 4)),  # killed before the fourth has joined
        (live(4), MemberNotes(3), 3, MemberStep(StepKind.LEAVE, 3, 3)),  # and back: it may have been added
        (live(3), NOTHING, 0, MemberStep(StepKind.SET_REPLICAS, 0, 3)),
        (live(0), MemberNotes(3), 3, MemberStep(StepKind.SET_REPLICAS, 3, 3)),
        (live(0), MemberNotes(5), 3, MemberStep(StepKind.SET_REPLICAS, 5, 5)),  # two of five leave when all run
        (live(5), MemberNotes(5), 3, MemberStep(StepKind.LEAVE, 4, 4)),
        (live(5), MemberNotes(3), 5, MemberStep(StepKind.JOIN, 5, 4)),
        (live(3), MemberNotes(5), 5, MemberStep(StepKind.SET_REPLICAS, 5, 5)),  # scaled by kubectl
        (live(0), NOTHING, 3, MemberStep(StepKind.SET_REPLICAS, 3, 3)),  # the first ones form the cluster
    ],
)
def test_the_next_step(state: dict[str, Any], notes: MemberNotes, wanted: int, step: MemberStep | None) -> None:
    """The number of members is what is noted, else that of the instances."""
    assert next_step(state, notes, wanted) == step


def test_the_plan_from_arguments() -> None:
    """Placeholders are the instance's names; other braces stay."""
    arguments = {
        "add": {"command": ["db", "add", "{pod}", "http://{address}:1", "{x} ${HOME}"]},
        "leave": {"command": ["db", "{ordinal}"], "run_in": "Instance", "timeout_seconds": 5},
    }
    plan = member_plan(arguments, 3, "svc", "cluster.local")
    assert plan is not None
    assert plan.add is not None
    assert plan.leave is not None
    assert plan.command(plan.add, "db", "rg", 2) == [
        *("db", "add", "rg-2", "http://rg-2.svc.db.svc.cluster.local:1", "{x} ${HOME}")
    ]
    assert plan.command(plan.leave, "db", "rg", 2) == ["db", "2"]
    assert (plan.leave.runs_in_instance, plan.leave.timeout_seconds) == (True, 5)
    assert (plan.add.runs_in_instance, plan.join) == (False, None)
    assert member_plan(None, 3, "svc", "cluster.local") is None


def test_what_is_unfinished() -> None:
    """A number that is not the wanted one, and an instance that has left for a new disk."""
    plan = MemberPlan(3, "svc", "cluster.local")
    assert not is_unfinished(live(3), NOTHING, plan)
    assert is_unfinished(live(3), NOTHING, MemberPlan(4, "svc", "cluster.local"))
    assert is_unfinished(live(3), MemberNotes(3, rejoining=2), plan)
    stopped = MemberPlan(0, "svc", "cluster.local")
    assert not is_unfinished(live(0), MemberNotes(3, rejoining=2), stopped), "it joins when it is started again"


def change(desired: dict[str, Any], *, reuse_claims: bool = False, restored: str | None = None) -> Change:
    """A change to this StatefulSet."""
    return Change(
        prefix="",
        component_labels=[],
        namespace="db",
        stateful_set=desired,
        governing_service={},
        disruption_budget=None,
        recreate_keeping_pods=False,
        adopt=False,
        autoscaled=False,
        members=MemberPlan(desired["spec"]["replicas"], "svc", "cluster.local", reuse_claims=reuse_claims),
        restored_claims=[{"metadata": {"name": restored}}] if restored else [],
    )


FORECAST = Forecast(
    StatefulSetOutcome.UPDATED,
    {"rg-0": InstanceOutcome.KEPT, "rg-1": InstanceOutcome.ADDED, "rg-2": InstanceOutcome.ADDED},
    {"data-rg-0": ClaimOutcome.KEPT, "data-rg-1": ClaimOutcome.EXPANDED, "data-rg-2": ClaimOutcome.CREATED},
)


class TestRefusals:
    """What would make a member join wrongly."""

    def test_the_claim_of_a_member_that_left(self) -> None:
        """It is named, whatever else happens to it."""
        [refusal] = member_refusals(change(live(3)), live(1), NOTHING, FORECAST)
        assert "rg-1, rg-2 would join with the data of an earlier member: data-rg-1 exists." in refusal
        assert "kubectl --namespace db delete pvc data-rg-1." in refusal

    def test_data_that_are_wanted(self) -> None:
        """On request, and where the program restores them."""
        assert not member_refusals(change(live(3), reuse_claims=True), live(1), NOTHING, FORECAST)
        assert not member_refusals(change(live(3), restored="data-rg-1"), live(1), NOTHING, FORECAST)

    def test_instances_that_are_members(self) -> None:
        """They were stopped, or an earlier ``up`` has created them: they start with the data that they have."""
        assert not member_refusals(change(live(3)), live(0), MemberNotes(3), FORECAST)
        assert not member_refusals(change(live(3)), live(3), MemberNotes(1), FORECAST)

    def test_another_first_ordinal(self) -> None:
        """Members are counted from the first."""
        [refusal] = member_refusals(change(live(3, start=1)), live(3), NOTHING, FORECAST)
        assert refusal.startswith("ordinals.start cannot be changed from 0 to 1 with members")

    @pytest.mark.parametrize(
        ("policy", "replicas", "is_refused"),
        [("Delete", 0, True), ("Retain", 0, False), (None, 0, False), ("Delete", 1, False)],
    )
    def test_a_stop_that_would_delete_claims(self, policy: str | None, replicas: int, is_refused: bool) -> None:
        """Stopped is not left. What is sent together with the stop counts, as for Kubernetes."""
        desired = live(replicas)
        if policy is not None:
            desired["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenScaled": policy}
        deleted = Forecast(StatefulSetOutcome.UPDATED, {}, {"data-rg-0": ClaimOutcome.DELETED})
        refusals = member_refusals(change(desired, reuse_claims=True), live(2), MemberNotes(2), deleted)
        assert bool(refusals) == is_refused
        assert not refusals or "would delete data-rg-0 and the data. Set when_scaled to 'Retain'" in refusals[0]
        assert not member_refusals(change(desired, reuse_claims=True), live(0), MemberNotes(2), deleted)
