"""A forecast as programs read it: ``pulumi_stateful_service_report`` does."""

from collections.abc import Sequence

from pulumi_stateful_service_report.record import Availability, Drift, Record, State, new_record

from pulumi_stateful_service.errors import with_argument_names
from pulumi_stateful_service.foundation.outputs import contains_unknown
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.forecast import NO_CHANGE, Forecast
from pulumi_stateful_service.live.before.ready_instances import fewest_ready, required_ready
from pulumi_stateful_service.live.state.field_managers import FieldChange
from pulumi_stateful_service.live.state.field_paths import shown_path


def record(
    change: Change | None,
    forecast: Forecast | None,
    reason: str,
    changed_by_others: Sequence[tuple[FieldChange, bool]] | None,
    *,
    live_pods: Sequence[str] | None = None,
    is_refused: bool = False,
) -> Record:
    """What is known of a change. ``reason`` says why it is refused, or why there is no forecast.

    ``live_pods`` are those that the live StatefulSet is to have; None where it was not read.
    """
    state = State.UNCHANGED if forecast is NO_CHANGE else State.CHANGED
    if is_refused:
        state = State.REFUSED
    elif forecast is None:
        state = State.UNKNOWN
    namespace, name = _where(change)
    told = new_record(
        state,
        # The reason is as people read it, in the words of the program's language.
        with_argument_names(reason) if state in {State.REFUSED, State.UNKNOWN} else None,
        namespace=namespace,
        statefulSet=name,
        group=change.group.name if change and change.group else None,
        livePods=None if live_pods is None else list(live_pods),
        drift=None if changed_by_others is None else [_drift(each, stays=stays) for each, stays in changed_by_others],
    )
    if forecast is None or is_refused:
        return told
    return {
        **told,
        **forecast.as_output(),
        "atATime": forecast.at_a_time,
        "heldBack": [*forecast.held_back, *forecast.on_delete],
        "sizes": forecast.sizes,
        "availability": _availability(forecast, change),
    }


def _where(change: Change | None) -> tuple[str | None, str | None]:
    metadata = change.stateful_set["metadata"] if change else {}
    namespace, name = (metadata.get(each) for each in ("namespace", "name"))
    return None if contains_unknown(namespace) else namespace, None if contains_unknown(name) else name


def _drift(change: FieldChange, *, stays: bool) -> Drift:
    # Not the value: somebody may have written a secret there.
    return {"field": shown_path(change.path), "manager": change.manager, "overwritten": not stays}


def _availability(forecast: Forecast, change: Change | None) -> Availability | None:
    required = required_ready(forecast, change) if change and forecast is not NO_CHANGE else None
    if required is None:
        return None
    return {"required": required, "ready": len(forecast.ready), "fewest": fewest_ready(forecast)}
