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


def failed(why: str) -> CheckResult:
    """The instance has answered, and it is not what it should be."""
    return CheckResult(Outcome.FAILED, why)


async def asked(question: Awaitable[CheckResult]) -> CheckResult:
    """The result of a question to an instance, whatever happens to the question on its way.

    Raises ForbiddenError where the credentials do not allow to ask: that does not change by asking again.
    """
    try:
        return await question
    except ForbiddenError:
        raise
    except PodError as error:
        return failed(error.problem)
    except ClusterError as error:
        return CheckResult(Outcome.NOT_ANSWERED, error.problem)
