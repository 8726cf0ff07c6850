"""Typed inputs of pulumi_kubernetes, such as ``ContainerArgs``, as dictionaries with the API's own field names."""

from collections.abc import Mapping
from typing import Any

from pulumi._types import input_type_to_dict, is_input_type  # what the SDK itself calls when it sends them


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
