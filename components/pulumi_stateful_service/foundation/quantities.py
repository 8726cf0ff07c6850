"""Kubernetes quantities as exact numbers."""

import math
import re
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?[\d.]+)(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d+))?")
_BINARY = {f"{prefix}i": 1024**power for power, prefix in enumerate("KMGTPE", start=1)}
_DECIMAL = dict(zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True))
_MAX_EXPONENT = 99
_MAX = 10**24
"""More than any resource has."""


def amount(quantity: str) -> Decimal:
    """The number that a quantity stands for.

    Source: ``Quantity`` of the Kubernetes API (``k8s.io/apimachinery/pkg/api/resource``). Raises ValueError for a text
    that is no quantity, or is out of range.
    """
    parts = _QUANTITY.fullmatch(quantity)
    if parts is None:
        raise ValueError(f"{quantity!r} is no quantity")
    number, binary, decimal, exponent = parts.groups()
    power = _DECIMAL[decimal] if decimal else int(exponent or 0)
    if abs(power) > _MAX_EXPONENT or number.count(".") > 1:
        raise ValueError(f"{quantity!r} is out of range")
    value = Decimal(number).scaleb(power) * Decimal(_BINARY.get(binary, 1))
    if abs(value) > _MAX:
        raise ValueError(f"{quantity!r} is out of range")
    return value


def size_in_bytes(quantity: str) -> int:
    """The number of bytes, rounded up as Kubernetes does. Raises ValueError as ``amount`` does."""
    return math.ceil(amount(quantity))


def is_size(quantity: str) -> bool:
    """Whether a text is a quantity."""
    try:
        amount(quantity)
    except ValueError:
        return False
    return True
