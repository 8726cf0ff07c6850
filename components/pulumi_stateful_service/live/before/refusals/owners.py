"""Objects that a controller owns, such as an operator: it changes them, and Kubernetes deletes them with it."""

from pulumi_stateful_service.documentation import ADOPTION
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject


def controller_of(live: KubernetesObject) -> str | None:
    """The object that controls this one, as messages name it; None where none does."""
    for owner in live["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            return f"{owner['kind']} {owner['name']} ({owner['apiVersion']})"
    return None


def owner_refusals(live: KubernetesObject, kind: str) -> list[str]:
    """Refuses to adopt what a controller owns."""
    owner, metadata = controller_of(live), live["metadata"]
    if owner is None:
        return []
    what = f"{kind} {metadata.get('namespace', 'default')}/{metadata['name']}"
    refusal = (
        f"{what} is controlled by {owner}: its controller may change it at any time, and Kubernetes deletes it with "
        "its owner. Change it through the owner; or, to adopt it, stop the controller of "
        f"{owner.partition(' ')[0]} and then take the owner away: {_release(live, kind)} ({ADOPTION})."
    )
    return [refusal]


def owner_warnings(live: KubernetesObject) -> list[str]:
    """Warns that the component's own StatefulSet has got an owner."""
    owner = controller_of(live)
    if owner is None:
        return []
    warning = (
        f"StatefulSet {live['metadata']['name']} has been given an owner, {owner}: its controller may change the "
        "StatefulSet, and Kubernetes deletes it with its Pods when the owner is deleted. If that is not wanted, take "
        f"the owner away: {_release(live, 'StatefulSet')}."
    )
    return [warning]


def _release(live: KubernetesObject, kind: str) -> str:
    """The command that takes the owner away."""
    metadata = live["metadata"]
    what = f"--namespace {metadata.get('namespace', 'default')} patch {kind.lower()} {metadata['name']}"
    return f"""kubectl {what} --type merge --patch '{{"metadata":{{"ownerReferences":null}}}}'"""
