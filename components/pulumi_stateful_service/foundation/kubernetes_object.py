"""Kubernetes objects as dictionaries with the API's own field names."""

from collections.abc import Mapping
from typing import Any

KubernetesObject = dict[str, Any]
"""A Kubernetes object, or a part of one, in Kubernetes' own words."""


def without_empty(**fields: Any) -> KubernetesObject:
    """The fields that say something, so that an object has no empty ones."""
    return {key: value for key, value in fields.items() if not _says_nothing(value)}


def pick(source: Mapping[str, Any], **fields: str) -> KubernetesObject:
    """Fields of an argument under Kubernetes' names: ``renamed(probe, periodSeconds="period_seconds")``."""
    return without_empty(**{key: source.get(own) for key, own in fields.items()})


def _says_nothing(value: Any) -> bool:
    # An Output has no length and no truth before it is known; what it holds was given by the user.
    return value is None or (isinstance(value, dict | list) and not value)


_OWN_FINALIZERS = {"orphan", "foregroundDeletion", "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"}
"""Kubernetes' own: it removes them when what uses the object has gone."""


def with_whole_numbers(value: Any) -> Any:
    """The value with whole numbers as int: the engine passes every number as a float."""
    if isinstance(value, Mapping):
        return {key: with_whole_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_whole_numbers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def held_by(live: KubernetesObject) -> str:
    """What keeps an object that is being deleted, to follow its name: the finalizers that Kubernetes does not set."""
    finalizers = [each for each in live["metadata"].get("finalizers") or [] if each not in _OWN_FINALIZERS]
    return f", held by finalizers: {', '.join(finalizers)}" if finalizers else ""
