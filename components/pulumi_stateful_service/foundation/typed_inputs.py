"""Typed inputs of pulumi_kubernetes, such as ``ContainerArgs``, as dictionaries with the API's own field names."""

from collections.abc import Mapping
from typing import Any

# What the SDK itself calls when it sends them.
from pulumi._types import input_type_to_dict, input_type_types, is_input_type, unwrap_type


def as_dictionaries(value: Any) -> Any:
    """The value with every typed input in it, at any depth of dictionaries and lists, as a dictionary.

    Outputs stay as they are.
    """
    if is_input_type(type(value)):
        value = {key: each for key, each in input_type_to_dict(value).items() if each is not None}
    if isinstance(value, Mapping):
        return {key: as_dictionaries(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_dictionaries(each) for each in value]
    return value


def field_types(typed_input: Any) -> Mapping[str, Any] | None:
    """The types of the fields of a typed input's class, by the API's names; None for another type."""
    if not isinstance(typed_input, type) or not is_input_type(typed_input):
        return None
    return input_type_types(typed_input)


def without_input(hint: Any) -> Any:
    """The type of which a hint accepts an Output too."""
    return unwrap_type(hint)
