"""Finds out which VolumeSnapshots are made before a change, which are used again, and whether they can be made at all.

Only reads, and asks the API server by a dry run: a preview says what ``up`` would say.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus

from pulumi_stateful_service.arguments.types import SnapshotBefore
from pulumi_stateful_service.documentation import SNAPSHOTS
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import (
    COMPONENT_LABEL,
    SNAPSHOT,
    SNAPSHOT_GROUP,
    claim_name,
)
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.forecast import ClaimOutcome, Forecast, InstanceOutcome
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.state.claim_changes import is_bound
from pulumi_stateful_service.live.state.pod_status import ordinal_of
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates
from pulumi_stateful_service.live.state.volume_snapshots import (
    GROUP_SNAPSHOT,
    GROUP_SNAPSHOT_GROUP,
    NOT_KNOWN,
    InstanceToSnapshot,
    SnapshotPlan,
    SnapshotWork,
    change_digest,
    class_refusals,
    failure,
    group_of,
    is_going,
    kind_of,
    new_group,
    new_snapshot,
    quiesced_since,
    restore_tests,
    snapshot_labels,
    sources_in_use,
    usable_again,
    usable_group,
    was_sent,
)

_MAX_SHOWN = 10
_NO_RESUME = "the program has no snapshots.quiesce any more, so resume it by hand"
_CHANGED = (ClaimOutcome.EXPANDED, ClaimOutcome.REDUCED, ClaimOutcome.MODIFIED, ClaimOutcome.RECREATED)


async def snapshot_work(
    cluster: Cluster,
    change: Change,
    live: KubernetesObject | None,
    claims: Sequence[KubernetesObject],
    forecast: Forecast | None,
) -> SnapshotWork | None:
    """What is done before the change; None where there is nothing to do. ``forecast`` is None where it is not known.

    Raises RefusedError where snapshots cannot be made.
    """
    quiesced = [claim for claim in claims if quiesced_since(claim)]
    if live is None or (change.snapshots is None and not quiesced):
        return None
    pods = {pod["metadata"]["name"]: pod for pod in await cluster.list_pods(live)}
    plan, set_name = change.snapshots or SnapshotPlan(before=()), str(live["metadata"]["name"])
    work = SnapshotWork(
        plan,
        snapshot_labels(set_name, change.component_labels[0]),
        change_digest(change.stateful_set),
        int(live["metadata"].get("generation", 0)),
        quiesced=[(claim, _pod_of(claim, pods)) for claim in quiesced],
    )
    may_replace = change.resize is not None and change.resize.replaces
    touched = touched_instances(forecast, plan.before, pods, may_replace=may_replace)
    # Whose volume is kept, with the data of now, needs none; and a roll-back must not wait for data that are bad.
    restored = forecast.claims_of(ClaimOutcome.RESTORED) if forecast is not None else []
    kept = [claim for claim in claims if claim["metadata"]["name"] not in restored]
    wanted = _with_claims(touched, plan, live, kept, pods)
    if not wanted:
        return work if quiesced else None
    try:
        return await _prepared(cluster, change, live, replace(work, instances=wanted), forecast)
    except ClusterError as error:
        raise _refusal(change, wanted, error) from None


def touched_instances(
    forecast: Forecast | None,
    before: Collection[str],
    pods: Mapping[str, KubernetesObject],
    *,
    may_replace: bool = False,
) -> dict[str, str]:
    """The Pods that the change touches in a way that snapshots are wanted before, each with the way.

    All of them where the effect of the change is not known. With ``may_replace`` a Pod that is resized in place may be
    replaced after all.
    """
    names = sorted(pods, key=lambda name: ordinal_of(pods[name]))
    if forecast is None:
        return dict.fromkeys(names if before else [], NOT_KNOWN)
    changed = [claim for outcome in _CHANGED for claim in forecast.claims_of(outcome)]
    touched = {
        SnapshotBefore.CLAIM_CHANGE: [name for name in names if any(each.endswith(f"-{name}") for each in changed)],
        SnapshotBefore.SCALE_DOWN: forecast.of(InstanceOutcome.REMOVED),
        SnapshotBefore.ROLLOUT: [*forecast.order, *(forecast.resizes.pods if may_replace else ())],
    }
    ways = {name: way.value for way, those in touched.items() if way in before for name in those}
    return {name: ways[name] for name in names if name in ways}


def snapshot_lines(work: SnapshotWork) -> list[str]:
    """What is done before the change, as the user reads it."""
    lines = [
        f"{_pod_name(pod) or claim['metadata']['name']} is quiesced since {quiesced_since(claim)}, by a pulumi up that "
        f"was interrupted: {'it is resumed first' if work.plan.quiesce else _NO_RESUME}"
        for claim, pod in work.quiesced
    ]
    by_way: dict[str, list[str]] = {}
    for each in work.instances:
        names = by_way.setdefault(each.why, [])
        names.extend(claim["metadata"]["name"] for claim in each.claims)
    of_class = f", of class {work.plan.class_name}" if work.plan.class_name else ""
    if work.plan.group_class_name:
        of_class = (
            f", those of each instance at one moment, by a {GROUP_SNAPSHOT} of class {work.plan.group_class_name}"
        )
    lines += [
        f"before this change ({way}) VolumeSnapshots are made of {_listed(names)}{of_class}"
        for way, names in by_way.items()
        if names
    ]
    if work.again:
        lines.append(
            f"VolumeSnapshots of a pulumi up that was interrupted are used again: {_listed([*work.again.values()])}"
        )
    if work.superseded:
        names = [each["metadata"]["name"] for each in work.superseded]
        lines.append(
            f"VolumeSnapshots are deleted when the new ones are ready (keep: {work.plan.keep}): {_listed(names)}"
        )
    if work.tested is not None:
        lines.append(
            f"before this change {_pod_name(work.tested.pod)} is restored from its snapshots, into a Job that runs "
            "snapshots.restore_test.command"
        )
    return lines


def _with_claims(
    touched: Mapping[str, str],
    plan: SnapshotPlan,
    live: KubernetesObject,
    claims: Sequence[KubernetesObject],
    pods: Mapping[str, KubernetesObject],
) -> list[InstanceToSnapshot]:
    """The instances with their claims that have a volume: the others have no data yet."""
    by_name = {claim["metadata"]["name"]: claim for claim in claims if is_bound(claim)}
    volumes = [volume for volume in claim_templates(live) if plan.volumes is None or volume in plan.volumes]
    found = []
    for name, why in touched.items():
        names = [claim_name(volume, live["metadata"]["name"], ordinal_of(pods[name])) for volume in volumes]
        if of_instance := [by_name[each] for each in names if each in by_name]:
            found.append(InstanceToSnapshot(pods[name], of_instance, why))
    return found


async def _prepared(
    cluster: Cluster, change: Change, live: KubernetesObject, work: SnapshotWork, forecast: Forecast | None
) -> SnapshotWork:
    namespace, now = live["metadata"]["namespace"], cluster.now()
    labels = {**work.labels, COMPONENT_LABEL: list(change.component_labels)}
    existing, groups, others = await asyncio.gather(
        cluster.list(SNAPSHOT, namespace, labels=labels),
        _groups(cluster, work.plan, namespace, labels),
        cluster.list("PersistentVolumeClaim", namespace),
    )
    sent = forecast is not None and was_sent(live, change.stateful_set, changes_template=forecast.changes_template)
    generation = None if sent else work.generation
    instances: list[InstanceToSnapshot] = []
    again: dict[str, str] = {}
    for each in work.instances:
        of_instance = {
            claim["metadata"]["name"]: usable_again(existing, claim, each.pod, work.change, generation, now)
            for claim in each.claims
        }
        if all(of_instance.values()):
            again |= {claim: str(name) for claim, name in of_instance.items()}
        else:
            # What belongs together is of one moment.
            instances.append(replace(each, group=usable_group(groups, each, work.change, generation, now)))
    work = replace(
        work,
        tested=_to_be_tested(work, again, existing),
        instances=instances,
        again=again,
        existing=existing,
        failed=_useless([*existing, *groups], [each.group for each in instances]),
        used=sources_in_use([*others, *change.restored_claims]),
    )
    claims = [claim for each in instances for claim in each.claims]
    _refuse(change, work, class_refusals(work.plan, *await _classes(cluster, work.plan.class_kind, claims)))
    if claims and work.plan.group_class_name is not None:
        body = new_group(work, instances[0], now)
        await cluster.create(GROUP_SNAPSHOT, namespace, body, action=Action.TRY_GROUP_SNAPSHOT)
    elif claims:
        body = new_snapshot(work, instances[0], claims[0], now)
        await cluster.create(SNAPSHOT, namespace, body, action=Action.TRY_SNAPSHOT)
    return work


def _useless(found: Sequence[KubernetesObject], again: Sequence[KubernetesObject | None]) -> list[KubernetesObject]:
    """What failed, and the groups of an interrupted ``up`` whose snapshots have no labels and are not used again."""
    kept = {each["metadata"]["uid"] for each in again if each is not None}
    kept |= {owner["uid"] for each in found if (owner := group_of(each))}
    lost = [each for each in found if kind_of(each) == GROUP_SNAPSHOT and each["metadata"]["uid"] not in kept]
    return [each for each in found if not is_going(each) and (failure(each) or each in lost)]


async def _groups(
    cluster: Cluster, plan: SnapshotPlan, namespace: str, labels: Mapping[str, str | Sequence[str]]
) -> list[KubernetesObject]:
    """The component's VolumeGroupSnapshots, where the program wants any."""
    if plan.group_class_name is None:
        return []
    return await cluster.list(GROUP_SNAPSHOT, namespace, labels=labels)


def _to_be_tested(
    work: SnapshotWork, again: Mapping[str, str], existing: Sequence[KubernetesObject]
) -> InstanceToSnapshot | None:
    """The first instance, where its snapshots have not passed the test before an ``up`` was interrupted."""
    if work.plan.restore_test is None:
        return None
    first, passed = work.instances[0], restore_tests(existing)
    return None if all(again.get(each["metadata"]["name"]) in passed for each in first.claims) else first


async def _classes(
    cluster: Cluster, kind: str, claims: Sequence[KubernetesObject]
) -> tuple[list[KubernetesObject] | None, dict[str, list[str]]]:
    """The classes of this kind, and the claims of each driver, as far as the credentials allow to read them."""
    try:
        classes = await cluster.list(kind, None)
    except ForbiddenError:
        return None, {}
    by_class: dict[str, list[str]] = {}
    for claim in claims:
        by_class.setdefault(claim["spec"].get("storageClassName") or "", []).append(claim["metadata"]["name"])
    drivers: dict[str, list[str]] = {}
    for name in filter(None, by_class):
        try:
            found = await cluster.get("StorageClass", None, name)
        except ForbiddenError:
            continue
        if found is not None:
            drivers.setdefault(found["provisioner"], []).extend(by_class[name])
    return classes, drivers


def _refuse(change: Change, work: SnapshotWork, refusals: Sequence[str]) -> None:
    if refusals:
        raise RefusedError(f"{change.prefix}: {_not_made(work.instances)}: {'; '.join(refusals)} ({SNAPSHOTS}).")


def _refusal(change: Change, wanted: Sequence[InstanceToSnapshot], error: ClusterError) -> RefusedError:
    """Why snapshots cannot be made, where the API server says so."""
    why = error.problem
    if error.status == HTTPStatus.NOT_FOUND:
        is_group = change.snapshots is not None and change.snapshots.group_class_name is not None
        missing = f"the CRDs of {'VolumeGroupSnapshots' if is_group else 'VolumeSnapshots'} and their controller"
        versions = f"{SNAPSHOT_GROUP}/v1, or no {GROUP_SNAPSHOT_GROUP}/v1" if is_group else f"{SNAPSHOT_GROUP}/v1"
        why = f"the cluster has no {versions}: {missing} are not installed"
    return RefusedError(f"{change.prefix}: {_not_made(wanted)}: {why} ({SNAPSHOTS}).")


def _not_made(instances: Sequence[InstanceToSnapshot]) -> str:
    names = [claim["metadata"]["name"] for each in instances for claim in each.claims]
    return f"this change is not made, because VolumeSnapshots of {_listed(names)} cannot be made before it"


def _pod_of(claim: KubernetesObject, pods: Mapping[str, KubernetesObject]) -> KubernetesObject | None:
    return next((pod for name, pod in pods.items() if claim["metadata"]["name"].endswith(f"-{name}")), None)


def _pod_name(pod: KubernetesObject | None) -> str:
    return pod["metadata"]["name"] if pod is not None else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MAX_SHOWN
    return ", ".join(names[:_MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")
