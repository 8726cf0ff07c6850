"""Which instance joins or leaves next, wherever an earlier ``up`` has stopped."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service.live.state.member_changes import (
    MemberNotes,
    MemberPlan,
    MemberStep,
    StepKind,
    is_unfinished,
    member_plan,
    next_step,
)

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
