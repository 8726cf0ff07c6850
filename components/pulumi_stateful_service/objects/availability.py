"""The PodDisruptionBudget, and the topology spread constraints."""

from collections.abc import Mapping
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.types import Spread, StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.foundation.quorum import majority, min_available_count
from pulumi_stateful_service.objects.shared import Shared

_NODES = "kubernetes.io/hostname"
_ZONES = "topology.kubernetes.io/zone"
_MAJORITY = "51%"
"""A majority of any number of replicas, since PodDisruptionBudgets round up: an autoscaler changes the number."""


def disruption_budget(shared: Shared, limit: KubernetesObject) -> KubernetesObject:
    """The PodDisruptionBudget with this limit."""
    return {
        "metadata": shared.metadata(),
        "spec": {
            **limit,
            "selector": {"matchLabels": dict(shared.selector)},
            # A Pod that is not ready must not block the drain of its node.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def disruption_limit(args: StatefulServiceArgs) -> KubernetesObject:
    """How many instances must stay, or may be away.

    Over several StatefulSets a number that must stay is all that Kubernetes documents for a PodDisruptionBudget.
    """
    if "groups" in args and not args.get("quorum"):
        if "min_available" in args:
            return {"minAvailable": apply_inputs(min_available_count, args["min_available"], args["replicas"])}
        away = args["disruption_budget"]["max_unavailable"]
        return {"minAvailable": apply_inputs(_staying, away, args["replicas"])}
    if "disruption_budget" in args:
        return {"maxUnavailable": args["disruption_budget"]["max_unavailable"]}
    if "min_available" in args:
        return {"minAvailable": args["min_available"]}
    return {"minAvailable": _MAJORITY if args.get("autoscaled") else apply_inputs(majority, args["replicas"])}


def _staying(away: int | str, replicas: int) -> int:
    return max(0, replicas - min_available_count(away, replicas))


def topology_spread(selector: Mapping[str, Any], over_nodes: pulumi.Input[str], over_zones: pulumi.Input[str]) -> Any:
    """``topologySpreadConstraints`` of the Pods with these labels. Each of both is one of ``Spread``."""

    def constraints(over_nodes: str, over_zones: str, *label_values: str) -> list[KubernetesObject]:
        return [
            {
                "maxSkew": 1,
                "topologyKey": topology_key,
                "whenUnsatisfiable": when_unsatisfiable,
                "labelSelector": {"matchLabels": dict(zip(selector, label_values, strict=True))},
                # By default tainted nodes count as empty domains: then no Pod fits maxSkew on the others.
                "nodeTaintsPolicy": "Honor",
            }
            for topology_key, when_unsatisfiable in ((_NODES, over_nodes), (_ZONES, over_zones))
            if when_unsatisfiable != Spread.OFF
        ]

    return apply_inputs(constraints, over_nodes, over_zones, *selector.values())
