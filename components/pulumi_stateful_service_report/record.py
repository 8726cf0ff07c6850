"""What the component tells of one service for programs: one line of the preview's log, with a mark and JSON after it.

Nothing of what people read is read back: their sentences may change, and these words stay.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypedDict, cast

VERSION = 1
"""Of the record. A field that is added leaves it as it is; one that goes or means something else does not."""

MARK = "pulumi-stateful-service forecast "
"""Before the version and the JSON."""


class State(StrEnum):
    """What is known of a service."""

    UNCHANGED = "Unchanged"
    """The cluster was read, and the StatefulSet stays as it is."""
    CHANGED = "Changed"
    """What happens to each Pod and claim is known."""
    UNKNOWN = "Unknown"
    """What happens could not be determined: anything may."""
    REFUSED = "Refused"
    """The component refuses the change: ``pulumi up`` does not make it."""
    DELETED = "Deleted"
    """The program no longer has the service, or it is destroyed."""


class Drift(TypedDict):
    """A field of the StatefulSet that somebody else has changed."""

    field: str
    manager: str
    """The field manager, which is who changed it."""
    overwritten: bool
    """Whether the next update puts the program's value there; otherwise it stays."""


class Availability(TypedDict):
    """How many instances are ready, for a service with ``quorum`` or ``min_available``."""

    required: int
    ready: int
    """Now."""
    fewest: int
    """The fewest while the change is made, if nothing else fails."""


class Record(TypedDict):
    """What the component tells of one service."""

    state: str
    """One of ``State``."""
    reason: str | None
    """Why it is ``Unknown`` or ``Refused``."""
    namespace: str | None
    statefulSet: str | None
    set: str | None
    """What happens to the StatefulSet, its Pods and claims: words of the component's output ``forecast``."""
    instances: Mapping[str, str]
    order: Sequence[str]
    """The Pods that are replaced, in the order of their replacement."""
    atATime: int
    heldBack: Sequence[str]
    """Pods that keep another revision: ``canary``, ``partition`` or ``OnDelete``."""
    claims: Mapping[str, str]
    sizes: Mapping[str, Sequence[str]]
    """The size that a claim requests before and after, where that changes."""
    reasons: Sequence[str]
    """What in the Pod template changes."""
    availability: Availability | None
    """None without ``quorum`` and ``min_available``, and where it is not known."""
    livePods: Sequence[str] | None
    """The Pods that the live StatefulSet is to have now; None where it was not read."""
    group: str | None
    """The group of the service; None in a service without groups."""
    drift: Sequence[Drift] | None
    """None where the live StatefulSet was not read."""


_ADDED: Mapping[str, Any] = {"livePods": None, "group": None}
"""Fields that earlier components do not tell, and what they are then."""


class RecordError(Exception):
    """A line with the mark that cannot be read."""


def new_record(state: State, reason: str | None = None, **fields: Any) -> Record:
    """A record, empty but for what is given."""
    record: Record = {
        "state": state.value,
        "reason": reason,
        "namespace": None,
        "statefulSet": None,
        "set": None,
        "instances": {},
        "order": [],
        "atATime": 1,
        "heldBack": [],
        "claims": {},
        "sizes": {},
        "reasons": [],
        "availability": None,
        "livePods": None,
        "group": None,
        "drift": None,
    }
    return cast("Record", {**record, **fields})


def encode(record: Record) -> str:
    """The record as a line of the log."""
    return f"{MARK}{VERSION} {json.dumps(record, separators=(',', ':'))}"


def decode(message: str) -> Record | None:
    """The record of a message of the log; None where it has none.

    Raises RecordError where it has the mark and cannot be read, for example of another version.
    """
    _, mark, rest = message.partition(MARK)
    if not mark:
        return None
    version, _, text = rest.partition(" ")
    if version != str(VERSION):
        raise RecordError(f"its forecast has version {version[:20]!r}, and this report reads {VERSION}")
    try:
        # What the engine appends for colours is left.
        record, _ = json.JSONDecoder().raw_decode(text)
        record = {**_ADDED, **record} if isinstance(record, dict) else record
    except (ValueError, RecursionError):
        record = None
    if not _is_record(record):
        raise RecordError("its forecast in the log is damaged")
    return cast("Record", record)


def _is_record(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() >= Record.__annotations__.keys()
        and value["state"] in {*State}
        and all(isinstance(value[each], str | None) for each in ("reason", "namespace", "statefulSet", "set"))
        and all(_is_words(value[each]) for each in ("order", "heldBack", "reasons"))
        and all(_is_words([*value[each], *value[each].values()]) for each in ("instances", "claims"))
        and all(_is_words(each) and len(each) == len(("before", "after")) for each in value["sizes"].values())
        and isinstance(value["atATime"], int)
        and (value["availability"] is None or _has(value["availability"], Availability, int))
        and (value["livePods"] is None or _is_words(value["livePods"]))
        and (value["group"] is None or isinstance(value["group"], str))
        and (value["drift"] is None or all(_has(each, Drift, str | bool) for each in value["drift"]))
    )


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _has(value: Any, kind: Any, types: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(each), types) for each in kind.__annotations__)
