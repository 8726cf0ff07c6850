"""Histories of one service: four to six changes by the program, by hand, by transforms, and what interrupts them.

A history is drawn from a seed, the same each time, so that one can be repeated alone.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from random_arguments import DATA, choices, completed, stateful_set

SIZES = (
    {"requests": {"cpu": "20m"}},
    {"requests": {"cpu": "40m"}},
    {"requests": {"cpu": "40m", "memory": "32Mi"}},
    {"requests": {"cpu": "40m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
)
"""Resources that Pods get in place or, where Kubernetes cannot, with a rollout."""
LEVELS = ("component", "parent", "stack")
"""Who has the transform: Pulumi runs them in this order."""


@dataclass(frozen=True)
class Step:
    """One change of a history."""

    what: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the program, and its ``transform``, from now on; None leaves one out."""
    by_hand: Sequence[Sequence[str]] = ()
    """Commands of kubectl, before the program is run. ``{uid}`` stands for the StatefulSet's."""
    runs: bool = True
    """Whether the program is run: a preview, then an ``up``."""
    refreshes: bool = False
    """Whether ``pulumi refresh`` comes before."""
    killed_after: float | None = None
    """The seconds after which the ``up`` is killed."""
    denied: tuple[str, str, int] | None = None
    """Method, part of the path and number of the request of the ``up`` that is denied."""
    replaces: bool = False
    """Whether the ``up`` replaces the StatefulSet (``--replace``)."""


@dataclass(frozen=True)
class History:
    """A service and its changes, at the end of which it is destroyed."""

    seed: int
    program: Mapping[str, Any]
    """The program's settings at first."""
    steps: Sequence[Step]

    def __str__(self) -> str:
        lines = [f"history {self.seed}: {_listed(self.program)}"]
        return "\n  ".join([*lines, *(f"{number}. {step.what}" for number, step in enumerate(self.steps, 1))])


def changed(program: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The program's settings after these changes."""
    return {key: value for key, value in {**program, **changes}.items() if value is not None}


@dataclass
class _Writer:
    """Draws a history."""

    dice: random.Random
    on_real_node: bool
    program: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.choices = dict(choices(on_real_node=self.on_real_node))
        if self.on_real_node:  # No kubelet of a simulated node resizes a Pod.
            self.choices |= {"resize": [None, "InPlace", "InPlaceOrReplace"], "resources": [None, *SIZES]}
        while not self._is_accepted(self.program):
            self.program = self._first()

    def _first(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {"image": self.choices["image"][0], "replicas": 2, "volumes": [DATA]}
        for argument in self.dice.sample(list(self.choices), self.dice.choice([0, 1, 2])):
            arguments[argument] = self.dice.choice(self.choices[argument])
        arguments["replicas"] = self.dice.choice([2, 3])
        if self.dice.random() < 0.4:
            arguments["persistent_volume_claim_retention_policy"] = self._policy()
        if self.dice.random() < 0.15:
            arguments["rollout"] = {"steps": [1]}
        return changed(arguments, {})

    def _is_accepted(self, program: Mapping[str, Any]) -> bool:
        arguments = {key: value for key, value in program.items() if key != "transform"}
        return bool(arguments) and stateful_set("rg", arguments, on_real_node=self.on_real_node) is not None

    def _policy(self) -> dict[str, str]:
        before = self.program.get("persistent_volume_claim_retention_policy") or {}
        other = "Retain" if before.get("when_deleted") == "Delete" else "Delete"
        return {
            "when_deleted": self.dice.choice(["Retain", "Delete", other]),
            "when_scaled": self.dice.choice(["Retain", "Retain", "Delete"]),
        }

    def _step(self, **changes: Any) -> Step | None:
        """A change of the program; None where the component refuses the arguments, or where nothing changes."""
        after = changed(self.program, changes)
        if after == self.program or not self._is_accepted(after):
            return None
        changes = {key: each for key, each in changes.items() if each != self.program.get(key)}
        self.program = after
        return Step(f"up with {_listed(changes)}", changes)

    def arguments(self) -> Step | None:
        """One to three arguments."""
        names = self.dice.sample(list(self.choices), self.dice.choice([1, 1, 2, 3]))
        return self._step(**{name: self.dice.choice(self.choices[name]) for name in names})

    def version(self) -> Step | None:
        """Another image."""
        return self._step(image=self.dice.choice(self.choices["image"]))

    def policy(self) -> Step | None:
        """Another retention policy of the claims."""
        return self._step(persistent_volume_claim_retention_policy=self._policy())

    def scaling(self) -> Step | None:
        """Another number of instances."""
        return self._step(replicas=self.dice.choice([0, 1, 1, 1, 2, 3, 4]))

    def resizing(self) -> Step | None:
        """Other resources, in place where that can be."""
        return self._step(
            resize=self.dice.choice(["InPlace", "InPlace", "InPlaceOrReplace"]), resources=self.dice.choice(SIZES)
        )

    def transform(self) -> Step | None:
        """A transform, or none any more."""
        chosen = {
            "level": self.dice.choice(LEVELS),
            "does": self.dice.choice(["image", "label", "annotation", "policy"]),
        }
        more = {"image": self.dice.choice(self.choices["image"])} if self.dice.random() < 0.5 else {}
        return self._step(transform=None if "transform" in self.program else chosen, **more)

    def killed(self) -> Step | None:
        """A change whose ``up`` is killed."""
        step, seconds = self.arguments(), round(self.dice.uniform(0.5, 4), 1)
        return step and replace(step, what=f"{step.what}, killed after {seconds} s", killed_after=seconds)

    def denied(self) -> Step | None:
        """A change of which one request is denied, once."""
        step, request = self.arguments(), self.dice.choice(DENIED)
        return step and replace(step, what=f"{step.what}, denied {' '.join(map(str, request))}", denied=request)

    def replacement(self) -> Step:
        """A replacement that the user asks for."""
        return Step("up --replace of the StatefulSet", replaces=True)

    def refresh(self) -> Step:
        """What a warning about edits by hand advises."""
        return Step("refresh, up", refreshes=True)

    def by_hand(self) -> Step:
        """An edit by kubectl; half of the time the program is run unchanged afterwards, else with the next change."""
        command = self.dice.choice(EDITS)(self)
        runs = self.dice.random() < 0.5
        return Step(f"kubectl {' '.join(command)}{', up' * runs}", by_hand=[command], runs=runs)

    def claim(self) -> str:
        """The name of a claim, which may not exist."""
        volume = self.dice.choice(self.program.get("volumes") or [DATA])["name"]
        return f"{volume}-rg-{self.dice.choice([0, 1, 1, 2])}"

    def history(self, seed: int) -> History:
        """The whole history."""
        first = self.program
        steps: list[Step] = []
        kinds: list[Callable[[], Step | None]] = []
        for kind, weight in (
            (self.arguments, 5),
            (self.version, 3),
            (self.policy, 4),
            (self.scaling, 5),
            (self.resizing, 4 if self.on_real_node else 0),
            (self.transform, 3),
            (self.by_hand, 8),
            (self.refresh, 1),
            (self.killed, 1),
            (self.denied, 1),
            (self.replacement, 1),
        ):
            kinds += [kind] * weight
        length = self.dice.choice([4, 5, 6])
        while len(steps) < length:
            if (step := self.dice.choice(kinds)()) is not None:
                steps.append(step)
        return History(seed, first, steps)


DENIED = (
    ("PATCH", "/statefulsets/", 1),
    ("PATCH", "/statefulsets/", 2),
    ("PATCH", "/persistentvolumeclaims/", 1),
    ("POST", "/eviction", 1),
    ("DELETE", "/statefulsets/", 1),
    ("GET", "/statefulsets/", 2),
    ("GET", "/persistentvolumeclaims", 1),
    ("GET", "/pods", 1),
)
"""Requests of an ``up`` that are denied: method, part of the path, and which of them."""


def _patch(kind: str, name: str, patch: Mapping[str, Any]) -> list[str]:
    return ["patch", kind, name, "--type=merge", f"--patch={json.dumps(patch)}"]


def _template(patch: Mapping[str, Any]) -> list[str]:
    return _patch("statefulset", "rg", {"spec": {"template": patch}})


WHEN = ("whenDeleted", "whenScaled")
FATES = ("Delete", "Delete", "Retain")
OWNER = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "rg", "uid": "{uid}"}

EDITS: Sequence[Callable[[_Writer], list[str]]] = (
    lambda writer: ["delete", "pvc", writer.claim(), "--wait=false"],
    lambda writer: ["delete", "pvc", writer.claim(), "--wait=false"],
    lambda writer: _patch("pvc", writer.claim(), {"metadata": {"ownerReferences": None}}),
    lambda writer: _patch("pvc", writer.claim(), {"metadata": {"ownerReferences": [OWNER]}}),
    lambda writer: _patch(
        "statefulset",
        "rg",
        {"spec": {"persistentVolumeClaimRetentionPolicy": {writer.dice.choice(WHEN): writer.dice.choice(FATES)}}},
    ),
    lambda _: ["set", "env", "statefulset/rg", "DEBUG=1"],
    lambda _: ["set", "env", "statefulset/rg", "DEBUG=1"],
    lambda _: ["set", "env", "statefulset/rg", "A-"],
    lambda writer: ["set", "image", "statefulset/rg", f"app={writer.dice.choice(writer.choices['image'])}"],
    lambda _: ["rollout", "restart", "statefulset/rg"],
    lambda _: _template({"metadata": {"labels": {"by-hand": "1"}}}),
    lambda _: _template({"spec": {"terminationGracePeriodSeconds": 7}}),
    lambda _: ["label", "statefulset", "rg", "by-hand=1"],
    lambda _: ["annotate", "statefulset", "rg", "by-hand=1"],
    lambda _: [
        "annotate",
        "--overwrite",
        "statefulset",
        "rg",
        'pulumi-stateful-service/recreate-claims={"data":"Delete"}',
    ],
    lambda _: ["annotate", "--overwrite", "statefulset", "rg", "pulumi-stateful-service/attempt=many"],
    lambda _: ["annotate", "statefulset", "rg", "pulumi-stateful-service/identity-"],
    lambda _: ["annotate", "statefulset", "rg", "pulumi-stateful-service/volume-sizes-"],
    lambda writer: ["label", "pvc", writer.claim(), "by-hand=1"],
    lambda writer: ["scale", "statefulset", "rg", f"--replicas={writer.dice.choice([0, 1, 2, 3, 4])}"],
    lambda writer: ["delete", "pod", f"rg-{writer.dice.choice([0, 1])}"],
    lambda _: _patch("statefulset", "rg", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}),
)
"""What an operator could do by hand."""


def history(seed: int, *, on_real_node: bool) -> History:
    """The history with this seed."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    return _Writer(dice, on_real_node).history(seed)


def settings(program: Mapping[str, Any], *, on_real_node: bool) -> dict[str, Any]:
    """What the program reads: its transform, and the arguments of its service."""
    arguments = {"rollout_timeout_seconds": 25, **changed(program, {"transform": None})}
    return {"transform": program.get("transform"), "args": completed(arguments, on_real_node=on_real_node)}


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={json.dumps(value)}" for key, value in values.items())
