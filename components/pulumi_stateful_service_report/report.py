"""The report: what happens to each service, from what its component and the engine say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_stateful_service_report.findings import REPLACED, Finding, findings_of
from pulumi_stateful_service_report.preview_log import Preview, SetStep
from pulumi_stateful_service_report.record import Record, RecordError, State, new_record

VERSION = 1
"""Of the report's JSON. A field that is added leaves it as it is; one that goes or means something else does not."""

_REPLACES = {"replace", "create-replacement", "delete-replaced"}
_DELETES = {"delete"}
_NO_FORECAST = "the preview has no forecast of it: it failed before, or the component is older than the report"
_NO_INPUTS = "what happens to its Pods and claims is not in the log"


@dataclass(frozen=True)
class Service:
    """What happens to one service."""

    urn: str
    told: Record
    findings: Sequence[Finding]

    @property
    def name(self) -> str:
        """The component's."""
        return self.urn.rpartition("::")[2]

    @property
    def stack(self) -> str:
        """With the project: services of several stacks may have one name."""
        stack, project, *_ = [*self.urn.removeprefix("urn:pulumi:").split("::"), ""]
        return f"{project}/{stack}"


@dataclass(frozen=True)
class Report:
    """What happens to all services in the logs of previews."""

    previews: Sequence[Preview]
    services: Sequence[Service]

    @property
    def is_complete(self) -> bool:
        """Whether all previews came to their end, so that no service is missing."""
        return all(each.is_ended for each in self.previews)

    def counts(self) -> dict[Finding, int]:
        """How many services each finding has, and how many previews have failed."""
        found = [finding for service in self.services for finding in service.findings]
        counts = {each: found.count(each) for each in Finding if each in found}
        failed = sum(not each.is_ended for each in self.previews)
        return counts | ({Finding.PREVIEW_FAILED: failed} if failed else {})

    def as_json(self, gates: Sequence[Finding]) -> dict[str, Any]:
        """As the schema has it (``report.schema.json``)."""
        counts = self.counts()
        return {
            "version": VERSION,
            "previews": [
                {
                    "project": each.project,
                    "stack": each.stack,
                    "complete": each.is_ended,
                    "errors": [urn or None for urn in each.errors],
                    "changes": dict(each.changes),
                }
                for each in self.previews
            ],
            "services": [
                {"urn": each.urn, "name": each.name, "findings": list(each.findings), **_without_no_group(each.told)}
                for each in self.services
            ],
            "findings": dict(counts),
            "failOn": list(gates),
            "failed": [each for each in gates if each in counts],
        }


def _without_no_group(told: Record) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key != "group" or value is not None}


def new_report(previews: Sequence[Preview]) -> Report:
    """The report of these previews."""
    told = {urn: _all_told(preview, urn) for preview in previews for urn in preview.urns}
    return Report(
        previews, [Service(urn, each, findings_of(each)) for urn, groups in sorted(told.items()) for each in groups]
    )


def _all_told(preview: Preview, urn: str) -> list[Record]:
    """What is known of a service: of each group, where it has groups."""
    records, steps = preview.records.get(urn, {}), preview.sets.get(urn, [])
    by_name: dict[str | None, list[SetStep]] = {}
    for step in steps:
        by_name.setdefault(step.set_name, []).append(step)
    if None in records or (len(by_name) <= 1 and not records):
        return [_told(preview, urn, records.get(None), steps)]
    told = [
        _told(preview, urn, record, by_name.pop(record["statefulSet"], []) if isinstance(record, dict) else [])
        for _, record in sorted(records.items(), key=lambda each: each[0] or "")
    ]
    # What is left is of groups that the program no longer has.
    return told + [_told(preview, urn, None, left) for left in by_name.values()]


def _told(preview: Preview, urn: str, record: Record | RecordError | None, steps: Sequence[SetStep]) -> Record:
    """What is known of a StatefulSet. What the engine does to it counts more than what the component could tell."""
    operations = {each.operation for each in steps}
    is_refused = isinstance(record, dict) and record["state"] == State.REFUSED
    if operations & _REPLACES and not is_refused:
        return _replaced(steps, record if isinstance(record, dict) else None)
    if isinstance(record, dict):
        return record
    if preview.components.get(urn) in _DELETES or (operations and operations <= _DELETES):
        return _deleted(steps)
    return new_record(State.UNKNOWN, str(record) if isinstance(record, RecordError) else _NO_FORECAST)


def _deleted(steps: Sequence[SetStep]) -> Record:
    """A service that the engine deletes: what happens follows from what Pulumi's state has."""
    step = next((each for each in steps if each.inputs), None)
    found = _stateful_set(step.inputs) if step else None
    if step is None or found is None:
        return new_record(State.DELETED, _NO_INPUTS, set="Deleted")
    pod, claim, done = "Removed", "Deleted" if found.deletes_claims else "LeftBehind", "Deleted"
    if step.is_retained:
        pod = claim = done = "Kept"
    return new_record(
        State.DELETED,
        set=done,
        namespace=found.namespace,
        statefulSet=found.name,
        instances=dict.fromkeys(found.pods, pod),
        claims=dict.fromkeys(found.claims(found.pods), claim),
    )


def _replaced(steps: Sequence[SetStep], record: Record | None) -> Record:
    """A service whose StatefulSet the engine replaces: all Pods stop, and those of the program start.

    The component refuses it where claims would go.
    """
    drift, live = (record["drift"], record["livePods"]) if record else (None, None)
    group = record["group"] if record else None
    old = next((found for each in steps if (found := _stateful_set(each.inputs))), None)
    new = next((found for each in steps if (found := _stateful_set(each.desired))), None)
    if old is None or new is None:
        return new_record(State.CHANGED, _NO_INPUTS, set=REPLACED, livePods=live, group=group, drift=drift)
    pods = old.pods if live is None else live
    order = [pod for pod in pods if pod in new.pods]
    left = [pod for pod in pods if pod not in new.pods]
    instances = dict.fromkeys(order, "Replaced") | dict.fromkeys(left, "Removed")
    return new_record(
        State.CHANGED,
        set=REPLACED,
        namespace=old.namespace,
        statefulSet=old.name,
        instances=instances | {pod: "Added" for pod in new.pods if pod not in pods},
        order=order,
        atATime=max(1, len(order)),
        claims=dict.fromkeys(old.claims(order), "Kept") | dict.fromkeys(old.claims(left), "LeftBehind"),
        livePods=live,
        group=group,
        drift=drift,
    )


@dataclass(frozen=True)
class _StatefulSet:
    """What the inputs of a StatefulSet say of its Pods and claims."""

    namespace: str | None
    name: str
    pods: Sequence[str]
    volumes: Sequence[str]
    deletes_claims: bool
    """Whether the claims go when it is deleted."""

    def claims(self, pods: Sequence[str]) -> list[str]:
        """The claims of these Pods."""
        return [f"{volume}-{pod}" for pod in pods for volume in self.volumes]


def _stateful_set(inputs: Mapping[str, Any]) -> _StatefulSet | None:
    """What is known of a StatefulSet; None where that is not in its inputs, or secret."""
    try:
        metadata, spec = inputs["metadata"], inputs["spec"]
        name, start = str(metadata["name"]), int((spec.get("ordinals") or {}).get("start", 0))
        policy = (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get("whenDeleted", "Retain")
        return _StatefulSet(
            namespace=str(metadata["namespace"]) if metadata.get("namespace") else None,
            name=name,
            pods=[f"{name}-{ordinal}" for ordinal in range(start, start + int(spec.get("replicas", 1)))],
            volumes=[str(each["metadata"]["name"]) for each in spec.get("volumeClaimTemplates") or []],
            deletes_claims=policy != "Retain",
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
