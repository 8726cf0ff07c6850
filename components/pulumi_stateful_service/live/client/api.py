"""Requests to a Kubernetes API server, authenticated as a kubeconfig's user."""

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.credential import Credential
from pulumi_stateful_service.live.client.credentials import Credentials, credentials_of, impersonation
from pulumi_stateful_service.live.client.elsewhere import Elsewhere
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError, PodError, TimedOutError
from pulumi_stateful_service.live.client.exec import Ended, ExecError, ExecFailure, run_command
from pulumi_stateful_service.live.client.http_error import HttpError
from pulumi_stateful_service.live.client.kubeconfig import Target, load
from pulumi_stateful_service.live.client.proxies import is_socks, proxy_for
from pulumi_stateful_service.live.client.repeating import Repeat, Repeating
from pulumi_stateful_service.live.client.server_clock import ServerClock
from pulumi_stateful_service.live.client.shared_reads import SharedReads
from pulumi_stateful_service.live.client.tls import Verification
from pulumi_stateful_service.live.client.transport import MAX_OBJECT_BYTES, REQUEST_SECONDS, Answer, Http

AT_ONCE = 16
"""Requests about objects under way at once, of all the services of a program: many services start with a look each."""
ASKED_PODS = 256
"""Requests to Pods and commands in them under way at once; those take as long as the Pods do."""
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_EXEC_ERRORS = {ExecFailure.NOT_STARTED: PodError, ExecFailure.TIMED_OUT: TimedOutError}


@dataclass(frozen=True)
class Settings:
    """What a kubeconfig says of an API server and of the user that asks it."""

    target: Target
    credentials: Credentials
    impersonation: list[tuple[str, str]]
    verification: Verification

    @classmethod
    def of(cls, connection: Connection) -> "Settings":
        """The settings of a connection. Raises ClusterError for those that cannot work. Blocks."""
        target = load(connection)
        through_socks = is_socks(target.proxy_url or proxy_for(target.server) or "")
        try:
            verification = Verification(
                target.ca,
                f"certificate-authority of {target.description}",
                insecure=target.insecure,
                server_name=target.tls_server_name if through_socks else None,
            )
            found = cls(target, credentials_of(target), impersonation(target.user), verification)
            # Those that cannot work fail now, not at the first request.
            verification.check()
        except ClusterError as error:
            raise error.at(target.description) from None
        return found


class Api:
    """The API server that Pulumi's provider uses, for all services of a program. Made in its event loop."""

    users = 0
    """How many services use it now."""

    def __init__(self, settings: Settings) -> None:
        target = self._target = settings.target
        self.description = target.description
        """Of the cluster, for messages."""
        self.namespace = target.namespace
        """Of objects that name none."""
        self.user = target.user.name
        self.clock = ServerClock()
        self.reads = SharedReads()
        self.to_pods = asyncio.Semaphore(ASKED_PODS)
        """Turns to ask a Pod."""
        self.elsewhere = Elsewhere()
        """Servers that are not the API server."""
        self._settings = settings
        self._repeating = Repeating()
        self._turns = asyncio.Semaphore(AT_ONCE)
        try:
            self._http = Http(target.server, server_name=target.tls_server_name, proxy=target.proxy_url)
        except ClusterError as error:
            raise error.at(target.description) from None

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        *,
        repeat: Repeat,
    ) -> Answer:
        """The answer to a request about an object, which is repeated as far as ``repeat`` allows.

        Raises ClusterError where there is none.
        """

        async def send() -> Answer:
            async with self._turns:
                return await self._send(method, path, body, content_type)

        try:
            answer = await self._repeating.answer(send, repeat)
        except HttpError as error:
            raise self._cluster_error(error, method, repeat) from None
        self.clock.set(answer.headers.get("Date"))
        return answer

    async def request(
        self, method: str, path: str, *, seconds: float = REQUEST_SECONDS, most: int = MAX_OBJECT_BYTES
    ) -> Answer:
        """The answer to a request that is sent once. Raises ClusterError where there is none in time.

        At most so many bytes of it are read. The time does not count in which credentials are fetched.
        """
        try:
            return await self._send(method, path, seconds=seconds, most=most)
        except HttpError as error:
            raise self._cluster_error(error) from None

    async def run_command(self, path: str, timeout: float) -> Ended:
        """Exit status and output of the command that the path names. Raises ClusterError where it has none in time."""
        credentials = self._settings.credentials
        try:
            credential = await credentials.current()
            try:
                return await self._run(credential, path, timeout)
            except ExecError as error:
                other = await credentials.renewed(credential) if error.status == _UNAUTHORIZED else None
                if other is None:
                    raise
                return await self._run(other, path, timeout)
        except ExecError as error:
            is_refused = error.status in {_UNAUTHORIZED, _FORBIDDEN}
            kind = ForbiddenError if is_refused else _EXEC_ERRORS.get(error.failure, ClusterError)
            raise kind(str(error), cluster=self.description, status=error.status, transient=not is_refused) from None
        except ClusterError as error:
            raise error.at(self.description) from None

    async def close(self) -> None:
        """Ends the connections."""
        await asyncio.gather(self._http.close(), self.elsewhere.close())

    def abandon(self) -> None:
        """Leaves the connections to the operating system, where the event loop has ended."""
        self._http.abandon()
        self.elsewhere.abandon()

    async def _send(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        *,
        seconds: float = REQUEST_SECONDS,
        most: int = MAX_OBJECT_BYTES,
    ) -> Answer:
        """Where the credentials are refused, others are fetched, if there are any, and it is sent once more."""
        content = None if body is None else json.dumps(body).encode()
        kind = [] if content is None else [("Content-Type", content_type)]
        url = f"{self._target.server}{path}"
        credentials = self._settings.credentials
        send = partial(self._http.request, method, url, seconds=seconds, most=most)

        async def with_credential(credential: Credential) -> Answer:
            headers = [*self._headers(credential), *kind]
            return await send(headers=headers, body=content, tls=await self._settings.verification.context(credential))

        try:
            credential = await credentials.current()
            answer = await with_credential(credential)
            if answer.status == _UNAUTHORIZED and (other := await credentials.renewed(credential)):
                answer = await with_credential(other)
        except ClusterError as error:
            raise error.at(self.description) from None
        return answer

    async def _run(self, credential: Credential, path: str, timeout: float) -> Ended:
        tls = await self._settings.verification.context(credential)
        return await run_command(self._http, f"{self._target.server}{path}", self._headers(credential), tls, timeout)

    def _headers(self, credential: Credential) -> list[tuple[str, str]]:
        headers = list(self._settings.impersonation)
        if credential.authorization:
            headers.append(("Authorization", credential.authorization))
        return headers

    def _cluster_error(self, error: HttpError, method: str = "GET", repeat: Repeat = Repeat.ALWAYS) -> ClusterError:
        kind = TimedOutError if error.timed_out else ClusterError
        is_unknown = error.sent and error.transient and repeat is not Repeat.ALWAYS
        fate = f". Whether the {method} request was carried out is not known" if is_unknown else ""
        return kind(f"{error}{fate}", cluster=self.description, transient=error.transient)
