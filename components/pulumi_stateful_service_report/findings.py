"""What a report finds: the words that a gate is set to (``--fail-on``)."""

from enum import StrEnum

from pulumi_stateful_service_report.record import Record, State


class Finding(StrEnum):
    """What a change does that somebody may want to stop."""

    CLAIM_DELETED = "claim-deleted"
    CLAIM_LEFT_BEHIND = "claim-left-behind"
    CLAIM_EXPANDED = "claim-expanded"
    POD_REPLACED = "pod-replaced"
    POD_REMOVED = "pod-removed"
    POD_HELD_BACK = "pod-held-back"
    QUORUM_AT_RISK = "quorum-at-risk"
    STATEFUL_SET_RECREATED = "stateful-set-recreated"
    STATEFUL_SET_REPLACED = "stateful-set-replaced"
    SERVICE_CHANGED = "service-changed"
    SERVICE_DELETED = "service-deleted"
    DRIFT = "drift"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    PREVIEW_FAILED = "preview-failed"


MEANINGS = {
    Finding.CLAIM_DELETED: "a PersistentVolumeClaim is deleted with its data, or created again without them",
    Finding.CLAIM_LEFT_BEHIND: "a claim stays with its data, and no instance uses it",
    Finding.CLAIM_EXPANDED: "a claim grows, which cannot be undone",
    Finding.POD_REPLACED: "a running Pod is deleted and created again",
    Finding.POD_REMOVED: "an instance is removed",
    Finding.POD_HELD_BACK: "an instance keeps another revision than the program has",
    Finding.QUORUM_AT_RISK: "fewer instances stay ready than quorum or min_available requires, or all stop at once",
    Finding.STATEFUL_SET_RECREATED: "the StatefulSet is deleted without its Pods, and created again",
    Finding.STATEFUL_SET_REPLACED: "Pulumi replaces the StatefulSet, which stops all its Pods at once",
    Finding.SERVICE_CHANGED: "the StatefulSet is created, changed or deleted in any way",
    Finding.SERVICE_DELETED: "the program no longer has the service, or it is destroyed",
    Finding.DRIFT: "somebody else has changed the StatefulSet",
    Finding.REFUSED: "the component refuses the change, which pulumi up then does not make",
    Finding.UNKNOWN: "what happens to a service could not be determined",
    Finding.PREVIEW_FAILED: "the preview failed, or its log has no end: services may be missing",
}

REPLACED = "Replaced"
"""What is done to a StatefulSet that the engine replaces, which no component tells."""

_OF_SET = {"Recreated": Finding.STATEFUL_SET_RECREATED, REPLACED: Finding.STATEFUL_SET_REPLACED}
_OF_CLAIM = {
    "Deleted": Finding.CLAIM_DELETED,
    "Recreated": Finding.CLAIM_DELETED,
    "Restored": Finding.CLAIM_DELETED,
    "LeftBehind": Finding.CLAIM_LEFT_BEHIND,
    "Expanded": Finding.CLAIM_EXPANDED,
}
_OF_POD = {"Replaced": Finding.POD_REPLACED, "Removed": Finding.POD_REMOVED}
_OF_STATE = {
    State.CHANGED: {Finding.SERVICE_CHANGED},
    State.UNCHANGED: set[Finding](),
    State.UNKNOWN: {Finding.UNKNOWN},
    State.REFUSED: {Finding.REFUSED},
    State.DELETED: {Finding.SERVICE_DELETED, Finding.SERVICE_CHANGED},
}


def findings_of(told: Record) -> list[Finding]:
    """What is found in what is known of a service, in the order of the words."""
    state = State(told["state"])
    found = {*_OF_STATE[state]}
    if state is State.DELETED and told["reason"]:
        found.add(Finding.UNKNOWN)
    found |= {_OF_CLAIM[each] for each in told["claims"].values() if each in _OF_CLAIM}
    found |= {_OF_POD[each] for each in told["instances"].values() if each in _OF_POD}
    if told["set"] in _OF_SET:
        found.add(_OF_SET[told["set"]])
    if told["heldBack"]:
        found.add(Finding.POD_HELD_BACK)
    if told["drift"]:
        found.add(Finding.DRIFT)
    if told["set"] == REPLACED or _is_quorum_at_risk(told):
        found.add(Finding.QUORUM_AT_RISK)
    return [each for each in Finding if each in found]


def _is_quorum_at_risk(told: Record) -> bool:
    availability = told["availability"]
    if availability is None or availability["fewest"] >= availability["ready"]:
        return False  # The change stops no instance that is ready.
    return availability["fewest"] < availability["required"]
