"""How TLS verifies a server, and which client certificate is shown to it."""

import ssl
import sys
import tempfile
from pathlib import Path
from typing import Any

from pulumi_stateful_service.live.client.blocking import beside
from pulumi_stateful_service.live.client.credential import Credential
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.client.once import Once

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where Linux distributions keep the certificates that they trust, for a Python that looks elsewhere."""


class Verification:
    """How one server is verified: what that takes is read once for each client certificate, beside the event loop."""

    def __init__(
        self, ca: bytes | None = None, about: str = "", *, insecure: bool = False, server_name: str | None = None
    ) -> None:
        """With these certificates (PEM), or the operating system's; ``about`` names the former in messages.

        ``server_name`` is the name that the certificate has to have, where the address is not.
        """
        self._ca, self._about, self._insecure, self._server_name = ca, about, insecure, server_name
        self._made: dict[tuple[bytes, bytes] | None, ssl.SSLContext] = {}
        self._making: dict[tuple[bytes, bytes] | None, Once[ssl.SSLContext]] = {}

    def check(self) -> None:
        """Raises ClusterError where the certificates are none. Blocks."""
        self._made[None] = self._context(None)

    async def context(self, credential: Credential) -> ssl.SSLContext:
        """The context for a user. Raises ClusterError where the user's certificate and key are none."""
        pair = credential.pair
        if (made := self._made.get(pair)) is not None:
            return made

        async def make() -> ssl.SSLContext:
            self._made[pair] = await beside(lambda: self._context(pair))
            return self._made[pair]

        try:
            return await self._making.setdefault(pair, Once()).run(make)
        finally:
            self._making.pop(pair, None)

    def _context(self, pair: tuple[bytes, bytes] | None) -> ssl.SSLContext:
        context = _verifying(self._ca, self._about) if self._ca or self._insecure else _of_the_system()
        if self._insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if pair is not None:
            _load(context, pair)
        if self._server_name and isinstance(context, _Context):
            context.server_name = self._server_name
        return context


class _Context(ssl.SSLContext):
    """A context that knows the server's name: not every way through a proxy can be told it."""

    server_name: str | None = None

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """As ``ssl.SSLContext`` does it."""
        if self.server_name:
            options["server_hostname"] = self.server_name
        return super().wrap_bio(*args, **options)


def _verifying(ca: bytes | None, about: str) -> ssl.SSLContext:
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Go takes any certificate that is given for one to trust, not only those that have signed themselves.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if ca:
        try:
            context.load_verify_locations(cadata=ca.decode("ascii", errors="ignore"))
        except (ssl.SSLError, ValueError):
            raise ClusterError(f"{about} has no certificate in it") from None
    return context


def _of_the_system() -> ssl.SSLContext:
    if sys.platform in {"darwin", "win32"}:
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Not truststore here: on Linux it reads all certificates again for each connection, which takes 25 ms.
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_default_verify_paths()
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or (paths.capath and any(Path(paths.capath).iterdir()))):
        for bundle in filter(Path.is_file, map(Path, _BUNDLES)):
            context.load_verify_locations(bundle)
            break
    return context


def _load(context: ssl.SSLContext, certificate: tuple[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Python loads them from files alone.
        files = [Path(folder, name) for name in ("certificate", "key")]
        for file, content in zip(files, certificate, strict=True):
            file.touch(mode=0o600)
            file.write_bytes(content)
        try:
            context.load_cert_chain(files[0], files[1], password="")
        except (ssl.SSLError, ValueError):
            raise ClusterError("the client certificate and its key are not valid, or do not belong together") from None
