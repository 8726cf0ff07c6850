"""A cluster of etcd members, built with nothing but the component's arguments."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import MemberCommandArgs, StatefulService, StatefulServiceArgs

CLIENT, PEER, METRICS = 2379, 2380, 2381
SCRIPTS = {f"/scripts/{name}.sh": Path(f"{name}.sh").read_text() for name in ("start", "add", "join", "leave")}

config = pulumi.Config()


def script(name: str) -> MemberCommandArgs:
    """A command that runs a script for one member."""
    return {"command": ["sh", f"/scripts/{name}.sh", "{pod}", "{address}"]}


args: StatefulServiceArgs = {
    "image": config.require("image"),
    "command": ["sh", "/scripts/start.sh"],
    "namespace": config.require("namespace"),
    "replicas": config.require_int("replicas"),
    "ports": {"client": CLIENT, "peer": PEER, "metrics": METRICS},
    # A member alone never becomes ready: the first ones start at once, and find each other before they are ready.
    "pod_management_policy": "Parallel",
    "publish_not_ready_addresses": True,
    "quorum": True,
    "members": {"add": script("add"), "join": script("join"), "leave": script("leave")},
    "config_files": SCRIPTS,
    "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
    "discovery": {},
    "env": {
        # The members that form the cluster. Others join it.
        "FIRST_MEMBERS": "etcd-0 etcd-1 etcd-2",
        "ETCDCTL_ENDPOINTS": f"http://$(SERVICE_ADDRESS):{CLIENT}",
        "ETCD_NAME": "$(POD_NAME)",
        # etcd wants a folder of mode 0700, which the disk's own is not.
        "ETCD_DATA_DIR": "/var/lib/etcd/data",
        "ETCD_LISTEN_PEER_URLS": f"http://0.0.0.0:{PEER}",
        "ETCD_LISTEN_CLIENT_URLS": f"http://0.0.0.0:{CLIENT}",
        "ETCD_LISTEN_METRICS_URLS": f"http://0.0.0.0:{METRICS}",
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": f"http://$(POD_ADDRESS):{PEER}",
        "ETCD_ADVERTISE_CLIENT_URLS": f"http://$(POD_ADDRESS):{CLIENT}",
        "ETCD_INITIAL_CLUSTER_TOKEN": "$(SERVICE_ADDRESS)",
        "ETCD_AUTO_COMPACTION_RETENTION": config.require("retention"),
    },
    # A learner is ready once it has caught up, so that it can be promoted.
    "readiness_probe": {
        "http_get": {"path": "/readyz?exclude=non_learner", "port": "metrics"},
        "period_seconds": 1,
        "timeout_seconds": 5,
    },
    "liveness_probe": {
        "http_get": {"path": "/livez", "port": "metrics"},
        "failure_threshold": 8,
        "timeout_seconds": 15,
    },
    # Opening a large database takes time.
    "startup_probe": {"http_get": {"path": "/livez", "port": "metrics"}, "period_seconds": 1, "failure_threshold": 300},
    # One election for each update, not one for each member.
    "leader_last": {
        "http_get": {"path": "/metrics", "port": "metrics"},
        "contains": "etcd_server_is_leader 1\n",
    },
    "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}},
    "volumes": [{"name": "data", "mount_path": "/var/lib/etcd", "size": config.require("size")}],
}
if storage_class := config.get("storageClass"):
    args["storage_class_name"] = storage_class
if new_disks := config.get("newDisks"):
    args["recreate_keeping_pods"] = True
    args["recreate_claims"] = {"ordinals": [int(ordinal) for ordinal in new_disks.split(",")]}

cluster = kubernetes.Provider("cluster", context=config.require("context"))
etcd = StatefulService("etcd", args, pulumi.ResourceOptions(provider=cluster))

pulumi.export("namespace", etcd.namespace)
pulumi.export("service", etcd.service_address)
pulumi.export(
    "endpoints",
    etcd.instances.apply(lambda members: ",".join(f"http://{member['address']}:{CLIENT}" for member in members)),
)
