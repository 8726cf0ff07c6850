"""From which Pod templates the Pods of a StatefulSet were made."""

from collections.abc import Mapping

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.cluster import Cluster, without_other_groups
from pulumi_stateful_service.live.client.errors import ForbiddenError
from pulumi_stateful_service.live.state.resize import template_of


async def read_templates(cluster: Cluster, stateful_set: KubernetesObject) -> Mapping[str, KubernetesObject]:
    """The Pod template of each revision, by its name, as far as the credentials allow to read them."""
    try:
        found = await read_revisions(cluster, stateful_set["metadata"]["namespace"], stateful_set)
    except ForbiddenError:
        return {}
    return {each["metadata"]["name"]: template_of(each) for each in found}


async def read_revisions(cluster: Cluster, namespace: str, stateful_set: KubernetesObject) -> list[KubernetesObject]:
    """The ControllerRevisions of a StatefulSet: those with its labels, without those of other groups of its service."""
    labels = stateful_set["spec"]["selector"]["matchLabels"]
    return without_other_groups(await cluster.list("ControllerRevision", namespace, labels=labels), labels)
