"""Asks an instance for its number, by which ``recover`` compares instances."""

from collections.abc import Collection

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import CONTAINER_NAME, pod_name
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.state.recovery import RecoveryPlan, number_in, why_not_reached, why_not_running
from pulumi_stateful_service.outside_text import cleaned, exit_problem


async def asked_number(
    cluster: Cluster,
    plan: RecoveryPlan,
    where: tuple[str, str],
    ordinal: int,
    pods: Collection[KubernetesObject],
) -> int | str:
    """The number of an instance; or why it has told none. ``where`` is namespace and name of its StatefulSet.

    Raises ForbiddenError where the credentials do not allow to ask.
    """
    if (why := why_not_reached(ordinal, pods)) is not None:
        return why
    namespace, name = where
    words = plan.words(plan.compare, namespace, name, ordinal)
    try:
        ended = await cluster.ended_in_pod(
            namespace,
            pod_name(name, ordinal),
            CONTAINER_NAME,
            words,
            plan.timeout_seconds,
            action=Action.COMPARE_INSTANCES,
        )
    except ForbiddenError:
        raise
    except ClusterError as error:
        return why_not_running(ordinal, pods) or error.problem
    if (why := exit_problem(ended.status, ended.output)) is not None:
        return why
    number = number_in(ended.stdout)
    if number is None:
        return f"it printed {cleaned(ended.stdout)!r}, which is no whole number of at most 20 digits"
    return number
