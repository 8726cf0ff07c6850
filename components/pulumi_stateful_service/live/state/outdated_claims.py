"""Claims that differ from what new ones get: Kubernetes never changes these fields of a claim."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import RECREATE_CLAIMS_ANNOTATION, RESTORED_ANNOTATION, claim_name
from pulumi_stateful_service.foundation.quantities import size_in_bytes
from pulumi_stateful_service.live.state.claim_changes import (
    DesiredClaim,
    by_claim,
    capacity,
    is_being_deleted,
    requested_size,
)
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, desired_ordinals

API_DEFAULTS: Mapping[str, Any] = {"volumeMode": "Filesystem"}
"""Values that the API server fills into claim templates."""

LASTING_FIELDS: Mapping[str, str] = {
    "accessModes": "access_modes",
    "storageClassName": "storage_class_name",
    "volumeMode": "volume_mode",
    "selector": "selector",
    "dataSource": "data_source",
    "dataSourceRef": "data_source_ref",
}
"""Fields of a claim template that existing claims keep, and the arguments that set them."""

_SOURCES = ("dataSource", "dataSourceRef")


@dataclass(frozen=True)
class ClaimRecreation:
    """Whose claims the program recreates where they are outdated."""

    ordinals: Sequence[int] = ()
    reclaim_policy: str = "Retain"


def requested_recreation(desired: KubernetesObject) -> ClaimRecreation:
    """What the program asks for, from the StatefulSet that it sends. The live one's annotation orders nothing."""
    note = (desired["metadata"].get("annotations") or {}).get(RECREATE_CLAIMS_ANNOTATION)
    if not note:
        return ClaimRecreation()
    noted = json.loads(note)
    return ClaimRecreation(noted["ordinals"], noted["reclaimPolicy"])


def outdated_claims(
    stateful_set: KubernetesObject, claims: Iterable[KubernetesObject], desired: Mapping[str, DesiredClaim]
) -> dict[str, list[str]]:
    """The arguments in which each claim differs from what a new one would get, by the claim's name."""
    templates = claim_templates(stateful_set)
    volumes = by_claim(stateful_set["metadata"]["name"], desired, desired_ordinals(stateful_set))
    result = {}
    for claim in claims:
        volume, wanted = volumes.get(claim["metadata"]["name"], ("", None))
        if wanted is not None and volume in templates and (fields := _differences(claim, templates[volume], wanted)):
            result[claim["metadata"]["name"]] = fields
    return result


def claims_to_recreate(
    stateful_set: KubernetesObject,
    claims: Iterable[KubernetesObject],
    desired: Mapping[str, DesiredClaim],
    recreation: ClaimRecreation,
) -> dict[int, list[KubernetesObject]]:
    """The outdated claims of the instances whose claims the program recreates, by ordinal, the highest first.

    A claim that is being deleted is among them: its Pod still uses it.
    """
    existing = {claim["metadata"]["name"]: claim for claim in claims}
    outdated = outdated_claims(stateful_set, existing.values(), desired)
    deleted = {name for name, claim in existing.items() if is_being_deleted(claim)}
    result = {}
    for ordinal in sorted(recreation.ordinals, reverse=True):
        names = [claim_name(volume, stateful_set["metadata"]["name"], ordinal) for volume in desired]
        if found := [existing[name] for name in names if name in outdated or name in deleted]:
            result[ordinal] = found
    return result


def _differences(claim: KubernetesObject, template: KubernetesObject, desired: DesiredClaim) -> list[str]:
    differences = []
    is_restored = RESTORED_ANNOTATION in (claim["metadata"].get("annotations") or {})
    for field, argument in LASTING_FIELDS.items():
        wanted = template["spec"].get(field, API_DEFAULTS.get(field))
        # Without a class, a claim has got the cluster's default one, and a source becomes a reference to it.
        if wanted is None or (field in _SOURCES and is_restored):
            continue
        if claim["spec"].get(field, API_DEFAULTS.get(field)) != wanted:
            differences.append(argument)
    is_larger = size_in_bytes(desired.size) < min(size_in_bytes(requested_size(claim)), size_in_bytes(capacity(claim)))
    return [*differences, "size"] if is_larger else differences
