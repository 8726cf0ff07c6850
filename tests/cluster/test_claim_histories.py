"""P05: histories of sizes on a cluster, with quotas, killed ups and manual growth: some up always succeeds.

The same as ``tests/unit/live/state/test_claim_histories.py`` plays at volume against a model of the API server.
"""

import random
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from harness import CHAPTER, Service
from lightkube import ApiError, Client
from lightkube.models.core_v1 import ResourceQuotaSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import PersistentVolumeClaim, ResourceQuota
from pulumi_stateful_service.foundation.quantities import size_in_bytes

Make = Callable[..., Service]

MI = 1024**2
STEPS = 5


def in_bytes(claims: dict[str, Any], of: Callable[[Any], Any]) -> dict[str, int]:
    return {name: size_in_bytes(of(claim)["storage"]) for name, claim in claims.items() if of(claim)}


def capacities(rg: Service) -> dict[str, int]:
    """The size of each disk."""
    return in_bytes(rg.claims(), lambda claim: claim.status.capacity)


def uids(rg: Service) -> dict[str, str]:
    """The identity of each claim."""
    return {name: str(claim.metadata.uid) for name, claim in rg.claims().items()}


def up_for(rg: Service, seconds: float | None) -> None:
    """An ``up`` that may fail and is killed after this many seconds."""
    running = rg.start_up()
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        rg.kill(running)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 20))])
def test_p05_every_history_of_sizes_has_a_way_on(service: Make, client: Client, seed: int) -> None:
    """No claim is lost or ever below what it has; in the end an ``up`` with the largest size succeeds."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    rg = service(growth_timeout_seconds=8)
    rg.up()
    rg.set(rollout_timeout_seconds=8)
    for _step in range(STEPS):
        client.apply(
            ResourceQuota(
                metadata=ObjectMeta(name="disks", namespace=rg.namespace),
                spec=ResourceQuotaSpec(hard={"requests.storage": chance.choice(["50Mi", "90Mi", "10Gi"])}),
            ),
            field_manager="test",
            force=True,
        )
        if chance.random() < 0.3:
            name, size = chance.choice(sorted(rg.claims())), chance.choice([12, 22, 35])
            if size * MI > size_in_bytes(rg.claims()[name].spec.resources.requests["storage"]):
                grown = {"spec": {"resources": {"requests": {"storage": f"{size}Mi"}}}}
                with suppress(ApiError):  # the quota
                    client.patch(PersistentVolumeClaim, name, grown, namespace=rg.namespace)
        wanted = f"{chance.choice([5, 10, 15, 20, 30, 1024])}Mi"
        rg.set(replicas=chance.choice([1, 2, 3]), volumes=[{**CHAPTER["volumes"][0], "size": wanted}])
        before, had = uids(rg), capacities(rg)
        up_for(rg, chance.choice([None, None, chance.uniform(0.5, 4)]))
        assert before.items() <= uids(rg).items()
        now = capacities(rg)
        assert all(now[name] >= size for name, size in had.items())
        requested = in_bytes(rg.claims(), lambda claim: claim.spec.resources.requests)
        assert all(requested[name] >= size for name, size in now.items())
    client.delete(ResourceQuota, "disks", namespace=rg.namespace)
    largest = max(capacities(rg).values())
    rg.deploy(volumes=[{**CHAPTER["volumes"][0], "size": str(largest)}], rollout_timeout_seconds=None)
    used = {f"logs-rg-{ordinal}" for ordinal in range(rg.args["replicas"])}
    assert {name: size for name, size in capacities(rg).items() if name in used and size < largest} == {}
    rg.unchanged()
