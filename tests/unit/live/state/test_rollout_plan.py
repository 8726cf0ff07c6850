"""The steps of a rollout, as partitions and as text, and what its checks make of an answer."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service.live.after.check_result import CheckResult, Outcome
from pulumi_stateful_service.live.after.rollout_checks import run_check
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError, PodError, TimedOutError
from pulumi_stateful_service.live.state.rollout_plan import RolloutCheck, RolloutPlan, rollout_plan


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
    assert plan.checks[0].http_get == {"port": 8080}
    assert plan.described(4) == (
        "1, then 2, then 4 of 4 instances; after each: bake for 60 s, check http_get /, check exec db-check, check "
        "errors; if a step fails: roll back"
    )
    assert rollout_plan(None, {}) is None


class Answering:
    """A cluster whose Pods and Prometheus answer this."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def get_from_pod(self, *_: Any) -> Any:
        return self._answer()

    async def run_in_pod(self, *_: Any) -> Any:
        return self._answer()

    async def query_prometheus(self, *_: Any) -> Any:
        return self._answer()

    def _answer(self) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def result(check: RolloutCheck, answer: Any) -> CheckResult:
    cluster: Any = Answering(answer)
    return asyncio.run(run_check(cluster, "default", "rg-0", check))


def failure(check: RolloutCheck, answer: Any) -> str | None:
    """Why it fails; None where it passes. It is answered."""
    found = result(check, answer)
    assert found.outcome is not Outcome.NOT_ANSWERED
    return found.why or None


HTTP = RolloutCheck("c", http_get={"port": 80})
COMMAND = RolloutCheck("c", command=["a"])
PROMETHEUS = RolloutCheck("c", prometheus={"url": "http://p", "query": "q", "at_most": 1.0})


@pytest.mark.parametrize(
    ("check", "answer", "expected"),
    [
        (HTTP, (204, b""), None),
        (HTTP, (302, b""), None),
        (HTTP, (503, b"not\nyet"), "status 503: not yet"),
        (HTTP, (404, b""), "status 404"),
        (HTTP, PodError("it does not answer"), "it does not answer"),
        (HTTP, (503, b"\x1b[31mred\x1b[0m \xe2\x80\xaeright to left"), "status 503: red right to left"),
        (COMMAND, (0, "fine"), None),
        (COMMAND, (3, "x" * 300), f"exit status 3: {'x' * 199}…"),
    ],
)
def test_answers_of_instances(check: RolloutCheck, answer: Any, expected: str | None) -> None:
    """A success, or why not, in one short line."""
    assert failure(check, answer) == expected


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (HTTP, ClusterError("the connection broke")),
        (HTTP, ClusterError("busy", status=503, transient=True)),
        (COMMAND, TimedOutError("the API server does not answer in time")),
        (PROMETHEUS, ClusterError("it cannot be reached")),
        (PROMETHEUS, (200, b"<html>log in")),
    ],
)
def test_what_is_not_answered_is_no_failure(check: RolloutCheck, answer: Any) -> None:
    """It tells nothing of the instance."""
    found = result(check, answer)
    assert found.outcome is Outcome.NOT_ANSWERED
    assert found.why


def test_a_missing_right_is_no_failed_check() -> None:
    """It ends the operation with what is missing, and rolls nothing back."""
    with pytest.raises(ForbiddenError, match="no right"):
        failure(HTTP, ForbiddenError("no right to get pods/rg-0/proxy"))


def samples(*values: str, kind: str = "vector") -> tuple[int, bytes]:
    result: Any = [{"value": [0, value]} for value in values] if kind == "vector" else [0, values[0]]
    return 200, json.dumps({"data": {"resultType": kind, "result": result}}).encode()


@pytest.mark.parametrize(
    ("limits", "answer", "expected"),
    [
        ({"at_most": 1.0}, samples("0.5", "1"), None),
        ({"at_most": 1.0}, samples("0.5", "1.5"), "the value is 1.5, more than 1"),
        ({"at_least": 2.0}, samples("1.5"), "the value is 1.5, less than 2"),
        ({"at_least": 2.0, "at_most": 4.0}, samples("3", kind="scalar"), None),
        # Neither below nor above: no sample at all in a division by zero.
        ({"at_most": 1.0}, samples("NaN"), "the value is nan, more than 1"),
        ({"at_most": 1.0}, samples(), "the query has no result"),
        ({"at_most": 1.0}, (422, b"bad query"), "status 422: bad query"),
    ],
)
def test_answers_of_prometheus(limits: Any, answer: Any, expected: str | None) -> None:
    """Every sample must be within the limits, and there must be one."""
    check = RolloutCheck("c", prometheus={"url": "http://p", "query": "q", **limits})
    assert failure(check, answer) == expected
