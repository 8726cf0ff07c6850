"""The StatefulSet."""

from collections.abc import Sequence

from ._arguments import PodManagementPolicy, StatefulServiceArgs
from ._objects import KubernetesObject, given, metadata, selector
from ._pods import pod_template


def stateful_set(args: StatefulServiceArgs, claim_templates: Sequence[KubernetesObject]) -> KubernetesObject:
    """The set: who its instances are, what they run, which disks they get, and how they are updated."""
    return {
        "metadata": metadata(args, args["name"]),
        "spec": given(
            replicas=args["replicas"],
            serviceName=args["service_name"],
            selector={"matchLabels": selector(args)},
            podManagementPolicy=args.get("pod_management_policy", PodManagementPolicy.ORDERED_READY.value),
            updateStrategy=_update_strategy(args),
            persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"},
            template=pod_template(args),
            volumeClaimTemplates=list(claim_templates),
        ),
    }


def _update_strategy(args: StatefulServiceArgs) -> KubernetesObject:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": args.get("partition", 0)}}
