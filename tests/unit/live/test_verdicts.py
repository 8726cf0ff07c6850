"""What was found about a change is said once, and what cannot be judged is not done."""

from typing import Any
from unittest.mock import patch

import pytest
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.verdicts import Verdicts


@pytest.fixture
def verdicts() -> Verdicts:
    resource: Any = None
    return Verdicts("StatefulService 'db'", resource)


def test_what_is_judged_twice_is_said_once(verdicts: Verdicts) -> None:
    with patch("pulumi.log.info") as info, patch("pulumi.log.warn") as warn:
        for text in ("a waits", "b waits", "a waits"):
            verdicts.say(text)
            verdicts.warn_once(text)
    assert [call.args[0] for call in info.call_args_list] == [
        "StatefulService 'db': a waits",
        "StatefulService 'db': b waits",
    ]
    assert warn.call_count == 2


def test_the_first_refusal_is_raised_with_what_to_do(verdicts: Verdicts) -> None:
    verdicts.refuse([])
    with pytest.raises(RefusedError, match=r"^StatefulService 'db': no\. Wait\b"):
        verdicts.refuse(["no.", "never."], "Wait.")


@pytest.mark.parametrize(("why", "expected"), [("away", ClusterError), ("the look: away", RefusedError)])
def test_an_up_ends_where_nothing_was_judged(verdicts: Verdicts, why: str, expected: type[Exception]) -> None:
    error = ClusterError("away")
    with patch("pulumi.runtime.is_dry_run", return_value=False), pytest.raises(expected, match="away"):
        verdicts.not_judged(why, error)


def test_a_preview_warns_once_where_nothing_was_judged(verdicts: Verdicts) -> None:
    with patch("pulumi.runtime.is_dry_run", return_value=True), patch("pulumi.log.warn") as warn:
        verdicts.not_judged("away")
        verdicts.not_judged("still away")
    warn.assert_called_once()
    assert verdicts.unknown_because == "still away"
