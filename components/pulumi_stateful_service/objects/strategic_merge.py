"""Merges a user's part of a Pod template into the component's, as a strategic merge patch does.

The merge keys are the ones in Kubernetes' API types (``patchMergeKey``): they tell which items of two lists are the
same. Any part of the patch may be an Output or a typed input of pulumi_kubernetes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import pulumi

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.foundation.typed_inputs import as_dictionaries

_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
}


def strategic_merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> KubernetesObject:
    """``base`` with ``patch`` merged into it: maps and lists with a merge key are merged, other values are replaced.

    None deletes a field, as null does in a strategic merge patch.
    """
    result = dict(base)
    for key, value in as_dictionaries(patch).items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged_value(key, result.get(key), value)
    return result


def _merged_value(key: str, base: Any, patch: Any) -> Any:
    if isinstance(patch, pulumi.Output) or (key in _MERGE_KEYS and _has_unknown_items(patch, _MERGE_KEYS[key])):
        # Only the items tell what is merged into what.
        return apply_inputs(lambda known, change: _merged_value(key, known, as_dictionaries(change)), base, patch)
    if isinstance(base, Mapping) and isinstance(patch, Mapping):
        return strategic_merge(base, patch)
    if key in _MERGE_KEYS and _are_mappings(base) and _are_mappings(patch):
        return _merged_list(base, patch, _MERGE_KEYS[key])
    return patch


def _has_unknown_items(items: Any, merge_key: str) -> bool:
    return isinstance(items, list) and any(
        isinstance(item, pulumi.Output)
        or (isinstance(item, Mapping) and isinstance(item.get(merge_key), pulumi.Output))
        for item in items
    )


def _merged_list(
    base: Sequence[Mapping[str, Any]], patch: Sequence[Mapping[str, Any]], merge_key: str
) -> list[KubernetesObject]:
    result = [dict(item) for item in base]
    for item in patch:
        same = [i for i, below in enumerate(result) if merge_key in item and below.get(merge_key) == item[merge_key]]
        if same:
            result[same[0]] = strategic_merge(result[same[0]], item)
        else:
            result.append(dict(item))
    return result


def _are_mappings(value: object) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    return isinstance(value, Sequence) and all(isinstance(item, Mapping) for item in value)
