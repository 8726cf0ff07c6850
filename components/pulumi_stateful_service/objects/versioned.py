"""Secrets and ConfigMaps by version: what others have as values of one name is here one object for each version."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import VERSION_LABEL, version_name
from pulumi_stateful_service.foundation.once_per_key import OncePerKey
from pulumi_stateful_service.foundation.outputs import UNKNOWN, Resolved, apply_inputs, output_of, resolve
from pulumi_stateful_service.objects.shared import Shared

_digests = OncePerKey[str]()
"""By a fast digest of what they are made from: each takes a tenth of a second."""


def version_of_secrets(shared: Shared, secrets: Mapping[str, Any], of: pulumi.Input[str]) -> Any:
    """Name of the Secret that has these values, by the name that all its versions begin with."""
    return apply_inputs(version_name, of, output_of(_digest_of_secrets(shared, secrets)))


def version_of_texts(texts: Mapping[str, Any], of: pulumi.Input[str]) -> Any:
    """Name of the ConfigMap that has these texts, by the name that all its versions begin with."""
    return apply_inputs(version_name, of, output_of(_digest_of_texts(texts)))


def version(shared: Shared, name: pulumi.Input[str]) -> KubernetesObject:
    """What all versions have beside their data. Immutable: what instances refer to is not changed under them."""
    metadata = shared.metadata(name)
    labels = {**metadata["labels"], VERSION_LABEL: shared.name}
    return {"metadata": {**metadata, "labels": labels}, "immutable": True}


async def _digest_of_secrets(shared: Shared, secrets: Mapping[str, Any]) -> Resolved:
    """A digest of secret values.

    It is made from the values alone. One that used an output of the Secret would have the StatefulSet replaced with
    it: Pulumi's provider replaces a Secret whose data change. Whoever may read the Pods sees the digest, so that it is
    slow to compute for each guess (scrypt, RFC 7914), and differs for the same value elsewhere.
    """
    resolved = await resolve([dict(secrets), shared.name, "" if shared.namespace is None else shared.namespace])
    if not resolved.known:
        return Resolved(UNKNOWN)
    values, *where = resolved.value
    text, salt = (json.dumps(each, sort_keys=True).encode() for each in (values, where))
    key = hashlib.sha256(b"\0".join((text, salt))).digest()
    return Resolved(await _digests.get(key, lambda: asyncio.to_thread(_slow_digest, text, salt)))


def _slow_digest(text: bytes, salt: bytes) -> str:
    return hashlib.scrypt(text, salt=salt, n=2**14, r=8, p=1, dklen=12).hex()


async def _digest_of_texts(texts: Mapping[str, Any]) -> Resolved:
    resolved = await resolve(dict(texts))
    if not resolved.known:
        return Resolved(UNKNOWN)
    text = "\0".join(f"{path}\0{content}" for path, content in sorted(resolved.value.items()))
    return Resolved(hashlib.sha256(text.encode()).hexdigest()[:24])
