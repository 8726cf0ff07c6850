"""Merges a user's part of a Pod template into the component's, as a strategic merge patch does.

The merge keys are the ones by which Kubernetes' API tells the items of a list apart (``x-kubernetes-list-map-keys``):
they tell which items of two lists are the same. Any part of the patch may be an Output or a typed input of
pulumi_kubernetes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import pulumi

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.foundation.typed_inputs import as_dictionaries

MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "claims": ("name",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "evictionResponders": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "protocol"),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""The keys of the items, by the name of their list."""

_KEY_DEFAULTS = {"protocol": "TCP"}


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
    keys = MERGE_KEYS.get(key, ())
    if isinstance(patch, pulumi.Output) or _has_unknown_keys(patch, keys) or (patch and _has_unknown_keys(base, keys)):
        # Only the items tell what is merged into what.
        return apply_inputs(lambda known, change: _merged_value(key, known, as_dictionaries(change)), base, patch)
    if isinstance(base, Mapping) and isinstance(patch, Mapping):
        return strategic_merge(base, patch)
    if keys and _are_mappings(base) and _are_mappings(patch):
        return _merged_list(base, patch, keys)
    return patch


def _has_unknown_keys(items: Any, keys: Sequence[str]) -> bool:
    return (
        bool(keys)
        and isinstance(items, list)
        and any(
            isinstance(item, pulumi.Output)
            or (isinstance(item, Mapping) and any(isinstance(item.get(key), pulumi.Output) for key in keys))
            for item in items
        )
    )


def _merged_list(
    base: Sequence[Mapping[str, Any]], patch: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> list[KubernetesObject]:
    result = [dict(item) for item in base]
    for item in patch:
        same = [i for i, below in enumerate(result) if _is_same(below, item, keys)]
        if same:
            result[same[0]] = strategic_merge(result[same[0]], item)
        else:
            result.append(dict(item))
    return result


def _is_same(below: Mapping[str, Any], item: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Whether both have the same keys; a key that ``item`` leaves out has its default, or may be any."""
    wanted = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in keys}
    given = {key: value for key, value in wanted.items() if value is not None}
    return keys[0] in item and all(below.get(key, _KEY_DEFAULTS.get(key)) == value for key, value in given.items())


def _are_mappings(value: object) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    return isinstance(value, Sequence) and all(isinstance(item, Mapping) for item in value)
