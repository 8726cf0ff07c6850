"""From which Pod templates the Pods of a StatefulSet were made."""

from collections.abc import Mapping

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ForbiddenError
from pulumi_stateful_service.live.state.resize import template_of


async def read_templates(cluster: Cluster, stateful_set: KubernetesObject) -> Mapping[str, KubernetesObject]:
    """The Pod template of each revision, by its name, as far as the credentials allow to read them."""
    labels = stateful_set["spec"]["selector"]["matchLabels"]
    try:
        found = await cluster.list("ControllerRevision", stateful_set["metadata"]["namespace"], labels=labels)
    except ForbiddenError:
        return {}
    return {each["metadata"]["name"]: template_of(each) for each in found}
