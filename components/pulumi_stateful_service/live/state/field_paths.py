"""Who owns which fields of a live object, as its ``managedFields`` tell (server-side apply).

A path is the sequence of keys in ``fieldsV1``: ``f:NAME`` for a field, ``k:{…}`` for the item of a list with these
keys, ``v:…`` for the item of a set.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject

Path = tuple[str, ...]

_ITSELF = "."
"""In ``fieldsV1``: the item of a list itself, and not only fields of it."""
_ITEM, _VALUE, _FIELD = "k:", "v:", "f:"


def entries_of(live: KubernetesObject) -> list[KubernetesObject]:
    """The entries of ``managedFields``."""
    return live["metadata"].get("managedFields") or []


def owned_paths(fields: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """The paths of an entry's fields. An item of a list that the entry owns as a whole is there itself too."""
    for key, inner in fields.items():
        if key == _ITSELF:
            continue
        own = (*path, key)
        if _is_owned_itself(key, inner):
            yield own
        yield from owned_paths(inner, own)


def owns(entry: Mapping[str, Any], path: Path) -> bool:
    """Whether the path is one of the entry's, which is looked up without going through all of them."""
    fields = entry.get("fieldsV1") or {}
    for key in path:
        if key not in fields:
            return False
        fields = fields[key]
    return _is_owned_itself(path[-1], fields)


def paths_of(entries: Iterable[KubernetesObject]) -> set[Path]:
    """The paths of several entries."""
    return {path for entry in entries for path in owned_paths(entry.get("fieldsV1") or {})}


def outermost(paths: Iterable[Path]) -> list[Path]:
    """The paths that lie in no other one of them."""
    result: list[Path] = []
    for path in sorted(paths):
        if not any(path[: len(each)] == each for each in result):
            result.append(path)
    return result


def value_at(value: Any, path: Sequence[str]) -> Any:
    """The value at a path; None where there is none."""
    for key in path:
        if key.startswith(_FIELD):
            value = value.get(key[2:]) if isinstance(value, Mapping) else None
        else:
            value = next((each for each in value or [] if _is_item(each, key)), None)
        if value is None:
            return None
    return value


def without_paths(value: Any, paths: Iterable[Path]) -> Any:
    """A copy of an object without what is at these paths."""
    copy = json.loads(json.dumps(value))
    for path in paths:
        holder = value_at(copy, path[:-1])
        key = path[-1]
        if isinstance(holder, dict):
            holder.pop(key[2:], None)
        elif isinstance(holder, list):
            holder[:] = [each for each in holder if not _is_item(each, key)]
    return copy


def shown_path(path: Path) -> str:
    """A path as messages show it: ``spec.template.spec.containers[name="app"].image``."""
    text = ""
    for key in path:
        if key.startswith(_FIELD):
            name = key[2:]
            text += f'["{name}"]' if "." in name or "/" in name else f".{name}"
        elif key.startswith(_ITEM):
            text += f"[{', '.join(f'{name}={json.dumps(each)}' for name, each in json.loads(key[2:]).items())}]"
        else:
            text += f"[{key[2:]}]"
    return text.removeprefix(".")


def _is_owned_itself(key: str, inner: Mapping[str, Any]) -> bool:
    return not inner or (_ITSELF in inner and not key.startswith(_FIELD))


def _is_item(value: Any, key: str) -> bool:
    """Whether the item of a list is the one that the key names."""
    if key.startswith(_VALUE):
        return bool(value == json.loads(key[2:]))
    named: dict[str, Any] = json.loads(key[2:])
    # The API server fills the keys of an item with their defaults, such as a port's protocol.
    return isinstance(value, Mapping) and all(value.get(name, each) == each for name, each in named.items())
