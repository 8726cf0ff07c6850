"""What the component asks the API server, and how often; and an API server that is slow, busy or away for a while."""

import os
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from api_server_proxy import Troubled, troubled
from credential_plugin import exec_kubeconfig, runs_by_program
from faults import Make, as_asked
from own_requests import OURS

SECONDS = float(os.environ.get("AWAY_SECONDS", "10"))
"""How long the API server is busy or away."""
_LIST = re.compile(
    r"/(?:pods|persistentvolumeclaims|events|controllerrevisions|secrets|configmaps|endpointslices)(\?|$)"
)


def own(between: Troubled) -> list[str]:
    """The component's own requests until now, which are forgotten."""
    found = [f"{method} {path}" for agent, method, path in between.asked if agent.startswith(OURS)]
    between.asked.clear()
    return found


def test_how_often_the_api_server_is_asked(service: Make, record_property: Callable[[str, object], None]) -> None:
    """Few requests, and of what others have in the namespace none: lists are by labels or fields."""
    rg = service(secret_env={"PASSWORD": "secret"}, quorum=True, replicas=3)
    counts: dict[str, int] = {}
    asked: list[str] = []
    with troubled(rg, lambda *_: None) as between:

        def count(what: str, *arguments: str) -> None:
            rg.must(*arguments)
            requests = own(between)
            # While it waits, it asks the same again.
            counts[what] = len(requests if "preview" in arguments else set(requests))
            asked.extend(requests)

        up = ("up", "--yes", "--skip-preview")
        count("first preview", "preview")
        count("first up", *up)
        count("unchanged preview", "preview")
        count("unchanged up", *up)
        rg.set(image="random-generator:2.0")
        count("preview of an image", "preview")
        count("up of an image", *up)
        rg.set(replicas=1, quorum=None)
        count("up with fewer instances", *up)
        count("destroy", "destroy", "--yes", "--skip-preview")
    record_property("requests", counts)
    whole = [each for each in asked if _LIST.search(each) and each.startswith("GET") and "Selector=" not in each]
    assert not whole, whole
    assert {what: number for what, number in counts.items() if number > MOST[what]} == {}, counts


MOST = {
    "first preview": 20,
    "first up": 20,
    "unchanged preview": 6,
    "unchanged up": 4,
    "preview of an image": 9,
    "up of an image": 12,
    "up with fewer instances": 12,
    "destroy": 0,
}
"""Requests of one service of three instances with a Secret, whose outputs are used: what adds one has a reason.

In ``up``, what is asked again and again until something happens counts once.
"""


MANY = """\
import json
from pathlib import Path
from pulumi_stateful_service import StatefulService

args = json.loads(Path("args.json").read_text())
for number in range(20):
    StatefulService(f"rg-{number}", {**args, "service_name": f"rg-{number}"})
"""


def test_many_services_share_their_looks(service: Make, record_property: Callable[[str, object], None]) -> None:
    """Twenty services of one namespace, unchanged: by themselves, each would send two requests."""
    rg = service(replicas=0)
    (rg.folder / "__main__.py").write_text(MANY)
    rg.up()
    with troubled(rg, lambda *_: None) as between:
        rg.must("preview", "--expect-no-changes")
        asked = own(between)
    record_property("requests", len(asked))
    assert len(asked) <= 34, asked


class Trouble:
    """The API server's state as the component alone finds it, for some seconds after it was asked so often."""

    def __init__(self, answer: int, after: int, seconds: float = SECONDS) -> None:
        self.between: Troubled | None = None
        self._answer, self._after, self._seconds = answer, after, seconds
        self._until: float | None = None
        self._asked = 0

    def refuse(self, _number: int, _method: str, _path: str) -> int | None:
        """What is answered to the next request."""
        assert self.between
        if not self.between.asked[-1][0].startswith(OURS):
            return None
        self._asked += 1
        if self._asked <= self._after:
            return None
        self._until = self._until or time.monotonic() + self._seconds
        return self._answer if time.monotonic() < self._until else None

    @property
    def was_met(self) -> bool:
        """Whether there was a request meanwhile."""
        return self._until is not None


@pytest.mark.parametrize("answer", [0, 429, 503])
@pytest.mark.parametrize("after", [0, 4, pytest.param(9, marks=pytest.mark.long)])
def test_an_api_server_that_is_away_for_a_while(service: Make, answer: int, after: int) -> None:
    """Connections that break, 429 and 503 for ten seconds, early and late: a rollout in steps ends all the same."""
    rg = service(rollout={"steps": [1]})
    rg.up()
    rg.set(image="random-generator:2.0")
    trouble = Trouble(answer, after)
    with troubled(rg, trouble.refuse) as trouble.between:
        rg.up()
    assert trouble.was_met
    as_asked(rg)
    rg.unchanged()


@pytest.mark.long
def test_an_api_server_that_is_busy_for_half_a_minute(service: Make) -> None:
    """429 with Retry-After to each request of the component, from the first on: up waits, and does all of it."""
    rg = service(rollout={"steps": [1]})
    rg.up()
    rg.set(image="random-generator:2.0")
    trouble = Trouble(429, 0, 30)
    with troubled(rg, trouble.refuse) as trouble.between:
        rg.up()
    assert trouble.was_met
    as_asked(rg)
    rg.unchanged()


@pytest.mark.parametrize("command", [("preview",), ("up", "--yes", "--skip-preview")], ids=["preview", "up"])
def test_a_credential_plugin_runs_once(service: Make, tmp_path: Path, command: Sequence[str]) -> None:
    """As with client-go: once in a process, however many services there are and however long it takes."""
    rg = service(replicas=1, rollout={"steps": [1]})
    rg.up()
    runs = exec_kubeconfig(rg, tmp_path, None)
    rg.set(image="random-generator:2.0")
    rg.must(*command)
    assert runs_by_program(runs) == 1


def test_a_credential_that_expires_while_an_up_runs(service: Make, tmp_path: Path) -> None:
    """A certificate for five seconds: another one is fetched when it has expired, not before."""
    rg = service(rollout={"steps": [1]}, min_ready_seconds=4)
    rg.up()
    runs = exec_kubeconfig(rg, tmp_path, timedelta(seconds=5))
    rg.set(image="random-generator:2.0")
    started = datetime.now(UTC)
    rg.up()
    took = (datetime.now(UTC) - started).total_seconds()
    assert 2 <= runs_by_program(runs) <= took / 5 + 1
    as_asked(rg)
