"""The TypedDicts of the arguments, gone through together with a value."""

import copy
import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Path = tuple[str | int, ...]
"""Where a value is in a service's arguments."""


def bare(hint: Any) -> Any:
    """A type without what says that it may be absent or an Output."""
    origin = typing.get_origin(hint)
    if origin is typing.NotRequired or origin in (typing.Union, types.UnionType):
        return bare(typing.get_args(hint)[0])
    return hint


def fields(to: Any) -> dict[str, Any]:
    """The types of a TypedDict's fields, by their names."""
    return dict(inspect.get_annotations(to))


def type_at(hint: Any, path: Path) -> Any:
    """The type of what is at a place of a value."""
    for key in path:
        inner = bare(hint)
        if typing.is_typeddict(inner):
            hint = fields(inner)[str(key)]
        else:
            arguments = typing.get_args(inner)
            hint = arguments[-1] if arguments else Any
    return bare(hint)


def used_fields(value: Any, hint: Any, path: Path = ()) -> Iterator[tuple[str, str, Path]]:
    """Each field of a TypedDict that a value has: the TypedDict's name, the field's, and where the field is."""
    inner = bare(hint)
    if typing.is_typeddict(inner):
        hints = fields(inner)
        for key, each in value.items():
            yield inner.__name__, key, (*path, key)
            yield from used_fields(each, hints[key], (*path, key))
    elif typing.get_origin(inner) in (Sequence, Mapping):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from used_fields(each, typing.get_args(inner)[-1], (*path, key))


def renamed(value: Any, hint: Any, rename: Any) -> Any:
    """A value with the names of arguments as ``rename`` has them; keys of maps stay."""
    inner = bare(hint)
    if typing.is_typeddict(inner):
        hints = fields(inner)
        return {rename(key): renamed(each, hints[key], rename) for key, each in value.items()}
    if typing.get_origin(inner) is Sequence:
        return [renamed(each, typing.get_args(inner)[0], rename) for each in value]
    if typing.get_origin(inner) is Mapping:
        return {key: renamed(each, typing.get_args(inner)[1], rename) for key, each in value.items()}
    return value


def at(value: Any, path: Path) -> Any:
    """What is at a place of a value."""
    for key in path:
        value = value[key]
    return value


def replaced(value: Any, path: Path, by: Any) -> Any:
    """A copy of a value with something else at a place."""
    if not path:
        return by
    changed = copy.deepcopy(value)
    at(changed, path[:-1])[path[-1]] = by
    return changed


def removed(value: Any, path: Path) -> Any:
    """A copy of a value without what is at a place."""
    changed = copy.deepcopy(value)
    del at(changed, path[:-1])[path[-1]]
    return changed
