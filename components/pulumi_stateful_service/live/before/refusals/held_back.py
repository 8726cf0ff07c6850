"""Instances that the user holds back (``canary``, ``partition``, ``OnDelete``), and changes that would not."""

from collections.abc import Sequence

from pulumi_stateful_service.documentation import ROLLOUTS
from pulumi_stateful_service.live.before.forecast import Forecast, StatefulSetOutcome


def held_back_refusals(forecast: Forecast, *, adopting: bool, in_steps: bool = False) -> list[str]:
    """Refuses to recreate the StatefulSet, or to add a volume, where instances are held back."""
    refusals = []
    is_recreated = forecast.stateful_set is StatefulSetOutcome.RECREATED
    if in_steps and is_recreated and forecast.order:
        refusals.append(
            f"the StatefulSet cannot be recreated in steps: {_listed(forecast.order)} would be replaced without them. "
            f"Remove rollout from the program for this pulumi up ({ROLLOUTS})."
        )
    elif forecast.replaced_though_held_back:
        refusals.append(
            f"adding a volume replaces every Pod, also {_listed(forecast.replaced_though_held_back)}, which canary, "
            "partition or OnDelete holds back. To add the volume, remove them from the program for this pulumi up "
            f"({ROLLOUTS})."
        )
    elif is_recreated and forecast.held_back and not adopting:
        refusals.append(
            f"the StatefulSet cannot be recreated while {_listed(forecast.held_back)} would be held back by canary or "
            "partition: a new StatefulSet has no earlier revision, so these Pods would come back with the new one when "
            "they restart. Complete the rollout first (remove canary and partition), or roll it back, and recreate the "
            f"StatefulSet in a pulumi up of its own ({ROLLOUTS})."
        )
    return refusals


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
