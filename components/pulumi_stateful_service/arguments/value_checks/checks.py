"""Checks of single values: each takes a value of the right type and returns what is allowed if the value is not.

The rules are those of Kubernetes (``k8s.io/apimachinery/pkg/util/validation``), so that a mistake is reported before
anything is sent to the cluster.
"""

import ipaddress
import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from pulumi_stateful_service.foundation.image_versions import parsed_tag
from pulumi_stateful_service.foundation.names import BEFORE_LAST_ROLLOUT, MAX_SET_NAME_LENGTH, OWN_PREFIX
from pulumi_stateful_service.foundation.quantities import size_in_bytes

Check = Callable[[Any], str | None]
"""Returns None for a valid value, else what is allowed: "must be …", the end of a sentence that starts with "it"."""

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
    """A suggestion for a misspelled word, or the empty string."""
    matches = get_close_matches(word, known, n=1)
    return f"did you mean {matches[0]!r}?" if matches else ""


def at_least(least: int) -> Check:
    """A whole number of at least ``least``, which fits 32 bits."""
    return between(least, _MAX_INT32)


def between(least: int, most: int) -> Check:
    """A whole number from ``least`` to ``most``."""

    def check(value: int) -> str | None:
        return None if least <= value <= most else f"must be a whole number from {least} to {most}"

    return check


def member_of(enumeration: type[StrEnum], impossible: Mapping[str, str] | None = None) -> Check:
    """A value of an enumeration. ``impossible`` has values that users may expect, and why there are none of them."""
    known = tuple(member.value for member in enumeration)
    is_known, reasons = one_of(*known), impossible or {}

    def check(value: str) -> str | None:
        if value not in known and value in reasons:
            return f"must be one of {', '.join(known)}: {reasons[value]}"
        return is_known(value)

    return check


def one_of(*known: str) -> Check:
    """One of a fixed set of strings."""

    def check(value: str) -> str | None:
        if value in known:
            return None
        return "; ".join(filter(None, [f"must be one of {', '.join(known)}", nearest(value, known)]))

    return check


def number_or_percentage(value: int | str) -> str | None:
    """A number of instances or a percentage of them, greater than zero."""
    if isinstance(value, int) and 1 <= value <= _MAX_INT32:
        return None
    if isinstance(value, str) and _PERCENTAGE.fullmatch(value) and 1 <= int(value[:-1]) <= _PERCENT:
        return None
    return "must be a whole number from 1, or a percentage from '1%' to '100%'"


def number_or_percentage_or_none(value: int | str) -> str | None:
    """A number of instances or a percentage of them; none is one too."""
    if value in {0, "0%"} or number_or_percentage(value) is None:
        return None
    return "must be a whole number from 0, or a percentage from '0%' to '100%'"


def not_empty(value: str) -> str | None:
    """A string that does not consist of white space only."""
    return None if value.strip() else "must not be empty"


def version_number(value: str) -> str | None:
    """A version that can be compared."""
    return None if parsed_tag(value) else "must begin with a version, such as '16.4' or '17-rc1'"


def dns_label(value: str) -> str | None:
    """A label as RFC 1123 defines it."""
    if len(value) <= _MAX_LABEL and _DNS_LABEL.fullmatch(value):
        return None
    return (
        f"must be a DNS label: at most {_MAX_LABEL} lowercase letters, digits or '-', starting and ending with a "
        "letter or digit"
    )


def set_name(value: str) -> str | None:
    """The name of a StatefulSet: a DNS label that is short enough for the suffix that Kubernetes appends."""
    if len(value) > MAX_SET_NAME_LENGTH:
        return (
            f"must have at most {MAX_SET_NAME_LENGTH} characters (it has {len(value)}): Kubernetes appends up to 11 "
            f"characters for the label controller-revision-hash, and a label value has at most {_MAX_LABEL}"
        )
    return dns_label(value)


def group_name(value: str) -> str | None:
    """The name of a group, which is part of the name of its StatefulSet."""
    if len(value) <= MAX_SET_NAME_LENGTH and _DNS_LABEL_WITH_LETTER_FIRST.fullmatch(value):
        return None
    return (
        f"must have at most {MAX_SET_NAME_LENGTH} lowercase letters, digits or '-', start with a letter and end with a "
        "letter or digit"
    )


def service_name(value: str) -> str | None:
    """A label as RFC 1035 defines it, which the names of Services must be."""
    if len(value) <= _MAX_LABEL and _DNS_LABEL_WITH_LETTER_FIRST.fullmatch(value):
        return None
    return (
        f"must be a DNS label that starts with a letter: at most {_MAX_LABEL} lowercase letters, digits or '-', ending "
        "with a letter or digit"
    )


def dns_subdomain(value: str) -> str | None:
    """A subdomain as RFC 1123 defines it, which the names of most objects must be."""
    if len(value) <= _MAX_SUBDOMAIN and _DNS_SUBDOMAIN.fullmatch(value):
        return None
    return (
        f"must be a DNS subdomain: at most {_MAX_SUBDOMAIN} lowercase letters, digits, '-' or '.', each part starting "
        "and ending with a letter or digit"
    )


def snapshot(value: str) -> str | None:
    """The name of a VolumeSnapshot, or which one: no name has capital letters."""
    wrong = None if value == BEFORE_LAST_ROLLOUT else dns_subdomain(value)
    return wrong and f"must be {BEFORE_LAST_ROLLOUT} or a name. A name {wrong}"


def dns_subdomain_or_empty(value: str) -> str | None:
    """A DNS subdomain or the empty string."""
    return dns_subdomain(value) if value else None


def port_number(value: int) -> str | None:
    """A port number."""
    return None if 1 <= value <= _MAX_PORT else f"must be a port number from 1 to {_MAX_PORT}"


def port_name(value: str) -> str | None:
    """An IANA service name, which the names of container ports must be."""
    if len(value) <= _MAX_PORT_NAME and _PORT_NAME.fullmatch(value) and any(c.isalpha() for c in value):
        return None
    return (
        f"must be a port name: at most {_MAX_PORT_NAME} lowercase letters, digits or '-', with at least one letter and "
        "no leading, trailing or consecutive '-'"
    )


def port_name_or_number(value: int | str) -> str | None:
    """The name or the number of a port, which a probe can refer to a port by."""
    return port_name(value) if isinstance(value, str) else port_number(value)


def env_name(value: str) -> str | None:
    """The name of an environment variable, as every supported release of Kubernetes accepts it."""
    if _ENV_NAME.fullmatch(value):
        return None
    return "must be the name of an environment variable: letters, digits, '_', '-' or '.', not starting with a digit"


def secret_key_and_env_name(value: str) -> str | None:
    """The name of an environment variable that is also the key of a Secret."""
    return env_name(value) or (
        None if len(value) <= _MAX_SUBDOMAIN else f"must have at most {_MAX_SUBDOMAIN} characters"
    )


def peer_template(value: str) -> str | None:
    """A template for one instance in a list of all."""
    try:
        peers = {value.format(pod=f"p-{n}", ordinal=n, number=n + 1, address=f"a-{n}") for n in range(2)}
    except (ValueError, LookupError, AttributeError, TypeError):
        peers = set()
    if len(peers) > 1:
        return None
    return (
        "must be a template for one instance, with {pod}, {ordinal}, {number} or {address} in it and all other braces "
        "doubled"
    )


def instance_name(value: str) -> str | None:
    """A template of the names of Services, one for each instance."""
    if any(placeholder in value for placeholder in ("{pod}", "{ordinal}")) and not service_name(
        value.replace("{pod}", "p").replace("{ordinal}", "0")
    ):
        return None
    return "must be the name of a Service (a DNS label that starts with a letter) with {pod} or {ordinal} in it"


def http_url(value: str) -> str | None:
    """The address of an HTTP server."""
    try:
        parts = urlsplit(value)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return None
    except ValueError:
        pass
    return "must be an address that begins with http:// or https://"


def capability(value: str) -> str | None:
    """A Linux capability."""
    if _CAPABILITY.fullmatch(value) and not value.startswith("CAP_"):
        return None
    return "must be a Linux capability without the prefix CAP_, such as NET_BIND_SERVICE"


def ip_address(value: str) -> str | None:
    """An IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "must be an IP address, such as 10.0.0.1 or fd00::1"
    return None


def cidr(value: str) -> str | None:
    """A network in CIDR notation."""
    try:
        if "/" in value and ipaddress.ip_network(value):
            return None
    except ValueError:
        pass
    return "must be a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8, without host bits"


def not_empty_collection(value: Collection[object]) -> str | None:
    """A list or a map with at least one item."""
    return None if value else "must not be empty"


def unique_items(value: Collection[object]) -> str | None:
    """A list with at least one item and without duplicates among the plain values."""
    plain = [each for each in value if isinstance(each, str | int)]
    if value and len(plain) == len(set(plain)):
        return None
    return "must not be empty or contain duplicates"


def config_key(value: str) -> str | None:
    """A key of a Secret or ConfigMap."""
    if len(value) <= _MAX_SUBDOMAIN and _CONFIG_KEY.fullmatch(value) and not value.startswith(".."):
        return None
    return f"must be a key: at most {_MAX_SUBDOMAIN} letters, digits, '-', '_' or '.', not starting with '..'"


def quantity(value: str) -> str | None:
    """A Kubernetes quantity of at least zero."""
    if _QUANTITY.fullmatch(value):
        return None
    return "must be a Kubernetes quantity, such as 500m, 2, 128Mi or 10Gi"


def resource_name(value: str) -> str | None:
    """The name of a compute resource that a container can request."""
    if value in _RESOURCES or value.startswith("hugepages-") or ("/" in value and label_key(value) is None):
        return None
    return f"must be one of {', '.join(_RESOURCES)}, hugepages-SIZE, or an extended resource such as example.com/gpu"


def is_overcommitable(resource: str) -> bool:
    """Whether the limit of the resource can be greater than its request."""
    return resource in _RESOURCES


def positive_quantity(value: str) -> str | None:
    """A Kubernetes quantity greater than zero."""
    if _QUANTITY.fullmatch(value):
        try:
            if size_in_bytes(value) > 0:
                return None
        except ValueError:
            pass
    return "must be a Kubernetes quantity greater than zero, such as 500Mi or 10Gi"


def normal_path(value: str) -> str:
    """An absolute path in the form that two paths of one place share."""
    return posixpath.normpath("/" + value.lstrip("/"))


def mount_path(value: str) -> str | None:
    """An absolute path other than the root, without a colon."""
    if posixpath.isabs(value) and posixpath.normpath(value) not in {"/", "//"} and ":" not in value:
        return None
    return "must be an absolute path other than /, without ':'"


def file_path(value: str) -> str | None:
    """An absolute path of a file."""
    if mount_path(value) is None and not value.endswith("/"):
        return None
    return "must be the absolute path of a file, without ':'"


def sub_path(value: str) -> str | None:
    """A path below the root of a volume."""
    if value and not posixpath.isabs(value) and ".." not in value.split("/"):
        return None
    return "must be a relative path without '..'"


def file_mode(value: str) -> str | None:
    """Permissions of a file, as chmod takes them."""
    if re.fullmatch(r"0?[0-7]{3}", value):
        return None
    return "must be three or four octal digits, such as 0440"


def resource_field(value: str) -> str | None:
    """A resource of a container that the downward API tells."""
    if re.fullmatch(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-[0-9a-zA-Z]+)", value):
        return None
    return "must be limits or requests, '.', and cpu, memory, ephemeral-storage or a hugepages-SIZE"


def divisor(value: str) -> str | None:
    """A unit in which the downward API gives an amount."""
    if re.fullmatch(r"1([mkMGTPE]|[KMGTPE]i)?", value):
        return None
    return "must be 1, 1m, 1k, 1M and so on, or 1Ki, 1Mi and so on"


def label_key(value: str) -> str | None:
    """A qualified name, which the keys of labels and annotations must be: a name with an optional DNS prefix."""
    prefix, slash, name = value.rpartition("/")
    if slash and dns_subdomain(prefix):
        return "must have a DNS subdomain before '/', such as example.com/name"
    if len(name) <= _MAX_LABEL and _QUALIFIED_NAME_PART.fullmatch(name):
        return None
    return (
        f"must be a qualified name, such as name or example.com/name: at most {_MAX_LABEL} letters, digits, '-', '_' "
        "or '.', starting and ending with a letter or digit, with an optional DNS subdomain and '/' before it"
    )


def metadata_key(value: str) -> str | None:
    """The key of a label or an annotation that is set on the component's objects: none of the component's own."""
    if value.startswith(OWN_PREFIX):
        return f"must not begin with {OWN_PREFIX}, which is reserved for the component"
    return label_key(value)


def label_value(value: str) -> str | None:
    """The value of a label."""
    if not value or (len(value) <= _MAX_LABEL and _QUALIFIED_NAME_PART.fullmatch(value)):
        return None
    return (
        f"must be empty, or at most {_MAX_LABEL} letters, digits, '-', '_' or '.', starting and ending with a letter "
        "or digit"
    )
