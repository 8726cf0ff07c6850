"""Whether the node of an instance answers: asked before a Pod is deleted that may still run there."""

from enum import StrEnum

from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ForbiddenError
from pulumi_stateful_service.live.state.pod_status import is_ready


class NodeState(StrEnum):
    """What is known of a node."""

    ANSWERS = "answers"
    SILENT = "does not answer"
    """It is there, and not ready."""
    ABSENT = "does not exist"
    """Kubernetes deletes the Pods that it had."""
    UNREAD = "cannot be read"


async def node_state(cluster: Cluster, name: str) -> NodeState:
    """The state of a node, as far as the credentials allow to read it."""
    try:
        node = await cluster.get("Node", None, name)
    except ForbiddenError:
        return NodeState.UNREAD
    if node is None:
        return NodeState.ABSENT
    return NodeState.ANSWERS if is_ready(node) else NodeState.SILENT
