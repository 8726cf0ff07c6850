"""The Namespace that the claims are in: Kubernetes deletes them with it.

Pulumi replaces a Namespace whose name changes before it comes to the StatefulSet: it creates the new one, and notes
the old one in its state as pending deletion. The next ``pulumi up`` that succeeds deletes that one, whatever the
program says then. The state is not shown to programs, so it is noted on the StatefulSet that this has happened.
"""

from pulumi_stateful_service.documentation import NAMESPACES
from pulumi_stateful_service.errors import shown
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import NAMESPACE_REPLACED_ANNOTATION


def deletion_refusals(namespace: KubernetesObject | None) -> list[str]:
    """Refuses to change what is in a Namespace that is being deleted."""
    if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
        return []
    refusal = (
        f"Namespace {namespace['metadata']['name']} is being deleted, and everything in it, also the "
        "PersistentVolumeClaims. Nobody can stop that, and nothing can be created in it. Volumes whose "
        "persistentVolumeReclaimPolicy is Retain stay; when the namespace is gone, create it again and restore them "
        f"({NAMESPACES})."
    )
    return [refusal]


def creation_warning(namespace: str) -> str:
    """What becomes of the claims when Pulumi deletes their Namespace. Programs do not see whether it retains it."""
    return (
        f"Namespace {namespace!r} is a resource of this program. Unless it has the option retain_on_delete or protect, "
        "pulumi destroy deletes it, and with it the PersistentVolumeClaims and their data "
        f"({NAMESPACES})."
    )


def advice_before_replacement(known: str) -> str:
    """What the preview adds to the refusal of another namespace, where Pulumi manages the one that there is."""
    return (
        f"Namespace {known!r} is a resource of this program: do not run pulumi up with another name of it, also not "
        "with --skip-preview, since Pulumi replaces it first. With the option protect Pulumi refuses to "
        f"({NAMESPACES})."
    )


def advice_after_replacement(known: str) -> str:
    """What ``pulumi up`` adds to it: keeping the name is not enough any more."""
    return (
        f"Namespace {known!r} is a resource of this program, and Pulumi has replaced it already: its state has it as "
        "pending deletion, and the next pulumi up that succeeds deletes it with all claims, also under its old name. "
        f"Before that, take it out of the state ({NAMESPACES}). Until then the component refuses each pulumi up."
    )


def pending_deletion_refusals(live: KubernetesObject) -> list[str]:
    """Refuses every operation after such a replacement, until the user has seen to the state."""
    metadata = live["metadata"]
    asked = (metadata.get("annotations") or {}).get(NAMESPACE_REPLACED_ANNOTATION)
    if asked is None:
        return []
    namespace = metadata["namespace"]
    refusal = (
        f"an earlier pulumi up asked for the namespace {shown(asked)} in place of {namespace!r}, and Pulumi "
        "replaced a Namespace of this program for it: its state has the earlier one as pending deletion, and the next "
        "pulumi up that succeeds deletes it with all claims. First take it out of the state "
        f"({NAMESPACES}). Then remove the note: kubectl --namespace {namespace} annotate statefulset "
        f"{metadata['name']} {NAMESPACE_REPLACED_ANNOTATION}-"
    )
    return [refusal]
