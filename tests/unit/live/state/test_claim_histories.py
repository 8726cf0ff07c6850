"""P05: whatever sizes follow each other, and whatever fails in between, there is a way on and nothing shrinks.

A model of the API server and of a storage driver: a request is refused below the capacity, by a quota, or not carried
out. ``make fuzz`` plays thousands of histories.
"""

from dataclasses import dataclass, field
from typing import Any

import fuzzing
from hypothesis import given
from hypothesis import strategies as st
from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.foundation.quantities import size_in_bytes
from pulumi_stateful_service.live.state.claim_changes import DesiredClaim, claim_patch, shrink_refusals

MI = 1024**2
ORDINALS = range(3)


class ExceededQuotaError(Exception):
    """A request that the quota does not allow."""


@dataclass
class Claim:
    """A claim as the API server has it."""

    requested: int = 10 * MI
    capacity: int = 10 * MI
    manager: str = "kube-controller-manager"

    def as_object(self, ordinal: int) -> dict[str, Any]:
        owned: dict[str, Any] = {"f:spec": {"f:resources": {"f:requests": {"f:storage": {}}}}}
        return {
            "metadata": {
                "name": f"logs-rg-{ordinal}",
                "managedFields": [{"manager": self.manager, "operation": "Update", "fieldsV1": owned}],
            },
            "spec": {"resources": {"requests": {"storage": str(self.requested)}}},
            "status": {"phase": "Bound", "capacity": {"storage": str(self.capacity)}},
        }

    def request(self, size: int, manager: str, quota: int) -> None:
        """What the API server makes of a patch."""
        if size < self.requested and size <= self.capacity:
            raise AssertionError(f"{self} to {size}: spec.resources must not be less than status.capacity")
        if size > max(self.requested, quota):
            raise ExceededQuotaError
        if size != self.requested:
            self.requested, self.manager = size, manager


@dataclass
class Cluster:
    """A StatefulSet with a claim for each of its instances."""

    noted: int = 10 * MI
    claims: dict[int, Claim] = field(default_factory=lambda: {ordinal: Claim() for ordinal in ORDINALS})

    def up(self, size: int, *, quota: int, able: int, killed_after: int | None) -> bool:
        """``pulumi up`` with another size. The driver carries out what is at most ``able``. Whether it succeeds."""
        objects = [claim.as_object(ordinal) for ordinal, claim in self.claims.items()]
        if shrink_refusals({"logs": str(self.noted)}, {"logs": str(size)}, {"logs": objects}):
            return False
        self.noted = size
        for number, (ordinal, claim) in enumerate(self.claims.items()):
            if number == killed_after:
                return False
            patch = claim_patch(claim.as_object(ordinal), DesiredClaim(str(size)), None, "rg")
            if patch:
                try:
                    new = size_in_bytes(patch["spec"]["resources"]["requests"]["storage"])
                    claim.request(new, field_manager("rg"), quota)
                except ExceededQuotaError:
                    return False
            if claim.capacity < claim.requested <= able:
                claim.capacity = claim.requested
        return all(claim.capacity >= size for claim in self.claims.values())


SIZES = st.integers(5, 60).map(lambda size: size * MI)
STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "size": SIZES | st.just(100 * 1024**2 * MI),
            "quota": st.sampled_from([10 * MI, 30 * MI, 10**20]),
            "able": st.sampled_from([0, 25 * MI, 10**20]),
            "killed_after": st.none() | st.integers(0, 2),
            "by_hand": st.none() | st.tuples(st.sampled_from(ORDINALS), SIZES),
        }
    ),
    min_size=1,
    max_size=8,
)


@fuzzing.AT_VOLUME
@given(STEPS)
def test_every_history_of_sizes_has_a_way_on(steps: list[dict[str, Any]]) -> None:
    """No request is ever below what a claim has; and the last size that was carried out can always be set again."""
    cluster = Cluster()
    for step in steps:
        if step["by_hand"]:
            ordinal, size = step["by_hand"]
            claim = cluster.claims[ordinal]
            if size > claim.requested:
                claim.requested, claim.manager = size, "kubectl-patch"
        had = {ordinal: claim.capacity for ordinal, claim in cluster.claims.items()}
        cluster.up(step["size"], quota=step["quota"], able=step["able"], killed_after=step["killed_after"])
        for ordinal, claim in cluster.claims.items():
            assert claim.capacity >= had[ordinal]
            assert claim.requested >= claim.capacity
    way_on = max(claim.capacity for claim in cluster.claims.values())
    assert cluster.up(way_on, quota=10**20, able=10**20, killed_after=None)
