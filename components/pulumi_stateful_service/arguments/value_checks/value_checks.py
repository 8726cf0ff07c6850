"""Checks arguments against their TypedDict: known keys, required keys, types, and one check for each value.

A plain value is checked at once. An Output is checked when its value is known: it is replaced by an Output of the
checked value, so that nothing is sent to the cluster unchecked.
"""

import functools
import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.value_checks.checks import Check, nearest
from pulumi_stateful_service.arguments.value_checks.kubernetes_fields import TYPES, KubernetesFields
from pulumi_stateful_service.errors import ArgumentError
from pulumi_stateful_service.foundation.outputs import Resolved, output_of, resolve


class ValueChecks:
    """Checks the arguments of one component. ``prefix`` begins every message; ``checks`` has checks by type and key.

    The items of a list, or the values of a map, are checked under ``KEY[]``, the keys of a map under ``KEY{}``; a list
    or a map as a whole under ``KEY``.
    """

    def __init__(self, prefix: str, checks: Mapping[str, Check]) -> None:
        self._prefix = prefix
        self._checks = checks
        self.outputs: list[pulumi.Output[Any]] = []
        """Of the values that are checked when they are known."""

    def check(self, value: object, to: type) -> dict[str, Any]:
        """The value with whole numbers as int, sequences as lists, and every Output checked.

        Raises ArgumentError at the first mistake.
        """
        return self._typed_dict(value, to, "")

    def _typed_dict(self, value: object, to: type, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self._error(path or "args", value, f"must be a mapping with keys of {to.__name__}")
        hints = _hints(to)
        prefix = f"{path}." if path else ""
        for key in value:
            if key not in hints:
                known = nearest(str(key), hints) or f"{to.__name__} has {', '.join(sorted(hints))}"
                raise ArgumentError(self._prefix, f"{prefix}{key} is not an argument; {known}")
        required = typing.cast("Any", to).__required_keys__
        result: dict[str, Any] = {}
        for key, hint in hints.items():
            if value.get(key) is not None:
                result[key] = self._value(value[key], hint, f"{prefix}{key}", f"{to.__name__}.{key}")
            elif key in required:
                raise ArgumentError(self._prefix, f"{prefix}{key} is required")
        return result

    def _value(self, value: object, hint: Any, path: str, entry: str) -> Any:
        inner, takes_output = _unwrap(hint)
        if not isinstance(value, pulumi.Output) and not inspect.isawaitable(value):
            return self._plain(value, inner, path, entry)
        if not takes_output:
            raise ArgumentError(
                self._prefix, f"{path} must be a plain value, not an Output: it decides which resources there are"
            )

        output = _apply(value, lambda known: self._plain(known, inner, path, entry))
        if inner is not Any:
            self.outputs.append(output)
        return output

    def _plain(self, value: Any, to: Any, path: str, entry: str) -> Any:
        if typing.is_typeddict(to):
            return self._typed_dict(value, to, path)
        origin = typing.get_origin(to)
        if origin is Sequence:
            return self._sequence(value, typing.get_args(to)[0], path, entry)
        if origin is Mapping:
            mapping = self._mapping(value, typing.get_args(to)[1], path, entry)
            return (
                KubernetesFields(self._error, _apply).fitted(mapping, TYPES[entry](), path)
                if entry in TYPES
                else mapping
            )
        value = self._scalar(value, to, path)
        if (check := self._checks.get(entry)) and (allowed := check(value)):
            raise self._error(path, value, allowed)
        return value

    def _sequence(self, value: object, item: Any, path: str, entry: str) -> list[Any]:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise self._error(path, value, "must be a list")
        if (check := self._checks.get(entry)) and (allowed := check(value)):
            raise self._error(path, value, allowed)
        return [self._value(each, item, f"{path}[{i}]", f"{entry}[]") for i, each in enumerate(value)]

    def _mapping(self, value: object, item: Any, path: str, entry: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self._error(path, value, "must be a mapping")
        if (check := self._checks.get(entry)) and (allowed := check(value)):
            raise self._error(path, value, allowed)
        check_key = self._checks.get(entry + "{}")
        for key in value:
            if not isinstance(key, str):
                raise self._error(f"a key of {path}", key, "must be a string")
            if check_key and (allowed := check_key(key)):
                raise self._error(f"a key of {path}", key, allowed)
        return {key: self._value(each, item, f"{path}[{key!r}]", f"{entry}[]") for key, each in value.items()}

    def _scalar(self, value: Any, to: Any, path: str) -> Any:
        if isinstance(value, float) and value.is_integer() and to not in (str, float):
            # Numbers reach a Python component from other languages as floats.
            value = int(value)
        if to is Any:
            return value
        if to is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, to) or (isinstance(value, bool) and to is not bool):
            raise self._error(path, value, _TYPES[to])
        return value if isinstance(to, types.UnionType) else to(value)

    def _error(self, path: str, value: object, allowed: str) -> ArgumentError:
        return ArgumentError.of_value(self._prefix, path, value, allowed)


def _apply(value: Any, function: Callable[[Any], Any]) -> pulumi.Output[Any]:
    """An Output of what the function returns for the value of an Output."""

    async def call() -> Resolved:
        resolved = await resolve(value)
        if not resolved.known:
            return resolved
        try:
            return replace(resolved, value=function(resolved.value))
        except ArgumentError as error:
            raise (error.for_secret() if resolved.secret else error) from None

    return output_of(call())


_TYPES = {
    int: "must be a whole number",
    float: "must be a number",
    bool: "must be true or false",
    str: "must be a string",
    int | str: "must be a whole number or a string",
}


@functools.cache
def _hints(to: type) -> dict[str, Any]:
    # As they stand: pulumi.Input holds a forward reference that only Pulumi's own module can resolve.
    return inspect.get_annotations(to)


def _unwrap(hint: Any) -> tuple[Any, bool]:
    """The type inside NotRequired and Input, and whether an Output may stand for it."""
    origin = typing.get_origin(hint)
    if origin is typing.NotRequired:
        return _unwrap(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        awaitables = [member for member in typing.get_args(hint) if typing.get_origin(member) is Awaitable]
        return typing.get_args(awaitables[0])[0] if awaitables else hint, bool(awaitables)
    return hint, hint is Any
