"""Claims that are replaced: volumes are kept first; then the StatefulSet, the Pods and the claims go."""

import asyncio
from typing import Any, cast

import pytest
from pulumi_stateful_service import RefusedError
from pulumi_stateful_service.live.after import claim_removal as module
from pulumi_stateful_service.live.after.claim_removal import remove_claims
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError

LIVE = {"metadata": {"name": "db", "namespace": "prod", "uid": "s"}}
CLAIM: dict[str, Any] = {"metadata": {"name": "data-db-1", "uid": "c"}, "spec": {"volumeName": "pv-1"}}


def pod(ordinal: int) -> dict[str, Any]:
    volumes = [{"persistentVolumeClaim": {"claimName": f"data-db-{ordinal}"}}, {"emptyDir": {}}]
    return {"metadata": {"name": f"db-{ordinal}", "uid": f"p{ordinal}"}, "spec": {"volumes": volumes}}


class Cluster:
    """What is done is noted; a claim stays for so many looks."""

    def __init__(self, policy: Any = "Delete", error: ClusterError | None = None, looks: float = 2) -> None:
        self.policy, self.error, self.looks = policy, error, looks
        self.done: list[str] = []

    async def get(self, kind: str, _: str | None, name: str) -> Any:
        if kind == "PersistentVolume":
            return {"spec": {"persistentVolumeReclaimPolicy": self.policy}}
        assert (kind, name) == ("PersistentVolumeClaim", "data-db-1")
        self.looks -= 1
        return {**CLAIM, "metadata": {**CLAIM["metadata"], "uid": "c" if self.looks > 0 else "new"}}

    async def patch(self, kind: str, _: str | None, name: str, patch: Any, *, action: Action, **__: Any) -> None:
        action.require("patch", kind)
        if self.error:
            raise self.error
        self.done.append(f"{name} {patch['spec']['persistentVolumeReclaimPolicy']}")

    async def delete_orphaning(self, _: str, name: str, uid: str) -> None:
        self.done.append(f"set {name} {uid}")

    async def list(self, *_: Any, labels: Any) -> Any:
        assert labels == {"app": "db"}
        return [pod(0), pod(1)]

    async def delete(self, kind: str, _: str, name: str, *, action: Action, uid: str) -> None:
        action.require("delete", kind)
        self.done.append(f"{kind} {name} {uid}")


def remove(cluster: Cluster, live: Any = LIVE, claim: Any = CLAIM) -> None:
    removed = remove_claims(cast("Any", cluster), "P", ("prod", "db"), {"app": "db"}, live, [claim])
    asyncio.run(removed)


STOPPED = ["Pod db-1 p1", "PersistentVolumeClaim data-db-1 c"]


def test_the_volume_is_kept_before_anything_stops() -> None:
    """Then there is no StatefulSet that would create the claim empty; other Pods run on."""
    cluster = Cluster()
    remove(cluster)
    assert cluster.done == ["pv-1 Retain", "set db s", *STOPPED]


def test_it_is_continued_without_the_statefulset() -> None:
    """After a kill; a volume that is kept already is not changed, and a claim without one has nothing to keep."""
    cluster = Cluster(policy="Retain")
    remove(cluster, live=None)
    assert cluster.done == STOPPED
    cluster = Cluster()
    remove(cluster, live=None, claim={**CLAIM, "spec": {}})
    assert cluster.done == STOPPED
    cluster = Cluster(error=ClusterError("not found", status=404))
    remove(cluster, live=None)
    assert cluster.done == STOPPED


def test_nothing_is_stopped_where_a_volume_cannot_be_kept() -> None:
    """The message says so, with the claim, the volume and the right."""
    cluster = Cluster(error=ForbiddenError("no right to patch persistentvolumes", status=403))
    with pytest.raises(
        RefusedError, match=r"data-db-1 is not deleted.*pv-1 cannot be set: no right.*Nothing was stopped"
    ):
        remove(cluster)
    assert cluster.done == []


def test_a_claim_that_stays_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else uses it; nothing is lost."""
    monkeypatch.setattr(module, "_MORE", -100)
    monkeypatch.setattr(module, "_PAUSE", 0)
    with pytest.raises(RefusedError, match="data-db-1 was deleted to be restored, and is still there"):
        remove(Cluster(looks=float("inf")))
