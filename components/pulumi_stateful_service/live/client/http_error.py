"""A request without an answer."""


class HttpError(Exception):
    """A server that gave no answer; the message says which, and why."""

    def __init__(self, problem: str, *, transient: bool = False, sent: bool = False, timed_out: bool = False) -> None:
        super().__init__(problem)
        self.transient = transient
        """Whether there may be an answer later."""
        self.sent = sent
        """Whether the request may have been carried out; otherwise it certainly was not."""
        self.timed_out = timed_out
        """Whether it was sent, and its answer was not complete in time."""
