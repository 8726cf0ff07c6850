"""The errors that users see.

- ``pulumi.RunError``: Pulumi prints its message alone, without a stack trace.
  - ``StatefulServiceError``: what a program catches for all of these.
    - ``ArgumentError``: an argument that cannot work. Nothing was sent.
    - ``RefusedError``: a change that would lose data or leave it behind. Nothing was changed.
    - ``RolloutError``: a rollout that did not complete. The next ``pulumi up`` continues it.
    - ``ClusterError``: the cluster cannot be used (``live.client.errors``).
"""

from collections.abc import Callable, Mapping

import pulumi

from pulumi_stateful_service.documentation import with_page
from pulumi_stateful_service.outside_text import without_controls

_MAX_SHOWN = 80
_translate: Callable[[str], str] = str


def use_argument_names(rename: Callable[[str], str]) -> None:
    """Has messages name arguments as another language writes them: ``rename`` changes the names in a text."""
    global _translate  # noqa: PLW0603 - a process serves programs of one language
    _translate = rename


def with_argument_names(text: str) -> str:
    """A message with the names of arguments as the program's language writes them, fit for a terminal."""
    return without_controls(_translate(text))


class StatefulServiceError(pulumi.RunError):
    """The base class of ``ArgumentError``, ``RefusedError``, ``RolloutError``, and of errors of the cluster.

    A program can catch the first, where it creates the component. The others come later: they fail ``pulumi up`` or
    ``pulumi preview``, and are raised where a program awaits an output of the component.
    """


class ArgumentError(StatefulServiceError):
    """An argument that cannot work: which one, its value, and what is allowed.

    Raised when the component is constructed, or, where a value is an Output, when it is known.
    """

    def __init__(self, prefix: str, message: str, without_values: str | None = None) -> None:
        """``without_values`` is the message for values that are secret. Default: the message."""
        super().__init__(f"{prefix}: {message}")
        self._prefix = prefix
        self._message = message
        self._without_values = without_values or message
        self._value: tuple[str, object, str] | None = None

    @classmethod
    def of_value(cls, prefix: str, argument: str, value: object, allowed: str) -> "ArgumentError":
        """A value that is not allowed; ``allowed`` continues a sentence that begins with "it"."""
        error = cls(
            prefix,
            f"{argument} is {shown(value)}; it {allowed}",
            f"{argument} has a secret value that is not allowed; it {allowed}",
        )
        error._value = (argument, value, allowed)
        return error

    def for_secret(self) -> "ArgumentError":
        """The same error without the value."""
        return ArgumentError(self._prefix, self._without_values)

    def for_other_languages(self, rename: Callable[[str], str]) -> str:
        """The message with the names that ``rename`` gives, and the value as JSON writes it: true, null, 5 for 5.0."""
        if self._value is None:
            return f"{self._prefix}: {rename(self._message)}"
        argument, value, allowed = self._value
        return f"{self._prefix}: {rename(argument)} is {_shortened(_as_json(value))}; it {rename(allowed)}"


class RefusedError(StatefulServiceError):
    """A change that would lose data or leave it behind: what it would do, and how to make it safely."""

    def __init__(self, message: str) -> None:
        super().__init__(with_argument_names(with_page(message)))


class RolloutError(StatefulServiceError):
    """A rollout that did not complete in time: which instances are not there yet, why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(with_argument_names(with_page(message)))
        self.problem = message
        """The message without the address of a page that was added to it."""


def shown(value: object) -> str:
    """A value as messages show it: at most 80 characters."""
    return _shortened(repr(value))


def _as_json(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_as_json(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_as_json, value))}]"
    return repr(value)


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
