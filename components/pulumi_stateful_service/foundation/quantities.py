"""Kubernetes quantities as exact numbers."""

import math
import re
from decimal import Decimal

from lightkube.utils.quantity import parse_quantity

_EXPONENT = re.compile(r"[eE]([+-]?\d+)$")


def amount(value: str) -> Decimal:
    """What a quantity amounts to, exactly. Raises ValueError for one that no number can hold."""
    exact = parse_quantity(_EXPONENT.sub(r"e\1", value.removeprefix("+")))
    assert exact is not None  # noqa: S101 - only None gives None
    return exact


def size_in_bytes(value: str) -> int:
    """What a quantity amounts to, rounded up to whole bytes as Kubernetes does.

    Raises ValueError for a quantity finer or larger than any disk.
    """
    return math.ceil(amount(value))
