"""P10: what a resize in place can do for a Pod, and what is left to do for it."""

from copy import deepcopy
from typing import Any

import pytest
from pulumi_stateful_service.live.state.resize import OTHER_FIELDS, ResizeStep, next_step, template_of, why_replaced

OLD, NEW = "db-old", "db-new"


def resources(cpu: str = "500m", memory: str = "1Gi", **requests: str) -> dict[str, Any]:
    return {"limits": {"cpu": cpu, "memory": memory}, **({"requests": requests} if requests else {})}


def template(app: Any = None, side: Any = None, **spec: Any) -> dict[str, Any]:
    """As the API server stores it."""
    container = {"name": "app", "image": "db:1", "env": [{"name": "A", "value": "b"}], "args": ["-v", "-x"]}
    sidecar = {"name": "side", "image": "log:1", "restartPolicy": "Always", "resources": side or resources("100m")}
    return {
        "metadata": {"labels": {"app": "db"}},
        "spec": {
            "containers": [{**container, "resources": app or resources()}],
            "initContainers": [sidecar, {"name": "init", "image": "init:1", "resources": resources("50m")}],
            "volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "data", "emptyDir": {}}],
            **spec,
        },
    }


def stateful_set(of: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": "db"},
        "spec": {"template": of, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
    }


def pod(of: dict[str, Any], revision: str = OLD) -> dict[str, Any]:
    """As the controller, the API server and the kubelet make it of a template."""
    spec = deepcopy(of["spec"])
    spec["volumes"] = [
        {"name": "scratch", "emptyDir": {}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}},
        {"name": "kube-api-access", "projected": {}},
    ]
    for container in [*spec["containers"], *spec["initContainers"]]:
        limits, requests = container["resources"]["limits"], container["resources"].get("requests", {})
        container["resources"] = {"limits": limits, "requests": {**limits, **requests}}
        container["volumeMounts"] = [{"name": "kube-api-access", "mountPath": "/var/run/secrets"}]
    status = [{"name": each["name"], "resources": each["resources"]} for each in spec["containers"]]
    init = [{"name": each["name"], "resources": each["resources"]} for each in spec["initContainers"]]
    return {
        "metadata": {
            "name": "db-0",
            "generation": 1,
            "labels": {"app": "db", "controller-revision-hash": revision},
        },
        "spec": {**spec, "nodeName": "n", "serviceAccountName": "default"},
        "status": {"containerStatuses": status, "initContainerStatuses": init, "conditions": []},
    }


def with_condition(live: dict[str, Any], kind: str, generation: int = 1, **fields: Any) -> dict[str, Any]:
    condition = {"type": kind, "status": "True", "observedGeneration": generation, **fields}
    return {**live, "status": {**live["status"], "conditions": [condition]}}


BIG = template(resources("1", "2Gi"))


def test_resources_alone_are_changed_in_place() -> None:
    """A limit is the request where there is none, as the API server has it."""
    live = pod(template())
    assert why_replaced(live, template(), stateful_set(BIG)) is None
    step = next_step(live, BIG, None)
    assert step.step is ResizeStep.RESIZE
    assert step.changes == "cpu 500m to 1, memory 1Gi to 2Gi"
    amounts = {"cpu": "1", "memory": "2Gi"}
    assert step.spec == {"containers": [{"name": "app", "resources": {"requests": amounts, "limits": amounts}}]}
    assert step.restarts == []


def test_a_sidecar_is_resized_too() -> None:
    """It is among the init containers."""
    wanted = template(side=resources("200m"))
    step = next_step(pod(template()), wanted, None)
    assert step.changes == "side: cpu 100m to 200m"
    assert [each["name"] for each in step.spec["initContainers"]] == ["side"]


def test_requests_and_limits_are_told_apart_where_they_differ() -> None:
    """The value before is the Pod's."""
    before = template({"limits": {"cpu": "1"}, "requests": {"cpu": "100m"}})
    after = template({"limits": {"cpu": "2"}, "requests": {"cpu": "100m", "memory": "1Gi"}})
    step = next_step(pod(before), after, None)
    assert step.changes == "cpu limit 1 to 2, memory request none to 1Gi"


@pytest.mark.parametrize("quantity", ["0.5", "500m", "0.50"])
def test_the_same_quantity_written_otherwise_is_no_change(quantity: str) -> None:
    """As quantities are compared, and not as texts."""
    step = next_step(pod(template(), NEW), template(resources(quantity)), NEW)
    assert step.step is ResizeStep.NOTHING


def test_a_container_restarts_by_its_policy() -> None:
    """Only where the resource changes that it is about."""
    live = pod(template())
    live["spec"]["containers"][0]["resizePolicy"] = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    assert next_step(live, BIG, None).restarts == ["app"]
    assert next_step(live, template(resources("1")), None).restarts == []


def test_what_the_kubelet_does_not_have_yet_is_waited_for() -> None:
    """By its status, and by its condition."""
    live = pod(template())
    resized = {**pod(BIG), "status": live["status"]}
    assert next_step(resized, BIG, NEW).step is ResizeStep.WAIT
    error = with_condition(pod(BIG), "PodResizeInProgress", reason="Error", message="memory is in use")
    assert next_step(error, BIG, NEW).step is ResizeStep.WAIT
    assert next_step(error, BIG, NEW).why == "Error: memory is in use"
    assert next_step(pod(BIG), BIG, NEW).step is ResizeStep.LABEL
    assert next_step(pod(BIG, NEW), BIG, NEW).step is ResizeStep.NOTHING


@pytest.mark.parametrize(("reason", "is_final"), [("Deferred", False), ("Infeasible", True)])
def test_what_the_node_cannot_give_is_told(reason: str, is_final: bool) -> None:
    """With its numbers; what it said of an earlier size does not count."""
    said: dict[str, Any] = {
        "reason": reason,
        "message": "Node didn't have enough capacity: cpu, requested: 1000, capacity: 500",
    }
    step = next_step(with_condition(pod(BIG), "PodResizePending", **said), BIG, NEW)
    assert (step.step, step.is_infeasible) == (ResizeStep.STUCK, is_final)
    assert step.why == f"{reason}: Node didn't have enough capacity: cpu, requested: 1000, capacity: 500"
    earlier = with_condition(pod(BIG), "PodResizePending", generation=0, **said)
    assert next_step(earlier, BIG, NEW).step is ResizeStep.LABEL


def test_a_pod_that_says_a_revision_it_does_not_have_is_resized() -> None:
    """Such as one that was asked for too much, when the program goes back."""
    assert next_step(pod(BIG, NEW), template(), NEW).step is ResizeStep.RESIZE


@pytest.mark.parametrize(
    "wanted",
    [
        template(resources("1"), nodeSelector={"disk": "fast"}),
        {**template(resources("1")), "metadata": {"labels": {"app": "db", "more": "1"}}},
        template({**resources("1"), "claims": [{"name": "gpu"}]}),
        template({"limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}}),
        template(resources("1"), initContainers=template()["spec"]["initContainers"][:1]),
    ],
    ids=["field", "label", "claim", "other-resource", "container"],
)
def test_another_change_is_a_rollout(wanted: dict[str, Any]) -> None:
    """Also where it is a resource that the subresource does not know."""
    assert why_replaced(pod(template()), template(), stateful_set(wanted)) == OTHER_FIELDS


def test_an_init_container_that_runs_to_its_end_is_not_resized() -> None:
    """It has ended."""
    wanted = template()
    wanted["spec"]["initContainers"][1]["resources"] = resources("1")
    assert why_replaced(pod(template()), template(), stateful_set(wanted)) == OTHER_FIELDS


def test_what_is_removed_is_a_rollout() -> None:
    """Kubernetes does not take a request or a limit away."""
    wanted = template({"limits": {"cpu": "1"}})
    said = why_replaced(pod(template()), template(), stateful_set(wanted))
    assert said is not None
    assert said.startswith("memory ")
    assert said.endswith(" is removed, which a resize cannot do")


def test_the_whole_pod_is_compared() -> None:
    """A Pod that somebody has changed is not what the StatefulSet would create, and must not say that it is."""
    live = pod(template())
    live["spec"]["containers"][0]["image"] = "db:hotfix"
    said = why_replaced(live, template(), stateful_set(BIG))
    assert said is not None
    assert "spec.containers[app].image" in said
    live = pod(template())
    live["spec"]["containers"][0]["args"] = ["-v"]
    assert "spec.containers[app].args" in str(why_replaced(live, template(), stateful_set(BIG)))
    live = pod(template())
    live["metadata"]["labels"]["app"] = "other"
    assert "metadata.labels.app" in str(why_replaced(live, template(), stateful_set(BIG)))


def test_what_an_admission_adds_does_not_count() -> None:
    """A token, tolerations, another container: a new Pod gets them too. So do resources of a LimitRange."""
    live = pod(template())
    live["spec"]["containers"].append({"name": "istio-proxy", "image": "istio"})
    live["spec"]["tolerations"] = [{"key": "node.kubernetes.io/not-ready"}]
    live["spec"]["containers"][0]["resources"]["limits"]["ephemeral-storage"] = "1Gi"
    assert why_replaced(live, template(), stateful_set(BIG)) is None


def test_without_its_own_template_a_pod_is_replaced() -> None:
    """What the program has removed since could not be seen."""
    assert why_replaced(pod(template()), None, stateful_set(BIG)) == "the revision that the Pod runs could not be read"


def test_a_revision_keeps_the_template() -> None:
    """With a key for its patch."""
    kept = {"data": {"spec": {"template": {"$patch": "replace", **template()}}}}
    assert template_of(kept) == template()
    assert template_of({}) == {}
