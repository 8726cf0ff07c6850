"""How many instances must stay available, and what an update leaves: arithmetic on plain numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


def majority(replicas: int) -> int:
    """The smallest number that is more than half."""
    return replicas // 2 + 1


def share(value: int | str, replicas: int) -> int:
    """A number, or a percentage of the replicas, rounded up as budgets and updates do."""
    return math.ceil(int(value[:-1]) * replicas / 100) if isinstance(value, str) else value


@dataclass(frozen=True)
class Availability:
    """What has to fit together."""

    replicas: int
    min_available: int | str | None
    """None for a majority."""
    max_unavailable: int | str | None
    held_back: int
    """Instances that keep the old version, with ``partition`` or ``canary``."""

    @property
    def kept(self) -> int:
        """The number of instances that must stay."""
        return majority(self.replicas) if self.min_available is None else share(self.min_available, self.replicas)

    @property
    def rule(self) -> str:
        """Where that number comes from."""
        if self.min_available is None:
            return f"quorum: {self.kept} of {self.replicas} must stay, the majority"
        percent = f"{self.min_available} of {self.replicas} is " if isinstance(self.min_available, str) else ""
        return f"min_available: {percent}{self.kept} of {self.replicas} must stay"


def refusal(numbers: Availability) -> tuple[str, str, str] | None:
    """What cannot be: the argument, what is wrong with it, and what is allowed."""
    replicas, kept = numbers.replicas, numbers.kept
    if replicas and kept > replicas:
        return ("min_available", f"is {kept}, and there are {replicas} replicas", f"at most {replicas} can stay")
    if not replicas or numbers.max_unavailable is None:
        return None
    missing = share(numbers.max_unavailable, replicas)
    if missing > 1 and replicas - missing < kept:
        return (
            "max_unavailable",
            f"is {missing}: an update would leave {replicas} - {missing} = {replicas - missing} ({numbers.rule})",
            f"it must be at most {max(1, replicas - kept)}",
        )
    return None


def warnings_about(numbers: Availability) -> Sequence[str]:
    """What is possible and has a price."""
    replicas, kept, held_back = numbers.replicas, numbers.kept, numbers.held_back
    if replicas and kept == replicas:
        price = "a node that runs one can't be drained, and every update leaves fewer for a while"
        return [f"{numbers.rule}, so none can be spared: {price}. More replicas, or fewer that must stay, mend it"]
    updated = replicas - held_back
    if 0 < updated < replicas and held_back < kept:
        step = f"{updated} of {replicas} instances get the new version, and {held_back} keep the old one"
        return [f"{step} ({numbers.rule}): should the new version fail, the old one alone is too few"]
    return []
