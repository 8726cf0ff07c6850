"""The Pod template: containers, volumes and where they run, merged with ``pod_template``."""

from pulumi_stateful_service.arguments.types import ScratchVolumeArgs, Spread, StatefulServiceArgs
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject, pick, without_empty
from pulumi_stateful_service.foundation.outputs import apply_inputs
from pulumi_stateful_service.objects.availability import topology_spread
from pulumi_stateful_service.objects.containers import container, init_containers
from pulumi_stateful_service.objects.files import file_volumes, projected_volume
from pulumi_stateful_service.objects.security import pod_security_context
from pulumi_stateful_service.objects.shared import Network, Shared
from pulumi_stateful_service.objects.strategic_merge import strategic_merge


def pod_template(shared: Shared, network: Network, args: StatefulServiceArgs) -> KubernetesObject:
    """``spec.template`` of the StatefulSet."""
    spread = Spread.SCHEDULE_ANYWAY.value
    template = {
        "metadata": without_empty(labels=dict(shared.labels), annotations=dict(args.get("pod_annotations", {}))),
        "spec": without_empty(
            terminationGracePeriodSeconds=args.get("termination_grace_period_seconds", 30),
            serviceAccountName=args.get("service_account_name"),
            automountServiceAccountToken=args.get("automount_service_account_token", False),
            shareProcessNamespace=args.get("share_process_namespace"),
            hostAliases=[{"ip": ip, "hostnames": names} for ip, names in args.get("host_aliases", {}).items()],
            enableServiceLinks=args.get("enable_service_links", False),
            securityContext=pod_security_context(args.get("security", {}), has_volumes=bool(args["volumes"])),
            nodeSelector=dict(args.get("node_selector", {})),
            tolerations=[
                pick(
                    each,
                    key="key",
                    operator="operator",
                    value="value",
                    effect="effect",
                    tolerationSeconds="toleration_seconds",
                )
                for each in args.get("tolerations", [])
            ],
            affinity=args.get("affinity"),
            priorityClassName=args.get("priority_class_name"),
            topologySpreadConstraints=topology_spread(
                shared.service_selector, args.get("spread_over_nodes", spread), args.get("spread_over_zones", spread)
            ),
            imagePullSecrets=[{"name": name} for name in args.get("image_pull_secrets", [])],
            initContainers=init_containers(shared, args),
            containers=[container(shared, network, args)],
            volumes=[
                *map(_scratch_volume, args.get("scratch_volumes", [])),
                *map(projected_volume, args.get("projected_volumes", [])),
                *file_volumes(shared, args.get("config_files", {}), args.get("secret_files", {})),
            ],
        ),
    }
    return strategic_merge(template, args.get("pod_template", {}))


def _scratch_volume(volume: ScratchVolumeArgs) -> KubernetesObject:
    medium = (
        apply_inputs(lambda in_memory: "Memory" if in_memory else "", volume["in_memory"])
        if "in_memory" in volume
        else None
    )
    # An emptyDir says something also when it is empty.
    return {"name": volume["name"], "emptyDir": without_empty(medium=medium, sizeLimit=volume.get("size_limit"))}
