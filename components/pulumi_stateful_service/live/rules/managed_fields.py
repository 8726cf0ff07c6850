"""Which field manager set the fields of a live StatefulSet, read from its ``managedFields``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import field_manager

_CREATION_MANAGER = "pulumi-kubernetes"
"""Who owns the fields of an object that Pulumi's provider has created by a POST, until it first updates it."""


@dataclass(frozen=True)
class FieldChange:
    """A field that another field manager has changed since the component applied it."""

    path: str
    value: object
    manager: str

    def __str__(self) -> str:
        return f"{self.path} = {self.value} (field manager {self.manager})"


def changes_outside_pulumi(live: KubernetesObject, *, autoscaled: bool) -> list[FieldChange]:
    """The changes that others made to the number of instances, their images, and the update strategy.

    The API server moves a field to whoever changes it. With ``autoscaled``, replicas are the autoscaler's.
    """
    applied = _applied_entries(live)
    if not applied:
        return []
    ours = {path for entry in applied for path, _ in _watched_fields(live["spec"], entry)}
    changes: dict[str, FieldChange] = {}
    for entry in live["metadata"]["managedFields"]:
        if entry in applied or entry.get("subresource") == "status":
            continue
        for path, value in _watched_fields(live["spec"], entry):
            if path not in ours and not (autoscaled and path == "spec.replicas"):
                changes[path] = FieldChange(path, value, entry["manager"])
    return list(changes.values())


def pulumi_managers(live: KubernetesObject) -> list[str]:
    """The field managers of Pulumi, and of other components of this kind, among those of a live object."""
    prefixes = (_CREATION_MANAGER, field_manager(""))
    managers = [str(entry["manager"]) for entry in live["metadata"].get("managedFields", [])]
    return [manager for manager in dict.fromkeys(managers) if manager.startswith(prefixes)]


def is_applied_by_component(live: KubernetesObject) -> bool:
    """Whether the component's fields are owned under its own name: from the first update on, if a POST created it."""
    manager = field_manager(live["metadata"]["name"])
    entries = live["metadata"].get("managedFields", [])
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
    holders = [
        (entry["manager"], entry.get("operation"))
        for entry in live["metadata"].get("managedFields", [])
        if "f:partition" in (_spec_fields(entry).get("f:updateStrategy") or {}).get("f:rollingUpdate", {})
    ]
    return (manager, "Update") in holders


def _applied_entries(live: KubernetesObject) -> list[KubernetesObject]:
    managers = (field_manager(live["metadata"]["name"]), _CREATION_MANAGER)
    return [entry for entry in live["metadata"].get("managedFields", []) if entry["manager"] in managers]


def _spec_fields(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = entry.get("fieldsV1", {}).get("f:spec", {})
    return fields


def _watched_fields(spec: KubernetesObject, entry: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Path and live value of each field of an entry that decides how many instances run, and which revision."""
    fields = _spec_fields(entry)
    if "f:replicas" in fields:
        yield "spec.replicas", spec.get("replicas")
    strategy, strategy_fields = spec.get("updateStrategy", {}), fields.get("f:updateStrategy", {})
    if "f:type" in strategy_fields:
        yield "spec.updateStrategy.type", strategy.get("type")
    if "f:partition" in strategy_fields.get("f:rollingUpdate", {}):
        yield "spec.updateStrategy.rollingUpdate.partition", strategy.get("rollingUpdate", {}).get("partition")
    container_fields = fields.get("f:template", {}).get("f:spec", {}).get("f:containers", {})
    for container in spec.get("template", {}).get("spec", {}).get("containers", []):
        name = container["name"]
        if "f:image" in container_fields.get(f'k:{{"name":"{name}"}}', {}):
            yield f'spec.template.spec.containers[name="{name}"].image', container["image"]
