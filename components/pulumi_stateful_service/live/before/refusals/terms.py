"""On which terms a change may be made."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Terms:
    """Whether a change may be made, and how. Each text is one or more sentences."""

    refusals: Sequence[str] = ()
    """Why the change must not be made, each with what to do instead."""
    warnings: Sequence[str] = ()
    """Consequences of the change."""
    recreate: bool = False
    """Whether the StatefulSet object must be deleted first, without its Pods."""
