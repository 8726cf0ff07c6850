"""Requests to a Kubernetes API server, authenticated as a kubeconfig's user. Blocks; used by threads."""

import asyncio
import json
import ssl
import threading
from typing import Any

from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.credentials import Credential, credentials_of, impersonation
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.client.exec import ExecError, run_command
from pulumi_stateful_service.live.client.kubeconfig import load
from pulumi_stateful_service.live.client.transport import Http, HttpError, verification

_UNAUTHORIZED, _FORBIDDEN = 401, 403


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
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """Status and content of the answer. Raises ClusterError where there is none.

        Where the credentials are refused, others are fetched, if there are any, and the request is sent once more.
        """
        try:
            credential = self._credentials.current()
            answer = self._send(credential, method, path, body, content_type)
            if answer[0] == _UNAUTHORIZED and (other := self._credentials.renewed(credential)):
                answer = self._send(other, method, path, body, content_type)
        except HttpError as error:
            raise ClusterError(str(error), cluster=self.description, transient=error.transient) from None
        except ClusterError as error:
            raise error.at(self.description) from None
        return answer

    def run_command(self, path: str, timeout: float) -> tuple[int, str]:
        """Exit status and output of the command that the path names. Raises ClusterError where it was not run."""
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
            kind = ForbiddenError if is_refused else ClusterError
            raise kind(str(error), cluster=self.description, status=error.status) from None
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

    def _send(self, credential: Credential, method: str, path: str, body: Any, content_type: str) -> tuple[int, bytes]:
        headers = self._headers(credential)
        content = None
        if body is not None:
            headers.append(("Content-Type", content_type))
            content = json.dumps(body).encode()
        return self._connections(credential).request(method, f"{self._target.server}{path}", headers, content)

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
