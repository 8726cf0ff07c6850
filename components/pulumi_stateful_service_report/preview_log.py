"""Reads what a preview has written for programs: an event log, or the document of ``pulumi preview --json``.

What is taken from it: the records of the components, what the engine does to their StatefulSets, and whether the
preview came to its end. Nothing else, since the rest has the inputs of every resource.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi_stateful_service_report.record import MARK, Record, RecordError, decode

COMPONENT = "stateful-service:index:StatefulService"
_SET = "kubernetes:apps/v1:StatefulSet"
_OF_PEOPLE = (
    "is not the log of a preview. Use the file of PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log FILE, or the "
    "output of PULUMI_STATEFUL_SERVICE_REPORT=true pulumi preview --json"
)
_SILENT = (
    "has no forecast of a StatefulService. Run PULUMI_STATEFUL_SERVICE_REPORT=true pulumi preview --json, or use an "
    "event log. (Or the program has no StatefulService, and there is nothing to report.)"
)
_RELEVANT = (COMPONENT, "summaryEvent", "cancelEvent", '"error"')
"""A line of an event log that has none of these is not parsed."""


class InputError(Exception):
    """What was given is not the log of a preview, or lacks the forecasts."""


@dataclass(frozen=True)
class SetStep:
    """What the engine does to the StatefulSet of a component."""

    operation: str
    inputs: Mapping[str, Any]
    """Those in Pulumi's state; empty where it has none."""
    desired: Mapping[str, Any]
    """Those of the program; empty where it has none."""
    is_retained: bool
    """Whether it stays on the cluster when Pulumi deletes it (``retain_on_delete``)."""

    @property
    def set_name(self) -> str | None:
        """The name of the StatefulSet, as far as it is known."""
        name = _mapping((self.desired or self.inputs).get("metadata")).get("name")
        return name if isinstance(name, str) else None


@dataclass
class Preview:
    """What the log of one preview says."""

    stack: str = ""
    project: str = ""
    records: dict[str, dict[str | None, Record | RecordError]] = field(default_factory=dict)
    """What each component has told, by its URN and the name of the group; None in a service without groups."""
    components: dict[str, str] = field(default_factory=dict)
    """What the engine does to each component, by its URN."""
    sets: dict[str, list[SetStep]] = field(default_factory=dict)
    """What it does to their StatefulSets, by the component's URN."""
    errors: list[str] = field(default_factory=list)
    """The URN of each resource with an error, empty for the program itself. Not the message: it may have anything."""
    changes: Mapping[str, int] = field(default_factory=dict)
    """How many resources the engine creates, updates and so on."""
    is_ended: bool = False
    """Whether its end is in the log, and it succeeded."""
    is_update: bool = False
    """Whether it is the log of ``pulumi up`` itself."""

    @property
    def urns(self) -> list[str]:
        """The components that are in the log."""
        return list(dict.fromkeys([*self.records, *self.components, *self.sets]))

    @property
    def runs_program(self) -> bool:
        """Whether the program was run, and not only resources deleted (``destroy``)."""
        return not self.changes.keys() <= {"delete", "discard"}

    def add_message(self, urn: str, text: str, severity: str) -> None:
        """Takes a message of the log."""
        self._add_stack(urn)
        if severity == "error":
            self.errors.append(urn)
        if MARK not in text:
            return
        try:
            record: Record | RecordError | None = decode(text)
        except RecordError as error:
            record = error
        if record is not None:
            group = None if isinstance(record, RecordError) else record["group"]
            self.records.setdefault(urn, {})[group] = record

    def add_step(self, operation: str, urn: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Takes an operation of the engine on a resource, from one state to the other."""
        self._add_stack(urn)
        kind = _kind(urn)
        if kind == COMPONENT:
            self.components[urn] = operation
        elif kind == _SET and _kind(parent := str((new or old).get("parent", ""))) == COMPONENT:
            inputs, desired = (_mapping(each.get("inputs")) for each in (old, new))
            step = SetStep(operation, inputs, desired, is_retained=bool(old.get("retainOnDelete")))
            self.sets.setdefault(parent, []).append(step)

    def _add_stack(self, urn: str) -> None:
        if urn and not self.stack:
            self.stack, self.project, *_ = [*urn.removeprefix("urn:pulumi:").split("::"), ""]


def read_previews(text: str, source: str) -> list[Preview]:
    """The previews in a text, the last one of each stack.

    Raises InputError where there is none; ``source`` names the text.
    """
    if not text.strip():
        raise InputError(f"{source} is empty")
    document = _document(text)
    if document is None:
        previews = [each for each in _event_log(text.splitlines()) if not each.is_update]
        if not previews:
            raise InputError(f"{source} {_OF_PEOPLE}")
    else:
        if not document.keys() & {"steps", "diagnostics"} and "changeSummary" not in document:
            raise InputError(f"{source} {_OF_PEOPLE}")
        previews = [_digest(document)]
        # It leaves out what the engine does not operate on, so that only the records tell of unchanged services.
        if previews[0].is_ended and previews[0].runs_program and not previews[0].records:
            raise InputError(f"{source} {_SILENT}")
    return list({(each.project, each.stack): each for each in previews}.values())


def _document(text: str) -> Mapping[str, Any] | None:
    """The only JSON document in a text; None for several, as an event log has, and for none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_event = isinstance(document, dict) and any(key.endswith("Event") for key in document)
    return None if is_event or not isinstance(document, dict) else document


def _digest(document: Mapping[str, Any]) -> Preview:
    preview = Preview(changes=_counts(document.get("changeSummary")))
    for step in _mappings(document.get("steps")):
        old, new = _mapping(step.get("oldState")), _mapping(step.get("newState"))
        preview.add_step(str(step.get("op")), str(step.get("urn", "")), old, new)
    for each in _mappings(document.get("diagnostics")):
        preview.add_message(str(each.get("urn", "")), str(each.get("message")), str(each.get("severity")))
    preview.is_ended = "changeSummary" in document and not preview.errors and not document.get("maybeCorrupt")
    return preview


def _event_log(lines: Iterable[str]) -> Iterator[Preview]:
    """Each run of the engine in an event log, which is appended to."""
    preview: Preview | None = None
    for line in lines:
        if not line.startswith('{"'):
            continue
        preview = preview or Preview()
        # The outputs of a resource come after its operation, and say nothing more.
        if '"resOutputsEvent"' in line[:100] or not any(word in line for word in _RELEVANT):
            continue
        try:
            event = _mapping(json.loads(line))
        except (ValueError, RecursionError):
            continue  # half a line, of an engine that was killed: the end is missing too
        if "cancelEvent" in event:
            yield preview
            preview = None
        else:
            _add_event(preview, event)
    if preview is not None:
        yield preview


def _add_event(preview: Preview, event: Mapping[str, Any]) -> None:
    if message := _mapping(event.get("diagnosticEvent")):
        preview.add_message(str(message.get("urn", "")), str(message.get("message")), str(message.get("severity")))
    elif step := _mapping(_mapping(event.get("resourcePreEvent")).get("metadata")):
        old, new = _mapping(step.get("old")), _mapping(step.get("new"))
        preview.add_step(str(step.get("op")), str(step.get("urn", "")), old, new)
    elif summary := _mapping(event.get("summaryEvent")):
        preview.changes = _counts(summary.get("resourceChanges"))
        preview.is_update = not summary.get("isPreview")
        # Older engines say nothing of the result.
        preview.is_ended = summary.get("result", "succeeded") == "succeeded" and not summary.get("maybeCorrupt")


def _kind(urn: str) -> str:
    """The type of a resource, without those of its parents."""
    parts = urn.split("::")
    return parts[2].rpartition("$")[2] if urn.startswith("urn:pulumi:") and len(parts) > 3 else ""  # noqa: PLR2004


def _counts(value: Any) -> dict[str, int]:
    return {name: count for name, count in _mapping(value).items() if isinstance(count, int)}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
