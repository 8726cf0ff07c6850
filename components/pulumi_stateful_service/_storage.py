"""The disks: the storage class that makes them and the claim templates that ask for them."""

import pulumi

from ._arguments import AccessMode, ReclaimPolicy, StatefulServiceArgs, VolumeArgs, VolumeBindingMode
from ._objects import KubernetesObject, given, labels


def storage_class(args: StatefulServiceArgs, default_name: pulumi.Input[str]) -> KubernetesObject:
    """The class that the component makes. It has no namespace."""
    wanted = args["storage_class"]
    return given(
        metadata=given(
            name=wanted.get("name", default_name),
            labels=labels(args),
            annotations=dict(args.get("annotations", {})),
        ),
        provisioner=wanted["provisioner"],
        parameters=wanted.get("parameters"),
        reclaimPolicy=wanted.get("reclaim_policy", ReclaimPolicy.RETAIN.value),
        volumeBindingMode=wanted.get("volume_binding_mode", VolumeBindingMode.WAIT_FOR_FIRST_CONSUMER.value),
        allowVolumeExpansion=wanted.get("allow_volume_expansion", True),
        mountOptions=wanted.get("mount_options"),
    )


def claim_template(volume: VolumeArgs, class_name: pulumi.Input[str] | None) -> KubernetesObject:
    """An item of ``spec.volumeClaimTemplates``: without a class, the cluster's default one serves."""
    return {
        # Nothing here may follow a setting that changes: a set's templates can't be changed in place.
        "metadata": {"name": volume["name"]},
        "spec": given(
            accessModes=volume.get("access_modes", [AccessMode.READ_WRITE_ONCE.value]),
            storageClassName=volume.get("storage_class_name", class_name),
            resources={"requests": {"storage": volume["size"]}},
        ),
    }
