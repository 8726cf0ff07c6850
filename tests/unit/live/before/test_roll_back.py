"""The snapshots before the last rollout: which are chosen, when not again, and what is refused."""

import asyncio
import json
from dataclasses import replace
from typing import Any, cast

import pytest
from pulumi_stateful_service import RefusedError
from pulumi_stateful_service.foundation.outputs import UNKNOWN
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.roll_back import LastRollout, choose, last_rollout, with_chosen_snapshots
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.pod_templates import read_revisions

RESTORED = "pulumi-stateful-service/restored-from"
WORD = json.dumps({"snapshot": "BeforeLastRollout"})
ROLLOUT = LastRollout("db-old", "db-new")
REVISIONS = [{"metadata": {"name": "db-new"}, "revision": 3}, {"metadata": {"name": "db-old"}, "revision": 2}]


def to_restore(name: str, note: str = WORD) -> dict[str, Any]:
    source = {"kind": "VolumeSnapshot", "name": json.loads(note)["snapshot"]}
    return {"metadata": {"name": name, "annotations": {RESTORED: note}}, "spec": {"dataSource": source}}


def stateful_set(**notes: str) -> dict[str, Any]:
    annotations = {RESTORED: json.dumps(notes)} if notes else {}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "db"}}}
    return {"metadata": {"name": "db", "namespace": "prod", "annotations": annotations}, "spec": spec}


CHANGE = Change(
    "P", ["ours"], "prod", stateful_set(), {}, None, recreate_keeping_pods=False, adopt=False, autoscaled=False
)


def snapshot(
    claim: str, minute: int, revision: str = "db-old", before: str = "Rollout", change: str = "a", **status: Any
) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"{claim}-{minute}",
            "creationTimestamp": f"2026-11-29T17:{minute:02}:00Z",
            "labels": {"pulumi-stateful-service/change": change},
            "annotations": {"pulumi-stateful-service/snapshot": json.dumps({"before": before, "revision": revision})},
        },
        "spec": {"source": {"persistentVolumeClaimName": claim}},
        "status": {"readyToUse": True} | status,
    }


class Cluster:
    """A cluster with these snapshots; None where it does not know the kind."""

    default_namespace = "default"

    def __init__(self, snapshots: Any = (), revisions: Any = REVISIONS) -> None:
        self.snapshots, self.revisions = snapshots, revisions

    async def list(self, kind: str, namespace: str, *, labels: Any) -> Any:
        assert namespace == "prod"
        if kind == "ControllerRevision":
            assert labels == {"app": "db"}
            return self.revisions
        assert labels["pulumi-stateful-service/snapshot-of"] == "db"
        if self.snapshots is None:
            raise ClusterError("not found", status=404)
        return self.snapshots


def chosen(cluster: Cluster, *restored: Any, live: Any = None, change: Change = CHANGE) -> dict[str, str]:
    """From which snapshot each claim is restored."""
    wanted = replace(change, restored_claims=restored)
    after = asyncio.run(with_chosen_snapshots(cast("Any", cluster), wanted, live))
    for claim in after.restored_claims:
        note = json.loads(claim["metadata"]["annotations"][RESTORED])
        assert note == {"snapshot": claim["spec"]["dataSource"]["name"]}
    return {claim["metadata"]["name"]: claim["spec"]["dataSource"]["name"] for claim in after.restored_claims}


BOTH = [snapshot("data-db-0", 5), snapshot("data-db-1", 6)]


def test_one_instance_or_all() -> None:
    """Others are named, and stay as they are."""
    assert chosen(Cluster(BOTH), to_restore("data-db-1")) == {"data-db-1": "data-db-1-6"}
    assert chosen(Cluster(BOTH), to_restore("data-db-*")) == {"data-db-0": "data-db-0-5", "data-db-1": "data-db-1-6"}
    named = to_restore("data-db-0", json.dumps({"snapshot": "monday"}))
    assert chosen(Cluster(BOTH), named, to_restore("data-db-1")) == {"data-db-0": "monday", "data-db-1": "data-db-1-6"}
    assert chosen(Cluster(None), named) == {"data-db-0": "monday"}


def test_the_newest_before_the_last_rollout() -> None:
    """None of another revision or change, none that is going, none that failed its test."""
    going, failed = snapshot("data-db-1", 9), snapshot("data-db-1", 8)
    going["metadata"]["deletionTimestamp"] = "2026-11-29T18:00:00Z"
    failed["metadata"]["annotations"]["pulumi-stateful-service/restore-test"] = "failed 2026-11-29T17:30:00Z"
    others = [snapshot("data-db-1", 20, "db-new"), snapshot("data-db-1", 19, before="ClaimChange"), going, failed]
    found = [*others, snapshot("data-db-1", 3), snapshot("data-db-1", 4), snapshot("data-db-1", 2)]
    assert choose(["data-db-1"], found, ROLLOUT) == {"data-db-1": "data-db-1-4"}
    unknown = snapshot("data-db-1", 5, before="its effect is not known")
    assert choose(["data-db-1"], [*found, unknown], ROLLOUT) == {"data-db-1": "data-db-1-5"}


def test_the_last_rollout() -> None:
    """To the revision with the highest number, from the one before; names do not tell."""
    assert last_rollout(REVISIONS) == ROLLOUT
    again = [*REVISIONS, {"metadata": {"name": "db-a"}, "revision": 10}]
    assert last_rollout(again) == LastRollout("db-new", "db-a")
    assert last_rollout(REVISIONS[:1]) is None


def test_what_was_carried_out_is_not_chosen_again() -> None:
    """The live StatefulSet has the word; once it was taken out, or for another instance, it is."""
    cluster = Cluster([])
    assert chosen(cluster, to_restore("data-db-*"), live=stateful_set(**{"data-db-*": WORD})) == {}
    one = to_restore("data-db-1")
    assert chosen(cluster, one, live=stateful_set(**{"data-db-1": WORD})) == {}
    for live in (
        stateful_set(),
        stateful_set(**{"data-db-0": WORD}),
        stateful_set(**{"data-db-1": '{"snapshot":"a"}'}),
    ):
        assert chosen(Cluster(BOTH), one, live=live) == {"data-db-1": "data-db-1-6"}
    damaged = stateful_set()
    damaged["metadata"]["annotations"][RESTORED] = "["
    assert chosen(Cluster(BOTH), one, live=damaged) == {"data-db-1": "data-db-1-6"}


def test_a_number_of_instances_that_is_not_known_yet() -> None:
    """In a preview: nothing is said of it."""
    spec = {**CHANGE.stateful_set["spec"], "replicas": UNKNOWN}
    change = replace(CHANGE, stateful_set={**CHANGE.stateful_set, "spec": spec})
    assert chosen(Cluster(BOTH), to_restore("data-db-*"), change=change) == {}


@pytest.mark.parametrize(
    ("snapshots", "why"),
    [
        (None, "none of data-db-0 was made before the rollout from revision db-old to db-new (there are: none)"),
        ([BOTH[1]], "none of data-db-0 was made before the rollout from revision db-old to db-new (there are: none)"),
        ([snapshot("data-db-0", 5, "db-older"), BOTH[1]], "(there are: data-db-0-5)"),
        (
            [*BOTH, snapshot("data-db-1", 7, readyToUse=False)],
            "data-db-1-7 of data-db-1, the newest before the rollout, is not ready to use",
        ),
        (
            [BOTH[0], snapshot("data-db-1", 6, change="b")],
            "data-db-0-5 and data-db-1-6 were made before different changes",
        ),
    ],
)
def test_what_is_refused(snapshots: Any, why: str) -> None:
    """The message says why, and what to do."""
    with pytest.raises(RefusedError) as error:
        chosen(Cluster(snapshots), to_restore("data-db-*"))
    assert "P: restore cannot take the VolumeSnapshots BeforeLastRollout: " in str(error.value)
    assert why in str(error.value)
    assert "Nothing was stopped. Name a snapshot for each claim, or take the item out of restore" in str(error.value)


def test_without_an_earlier_revision() -> None:
    """There was no rollout."""
    with pytest.raises(RefusedError, match="the StatefulSet has no earlier revision"):
        chosen(Cluster(BOTH, REVISIONS[:1]), to_restore("data-db-1"))


def test_of_one_instance_at_one_moment() -> None:
    """Snapshots of a group belong together, and none of another with them."""
    found = [snapshot("data-db-1", 5), snapshot("wal-db-1", 6)]
    for each in found:
        each["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = "db-1"
    assert isinstance(choose(["data-db-1", "wal-db-1"], found, ROLLOUT), dict)
    found[0]["metadata"]["ownerReferences"] = [{"kind": "VolumeGroupSnapshot", "name": "g", "uid": "g"}]
    assert choose(["data-db-1", "wal-db-1"], found, ROLLOUT) == (
        "data-db-1-5 and wal-db-1-6 are of one instance and were not made at one moment"
    )


def test_revisions_of_other_groups_are_no_rollout_of_this_one() -> None:
    """The StatefulSet that a group has kept selects the revisions of all groups."""
    other = {"metadata": {"name": "db-b-1", "labels": {"pulumi-stateful-service/group": "b"}}, "revision": 99}
    revisions = asyncio.run(
        read_revisions(cast("Any", Cluster(revisions=[*REVISIONS, other])), "prod", CHANGE.stateful_set)
    )
    assert revisions == list(REVISIONS)
