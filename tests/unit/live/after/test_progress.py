"""What is shown of each instance while a rollout goes on."""

from pulumi_stateful_service.live.after.progress import RolloutProgress
from pulumi_stateful_service.live.state.rollout_status import Rollout


def rollout(*pending: str, updated: int) -> Rollout:
    """Three instances, of which so many run the new revision."""
    revisions = {f"rg-{ordinal}": "new" if ordinal >= 3 - updated else "old" for ordinal in range(3)}
    return Rollout("old", "new", range(3), revisions, pending)


def test_a_line_for_each_instance_that_has_changed() -> None:
    """Each state once; an instance that was complete from the beginning has none."""
    progress = RolloutProgress()
    starting = "rg-2: starting"
    assert progress.lines(rollout(starting, "rg-1: still on the previous revision", updated=1), 5, 595) == [
        "rg-1: still on the previous revision",
        starting,
        "1 of 3 instances run the new revision; waiting for rg-2: starting (595 s left)",
    ]
    assert progress.lines(rollout(starting, "rg-1: still on the previous revision", updated=1), 10, 590) == [
        "1 of 3 instances run the new revision; waiting for rg-2: starting (590 s left)",
    ]
    assert progress.lines(rollout("rg-1: not created yet", updated=2), 15, 585) == [
        "rg-1: not created yet",
        "rg-2: complete after 15 s",
        "2 of 3 instances run the new revision; waiting for rg-1: not created yet (585 s left)",
    ]
    assert progress.lines(rollout(updated=3), 20, 580) == ["rg-1: complete after 20 s"]
