"""What differs between the Pod templates of two StatefulSets."""

from collections.abc import Mapping
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import SECRET_ANNOTATION

_ANNOTATION_ARGUMENTS = {SECRET_ANNOTATION: "secret_env"}
"""Annotations of the component on its Pods, and the arguments whose values they stand for."""


def pod_template_changes(live: KubernetesObject, after: KubernetesObject) -> list[str]:
    """What in the Pod template differs, by the names of its fields."""
    before, later = (each["spec"]["template"] for each in (live, after))
    return list(dict.fromkeys([*_metadata_changes(before, later), *_spec_changes(before["spec"], later["spec"])]))


def _metadata_changes(before: Mapping[str, Any], later: Mapping[str, Any]) -> list[str]:
    changes: list[str] = []
    for part in ("labels", "annotations"):
        old, new = (each.get("metadata", {}).get(part) or {} for each in (before, later))
        changes += [_ANNOTATION_ARGUMENTS.get(key, part) for key in sorted(_differing(old, new))]
    return changes


def _spec_changes(before: Mapping[str, Any], later: Mapping[str, Any]) -> list[str]:
    changes = []
    for name in sorted(_differing(before, later)):
        if name not in {"containers", "initContainers"}:
            changes.append(name)
            continue
        old, new = ({each["name"]: each for each in spec.get(name) or []} for spec in (before, later))
        for container in sorted(_differing(old, new)):
            of = "" if container == "app" else f"{container}: "
            changes += [
                f"{of}{each}" for each in sorted(_differing(old.get(container) or {}, new.get(container) or {}))
            ]
        if list(old) != list(new) and not _differing(old, new):
            changes.append(f"order of {name}")
    return changes


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
