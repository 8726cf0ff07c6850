"""Finds out from which VolumeSnapshots claims are restored where the program says when, and names none.

The word of the program is on the StatefulSet once it was carried out. As long as it is there nothing is chosen again:
the next rollout would have other snapshots before it, and every ``up`` after it would roll back once more.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import pairwise
from typing import Any

from pulumi_stateful_service.documentation import RESTORE
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import (
    ALL_ORDINALS,
    BEFORE_LAST_ROLLOUT,
    CHANGE_LABEL,
    COMPONENT_LABEL,
    POD_NAME_LABEL,
    RESTORED_ANNOTATION,
    SNAPSHOT,
    SNAPSHOT_LABEL,
)
from pulumi_stateful_service.foundation.outputs import contains_unknown
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.refusals.restore import snapshot_of
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.pod_templates import read_revisions
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals
from pulumi_stateful_service.live.state.volume_snapshots import (
    claim_of,
    group_of,
    has_failed_test,
    is_going,
    is_ready,
    newest_first,
    revision_before,
)


@dataclass(frozen=True)
class LastRollout:
    """The two revisions of the StatefulSet's last rollout, by their names."""

    before: str
    after: str


async def with_chosen_snapshots(cluster: Cluster, change: Change, live: KubernetesObject | None) -> Change:
    """The change with a snapshot for each claim that is to have the one before the last rollout.

    Raises RefusedError where there is none, or where those of several claims do not belong together.
    """
    known = [claim for claim in change.restored_claims if not contains_unknown(claim)]
    if not any(snapshot_of(claim) == BEFORE_LAST_ROLLOUT for claim in known):
        return change
    others = [
        claim for claim in change.restored_claims if claim not in known or snapshot_of(claim) != BEFORE_LAST_ROLLOUT
    ]
    if contains_unknown(change.stateful_set["spec"].get("replicas")):
        return replace(change, restored_claims=others)
    wanted = claims_to_choose_for(known, live, desired_ordinals(change.stateful_set))
    if not wanted:
        return replace(change, restored_claims=others)
    namespace = change.namespace or cluster.default_namespace
    labels = {SNAPSHOT_LABEL: change.set_name, COMPONENT_LABEL: list(change.component_labels)}
    revisions, snapshots = await asyncio.gather(
        read_revisions(cluster, namespace, change.stateful_set), _snapshots(cluster, namespace, labels)
    )
    chosen = choose([claim["metadata"]["name"] for claim in wanted], snapshots, last_rollout(revisions))
    if isinstance(chosen, str):
        raise RefusedError(
            f"{change.prefix}: restore cannot take the VolumeSnapshots {BEFORE_LAST_ROLLOUT}: {chosen}. Nothing was "
            f"stopped. Name a snapshot for each claim, or take the item out of restore ({RESTORE})."
        )
    return replace(change, restored_claims=[*others, *(_from(claim, chosen) for claim in wanted)])


def claims_to_choose_for(
    restored: Sequence[KubernetesObject], live: KubernetesObject | None, ordinals: Sequence[int]
) -> list[KubernetesObject]:
    """The claims of single instances for which a snapshot is to be chosen, and was not by an earlier ``up``."""
    done = _noted(live)
    return [
        _of_instance(claim, ordinal)
        for claim in restored
        if snapshot_of(claim) == BEFORE_LAST_ROLLOUT
        and done.get(claim["metadata"]["name"]) != claim["metadata"]["annotations"][RESTORED_ANNOTATION]
        for ordinal in (ordinals if claim["metadata"]["name"].endswith(ALL_ORDINALS) else [""])
    ]


def last_rollout(revisions: Sequence[KubernetesObject]) -> LastRollout | None:
    """The last two ControllerRevisions: a revision that is rolled out again gets a new number. None for fewer."""
    by_number = sorted(revisions, key=lambda each: int(each.get("revision", 0)))
    names = [str(each["metadata"]["name"]) for each in by_number]
    return LastRollout(*names[-2:]) if len(names) > 1 else None


def choose(
    claims: Sequence[str], snapshots: Sequence[KubernetesObject], rollout: LastRollout | None
) -> dict[str, str] | str:
    """The name of the newest snapshot of each claim before the rollout; or why there is not one for each."""
    if rollout is None:
        return "the StatefulSet has no earlier revision: there was no rollout, or revision_history_limit keeps none"
    usable = [each for each in newest_first(snapshots) if not is_going(each) and not has_failed_test(each)]
    chosen: dict[str, KubernetesObject] = {}
    for claim in claims:
        of_claim = [each for each in usable if claim_of(each) == claim]
        found = next((each for each in of_claim if revision_before(each) == rollout.before), None)
        if found is None:
            there = ", ".join(map(_name, of_claim)) or "none"
            return (
                f"none of {claim} was made before the rollout from revision {rollout.before} to {rollout.after} "
                f"(there are: {there})"
            )
        if not is_ready(found):
            return f"{_name(found)} of {claim}, the newest before the rollout, is not ready to use"
        chosen[claim] = found
    for one, other in pairwise(chosen.values()):
        if _change(one) != _change(other):
            return f"{_name(one)} and {_name(other)} were made before different changes"
        if _pod(one) == _pod(other) and group_of(one) != group_of(other):
            return f"{_name(one)} and {_name(other)} are of one instance and were not made at one moment"
    return {claim: _name(each) for claim, each in chosen.items()}


async def _snapshots(cluster: Cluster, namespace: str, labels: Mapping[str, Any]) -> list[KubernetesObject]:
    try:
        return await cluster.list(SNAPSHOT, namespace, labels=labels)
    except ClusterError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return []  # the cluster does not know the kind
        raise


def _noted(live: KubernetesObject | None) -> Mapping[str, Any]:
    """What was restored by the ``up`` that has created this StatefulSet, as its annotation says."""
    note = ((live or {}).get("metadata", {}).get("annotations") or {}).get(RESTORED_ANNOTATION)
    try:
        noted = json.loads(note or "{}")
    except ValueError:
        return {}
    return noted if isinstance(noted, dict) else {}


def _of_instance(claim: KubernetesObject, ordinal: int | str) -> KubernetesObject:
    name = claim["metadata"]["name"].removesuffix(ALL_ORDINALS)
    return {**claim, "metadata": {**claim["metadata"], "name": f"{name}{ordinal}"}}


def _from(claim: KubernetesObject, chosen: Mapping[str, str]) -> KubernetesObject:
    """The claim as if the program had named the snapshot."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = chosen[metadata["name"]]
    annotations = {**metadata["annotations"], RESTORED_ANNOTATION: json.dumps({"snapshot": name})}
    return {
        **claim,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**spec, "dataSource": {**spec["dataSource"], "name": name}},
    }


def _name(snapshot: KubernetesObject) -> str:
    return str(snapshot["metadata"]["name"])


def _pod(snapshot: KubernetesObject) -> str | None:
    return (snapshot["metadata"].get("labels") or {}).get(POD_NAME_LABEL)


def _change(snapshot: KubernetesObject) -> str | None:
    return (snapshot["metadata"].get("labels") or {}).get(CHANGE_LABEL)
