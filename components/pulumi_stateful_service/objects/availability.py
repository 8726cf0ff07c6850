"""The PodDisruptionBudget, and the topology spread constraints."""

from typing import Any

from pulumi_stateful_service.arguments.defaults import selector
from pulumi_stateful_service.arguments.types import Spread, StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.foundation.quorum import majority
from pulumi_stateful_service.objects.metadata import object_metadata

_NODES = "kubernetes.io/hostname"
_ZONES = "topology.kubernetes.io/zone"
_MAJORITY = "51%"
"""A majority of any number of replicas, since PodDisruptionBudgets round up: an autoscaler changes the number."""


def disruption_budget(args: StatefulServiceArgs) -> KubernetesObject:
    """The PodDisruptionBudget."""
    return {
        "metadata": object_metadata(args, args["name"]),
        "spec": {
            **_limit(args),
            "selector": {"matchLabels": selector(args)},
            # A Pod that is not ready must not block the drain of its node.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _limit(args: StatefulServiceArgs) -> KubernetesObject:
    if "disruption_budget" in args:
        return {"maxUnavailable": args["disruption_budget"]["max_unavailable"]}
    if "min_available" in args:
        return {"minAvailable": args["min_available"]}
    return {"minAvailable": _MAJORITY if args.get("autoscaled") else apply_inputs(majority, args["replicas"])}


def topology_spread(args: StatefulServiceArgs) -> Any:
    """``topologySpreadConstraints``."""
    labels = selector(args)

    def constraints(over_nodes: str, over_zones: str, *label_values: str) -> list[KubernetesObject]:
        return [
            {
                "maxSkew": 1,
                "topologyKey": topology_key,
                "whenUnsatisfiable": when_unsatisfiable,
                "labelSelector": {"matchLabels": dict(zip(labels, label_values, strict=True))},
                # By default tainted nodes count as empty domains: then no Pod fits maxSkew on the others.
                "nodeTaintsPolicy": "Honor",
            }
            for topology_key, when_unsatisfiable in ((_NODES, over_nodes), (_ZONES, over_zones))
            if when_unsatisfiable != Spread.OFF
        ]

    default = Spread.SCHEDULE_ANYWAY.value
    over_nodes, over_zones = args.get("spread_over_nodes", default), args.get("spread_over_zones", default)
    return apply_inputs(constraints, over_nodes, over_zones, *labels.values())
