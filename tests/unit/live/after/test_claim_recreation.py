"""Claims that are recreated: no volume goes that was to be kept."""

import asyncio
from typing import Any, cast

import pytest
from pulumi_stateful_service import RolloutError
from pulumi_stateful_service.live.after.claim_recreation import recreate_claims_of
from pulumi_stateful_service.live.after.target import RolloutTarget
from pulumi_stateful_service.live.client.errors import ForbiddenError


class Cluster:
    """Credentials that may neither read nor change volumes; what is deleted is noted."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    async def get(self, *_: object) -> None:
        raise ForbiddenError("no right to get persistentvolumes")

    async def patch(self, *_: object, **__: object) -> None:
        raise ForbiddenError("no right to patch persistentvolumes")

    async def delete(self, _: str, __: str, name: str, **___: object) -> None:
        self.deleted.append(name)


def test_no_claim_is_deleted_whose_volume_cannot_be_kept() -> None:
    """Without the right to set the volume's policy, the error says so, and nothing is deleted."""
    cluster = Cluster()
    claims: list[Any] = [{"metadata": {"name": "data-rg-0", "uid": "1"}, "spec": {"volumeName": "pv"}}]
    target = RolloutTarget("P", "db", "rg", "1", 1, {}, {}, None, 60, 60)
    recreated = recreate_claims_of(cast("Any", cluster), {}, 0, claims, "Retain", target, cast("Any", None))
    with pytest.raises(RolloutError, match=r"data-rg-0 is not deleted.*Nothing was deleted"):
        asyncio.run(recreated)
    assert cluster.deleted == []
