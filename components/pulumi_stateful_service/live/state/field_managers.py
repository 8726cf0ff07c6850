"""Which field manager set the fields of a live StatefulSet, read from its ``managedFields``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import FIELD_MANAGER_ANNOTATION, OWN_PREFIX, field_manager
from pulumi_stateful_service.live.state.field_paths import (
    Path,
    entries_of,
    outermost,
    owns,
    paths_of,
    shown_path,
    value_at,
    without_paths,
)

_CREATION_MANAGER = "pulumi-kubernetes"
"""Who owns the fields of an object that Pulumi's provider has created by a POST, until it first updates it."""
_TAKEN_OVER = ("kubectl", "before-first-apply", "pulumi-kubernetes", "pulumi-resource-kubernetes")
"""How the names of the field managers begin whose fields the provider takes over (``fixCSAFieldManagers``)."""
RESTART_MANAGER = "pulumi-stateful-service-restart"
"""Who owns the annotation of a restart that the component has kept."""
_ANNOTATIONS = ("f:metadata", "f:annotations")
REPLICAS = ("f:spec", "f:replicas")
"""``spec.replicas``."""
_PARTITION = ("f:spec", "f:updateStrategy", "f:rollingUpdate", "f:partition")
_RESTARTED_AT = ("f:spec", "f:template", *_ANNOTATIONS, "f:kubectl.kubernetes.io/restartedAt")
_MAX_SHOWN = 80


@dataclass(frozen=True)
class FieldChange:
    """A field that another field manager has changed since the component applied it."""

    path: Path
    value: object
    manager: str
    is_taken_over: bool = False
    """Whether Pulumi's provider takes the field over with its next update."""

    def __str__(self) -> str:
        return f"{shown_path(self.path)} = {_shown(self.value)} (field manager {self.manager})"


def changes_outside_pulumi(live: KubernetesObject, *, autoscaled: bool) -> list[FieldChange]:
    """The changes that others made to the StatefulSet's spec, and to the component's annotations.

    The API server moves a field to whoever changes it. With ``autoscaled``, replicas are the autoscaler's. A restart by
    ``kubectl rollout restart`` is no change: ``restart_outside_pulumi`` tells it.
    """
    applied = _applied_entries(live)
    others = [entry for entry in entries_of(live) if entry not in applied and entry.get("subresource") != "status"]
    if not applied or not others:
        return []
    ours = paths_of(applied) | {_RESTARTED_AT} | ({REPLICAS} if autoscaled else set())
    changes: dict[Path, FieldChange] = {}
    for entry in others:
        theirs = {path for path in paths_of([entry]) if _is_watched(path)} - ours
        for path in outermost(theirs):
            value = value_at(live, path)
            changes[path] = FieldChange(path, value, str(entry["manager"]), is_taken_over=is_taken_over(entry))
    return list(changes.values())


def is_taken_over(entry: Mapping[str, Any]) -> bool:
    """Whether Pulumi's provider makes itself the owner of an entry's fields before it applies (server-side apply).

    What the program does not set then goes with that update.
    """
    return str(entry["manager"]).startswith(_TAKEN_OVER) and not entry.get("subresource")


def without_taken_over(stored: KubernetesObject) -> KubernetesObject | None:
    """What is left of an object that was applied in a dry run, where the provider takes fields over before it applies.

    None where it takes over nothing that the program does not set.
    """
    entries = entries_of(stored)
    taken = [entry for entry in entries if is_taken_over(entry)]
    kept = paths_of(entry for entry in entries if entry not in taken) | {_RESTARTED_AT}
    gone = [path for path in paths_of(taken) - kept if path[0] == "f:spec" and value_at(stored, path) is not None]
    return without_paths(stored, gone) if gone else None


def restart_outside_pulumi(live: KubernetesObject) -> FieldChange | None:
    """The restart that somebody has started with ``kubectl rollout restart``, or as it does, and who that was."""
    for entry in entries_of(live):
        if owns(entry, _RESTARTED_AT) and entry["manager"] not in (RESTART_MANAGER, _manager_of(live)):
            return FieldChange(_RESTARTED_AT, value_at(live, _RESTARTED_AT), str(entry["manager"]))
    return None


def entries_that_keep_restart(live: KubernetesObject) -> list[KubernetesObject] | None:
    """``managedFields`` with the restart under a manager that Pulumi's provider does not take over; None for as it is.

    Otherwise the next update would take the restart back, which restarts every Pod again.
    """
    entries, kept = [], None
    for entry in entries_of(live):
        if not is_taken_over(entry) or not owns(entry, _RESTARTED_AT):
            entries.append(entry)
            continue
        fields = json.loads(json.dumps(entry["fieldsV1"]))
        holder = fields
        for key in _RESTARTED_AT[:-1]:
            holder = holder[key]
        del holder[_RESTARTED_AT[-1]]
        if paths_of([{"fieldsV1": fields}]):
            entries.append({**entry, "fieldsV1": fields})
        kept = {**entry, "manager": RESTART_MANAGER, "operation": "Update", "fieldsV1": _as_fields(_RESTARTED_AT)}
    if kept is None:
        return None
    return [*(entry for entry in entries if entry["manager"] != RESTART_MANAGER), kept]


def pulumi_managers(live: KubernetesObject) -> list[str]:
    """The field managers of Pulumi, and of other components of this kind, among those of a live object."""
    prefixes = (_CREATION_MANAGER, field_manager(""))
    managers = [str(entry["manager"]) for entry in entries_of(live)]
    return [manager for manager in dict.fromkeys(managers) if manager.startswith(prefixes)]


def is_made_by_component(live: KubernetesObject, set_name: str) -> bool:
    """Whether the component of this StatefulSet has made the object, for example before its state was lost.

    Then its fields are the component's, and change with the program.
    """
    return bool(live["metadata"].get("annotations", {}).get(FIELD_MANAGER_ANNOTATION) == field_manager(set_name))


def is_applied_by_component(live: KubernetesObject) -> bool:
    """Whether the component's fields are owned under its own name: from the first update on, if a POST created it."""
    manager = field_manager(live["metadata"]["name"])
    entries = entries_of(live)
    return any(entry["manager"] == manager and entry.get("operation") == "Apply" for entry in entries) and not any(
        entry["manager"] == _CREATION_MANAGER for entry in entries
    )


def owned_after_creation(entries: Sequence[Mapping[str, Any]], manager: str) -> list[dict[str, Any]] | None:
    """The entries with those of a creation by a POST as if ``manager`` had applied them; None if there is none."""

    def is_created(entry: Mapping[str, Any]) -> bool:
        whose = (entry["manager"], entry.get("operation"))
        return whose == (_CREATION_MANAGER, "Update") and "subresource" not in entry

    if not any(map(is_created, entries)):
        return None
    if any((each["manager"], each.get("operation")) == (manager, "Apply") for each in entries):
        return None
    applied = {"manager": manager, "operation": "Apply"}
    return [{**each, **applied} if is_created(each) else {**each} for each in entries]


def is_partition_set_by_component(live: KubernetesObject) -> bool:
    """Whether a step of a rollout has set ``rollingUpdate.partition``, and nobody since."""
    manager = field_manager(live["metadata"]["name"])
    holders = [(entry["manager"], entry.get("operation")) for entry in entries_of(live) if owns(entry, _PARTITION)]
    return (manager, "Update") in holders


def _manager_of(live: KubernetesObject) -> str:
    return field_manager(live["metadata"]["name"])


def _applied_entries(live: KubernetesObject) -> list[KubernetesObject]:
    managers = (_manager_of(live), _CREATION_MANAGER)
    return [entry for entry in entries_of(live) if entry["manager"] in managers]


def _is_watched(path: Path) -> bool:
    """Whether a field is the program's: those of the spec, and the component's own annotations."""
    return path[0] == "f:spec" or (path[:2] == _ANNOTATIONS and path[-1].startswith(f"f:{OWN_PREFIX}"))


def _as_fields(path: Path) -> KubernetesObject:
    fields: KubernetesObject = {}
    for key in reversed(path):
        fields = {key: fields}
    return fields


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"
