"""Claims that differ from what new ones get, and those of them that the program recreates."""

import json
from typing import Any

import pytest
from pulumi_stateful_service.foundation.names import RECREATE_CLAIMS_ANNOTATION, RESTORED_ANNOTATION
from pulumi_stateful_service.live.state.claim_changes import DesiredClaim
from pulumi_stateful_service.live.state.outdated_claims import ClaimRecreation, claims_to_recreate, outdated_claims

WANTED = {"data": DesiredClaim("10Mi")}


def a_set(recreate: list[int] | None = None, replicas: int = 3, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "10Mi"}}, **spec}}
    note = {} if recreate is None else {"ordinals": recreate, "reclaimPolicy": "Retain"}
    annotations = {RECREATE_CLAIMS_ANNOTATION: json.dumps(note)} if note else {}
    return {
        "metadata": {"name": "rg", "annotations": annotations},
        "spec": {"replicas": replicas, "volumeClaimTemplates": [template]},
    }


def a_claim(ordinal: int = 0, size: str = "10Mi", capacity: str = "10Mi", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": f"data-rg-{ordinal}"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "volumeMode": "Filesystem",
            "storageClassName": "old",
            "resources": {"requests": {"storage": size}},
            **spec,
        },
        "status": {"phase": "Bound", "capacity": {"storage": capacity}},
    }


@pytest.mark.parametrize(
    ("spec", "claim", "expected"),
    [
        ({}, a_claim(), []),
        # Without a class in the template, a claim keeps what the default one was.
        ({"accessModes": ["ReadWriteOnce"]}, a_claim(), []),
        ({"storageClassName": "new"}, a_claim(), ["storage_class_name"]),
        ({"accessModes": ["ReadWriteOncePod"], "volumeMode": "Block"}, a_claim(), ["access_modes", "volume_mode"]),
        ({"dataSource": {"kind": "VolumeSnapshot", "name": "s"}}, a_claim(), ["data_source"]),
        ({}, a_claim(size="20Mi", capacity="20Mi"), ["size"]),
        # What was asked for and never had, and what a driver has rounded up, is no larger claim.
        ({}, a_claim(size="20Mi"), []),
        ({}, a_claim(capacity="1Gi"), []),
    ],
)
def test_a_claim_is_compared_with_what_new_ones_get(spec: Any, claim: Any, expected: list[str]) -> None:
    """Field by field, and by the size that it has and asks for."""
    assert outdated_claims(a_set(**spec), [claim], WANTED).get("data-rg-0", []) == expected


def test_a_restored_claim_has_a_source_of_its_own() -> None:
    """Another source than the templates' is what restore asked for."""
    claim = a_claim()
    claim["metadata"]["annotations"] = {RESTORED_ANNOTATION: "{}"}
    assert not outdated_claims(a_set(dataSource={"kind": "VolumeSnapshot", "name": "s"}), [claim], WANTED)


def test_chosen_claims_are_recreated_from_the_highest_ordinal() -> None:
    """Only outdated ones, and those that are being deleted already; nothing without the program's word."""
    claims = [a_claim(0), a_claim(1), a_claim(2, storageClassName="new")]
    live = a_set([2], storageClassName="new")
    assert not claims_to_recreate(live, claims, WANTED, ClaimRecreation())
    chosen = ClaimRecreation([0, 1, 2, 7])
    assert list(claims_to_recreate(live, claims, WANTED, chosen)) == [1, 0]
    claims[2]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert list(claims_to_recreate(live, claims, WANTED, chosen)) == [2, 1, 0]
