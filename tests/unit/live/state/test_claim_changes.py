"""Expansion of PersistentVolumeClaims in place."""

from typing import Any

import pytest
from pulumi_stateful_service.foundation.names import CLAIM_METADATA_ANNOTATION
from pulumi_stateful_service.live.state.claim_changes import (
    DesiredClaim,
    Growth,
    claim_patch,
    claims_to_grow,
    growth_refusals,
    infeasible_change,
    pending_change,
    shrink_refusals,
)


def a_claim(name: str, size: str, *, capacity: str | None = None, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"storageClassName": "standard", "resources": {"requests": {"storage": size}}},
        "status": {"phase": "Bound", "capacity": {"storage": capacity or size}, **status},
    }


def test_only_smaller_claims_grow() -> None:
    """Larger claims are skipped, and so are those of other StatefulSets."""
    sizes = {f"logs-rg-{ordinal}": "20Mi" for ordinal in range(3)}
    claims = [a_claim("logs-rg-0", "10Mi"), a_claim("logs-rg-1", "1Gi"), a_claim("logs-rg-2", "20480Ki")]
    assert claims_to_grow([*claims, a_claim("other-rg-0", "1Mi")], sizes) == [Growth("logs-rg-0", "10Mi", "20Mi")]


def test_a_class_without_expansion_is_refused() -> None:
    """The message names the claims, the class, and what to do."""
    claims = [a_claim("logs-rg-0", "10Mi"), a_claim("logs-rg-1", "10Mi")]
    growths = claims_to_grow(claims, {"logs-rg-0": "20Mi", "logs-rg-1": "20Mi"})
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
            "c (10Mi of 20Mi): the node has not resized the file system yet",
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
    pending = pending_change(claim, DesiredClaim("20Mi"))
    assert pending is None if expected is None else expected in (pending or "")


@pytest.mark.parametrize(
    ("before", "after", "capacity", "refused"),
    [
        ("20Mi", "10Mi", "20Mi", True),
        ("20Mi", "20971519", "20Mi", True),
        ("1Gi", "1G", "1Gi", True),
        ("20Mi", "20480Ki", "20Mi", False),
        ("20Mi", "30Mi", "20Mi", False),
        # The expansion to 20Mi was never carried out.
        ("20Mi", "10Mi", "10Mi", False),
        ("100Ti", "15Mi", "10Mi", False),
        ("100Ti", "5Mi", "10Mi", True),
        # Somebody else has made the claim larger than it was ever to be.
        ("20Mi", "10Mi", "30Mi", False),
    ],
)
def test_what_a_claim_has_cannot_shrink(before: str, after: str, capacity: str, refused: bool) -> None:
    """A size that was only requested can be cancelled."""
    claims = {"logs": [a_claim("logs-rg-0", before, capacity=capacity)]}
    assert shrink_refusals({"logs": before}, {"logs": after}, claims) == ({"logs": ["logs-rg-0"]} if refused else {})


def requested_by(manager: str) -> list[dict[str, Any]]:
    """Who has set the size."""
    fields: dict[str, Any] = {"f:spec": {"f:resources": {"f:requests": {"f:storage": {}}}}}
    return [{"manager": manager, "operation": "Update", "fieldsV1": fields}]


@pytest.mark.parametrize(
    ("size", "capacity", "manager", "sent"),
    [
        ("20Mi", "10Mi", "pulumi-stateful-service.rg", "20Mi"),
        # Not to the capacity itself, which the API refuses.
        ("10Mi", "10Mi", "pulumi-stateful-service.rg", str(10 * 1024**2 + 1)),
        ("5Mi", "10Mi", "pulumi-stateful-service.rg", str(10 * 1024**2 + 1)),
        # Carried out, or somebody else's.
        ("20Mi", "100Ti", "pulumi-stateful-service.rg", None),
        ("20Mi", "10Mi", "kubectl-patch", None),
    ],
)
def test_a_request_that_was_not_carried_out_is_lowered(
    size: str, capacity: str, manager: str, sent: str | None
) -> None:
    """As far as the API allows."""
    claim = a_claim("logs-rg-0", "100Ti", capacity=capacity)
    claim["metadata"]["managedFields"] = requested_by(manager)
    patch = claim_patch(claim, DesiredClaim(size), None, "rg")
    assert patch == ({"spec": {"resources": {"requests": {"storage": sent}}}} if sent else {})


def test_labels_and_annotations_are_changed_in_place() -> None:
    """What the component has set goes with the program, what others have set stays."""
    template = {"metadata": {"name": "logs", "labels": {"tier": "gold", "old": "1"}}}
    claim = a_claim("logs-rg-0", "10Mi")
    claim["metadata"] |= {"labels": {"tier": "gold", "old": "1", "app": "rg"}, "annotations": {"other": "x"}}
    assert claim_patch(claim, DesiredClaim("10Mi", labels={"tier": "gold", "old": "1"}), template, "rg") == {}
    wanted = DesiredClaim("10Mi", labels={"tier": "silver"}, annotations={"a": "b"})
    patch = claim_patch(claim, wanted, template, "rg")
    note = '{"annotations": ["a"], "labels": ["tier"]}'
    assert patch == {
        "metadata": {
            "labels": {"tier": "silver", "old": None},
            "annotations": {"a": "b", CLAIM_METADATA_ANNOTATION: note},
        }
    }
    claim["metadata"] |= {
        "labels": {"tier": "silver", "app": "rg"},
        "annotations": {"other": "x", "a": "b", CLAIM_METADATA_ANNOTATION: note},
    }
    assert (
        claim_patch(claim, DesiredClaim("10Mi", labels={"tier": "silver"}, annotations={"a": "b"}), template, "rg")
        == {}
    )
    gone = claim_patch(claim, DesiredClaim("10Mi"), template, "rg")["metadata"]
    assert (gone["labels"], gone["annotations"]["a"]) == ({"tier": None}, None)


def test_the_attributes_class_is_changed_in_place() -> None:
    """And waited for; without one in the program, the claim keeps its own."""
    claim = a_claim("logs-rg-0", "10Mi", currentVolumeAttributesClassName="silver")
    claim["spec"]["volumeAttributesClassName"] = "silver"
    assert claim_patch(claim, DesiredClaim("10Mi"), None, "rg") == {}
    wanted = DesiredClaim("10Mi", "gold")
    assert claim_patch(claim, wanted, None, "rg") == {"spec": {"volumeAttributesClassName": "gold"}}
    claim["spec"]["volumeAttributesClassName"] = "gold"
    claim["status"]["modifyVolumeStatus"] = {"targetVolumeAttributesClassName": "gold", "status": "Pending"}
    assert pending_change(claim, wanted) == "logs-rg-0 (VolumeAttributesClass silver, requested gold): Pending"
    assert infeasible_change(claim) is None
    claim["status"]["modifyVolumeStatus"]["status"] = "Infeasible"
    assert "cannot change the VolumeAttributesClass to 'gold' (Infeasible)" in (infeasible_change(claim) or "")
    claim["spec"]["volumeAttributesClassName"] = "bronze"  # what the driver says of the former one stays until it acts
    assert infeasible_change(claim) is None
    claim["spec"]["volumeAttributesClassName"] = "gold"
    claim["status"] |= {"currentVolumeAttributesClassName": "gold", "modifyVolumeStatus": None}
    assert pending_change(claim, wanted) is None


def test_what_the_driver_cannot_do_is_told() -> None:
    """Not by the status of an earlier request, which stays until the driver has seen the new one."""
    claim = a_claim("logs-rg-0", "100Ti", capacity="10Mi", allocatedResources={"storage": "100Ti"})
    assert infeasible_change(claim) is None
    claim["status"]["allocatedResourceStatuses"] = {"storage": "ControllerResizeInfeasible"}
    claim["status"]["conditions"] = [{"type": "ControllerResizeError", "status": "True", "message": "too large"}]
    assert infeasible_change(claim) == (
        "logs-rg-0 (10Mi, requested 100Ti): the storage driver cannot expand the volume (ControllerResizeInfeasible: "
        "too large)"
    )
    claim["spec"]["resources"]["requests"]["storage"] = "20Mi"
    assert infeasible_change(claim) is None
