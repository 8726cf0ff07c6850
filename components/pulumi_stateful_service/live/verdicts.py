"""What was found about a change is said here, and what cannot be judged is not done."""

from collections.abc import Iterable

import pulumi

from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.live.client.errors import ClusterError


class Verdicts:
    """What was found about one change."""

    def __init__(self, prefix: str, resource: pulumi.Resource) -> None:
        """``prefix`` begins every message, which ``resource`` shows."""
        self.prefix = prefix
        self.resource = resource
        self.said: set[str] = set()
        """Warnings that are not said again."""
        self.unknown_because = ""
        """Why it is not known what the change does; empty where it is, or where nobody has asked."""
        self._warned_of_unknown = False
        self._shown: set[str] = set()

    def say(self, text: str) -> None:
        """Shows a message, unless it was shown: what had to wait for its turn is judged again."""
        if text not in self._shown:
            self._shown.add(text)
            messages.info(f"{self.prefix}: {text}", self.resource)

    def warn(self, text: str) -> None:
        """Shows a warning."""
        messages.warn(f"{self.prefix}: {text}", self.resource)

    def warn_once(self, text: str) -> None:
        """Shows a warning, unless it was shown by this or noted in ``said``."""
        if text not in self.said:
            self.said.add(text)
            self.warn(text)

    def refuse(self, refusals: Iterable[str], advice: str = "") -> None:
        """Raises RefusedError with the first refusal, if there is one, and what to do."""
        for refusal in refusals:
            raise RefusedError(" ".join(filter(None, [f"{self.prefix}: {refusal}", advice])))

    def not_judged(self, why: str, error: ClusterError | None = None, advice: str = "") -> None:
        """What cannot be judged is not done: a preview warns, and ``up`` ends before anything is sent.

        Raises the error that is the cause, if it says all. ``advice`` says how to go on all the same.
        """
        if pulumi.runtime.is_dry_run():
            self.warn_not_judged(why)
            return
        if error is not None and error.problem == why:
            raise error
        self.refuse([f"this change cannot be checked against the cluster, so it is not made: {why}.{advice}"])

    def warn_not_judged(self, why: str) -> None:
        """Warns once that the change was not judged, and why."""
        self.unknown_because = why
        if not self._warned_of_unknown:
            self._warned_of_unknown = True
            self.warn(f"this change was not checked against the cluster: {why}.")
