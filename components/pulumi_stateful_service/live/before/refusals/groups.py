"""Groups that the program no longer has: Pulumi would delete a StatefulSet with all its instances at once."""

import json
from collections.abc import Mapping
from typing import Any

from pulumi_stateful_service.documentation import GROUPS
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import (
    FIELD_MANAGER_ANNOTATION,
    GROUP_LABEL,
    GROUPS_ANNOTATION,
    set_of_field_manager,
)
from pulumi_stateful_service.live.state.member_changes import replicas_of


def sets_of(governing_service: Mapping[str, Any]) -> set[str] | None:
    """The names of the StatefulSets that a governing Service of Pulumi's says the service has; None if not known."""
    annotations = governing_service["metadata"].get("annotations") or {}
    note, manager = annotations.get(GROUPS_ANNOTATION), annotations.get(FIELD_MANAGER_ANNOTATION)
    if isinstance(note, str):
        return set(json.loads(note).values())
    return {set_of_field_manager(manager)} if note is None and isinstance(manager, str) else None


def is_about_groups(*governing_services: Mapping[str, Any]) -> bool:
    """Whether one of these Services is the governing Service of a service with groups."""
    return any(GROUPS_ANNOTATION in (each["metadata"].get("annotations") or {}) for each in governing_services)


def removal_refusals(live: KubernetesObject) -> list[str]:
    """Refuses to delete a StatefulSet that has instances."""
    number, metadata = replicas_of(live), live["metadata"]
    if not number:
        return []
    group = (metadata.get("labels") or {}).get(GROUP_LABEL)
    instances = f"{number} {'instance' if number == 1 else 'instances'}"
    where = f"StatefulSet {metadata['namespace']}/{metadata['name']}"
    keep = f"Keep the group {group!r} and" if group else f"Give a group stateful_set_name={metadata['name']!r}, or"
    refusal = (
        f"{where} has {instances}, and the program no longer has it: Pulumi would delete all of them at once. {keep} "
        "set its replicas to 0 for one pulumi up, which removes its instances one after another; remove it from the "
        f"program then. A group cannot be renamed: its claims are named after it ({GROUPS})."
    )
    return [refusal]
