"""What differs between the Pod templates of two StatefulSets."""

from collections.abc import Mapping
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import FILE_VOLUMES, name_and_digest, secret_name


def pod_template_changes(live: KubernetesObject, after: KubernetesObject) -> list[str]:
    """What in the Pod template differs, by the names of its fields."""
    before, later = (each["spec"]["template"] for each in (live, after))
    own_secret = secret_name(after["metadata"]["name"])
    changes = [*_metadata_changes(before, later), *_spec_changes(before["spec"], later["spec"], own_secret)]
    return list(dict.fromkeys(changes))


def _metadata_changes(before: Mapping[str, Any], later: Mapping[str, Any]) -> list[str]:
    changes: list[str] = []
    for part in ("labels", "annotations"):
        old, new = (each.get("metadata", {}).get(part) or {} for each in (before, later))
        changes += [part] * bool(_differing(old, new))
    return changes


def _spec_changes(before: Mapping[str, Any], later: Mapping[str, Any], own_secret: str) -> list[str]:
    changes = []
    before, later = _with_files(before), _with_files(later)
    for name in sorted(_differing(before, later)):
        if name not in {"containers", "initContainers"}:
            changes.append(name)
            continue
        old, new = ({each["name"]: each for each in spec.get(name) or []} for spec in (before, later))
        for container in sorted(_differing(old, new)):
            of = "" if container == "app" else f"{container}: "
            fields = (_with_secret_env(each.get(container) or {}, own_secret) for each in (old, new))
            changes += [f"{of}{each}" for each in sorted(_differing(*fields))]
        if list(old) != list(new) and not _differing(old, new):
            changes.append(f"order of {name}")
    return changes


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def _with_secret_env(container: Mapping[str, Any], own_secret: str) -> dict[str, Any]:
    """The container with the variables of ``secret_env`` apart from the others."""
    by_secret: dict[bool, list[Any]] = {False: [], True: []}
    for variable in container.get("env") or []:
        reference = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
        by_secret[_without_digest(reference.get("name", "")) == own_secret].append(variable)
    return {**container, "env": by_secret[False], "secret_env": by_secret[True]}


def _without_digest(name: str) -> str:
    found = name_and_digest(name)
    return found[0] if found else name


def _with_files(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The Pod's spec with the volumes of ``config_files`` and ``secret_files`` apart from the others."""
    volumes = spec.get("volumes") or []
    by_argument = {
        argument: [volume for volume in volumes if volume.get("name") == name]
        for argument, name in FILE_VOLUMES.items()
    }
    others = [volume for volume in volumes if volume.get("name") not in FILE_VOLUMES.values()]
    return {**spec, "volumes": others, **by_argument}
