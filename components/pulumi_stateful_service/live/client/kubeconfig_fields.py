"""Reads single fields of a kubeconfig: what has another type, or cannot be read, is named without its value."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi_stateful_service.live.client.errors import ClusterError


def text(fields: Mapping[str, Any], name: str, where: str) -> str | None:
    """A field that is text; None where it is absent or empty."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ClusterError(f"{name} of {where} is not text (put it in quotation marks)")
    return value


def flag(fields: Mapping[str, Any], name: str, where: str) -> bool:
    """A field that is true or false; false where it is absent."""
    value = fields.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise ClusterError(f"{name} of {where} is neither true nor false")
    return value


def texts(fields: Mapping[str, Any], name: str, where: str) -> list[str]:
    """A field that is a list of texts; empty where it is absent."""
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ClusterError(f"{name} of {where} is not a list of texts")
    return value


def mapping(fields: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    """A field that has fields of its own; empty where it is absent."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ClusterError(f"{name} of {where} is not a map")
    return value


def decoded(fields: Mapping[str, Any], name: str, where: str) -> bytes | None:
    """A field that is text in Base64, decoded; None where it is absent."""
    value = text(fields, name, where)
    if value is None:
        return None
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ClusterError(f"{name} of {where} is not valid Base64") from None


def no_conflict(fields: Mapping[str, Any], name: str, where: str) -> None:
    """Refuses a field that is given as a file and as data at once, as client-go does."""
    if fields.get(name) and fields.get(f"{name}-data"):
        raise ClusterError(f"{where} has both {name} and {name}-data")


def read_file(path: Path, what: str) -> bytes:
    """The contents of a file that a kubeconfig names."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ClusterError(f"{what}: cannot read {path}: {error.strerror or type(error).__name__}") from None
