"""What the HTTP client's errors say of a server, in one sentence each."""

import os
import ssl

import aiohttp

from pulumi_stateful_service.live.client.http_error import HttpError
from pulumi_stateful_service.outside_text import cleaned

_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""TLS errors of a connection that was cut, not of what TLS is about."""
_SERVER_ERROR = 500


_ON_THE_WAY = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.ConnectionTimeoutError)
"""What goes wrong before a request is sent."""
_WORDS: dict[type[Exception], str] = {
    aiohttp.ClientConnectorDNSError: "the name in {} is not known",
    aiohttp.ServerDisconnectedError: "{} closed the connection without an answer",
    aiohttp.ClientPayloadError: "{} closed the connection in the middle of its answer",
    aiohttp.ClientResponseError: "{} does not answer in HTTP: {}",
}


def described(error: Exception, host: str, proxy: str | None, *, sent: bool) -> HttpError:
    """What an error of the HTTP client says of the server, and of the proxy before it."""
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return HttpError(f"TLS to {host} failed: {_detail(error)}", transient=isinstance(_inner(error), _CUT))
    if (proxy and isinstance(error, _ON_THE_WAY)) or _is_of_socks(error):
        # Where the answer is the proxy's own, only that it is busy passes.
        is_busy = getattr(error, "status", _SERVER_ERROR) >= _SERVER_ERROR
        return HttpError(f"the proxy {proxy} does not lead to {host}: {_detail(error)}", transient=is_busy)
    was_sent = sent and not isinstance(error, _ON_THE_WAY)
    if isinstance(error, TimeoutError):
        return HttpError(f"{host} does not answer in time", transient=True, sent=was_sent, timed_out=was_sent)
    is_broken = isinstance(error, OSError | aiohttp.ClientConnectionError | aiohttp.ClientPayloadError)
    words = next((words for kind, words in _WORDS.items() if isinstance(error, kind)), "{} cannot be reached: {}")
    return HttpError(words.format(host, _detail(error)), transient=is_broken, sent=was_sent)


def _is_of_socks(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in {"aiohttp_socks", "python_socks"}


def _inner(error: BaseException) -> BaseException:
    """The reason, in the operating system's or the TLS library's words."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error


def _detail(error: Exception) -> str:
    inner = _inner(error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, aiohttp.ClientResponseError):
        return cleaned(f"{error.status} {error.message}")
    if isinstance(inner, ssl.SSLCertVerificationError):
        return inner.verify_message
    if isinstance(inner, OSError) and inner.errno and not isinstance(inner, ssl.SSLError):
        # The words of asyncio have the address in them, which the message names already.
        return os.strerror(inner.errno)
    return cleaned(inner) or type(inner).__name__
