"""The Namespace of a StatefulSet: where it comes from, and a note that Pulumi may be about to delete it."""

from dataclasses import dataclass
from typing import Any

import pulumi

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import NAMESPACE_REPLACED_ANNOTATION
from pulumi_stateful_service.live.before.refusals.namespaces import advice_after_replacement, advice_before_replacement
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ForbiddenError

_TYPE = "kubernetes:core/v1:Namespace"


@dataclass(frozen=True)
class NamespaceSource:
    """Where the namespace of a component comes from."""

    namespace: Any
    """The argument."""
    depends_on: Any = None
    """The component's option."""

    async def is_deleted_with_the_program(self) -> bool:
        """Whether it comes from a Namespace of the program that is not protected, as far as that is known."""
        given = self.depends_on if isinstance(self.depends_on, list | tuple) else [self.depends_on]
        resources = {each for each in given if isinstance(each, pulumi.Resource)}
        resources |= await pulumi.Output.from_input(self.namespace).resources()
        for each in resources:
            urn = await each.urn.future() or ""
            if _type_of(urn) == _TYPE and not getattr(each, "_protect", None):
                return True
        return False


async def read_namespace(cluster: Cluster, name: str) -> KubernetesObject | None:
    """The Namespace; None where it does not exist, or where it may not be read."""
    try:
        return await cluster.get("Namespace", None, name)
    except ForbiddenError:
        return None


async def advice_on_replacement(
    cluster: Cluster, source: NamespaceSource, known: str, namespace: str, set_name: str
) -> str:
    """What to do about a Namespace of the program, where another one is refused; empty where there is none.

    In ``up`` it is noted on the StatefulSet that Pulumi may have the Namespace as pending deletion.
    """
    if not await source.is_deleted_with_the_program():
        return ""
    if pulumi.runtime.is_dry_run():
        return advice_before_replacement(known)
    live = await cluster.get_stateful_set(known, set_name)
    if live is not None:
        noted = {NAMESPACE_REPLACED_ANNOTATION: namespace}
        await cluster.patch_stateful_set(live, action=Action.NOTE_NAMESPACE, annotations=noted)
    return advice_after_replacement(known)


def _type_of(urn: str) -> str:
    """The type of a resource: ``urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME``."""
    return [*urn.split("::"), "", "", ""][2].rpartition("$")[2]
