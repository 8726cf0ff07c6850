"""What Pulumi's provider reads while it creates a Service: a right that is missing is said before it waits for it.

The provider watches the endpoints in the namespace, also for a headless Service. Without the right to, it waits for two
minutes and says nothing.
"""

from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.documentation import RIGHTS

_WATCHED = (("", "endpoints"), ("discovery.k8s.io", "endpointslices"))
"""API group and resource; which of both it watches depends on the provider's version."""
_VERBS = ("list", "watch")


async def missing_service_rights(cluster: Cluster, namespace: str) -> str | None:
    """Says which rights the provider lacks to follow a Service in the namespace; None where it has them."""
    try:
        missing = [
            f"{verb} {resource}"
            for group, resource in _WATCHED
            for verb in _VERBS
            if not await _may(cluster, namespace, verb, group, resource)
        ]
    except ClusterError:
        return None  # An API server that does not tell: what is missing shows later.
    if not missing:
        return None
    return (
        f"no right to {', '.join(missing)} in namespace {namespace}: Pulumi's provider follows each Service by them, "
        f"and without them waits for about two minutes at each, without a message. Add them to the Role ({RIGHTS})"
    )


async def _may(cluster: Cluster, namespace: str, verb: str, group: str, resource: str) -> bool:
    """Whether the API server would answer this request, as ``kubectl auth can-i`` asks."""
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
    review = {"spec": {"resourceAttributes": attributes}}
    answer = await cluster.create("SelfSubjectAccessReview", None, review)
    return bool((answer.get("status") or {}).get("allowed", True))
