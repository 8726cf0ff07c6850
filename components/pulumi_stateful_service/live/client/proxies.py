"""Which proxy leads to a server: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, read as Go programs read them."""

import ipaddress
import os
from urllib.parse import urlsplit

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = {"http": 80, "https": 443}
_SCHEMES = ("http", "https", "socks5", "socks5h")


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a URL, if any. This machine itself is always reached directly."""
    parts = urlsplit(url)
    proxy = _variable(f"{parts.scheme}_proxy")
    if not proxy or _is_direct((parts.hostname or "").lower(), parts.port or _PORTS[parts.scheme]):
        return None
    return proxy if urlsplit(proxy).scheme in _SCHEMES else f"http://{proxy}"


def is_socks(proxy: str) -> bool:
    """Whether a proxy speaks SOCKS."""
    return urlsplit(proxy).scheme.startswith("socks5")


def _variable(name: str) -> str | None:
    return os.environ.get(name.upper()) or os.environ.get(name)


def _is_direct(host: str, port: int) -> bool:
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    entries = (_variable("no_proxy") or "").lower().split(",")
    return any(_matches(entry.strip(), host, port, address) for entry in entries if entry.strip())


def _matches(entry: str, host: str, port: int, address: _Address | None) -> bool:
    """Whether an entry of NO_PROXY is about a server: all, a network, an address or a domain, with or without port."""
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, colon, its_port = entry.rpartition(":")
    if not colon or not its_port.isdigit() or _address(entry) is not None:
        name, its_port = entry, str(port)
    name = name.removeprefix("[").removesuffix("]")
    if (literal := _address(name)) is not None:
        matches = literal == address
    else:
        domain = name.removeprefix("*")
        matches = host.endswith(domain) if domain.startswith(".") else host == domain or host.endswith(f".{domain}")
    return matches and int(its_port) == port


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
