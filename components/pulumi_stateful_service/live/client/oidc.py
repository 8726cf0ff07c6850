"""The auth-provider ``oidc``: an ID token of an OpenID Connect identity provider, refreshed when it has expired.

A new token is written back to the kubeconfig, as client-go does: many identity providers take a refresh token once.
"""

import base64
import json
import os
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from pulumi_stateful_service.live.client.credentials import Credential
from pulumi_stateful_service.live.client.errors import ClusterError, CredentialsError
from pulumi_stateful_service.live.client.kubeconfig import User
from pulumi_stateful_service.live.client.kubeconfig_fields import decoded, mapping, read_file, text
from pulumi_stateful_service.live.client.transport import Http, HttpError, verification
from pulumi_stateful_service.outside_text import cleaned

_EARLY = 10
"""Seconds before its end from which a token counts as expired."""
_OK = 200
_LOCK_SECONDS = 5.0
_SECONDS = 30.0
"""How long the identity provider has for each answer."""
_MAX_ANSWER = 1024**2


@dataclass
class IdentityProvider:
    """An identity provider as a kubeconfig names it."""

    user: User
    config: dict[str, str] = field(repr=False)
    tls: ssl.SSLContext
    about: str

    @classmethod
    def of(cls, user: User, config: Mapping[str, Any], user_name: str) -> "IdentityProvider":
        """The identity provider of a user. Raises ClusterError where a field is missing."""
        about = f"auth-provider oidc of {user_name}"
        known = {name: value for name in config if (value := text(config, name, about)) is not None}
        for name in ("idp-issuer-url", "client-id"):
            if name not in known:
                raise ClusterError(f"{about} has no {name}")
        ca = decoded(config, "idp-certificate-authority-data", about)
        if ca is None and (file := known.get("idp-certificate-authority")):
            ca = read_file(Path(file), f"idp-certificate-authority of {about}")
        return cls(user, known, verification(ca, f"idp-certificate-authority of {about}"), about)

    def fetch(self) -> Credential:
        """The ID token, refreshed where it has expired and nobody else has refreshed it."""
        if (valid := self._valid()) is None:
            with _locked(self.user.file):
                self.config |= _stored(self.user)
                if (valid := self._valid()) is None:
                    self.config |= self._refreshed()
                    _store(self.user, {name: self.config[name] for name in ("id-token", "refresh-token")})
                    valid = self._valid()
        if valid is None:
            raise CredentialsError(f"{self.about}: the identity provider's new id-token has expired already")
        return valid

    def _valid(self) -> Credential | None:
        token = self.config.get("id-token")
        if not token:
            return None
        expires = self._expiry(token) - _EARLY
        return Credential(f"Bearer {token}", expires=expires) if time.time() < expires else None

    def _expiry(self, token: str) -> float:
        try:
            _, payload, _ = token.split(".")
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return float(claims.get("exp", 0))
        except (ValueError, TypeError, AttributeError):
            raise CredentialsError(f"{self.about}: the id-token is not a JSON Web Token") from None

    def _refreshed(self) -> dict[str, str]:
        refresh_token = self.config.get("refresh-token")
        if not refresh_token:
            raise CredentialsError(
                f"{self.about}: the id-token has expired, and there is no refresh-token: log in again"
            )
        issuer = self.config["idp-issuer-url"].removesuffix("/")
        try:
            with Http(issuer, self.tls) as http:
                endpoint = self._answer(http, "GET", f"{issuer}/.well-known/openid-configuration").get("token_endpoint")
            if not isinstance(endpoint, str):
                raise CredentialsError(f"{self.about}: the identity provider names no token_endpoint")
            with Http(endpoint, self.tls) as http:
                answer = self._tokens(http, endpoint, refresh_token)
        except HttpError as error:
            raise CredentialsError(f"{self.about}: {error}", transient=error.transient) from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise CredentialsError(f"{self.about}: the identity provider returned no id_token")
        return {"id-token": token, "refresh-token": str(answer.get("refresh_token") or refresh_token)}

    def _tokens(self, http: Http, endpoint: str, refresh_token: str) -> dict[str, Any]:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        client = {"client_id": self.config["client-id"], "client_secret": self.config.get("client-secret", "")}
        basic = base64.b64encode(":".join(map(_quoted, client.values())).encode()).decode()
        try:
            return self._answer(http, "POST", endpoint, form, {"Authorization": f"Basic {basic}"})
        except CredentialsError:
            # Some identity providers want the client's name and secret in the form.
            return self._answer(http, "POST", endpoint, form | {name: value for name, value in client.items() if value})

    def _answer(
        self,
        http: Http,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        body = urlencode(form).encode() if form else None
        sent = {**(headers or {}), **({"Content-Type": "application/x-www-form-urlencoded"} if form else {})}
        answered = http.request(method, url, list(sent.items()), body, seconds=_SECONDS, most=_MAX_ANSWER)
        try:
            answer = json.loads(answered.content)
        except ValueError:
            answer = None
        status = answered.status
        if status != _OK or not isinstance(answer, dict):
            reason = answer.get("error_description") or answer.get("error") if isinstance(answer, dict) else None
            because = f": {cleaned(reason)}" if reason else ""
            where = url.partition("?")[0]
            raise CredentialsError(f"{self.about}: {where} answered with {status}{because}", status=status)
        return answer


def _quoted(value: str) -> str:
    return urlencode({"": value})[1:]


def _auth_config(document: Any, user: str) -> dict[str, Any] | None:
    """The identity provider's fields in a kubeconfig's document, if the user is there."""
    for item in document.get("users") or []:
        if item.get("name") == user:
            fields = mapping(mapping(mapping(item, "user", user), "auth-provider", user), "config", user)
            return fields if isinstance(fields, dict) else None
    return None


def _stored(user: User) -> dict[str, str]:
    """The tokens in the kubeconfig now: kubectl or the provider may have refreshed them since it was read."""
    if user.file is None:
        return {}
    found = _auth_config(yaml.safe_load(user.file.read_bytes()), user.name) or {}
    return {name: found[name] for name in ("id-token", "refresh-token") if isinstance(found.get(name), str)}


def _store(user: User, tokens: Mapping[str, str]) -> None:
    """Writes new tokens to the kubeconfig, which is replaced as a whole and keeps its access rights."""
    if user.file is None:
        return
    file = user.file.resolve()
    document = yaml.safe_load(file.read_bytes())
    config = _auth_config(document, user.name)
    if config is None:
        return
    config |= tokens
    handle, new = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w") as stream:
            yaml.safe_dump(document, stream, sort_keys=False)
        Path(new).chmod(file.stat().st_mode & 0o777)
        Path(new).replace(file)
    except OSError as error:
        Path(new).unlink(missing_ok=True)
        raise CredentialsError(f"cannot write the new tokens to {file}: {error.strerror}") from None


@contextmanager
def _locked(file: Path | None) -> Iterator[None]:
    """Keeps kubectl, the provider and others from refreshing the same tokens, by the lock that client-go uses."""
    if file is None:
        yield
        return
    lock = Path(f"{file}.lock")
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                raise CredentialsError(f"the kubeconfig is locked: remove {lock} if nothing uses it") from None
            time.sleep(0.1)
        except OSError as error:
            raise CredentialsError(f"cannot lock {file}: {error.strerror}") from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
