"""What comes of asking an instance something: it passes, it fails, or there is no answer to judge it by."""

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum

from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError, PodError


class Outcome(Enum):
    """Of one question."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ANSWERED = "not answered"
    """The API server, or what is between it and the instance, did not answer. It tells nothing of the instance."""


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one question, and why it is not another."""

    outcome: Outcome
    why: str = ""
    """In one line; empty where it passed."""


PASSED = CheckResult(Outcome.PASSED)


async def asked(question: Awaitable[str | None]) -> CheckResult:
    """The result of a question to an instance, whatever happens to the question on its way.

    ``question`` is answered by why it fails, or None. Raises ForbiddenError where the credentials do not allow to ask:
    that does not change by asking again.
    """
    try:
        why = await question
    except ForbiddenError:
        raise
    except PodError as error:
        return CheckResult(Outcome.FAILED, error.problem)
    except ClusterError as error:
        return CheckResult(Outcome.NOT_ANSWERED, error.problem)
    return PASSED if why is None else CheckResult(Outcome.FAILED, why)
