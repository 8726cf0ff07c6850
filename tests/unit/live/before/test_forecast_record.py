"""A forecast as programs read it, and how many instances stay ready."""

from dataclasses import replace
from typing import Any

import pytest
from pulumi.output import UNKNOWN
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.forecast import NO_CHANGE, ClaimOutcome, Forecast, InstanceOutcome, Resizes
from pulumi_stateful_service.live.before.forecast import StatefulSetOutcome as Set
from pulumi_stateful_service.live.before.forecast_record import record
from pulumi_stateful_service.live.state.field_managers import FieldChange
from pulumi_stateful_service.live.state.resize import PodResize, ResizeStep
from pulumi_stateful_service_report.record import State, decode, encode

CHANGE = Change(
    prefix="StatefulService 'db'",
    component_labels=["x"],
    namespace="prod",
    stateful_set={"metadata": {"name": "db", "namespace": "prod"}, "spec": {}},
    governing_service={},
    disruption_budget=None,
    recreate_keeping_pods=False,
    adopt=False,
    autoscaled=False,
)
QUORUM = replace(CHANGE, quorum=True)
KEPT, RESIZED, REPLACED, ADDED, REMOVED = InstanceOutcome


RESTARTING = Resizes({"db-0": PodResize(ResizeStep.RESIZE, restarts=["app"])})


def instances(*outcomes: InstanceOutcome, ready: int | None = None, **fields: Any) -> Forecast:
    """The forecast of these outcomes, with so many of the running instances ready (all, unless it is said)."""
    named = {f"db-{ordinal}": outcome for ordinal, outcome in enumerate(outcomes)}
    running = [name for name, outcome in named.items() if outcome is not ADDED]
    order = [name for name, outcome in named.items() if outcome is REPLACED]
    return Forecast(Set.UPDATED, named, {}, order=order[::-1], ready=running[:ready], **fields)


@pytest.mark.parametrize(
    ("forecast", "change", "numbers"),
    [
        (instances(REPLACED, REPLACED, REPLACED), QUORUM, (2, 3, 2)),
        (instances(REPLACED, REPLACED, REPLACED, at_a_time=2), QUORUM, (2, 3, 1)),
        (instances(KEPT, KEPT, REPLACED, at_a_time=2), QUORUM, (2, 3, 2)),
        # One of three is not ready already, and the update takes another one away.
        (instances(REPLACED, REPLACED, REPLACED, ready=2), QUORUM, (2, 2, 1)),
        # The one that is not ready is the one that is replaced.
        (instances(KEPT, KEPT, REPLACED, ready=2), QUORUM, (2, 2, 2)),
        # The application still counts five members when three are gone.
        (instances(KEPT, KEPT, REMOVED, REMOVED, REMOVED), QUORUM, (3, 5, 2)),
        (instances(KEPT, KEPT, REMOVED, REMOVED, REMOVED, in_turn=True), QUORUM, (2, 5, 2)),
        (instances(KEPT, KEPT, REMOVED), QUORUM, (2, 3, 2)),
        (instances(REMOVED), QUORUM, (1, 1, 0)),
        (instances(KEPT, ADDED, ADDED), QUORUM, (2, 1, 1)),
        (instances(REPLACED, KEPT), replace(CHANGE, min_available=2), (2, 2, 1)),
        (instances(KEPT, REMOVED, REMOVED, REMOVED), replace(CHANGE, min_available="60%"), (1, 4, 1)),
        # A container that restarts when its resources change is not ready meanwhile; others are.
        (instances(RESIZED, KEPT, resizes=Resizes({"db-0": PodResize(ResizeStep.RESIZE)})), QUORUM, (2, 2, 2)),
        (instances(RESIZED, KEPT, resizes=RESTARTING), QUORUM, (2, 2, 1)),
        (instances(REPLACED), CHANGE, None),
    ],
)
def test_how_many_instances_stay_ready(
    forecast: Forecast, change: Change, numbers: tuple[int, int, int] | None
) -> None:
    """Required, ready now, and the fewest meanwhile; nothing where the program does not say how many it needs."""
    told = record(change, forecast, "", [])["availability"]
    assert (told and (told["required"], told["ready"], told["fewest"])) == numbers


def test_a_change_is_told_with_all_that_happens() -> None:
    """By the words of the output ``forecast``, and it is read as it was written."""
    forecast = Forecast(
        Set.UPDATED,
        {"db-0": KEPT, "db-1": REPLACED},
        {"data-db-0": ClaimOutcome.EXPANDED},
        order=["db-1"],
        held_back=["db-0"],
        reasons=["image"],
        sizes={"data-db-0": ("1Gi", "2Gi")},
    )
    told = record(CHANGE, forecast, "", [])
    assert told["state"] == State.CHANGED
    assert (told["namespace"], told["statefulSet"], told["set"]) == ("prod", "db", "Updated")
    assert (told["instances"], told["order"]) == ({"db-0": "Kept", "db-1": "Replaced"}, ["db-1"])
    assert (told["claims"], told["sizes"]) == ({"data-db-0": "Expanded"}, {"data-db-0": ("1Gi", "2Gi")})
    assert (told["heldBack"], told["reasons"], told["reason"]) == (["db-0"], ["image"], None)
    assert decode(encode(told)) == {**told, "sizes": {"data-db-0": ["1Gi", "2Gi"]}}


def test_no_change_is_said_of_what_was_read_alone() -> None:
    """Without a forecast it is unknown, with the reason; what nobody has read has no drift that is empty."""
    assert record(CHANGE, NO_CHANGE, "", [])["state"] == State.UNCHANGED
    told = record(CHANGE, None, "the cluster was not read", None)
    assert (told["state"], told["reason"], told["drift"]) == (State.UNKNOWN, "the cluster was not read", None)
    refused = record(CHANGE, None, "this deletes data", [], is_refused=True)
    assert (refused["state"], refused["reason"]) == (State.REFUSED, "this deletes data")


def test_what_others_have_changed_is_told_without_its_value() -> None:
    """Which may be a password."""
    path = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"app"}', "f:env")
    told = record(CHANGE, NO_CHANGE, "", [(FieldChange(path, "hunter2", "kubectl-edit"), True)])
    field = 'spec.template.spec.containers[name="app"].env'
    assert told["drift"] == [{"field": field, "manager": "kubectl-edit", "overwritten": False}]
    assert "hunter2" not in encode(told)


def test_a_name_that_is_not_known_is_left_out() -> None:
    """As in a preview in which the namespace is still to be made."""
    metadata = {"name": "db", "namespace": UNKNOWN}
    told = record(replace(CHANGE, stateful_set={"metadata": metadata, "spec": {}}), None, "why", None)
    assert (told["namespace"], told["statefulSet"]) == (None, "db")
    assert record(None, None, "why", None)["statefulSet"] is None
