"""Kubernetes objects as Pulumi's resources: their classes, their arguments, and what comes back of a StatefulSet."""

from collections.abc import Mapping
from typing import Any

import pulumi_kubernetes as kubernetes  # imports its modules when they are used

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.letter_case import snake_case

RESOURCES: Mapping[str, Any] = {
    "StorageClass": lambda: kubernetes.storage.v1.StorageClass,
    "PodDisruptionBudget": lambda: kubernetes.policy.v1.PodDisruptionBudget,
    "NetworkPolicy": lambda: kubernetes.networking.v1.NetworkPolicy,
    "ConfigMap": lambda: kubernetes.core.v1.ConfigMap,
    "Secret": lambda: kubernetes.core.v1.Secret,
    "Service": lambda: kubernetes.core.v1.Service,
    "StatefulSet": lambda: kubernetes.apps.v1.StatefulSet,
}
"""The resource of each kind; its module is imported when the first one is made."""


def arguments_of(kubernetes_object: KubernetesObject) -> dict[str, Any]:
    """An object's outermost fields, as the constructors of pulumi_kubernetes name them.

    Copied, since a user's transformation may change them in place.
    """
    return {snake_case(field): _copy(value) for field, value in kubernetes_object.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


def relied_on(spec: Any) -> KubernetesObject:
    """What the component relies on of a StatefulSet's spec, as sent or as Pulumi returns it (some mocks: none)."""
    if not spec:
        return {}
    if "serviceName" in spec and not hasattr(spec, "service_name"):
        templates = [each["metadata"]["name"] for each in spec.get("volumeClaimTemplates", [])]
        return _relied_on(spec["serviceName"], spec["selector"]["matchLabels"], templates)
    templates = [each.metadata.name for each in spec.volume_claim_templates or []]
    return _relied_on(spec.service_name, dict(spec.selector.match_labels), templates)


def _relied_on(service_name: Any, selector: Any, volumes: Any) -> KubernetesObject:
    return {"serviceName": service_name, "selector": selector, "volumeClaimTemplates": volumes}
