"""What one operation reads: each object and each list once."""

import asyncio
from typing import Any

from api_server import ApiServer
from kubeconfigs import Kubeconfig
from pulumi_stateful_service.live.before.service_rights import missing_service_rights
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.snapshot import Snapshot

LIST: tuple[int, dict[str, Any]] = (200, {"metadata": {}, "items": [{"metadata": {"name": "data-db-0"}}]})


def test_what_is_read_twice_is_requested_once(api: ApiServer, kubeconfig: Kubeconfig) -> None:
    """Objects by name, and lists by the same labels in whatever order; another operation reads anew."""
    api.answer = lambda request: LIST if "?" in request.path else (404, {})

    async def judge(cluster: Cluster) -> None:
        seen = Snapshot(cluster)
        for labels in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}):
            claims = await seen.list_set_claims("prod", {"data-db-0", "data-db-1"}, labels)
            assert [claim["metadata"]["name"] for claim in claims] == ["data-db-0"]
            claims.clear()

    async def operate() -> None:
        async with connected(Connection(kubeconfig())) as cluster:
            await judge(cluster)
            assert len(api.requests) == 2
            await judge(cluster)
            assert len(api.requests) == 4

    asyncio.run(operate())


def test_services_that_are_created_at_once_share_the_question_for_rights(
    api: ApiServer, kubeconfig: Kubeconfig
) -> None:
    """Four reviews for each namespace, however many Services there are; another kind of object asks for none."""
    api.answer = lambda request: (201, {"status": {"allowed": b'"verb": "watch"' not in request.body}})

    async def create() -> None:
        connection = Connection(kubeconfig())
        async with connected(connection) as cluster:
            found = await asyncio.gather(
                *(missing_service_rights(cluster, connection, "Service", "prod") for _ in range(20))
            )
            assert all("no right to watch endpoints, watch endpointslices in namespace prod" in str(e) for e in found)
            assert len(api.requests) == 4
            assert await missing_service_rights(cluster, connection, "Secret", "prod") is None
            assert await missing_service_rights(cluster, connection, "Service", "other")
            assert len(api.requests) == 8

    asyncio.run(create())
