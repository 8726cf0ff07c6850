"""The errors that users see. Pulumi prints a ``pulumi.RunError`` as its message, without a stack trace."""

import pulumi

_MAX_SHOWN = 80


class ArgumentError(pulumi.RunError):
    """An argument that cannot work: which one, its value, and what is allowed.

    Raised when the component is constructed, or, where a value is an Output, when it is known.
    """

    def __init__(self, prefix: str, message: str, without_values: str | None = None) -> None:
        """``without_values`` is the message for values that are secret. Default: the message."""
        super().__init__(f"{prefix}: {message}")
        self._prefix = prefix
        self._without_values = without_values or message

    @classmethod
    def of_value(cls, prefix: str, argument: str, value: object, allowed: str) -> "ArgumentError":
        """A value that is not allowed; ``allowed`` continues a sentence that begins with "it"."""
        return cls(
            prefix,
            f"{argument} is {shown(value)}; it {allowed}",
            f"{argument} has a secret value that is not allowed; it {allowed}",
        )

    def for_secret(self) -> "ArgumentError":
        """The same error without the value."""
        return ArgumentError(self._prefix, self._without_values)


class RefusedError(pulumi.RunError):
    """A change that would lose data or leave it behind: what it would do, and how to make it safely."""


class RolloutError(pulumi.RunError):
    """A rollout that did not complete in time: which instances are not there yet, why, and what to do."""


def shown(value: object) -> str:
    """A value as messages show it: at most 80 characters."""
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
