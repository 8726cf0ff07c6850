"""How many instances stay, and how far apart they are: the disruption budget, its arithmetic, and the spreading."""

from typing import Any

from pulumi_stateful_service.arguments.defaults import selector
from pulumi_stateful_service.arguments.types import Spread, StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.foundation.quorum import majority
from pulumi_stateful_service.objects.metadata import metadata

_NODES = "kubernetes.io/hostname"
_ZONES = "topology.kubernetes.io/zone"
_MAJORITY = "51%"
"""A majority of a number that an autoscaler decides; a budget rounds up."""


def disruption_budget(args: StatefulServiceArgs) -> KubernetesObject:
    """The PodDisruptionBudget."""
    kept = args.get("min_available")
    if kept is None:
        kept = _MAJORITY if args.get("autoscaled") else apply_inputs(majority, args["replicas"])
    return {
        "metadata": metadata(args, args["name"]),
        "spec": {
            "minAvailable": kept,
            "selector": {"matchLabels": selector(args)},
            # One that is broken keeps nothing up, and must not keep its node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def topology_spread(args: StatefulServiceArgs) -> Any:
    """``topologySpreadConstraints``."""
    labels = selector(args)

    def constraints(nodes: str, zones: str, *values: str) -> list[KubernetesObject]:
        return [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": how,
                "labelSelector": {"matchLabels": dict(zip(labels, values, strict=True))},
                # Nodes that no instance may run on would count as empty, and nothing could be scheduled any more.
                "nodeTaintsPolicy": "Honor",
            }
            for key, how in ((_NODES, nodes), (_ZONES, zones))
            if how != Spread.OFF
        ]

    default = Spread.SCHEDULE_ANYWAY.value
    over = (args.get("spread_over_nodes", default), args.get("spread_over_zones", default))
    return apply_inputs(constraints, *over, *labels.values())
