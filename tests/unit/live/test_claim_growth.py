"""Expansion of PersistentVolumeClaims in place."""

from typing import Any

import pytest
from pulumi_stateful_service.live.claim_growth import (
    Growth,
    claims_to_grow,
    growth_refusals,
    pending_growth,
    sizes_by_claim,
)


def a_claim(name: str, size: str, *, capacity: str | None = None, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"storageClassName": "standard", "resources": {"requests": {"storage": size}}},
        "status": {"phase": "Bound", "capacity": {"storage": capacity or size}, **status},
    }


def test_only_smaller_claims_grow() -> None:
    """Larger claims are left alone, and so are those of other StatefulSets."""
    sizes = sizes_by_claim("rg", {"logs": "20Mi"}, range(3))
    claims = [a_claim("logs-rg-0", "10Mi"), a_claim("logs-rg-1", "1Gi"), a_claim("logs-rg-2", "20480Ki")]
    assert claims_to_grow([*claims, a_claim("other-rg-0", "1Mi")], sizes) == [Growth("logs-rg-0", "10Mi", "20Mi")]


def test_a_class_without_expansion_is_refused() -> None:
    """The message names the claims, the class, and what to do."""
    claims = [a_claim("logs-rg-0", "10Mi"), a_claim("logs-rg-1", "10Mi")]
    growths = claims_to_grow(claims, sizes_by_claim("rg", {"logs": "20Mi"}, range(2)))
    [refusal] = growth_refusals(growths, claims, {"standard": False})
    assert refusal.startswith(
        "PersistentVolumeClaims logs-rg-0, logs-rg-1 cannot be expanded: StorageClass 'standard' does not allow volume "
        "expansion. Set allowVolumeExpansion: true on it"
    )
    assert not growth_refusals(growths, claims, {"standard": True})
    del claims[0]["spec"]["storageClassName"]
    assert "they have no StorageClass" in growth_refusals(growths[:1], claims, {})[0]


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (a_claim("c", "20Mi"), None),
        (a_claim("c", "20Mi", capacity="10Mi"), "c (10Mi of 20Mi): waiting for the storage driver"),
        (
            a_claim("c", "20Mi", capacity="10Mi", conditions=[{"type": "FileSystemResizePending", "status": "True"}]),
            "c (10Mi of 20Mi): the file system is resized when a Pod mounts the volume",
        ),
        (
            a_claim(
                "c",
                "20Mi",
                capacity="10Mi",
                conditions=[{"type": "ControllerResizeError", "status": "True", "message": "no space"}],
            ),
            "c (10Mi of 20Mi): no space",
        ),
        (a_claim("c", "20Mi", capacity="0", phase="Pending"), "c: not bound to a volume yet"),
    ],
)
def test_what_a_claim_waits_for(claim: Any, expected: str | None) -> None:
    """For the storage driver, for the kubelet, or for a volume; or the error that one of them reports."""
    pending = pending_growth(claim, "20Mi")
    assert pending is None if expected is None else expected in (pending or "")
