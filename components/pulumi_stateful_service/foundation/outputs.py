"""Plain values stay plain: a function of inputs is an Output only where one of them is."""

from collections.abc import Callable
from typing import Any

import pulumi


def apply_inputs(function: Callable[..., Any], *values: Any) -> Any:
    """``function(*values)``: at once where all values are plain, else an Output of it."""
    if not any(isinstance(value, pulumi.Output) for value in values):
        return function(*values)
    return pulumi.Output.all(*values).apply(lambda known: function(*known))


def all_outputs(*values: Any) -> pulumi.Output[list[Any]]:
    """``Output.all``, by fewer Outputs: each time one is done, Pulumi's SDK goes through all that are not.

    A value without an Output in it is not taken apart into one for each of its parts, and those that wait do so one
    after the other, not each with Outputs of its own.
    """
    waiting = [place for place, value in enumerate(values) if _has_output(value)]

    def after(known: dict[int, Any]) -> Any:
        if len(known) == len(waiting):
            return [known.get(place, value) for place, value in enumerate(values)]
        place = waiting[len(known)]
        return _whole(values[place]).apply(lambda value: after_one(known, place, value))

    def after_one(known: dict[int, Any], place: int, value: Any) -> Any:
        if _has_output(value):
            return _whole(value).apply(lambda whole: after({**known, place: whole}))
        return after({**known, place: value})

    if not waiting:
        return pulumi.Output.from_input(None).apply(lambda _: list(values))
    brought: pulumi.Output[list[Any]] = after({})
    return brought


def _whole(value: Any) -> pulumi.Output[Any]:
    return value if isinstance(value, pulumi.Output) else pulumi.Output.from_input(value)


def checked_together(check: Callable[..., None], *values: Any) -> list[Any]:
    """The values, checked together: now where all are plain, else as Outputs that carry the check."""

    def checked(*known: Any) -> list[Any]:
        check(*known)
        return list(known)

    joint = apply_inputs(checked, *values)
    return [joint[i] for i in range(len(values))]


def _has_output(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_output, value.values() if isinstance(value, dict) else value))
    return isinstance(value, pulumi.Output)
