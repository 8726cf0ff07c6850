"""What the user sees during a rollout: a line for each instance whose state has changed, and how far it is."""

from pulumi_stateful_service.live.after.target import MAX_SHOWN
from pulumi_stateful_service.live.state.rollout_status import Rollout


class RolloutProgress:
    """What was shown of each instance."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def lines(self, rollout: Rollout, waited: float, seconds_left: float) -> list[str]:
        """The instances of which something else is known than before, and a summary."""
        waiting = dict(line.split(": ", 1) for line in rollout.pending if ": " in line)
        done = {name: "complete" for name in rollout.revisions if name not in waiting}
        changed = [
            f"{name}: {why}" if name in waiting else f"{name}: complete after {waited:.0f} s"
            for name, why in sorted({**waiting, **done}.items())
            # An instance that nothing was to happen to is not worth a line.
            if self._shown.get(name, "complete") != why
        ]
        self._shown = {**waiting, **done}
        return [*changed[:MAX_SHOWN], *self._summary(rollout, seconds_left)]

    def _summary(self, rollout: Rollout, seconds_left: float) -> list[str]:
        if not rollout.pending:
            return []
        updated = len(rollout.revisions) - len(rollout.outdated)
        of = f"{updated} of {len(rollout.ordinals or ())} instances run the new revision"
        return [f"{of}; waiting for {rollout.pending[0]} ({seconds_left:.0f} s left)"]
