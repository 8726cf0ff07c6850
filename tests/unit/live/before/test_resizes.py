"""P10: which Pods are resized in place, by the API server's word, and what is said where they are not."""

import asyncio
from copy import deepcopy
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from pulumi_stateful_service.live.before.forecast import Resizes
from pulumi_stateful_service.live.before.refusals.resize import resize_refusals
from pulumi_stateful_service.live.before.resizes import find_resizes
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.rollout_plan import ResizePlan, resize_plan

IN_PLACE, OR_REPLACE = ResizePlan(), ResizePlan(replaces=True)
ROLLING, ON_DELETE = {"type": "RollingUpdate"}, {"type": "OnDelete"}


def template(cpu: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "app", "image": "db:1", "resources": {"requests": {"cpu": cpu}}}
    return {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [container], **spec}}


def stateful_set(cpu: str, strategy: Any = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "db", "namespace": "prod"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "db"}},
            "template": template(cpu, **spec),
            "updateStrategy": strategy or ROLLING,
        },
    }


def pods(cpu: str = "100m", **status: Any) -> list[dict[str, Any]]:
    return [
        {
            "metadata": {
                "name": f"db-{ordinal}",
                "namespace": "prod",
                "uid": f"u{ordinal}",
                "labels": {"app": "db", "controller-revision-hash": "old"},
            },
            "spec": deepcopy(template(cpu)["spec"]),
            "status": status,
        }
        for ordinal in range(2)
    ]


def resized(pod: Any, spec: Any, **_: Any) -> Any:
    """The API server's answer to a dry run."""
    answer = deepcopy(pod)
    answer["spec"]["containers"][0]["resources"] = spec["containers"][0]["resources"]
    return answer


def found(
    after: dict[str, Any], plan: ResizePlan = IN_PLACE, of: Any = None, live: Any = None, **cluster: Any
) -> tuple[Resizes, Any]:
    """What is found on a cluster that has and allows everything, but for what is given."""
    revisions = [{"metadata": {"name": "old"}, "data": {"spec": {"template": template("100m")}}}]
    answers = {
        "list": AsyncMock(return_value=revisions),
        "resizes_pods": AsyncMock(return_value=True),
        "may": AsyncMock(return_value=True),
        "resize_pod": AsyncMock(side_effect=resized),
        **cluster,
    }
    asked: Any = Mock(**answers)
    leader_last = after["spec"].pop("leader_last", False)
    found = asyncio.run(
        find_resizes(asked, plan, live or stateful_set("100m"), after, of or pods(), None, leader_last=leader_last)
    )
    return found, asked


def test_pods_are_resized_where_the_api_server_would() -> None:
    """It is asked about each, and nothing is changed."""
    resizes, asked = found(stateful_set("200m"))
    assert {name: step.changes for name, step in resizes.pods.items()} == dict.fromkeys(
        ("db-0", "db-1"), "cpu request 100m to 200m"
    )
    assert not resizes.why_not
    assert {call.kwargs["action"].name for call in asked.resize_pod.await_args_list} == {"FORECAST_RESIZE"}


def test_without_a_change_nothing_is_asked() -> None:
    """No request more than before."""
    resizes, asked = found(stateful_set("100m", nodeSelector={"a": "b"}))
    assert resizes == Resizes()
    asked.resizes_pods.assert_not_awaited()


@pytest.mark.parametrize(
    ("after", "plan", "answers", "said"),
    [
        (stateful_set("200m", nodeSelector={"a": "b"}), IN_PLACE, {}, "changes in more than CPU and memory"),
        (stateful_set("200m", ON_DELETE), IN_PLACE, {"live": stateful_set("100m", ON_DELETE)}, "with OnDelete you"),
        (stateful_set("200m", ON_DELETE), IN_PLACE, {}, "the update strategy changes with them"),
        (stateful_set("200m"), ResizePlan(why_not="canary decides"), {}, "canary decides"),
        (stateful_set("200m"), IN_PLACE, {"resizes_pods": AsyncMock(return_value=False)}, "no pods/resize"),
        (stateful_set("200m"), IN_PLACE, {"list": AsyncMock(side_effect=ForbiddenError("no"))}, "could not be read"),
        (
            stateful_set("200m"),
            OR_REPLACE,
            {"resize_pod": AsyncMock(side_effect=ClusterError("cannot patch: Pod QOS Class may not", status=422))},
            "Pod QOS Class may not",
        ),
        (
            stateful_set("200m"),
            OR_REPLACE,
            {"resize_pod": AsyncMock(side_effect=lambda pod, *_, **__: pod)},
            "an admission sets other resources",
        ),
    ],
    ids=["other", "on-delete", "strategy", "canary", "before-1.33", "revisions", "refused", "admission"],
)
def test_what_is_a_rollout_is_said(after: dict[str, Any], plan: ResizePlan, answers: dict[str, Any], said: str) -> None:
    """With the reason, and no Pod is resized."""
    resizes, _ = found(after, plan, **answers)
    assert resizes.pods == {}
    assert said in resizes.why_not


def test_a_leader_that_comes_last_has_nothing_to_hand_over() -> None:
    """OnDelete is the component's own there."""
    after = stateful_set("200m", ON_DELETE)
    after["spec"]["leader_last"] = True
    resizes, _ = found(after, live=stateful_set("100m", ON_DELETE))
    assert resizes.pods.keys() == {"db-0", "db-1"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            ForbiddenError('no right to patch pods/db-0: pods "db-0" is forbidden: node is too small', status=403),
            "db-1, db-0 cannot be resized in place: node is too small. Set other resources, or set resize to InPlaceOr",
        ),
        (lambda pod, *_, **__: pod, "db-1, db-0 cannot be resized in place: an admission sets other resources. Set"),
    ],
)
def test_what_a_node_or_an_admission_refuses_is_replaced_on_request_only(answer: Any, said: str) -> None:
    """Without the user's word the change is refused."""
    resizes, _ = found(stateful_set("200m"), resize_pod=AsyncMock(side_effect=answer))
    assert resizes.pods == {}
    assert said in resize_refusals(Mock(resizes=resizes), "prod")[0]
    resizes, _ = found(stateful_set("200m"), OR_REPLACE, resize_pod=AsyncMock(side_effect=answer))
    assert resize_refusals(Mock(resizes=resizes), "prod") == []
    assert resizes.why_not


def test_missing_rights_are_named() -> None:
    """Before anything is changed; where the API server does not tell, its refusal shows later."""
    resizes, asked = found(stateful_set("200m"), may=AsyncMock(side_effect=lambda *each: each[-1] != "resize"))
    assert resizes.missing_rights == ["patch pods/resize"]
    asked.resize_pod.assert_not_awaited()
    [refusal] = resize_refusals(Mock(resizes=resizes), "prod")
    assert "no right to patch pods/resize in namespace prod" in refusal
    resizes, _ = found(stateful_set("200m"), may=AsyncMock(side_effect=ClusterError("busy")))
    assert not resizes.missing_rights
    assert resize_refusals(Mock(resizes=resizes), "prod") == []


def test_an_api_server_that_does_not_answer_is_no_refusal() -> None:
    """What cannot be determined is not told as known."""
    with pytest.raises(ClusterError, match="busy"):
        found(stateful_set("200m"), resize_pod=AsyncMock(side_effect=ClusterError("busy", transient=True)))


def test_what_a_node_could_not_give_is_replaced_on_request() -> None:
    """In the next ``up``: otherwise it is waited for."""
    condition = {"type": "PodResizePending", "status": "True", "reason": "Infeasible", "message": "no capacity"}
    resizes, _ = found(stateful_set("200m"), of=pods("200m", conditions=[condition]))
    assert resizes.pods.keys() == {"db-0", "db-1"}
    resizes, _ = found(stateful_set("200m"), OR_REPLACE, pods("200m", conditions=[condition]))
    assert resizes.pods == {}
    assert resizes.why_not == "Infeasible: no capacity"


@pytest.mark.parametrize(
    ("args", "plan"),
    [
        ({}, None),
        ({"resize": "Replace"}, None),
        ({"resize": "InPlace"}, IN_PLACE),
        ({"resize": "InPlaceOrReplace"}, OR_REPLACE),
        ({"resize": "InPlace", "canary": 1}, ResizePlan(why_not="canary decides which instances get the change")),
        ({"resize": "InPlace", "partition": 1}, ResizePlan(why_not="partition decides which instances get the change")),
    ],
)
def test_the_argument_says_how(args: dict[str, Any], plan: ResizePlan | None) -> None:
    """What the program itself holds back is updated as before."""
    assert resize_plan(args) == plan
