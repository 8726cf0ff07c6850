"""What a change would do to the set that is there already, before anything is sent.

Pulumi's provider replaces a StatefulSet when a field changes that it takes for immutable. The preview says no more
than that; what it means for the instances and their data is said here.
"""

from ._objects import KubernetesObject

_REPLACING = {
    "podManagementPolicy": "pod_management_policy",
    "revisionHistoryLimit": "revision_history_limit",
}
"""Fields whose change replaces the set, and the argument that sets them."""


def replacements(live: KubernetesObject, wanted: KubernetesObject) -> list[str]:
    """The arguments whose change replaces the set, each with its old and its new value."""
    old, new = live["spec"], wanted["spec"]
    return [
        f"{argument} ({old[field]} → {new[field]})"
        for field, argument in _REPLACING.items()
        if field in old and field in new and old[field] != new[field]
    ]


def warning(changes: list[str]) -> str:
    """What a replacement means."""
    return (
        f"changing {' and '.join(changes)} replaces the StatefulSet: all instances stop, then they start again, on "
        "the same claims and with their data. Until then the service is not available."
    )
