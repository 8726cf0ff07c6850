"""Checks of single values: each takes a value that has the right type and says what is wrong with it, if anything.

The rules are Kubernetes' own (``k8s.io/apimachinery/pkg/util/validation``), held here so that a mistake is named
before anything is sent.
"""

import ipaddress
import posixpath
import re
from collections.abc import Callable, Collection
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from pulumi_stateful_service.foundation.names import MAX_SET_NAME_LENGTH
from pulumi_stateful_service.foundation.quantities import size_in_bytes

Check = Callable[[Any], str | None]
"""None, or what is allowed, as the rest of a sentence that begins with the argument and its value."""

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_LABEL_WITH_LETTER_FIRST = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PORT_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_QUANTITY = re.compile(r"\+?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[munkMGTPE]|[eE][+-]?\d+)?")
_QUALIFIED_NAME_PART = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_CAPABILITY = re.compile(r"[A-Z][A-Z_]*")
_PERCENTAGE = re.compile(r"\d{1,3}%")

_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_PERCENT = 100
_MAX_LABEL = 63
_MAX_SUBDOMAIN = 253
_MAX_PORT_NAME = 15
_MAX_PORT = 65535
_MAX_INT32 = 2**31 - 1


def nearest(word: str, known: Collection[str]) -> str:
    """What the user may have meant, or nothing."""
    matches = get_close_matches(word, known, n=1)
    return f"did you mean {matches[0]!r}?" if matches else ""


def at_least(least: int) -> Check:
    """A whole number from ``least`` on."""
    return between(least, _MAX_INT32)


def between(least: int, most: int) -> Check:
    """A whole number from ``least`` to ``most``."""

    def check(value: int) -> str | None:
        return None if least <= value <= most else f"must be a whole number from {least} to {most}"

    return check


def word_of(words: type[StrEnum]) -> Check:
    """A member of an enumeration."""
    return one_of(*(word.value for word in words))


def one_of(*known: str) -> Check:
    """A member of a closed set of words."""

    def check(value: str) -> str | None:
        if value in known:
            return None
        return "; ".join(filter(None, [f"must be one of {', '.join(known)}", nearest(value, known)]))

    return check


def number_or_percentage(value: Any) -> str | None:
    """A number of instances, or a percentage of them, that is not nothing."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_INT32:
        return None
    if isinstance(value, str) and _PERCENTAGE.fullmatch(value) and 1 <= int(value[:-1]) <= _PERCENT:
        return None
    return "must be a whole number from 1, or a percentage from '1%' to '100%'"


def not_empty(value: str) -> str | None:
    """Text with something in it."""
    return None if value.strip() else "must not be empty"


def dns_label(value: str) -> str | None:
    """RFC 1123 label."""
    if len(value) <= _MAX_LABEL and _DNS_LABEL.fullmatch(value):
        return None
    return f"must be a DNS label: at most {_MAX_LABEL} of a-z, 0-9 and '-', beginning and ending with a letter or digit"


def set_name(value: str) -> str | None:
    """A StatefulSet's name: a DNS label that leaves room for what Kubernetes appends."""
    if len(value) > MAX_SET_NAME_LENGTH:
        return (
            f"must have at most {MAX_SET_NAME_LENGTH} characters (it has {len(value)}): Kubernetes appends a revision "
            f"of up to 11 for the label controller-revision-hash, and a label has at most {_MAX_LABEL}"
        )
    return dns_label(value)


def service_name(value: str) -> str | None:
    """RFC 1035 label, as Services want it."""
    if len(value) <= _MAX_LABEL and _DNS_LABEL_WITH_LETTER_FIRST.fullmatch(value):
        return None
    return (
        f"must be a DNS label that begins with a letter: at most {_MAX_LABEL} of a-z, 0-9 and '-', ending with a "
        "letter or digit"
    )


def dns_subdomain(value: str) -> str | None:
    """RFC 1123 subdomain: the name of most objects."""
    if len(value) <= _MAX_SUBDOMAIN and _DNS_SUBDOMAIN.fullmatch(value):
        return None
    return (
        f"must be a DNS subdomain: at most {_MAX_SUBDOMAIN} of a-z, 0-9, '-' and '.', each part beginning and ending "
        "with a letter or digit"
    )


def dns_subdomain_or_empty(value: str) -> str | None:
    """RFC 1123 subdomain, or nothing at all."""
    return dns_subdomain(value) if value else None


def port_number(value: int) -> str | None:
    """A port."""
    return None if 1 <= value <= _MAX_PORT else f"must be a port from 1 to {_MAX_PORT}"


def port_name(value: str) -> str | None:
    """IANA service name, as ``ports`` of a container want it."""
    if len(value) <= _MAX_PORT_NAME and _PORT_NAME.fullmatch(value) and any(c.isalpha() for c in value):
        return None
    return f"must be a port name: at most {_MAX_PORT_NAME} of a-z, 0-9 and single '-' inside, with at least one letter"


def port_name_or_number(value: Any) -> str | None:
    """What a probe names a port by."""
    if isinstance(value, str):
        return port_name(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return port_number(value)
    return f"must be a port's name, or its number from 1 to {_MAX_PORT}"


def env_name(value: str) -> str | None:
    """The name of an environment variable, as every Kubernetes release takes it."""
    if _ENV_NAME.fullmatch(value):
        return None
    return "must be a variable's name: letters, digits, '_', '-' and '.', not beginning with a digit"


def secret_key_and_env_name(value: str) -> str | None:
    """The name of an environment variable that is the key of a Secret too."""
    return env_name(value) or (
        None if len(value) <= _MAX_SUBDOMAIN else f"must have at most {_MAX_SUBDOMAIN} characters"
    )


def peer_form(value: str) -> str | None:
    """How one instance is written in a list of all."""
    try:
        forms = {value.format(pod=f"p-{n}", ordinal=n, address=f"a-{n}") for n in range(2)}
    except (ValueError, LookupError, AttributeError, TypeError):
        forms = set()
    if len(forms) > 1:
        return None
    return "must be the form of one instance, with {pod}, {ordinal} or {address} in it, other braces doubled"


def capability(value: str) -> str | None:
    """A Linux capability."""
    if _CAPABILITY.fullmatch(value) and not value.startswith("CAP_"):
        return None
    return "must be a Linux capability without CAP_, such as NET_BIND_SERVICE"


def network(value: str) -> str | None:
    """A network in CIDR notation."""
    try:
        if "/" in value and ipaddress.ip_network(value):
            return None
    except ValueError:
        pass
    return "must be a network such as 10.0.0.0/8 or fd00::/8, with no bits set after its prefix"


def some(value: Collection[object]) -> str | None:
    """A list or a map with something in it."""
    return None if value else "must not be empty"


def different(value: Collection[object]) -> str | None:
    """A list in which nothing stands twice, as far as it is known."""
    plain = [each for each in value if isinstance(each, str | int)]
    if value and len(plain) == len(set(plain)):
        return None
    return "must not be empty, nor name anything twice"


def config_key(value: str) -> str | None:
    """A key of a Secret or a ConfigMap."""
    if len(value) <= _MAX_SUBDOMAIN and _CONFIG_KEY.fullmatch(value) and not value.startswith(".."):
        return None
    return f"must be a key: at most {_MAX_SUBDOMAIN} of A-Z, a-z, 0-9, '-', '_' and '.', not beginning with '..'"


def quantity(value: str) -> str | None:
    """A Kubernetes quantity, zero or more."""
    if _QUANTITY.fullmatch(value):
        return None
    return "must be a Kubernetes quantity, such as 500m, 2, 128Mi or 10Gi"


def resource_name(value: str) -> str | None:
    """What a container can ask for."""
    if value in _RESOURCES or value.startswith("hugepages-") or ("/" in value and label_key(value) is None):
        return None
    return f"must be one of {', '.join(_RESOURCES)}, hugepages-SIZE, or an extended resource such as example.com/gpu"


def is_overcommitable(resource: str) -> bool:
    """Whether a container may use more of it than the scheduler sets aside."""
    return resource in _RESOURCES


def size(value: str) -> str | None:
    """A Kubernetes quantity above zero."""
    if _QUANTITY.fullmatch(value):
        try:
            if size_in_bytes(value) > 0:
                return None
        except ValueError:
            pass
    return "must be a Kubernetes quantity above zero, such as 500Mi or 10Gi"


def mount_path(value: str) -> str | None:
    """An absolute path that is not the root, without a colon."""
    if posixpath.isabs(value) and posixpath.normpath(value) not in {"/", "//"} and ":" not in value:
        return None
    return "must be an absolute path below /, without a colon"


def sub_path(value: str) -> str | None:
    """A path below the volume's root."""
    if value and not posixpath.isabs(value) and ".." not in value.split("/"):
        return None
    return "must be a relative path without '..'"


def label_key(value: str) -> str | None:
    """The key of a label or an annotation: an optional DNS subdomain and a slash, then a name."""
    prefix, slash, name = value.rpartition("/")
    if slash and dns_subdomain(prefix):
        return "must have a DNS subdomain before its slash"
    if len(name) <= _MAX_LABEL and _QUALIFIED_NAME_PART.fullmatch(name):
        return None
    return (
        f"must be a key: at most {_MAX_LABEL} of A-Z, a-z, 0-9, '-', '_' and '.', beginning and ending with a letter "
        "or digit, optionally after a DNS subdomain and a slash"
    )


def label_value(value: str) -> str | None:
    """The value of a label."""
    if not value or (len(value) <= _MAX_LABEL and _QUALIFIED_NAME_PART.fullmatch(value)):
        return None
    return (
        f"must be empty or at most {_MAX_LABEL} of A-Z, a-z, 0-9, '-', '_' and '.', beginning and ending with a letter "
        "or digit"
    )
