"""The disks: the storage class that makes them, the claim templates that ask for them, and what becomes of claims."""

from collections.abc import Sequence

import pulumi

from pulumi_stateful_service.arguments.types import (
    AccessMode,
    ClaimRetention,
    ReclaimPolicy,
    StatefulServiceArgs,
    TopologyArgs,
    VolumeArgs,
    VolumeBindingMode,
)
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.objects.metadata import annotations, labels

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def storage_class(args: StatefulServiceArgs, name: pulumi.Input[str]) -> KubernetesObject:
    """The class that the component makes. It has no namespace."""
    wanted = args["storage_class"]
    return without_empty(
        metadata=without_empty(name=name, labels=labels(args), annotations=_class_annotations(args)),
        provisioner=wanted["provisioner"],
        parameters=wanted.get("parameters"),
        reclaimPolicy=wanted.get("reclaim_policy", ReclaimPolicy.RETAIN.value),
        volumeBindingMode=wanted.get("volume_binding_mode", VolumeBindingMode.WAIT_FOR_FIRST_CONSUMER.value),
        allowVolumeExpansion=wanted.get("allow_volume_expansion", True),
        mountOptions=wanted.get("mount_options"),
        allowedTopologies=_topologies(wanted.get("allowed_topologies", [])),
    )


def _class_annotations(args: StatefulServiceArgs) -> KubernetesObject:
    own = annotations(args)
    if "default" not in args["storage_class"]:
        return own
    return {**own, DEFAULT_CLASS: apply_inputs(lambda default: str(default).lower(), args["storage_class"]["default"])}


def _topologies(topologies: Sequence[TopologyArgs]) -> list[KubernetesObject]:
    expressions = [{"key": each["key"], "values": each["values"]} for each in topologies]
    return [{"matchLabelExpressions": expressions}] if expressions else []


def claim_template(volume: VolumeArgs, class_name: pulumi.Input[str] | None) -> KubernetesObject:
    """An item of ``spec.volumeClaimTemplates``: without a class, the cluster's default one serves."""
    source = volume.get("data_source")
    return {
        # Nothing here may follow a setting that changes: a set's templates can't be changed in place.
        "metadata": without_empty(
            name=volume["name"],
            labels=dict(volume.get("labels", {})),
            annotations=dict(volume.get("annotations", {})),
        ),
        "spec": without_empty(
            accessModes=volume.get("access_modes", [AccessMode.READ_WRITE_ONCE.value]),
            storageClassName=volume.get("storage_class_name", class_name),
            volumeMode=volume.get("volume_mode"),
            volumeAttributesClassName=volume.get("volume_attributes_class_name"),
            selector=without_empty(matchLabels=dict(volume.get("selector", {}))),
            dataSource=pick(source, apiGroup="api_group", kind="kind", name="name") if source else None,
            resources={"requests": {"storage": volume["size"]}},
        ),
    }


def retention_policy(args: StatefulServiceArgs) -> KubernetesObject:
    """``spec.persistentVolumeClaimRetentionPolicy``: claims stay unless the user says otherwise."""
    wanted = args.get("persistent_volume_claim_retention_policy", {})
    return {
        "whenDeleted": wanted.get("when_deleted", ClaimRetention.RETAIN.value),
        "whenScaled": wanted.get("when_scaled", ClaimRetention.RETAIN.value),
    }
