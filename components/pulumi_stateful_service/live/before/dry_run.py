"""Predicts a change by the API server's own answer: what it would store, with all its defaults."""

import asyncio
import json
import secrets
from collections.abc import Sequence

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import MAX_SET_NAME_LENGTH, claim_name
from pulumi_stateful_service.foundation.outputs import contains_unknown
from pulumi_stateful_service.live.before.forecast import NO_RESIZES, Forecast, forecast
from pulumi_stateful_service.live.before.resizes import find_resizes
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ForbiddenError
from pulumi_stateful_service.live.pod_templates import read_revisions
from pulumi_stateful_service.live.rollout_plan import ResizePlan
from pulumi_stateful_service.live.state.claim_changes import desired_claims
from pulumi_stateful_service.live.state.field_managers import is_applied_by_component, without_taken_over
from pulumi_stateful_service.live.state.outdated_claims import requested_recreation
from pulumi_stateful_service.live.state.rebuild import requested_rebuild
from pulumi_stateful_service.live.state.resize import template_of
from pulumi_stateful_service.live.state.stateful_set_fields import (
    IDENTITY_FIELDS,
    claim_templates,
    desired_ordinals,
)

_STATEFUL_SET = "StatefulSet"


async def predict(
    cluster: Cluster,
    namespace: str,
    metadata: KubernetesObject,
    spec: KubernetesObject,
    live: KubernetesObject | None,
    *,
    recreate: bool,
    takes_over: bool = True,
    leader_last: bool = False,
    in_turn: bool = False,
    resize: ResizePlan | None = None,
) -> Forecast | None:
    """What the change to this metadata and spec does; None where a value that decides it is not known yet.

    With ``takes_over``, Pulumi's provider owns before it applies what kubectl has set (server-side apply).
    Raises ClusterError where the API server does not answer, or would not accept the StatefulSet.
    """
    if contains_unknown([metadata, spec]):
        return None
    desired = {"metadata": metadata, "spec": spec}
    after, pods = await asyncio.gather(
        _stored(cluster, namespace, metadata, spec, live, recreate=recreate, takes_over=takes_over),
        cluster.list_pods(live) if live else cluster.list_orphans(namespace, desired),
    )
    names = _claims_of(live) | _claims_of(after)
    claims, revision = await asyncio.gather(
        cluster.list_claims(namespace, names, after["spec"]["selector"]["matchLabels"]),
        _revision(cluster, namespace, live, after, pods),
    )
    resizes = NO_RESIZES
    if resize is not None and live is not None and not recreate:
        resizes = await find_resizes(cluster, resize, live, after, pods, revision, leader_last=leader_last)
    return forecast(
        live,
        after,
        pods,
        claims,
        revision,
        desired_claims(desired),
        recreated=recreate,
        recreation=requested_recreation(desired),
        leader_last=leader_last,
        in_turn=in_turn,
        resizes=resizes,
        given_up=requested_rebuild(desired),
    )


async def _stored(
    cluster: Cluster,
    namespace: str,
    metadata: KubernetesObject,
    spec: KubernetesObject,
    live: KubernetesObject | None,
    *,
    recreate: bool,
    takes_over: bool,
) -> KubernetesObject:
    """The StatefulSet as the API server would store it."""
    name = metadata["name"]
    if live is None or recreate or not is_applied_by_component(live):
        return await _created(cluster, namespace, metadata, spec)
    kept = {field: live["spec"][field] for field in IDENTITY_FIELDS if field in live["spec"]}
    sent = {field: value for field, value in spec.items() if field not in IDENTITY_FIELDS}
    stored = await cluster.apply_stateful_set(namespace, metadata, {**sent, **kept}, action=Action.FORECAST)
    left = without_taken_over(stored) if takes_over else None
    if left is None:
        return stored
    # What the provider takes over goes, and the API server puts its defaults there.
    defaults = await _created(cluster, namespace, {"name": name}, left["spec"])
    return {**stored, "spec": defaults["spec"]}


async def _created(
    cluster: Cluster, namespace: str, metadata: KubernetesObject, spec: KubernetesObject
) -> KubernetesObject:
    """The StatefulSet as the API server would create it."""
    name = metadata["name"]
    # Another name, since the live one cannot be created twice. The forecast does not depend on it.
    temporary = f"{name[: MAX_SET_NAME_LENGTH - 5]}-{secrets.token_hex(2)}"
    body: KubernetesObject = {"metadata": {**metadata, "name": temporary}, "spec": spec}
    stored = await cluster.create(_STATEFUL_SET, namespace, body, action=Action.FORECAST)
    return {**stored, "metadata": {**stored["metadata"], "name": name}}


async def _revision(
    cluster: Cluster,
    namespace: str,
    live: KubernetesObject | None,
    after: KubernetesObject,
    pods: Sequence[KubernetesObject],
) -> str | None:
    """The name of the revision that the change makes, if a Pod may run it: the controller uses an earlier one again."""
    if not pods:
        return None
    template = after["spec"]["template"]
    if live is not None and live["spec"]["template"] == template:
        update_revision = live.get("status", {}).get("updateRevision")
        return str(update_revision) if update_revision else None
    try:
        revisions = await read_revisions(cluster, namespace, after)
    except ForbiddenError:
        return None
    for each in sorted(revisions, key=lambda each: int(each.get("revision", 0)), reverse=True):
        if json.dumps(template_of(each), sort_keys=True) == json.dumps(template, sort_keys=True):
            return str(each["metadata"]["name"])
    return None


def _claims_of(stateful_set: KubernetesObject | None) -> set[str]:
    if stateful_set is None or not claim_templates(stateful_set):
        return set()
    name = stateful_set["metadata"]["name"]
    return {
        claim_name(volume, name, ordinal)
        for volume in claim_templates(stateful_set)
        for ordinal in desired_ordinals(stateful_set)
    }
