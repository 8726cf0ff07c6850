"""Changes that a user's transforms make to the component's StatefulSet."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_stateful_service.errors import shown
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL, OWN_PREFIX
from pulumi_stateful_service.foundation.outputs import contains_unknown
from pulumi_stateful_service.foundation.quantities import is_size, size_in_bytes
from pulumi_stateful_service.live.state.stateful_set_fields import IDENTITY_FIELDS

_REQUIRED_ANNOTATIONS = (OWN_PREFIX, "pulumi.com/")
"""Prefixes of the annotations that the component itself and Pulumi's provider read."""
_ARGUMENTS = {
    "name": "name",
    "namespace": "namespace",
    "selector": "selector",
    "serviceName": "service_name",
    "podManagementPolicy": "pod_management_policy",
    "revisionHistoryLimit": "revision_history_limit",
    "volumeClaimTemplates": "volumes",
}
"""The arguments that set these fields."""


def transform_refusals(before: KubernetesObject, after: KubernetesObject, *, created: bool) -> list[str]:
    """Refuses transforms of what the component relies on. Each refusal is a clause.

    ``before`` is the StatefulSet as the component registers it, ``after`` as the engine sends it: in an update with
    those identity fields that its state has, so these are compared only where it is ``created``.
    """
    refusals = [_identity_refusal(*each) for each in _changed_identity(before, after)] if created else []
    old, new = (each["metadata"].get("annotations") or {} for each in (before, after))
    for key, value in old.items():
        if key.startswith(_REQUIRED_ANNOTATIONS) and key not in new:
            refusals.append(
                f"a transform removes the annotation {key}, which the component requires: add annotations to the "
                "existing ones"
            )
        elif key.startswith(OWN_PREFIX) and isinstance(value, str) and isinstance(new[key], str) and new[key] != value:
            refusals.append(f"a transform changes the annotation {key}, which is the component's own")
    labels = [(each["metadata"].get("labels") or {}).get(COMPONENT_LABEL) for each in (before, after)]
    if labels[0] != labels[1]:
        refusals.append(f"a transform changes the label {COMPONENT_LABEL}, which is the component's own")
    return refusals


def _changed_identity(before: KubernetesObject, after: KubernetesObject) -> Iterator[tuple[str, object, object]]:
    """The fields that cannot be changed later and are not as the component has them, with both values."""
    for part, fields in (("metadata", ("name", "namespace")), ("spec", IDENTITY_FIELDS)):
        for field in fields:
            values = [each[part].get(field) for each in (before, after)]
            # Pulumi's provider fills in its namespace where there is none.
            is_filled_in = field == "namespace" and values[0] is None
            if is_filled_in or contains_unknown(values):
                continue
            if _comparable(values[0]) != _comparable(values[1]):
                yield (field, *values)


def _comparable(value: Any, *, is_quantity: bool = False) -> Any:
    """A value to compare: Pulumi's provider writes quantities in its own way, and leaves out what is empty."""
    if isinstance(value, Mapping):
        parts = {
            key: _comparable(each, is_quantity=key == "storage" and isinstance(each, str))
            for key, each in value.items()
        }
        return {key: each for key, each in parts.items() if each not in (None, {}, [])}
    if isinstance(value, list):
        return [_comparable(each) for each in value]
    return size_in_bytes(value) if is_quantity and is_size(value) else value


def _identity_refusal(field: str, before: object, after: object) -> str:
    return (
        f"a transform changes {field} from {shown(before)} to {shown(after)}: use the argument {_ARGUMENTS[field]} "
        "(where Pulumi replaces the StatefulSet: make this change in a pulumi up of its own)"
    )
