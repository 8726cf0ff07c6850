"""How many instances stay ready while a change is made, against how many must."""

from pulumi_stateful_service.foundation.quorum import majority, min_available_count
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.forecast import Forecast, InstanceOutcome


def required_ready(forecast: Forecast, change: Change) -> int | None:
    """How many instances must be ready; None where the program does not say.

    An instance that is removed without having left (``members``) still counts in the application's own quorum.
    """
    added, removed = (len(forecast.of(each)) for each in (InstanceOutcome.ADDED, InstanceOutcome.REMOVED))
    after = len(forecast.instances) - removed
    if change.quorum:
        before = 0 if forecast.in_turn or not removed else len(forecast.instances) - added
        return max(majority(after) if after else 0, majority(before) if before else 0)
    return None if change.min_available is None else min_available_count(change.min_available, after)


def fewest_ready(forecast: Forecast) -> int:
    """How many instances are ready when most of them are not, if nothing but the change stops one."""
    removed = [name for name in forecast.of(InstanceOutcome.REMOVED) if name in forecast.ready]
    restarting = [name for name, each in forecast.resizes.pods.items() if each.restarts]
    stopped = [name for name in (*forecast.order, *restarting) if name in forecast.ready]
    return len(forecast.ready) - len(removed) - min(forecast.at_a_time, len(stopped))
