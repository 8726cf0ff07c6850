"""P08, P09: what a change does to every instance and every claim, and how it is said."""

from typing import Any

import pytest
from pulumi_stateful_service.live.before import forecast as forecasts
from pulumi_stateful_service.live.before.forecast import ClaimOutcome, Forecast, InstanceOutcome
from pulumi_stateful_service.live.before.forecast_text import forecast_lines, forecast_message
from pulumi_stateful_service.live.before.refusals.held_back import held_back_refusals
from pulumi_stateful_service.live.state.claim_changes import desired_claims
from pulumi_stateful_service.live.state.pod_template_changes import pod_template_changes

OLD, NEW = "db-old", "db-new"


def stateful_set(image: str = "db:1", replicas: int = 3, **spec: Any) -> dict[str, Any]:
    """A live StatefulSet with one volume."""
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "app", "image": image}]}}
    claims = [{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}]
    return {
        "metadata": {"name": "db", "namespace": "prod"},
        "spec": {"replicas": replicas, "template": template, "volumeClaimTemplates": claims, **spec},
    }


def pods(*revisions: str, volumes: tuple[str, ...] = ("data",)) -> list[dict[str, Any]]:
    """A Pod for each revision, from ordinal 0 on."""
    return [
        {
            "metadata": {"name": f"db-{ordinal}", "labels": {"controller-revision-hash": revision}},
            "spec": {
                "volumes": [
                    {"name": name, "persistentVolumeClaim": {"claimName": f"{name}-db-{ordinal}"}} for name in volumes
                ]
            },
        }
        for ordinal, revision in enumerate(revisions)
    ]


def claims(*ordinals: int, size: str = "1Gi") -> list[dict[str, Any]]:
    """The claim of each ordinal."""
    return [
        {"metadata": {"name": f"data-db-{ordinal}"}, "spec": {"resources": {"requests": {"storage": size}}}}
        for ordinal in ordinals
    ]


def forecast(
    live: Any, after: Any, pods: Any, claims: Any, revision: str | None, *, recreated: bool = False
) -> Forecast:
    """The forecast of a change whose claims are as the templates."""
    return forecasts.forecast(live, after, pods, claims, revision, desired_claims(after), recreated=recreated)


def partitioned(partition: int) -> dict[str, Any]:
    """The field that holds instances back."""
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}}


def test_without_a_new_revision_no_pod_restarts() -> None:
    """Short, in one line."""
    predicted = forecast(stateful_set(), stateful_set(), pods(OLD, OLD, OLD), claims(0, 1, 2), OLD)
    assert forecast_message(predicted) == "no Pod restarts."
    assert set(predicted.instances.values()) == {InstanceOutcome.KEPT}
    assert set(predicted.claims.values()) == {ClaimOutcome.KEPT}


def test_a_new_revision_replaces_from_the_highest_ordinal_on() -> None:
    """With the reason."""
    predicted = forecast(stateful_set(), stateful_set("db:2"), pods(OLD, OLD, OLD), claims(0, 1, 2), None)
    assert forecast_lines(predicted) == ["db-2, db-1, db-0: replaced one after another (image)"]
    assert predicted.as_output() == {
        "set": "Updated",
        "instances": {"db-0": "Replaced", "db-1": "Replaced", "db-2": "Replaced"},
        "order": ["db-2", "db-1", "db-0"],
        "claims": {"data-db-0": "Kept", "data-db-1": "Kept", "data-db-2": "Kept"},
        "reasons": ["image"],
    }


@pytest.mark.parametrize(("limit", "said"), [(2, "2 at a time"), ("67%", "2 at a time"), ("1%", "one after another")])
def test_several_at_a_time(limit: Any, said: str) -> None:
    """A percentage is rounded down, to at least 1."""
    strategy: dict[str, Any] = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": limit}}}
    predicted = forecast(stateful_set(), stateful_set("db:2", **strategy), pods(OLD, OLD, OLD), claims(0, 1, 2), None)
    assert forecast_lines(predicted) == [f"db-2, db-1, db-0: replaced {said} (image)"]


def test_a_partition_holds_back() -> None:
    """Counted from the first ordinal."""
    after = stateful_set("db:2", **partitioned(2))
    assert forecast_lines(forecast(stateful_set(), after, pods(OLD, OLD, OLD), claims(0, 1, 2), None)) == [
        "db-2: replaced (image)",
        "db-0, db-1: not updated (held back by the partition) (image)",
    ]


def test_a_roll_back_leaves_those_that_run_the_revision() -> None:
    """After a canary step: the earlier revision is used again, so that one Pod is replaced."""
    predicted = forecast(
        stateful_set("db:2", **partitioned(2)), stateful_set("db:1"), pods(OLD, OLD, NEW), claims(0, 1, 2), OLD
    )
    assert predicted.order == ["db-2"]


def test_on_delete_waits_for_the_user() -> None:
    """No Pod is replaced by the change."""
    after = stateful_set("db:2", updateStrategy={"type": "OnDelete"})
    predicted = forecast(stateful_set(), after, pods(OLD, OLD, OLD), claims(0, 1, 2), None)
    assert forecast_lines(predicted) == [
        "db-0, db-1, db-2: replaced when you delete the Pods (OnDelete) (image)",
        "no Pod restarts",
    ]


def test_scaling_adds_and_removes() -> None:
    """Claims are created, used again, left behind, or deleted on request."""
    up = forecast(stateful_set(), stateful_set(replicas=5), pods(OLD, OLD, OLD), claims(0, 1, 2, 3), OLD)
    assert forecast_lines(up) == ["db-3, db-4: added", "no Pod restarts"]
    assert (up.claims["data-db-3"], up.claims["data-db-4"]) == (ClaimOutcome.KEPT, ClaimOutcome.CREATED)
    down = forecast(stateful_set(), stateful_set(replicas=1), pods(OLD, OLD, OLD), claims(0, 1, 2), OLD)
    assert forecast_lines(down) == [
        "db-1, db-2: removed",
        "data-db-1, data-db-2: kept with the data, and used by no instance",
    ]
    deleting = stateful_set(replicas=1, persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"})
    assert forecast_lines(forecast(stateful_set(), deleting, pods(OLD, OLD, OLD), claims(0, 1, 2), OLD)) == [
        "db-1, db-2: removed",
        "data-db-1, data-db-2: deleted with the data (when_scaled: Delete)",
    ]


def test_volumes_grow_in_place() -> None:
    """Those that are large enough are left alone."""
    after = stateful_set()
    after["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "2Gi"
    existing = [*claims(0, 1), *claims(2, size="3Gi")]
    assert forecast_lines(forecast(stateful_set(), after, pods(OLD, OLD, OLD), existing, OLD)) == [
        "data-db-0, data-db-1: expanded from 1Gi to 2Gi; no Pod restarts for it",
        "no Pod restarts",
    ]


def with_logs(**spec: Any) -> dict[str, Any]:
    """The StatefulSet with one more volume, and what its container mounts."""
    after = stateful_set(**spec)
    logs = {"metadata": {"name": "logs"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    after["spec"]["volumeClaimTemplates"] = [*after["spec"]["volumeClaimTemplates"], logs]
    after["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "logs", "mountPath": "/logs"}]
    return after


def test_an_added_volume_replaces_from_the_lowest_ordinal_on() -> None:
    """The StatefulSet is recreated for it."""
    predicted = forecast(stateful_set(), with_logs(), pods(OLD, OLD, OLD), claims(0, 1, 2), None, recreated=True)
    assert forecast_lines(predicted) == [
        "the StatefulSet object is recreated; its Pods keep running",
        "db-0, db-1, db-2: replaced one after another (volumeMounts)",
    ]
    assert held_back_refusals(predicted, adopting=False) == []


@pytest.mark.parametrize("held", [partitioned(1), {"updateStrategy": {"type": "OnDelete"}}])
def test_a_volume_is_not_added_to_what_is_held_back(held: dict[str, Any]) -> None:
    """It would replace the Pods that the user holds back."""
    predicted = forecast(stateful_set(), with_logs(**held), pods(OLD, OLD, OLD), claims(0, 1, 2), None, recreated=True)
    [refusal] = held_back_refusals(predicted, adopting=False)
    assert refusal.startswith("adding a volume replaces every Pod, also db-0")


@pytest.mark.parametrize(("image", "revision"), [("db:1", NEW), ("db:3", None)])
def test_a_set_is_not_recreated_while_something_is_held_back(image: str, revision: str | None) -> None:
    """A new StatefulSet has no earlier revision to come back with. Adopting is another matter: it begins that way."""
    after = stateful_set(image, podManagementPolicy="Parallel", **partitioned(2))
    predicted = forecast(stateful_set(), after, pods(OLD, OLD, NEW), claims(0, 1, 2), revision, recreated=True)
    [refusal] = held_back_refusals(predicted, adopting=False)
    assert "while db-0, db-1 would be held back" in refusal
    assert held_back_refusals(predicted, adopting=True) == []


@pytest.mark.parametrize(("image", "refused"), [("db:1", False), ("db:3", True)])
def test_what_takes_no_steps_is_refused_with_a_rollout(image: str, refused: bool) -> None:
    """A StatefulSet that is recreated takes no steps: that is no matter where no Pod is replaced."""
    after = stateful_set(image, podManagementPolicy="Parallel")
    revision = None if refused else NEW
    predicted = forecast(stateful_set(), after, pods(NEW, NEW, NEW), claims(0, 1, 2), revision, recreated=True)
    refusals = held_back_refusals(predicted, adopting=False, in_steps=True)
    assert ["cannot be recreated in steps" in each for each in refusals] == ([True] if refused else [])


def test_many_are_counted() -> None:
    """Ten are named."""
    names = [f"db-{ordinal}" for ordinal in range(12)]
    predicted = Forecast("Updated", dict.fromkeys(names, InstanceOutcome.REPLACED), {}, order=names)  # type: ignore[arg-type]
    assert forecast_lines(predicted) == [f"{', '.join(names[:10])} and 2 more: replaced one after another"]


def with_secret(name: str, key: str) -> dict[str, Any]:
    variable = {"name": "P", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}
    return {"spec": {"containers": [{"name": "app", "env": [variable]}]}}


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({}, {}, []),
        ({"metadata": {"annotations": {"a": "1"}}}, {}, ["annotations"]),
        (with_secret(f"rg-env-{'1' * 24}", "P"), with_secret(f"rg-env-{'2' * 24}", "P"), ["secret_env"]),
        (with_secret("rg-env", "P.1"), with_secret(f"rg-env-{'2' * 24}", "P"), ["secret_env"]),
        (with_secret("other", "1"), with_secret("other", "2"), ["env"]),
        ({}, {"metadata": {"labels": {"a": "1"}}}, ["labels"]),
        ({"spec": {"nodeSelector": {"a": "b"}}}, {"spec": {"nodeSelector": {"a": "c"}}}, ["nodeSelector"]),
        ({"spec": {"containers": [{"name": "log", "image": "1"}]}}, {}, ["log: image", "log: name"]),
        (
            {"spec": {"containers": [{"name": "a"}, {"name": "b"}]}},
            {"spec": {"containers": [{"name": "b"}, {"name": "a"}]}},
            ["order of containers"],
        ),
    ],
)
def test_changes_of_the_template_are_named(before: Any, after: Any, changes: list[str]) -> None:
    """By the fields' names, those of another container after its own."""
    sets = ({"metadata": {"name": "rg"}, "spec": {"template": {"spec": {}, **each}}} for each in (before, after))
    assert pod_template_changes(*sets) == changes
