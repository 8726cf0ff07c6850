"""The auth-provider ``oidc``: the ID token of an OpenID Connect identity provider that stands in the kubeconfig.

It is used while it is valid. kubectl and Pulumi's provider refresh it there; the component does not.
"""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from pulumi_stateful_service.live.client.blocking import beside
from pulumi_stateful_service.live.client.credential import Credential
from pulumi_stateful_service.live.client.errors import CredentialsError

_EARLY = 10
"""Seconds before its end from which a token counts as expired."""


@dataclass(frozen=True)
class IdToken:
    """The ID token of a user."""

    read: Callable[[], str | None]
    """Reads it from the kubeconfig, where it may have been refreshed meanwhile."""
    about: str

    async def fetch(self) -> Credential:
        """The ID token. Raises CredentialsError where it is missing, expired or none, and says what to do."""
        token = await beside(self.read)
        expires = self._expiry(token) - _EARLY if token else 0
        if time.time() >= expires:
            raise CredentialsError(
                f"{self.about}: the id-token {'has expired' if token else 'is missing'}. Run kubectl once, which "
                "refreshes it in the kubeconfig; or use kubelogin (kubectl oidc-login) under exec, which does so itself"
            )
        return Credential(f"Bearer {token}", expires=expires)

    def _expiry(self, token: str) -> float:
        try:
            _, payload, _ = token.split(".")
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return float(claims.get("exp", 0))
        except (ValueError, TypeError, AttributeError):
            raise CredentialsError(f"{self.about}: the id-token is not a JSON Web Token") from None
