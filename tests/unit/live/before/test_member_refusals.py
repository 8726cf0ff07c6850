"""What would make a member join wrongly is refused."""

from typing import Any

import pytest
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.forecast import ClaimOutcome, Forecast, InstanceOutcome, StatefulSetOutcome
from pulumi_stateful_service.live.before.refusals.members import member_refusals
from pulumi_stateful_service.live.state.member_changes import MemberNotes, MemberPlan

NOTHING = MemberNotes()


def live(replicas: int, start: int = 0) -> dict[str, Any]:
    """A StatefulSet with so many instances."""
    template = {"metadata": {"name": "data"}, "spec": {}}
    return {
        "metadata": {"name": "rg", "namespace": "db"},
        "spec": {"replicas": replicas, "ordinals": {"start": start}, "volumeClaimTemplates": [template]},
    }


def change(desired: dict[str, Any], *, reuse_claims: bool = False, restored: str | None = None) -> Change:
    """A change to this StatefulSet."""
    return Change(
        prefix="",
        component_labels=[],
        namespace="db",
        stateful_set=desired,
        governing_service={},
        disruption_budget=None,
        recreate_keeping_pods=False,
        adopt=False,
        autoscaled=False,
        members=MemberPlan(desired["spec"]["replicas"], "svc", "cluster.local", reuse_claims=reuse_claims),
        restored_claims=[{"metadata": {"name": restored}}] if restored else [],
    )


FORECAST = Forecast(
    StatefulSetOutcome.UPDATED,
    {"rg-0": InstanceOutcome.KEPT, "rg-1": InstanceOutcome.ADDED, "rg-2": InstanceOutcome.ADDED},
    {"data-rg-0": ClaimOutcome.KEPT, "data-rg-1": ClaimOutcome.EXPANDED, "data-rg-2": ClaimOutcome.CREATED},
)


class TestRefusals:
    """What would make a member join wrongly."""

    def test_the_claim_of_a_member_that_left(self) -> None:
        """It is named, whatever else happens to it."""
        [refusal] = member_refusals(change(live(3)), live(1), NOTHING, FORECAST)
        assert "rg-1, rg-2 would join with the data of an earlier member: data-rg-1 exists." in refusal
        assert "kubectl --namespace db delete pvc data-rg-1." in refusal

    def test_data_that_are_wanted(self) -> None:
        """On request, and where the program restores them."""
        assert not member_refusals(change(live(3), reuse_claims=True), live(1), NOTHING, FORECAST)
        assert not member_refusals(change(live(3), restored="data-rg-1"), live(1), NOTHING, FORECAST)

    def test_instances_that_are_members(self) -> None:
        """They were stopped, or an earlier ``up`` has created them: they start with the data that they have."""
        assert not member_refusals(change(live(3)), live(0), MemberNotes(3), FORECAST)
        assert not member_refusals(change(live(3)), live(3), MemberNotes(1), FORECAST)

    def test_another_first_ordinal(self) -> None:
        """Members are counted from the first."""
        [refusal] = member_refusals(change(live(3, start=1)), live(3), NOTHING, FORECAST)
        assert refusal.startswith("ordinals.start cannot be changed from 0 to 1 with members")

    @pytest.mark.parametrize(
        ("policy", "replicas", "is_refused"),
        [("Delete", 0, True), ("Retain", 0, False), (None, 0, False), ("Delete", 1, False)],
    )
    def test_a_stop_that_would_delete_claims(self, policy: str | None, replicas: int, is_refused: bool) -> None:
        """Stopped is not left. What is sent together with the stop counts, as for Kubernetes."""
        desired = live(replicas)
        if policy is not None:
            desired["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenScaled": policy}
        deleted = Forecast(StatefulSetOutcome.UPDATED, {}, {"data-rg-0": ClaimOutcome.DELETED})
        refusals = member_refusals(change(desired, reuse_claims=True), live(2), MemberNotes(2), deleted)
        assert bool(refusals) == is_refused
        assert not refusals or "would delete data-rg-0 and the data. Set when_scaled to 'Retain'" in refusals[0]
        assert not member_refusals(change(desired, reuse_claims=True), live(0), MemberNotes(2), deleted)
