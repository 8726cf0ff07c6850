"""Claims that are restored: which are created, which are replaced, and what is refused."""

import json
from typing import Any

import pytest
from pulumi_stateful_service.live.before.forecast import ClaimOutcome, Forecast, InstanceOutcome, StatefulSetOutcome
from pulumi_stateful_service.live.before.forecast_text import forecast_lines
from pulumi_stateful_service.live.before.refusals.restore import (
    claims_to_replace,
    claims_to_restore,
    restore_refusals,
    restored_claim_messages,
    snapshot_of,
    snapshot_refusals,
)

RESTORED = "pulumi-stateful-service/restored-from"
OTHER = {"dataSource": {"kind": "PersistentVolumeClaim", "name": "a"}}


def restored(name: str, source: Any, size: str = "1Gi") -> dict[str, Any]:
    note = json.dumps(source, sort_keys=True)
    resources = {"requests": {"storage": size}}
    return {"metadata": {"name": name, "annotations": {RESTORED: note}}, "spec": {"resources": resources}}


def live(source: Any = None) -> dict[str, Any]:
    annotations = {RESTORED: json.dumps(source, sort_keys=True)} if source else {}
    return {"metadata": {"name": "data-db-0", "annotations": annotations}, "spec": {"volumeName": "pv-1"}}


FROM_SNAPSHOT = restored("data-db-0", {"snapshot": "monday"})


def test_a_claim_with_other_data_is_replaced_by_a_snapshot_alone() -> None:
    """Any other source is refused."""
    existing = {"data-db-0": live()}
    assert claims_to_replace([FROM_SNAPSHOT], existing) == [existing["data-db-0"]]
    assert restore_refusals([FROM_SNAPSHOT], existing) == []
    other = restored("data-db-0", OTHER)
    assert claims_to_replace([other], existing) == []
    assert "data-db-0 already exists, so it cannot be restored" in restore_refusals([other], existing)[0]


def test_a_claim_that_was_made_from_it_stays() -> None:
    """So that the argument can stay; from another snapshot it is replaced again."""
    assert claims_to_replace([FROM_SNAPSHOT], {"data-db-0": live({"snapshot": "monday"})}) == []
    assert len(claims_to_replace([FROM_SNAPSHOT], {"data-db-0": live({"snapshot": "sunday"})})) == 1


def test_a_claim_that_is_not_there_is_created() -> None:
    """Whatever its source."""
    assert claims_to_restore([FROM_SNAPSHOT], {}) == [FROM_SNAPSHOT]
    assert claims_to_replace([FROM_SNAPSHOT], {}) == []
    assert snapshot_of(restored("a", OTHER)) is None
    assert snapshot_of(FROM_SNAPSHOT) == "monday"


@pytest.mark.parametrize(
    ("snapshot", "why"),
    [
        (None, "it does not exist in this namespace"),
        ({}, "it is not ready to use"),
        ({"status": {"readyToUse": False}}, "it is not ready to use"),
        (
            {"status": {"readyToUse": True, "restoreSize": "2Gi"}},
            "its volume was larger (2Gi) than the claim's size (1Gi)",
        ),
    ],
)
def test_what_cannot_be_restored_stops_nothing(snapshot: Any, why: str) -> None:
    """The message names claim, snapshot and reason."""
    [refusal] = snapshot_refusals([FROM_SNAPSHOT], {"monday": snapshot})
    assert f"data-db-0 cannot be restored from VolumeSnapshot 'monday': {why}" in refusal
    assert refusal.endswith("docs/volumes.md#restore).")
    assert "Nothing was stopped" in refusal


def test_a_snapshot_that_fits_is_restored() -> None:
    """Also where its size is not known."""
    for status in ({"readyToUse": True}, {"readyToUse": True, "restoreSize": "1Gi"}):
        assert snapshot_refusals([FROM_SNAPSHOT], {"monday": {"status": status}}) == []


def test_what_becomes_of_the_volume_is_said() -> None:
    """It is named."""
    created = restored("data-db-1", OTHER)
    first, second = restored_claim_messages([created, FROM_SNAPSHOT], [live()])
    assert first == f"PersistentVolumeClaim data-db-1 is created from {created['metadata']['annotations'][RESTORED]}."
    assert second == (
        "PersistentVolumeClaim data-db-0 is replaced by one from VolumeSnapshot monday, and its instance is stopped "
        "for it; its volume pv-1 is kept, with the data of now."
    )


def test_the_forecast_has_the_instances_that_are_stopped() -> None:
    """First in the order; held back or not."""
    forecast = Forecast(
        StatefulSetOutcome.RECREATED,
        {"db-0": InstanceOutcome.KEPT, "db-1": InstanceOutcome.REPLACED, "db-10": InstanceOutcome.KEPT},
        {"data-db-0": ClaimOutcome.KEPT, "data-db-1": ClaimOutcome.KEPT},
        order=["db-1"],
        held_back=["db-0", "db-10"],
    )
    assert forecast.with_restored(["data-db-0", "data-db-10"]).at_a_time == 2
    forecast = forecast.with_restored(["data-db-0"])
    assert forecast.order == ["db-0", "db-1"]
    assert forecast.held_back == ["db-10"]
    assert forecast.instances["db-0"] is InstanceOutcome.REPLACED
    assert forecast.instances["db-10"] is InstanceOutcome.KEPT
    assert forecast.as_output()["claims"] == {"data-db-0": "Restored", "data-db-1": "Kept"}
    assert (
        "data-db-0: deleted, and created again from a VolumeSnapshot; its volume is kept (restore)"
        in forecast_lines(forecast)
    )
