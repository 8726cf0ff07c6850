"""What a check makes of an answer: it passes, it fails, or it was not answered."""

import asyncio
import json
from typing import Any

import pytest
from pulumi_stateful_service.live.after.check_result import CheckResult, Outcome, asked
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError, PodError, TimedOutError
from pulumi_stateful_service.live.instance_checks import (
    ExecCheck,
    HttpCheck,
    Instance,
    InstanceCheck,
    LabelCheck,
    PrometheusCheck,
)


class Answering:
    """A cluster whose Pods and Prometheus answer this."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def get_from_pod(self, *_: Any) -> Any:
        return self._answer()

    async def run_in_pod(self, *_: Any, **__: Any) -> Any:
        return self._answer()

    async def query_prometheus(self, *_: Any) -> Any:
        return self._answer()

    async def list_pods(self) -> Any:
        return self._answer()

    def _answer(self) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def result(check: InstanceCheck, answer: Any) -> CheckResult:
    cluster: Any = Answering(answer)
    instance = Instance(cluster, "default", "rg-0", cluster.list_pods)
    return asyncio.run(asked(check.failure(instance, 5)))


def failure(check: InstanceCheck, answer: Any) -> str | None:
    """Why it fails; None where it passes. It is answered."""
    found = result(check, answer)
    assert found.outcome is not Outcome.NOT_ANSWERED
    return found.why or None


HTTP = HttpCheck(80)
COMMAND = ExecCheck(["a"])
PROMETHEUS = PrometheusCheck("http://p", "q", at_most=1.0)
LABELS = LabelCheck({"role": "primary"})


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
        (HttpCheck(80, contains="leads"), (200, b"it leads"), None),
        (HttpCheck(80, contains="leads"), (200, b"it follows"), "the answer does not contain 'leads'"),
        (ExecCheck(["a"], contains="leads"), (0, "it follows"), "the output does not contain 'leads'"),
        (LABELS, [{"metadata": {"name": "rg-0", "labels": {"role": "primary"}}}], None),
        (
            LABELS,
            [{"metadata": {"name": "rg-1", "labels": {"role": "primary"}}}],
            "it does not have the labels role=primary",
        ),
    ],
)
def test_answers_of_instances(check: InstanceCheck, answer: Any, expected: str | None) -> None:
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
def test_what_is_not_answered_is_no_failure(check: InstanceCheck, answer: Any) -> None:
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
    assert failure(PrometheusCheck("http://p", "q", **limits), answer) == expected
