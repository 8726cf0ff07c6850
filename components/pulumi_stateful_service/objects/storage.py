"""The StorageClass, the claim templates, and the retention policy of claims."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from pulumi_stateful_service.arguments.defaults import restored_volumes
from pulumi_stateful_service.arguments.types import (
    AccessMode,
    ClaimRetention,
    ClaimRetentionPolicyArgs,
    ReclaimPolicy,
    RecreateClaimsArgs,
    RestoredClaimArgs,
    StatefulServiceArgs,
    StorageClassArgs,
    TopologyArgs,
    VolumeArgs,
    VolumeBindingMode,
)
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.names import (
    ALL_ORDINALS,
    RESTORED_ANNOTATION,
    SNAPSHOT,
    SNAPSHOT_GROUP,
    claim_name,
)
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.objects.shared import Shared

IS_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def storage_class(shared: Shared, name: pulumi.Input[str], settings: StorageClassArgs) -> KubernetesObject:
    """The StorageClass. It is cluster-wide, so it has no namespace."""
    return without_empty(
        metadata=without_empty(
            name=name, labels=dict(shared.labels), annotations={**shared.annotations, **_class_annotations(settings)}
        ),
        provisioner=settings["provisioner"],
        parameters=settings.get("parameters"),
        reclaimPolicy=settings.get("reclaim_policy", ReclaimPolicy.RETAIN.value),
        volumeBindingMode=settings.get("volume_binding_mode", VolumeBindingMode.WAIT_FOR_FIRST_CONSUMER.value),
        allowVolumeExpansion=settings.get("allow_volume_expansion", True),
        mountOptions=settings.get("mount_options"),
        allowedTopologies=_topology_terms(settings.get("allowed_topologies", [])),
    )


def _class_annotations(settings: StorageClassArgs) -> KubernetesObject:
    if "default" not in settings:
        return {}
    return {IS_DEFAULT_CLASS: apply_inputs(lambda default: str(default).lower(), settings["default"])}


def _topology_terms(topologies: Sequence[TopologyArgs]) -> list[KubernetesObject]:
    expressions = [{"key": topology["key"], "values": topology["values"]} for topology in topologies]
    return [{"matchLabelExpressions": expressions}] if expressions else []


def claim_template(volume: VolumeArgs, class_name: pulumi.Input[str] | None) -> KubernetesObject:
    """An item of ``spec.volumeClaimTemplates``. Without a class, the cluster's default class is used."""
    return {
        # As the API server stores it: Argo CD would show a difference otherwise.
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        # Without the labels of all objects: they may change, but the templates of a StatefulSet cannot.
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
            selector=without_empty(
                matchLabels=dict(volume.get("selector", {})),
                matchExpressions=[
                    pick(each, key="key", operator="operator", values="values")
                    for each in volume.get("selector_expressions", [])
                ],
            ),
            dataSource=_source(volume.get("data_source")),
            dataSourceRef=_source(volume.get("data_source_ref")),
            resources=without_empty(
                requests={"storage": volume["size"]}, limits=without_empty(storage=volume.get("size_limit"))
            ),
        ),
    }


def claim_retention_policy(policy: ClaimRetentionPolicyArgs) -> KubernetesObject:
    """``spec.persistentVolumeClaimRetentionPolicy``. By default claims are kept."""
    return {
        "whenDeleted": policy.get("when_deleted", ClaimRetention.RETAIN.value),
        "whenScaled": policy.get("when_scaled", ClaimRetention.RETAIN.value),
    }


def recreated_claims(wanted: RecreateClaimsArgs) -> KubernetesObject:
    """Whose claims are recreated, as the StatefulSet's annotation notes it."""
    policy = wanted.get("reclaim_policy", ReclaimPolicy.RETAIN.value)
    return {"ordinals": list(wanted["ordinals"]), "reclaimPolicy": policy}


def given_up_volumes(args: StatefulServiceArgs) -> list[KubernetesObject]:
    """The volumes of instances that are rebuilt, as the StatefulSet's annotation notes them."""
    default = {"volume": args["volumes"][0]["name"]} if args["volumes"] else {}
    return [{**default, **item} for item in args.get("rebuild", [])]


def restored_claims(
    shared: Shared,
    args: StatefulServiceArgs,
    class_name: pulumi.Input[str] | None,
) -> list[KubernetesObject]:
    """The claims that are created with data, as the StatefulSet would create them otherwise.

    One that is for all instances has ``ALL_ORDINALS`` in its name.
    """
    by_name = {volume["name"]: volume for volume in args["volumes"]}
    return [
        _restored_claim(shared, by_name[volume], claim, class_name)
        for claim in args.get("restore", [])
        for volume in restored_volumes(args, claim)
    ]


def _restored_claim(
    shared: Shared, volume: VolumeArgs, claim: RestoredClaimArgs, class_name: pulumi.Input[str] | None
) -> KubernetesObject:
    template = claim_template(volume, class_name)
    spec = {key: value for key, value in template["spec"].items() if key not in {"dataSource", "dataSourceRef"}}
    source = without_empty(
        volumeName=claim.get("volume_name"),
        dataSource=_source(claim.get("data_source")),
        dataSourceRef=_source(claim.get("data_source_ref")),
    )
    noted: KubernetesObject = source
    if "snapshot" in claim:
        snapshot = {"api_group": SNAPSHOT_GROUP, "kind": SNAPSHOT, "name": claim["snapshot"]}
        source, noted = {"dataSource": _source(snapshot)}, {"snapshot": claim["snapshot"]}
    metadata = template["metadata"]
    note = apply_inputs(lambda value: json.dumps(value, sort_keys=True), noted)
    return {
        "metadata": without_empty(
            name=apply_inputs(claim_name, volume["name"], shared.name, claim.get("ordinal", ALL_ORDINALS)),
            namespace=shared.namespace,
            labels={**metadata.get("labels", {}), **shared.selector},
            annotations={**metadata.get("annotations", {}), RESTORED_ANNOTATION: note},
        ),
        "spec": {**spec, **source},
    }


def _source(source: Mapping[str, Any] | None) -> KubernetesObject | None:
    return pick(source, apiGroup="api_group", kind="kind", name="name", namespace="namespace") if source else None
