"""Names in Python's letter case and in Kubernetes' and Pulumi's: ``service_name`` and ``serviceName``."""

import re

_CAPITAL, _UNDERSCORE = re.compile(r"[A-Z]"), re.compile(r"_([a-z])")


def snake_case(name: str) -> str:
    """``serviceName`` as ``service_name``."""
    return _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name)


def camel_case(name: str) -> str:
    """``service_name`` as ``serviceName``."""
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name)
