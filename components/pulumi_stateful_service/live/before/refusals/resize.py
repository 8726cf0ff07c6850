"""A change in place (``resize``) that the API server would not make, or for which rights are missing."""

from pulumi_stateful_service.documentation import RESIZE, RIGHTS
from pulumi_stateful_service.live.before.forecast import Forecast


def resize_refusals(forecast: Forecast, namespace: str) -> list[str]:
    """Refuses what would fail when the StatefulSet has changed already."""
    by_reason: dict[str, list[str]] = {}
    for name, why in forecast.resizes.refused.items():
        by_reason.setdefault(why, []).append(name)
    refusals = [
        f"{', '.join(names)} cannot be resized in place: {why}. Set other resources, or set resize to InPlaceOrReplace "
        f"for a replacement ({RESIZE})."
        for why, names in by_reason.items()
    ]
    missing = forecast.resizes.missing_rights
    if not missing:
        return refusals
    refusal = (
        f"no right to {', '.join(missing)} in namespace {namespace}: with the argument resize, CPU and memory are "
        f"changed in place by them. Add them to the Role ({RIGHTS}), or set resize to Replace."
    )
    return [*refusals, refusal]
