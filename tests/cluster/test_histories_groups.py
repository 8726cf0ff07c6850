"""P05, P06, P14: random changes of the groups of a service: never two groups stopped at once, and no claim deleted.

``GROUP_HISTORIES`` is the number of histories, ``HISTORY_SEED`` the seed of the first.
"""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness import Service, only, watching
from test_members import SHELL

Make = Callable[..., Service]

FIRST_SEED = int(os.environ.get("HISTORY_SEED", "1"))
HISTORIES = int(os.environ.get("GROUP_HISTORIES", "1" if "HISTORY_SEED" in os.environ else "20"))
STEPS = 5
KEPT = "old"
"""The group that has the StatefulSet of the service without groups."""


@dataclass
class Groups:
    """The groups of a service, and what changes in them."""

    dice: random.Random
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    order: list[str] | None = None
    changed: int = 0
    """How often the environment of all groups has changed."""
    empty: Sequence[str] = ()
    """The groups that have been deployed without an instance."""

    def arguments(self) -> dict[str, Any]:
        """Those of the service."""
        return {"groups": self.groups, "group_order": self.order, "env": {"CHANGED": str(self.changed)}}

    def step(self) -> str:
        """Changes one or two things, and says which."""
        self.empty = [name for name, group in self.groups.items() if not group["replicas"]]
        kinds = (self.group, self.group, self.all, self.all, self.scaled, self.scaled, self.added, self.emptied)
        return ", ".join(
            kind() for kind in self.dice.sample([*kinds, self.removed, self.ordered], self.dice.choice([1, 2]))
        )

    def group(self) -> str:
        """Another template of one group."""
        name = self._any()
        self.groups[name] = {**self.groups[name], "env": {"OWN": str(self.dice.random())}}
        return f"env of {name}"

    def all(self) -> str:
        """Another template of all groups."""
        self.changed += 1
        return "env of all"

    def scaled(self) -> str:
        """Another number of instances."""
        return self._set(self._any(), self.dice.choice([1, 2, 3]))

    def emptied(self) -> str:
        """No instance, where others go on."""
        name = self._any()
        return self._set(name, 0) if self._others(name) else "nothing"

    def added(self) -> str:
        """One group more."""
        free = sorted({"a", "b", "c", "p"} - self.groups.keys())
        if not free:
            return "nothing"
        name = self.dice.choice(free)
        self.groups, self.order = {**self.groups, name: {"replicas": 0}}, None
        return self._set(name, self.dice.choice([1, 2]))

    def removed(self) -> str:
        """The groups that the last ``up`` has left empty."""
        gone = [name for name in self.empty if not self.groups[name]["replicas"]]
        if gone:
            self.groups, self.order = {name: self.groups[name] for name in self.groups if name not in gone}, None
        return f"removed {gone}"

    def ordered(self) -> str:
        """Another order of updates."""
        self.order = self.dice.sample(sorted(self.groups), len(self.groups))
        return f"order {self.order}"

    def _any(self) -> str:
        return self.dice.choice(sorted(self.groups))

    def _others(self, name: str) -> int:
        return sum(group["replicas"] for other, group in self.groups.items() if other != name)

    def _set(self, name: str, replicas: int) -> str:
        self.groups[name] = {**self.groups[name], "replicas": replicas}
        return f"{name} has {replicas}"


def stopped_at_once(events: Sequence[tuple[str, str]]) -> list[set[str]]:
    """The StatefulSets of which Pods were ending at the same time."""
    ending: set[str] = set()
    found = []
    for event, pod in only(list(events), "ending", "deleted"):
        (ending.add if event == "ending" else ending.discard)(pod)
        sets = {each.rpartition("-")[0] for each in ending}
        if len(sets) > 1:
            found.append(sets)
    return found


@pytest.mark.long
@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + HISTORIES))
def test_p14_changes_of_groups_stop_one_group_at_a_time(service: Make, seed: int) -> None:
    """Each ``up`` ends, never stops instances of two groups at once, deletes no claim, and leaves nothing to do."""
    dice = random.Random(seed)  # noqa: S311 - not a secret
    rg = service(**SHELL, quorum=True, replicas=dice.choice([1, 2, 3]), env={"CHANGED": "0"})
    groups = Groups(dice, {"a": {"replicas": 1}, "b": {"replicas": 1}, "c": {"replicas": 1}})
    if dice.random() < 0.5:
        rg.up()
        before = rg.uids()
        groups.groups = {KEPT: {"stateful_set_name": "rg", "replicas": len(before)}}
        rg.deploy(replicas=None, **groups.arguments())
        assert rg.uids() == before
    else:
        rg.deploy(replicas=None, **groups.arguments())
    said: list[str] = []
    for _ in range(STEPS):
        said.append(groups.step())
        claims = {claim.metadata.uid for claim in rg.claims().values()}
        rg.set(**groups.arguments())
        with watching(rg) as events:
            rg.up()
        assert stopped_at_once(events) == [], said
        assert claims <= {claim.metadata.uid for claim in rg.claims().values()}, said
        ready = {name for name in rg.pods() if rg.is_ready(name)}
        assert len(ready) == sum(group["replicas"] for group in groups.groups.values()), said
        rg.unchanged()
