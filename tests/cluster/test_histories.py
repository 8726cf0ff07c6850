"""P05, P06, P08, P10: through a whole history of changes, each preview says what then happens, and no data are lost.

Random histories of four to six changes of one service, deployed by ``pulumi up`` as users do: arguments, retention
policies, scaling, edits by hand, transforms, an ``up`` that is killed, a request that is denied, ``--replace``, and in
the end ``pulumi destroy``. ``HISTORIES`` says how many, ``HISTORY_SEED`` which is the first, and
``HISTORIES_NODE=real`` that the Pods run, on the real node. ``HISTORIES=found`` plays those that have found faults;
without any of them some of these are played.
What fails is printed with its seed: ``HISTORY_SEED=17`` repeats it alone.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from api_server_proxy import troubled
from harness import client_for, eventually
from histories import History, Step, history, settings
from histories import changed as with_changes
from history_outcomes import (
    Seen,
    changed,
    differences,
    look,
    lost,
    lost_without_a_word,
    misreported,
    replaced_otherwise,
    unnamed,
)
from history_program import HistoryService, Said, replacing
from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace

FIRST_SEED = int(os.environ.get("HISTORY_SEED", "1"))
HISTORIES = os.environ.get("HISTORIES", "1" if "HISTORY_SEED" in os.environ else "")
FOUND_FAULTS = (
    1,
    3,
    4,
    6,
    11,
    12,
    14,
    15,
    19,
    20,
    23,
    25,
    26,
    27,
    28,
    29,
    34,
    37,
    44,
    51,
    54,
    59,
    80,
    345,
    366,
    491,
    661,
)
"""Seeds of histories that have found faults."""
LOST_DATA = (14, 37, 51, 80, 345, 366)
"""Those of them in which data were lost."""
SLICE = sorted({*LOST_DATA, *FOUND_FAULTS[::2]})
"""What ``make test`` plays."""
SEEDS = {"": SLICE, "found": FOUND_FAULTS}.get(HISTORIES) or range(FIRST_SEED, FIRST_SEED + int(HISTORIES))
ON_REAL_NODE = os.environ.get("HISTORIES_NODE") == "real"
AT_ONCE = int(os.environ.get("HISTORIES_AT_ONCE", "4"))
SECONDS = 20
"""How long the controllers may take for what follows from a change."""


@dataclass
class Player:
    """Plays a history, and notes where what happens is not what was said."""

    rg: HistoryService
    history: History
    found: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    program: Any = None
    own_template: Any = None
    """The Pod template that the last ``up`` has left."""
    is_given_away: bool = False
    """Whether somebody has had claims go with the StatefulSet since the program was run, which no preview could say."""
    said: Said = field(default_factory=lambda: Said(done=True, text="", forecast=None))
    """The last preview."""

    def play(self) -> None:
        """From the first ``up`` to ``destroy``."""
        self.program = self.history.program
        self.rg.settle_on(settings(self.program, on_real_node=ON_REAL_NODE))
        self.rg.up()
        self.own_template = look(self.rg).template
        for number, step in enumerate(self.history.steps, 1):
            self._take(step, f"{number}. {step.what}")
        self._destroy()

    def _note(self, where: str, disagreements: list[str]) -> None:
        self.found += [f"{where}: {each}" for each in disagreements]

    def _take(self, step: Step, where: str) -> None:
        for command in step.by_hand:
            if not look(self.rg).stateful_set or not self.rg.by_hand(command):
                self.counts["edits that the API server refused"] += 1
            self.is_given_away |= any(word in " ".join(command) for word in ("ownerReferences", "RetentionPolicy"))
            self._quiet()
        if step.refreshes and self.rg.run("refresh", "--yes", "--skip-preview").returncode:
            self._note(where, ["refresh failed"])
        if step.runs:
            self._run(step, where)

    def _run(self, step: Step, where: str) -> None:
        earlier = self.program
        self.program = with_changes(self.program, step.changes)
        self.rg.settle_on(settings(self.program, on_real_node=ON_REAL_NODE))
        self.is_given_away = False
        before = self._quiet()
        options = replacing(replaces=step.replaces)
        self.said = said = self.rg.preview(*options)
        self.counts["previews"] += 1
        self._note(where, unnamed(before, self.own_template, said))
        self._note(where, misreported(before, said))
        if "Traceback" in said.text:
            self._note(where, [f"a stack trace:\n{said.text}"])
        if not said.done:
            self._refused(before, options, where)
            self.program = earlier
            return
        if step.killed_after is not None:
            self.rg.up_killed_after(step.killed_after)
            self._note(where, lost_without_a_word(before, self._quiet(), said))
            self._again(where)
            return
        with self._denied(step) as between:
            up = self.rg.up_after_preview(*options)
        if not up.done:
            after = self._quiet()
            self._note(where, lost_without_a_word(before, after, said))
            if between is None or not between.refused:
                self._note(where, [f"the preview was right, and up fails: {_errors(up.text)}"])
                self.counts["ups that failed"] += 1
            self._again(where)
            return
        self.counts["ups"] += 1
        if between is not None and between.refused and up.forecast != said.forecast and _did_nothing(up):
            # What could not be read is not judged, and what is not judged is not done.
            if "not checked against the cluster" not in up.text:
                self._note(where, ["up did nothing, and does not say why"])
            self._note(where, changed(before, self._quiet()))
            self._again(where)
            return
        self._judge(before, said, up, where)

    def _judge(self, before: Seen, said: Said, up: Said, where: str) -> None:
        """Holds what was said against what has happened, when the controllers have done what follows."""
        deadline = time.monotonic() + SECONDS
        while True:
            after = look(self.rg)
            disagreements = lost_without_a_word(before, after, said)
            disagreements += replaced_otherwise(before, after, said)
            if said.forecast is not None:
                disagreements += differences(before, after, said.forecast)
            if not disagreements or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        self._note(where, disagreements)
        if said.forecast is not None and up.forecast != said.forecast:
            self._note(where, [f"the preview said {said.forecast}, and up {up.forecast}"])
        if said.forecast is None or said.forecast["set"] != "Unchanged":
            self.own_template = after.template

    def _refused(self, before: Seen, options: list[str], where: str) -> None:
        """A refused change leaves everything as it was, in ``up`` too."""
        self.counts["refused"] += 1
        if self.rg.up_after_preview(*options).done:
            self._note(where, [f"the preview refuses, and up does not: {_errors(self.said.text)}"])
        self._note(where, changed(before, look(self.rg)))

    def _again(self, where: str) -> None:
        """The ``up`` after one that was interrupted."""
        before = self._quiet()
        self.own_template = None
        said = self.rg.preview()
        up = self.rg.up_after_preview() if said.done else said
        if not up.done:
            self._note(f"{where}, once more", [f"fails: {_errors(up.text)}"])
            return
        self.own_template = before.template
        self._judge(before, said, up, f"{where}, once more")

    def _destroy(self) -> None:
        """``destroy`` loses no claim but those that the program wants deleted with the service."""
        before = self._quiet()
        result = self.rg.run("destroy", "--yes", "--skip-preview")
        if result.returncode:
            self._note("destroy", [f"fails: {_errors(result.stdout)}"])
            return
        with suppress(AssertionError):
            eventually("the Pods are gone", lambda: not self.rg.pods(), SECONDS)
        after = self._after_the_set(before)
        if self._when_deleted() == "Retain" and not self.is_given_away:
            names = [name for name in lost(before, after) if not before.claims[name].is_terminating]
            self._note("destroy", [f"claim {name} is lost, and the program retains it" for name in names])

    def _when_deleted(self) -> str:
        policy = self.program.get("persistent_volume_claim_retention_policy") or {}
        transform = self.program.get("transform") or {}
        return "Delete" if transform.get("does") == "policy" else str(policy.get("when_deleted", "Retain"))

    def _after_the_set(self, before: Seen) -> Seen:
        """The service when the collector of what the StatefulSet owned has been at work."""
        deadline = time.monotonic() + 3
        while not lost(before, after := look(self.rg)) and time.monotonic() < deadline:
            time.sleep(0.2)
        return after

    def _denied(self, step: Step) -> Any:
        if step.denied is None:
            return nullcontext()
        wanted, part, number = step.denied
        count = 0

        def refuse(_: int, method: str, path: str) -> int | None:
            nonlocal count
            count += method == wanted and part in path
            return 409 if method == wanted and part in path and count == number else None

        return troubled(self.rg, refuse)

    def _quiet(self) -> Seen:
        """The service when its controllers have nothing to do; as it is where they do not come to an end."""
        deadline = time.monotonic() + SECONDS
        while True:
            seen = look(self.rg)
            if seen.is_quiet and seen == look(self.rg):
                return seen
            if time.monotonic() > deadline:
                self.counts["services that were not quiet"] += 1
                return seen
            time.sleep(0.1)


def _did_nothing(up: Said) -> bool:
    return up.forecast is not None and up.forecast["set"] == "Unchanged"


def _errors(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if "error" in line or "StatefulService" in line]
    return "\n    ".join(lines[:8]) or text


def played(number: int, env: dict[str, str], folder: Path, chosen: History) -> Player:
    """Plays a history in a namespace of its own."""
    with client_for(env) as client:
        name = f"history-{number}-{os.getpid()}"
        client.create(Namespace(metadata=ObjectMeta(name=name)))
        try:
            player = Player(HistoryService(folder / name, env, namespace=name, client=client), chosen)
            try:
                player.play()
            except Exception as error:  # noqa: BLE001 - the other histories go on
                player.found.append(f"{type(error).__name__}: {error}")
            return player
        finally:
            client.delete(Namespace, name)


@pytest.mark.alone
@pytest.mark.usefixtures("three_simulated_nodes")
def test_p05_histories_happen_as_foretold(
    client: Client, env: dict[str, str], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Each step does what its preview said, refused changes change nothing, and no claim is lost without a word."""
    assert client
    chosen = [history(seed, on_real_node=ON_REAL_NODE) for seed in SEEDS]
    started = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        players = list(threads.map(lambda each: played(each.seed, env, tmp_path, each), chosen))
    counts = sum((player.counts for player in players), Counter())
    record_property("seconds per history", round((time.monotonic() - started) / len(chosen), 1))
    record_property("what was done", dict(counts))
    wrong = [player for player in players if player.found]
    report = "\n\n".join("\n  ! ".join([str(player.history), *player.found]) for player in wrong)
    assert not wrong, f"{len(wrong)} of {len(players)} histories:\n{report}"
