"""Plain values stay plain: a function of inputs is an Output only where one of them is."""

from collections.abc import Callable
from typing import Any

import pulumi


def lifted(function: Callable[..., Any], *values: Any) -> Any:
    """``function(*values)``: at once where all values are plain, else an Output of it."""
    if not any(isinstance(value, pulumi.Output) for value in values):
        return function(*values)
    return pulumi.Output.all(*values).apply(lambda known: function(*known))


def jointly(check: Callable[..., None], *values: Any) -> list[Any]:
    """The values, checked together: now where all are plain, else as Outputs that carry the check."""

    def checked(*known: Any) -> list[Any]:
        check(*known)
        return list(known)

    together = lifted(checked, *values)
    return [together[i] for i in range(len(values))]
