"""What must not change, because Pods, addresses and PersistentVolumeClaims depend on it."""

from collections.abc import Sequence

from pulumi_stateful_service.documentation import STORAGE
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import claim_name, pod_name
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, desired_ordinals, first_ordinal

_MAX_SHOWN = 4


def identity_refusals(live: KubernetesObject, desired: KubernetesObject) -> list[str]:
    """Refuses another selector, and another governing Service."""
    live_selector = live["spec"]["selector"].get("matchLabels")
    selector = desired["spec"]["selector"]["matchLabels"]
    live_service, service = live["spec"].get("serviceName"), desired["spec"]["serviceName"]
    refusals = []
    if live_selector != selector:
        refusals.append(
            f"selector cannot be changed from {live_selector} to {selector}: the running Pods would no longer belong "
            f"to the StatefulSet. Keep selector={live_selector}."
        )
    if live_service != service:
        refusals.append(
            f"service_name cannot be changed from {live_service!r} to {service!r}: the addresses of the instances are "
            "derived from it, and peers would no longer find each other. Keep "
            f"service_name={live_service!r}; to give clients another address, set load_balancer.name."
        )
    return refusals


def name_refusals(known_names: Sequence[str], name: str, volumes: Sequence[str]) -> list[str]:
    """Refuses another name for a StatefulSet with volumes; ``known_names`` are the ones that it has on the cluster."""
    return [
        f"name cannot be changed from {known!r} to {name!r}: PersistentVolumeClaims are named after the StatefulSet, "
        f"so the instances of {name!r} would start with empty volumes, and the data would be left behind in "
        f"{', '.join(claim_name(volume, known, 0) for volume in volumes)} and so on. "
        f"Keep name={known!r}, or move the data ({STORAGE})."
        for known in known_names
        if known != name and volumes
    ]


def namespace_refusals(known: str, namespace: str, name: str, volumes: Sequence[str]) -> list[str]:
    """Refuses another namespace for a StatefulSet with volumes."""
    if known == namespace or not volumes:
        return []
    claims = ", ".join(claim_name(volume, name, 0) for volume in volumes)
    refusal = (
        f"namespace cannot be changed from {known!r} to {namespace!r}: PersistentVolumeClaims belong to a namespace: "
        f"the instances in {namespace!r} would start with empty volumes, and the data would be left behind in {claims} "
        f"and so on. Keep namespace={known!r}, or move the data ({STORAGE})."
    )
    return [refusal]


def ordinals_refusals(live: KubernetesObject, desired: KubernetesObject, *, autoscaled: bool) -> list[str]:
    """Refuses another ``ordinals.start`` where an instance would be left out with its PersistentVolumeClaims."""
    live_start, start = first_ordinal(live), first_ordinal(desired)
    volumes = list(claim_templates(live))
    if live_start == start or not volumes:
        return []
    # An autoscaler's number of replicas stays. Without replicas, the claims of the first instance stand for all.
    replicas = live["spec"].get("replicas", 1) if autoscaled else desired["spec"]["replicas"]
    kept = range(start, start + replicas)
    left_out = [ordinal for ordinal in desired_ordinals(live) or [live_start] if ordinal not in kept]
    if not left_out:
        return []
    name = live["metadata"]["name"]
    claims = [claim_name(volume, name, ordinal) for ordinal in left_out for volume in volumes]
    refusal = (
        f"ordinals.start cannot be changed from {live_start} to {start}: PersistentVolumeClaims are named after the "
        f"ordinals, so no instance would use the data of {_listed([pod_name(name, ordinal) for ordinal in left_out])}, "
        f"which would be left behind in {_listed(claims)}. Keep ordinals.start at {live_start}, or move the data "
        f"({STORAGE})."
    )
    return [refusal]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MAX_SHOWN]) + (" and so on" if len(names) > _MAX_SHOWN else "")
