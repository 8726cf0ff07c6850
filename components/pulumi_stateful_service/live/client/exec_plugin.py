"""Credential plugins: programs that a kubeconfig names under ``exec``, and that print a token or a certificate.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import asyncio
import json
import os
import signal
import subprocess
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import yaml

from pulumi_stateful_service.live.client.blocking import beside
from pulumi_stateful_service.live.client.credential import Credential
from pulumi_stateful_service.live.client.errors import ClusterError, CredentialsError
from pulumi_stateful_service.live.client.kubeconfig import Target
from pulumi_stateful_service.live.client.kubeconfig_fields import flag, mapping, text, texts
from pulumi_stateful_service.outside_text import cleaned

_VERSIONS = tuple(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1"))
_MODES = ("Never", "IfAvailable", "Always")
_SECONDS = 60
"""How long a plugin may take: it gets no terminal, so it does not wait for anybody."""
_MAX_OUTPUT = 1024**2
"""Bytes of credentials."""
_MAX_ERRORS = 64 * 1024
"""Bytes of what a plugin says on its standard error that are kept: the last ones."""


@dataclass(frozen=True)
class ExecPlugin:
    """A plugin as a kubeconfig names it, with what it is told."""

    command: list[str] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    api_version: str
    cluster: Mapping[str, Any] | None = field(repr=False)
    """What the plugin is told of the cluster (``provideClusterInfo``)."""
    install_hint: str | None
    about: str

    @classmethod
    def of(cls, target: Target, plugin: Mapping[str, Any], user: str) -> "ExecPlugin":
        """The plugin of a user. Raises ClusterError for what cannot work."""
        about = f"exec of {user}"
        version = text(plugin, "apiVersion", about)
        if version not in _VERSIONS:
            raise ClusterError(f"apiVersion of {about} is {version!r}; supported are {' and '.join(_VERSIONS)}")
        command = text(plugin, "command", about)
        if not command:
            raise ClusterError(f"{about} has no command")
        _check_mode(text(plugin, "interactiveMode", about), version, about)
        if os.sep in command:
            command = str(target.user.folder / command)
        return cls(
            command=[command, *texts(plugin, "args", about)],
            environment=_environment(plugin, about),
            api_version=version,
            cluster=_cluster_info(target) if flag(plugin, "provideClusterInfo", about) else None,
            install_hint=text(plugin, "installHint", about),
            about=about,
        )

    async def fetch(self) -> Credential:
        """Runs the plugin. What it prints on failure is part of the error, what it prints otherwise is not."""
        spec: dict[str, Any] = {"interactive": False}
        if self.cluster is not None:
            spec["cluster"] = self.cluster
        info = {"kind": "ExecCredential", "apiVersion": self.api_version, "spec": spec}
        environment = {**os.environ, **self.environment, "KUBERNETES_EXEC_INFO": json.dumps(info)}
        name = Path(self.command[0]).name
        try:
            status, output, errors = await _run(self.command, environment)
        except TimeoutError:
            problem = f"{name} did not end within {_SECONDS} s, and was stopped"
            raise CredentialsError(f"{self.about}: {problem}", transient=True) from None
        except _TooMuchError:
            problem = f"{name} printed more than {_MAX_OUTPUT // 1024**2} MiB, and was stopped"
            raise CredentialsError(f"{self.about}: {problem}") from None
        except OSError as error:
            hint = f" ({cleaned(self.install_hint)})" if self.install_hint else ""
            problem = f"cannot run {name}: {error.strerror or type(error).__name__}{hint}"
            raise CredentialsError(f"{self.about}: {problem}") from None
        if status:
            said = errors.decode(errors="replace").strip().splitlines()
            because = f": {cleaned(said[-1])}" if said else ""
            raise CredentialsError(f"{self.about}: {name} failed with exit code {status}{because}")
        return self._credential(output, name)

    def _credential(self, output: bytes, name: str) -> Credential:
        answer = _parsed(output)
        about = f"the output of {name} ({self.about})"
        if answer is None or answer.get("kind") != "ExecCredential":
            raise CredentialsError(f"{about} is not an ExecCredential")
        if answer.get("apiVersion") != self.api_version:
            raise CredentialsError(f"{about} has apiVersion {answer.get('apiVersion')!r}, not {self.api_version!r}")
        try:
            status = mapping(answer, "status", about)
            token, certificate, key, expires = (
                text(status, name, about)
                for name in ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
            )
        except ClusterError as error:
            raise CredentialsError(error.problem) from None
        if not (token or certificate or key):
            raise CredentialsError(f"{about} has neither a token nor a client certificate")
        if bool(certificate) != bool(key):
            raise CredentialsError(f"{about} has only one of clientCertificateData and clientKeyData")
        return Credential(
            f"Bearer {token}" if token else None,
            certificate.encode() if certificate else None,
            key.encode() if key else None,
            _seconds(expires, about),
        )


class _TooMuchError(Exception):
    """A program printed more than is read."""


async def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, bytes, bytes]:
    """Exit status, output and errors of a program. Raises TimeoutError when it has taken too long, and ends it.

    Not by asyncio's subprocesses: before Python 3.12, one that is cancelled while it starts waits for ever.
    """
    process = _start(command, environment)
    is_done = False
    try:
        async with asyncio.timeout(_SECONDS):
            status, output, errors = await asyncio.gather(
                beside(process.wait), beside(partial(_beginning, process)), beside(partial(_end, process))
            )
        is_done = True
        return status, output, errors
    finally:
        if not is_done:
            # With what it has started, which may hold the pipes open.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _start(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True
    )


def _beginning(process: "subprocess.Popen[bytes]") -> bytes:
    """What it prints. Raises _TooMuchError for more than is read."""
    with cast("IO[bytes]", process.stdout) as pipe:
        output = pipe.read(_MAX_OUTPUT + 1)
    if len(output) > _MAX_OUTPUT:
        raise _TooMuchError
    return output


def _end(process: "subprocess.Popen[bytes]") -> bytes:
    """The end of what it prints on its standard error."""
    kept = b""
    with cast("IO[bytes]", process.stderr) as pipe:
        while part := pipe.read(_MAX_ERRORS):
            kept = (kept + part)[-_MAX_ERRORS:]
    return kept


def _check_mode(mode: str | None, version: str, about: str) -> None:
    if mode is None and version == _VERSIONS[0]:
        raise ClusterError(f"interactiveMode of {about} is missing, which v1 requires: one of {', '.join(_MODES)}")
    if mode not in (None, *_MODES):
        raise ClusterError(f"interactiveMode of {about} is {mode!r}; it is one of {', '.join(_MODES)}")
    if mode == "Always":
        raise ClusterError(f"interactiveMode of {about} is Always, and there is no terminal under Pulumi")


def _environment(plugin: Mapping[str, Any], about: str) -> dict[str, str]:
    variables = plugin.get("env") or []
    if not isinstance(variables, list) or not all(isinstance(each, dict) and each.get("name") for each in variables):
        raise ClusterError(f"env of {about} is not a list of entries with a name and a value each")
    return {str(each["name"]): text(each, "value", f"env of {about}") or "" for each in variables}


def _cluster_info(target: Target) -> dict[str, Any]:
    info = {
        "tls-server-name": target.tls_server_name,
        "insecure-skip-tls-verify": target.insecure,
        "certificate-authority-data": b64encode(target.ca).decode() if target.ca else None,
        "proxy-url": target.proxy_url,
        "disable-compression": target.disable_compression,
    }
    config = {} if target.exec_config is None else {"config": target.exec_config}
    return {"server": target.server, **{name: value for name, value in info.items() if value}, **config}


def _parsed(output: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(output)
    except ValueError:
        try:
            answer = yaml.load(output, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts, lists and maps alone
        except yaml.YAMLError:
            return None
    return answer if isinstance(answer, dict) else None


def _seconds(timestamp: str | None, about: str) -> float | None:
    if timestamp is None:
        return None
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        raise CredentialsError(f"expirationTimestamp of {about} is not a time in RFC 3339") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
