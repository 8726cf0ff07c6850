"""Two components of one program must not have one StatefulSet."""

from weakref import WeakKeyDictionary

import pulumi

from pulumi_stateful_service.arguments.cross_checks.cross_checks import CrossChecks

_users: WeakKeyDictionary[object, dict[tuple[str | None, str], str]] = WeakKeyDictionary()
"""Which component of a deployment has a namespace and name."""


def reserve_name(checks: CrossChecks, component: str, namespace: str | None, name: str) -> None:
    """Notes that a component has this StatefulSet. Raises ArgumentError where another one has it already."""
    users = _users.setdefault(pulumi.runtime.settings.get_monitor(), {})
    other = users.setdefault((namespace, name), component)
    if other != component:
        where = f"namespace {namespace!r}" if namespace else "the provider's namespace"
        raise checks.error(
            f"name is {name!r}, which StatefulService {other!r} has too in {where}: both would be one StatefulSet. "
            "Give each a name of its own"
        )
