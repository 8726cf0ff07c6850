"""How many instances must stay available, and how many an update leaves: arithmetic on plain numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


def majority(replicas: int) -> int:
    """The smallest number that is more than half of the replicas."""
    return replicas // 2 + 1


def min_available_count(value: int | str, replicas: int) -> int:
    """``minAvailable`` of a PodDisruptionBudget as a number: a percentage is rounded up."""
    return math.ceil(_exact(value, replicas)) if isinstance(value, str) else value


def max_unavailable_count(value: int | str, replicas: int) -> int:
    """``maxUnavailable`` of a StatefulSet as a number: a percentage is rounded down, to at least 1 (from 1.37)."""
    return max(1, math.floor(_exact(value, replicas))) if isinstance(value, str) else value


def _exact(percentage: str, replicas: int) -> float:
    return int(percentage[:-1]) * replicas / 100


@dataclass(frozen=True)
class Availability:
    """The numbers that must fit together."""

    replicas: int
    min_available: int | str | None
    """None for a majority (``quorum``)."""
    max_unavailable: int | str | None
    held_back: int
    """Instances that keep the old revision, with ``partition`` or ``canary``."""

    @property
    def required(self) -> int:
        """The number of instances that must stay available."""
        if self.min_available is None:
            return majority(self.replicas)
        return min_available_count(self.min_available, self.replicas)

    @property
    def _rule(self) -> str:
        if self.min_available is None:
            return f"quorum requires {self.required} of {self.replicas}"
        percentage = f" ({self.min_available})" if isinstance(self.min_available, str) else ""
        return f"min_available requires {self.required}{percentage}"

    def refusal(self) -> str | None:
        """Why the numbers cannot be kept, if they cannot."""
        if self.replicas and self.required > self.replicas:
            return f"min_available is {self.required}; it must be at most replicas, which is {self.replicas}"
        if not self.replicas or self.max_unavailable is None:
            return None
        unavailable = max_unavailable_count(self.max_unavailable, self.replicas)
        left = self.replicas - unavailable
        # An update always takes one instance away.
        if unavailable > 1 and left < self.required:
            return (
                f"max_unavailable={unavailable} would leave {left} of {self.replicas} instances during an update, but "
                f"{self._rule}. Use at most {max(1, self.replicas - self.required)}"
            )
        return None

    def warnings(self) -> Sequence[str]:
        """What is possible, and at which price."""
        updated = self.replicas - self.held_back
        if self.replicas and self.required == self.replicas:
            warning = (
                f"{self._rule}, so no instance can be evicted: a node that runs one cannot be drained, and each update "
                "leaves fewer for a while. Add replicas, or require fewer."
            )
        elif 0 < updated < self.replicas and self.held_back < self.required:
            warning = (
                f"{updated} of {self.replicas} instances are updated and {self.held_back} keep the old revision, but "
                f"{self._rule}: if the new revision fails, too few are left."
            )
        else:
            return []
        return [warning]
