"""Arguments that the campaigns of forecasts draw from."""

from collections.abc import Mapping
from typing import Any

from pulumi_stateful_service import ArgumentError, StatefulService
from pulumi_stateful_service.testing import deploy

ON_SIMULATED_NODES = {
    "nodeSelector": {"type": "kwok"},
    "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
}
ENVIRONMENT = {"A": "1", "B": "2"}
DATA = {"name": "data", "mount_path": "/data", "size": "10Mi"}
LOGS = {"name": "logs", "mount_path": "/logs", "size": "10Mi"}


def images(*, on_real_node: bool) -> list[str]:
    """Images that can start there."""
    return ["random-generator:1.0", "random-generator:2.0"] if on_real_node else ["rg:1", "rg:2", "rg:3"]


def choices(*, on_real_node: bool) -> Mapping[str, list[Any]]:
    """What each argument may be; None leaves it out."""
    known = images(on_real_node=on_real_node)
    return {
        "image": known,
        "replicas": [0, 1, 2, 3, 4],
        "env": [None, ENVIRONMENT, dict(reversed(ENVIRONMENT.items())), {"A": "1"}],
        "canary": [None, None, 0, 1, 2],
        "partition": [None, None, 1, 2],
        "update_strategy": [None, None, "RollingUpdate", "OnDelete"],
        "max_unavailable": [None, None, 1, 2, "50%"],
        "pod_management_policy": [None, "OrderedReady", "Parallel"],
        "recreate_keeping_pods": [None, True],
        "revision_history_limit": [None, 10, 5],
        "volumes": [
            [DATA],
            [{**DATA, "size": "20Mi"}],
            [{**DATA, "size": "10240Ki"}],
            [{**DATA, "labels": {"tier": "gold"}, "annotations": {"backup": "daily"}}],
            [{**DATA, "labels": {"tier": "silver"}}],
            [DATA, LOGS],
            [LOGS, DATA],
            [],
        ],
        "persistent_volume_claim_retention_policy": [None, {"when_scaled": "Delete"}, {"when_scaled": "Retain"}],
        "ordinals": [None, None, {"start": 0}, {"start": 1}],
        "min_ready_seconds": [None, 0, 1],
        "labels": [None, {"a": "b"}],
        "annotations": [None, {"a": "b"}],
        "pod_annotations": [None, {"a": "b", "c": "d"}, {"c": "d", "a": "b"}],
        "resources": [None, {"requests": {"cpu": "100m"}}, {"requests": {"cpu": "0.1"}}],
        "termination_grace_period_seconds": [None, 30, 5],
        "image_pull_policy": [None, "IfNotPresent"],
        "quorum": [None, True],
        "lifecycle": [None, {"pre_stop": {"sleep_seconds": 1}}],
        "enable_service_links": [None, False, True],
        "share_process_namespace": [None, False, True],
        "host_aliases": [None, {"192.0.2.1": ["backup"]}],
        "sidecars": [None, [{"name": "helper", "image": known[0], "env": {"PORT": "8090"}}]],
        "discovery": [None, {}, {"peers": {"PEERS": "{pod}"}}],
        # Running Pods would need the Secret, which a forecast that is only sent has not.
        "secret_files": [None] if on_real_node else [None, {"/etc/rg/key": "1"}, {"/etc/rg/key": "2"}],
    }


def completed(arguments: Mapping[str, Any], *, on_real_node: bool) -> dict[str, Any]:
    """The arguments of a service that these choices make, on simulated nodes or on the real one."""
    args = {key: value for key, value in arguments.items() if value is not None} | {"ports": {"http": 8080}}
    return args if on_real_node else {**args, "pod_template": {"spec": ON_SIMULATED_NODES}}


def stateful_set(name: str, arguments: Mapping[str, Any], *, on_real_node: bool) -> dict[str, Any] | None:
    """The StatefulSet of these arguments; None where they are refused."""
    args: Any = {**completed(arguments, on_real_node=on_real_node), "name": name}
    try:
        made = deploy(lambda: StatefulService("rg", args)).stateful_set()
    except ArgumentError:
        return None
    return {"metadata": dict(made.metadata), "spec": dict(made.spec)}
