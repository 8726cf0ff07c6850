"""Runs checks across several arguments: at once where all are plain, else when they are known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from pulumi_stateful_service.errors import ArgumentError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.outputs import contains_output, resolve


@dataclass
class CrossChecks:
    """The checks of one component. They change no argument: the component waits for ``run`` instead."""

    prefix: str
    """Begins every message."""
    resource: pulumi.Resource | None = None
    """Where warnings are shown."""
    outputs: Sequence[pulumi.Output[Any]] = ()
    """Of single values, which fail where the value is wrong by itself."""
    _said: set[str] = field(default_factory=set)
    _later: list[tuple[Callable[..., None], tuple[Any, ...]]] = field(default_factory=list)

    def within(self, group: str) -> "CrossChecks":
        """Checks whose messages name a group; these themselves for the only group of a service without any."""
        return replace(self, prefix=f"{self.prefix}: group {group!r}") if group else self

    def check(self, function: Callable[..., None], *values: Any) -> None:
        """Calls the function with the values, now or in ``run``."""
        if contains_output(values):
            self._later.append((function, values))
        else:
            function(*values)

    def error(self, message: str, without_values: str | None = None) -> ArgumentError:
        """An error; ``without_values`` is its message where a value is secret."""
        return ArgumentError(self.prefix, message, without_values)

    def error_of_value(self, argument: str, value: object, allowed: str) -> ArgumentError:
        """An error about one value; ``allowed`` continues a sentence that begins with "it"."""
        return ArgumentError.of_value(self.prefix, argument, value, allowed)

    def refuse_both(self, args: Any, first: str, second: str, path: str = "") -> None:
        """Raises where both arguments are given."""
        if first in args and second in args:
            raise self.error(f"{path}{first} and {path}{second} are mutually exclusive")

    def warn(self, message: str) -> None:
        """Shows a warning."""
        if message not in self._said:
            self._said.add(message)
            messages.warn(f"{self.prefix}: {message}", self.resource)

    @property
    def are_done(self) -> bool:
        """Whether all values were known at once, so that ``run`` has nothing to do."""
        return not self.outputs and not self._later

    async def run(self) -> None:
        """Runs the checks whose values were not known at once, without those whose values are unknown in a preview.

        Raises ArgumentError at the first mistake. Its message shows no secret.
        """
        for output in self.outputs:
            await output.future(with_unknowns=True)
        for function, values in self._later:
            resolved = await resolve(list(values))
            if not resolved.known:
                continue
            try:
                function(*resolved.value)
            except ArgumentError as error:
                raise (error.for_secret() if resolved.secret else error) from None
