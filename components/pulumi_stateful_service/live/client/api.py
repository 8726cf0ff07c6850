"""Requests to a Kubernetes API server, authenticated as a kubeconfig's user. Blocks; used by threads."""

import asyncio
import json
import ssl
import threading
from functools import partial
from typing import Any

from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.credentials import Credential, credentials_of, impersonation
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError, PodError, TimedOutError
from pulumi_stateful_service.live.client.exec import ExecError, ExecFailure, run_command
from pulumi_stateful_service.live.client.kubeconfig import load
from pulumi_stateful_service.live.client.transport import (
    MAX_OBJECT_BYTES,
    REQUEST_SECONDS,
    Answer,
    Http,
    HttpError,
    verification,
)

_UNAUTHORIZED, _FORBIDDEN = 401, 403
_EXEC_ERRORS = {ExecFailure.NOT_STARTED: PodError, ExecFailure.TIMED_OUT: TimedOutError}


class Api:
    """The API server that Pulumi's provider uses."""

    def __init__(self, connection: Connection) -> None:
        target = self._target = load(connection)
        self.description = target.description
        """Of the cluster, for messages."""
        self.namespace = target.namespace
        """Of objects that name none."""
        self.user = target.user.name
        try:
            self._credentials = credentials_of(target)
            self._impersonation = impersonation(target.user)
            # Settings that cannot work fail now, not at the first request.
            verification(target.ca, self._authority, insecure=target.insecure)
        except ClusterError as error:
            raise error.at(target.description) from None
        self._lock = threading.Lock()
        self._http: tuple[tuple[bytes | None, bytes | None], Http] | None = None

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        *,
        seconds: float = REQUEST_SECONDS,
        most: int = MAX_OBJECT_BYTES,
    ) -> Answer:
        """The answer, of which at most so many bytes are read. Raises ClusterError where there is none in time.

        Where the credentials are refused, others are fetched, if there are any, and the request is sent once more.
        The time does not count in which credentials are fetched.
        """
        try:
            credential = self._credentials.current()
            content = None if body is None else json.dumps(body).encode()
            send = partial(self._send, method, path, content, content_type, seconds=seconds, most=most)
            answer = send(credential)
            if answer.status == _UNAUTHORIZED and (other := self._credentials.renewed(credential)):
                answer = send(other)
        except HttpError as error:
            kind = TimedOutError if error.timed_out else ClusterError
            raise kind(str(error), cluster=self.description, transient=error.transient) from None
        except ClusterError as error:
            raise error.at(self.description) from None
        return answer

    def run_command(self, path: str, timeout: float) -> tuple[int, str]:
        """Exit status and output of the command that the path names. Raises ClusterError where it has none in time."""
        try:
            credential = self._credentials.current()
            try:
                return self._run(credential, path, timeout)
            except ExecError as error:
                other = self._credentials.renewed(credential) if error.status == _UNAUTHORIZED else None
                if other is None:
                    raise
                return self._run(other, path, timeout)
        except ExecError as error:
            is_refused = error.status in {_UNAUTHORIZED, _FORBIDDEN}
            kind = ForbiddenError if is_refused else _EXEC_ERRORS.get(error.failure, ClusterError)
            raise kind(str(error), cluster=self.description, status=error.status, transient=not is_refused) from None
        except ClusterError as error:
            raise error.at(self.description) from None

    def _run(self, credential: Credential, path: str, timeout: float) -> tuple[int, str]:
        target = self._target
        command = run_command(
            f"{target.server}{path}",
            self._tls(credential),
            self._headers(credential),
            server_name=target.tls_server_name,
            proxy=target.proxy_url,
            timeout=timeout,
        )
        # A client for threads would read and write one TLS connection in two of them, which OpenSSL does not allow.
        return asyncio.run(command)

    def close(self) -> None:
        """Ends the connections."""
        with self._lock:
            if self._http is not None:
                self._http[1].close()

    @property
    def _authority(self) -> str:
        return f"certificate-authority of {self._target.description}"

    def _send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        content_type: str,
        credential: Credential,
        *,
        seconds: float,
        most: int,
    ) -> Answer:
        headers = self._headers(credential)
        if content is not None:
            headers.append(("Content-Type", content_type))
        url, http = f"{self._target.server}{path}", self._connections(credential)
        return http.request(method, url, headers, content, seconds=seconds, most=most)

    def _headers(self, credential: Credential) -> list[tuple[str, str]]:
        headers = list(self._impersonation)
        if credential.authorization:
            headers.append(("Authorization", credential.authorization))
        return headers

    def _tls(self, credential: Credential) -> ssl.SSLContext:
        certificate = (credential.certificate, credential.key) if credential.certificate and credential.key else None
        target = self._target
        return verification(target.ca, self._authority, insecure=target.insecure, certificate=certificate)

    def _connections(self, credential: Credential) -> Http:
        """Connections that show the credential's certificate; new ones where it has changed."""
        certificate = (credential.certificate, credential.key)
        with self._lock:
            if self._http is None or self._http[0] != certificate:
                if self._http is not None:
                    self._http[1].close()
                target = self._target
                tls = self._tls(credential)
                http = Http(target.server, tls, server_name=target.tls_server_name, proxy=target.proxy_url)
                self._http = (certificate, http)
            return self._http[1]
