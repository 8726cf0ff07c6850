"""What others have removed from the Pod template: no field manager has it, so only Pulumi's state tells."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.letter_case import camel_case, snake_case
from pulumi_stateful_service.live.state.field_managers import FieldChange
from pulumi_stateful_service.live.state.field_paths import Path, outermost

NOBODY = "unknown"
"""In place of the field manager: Kubernetes does not keep who removes a field."""
_KEYS = ("name", "mountPath", "containerPort", "devicePath", "ip", "topologyKey")
"""By which the items of a list are known, the first that they have."""
_MAPS = {f"f:{each}" for each in ("labels", "annotations", "matchLabels", "nodeSelector", "limits", "requests")}
"""Whose keys are the users'."""
_TEMPLATE: Path = ("f:spec", "f:template")


def removed_fields(known: dict[str, Any], live: KubernetesObject) -> list[FieldChange]:
    """The fields of the template that Pulumi's state has and the live StatefulSet lacks.

    ``known`` is the template as Pulumi returns it, whose own names are in snake_case. What is empty, false or 0 is not
    missed: the API server leaves such fields out. Items of lists without a key are not told from each other.
    """
    missing = outermost(_missing(known, live["spec"]["template"], _TEMPLATE))
    return [FieldChange(path, None, NOBODY) for path in missing]


def _missing(known: dict[str, Any], live: Mapping[str, Any], path: Path) -> Iterator[Path]:
    named = {snake_case(key): (key, value) for key, value in live.items()}
    # A field may be called "items", and is a property of that name then.
    for key, value in dict.items(known):
        if not value:
            continue
        missing = key if path[-1] in _MAPS else camel_case(key)
        name, found = (key, live[key]) if key in live else named.get(key, (missing, None))
        inner = (*path, f"f:{name}")
        if found in (None, [], {}):
            yield inner
        elif isinstance(value, dict) and isinstance(found, Mapping):
            yield from _missing(value, found, inner)
        elif _are_items(value) and _are_items(found):
            yield from _missing_items(value, found, inner)


def _missing_items(known: Sequence[dict[str, Any]], live: Sequence[Mapping[str, Any]], path: Path) -> Iterator[Path]:
    key = next((each for each in _KEYS if all(each in item for item in live)), None)
    if key is None:
        return
    by_key = {item[key]: item for item in live}
    for item in known:
        value = item[snake_case(key)]
        inner = (*path, f"k:{json.dumps({key: value})}")
        if value not in by_key:
            yield inner
        else:
            yield from _missing(item, by_key[value], inner)


def _are_items(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(isinstance(each, dict) for each in value)
