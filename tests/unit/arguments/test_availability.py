"""How many instances must stay, and how that fits with how many are taken away: arithmetic with its message."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_stateful_service import ArgumentError
from pulumi_stateful_service.foundation.quorum import max_unavailable_count, min_available_count
from pulumi_stateful_service.testing import Deployment

Chapter = Callable[..., Deployment]


def warnings(deployed: Deployment) -> list[str]:
    return [text for severity, text in deployed.log if severity == "warning"]


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"quorum": True, "replicas": 3}, 2),
        ({"quorum": True, "replicas": 4}, 3),
        ({"quorum": True, "replicas": lambda: pulumi.Output.from_input(5)}, 3),
        ({"quorum": True, "autoscaled": True}, "51%"),
        ({"min_available": 1, "replicas": 2}, 1),
        ({"min_available": "60%", "replicas": 5}, "60%"),
    ],
)
def test_p14_the_budget(chapter: Chapter, changes: Any, kept: Any) -> None:
    """The instances that must stay are kept by a budget, which never protects one that is broken."""
    budget = chapter(**changes).one("PodDisruptionBudget", "rg").spec
    assert budget == {
        "minAvailable": kept,
        "selector": {"matchLabels": {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"}},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


@pytest.mark.parametrize("limit", [0, 1, "30%"])
def test_p14_the_budget_by_what_can_be_unavailable(chapter: Chapter, limit: int | str) -> None:
    """It follows the number of instances, and an update may take more away."""
    budget = chapter(disruption_budget={"max_unavailable": limit}, replicas=1, max_unavailable=2)
    assert budget.one("PodDisruptionBudget", "rg").spec == {
        "maxUnavailable": limit,
        "selector": {"matchLabels": {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"}},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


@pytest.mark.parametrize("changes", [{}, {"quorum": False}])
def test_p14_no_budget_unless_asked_for(chapter: Chapter, changes: Any) -> None:
    """Without a number to keep there is none."""
    assert not chapter(**changes).all("PodDisruptionBudget")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_available": 4, "replicas": 3}, "min_available is 4; it must be at most replicas, which is 3"),
        ({"min_available": 0}, "min_available is 0; it must be a whole number from 1"),
        ({"min_available": 1, "quorum": True}, "quorum and min_available are mutually exclusive"),
        (
            {"min_available": 1, "disruption_budget": {"max_unavailable": 1}},
            "min_available and disruption_budget are mutually exclusive",
        ),
        (
            {"quorum": True, "disruption_budget": {"max_unavailable": 1}},
            "quorum and disruption_budget are mutually exclusive",
        ),
        (
            {"disruption_budget": {"max_unavailable": -1}},
            "disruption_budget.max_unavailable is -1; it must be a whole number from 0, or a percentage",
        ),
        (
            {"quorum": True, "replicas": 5, "max_unavailable": 3},
            "max_unavailable=3 would leave 2 of 5 instances during an update, but quorum requires 3",
        ),
        (
            {"min_available": "60%", "replicas": 5, "max_unavailable": "70%"},
            "would leave 2 of 5 instances during an update, but min_available requires 3 (60%). Use at most 2",
        ),
    ],
)
@pytest.mark.parametrize("known_later", [False, True])
def test_p14_numbers_that_cannot_be(chapter: Chapter, changes: Any, message: str, known_later: bool) -> None:
    """More than there are can't stay, and an update must not take away too many; also where Outputs say so."""
    if known_later and (replicas := changes.get("replicas")):
        changes = {**changes, "replicas": lambda: pulumi.Output.from_input(replicas)}
    with pytest.raises(ArgumentError) as refused:
        chapter(**changes)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quorum": True, "replicas": 2}, "quorum requires 2 of 2, so no instance can be evicted"),
        ({"quorum": True, "replicas": 1}, "quorum requires 1 of 1, so no instance can be evicted"),
        ({"min_available": 3, "replicas": 3}, "min_available requires 3, so no instance can be evicted"),
        ({"quorum": True, "replicas": 3, "canary": 2}, "2 of 3 instances are updated and 1 keep the old revision"),
        (
            {"quorum": True, "replicas": 3, "partition": 6, "ordinals": {"start": 5}},
            "if the new revision fails, too few are left",
        ),
    ],
)
def test_p14_what_has_a_price_is_said(chapter: Chapter, changes: Any, message: str) -> None:
    """A quorum that spares nobody, and a step that leaves the old version without one, are warned about."""
    [warning] = warnings(chapter(**changes))
    assert message in warning


@pytest.mark.parametrize(
    "changes",
    [
        {"quorum": True, "replicas": 3},
        {"quorum": True, "replicas": 0},
        {"quorum": True, "replicas": 3, "canary": 1},
        {"quorum": True, "replicas": 3, "canary": 3},
        {"quorum": True, "replicas": 5, "max_unavailable": 2},
        {"min_available": 2, "replicas": 3, "partition": 2},
    ],
)
def test_p14_what_fits_is_silent(chapter: Chapter, changes: Any) -> None:
    """Nothing is said of numbers that fit together."""
    assert warnings(chapter(**changes)) == []


def test_p14_a_percentage_is_rounded_as_kubernetes_does(chapter: Chapter) -> None:
    """Half of five is two for an update, and three for a budget (cases F9)."""
    made = chapter(quorum=True, replicas=5, max_unavailable="50%")
    assert made.stateful_set().spec["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == "50%"
    assert max_unavailable_count("50%", 5) == 2
    assert max_unavailable_count("10%", 5) == 1
    assert min_available_count("50%", 5) == 3
