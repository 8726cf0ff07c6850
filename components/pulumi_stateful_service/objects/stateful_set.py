"""The StatefulSet."""

import json
from typing import Any, cast

import pulumi

from pulumi_stateful_service.arguments.defaults import first_ordinal, selector
from pulumi_stateful_service.arguments.types import PodManagementPolicy, StatefulServiceArgs, UpdateStrategy
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, without_empty
from pulumi_stateful_service.foundation.names import SIZES_ANNOTATION
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.objects.metadata import FORCED, metadata
from pulumi_stateful_service.objects.pod_template import pod_template
from pulumi_stateful_service.objects.storage import claim_template, retention_policy


def stateful_set(
    args: StatefulServiceArgs,
    class_name: pulumi.Input[str] | None,
) -> KubernetesObject:
    """The set: who its instances are, what they run, which disks they get, and how they are updated.

    ``class_name`` is the storage class of volumes that name none.
    """
    # In a fixed order: another one would replace the StatefulSet.
    volumes = sorted(args["volumes"], key=lambda volume: volume["name"])
    return {
        "metadata": _metadata(args),
        "spec": without_empty(
            replicas=args["replicas"],
            serviceName=args["service_name"],
            selector={"matchLabels": selector(args)},
            ordinals=dict(args.get("ordinals", {})),
            minReadySeconds=args.get("min_ready_seconds"),
            revisionHistoryLimit=args.get("revision_history_limit"),
            podManagementPolicy=args.get("pod_management_policy", PodManagementPolicy.ORDERED_READY.value),
            updateStrategy=_update_strategy(args),
            persistentVolumeClaimRetentionPolicy=retention_policy(args),
            template=pod_template(args),
            volumeClaimTemplates=[claim_template(volume, class_name) for volume in volumes],
        ),
    }


def _metadata(args: StatefulServiceArgs) -> KubernetesObject:
    """The set's metadata, with what the component notes on it.

    Besides the sizes of the volumes that is what keeps Pulumi's provider from judging the rollout, which is ours to do.
    While a partition holds part of the set back, the provider must not even look, or a refresh would mark the set as
    failed. It then doesn't wait for the deletion either, so that one must not leave the set half-deleted behind.
    And it takes back what somebody else has changed in the set: what the program says counts.
    """
    of_the_set = metadata(args, args["name"])
    own = of_the_set.get("annotations", {})
    names = [volume["name"] for volume in args["volumes"]]

    def annotations(partition: int, *sizes: str) -> KubernetesObject:
        noted = {SIZES_ANNOTATION: json.dumps(dict(zip(names, sizes, strict=True)), sort_keys=True)} if names else {}
        told = {**FORCED, **own, **noted}
        if partition == 0:
            return {**told, "pulumi.com/waitFor": "jsonpath={.metadata.uid}"}
        return {**told, "pulumi.com/skipAwait": "true", "pulumi.com/deletionPropagationPolicy": "background"}

    return {
        **of_the_set,
        "annotations": apply_inputs(annotations, _partition(args), *(volume["size"] for volume in args["volumes"])),
    }


def _update_strategy(args: StatefulServiceArgs) -> KubernetesObject:
    def strategy(kind: str, partition: int, max_unavailable: object) -> KubernetesObject:
        if kind == UpdateStrategy.ON_DELETE:
            return {"type": kind}
        return {"type": kind, "rollingUpdate": without_empty(partition=partition, maxUnavailable=max_unavailable)}

    kind = args.get("update_strategy", UpdateStrategy.ROLLING_UPDATE.value)
    return cast("KubernetesObject", apply_inputs(strategy, kind, _partition(args), args.get("max_unavailable")))


def _partition(args: StatefulServiceArgs) -> Any:
    """The partition as Kubernetes counts it: how many instances, from the first, keep the version they have."""
    if "canary" in args:
        return apply_inputs(lambda replicas, canary: replicas - canary, args["replicas"], args["canary"])
    held_back = (args.get("partition", 0), first_ordinal(args))
    return apply_inputs(lambda partition, start: max(0, partition - start), *held_back)
