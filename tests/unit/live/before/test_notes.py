"""The component's annotations on a live StatefulSet: notes that somebody may have damaged."""

from typing import Any

import pytest
from pulumi_stateful_service.foundation.names import ATTEMPT_ANNOTATION, IDENTITY_ANNOTATION, SIZES_ANNOTATION
from pulumi_stateful_service.live.before.preflight import last_attempt
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, malformed_notes, noted, volume_sizes


def a_set(**annotations: str) -> dict[str, Any]:
    template = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    return {"metadata": {"name": "rg", "annotations": annotations}, "spec": {"volumeClaimTemplates": [template]}}


@pytest.mark.parametrize("note", ["{", "[]", "1", '"x"', '{"data": 5}', '{"data": "big"}', '{"data": null}', ""])
def test_damaged_sizes_are_none(note: str) -> None:
    """The template's size counts then, and the note is named."""
    live = a_set(**{SIZES_ANNOTATION: note})
    assert volume_sizes(live) == {"data": "1Gi"}
    assert malformed_notes(live) == [f"{SIZES_ANNOTATION}: {note!r}"]
    assert volume_sizes(a_set(**{SIZES_ANNOTATION: '{"data": "2Gi"}'})) == {"data": "2Gi"}


@pytest.mark.parametrize(
    "note",
    ["{", "[]", '{"volumeClaimTemplates": 5}', '{"volumeClaimTemplates": [{}]}', '{"volumeClaimTemplates": [1]}'],
)
def test_a_damaged_identity_is_none(note: str) -> None:
    """The live templates count then."""
    live = a_set(**{IDENTITY_ANNOTATION: note})
    assert claim_templates(noted(live)) == claim_templates(live)
    assert malformed_notes(live) == [f"{IDENTITY_ANNOTATION}: {note!r}"]


@pytest.mark.parametrize(("note", "number"), [("3", 3), ("", 0), ("-1", 0), ("x", 0), ("9" * 20, 0), ("٣", 0)])
def test_a_damaged_attempt_is_none(note: str, number: int) -> None:
    """It counts again from one."""
    assert last_attempt(a_set(**{ATTEMPT_ANNOTATION: note})) == number
