"""The one error that a user's mistake gets."""

import pulumi

_MAX_SHOWN = 80


class ArgumentError(pulumi.RunError):
    """An argument that cannot work: which one, its value, and what is allowed.

    Pulumi prints a RunError as its message alone, without a stack trace. Raised when the component is constructed, or,
    where the value is an Output, when it is known.
    """

    def __init__(self, where: str, argument: str, problem: str, remedy: str) -> None:
        super().__init__(f"{where}: {argument} {problem}; {remedy}")
        self._parts = (where, argument, remedy)

    @classmethod
    def of_value(cls, where: str, argument: str, value: object, allowed: str) -> "ArgumentError":
        """A value that is not allowed; ``allowed`` goes on from "it"."""
        shown = repr(value)
        if len(shown) > _MAX_SHOWN:
            shown = shown[: _MAX_SHOWN - 1] + "…"
        return cls(where, argument, f"is {shown}", f"it {allowed}")

    def without_value(self) -> "ArgumentError":
        """The same, for a value that must not be shown."""
        where, argument, remedy = self._parts
        return ArgumentError(where, argument, "has a secret value that cannot work", remedy)


class RolloutError(pulumi.RunError):
    """A rollout that was not done in time: which instances are not there yet, why, and what to do."""


class RefusedError(pulumi.RunError):
    """A change that would lose data or leave it behind: what it would do, and how to get there safely."""
