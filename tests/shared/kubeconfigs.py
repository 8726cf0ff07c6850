"""Kubeconfigs for unit tests, and looks at the cluster that one leads to."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Protocol

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.cluster import connected
from pulumi_stateful_service.live.client.connection import Connection


def in_base64(content: str | bytes) -> str:
    return b64encode(content if isinstance(content, bytes) else content.encode()).decode()


class Kubeconfig(Protocol):
    """Writes a kubeconfig for the API server."""

    def __call__(
        self,
        user: Mapping[str, Any] | None = None,
        cluster: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> str: ...


async def get(connection: Connection, times: int = 1) -> KubernetesObject | None:
    found = None
    async with connected(connection) as cluster:
        for _ in range(times):
            found = await cluster.get("Namespace", None, "it")
    return found


def look(connection: Connection | str | None = None, times: int = 1) -> KubernetesObject | None:
    """Gets an object from the cluster of a connection, or of a kubeconfig."""
    if not isinstance(connection, Connection):
        connection = Connection(connection)
    return asyncio.run(get(connection, times))
