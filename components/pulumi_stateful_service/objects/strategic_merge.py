"""Lays a user's part of a Pod template over the component's, as a strategic merge does.

Kubernetes' merge keys (``patchMergeKey`` in its API types) decide which items of two lists are the same thing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject

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


def strategic_merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> KubernetesObject:
    """``overlay`` over ``base``: maps are merged, lists of things with a merge key too, all else is replaced.

    None takes a field away, as null does in a strategic merge.
    """
    result = dict(base)
    for key, value in overlay.items():
        below = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = strategic_merge(below, value)
        elif key in _MERGE_KEYS and _are_mappings(below) and _are_mappings(value):
            result[key] = _overlaid_list(below, value, _MERGE_KEYS[key])
        else:
            result[key] = value
    return result


def _overlaid_list(
    base: Sequence[Mapping[str, Any]], overlay: Sequence[Mapping[str, Any]], merge_key: str
) -> list[KubernetesObject]:
    result = [dict(item) for item in base]
    for item in overlay:
        same = [i for i, below in enumerate(result) if merge_key in item and below.get(merge_key) == item[merge_key]]
        if same:
            result[same[0]] = strategic_merge(result[same[0]], item)
        else:
            result.append(dict(item))
    return result


def _are_mappings(value: object) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    return isinstance(value, Sequence) and all(isinstance(item, Mapping) for item in value)
