"""The steps of a rollout, as partitions and as text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service.live.instance_checks import HttpCheck
from pulumi_stateful_service.live.rollout_plan import RolloutPlan, leader_check, rollout_plan


@pytest.mark.parametrize(
    ("steps", "replicas", "updated"),
    [
        ([1, "50%"], 5, [1, 3, 5]),
        (["10%"], 5, [1, 5]),
        ([2, 1, 2], 5, [1, 2, 5]),
        ([3, 9], 3, [3]),
        (["100%"], 4, [4]),
        ([1], 0, [0]),
    ],
)
def test_steps_are_numbers_of_instances(steps: Any, replicas: int, updated: list[int]) -> None:
    """In order, each once, never more than there are, and in the end all."""
    assert RolloutPlan(steps).updated_after_each_step(replicas) == updated


@given(
    st.lists(st.one_of(st.integers(1, 9), st.integers(1, 100).map("{}%".format)), min_size=1),
    st.integers(1, 9),
)
def test_every_step_lowers_the_partition_until_all_are_updated(steps: Any, replicas: int) -> None:
    """From everything held back to nothing, and the steps are counted along."""
    plan, partition, seen = RolloutPlan(steps), replicas, []
    while partition:
        following = plan.next_partition(partition, replicas)
        assert following < partition
        seen.append(plan.step(following, replicas))
        partition = following
    count = len(plan.updated_after_each_step(replicas))
    assert seen == [(number, count) for number in range(1, count + 1)]


def test_a_partition_that_is_no_step_goes_on_to_the_next_one() -> None:
    """After scaling, or where somebody else has set it."""
    plan = RolloutPlan([1, 3])
    assert plan.next_partition(7, 5) == 4
    assert plan.next_partition(3, 5) == 2
    assert plan.step(3, 5) == (2, 3)


def test_the_steps_are_described() -> None:
    """With what happens between them, and what a failure does."""
    arguments = {
        "steps": [1, "50%"],
        "bake_seconds": 60,
        "checks": [
            {"http_get": {"port": "http"}},
            {"exec": {"command": ["db-check", "-v"]}},
            {"name": "errors", "prometheus": {"url": "http://p", "query": "q", "at_most": 1.0}},
        ],
        "on_failure": "RollBack",
    }
    plan = rollout_plan(arguments, {"http": 8080})
    assert plan is not None
    assert plan.checks[0].asks == HttpCheck(8080)
    assert plan.described(4) == (
        "1, then 2, then 4 of 4 instances; after each: bake for 60 s, check http_get /, check exec db-check, check "
        "errors; if a step fails: roll back"
    )
    assert rollout_plan(None, {}) is None


def test_the_leader_is_known_by_one_check() -> None:
    """And passes the lead on by a command."""
    arguments = {"http_get": {"port": "http"}, "contains": "leads", "hand_over": {"command": ["step-down"]}}
    leader = leader_check(arguments, {"http": 8080})
    assert leader is not None
    assert (leader.asks, leader.hand_over) == (HttpCheck(8080, contains="leads"), ["step-down"])
    assert leader_check(None, {}) is None
