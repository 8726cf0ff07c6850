"""Following a change, against a cluster that plays a script: what the real one can't be made to do on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pulumi_stateful_service import RolloutError
from pulumi_stateful_service.live import rollout_wait
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError

ASKED = rollout_wait.RolloutTarget(
    where="StatefulService 'rg'",
    namespace="default",
    name="rg",
    uid="the-set",
    generation=1,
    sizes={"logs": "20Mi"},
    labels={},
    max_unavailable=None,
    timeout_seconds=1,
    growth_timeout_seconds=1,
)
SET = {
    "metadata": {"name": "rg", "namespace": "default", "uid": "the-set", "generation": 1},
    "spec": {"replicas": 1, "selector": {"matchLabels": {}}},
    "status": {
        "observedGeneration": 1,
        "replicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "currentRevision": "a",
        "updateRevision": "a",
    },
}
POD = {
    "metadata": {"name": "rg-0", "uid": "the-pod", "labels": {"controller-revision-hash": "a"}},
    "spec": {},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


class Script:
    """A cluster that answers as it is told, and notes what was asked of it."""

    users = 1

    def __init__(self, uid: str = "the-set", failures: int = 0, looks_until_bound: int = 0) -> None:
        self.asked: list[str] = []
        self.uid = uid
        self.failures = failures
        self.looks_until_bound = looks_until_bound
        self.size = "10Mi"

    async def get_stateful_set(self, *_: object) -> dict[str, Any]:
        self.asked.append("set")
        return {**SET, "metadata": {**SET["metadata"], "uid": self.uid}}

    async def list_pods(self, *_: object) -> list[dict[str, Any]]:
        self.asked.append("pods")
        return [POD]

    async def list_claims(self, *_: object) -> list[dict[str, Any]]:
        self.asked.append("claims")
        if self.failures:
            self.failures -= 1
            raise ClusterError("connection refused")
        bound = {"phase": "Bound", "capacity": {"storage": self.size}}
        status = {"phase": "Pending"} if self.looks_until_bound else bound
        self.looks_until_bound = max(0, self.looks_until_bound - 1)
        requests = {"requests": {"storage": self.size}}
        return [{"metadata": {"name": "logs-rg-0"}, "spec": {"resources": requests}, "status": status}]

    async def patch_claim_size(self, _: str, claim: str, size: str) -> None:
        self.asked.append(f"grow {claim}")
        if self.looks_until_bound:
            raise ClusterError("spec is immutable except for bound claims")
        self.size = size


def follow(script: Script, monkeypatch: pytest.MonkeyPatch) -> Any:
    @asynccontextmanager
    async def connected(_: Connection) -> AsyncIterator[Script]:
        yield script

    monkeypatch.setattr(rollout_wait, "connected", connected)
    monkeypatch.setattr(rollout_wait, "_LAST_LOOK", 0.01)
    resource: Any = None
    return asyncio.run(rollout_wait.wait_for_rollout(Connection(), ASKED, resource))


def test_nothing_is_done_to_another_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the set has another identity, this is not the provider's cluster: no claim is touched there."""
    script = Script(uid="somebody-elses")
    with pytest.raises(RolloutError, match="sees another cluster than the provider"):
        follow(script, monkeypatch)
    assert script.asked == ["set"]


def test_disks_grow_before_instances_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full may be what an instance waits for."""
    script = Script()
    assert follow(script, monkeypatch).done
    assert script.asked.index("grow logs-rg-0") < script.asked.index("pods")
    assert script.size == "20Mi"


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_a_claim_grows_once_it_has_its_volume(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """A claim of a new instance has the template's first size, and can't be changed before it is bound."""
    script = Script(looks_until_bound=looks)
    assert follow(script, monkeypatch).done
    assert script.asked.count("grow logs-rg-0") == 1
    assert script.size == "20Mi"


def test_an_api_server_that_is_away_for_a_while_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that fails is made again; a cluster that stays away is said in the end."""
    script = Script(failures=3)
    assert follow(script, monkeypatch).done
    with pytest.raises(ClusterError, match="connection refused"):
        follow(Script(failures=10**6), monkeypatch)
