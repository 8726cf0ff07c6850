"""What becomes of claims by their owners and their deletion, as previews and refusals say it."""

from typing import Any

import pytest
from pulumi_stateful_service.live.before.refusals.claims import claim_warnings, ending_refusals
from pulumi_stateful_service.live.before.refusals.replacement import replacement_refusals
from pulumi_stateful_service.live.state.claim_owners import claims_to_release, owners_without

SET = {"kind": "StatefulSet", "name": "rg", "uid": "set"}
RETAIN: dict[str, Any] = {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}}


def a_set(when_deleted: str = "Retain") -> dict[str, Any]:
    policy = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": when_deleted}}
    return {"metadata": {"name": "rg", "namespace": "prod", "uid": "set"}, "spec": policy}


def a_claim(ordinal: int = 0, *owners: dict[str, str], phase: str = "Bound", **metadata: str) -> dict[str, Any]:
    named = {"name": f"data-rg-{ordinal}", **metadata}
    return {
        "metadata": {**named, **({"ownerReferences": list(owners)} if owners else {})},
        "spec": {"volumeName": f"pv-{ordinal}"},
        "status": {"phase": phase},
    }


def test_claims_that_simply_stay_are_not_worth_a_word() -> None:
    """Nor are owners that the policy asks for."""
    assert claim_warnings(a_set(), [a_claim()], RETAIN) == []
    assert claim_warnings(a_set("Delete"), [a_claim(0, SET)], a_set("Delete")) == []


def test_an_owner_under_retain_is_removed() -> None:
    """Whether the policy becomes Retain now, or was it before."""
    claims = [a_claim(0, SET), a_claim(1)]
    assert claims_to_release(a_set(), claims, RETAIN) == claims[:1]
    [later] = claim_warnings(a_set(), claims, RETAIN)
    assert later.startswith("PersistentVolumeClaim data-rg-0 has StatefulSet rg as owner")
    [now] = claim_warnings(a_set("Delete"), claims, RETAIN)
    assert now.startswith("when_deleted changes to Retain")
    other = {"kind": "Backup", "name": "b", "uid": "other"}
    assert owners_without(a_claim(0, SET, other), "set") == [other]


def test_claims_that_end_are_named() -> None:
    """Those that somebody has deleted, those without a volume, and those that go with something else."""
    deleted = a_claim(0, deletionTimestamp="2026-01-01T00:00:00Z")
    [ending] = claim_warnings(a_set(), [deleted], RETAIN)
    assert "data-rg-0 is being deleted (since 2026-01-01T00:00:00Z)" in ending
    [lost] = claim_warnings(a_set(), [a_claim(phase="Lost")], RETAIN)
    assert "data-rg-0 is Lost" in lost
    [other] = claim_warnings(a_set(), [a_claim(0, {"kind": "Backup", "name": "b", "uid": "x"})], RETAIN)
    assert "owned by Backup b" in other
    pod = {"kind": "Pod", "name": "rg-0", "uid": "pod"}
    assert claim_warnings(a_set(), [a_claim(0, pod)], RETAIN) == []
    foreign = {**pod, "name": "backup-0"}
    assert len(claim_warnings(a_set(), [a_claim(0, foreign)], RETAIN)) == 1


@pytest.mark.parametrize(
    ("removed", "retained", "is_refused"),
    [
        ([], [], True),
        ([], ["data-rg-1"], True),
        (["rg-1"], [], True),
        (["rg-1"], ["data-rg-1"], False),
    ],
)
def test_what_ends_a_claim_is_refused_unless_its_volume_stays(
    removed: list[str], retained: list[str], is_refused: bool
) -> None:
    """A replaced instance would start empty, even where the volume stays."""
    claims = [a_claim(1, deletionTimestamp="2026-01-01T00:00:00Z")]
    refusals = ending_refusals({"data-rg-1": "rg-1"}, removed, claims, retained)
    assert bool(refusals) == is_refused
    for refusal in refusals:
        assert "kubectl patch persistentvolume pv-1 " in refusal
        assert '"ordinal": 1' in refusal


def test_a_replacement_is_refused_by_owners_and_by_deletions() -> None:
    """Not by the policy alone: it says nothing of instances that were scaled away before it changed."""
    assert replacement_refusals(a_set(), [a_claim()]) == []
    [policy] = replacement_refusals(a_set("Delete"), [a_claim()])
    assert "patch statefulset rg" in policy
    [owned] = replacement_refusals(a_set(), [a_claim(0, SET), a_claim(1)])
    assert "PersistentVolumeClaim data-rg-0 and the data with it" in owned
    assert "patch persistentvolumeclaim data-rg-0 " in owned
    [deleted] = replacement_refusals(a_set(), [a_claim(0, deletionTimestamp="2026-01-01T00:00:00Z")])
    assert "data-rg-0, which somebody has deleted" in deleted
