"""A forecast as the user reads it."""

from collections.abc import Sequence

from pulumi_stateful_service.arguments.types import ReclaimPolicy
from pulumi_stateful_service.live.before.forecast import ClaimOutcome, Forecast, InstanceOutcome, StatefulSetOutcome
from pulumi_stateful_service.live.state.resize import PodResize, ResizeStep

_MAX_SHOWN = 10


def forecast_message(forecast: Forecast) -> str:
    """What a change does, as a message of the component."""
    lines = forecast_lines(forecast)
    if len(lines) == 1:
        return f"{lines[0]}."
    return "\n".join(["this change does the following:", *(f"  {line}" for line in lines)])


def forecast_lines(forecast: Forecast) -> list[str]:
    """A line for each group of instances and of claims to which something happens."""
    lines = [*_instance_lines(forecast), *_size_lines(forecast), *_claim_lines(forecast)]
    if forecast.stateful_set is StatefulSetOutcome.RECREATED:
        lines.insert(0, "the StatefulSet object is recreated; its Pods keep running")
    if forecast.resizes.why_not:
        lines.append(f"CPU and memory are not changed in place (resize): {forecast.resizes.why_not}")
    restarts = any(each.restarts for each in forecast.resizes.pods.values())
    if not forecast.order and not forecast.of(InstanceOutcome.REMOVED) and not restarts:
        lines.append("no Pod restarts")
    return lines


def _resize_lines(forecast: Forecast) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name in reversed(forecast.of(InstanceOutcome.RESIZED)):
        groups.setdefault(_resized(forecast.resizes.pods[name]), []).append(name)
    at_a_time = "one after another" if forecast.at_a_time == 1 else f"{forecast.at_a_time} at a time"
    return [f"{_listed(names)}: {what}{f', {at_a_time}' if len(names) > 1 else ''}" for what, names in groups.items()]


def _resized(resize: PodResize) -> str:
    if resize.step is not ResizeStep.RESIZE:
        return f"the resize that was begun is completed{f' ({resize.why})' if resize.why else ''}"
    restarts = f" ({' and '.join(resize.restarts)} restarts: resize_policy)" if resize.restarts else ""
    return f"{resize.changes} in place{restarts}"


def _instance_lines(forecast: Forecast) -> list[str]:
    because = f" ({', '.join(forecast.reasons)})" if forecast.reasons else ""
    how, order = "", [name for name in forecast.order if name not in forecast.rebuilt_pods]
    if len(order) > 1:
        how = " one after another" if forecast.at_a_time == 1 else f" {forecast.at_a_time} at a time"
        how += ", the leader last" if forecast.leader_last else ""
    removed = forecast.of(InstanceOutcome.REMOVED)
    leaving = ", one after another, each when it has left (members)" if forecast.in_turn else ""
    groups = (
        (order, f"replaced{how}{because}"),
        (forecast.on_delete, f"replaced when you delete the Pods (OnDelete){because}"),
        (forecast.held_back, f"not updated (held back by the partition){because}"),
        (forecast.of(InstanceOutcome.ADDED), f"added{', one after another (members)' if forecast.in_turn else ''}"),
        (list(reversed(removed)) if forecast.in_turn else removed, f"removed{leaving}"),
        (
            forecast.losing_revision,
            "come back with the new revision: without Pods, Kubernetes keeps no earlier one",
        ),
    )
    lines = [f"{_listed(names)}: {what}" for names, what in groups if names]
    return [*_resize_lines(forecast), *_rebuild_lines(forecast), *lines]


def _rebuild_lines(forecast: Forecast) -> list[str]:
    if not forecast.rebuilt_pods:
        return []
    members = ": leaves, gets an empty volume, and joins" if forecast.in_turn else " with an empty volume"
    in_turn = ", one after another" if len(forecast.rebuilt_pods) > 1 else ""
    lines = [f"{_listed(forecast.rebuilt_pods)}: rebuilt{members}{in_turn}"]
    for pod, node in forecast.forced.items():
        lines.append(f"{pod}: deleted without waiting until node {node} has ended it (lost_node)")
    return lines


def _size_lines(forecast: Forecast) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name, (before, after) in forecast.sizes.items():
        if forecast.claims[name] is ClaimOutcome.EXPANDED:
            what = f"expanded from {before} to {after}; no Pod restarts for it"
        else:
            what = f"the expansion to {before}, which was not carried out, is cancelled (requested: {after})"
        groups.setdefault(what, []).append(name)
    return [f"{_listed(names)}: {what}" for what, names in groups.items()]


def _claim_lines(forecast: Forecast) -> list[str]:
    deleted = {
        "deleted with the data (when_scaled: Delete)": [
            name for name in forecast.claims_of(ClaimOutcome.DELETED) if name not in forecast.ending
        ],
        "deleted: somebody has deleted it before, and it ends with its Pod": list(forecast.ending),
    }
    groups = (
        (ClaimOutcome.MODIFIED, "changed in place; no Pod restarts for it"),
        (ClaimOutcome.RECREATED, "deleted, and created again without data (recreate_claims)"),
        (ClaimOutcome.RESTORED, "deleted, and created again from a VolumeSnapshot; its volume is kept (restore)"),
        (ClaimOutcome.LEFT_BEHIND, "kept with the data, and used by no instance"),
        (ClaimOutcome.TERMINATING, "being deleted by somebody: it stays as long as its Pod runs"),
    )
    lines = [
        f"{_listed(names)}: {what}"
        for outcome, what in groups
        if (names := [name for name in forecast.claims_of(outcome) if name not in forecast.given_up])
    ]
    lines += [f"{_listed(names)}: {what}" for what, names in deleted.items() if names]
    for name, given_up in forecast.given_up.items():
        kept = "is kept" if given_up.reclaim_policy == ReclaimPolicy.RETAIN else "is deleted with it"
        lines.append(
            f"{name}: deleted, and created again without data; its volume {given_up.volume_name} {kept} (rebuild)"
        )
    return lines


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MAX_SHOWN
    return ", ".join(names[:_MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")
