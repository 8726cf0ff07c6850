"""Servers that are not the API server, such as Prometheus: asked from here, as nobody."""

from pulumi_stateful_service.live.client.credential import Credential
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.client.http_error import HttpError
from pulumi_stateful_service.live.client.tls import Verification
from pulumi_stateful_service.live.client.transport import Answer, Http


class Elsewhere:
    """Asks them, each over connections of its own, which are kept."""

    def __init__(self) -> None:
        self._servers: dict[str, Http] = {}
        self._verification = Verification()

    async def get(self, server: str, path: str, *, seconds: float, most: int) -> Answer:
        """The answer of a server, of which at most so many bytes are read. Raises ClusterError without one in time."""
        tls = await self._verification.context(Credential()) if server.startswith("https:") else None
        if server not in self._servers:
            self._servers[server] = Http(server)
        try:
            url = f"{server.rstrip('/')}{path}"
            return await self._servers[server].request("GET", url, tls=tls, seconds=seconds, most=most)
        except HttpError as error:
            raise ClusterError(str(error), transient=error.transient) from None

    async def close(self) -> None:
        """Ends the connections."""
        for http in self._servers.values():
            await http.close()

    def abandon(self) -> None:
        """Leaves the connections to the operating system, where the event loop has ended."""
        for http in self._servers.values():
            http.abandon()
