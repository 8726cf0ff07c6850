"""What Pulumi's provider reads while it creates a Service: a right that is missing is said before it waits for it.

The provider watches the endpoints in the namespace, also for a headless Service. Without the right to, it waits for two
minutes and says nothing.
"""

import asyncio

from pulumi_stateful_service.documentation import RIGHTS
from pulumi_stateful_service.foundation.once_per_key import OncePerKey
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError

_WATCHED = (("", "endpoints"), ("discovery.k8s.io", "endpointslices"))
"""API group and resource; which of both it watches depends on the provider's version."""
_VERBS = ("list", "watch")

_missing = OncePerKey[list[str]]()
"""The rights that are missing, by cluster and namespace: asked for once, however many Services a program creates."""


async def missing_service_rights(
    cluster: Cluster, connection: Connection, kind: str, namespace: str | None
) -> str | None:
    """Says which rights the provider lacks to follow an object in the namespace; None where it has them.

    Services alone are followed by others than their own.
    """
    if kind != "Service" or not namespace:
        return None
    try:
        missing = await _missing.get((connection, namespace), lambda: _find_missing(cluster, namespace))
    except ClusterError:
        return None  # An API server that does not tell: what is missing shows later.
    if not missing:
        return None
    return (
        f"no right to {', '.join(missing)} in namespace {namespace}: Pulumi's provider follows each Service by them, "
        f"and without them waits for about two minutes at each, without a message. Add them to the Role ({RIGHTS})"
    )


async def _find_missing(cluster: Cluster, namespace: str) -> list[str]:
    asked = [(verb, group, resource) for group, resource in _WATCHED for verb in _VERBS]
    allowed = await asyncio.gather(*(cluster.may(namespace, *each) for each in asked))
    return [f"{verb} {resource}" for (verb, _, resource), may in zip(asked, allowed, strict=True) if not may]
