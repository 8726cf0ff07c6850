"""What becomes of live PersistentVolumeClaims by their own state: who owns them, and whether they are being deleted."""

from collections.abc import Mapping, Sequence

from pulumi_stateful_service.documentation import REBUILD, STORAGE
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.state.claim_changes import is_being_deleted, is_lost
from pulumi_stateful_service.live.state.claim_owners import claims_to_release, owners_of, retains_claims
from pulumi_stateful_service.live.state.rebuild import line_for

_MAX_SHOWN = 10


def claim_warnings(live: KubernetesObject, claims: Sequence[KubernetesObject], desired: KubernetesObject) -> list[str]:
    """What every preview says of claims that do not simply stay, also where nothing changes."""
    warnings = []
    if ending := [claim for claim in claims if is_being_deleted(claim)]:
        warnings.append(
            f"{named(ending)} {_is(ending)} being deleted (since {_since(ending)}): Kubernetes deletes "
            f"{_it(ending)} as soon as no Pod uses {_it(ending)}, so the data ends when the Pod is replaced or stops. "
            f"To keep the data, see {STORAGE}#a-claim-that-is-being-deleted."
        )
    if lost := [claim for claim in claims if is_lost(claim)]:
        warnings.append(
            f"{named(lost)} {_is(lost)} Lost: its volume does not exist, so the instance cannot start again. An empty "
            f"one takes its place by {line_for(live, lost)} ({REBUILD})."
        )
    released = claims_to_release(live, claims, desired)
    if released and retains_claims(live):
        warnings.append(
            f"{named(released)} {_has(released)} StatefulSet {live['metadata']['name']} as owner, and would be deleted "
            "with it, although when_deleted is Retain. pulumi up removes the owner."
        )
    elif released:
        warnings.append(
            f"when_deleted changes to Retain: pulumi up removes the StatefulSet as owner of {named(released)}, so that "
            f"{_it(released)} {'stays' if len(released) == 1 else 'stay'} when it is deleted."
        )
    return [*warnings, *_other_owners(live, claims)]


def ending_refusals(
    ending: Mapping[str, str], removed: Sequence[str], claims: Sequence[KubernetesObject], retained: Sequence[str]
) -> list[str]:
    """Refuses to end claims that are being deleted, whose data would be lost.

    ``ending`` has the Pod of each claim that the change ends, by the claim's name; ``removed`` the Pods that are
    removed and not replaced; ``retained`` the claims whose volumes stay by their reclaim policy.
    """
    volumes = {claim["metadata"]["name"]: claim["spec"].get("volumeName", "") for claim in claims}
    refusals = []
    for name, pod in ending.items():
        if pod in removed and name in retained:
            continue
        ordinal = int(pod.rpartition("-")[2])
        how = "removed" if pod in removed else "replaced"
        empty = "" if pod in removed else f", and {pod} would start with an empty volume"
        patch = """'{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'"""
        refusals.append(
            f"{pod} would be {how}, and PersistentVolumeClaim {name}, which somebody has deleted, ends with its Pod: "
            f"its data would be lost{empty}. To keep the data: (1) kubectl patch persistentvolume {volumes[name]} "
            f"--type merge --patch {patch}; "
            f"(2) set replicas so that {pod} is removed, and run pulumi up: the claim ends, and its volume stays; (3) "
            f'restore=[{{"ordinal": {ordinal}, "volume_name": "{volumes[name]}"}}] with the former replicas, after '
            f"the volume's claimRef was cleared ({STORAGE}#a-claim-that-is-being-deleted)."
        )
    return refusals


def named(claims: Sequence[KubernetesObject]) -> str:
    """The claims in a message."""
    names = sorted(claim["metadata"]["name"] for claim in claims)
    more = len(names) - _MAX_SHOWN
    plural = "s" if len(names) > 1 else ""
    return f"PersistentVolumeClaim{plural} {', '.join(names[:_MAX_SHOWN])}{f' and {more} more' if more > 0 else ''}"


def _other_owners(live: KubernetesObject, claims: Sequence[KubernetesObject]) -> list[str]:
    """Owners that the controller does not set: a claim goes with them, whatever the policy says."""
    own_uid, own_name = live["metadata"]["uid"], live["metadata"]["name"]
    warnings = []
    for claim in claims:
        name = claim["metadata"]["name"]
        for owner in owners_of(claim):
            is_own_pod = owner["kind"] == "Pod" and name.endswith(f"-{owner['name']}")
            if owner["uid"] == own_uid or (is_own_pod and owner["name"].startswith(f"{own_name}-")):
                continue
            warnings.append(
                f"PersistentVolumeClaim {name} is owned by {owner['kind']} {owner['name']}, and Kubernetes deletes it "
                "with that, whatever the retention policy says."
            )
    return warnings


def _since(claims: Sequence[KubernetesObject]) -> str:
    return min(str(claim["metadata"]["deletionTimestamp"]) for claim in claims)


def _is(claims: Sequence[KubernetesObject]) -> str:
    return "is" if len(claims) == 1 else "are"


def _has(claims: Sequence[KubernetesObject]) -> str:
    return "has" if len(claims) == 1 else "have"


def _it(claims: Sequence[KubernetesObject]) -> str:
    return "it" if len(claims) == 1 else "them"
