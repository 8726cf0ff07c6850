"""What a request is authenticated with."""

import time
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Credential:
    """What a request is authenticated with."""

    authorization: str | None = field(default=None, repr=False)
    """Value of the header of that name."""
    certificate: bytes | None = field(default=None, repr=False)
    """The client's certificate with its chain (PEM)."""
    key: bytes | None = field(default=None, repr=False)
    """The certificate's private key (PEM)."""
    expires: float | None = field(default=None, compare=False)
    """Seconds since 1970; None where it does not expire."""

    @property
    def is_expired(self) -> bool:
        """Whether it has to be requested again."""
        return self.expires is not None and time.time() >= self.expires

    @property
    def pair(self) -> tuple[bytes, bytes] | None:
        """The client's certificate and its key; None where there are not both."""
        return (self.certificate, self.key) if self.certificate and self.key else None


class Source(Protocol):
    """Where credentials come from."""

    async def fetch(self) -> Credential:
        """New ones. Raises CredentialsError."""
