"""The cluster as one operation finds it: what is read twice is requested once, so that all its judgements agree."""

import json
from collections.abc import Mapping
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.once_per_key import OncePerKey
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.resources import KubernetesObjects
from pulumi_stateful_service.live.client.shared_reads import Labels


class Snapshot(Cluster):
    """A cluster whose objects and lists are read once each. Made by the operation that judges on it, and no older.

    Nothing is changed by way of it: what is read afterwards would be as before.
    """

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster._api, cluster.default_namespace)  # noqa: SLF001 - of its own class
        self._read = OncePerKey[Any]()

    async def get(
        self, kind: str, namespace: str | None, name: str, *, labels: Labels | None = None
    ) -> KubernetesObject | None:
        """An object; None where it does not exist."""
        found: KubernetesObject | None = await self._read.get(
            _key("get", kind, namespace, name), lambda: super(Snapshot, self).get(kind, namespace, name, labels=labels)
        )
        return found

    async def list(
        self,
        kind: str,
        namespace: str | None,
        *,
        labels: Labels | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> KubernetesObjects:
        """The objects of a namespace, or of all namespaces where it is None; only those with the labels and fields."""
        key = _key("list", kind, namespace, dict(labels or {}), dict(fields or {}))
        found: KubernetesObjects = await self._read.get(
            key, lambda: super(Snapshot, self).list(kind, namespace, labels=labels, fields=fields)
        )
        return list(found)


def _key(*of: Any) -> str:
    return json.dumps(of, sort_keys=True)
