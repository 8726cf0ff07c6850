"""The credentials of a kubeconfig's user: tokens, passwords, client certificates, and where those come from.

Of several kinds the order is client-go's: a token, then a password; a plugin or an identity provider is asked only
where neither is there, and a plugin not where there is a client certificate.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi_stateful_service.live.client.blocking import beside
from pulumi_stateful_service.live.client.credential import Credential, Source
from pulumi_stateful_service.live.client.errors import ClusterError, CredentialsError
from pulumi_stateful_service.live.client.exec_plugin import ExecPlugin
from pulumi_stateful_service.live.client.id_token import IdToken
from pulumi_stateful_service.live.client.kubeconfig import Target, User, user_of_file
from pulumi_stateful_service.live.client.kubeconfig_fields import decoded, mapping, no_conflict, read_file, text, texts
from pulumi_stateful_service.live.client.once import Once

_TOKEN_FILE_SECONDS = 50
"""How long a token that was read from a file is used, as client-go does: a Pod's tokens are replaced."""
_REMOVED_PROVIDERS = {
    "gcp": "install gke-gcloud-auth-plugin and run gcloud container clusters get-credentials again",
    "azure": "install kubelogin and run kubelogin convert-kubeconfig",
}
_HEADER_BYTES = frozenset(b"!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Credentials:
    """The credentials of a user, for all requests: who finds them expired or refused first fetches new ones."""

    def __init__(self, source: Source, *, fixed: bool) -> None:
        self._source = source
        self._fixed = fixed
        self._credential: Credential | None = None
        self._fetching: Once[Credential] = Once()

    async def current(self) -> Credential:
        """The credentials to use now. Raises CredentialsError where there are none."""
        if self._credential is None or self._credential.is_expired:
            return await self._fetched()
        return self._credential

    async def renewed(self, refused: Credential) -> Credential | None:
        """Other credentials than those that the API server refused; None where there are no others."""
        if self._credential is refused and not self._fixed:
            await self._fetched()
        return self._credential if self._credential not in (None, refused) else None

    async def _fetched(self) -> Credential:
        async def fetch() -> Credential:
            self._credential = await self._source.fetch()
            return self._credential

        return await self._fetching.run(fetch)


@dataclass(frozen=True)
class _Fixed:
    credential: Credential

    async def fetch(self) -> Credential:
        return self.credential


@dataclass(frozen=True)
class _TokenFile:
    """A token that is read from a file again and again."""

    read: Callable[[], bytes]
    name: str
    certificate: Credential
    first: str | None

    async def fetch(self) -> Credential:
        try:
            token = (await beside(self.read)).decode(errors="replace").strip() or self.first
        except ClusterError as error:
            if self.first is None:
                raise CredentialsError(error.problem) from None
            token = self.first
        if not token:
            raise CredentialsError(f"{self.name} is empty")
        return Credential(
            _bearer(token), self.certificate.certificate, self.certificate.key, time.time() + _TOKEN_FILE_SECONDS
        )


@dataclass(frozen=True)
class _WithCertificate:
    """Credentials that go with a certificate from elsewhere."""

    source: Source
    certificate: Credential

    async def fetch(self) -> Credential:
        found = await self.source.fetch()
        if found.certificate:
            return found
        return Credential(found.authorization, self.certificate.certificate, self.certificate.key, found.expires)


def credentials_of(target: Target) -> Credentials:
    """The credentials of the target's user. Raises ClusterError for a kind that does not work, and names it."""
    user = target.user
    about = f"user {user.name!r}"
    if not target.server.startswith("https:"):
        # As in client-go: nothing secret is sent in clear.
        return Credentials(_Fixed(Credential()), fixed=True)
    certificate = _certificate(user, about)
    token, token_file = (text(user.fields, name, about) for name in ("token", "tokenFile"))
    name, password = (text(user.fields, name, about) for name in ("username", "password"))
    plugin, provider = (mapping(user.fields, name, about) for name in ("exec", "auth-provider"))
    if plugin and provider:
        raise ClusterError(f"{about} has both exec and auth-provider")
    if token and (name or password):
        raise ClusterError(f"{about} has both a token and a password")
    if token_file:
        path = user.folder / token_file
        what = f"tokenFile of {about}"
        return Credentials(_TokenFile(lambda: read_file(path, what), what, certificate, token), fixed=False)
    if token or name or password:
        basic = b64encode(f"{name or ''}:{password or ''}".encode()).decode()
        authorization = _bearer(token) if token else f"Basic {basic}"
        fixed = Credential(authorization, certificate.certificate, certificate.key)
        return Credentials(_Fixed(fixed), fixed=True)
    if provider:
        return Credentials(_WithCertificate(_auth_provider(user, provider, about), certificate), fixed=False)
    if plugin and not certificate.certificate:
        return Credentials(ExecPlugin.of(target, plugin, about), fixed=False)
    return Credentials(_Fixed(certificate), fixed=True)


def impersonation(user: User) -> list[tuple[str, str]]:
    """The headers that make the API server act as somebody else, as the user's ``as…`` fields say."""
    about = f"user {user.name!r}"
    name, uid = (text(user.fields, key, about) for key in ("as", "as-uid"))
    groups, extra = texts(user.fields, "as-groups", about), mapping(user.fields, "as-user-extra", about)
    if not name:
        if uid or groups or extra:
            raise ClusterError(f"{about} has as-uid, as-groups or as-user-extra, but not as")
        return []
    headers = [("Impersonate-User", name), *([("Impersonate-Uid", uid)] if uid else [])]
    headers += [("Impersonate-Group", group) for group in groups]
    for key in extra:
        values = texts(extra, key, f"as-user-extra of {about}")
        headers += [(f"Impersonate-Extra-{_escaped(key)}", value) for value in values]
    return headers


def _bearer(token: str) -> str:
    return f"Bearer {token}"


def _escaped(key: str) -> str:
    return "".join(chr(byte) if byte in _HEADER_BYTES else f"%{byte:02X}" for byte in str(key).encode())


def _certificate(user: User, about: str) -> Credential:
    parts: dict[str, bytes | None] = {}
    for name in ("client-certificate", "client-key"):
        no_conflict(user.fields, name, about)
        parts[name] = decoded(user.fields, f"{name}-data", about)
        if file := text(user.fields, name, about):
            parts[name] = read_file(user.folder / file, f"{name} of {about}")
    if not parts["client-certificate"]:
        return Credential()
    if not parts["client-key"]:
        raise ClusterError(f"{about} has a client-certificate and no client-key")
    return Credential(certificate=parts["client-certificate"], key=parts["client-key"])


def _auth_provider(user: User, provider: Mapping[str, Any], about: str) -> Source:
    name = text(provider, "name", f"auth-provider of {about}")
    if name in _REMOVED_PROVIDERS:
        raise ClusterError(
            f"{about} uses auth-provider {name!r}, which Kubernetes has removed: {_REMOVED_PROVIDERS[name]}"
        )
    if name != "oidc":
        raise ClusterError(f"{about} uses auth-provider {name!r}, which does not exist: only 'oidc' does")
    about = f"auth-provider oidc of {about}"

    def read() -> str | None:
        now = user_of_file(user) or user
        fields = mapping(mapping(now.fields, "auth-provider", about), "config", about)
        return text(fields, "id-token", about)

    return IdToken(read, about)
