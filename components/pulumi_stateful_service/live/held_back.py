"""Instances that the user holds back (``canary``, ``partition``, ``OnDelete``), and changes that would not."""

from collections.abc import Sequence

from pulumi_stateful_service.live.documentation import ROLLOUTS
from pulumi_stateful_service.live.forecast import Forecast, StatefulSetOutcome


def held_back_refusals(forecast: Forecast, *, adopting: bool) -> list[str]:
    """Refuses to recreate the StatefulSet, or to add a volume, where instances are held back."""
    refusals = []
    if forecast.replaced_though_held_back:
        refusals.append(
            f"adding a volume replaces every Pod, also {_listed(forecast.replaced_though_held_back)}, which canary, "
            "partition or OnDelete holds back. To add the volume, remove them from the program for this pulumi up "
            f"({ROLLOUTS})."
        )
    elif forecast.stateful_set is StatefulSetOutcome.RECREATED and forecast.held_back and not adopting:
        refusals.append(
            f"the StatefulSet cannot be recreated while {_listed(forecast.held_back)} would be held back by canary or "
            "partition: a new StatefulSet has no earlier revision, so these Pods would come back with the new one when "
            "they restart. Complete the rollout first (remove canary and partition), or roll it back, and recreate the "
            f"StatefulSet in a pulumi up of its own ({ROLLOUTS})."
        )
    return refusals


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
