"""What the engine does to the StatefulSet, as it was found before."""

import pytest
from pulumi_stateful_service.live.operation import Operation


@pytest.mark.parametrize(
    ("before", "is_new"),
    [("", True), ("another", True), ("the-set", False), (None, False)],
    ids=["none", "recreated", "updated or adopted", "not read"],
)
def test_a_set_is_new_where_it_was_looked_for_and_not_found(before: str | None, is_new: bool) -> None:
    """What was not read may have been there."""
    assert Operation(live_uid=before).has_created("the-set") is is_new
