"""Values with the field names of Kubernetes: maps, lists and single values where Kubernetes has them.

The types are the ones that pulumi_kubernetes sends the fields with. Its serialization ends in a stack trace where a
list stands for a map, so that is found before. Fields that pulumi_kubernetes does not know are left as they are.
"""

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes  # imports its modules when they are used

from pulumi_stateful_service.foundation.typed_inputs import as_dictionaries, field_types, without_input

TYPES: Mapping[str, Callable[[], type]] = {
    "StatefulServiceArgs.pod_template": lambda: kubernetes.core.v1.PodTemplateSpecArgs,
    "StatefulServiceArgs.affinity": lambda: kubernetes.core.v1.AffinityArgs,
    "GroupArgs.affinity": lambda: kubernetes.core.v1.AffinityArgs,
}
"""The arguments that have such a value, each with its type."""

_SINGLE = {
    str: "must be a string",
    int: "must be a whole number",
    float: "must be a number",
    bool: "must be true or false",
    int | str: "must be a whole number or a string",
}


@dataclass(frozen=True)
class KubernetesFields:
    """Fits values to the types of their fields."""

    misfit: Callable[[str, object, str], Exception]
    """The error about a value of the wrong kind: its path, itself, and what is allowed."""
    apply: Callable[[Any, Callable[[Any], Any]], Any]
    """Applies a function to an Output."""

    def fitted(self, value: Any, to: Any, path: str) -> Any:
        """The value; an empty list in place of a map, or the reverse, as an empty one of the right kind.

        Programs in other languages write an empty list where they cannot write null. Raises ``misfit``.
        """
        if value is None:  # which removes a field
            return None
        if isinstance(value, pulumi.Output) or inspect.isawaitable(value):
            return self.apply(value, lambda known: self.fitted(known, to, path))
        value, to = as_dictionaries(value), without_input(to)
        if typing.get_origin(to) is Sequence:
            return self._list(value, typing.get_args(to)[0], path)
        if typing.get_origin(to) is Mapping:
            of_any = typing.get_args(to)[1]
            return self._map(value, path, lambda key: (of_any, f"{path}[{key!r}]"))
        if (fields := field_types(to)) is not None:
            return self._map(value, path, lambda key: (fields.get(key, Any), f"{path}.{key}"))
        if to in _SINGLE and isinstance(value, list | Mapping):
            raise self.misfit(path, value, _SINGLE[to])
        return value

    def _list(self, value: Any, of: Any, path: str) -> list[Any]:
        if value == {}:
            return []
        if not isinstance(value, list):
            raise self.misfit(path, value, "must be a list")
        if None in value:
            raise self.misfit(f"{path}[{value.index(None)}]", None, "must not be null")
        return [self.fitted(each, of, f"{path}[{i}]") for i, each in enumerate(value)]

    def _map(self, value: Any, path: str, field: Callable[[str], tuple[Any, str]]) -> dict[str, Any]:
        if value == []:
            return {}
        if not isinstance(value, Mapping):
            raise self.misfit(path, value, "must be a mapping")
        for key in value:
            if not isinstance(key, str):
                raise self.misfit(f"a key of {path}", key, "must be a string")
        return {key: self.fitted(each, *field(key)) for key, each in value.items()}
