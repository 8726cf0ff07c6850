"""Resolves names of servers, beside the event loop: the operating system offers no other way."""

import socket
from functools import partial

from aiohttp.abc import AbstractResolver, ResolveResult

from pulumi_stateful_service.live.client.blocking import beside


class Resolver(AbstractResolver):
    """As aiohttp's own, but a name server that does not answer keeps no program from ending."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError where there are none."""
        look_up = partial(
            socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=int(address[1]),
                family=found,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found, _, protocol, _, address in await beside(look_up)
        ]

    async def close(self) -> None:
        """There is nothing to close."""
