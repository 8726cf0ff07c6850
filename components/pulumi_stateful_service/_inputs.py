"""Plain values stay plain: a function of inputs is an Output only where one of them is."""

from collections.abc import Callable
from typing import Any

import pulumi


def lifted(function: Callable[..., Any], *values: Any) -> Any:
    """``function(*values)``: at once where all values are plain, else an Output of it."""
    if not any(isinstance(value, pulumi.Output) for value in values):
        return function(*values)
    return pulumi.Output.all(*values).apply(lambda known: function(*known))


def together(*values: Any) -> pulumi.Output[list[Any]]:
    """``Output.all``, except that a value without an Output in it is not taken apart into one for each of its parts.

    Pulumi's SDK goes through every unfinished Output of a program again and again.
    """
    waiting = [place for place, value in enumerate(values) if _has_output(value)]

    def all_of(known: list[Any]) -> list[Any]:
        of_place = dict(zip(waiting, known, strict=True))
        return [of_place.get(place, value) for place, value in enumerate(values)]

    return pulumi.Output.all(*(values[place] for place in waiting)).apply(all_of)


def jointly(check: Callable[..., None], *values: Any) -> list[Any]:
    """The values, checked together: now where all are plain, else as Outputs that carry the check."""

    def checked(*known: Any) -> list[Any]:
        check(*known)
        return list(known)

    joint = lifted(checked, *values)
    return [joint[i] for i in range(len(values))]


def _has_output(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_output, value.values() if isinstance(value, dict) else value))
    return isinstance(value, pulumi.Output)
