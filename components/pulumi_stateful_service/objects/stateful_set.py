"""The StatefulSet."""

import json
from collections.abc import Sequence
from typing import Any, cast

import pulumi

from pulumi_stateful_service.arguments.defaults import first_ordinal, update_strategy
from pulumi_stateful_service.arguments.types import PodManagementPolicy, StatefulServiceArgs, UpdateStrategy
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, without_empty
from pulumi_stateful_service.foundation.names import (
    REBUILD_ANNOTATION,
    RECREATE_CLAIMS_ANNOTATION,
    REPLICAS_ANNOTATION,
    RESTORED_ANNOTATION,
    SIZES_ANNOTATION,
)
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.objects.pod_template import pod_template
from pulumi_stateful_service.objects.shared import FORCE_CONFLICTS, Network, Shared
from pulumi_stateful_service.objects.storage import (
    claim_retention_policy,
    claim_template,
    given_up_volumes,
    recreated_claims,
    restored_claims,
)


def stateful_set(
    shared: Shared, network: Network, args: StatefulServiceArgs, class_name: pulumi.Input[str] | None
) -> KubernetesObject:
    """The StatefulSet.

    ``class_name`` is the storage class of volumes that name none.
    """
    # In a fixed order: claim templates in another order would be other ones.
    volumes = sorted(args["volumes"], key=lambda volume: volume["name"])
    return {
        "metadata": _metadata(shared, args, restored_claims(shared, args, class_name)),
        "spec": without_empty(
            replicas=args["replicas"],
            serviceName=args["service_name"],
            selector={"matchLabels": dict(shared.selector)},
            ordinals=dict(args.get("ordinals", {})),
            minReadySeconds=args.get("min_ready_seconds"),
            revisionHistoryLimit=args.get("revision_history_limit"),
            podManagementPolicy=args.get("pod_management_policy", PodManagementPolicy.ORDERED_READY.value),
            updateStrategy=_update_strategy(args),
            persistentVolumeClaimRetentionPolicy=claim_retention_policy(
                args.get("persistent_volume_claim_retention_policy", {})
            ),
            template=pod_template(shared, network, args),
            volumeClaimTemplates=[claim_template(volume, class_name) for volume in volumes],
        ),
    }


def _metadata(shared: Shared, args: StatefulServiceArgs, restored: Sequence[KubernetesObject]) -> KubernetesObject:
    """Metadata with the sizes of the volumes, and with what makes Pulumi's provider leave the wait to the component.

    The provider's check would never succeed with a partition, and a refresh would report the StatefulSet as failed, so
    it is skipped then. Skipped, the provider does not wait for a deletion either: with background propagation the
    StatefulSet is gone at once. The provider overwrites changes by other field managers (patchForce).
    """
    metadata = shared.metadata()
    noted: dict[str, Any] = {}
    if "recreate_claims" in args:
        noted[RECREATE_CLAIMS_ANNOTATION] = apply_inputs(_as_json, recreated_claims(args["recreate_claims"]))
    if "rebuild" in args:
        noted[REBUILD_ANNOTATION] = apply_inputs(_as_json, given_up_volumes(args))
    if "members" in args:
        # What makes Pulumi update the StatefulSet: spec.replicas is changed by the component, one by one.
        noted[REPLICAS_ANNOTATION] = apply_inputs(str, args["replicas"])
    volumes = [volume["name"] for volume in args["volumes"]]

    def annotations(
        partition: int, noted: KubernetesObject, sources: Sequence[tuple[str, str]], *sizes: str
    ) -> KubernetesObject:
        result = {**FORCE_CONFLICTS, **metadata.get("annotations", {}), **noted}
        if sources:
            # What makes Pulumi update the StatefulSet, which is when claims are created.
            result[RESTORED_ANNOTATION] = _as_json(dict(sources))
        if volumes:
            result[SIZES_ANNOTATION] = _as_json(dict(zip(volumes, sizes, strict=True)))
        if partition == 0:
            return {**result, "pulumi.com/waitFor": "jsonpath={.metadata.uid}"}
        return {**result, "pulumi.com/skipAwait": "true", "pulumi.com/deletionPropagationPolicy": "background"}

    sources = [(claim["metadata"]["name"], claim["metadata"]["annotations"][RESTORED_ANNOTATION]) for claim in restored]
    sizes = (volume["size"] for volume in args["volumes"])
    own = apply_inputs(annotations, _partition(args), noted, sources, *sizes)
    return {**metadata, "annotations": own}


def _as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _update_strategy(args: StatefulServiceArgs) -> KubernetesObject:
    def strategy(strategy_type: str, partition: int, max_unavailable: object) -> KubernetesObject:
        if strategy_type == UpdateStrategy.ON_DELETE:
            return {"type": strategy_type}
        rolling_update = without_empty(partition=partition, maxUnavailable=max_unavailable)
        return {"type": strategy_type, "rollingUpdate": rolling_update}

    max_unavailable = args.get("max_unavailable")
    return cast("KubernetesObject", apply_inputs(strategy, update_strategy(args), _partition(args), max_unavailable))


def _partition(args: StatefulServiceArgs) -> Any:
    """``rollingUpdate.partition``: how many instances, counted from the first, keep their revision."""
    if "canary" in args:
        return apply_inputs(lambda replicas, canary: replicas - canary, args["replicas"], args["canary"])
    return apply_inputs(
        lambda partition, start: max(0, partition - start), args.get("partition", 0), first_ordinal(args)
    )
