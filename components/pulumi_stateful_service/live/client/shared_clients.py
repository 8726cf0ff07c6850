"""One client for each cluster, however many services a program has and however often they look.

It is made at the first look, and kept until the program ends: its connections, its credentials, and what it knows of
the API server. Imports no HTTP client before there is something to look at.
"""

import asyncio
import atexit
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pulumi_stateful_service.live.client.blocking import beside
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.kubeconfig import refuse_absence
from pulumi_stateful_service.live.client.once import Once

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from pulumi_stateful_service.live.client.api import Api, Settings


@dataclass
class _Shared:
    """A client, once it is made."""

    api: "Api | None" = None
    making: "Once[Api]" = field(default_factory=Once)
    life: "AsyncGenerator[None, None] | None" = None


_clients: dict[tuple[asyncio.AbstractEventLoop, Connection], _Shared] = {}


async def client_of(connection: Connection) -> "Api":
    """The client for the cluster of a connection. Raises ClusterError where the settings cannot work."""
    _abandon_those_of_ended_loops()
    # The namespace makes no other cluster.
    shared = _clients.setdefault((asyncio.get_running_loop(), replace(connection, namespace=None)), _Shared())
    if shared.api is None:
        return await shared.making.run(lambda: _make(shared, replace(connection, namespace=None)))
    return shared.api


async def _make(shared: _Shared, connection: Connection) -> "Api":
    # Where manifests are rendered there often is no cluster, and each service finds that out.
    refuse_absence(connection)
    settings = await beside(lambda: _settings(connection))
    from pulumi_stateful_service.live.client.api import Api

    shared.api = Api(settings)
    shared.life = _life_of(shared.api)
    await anext(shared.life)
    return shared.api


def _settings(connection: Connection) -> "Settings":
    """Reads files, parses YAML, loads certificates and imports the HTTP client, which takes 0.1 s: beside the loop."""
    from pulumi_stateful_service.live.client.api import Settings

    return Settings.of(connection)


async def _life_of(api: "Api") -> "AsyncGenerator[None, None]":
    """Closes a client in its event loop: ``asyncio.run`` ends generators that are under way before it ends the loop."""
    try:
        yield
    finally:
        await api.close()


def _abandon_those_of_ended_loops() -> None:
    """Pulumi ends its loops without ending what is under way in them."""
    for key in list(_clients):
        if key[0].is_closed() and (shared := _clients.pop(key, None)) and shared.api:
            shared.api.abandon()


@atexit.register
def _abandon_all() -> None:
    """Runs no loop once more to close them: services that have failed would go on meanwhile."""
    while _clients:
        _, shared = _clients.popitem()
        if shared.api:
            shared.api.abandon()
