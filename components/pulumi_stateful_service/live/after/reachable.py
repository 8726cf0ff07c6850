"""Waits until the governing Service leads to every ready instance: then the instances' names resolve.

A Pod that is ready is not reachable by its name yet. Kubernetes adds it to an EndpointSlice of the governing Service
afterwards, usually within a tenth of a second, and the cluster's DNS follows the slices.
"""

import time
from collections.abc import Iterable, Mapping

import pulumi

from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.after.target import MAX_SHOWN, RolloutTarget, pause
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.state.pod_status import ready_pods

_SERVICE_NAME = "kubernetes.io/service-name"
"""The label of EndpointSlices with the name of their Service."""


async def wait_until_reachable(
    cluster: Cluster,
    target: RolloutTarget,
    stateful_set: KubernetesObject,
    ready: Mapping[str, str],
    resource: pulumi.Resource,
) -> None:
    """Waits until the EndpointSlices of the governing Service have the ready Pods, given as uid by name.

    Raises RolloutError after the timeout. Where the slices may not be read it says so and does not wait; nor does it
    where the Service does not select the Pods.
    """
    service, started = stateful_set["spec"].get("serviceName"), time.monotonic()
    if not service or not ready:
        return
    missing, problem = list(ready), ""
    while time.monotonic() - started < target.rollout_timeout_seconds:
        try:
            slices = await cluster.list("EndpointSlice", target.namespace, labels={_SERVICE_NAME: service})
            missing = without_endpoint(ready, slices)
            if not missing or not await _selects(cluster, target, service, stateful_set):
                return
            ready = ready_pods(await cluster.list_pods(stateful_set))
        except ForbiddenError as error:
            messages.warn(
                f"{target.prefix}: pulumi up does not wait until the names of the instances resolve: {error.problem}.",
                resource,
            )
            return
        except ClusterError as error:
            problem = f" The Kubernetes API does not answer: {error.problem}."
        await pause(cluster, started)
    raise RolloutError(_not_reachable(target, service, missing) + problem)


def without_endpoint(ready: Mapping[str, str], slices: Iterable[KubernetesObject]) -> list[str]:
    """Names of the ready Pods to which none of a Service's EndpointSlices leads.

    A Pod is known by its uid: its predecessor had the same name. A slice says that an endpoint is ready, or, as the
    API has it, nothing, which counts as ready.
    """
    reached = {
        (endpoint.get("targetRef") or {}).get("uid")
        for each in slices
        for endpoint in each.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready") is not False
    }
    return [name for name, uid in ready.items() if uid not in reached]


async def _selects(cluster: Cluster, target: RolloutTarget, service: str, stateful_set: KubernetesObject) -> bool:
    """Whether the Service selects the StatefulSet's Pods: one that is adopted or transformed may not."""
    live = await cluster.get_service(target.namespace, service)
    selector = ((live or {}).get("spec") or {}).get("selector") or {}
    labels = stateful_set["spec"]["template"]["metadata"].get("labels") or {}
    return bool(selector) and selector.items() <= labels.items()


def _not_reachable(target: RolloutTarget, service: str, missing: list[str]) -> str:
    more = f" and {len(missing) - MAX_SHOWN} more" if len(missing) > MAX_SHOWN else ""
    return (
        f"{target.prefix}: the instances are ready, but their names do not resolve: the EndpointSlices of Service "
        f"{target.namespace}/{service} did not have {', '.join(missing[:MAX_SHOWN])}{more} within "
        f"rollout_timeout_seconds ({target.rollout_timeout_seconds}). Kubernetes' controller manager maintains them: "
        "check that it runs, then run pulumi up again."
    )
