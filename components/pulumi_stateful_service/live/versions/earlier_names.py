"""Names from before each version had one of its own: one Secret ``NAME-env`` had keys that ended in a digest.

Pods that refer to such keys keep doing so until the values change: another reference would replace them.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import pulumi

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import name_and_digest
from pulumi_stateful_service.foundation.outputs import resolve

_KEY_OF_VERSION = re.compile(r'\.([0-9a-f]{24})"')


def earlier_digests(template: KubernetesObject) -> frozenset[str]:
    """The digests of the versions that a live Pod template refers to by keys."""
    return frozenset(_KEY_OF_VERSION.findall(json.dumps(template)))


def earlier_name(name: Any, digests: frozenset[str]) -> tuple[str, str] | None:
    """The earlier name of the object with a version's values, and what its keys end in; None where it has none."""
    found = name_and_digest(name) if isinstance(name, str) else None
    return (found[0], f".{found[1]}") if found and found[1] in digests else None


async def with_earlier_names(part: Any, digests: frozenset[str]) -> Any:
    """A Pod template, or a part of it, that refers to those versions by their earlier names."""
    if isinstance(part, pulumi.Output):
        held = await resolve(part)
        changed = await with_earlier_names(held.value, digests)
        return part if changed == held.value else pulumi.Output.secret(changed) if held.secret else changed
    if isinstance(part, list):
        return [await with_earlier_names(each, digests) for each in part]
    if not isinstance(part, Mapping):
        return part
    changed = {key: await with_earlier_names(part[key], digests) for key in part}
    for field in ("name", "secretName"):
        if (earlier := earlier_name((await resolve(changed.get(field))).value, digests)) is not None:
            changed[field], ending = earlier
            if "key" in changed:
                changed["key"] += ending
            if "items" in changed:
                changed["items"] = [{**item, "key": item["key"] + ending} for item in changed["items"]]
    return changed
