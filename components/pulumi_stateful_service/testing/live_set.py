"""What deploying a StatefulSet to a live one would do, told without the cluster.

The API server merges what the component applies into the live object by the fields that the component owns there.
The same is done here, so that defaults of the API, and what others have added, are no change.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import claim_name, field_manager, pod_name
from pulumi_stateful_service.foundation.quantities import amount
from pulumi_stateful_service.live.before.forecast import ForecastOutput, forecast
from pulumi_stateful_service.live.before.refusals.update import update_terms
from pulumi_stateful_service.live.before.refusals.volumes import shrink_refusal
from pulumi_stateful_service.live.state.claim_changes import by_claim, desired_claims, shrink_refusals
from pulumi_stateful_service.live.state.outdated_claims import requested_recreation
from pulumi_stateful_service.live.state.stateful_set_fields import (
    IDENTITY_FIELDS,
    claim_templates,
    desired_ordinals,
    first_updated_ordinal,
    noted,
    volume_sizes,
)

_METADATA = ("labels", "annotations")


def forecast_of_live_set(live: KubernetesObject, desired: KubernetesObject) -> ForecastOutput:
    """What applying the desired StatefulSet to the live one does; all Pods are taken to be ready.

    Raises RefusedError for a change that the component refuses, and LookupError where the live StatefulSet has no
    managed fields of the component.
    """
    terms = update_terms(live, desired, recreate_keeping_pods=True)
    before, after_sizes = volume_sizes(live), volume_sizes(desired)
    by_volume: dict[str, list[KubernetesObject]] = {volume: [] for volume in before}
    for claim in _claims(live):
        by_volume[claim["metadata"]["name"].rpartition(f"-{live['metadata']['name']}-")[0]].append(claim)
    shrinking = shrink_refusals(before, after_sizes, by_volume)
    refusals = [shrink_refusal(volume, before[volume], after_sizes[volume], each) for volume, each in shrinking.items()]
    if refusals := [*terms.refusals, *refusals]:
        raise RefusedError("; ".join(refusals))
    after = {
        "metadata": {**live["metadata"], **desired["metadata"]},
        "spec": _merged(live["spec"], _sent(live, desired, recreated=terms.recreate), _owned(live)["f:spec"]),
    }
    status = live.get("status", {})
    same = after["spec"]["template"] == live["spec"]["template"]
    revision = status.get("updateRevision", "live") if same else None
    predicted = forecast(
        live,
        after,
        _pods(live),
        _claims(live),
        revision,
        desired_claims(desired),
        recreated=terms.recreate,
        recreation=requested_recreation(desired),
    )
    return predicted.as_output()


def _sent(live: KubernetesObject, desired: KubernetesObject, *, recreated: bool) -> KubernetesObject:
    """The spec that is sent: fields that cannot be changed stay as they are, unless the StatefulSet is recreated."""
    if recreated:
        return dict(desired["spec"])
    kept = {field: live["spec"][field] for field in IDENTITY_FIELDS if field in live["spec"]}
    return {**{key: value for key, value in desired["spec"].items() if key not in IDENTITY_FIELDS}, **kept}


def _owned(live: KubernetesObject) -> Mapping[str, Any]:
    manager = field_manager(live["metadata"]["name"])
    for entry in live["metadata"].get("managedFields") or []:
        if entry["manager"] == manager and entry.get("operation") == "Apply":
            return dict(entry["fieldsV1"])
    raise LookupError(
        f"StatefulSet {live['metadata']['name']} has no managed fields of the component. Write it with: kubectl get "
        f"statefulset {live['metadata']['name']} --output json --show-managed-fields"
    )


def _merged(live: Any, desired: Any, owned: Mapping[str, Any]) -> Any:
    """What server-side apply makes of a live value: fields that are owned and no longer sent are taken away."""
    if isinstance(live, Mapping) and isinstance(desired, Mapping):
        result = {key: value for key, value in live.items() if key in desired or not _is_owned(owned, key)}
        for key, value in desired.items():
            result[key] = _merged(live[key], value, owned.get(f"f:{key}", {})) if key in live else value
        return result
    if isinstance(live, list) and isinstance(desired, list) and (keys := _list_keys(owned)):
        return _merged_list(live, desired, owned, keys)
    return live if _is_same_quantity(live, desired) else desired


def _merged_list(
    live: Sequence[Any], desired: Sequence[Any], owned: Mapping[str, Any], keys: Sequence[str]
) -> list[Any]:
    """The items of a list that has keys, such as containers by their names."""
    live_items = {_key_of(item, keys): item for item in live}
    wanted = {_key_of(item, keys): item for item in desired}
    merged = [
        _merged(live_items[key], item, owned.get(f"k:{json.dumps(dict(key), separators=(',', ':'))}", {}))
        if key in live_items
        else item
        for key, item in wanted.items()
    ]
    others = [
        item
        for key, item in live_items.items()
        if key not in wanted and f"k:{json.dumps(dict(key), separators=(',', ':'))}" not in owned
    ]
    return [*merged, *others]


def _is_owned(owned: Mapping[str, Any], key: str) -> bool:
    return f"f:{key}" in owned


def _list_keys(owned: Mapping[str, Any]) -> list[str]:
    """The fields that tell the items of a list apart, from the first item that is owned."""
    for key in owned:
        if key.startswith("k:"):
            return list(json.loads(key.removeprefix("k:")))
    return []


def _key_of(item: Mapping[str, Any], keys: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    defaults = {"protocol": "TCP"}
    return tuple((key, item.get(key, defaults.get(key))) for key in keys)


def _is_same_quantity(live: Any, desired: Any) -> bool:
    """Whether both are one quantity, written differently: the API server writes 0.1 as 100m."""
    try:
        return isinstance(live, str) and isinstance(desired, str) and amount(live) == amount(desired)
    except ValueError:
        return False


def _pods(live: KubernetesObject) -> list[KubernetesObject]:
    status, name = live.get("status", {}), live["metadata"]["name"]
    new = status.get("updateRevision", "live")
    old = status.get("currentRevision", new)
    return [
        {
            "metadata": {
                "name": pod_name(name, ordinal),
                "labels": {"controller-revision-hash": new if ordinal >= first_updated_ordinal(live) else old},
            },
            "spec": {
                "volumes": [
                    {"name": volume, "persistentVolumeClaim": {"claimName": claim_name(volume, name, ordinal)}}
                    for volume in claim_templates(live)
                ]
            },
        }
        for ordinal in desired_ordinals(live)
    ]


def _claims(live: KubernetesObject) -> list[KubernetesObject]:
    """The claims as the program last asked for them, all of it carried out."""
    templates = claim_templates(noted(live))
    return [
        {
            "metadata": {"name": name, **{part: templates[volume]["metadata"].get(part) for part in _METADATA}},
            "spec": {**templates[volume]["spec"], "resources": {"requests": {"storage": claim.size}}},
            "status": {"capacity": {"storage": claim.size}},
        }
        for name, (volume, claim) in by_claim(
            live["metadata"]["name"], desired_claims(noted(live)), desired_ordinals(live)
        ).items()
    ]
