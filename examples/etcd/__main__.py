"""A cluster of etcd members, built with nothing but the component's arguments."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import HttpGetArgs, MemberCommandArgs, StatefulService, StatefulServiceArgs

SCRIPTS = {f"/scripts/{name}.sh": Path(f"{name}.sh").read_text() for name in ("start", "add", "join", "leave")}

config = pulumi.Config()


def script(name: str) -> MemberCommandArgs:
    """A command that runs a script for one member."""
    return {"command": ["sh", f"/scripts/{name}.sh", "{pod}", "{address}"]}


def metrics(path: str) -> HttpGetArgs:
    """A request to the port that never wants a client's certificate."""
    return {"path": path, "port": "metrics"}


args: StatefulServiceArgs = {
    "image": config.require("image"),
    "command": ["sh", "/scripts/start.sh"],
    "namespace": config.require("namespace"),
    "ports": {"client": 2379, "peer": 2380, "metrics": 2381},
    # A member alone never becomes ready: the first ones start at once, and find each other before they are ready.
    "pod_management_policy": "Parallel",
    "publish_not_ready_addresses": True,
    "quorum": True,
    "members": {"add": script("add"), "join": script("join"), "leave": script("leave")},
    # One election for each update, not one for each member.
    "leader_last": {"http_get": metrics("/metrics"), "contains": "etcd_server_is_leader 1\n"},
    "config_files": SCRIPTS,
    # etcd's image has no shell, nor anything else that the scripts call.
    "init_containers": [
        {
            "name": "shell",
            "image": config.require("shellImage"),
            "command": ["sh", "-c", "for name in sh grep awk; do cp /bin/busybox /shell/$name; done"],
            "mounts": [{"volume": "shell", "mount_path": "/shell"}],
        }
    ],
    "scratch_volumes": [{"name": "shell", "mount_path": "/shell"}],
    "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
    "discovery": {},
    "env": {
        "PATH": "/usr/local/bin:/shell",
        "ETCDCTL_ENDPOINTS": "http://$(SERVICE_ADDRESS):2379",
        "FIRST_MEMBERS": config.require("firstMembers"),
        "ETCD_AUTO_COMPACTION_RETENTION": config.require("retention"),
    },
    # A learner is ready once it has caught up, so that it can be promoted. Opening a large database takes time.
    "readiness_probe": {"http_get": metrics("/readyz?exclude=non_learner"), "period_seconds": 1, "timeout_seconds": 5},
    "liveness_probe": {"http_get": metrics("/livez"), "failure_threshold": 8, "timeout_seconds": 15},
    "startup_probe": {"http_get": metrics("/livez"), "period_seconds": 1, "failure_threshold": 300},
    "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}},
    "volumes": [{"name": "data", "mount_path": "/var/lib/etcd", "size": config.require("size")}],
}
# Each group has a number of its own.
if groups := config.require_object("groups"):
    args["groups"] = groups
else:
    args["replicas"] = config.require_int("replicas")
if storage_class := config.get("storageClass"):
    args["storage_class_name"] = storage_class
if new_disks := config.get("newDisks"):
    args["recreate_keeping_pods"] = True
    args["recreate_claims"] = {"ordinals": [int(ordinal) for ordinal in new_disks.split(",")]}
if rebuild := config.get_object("rebuild"):
    args["rebuild"] = rebuild

cluster = kubernetes.Provider("cluster", context=config.require("context"))
etcd = StatefulService("etcd", args, pulumi.ResourceOptions(provider=cluster))

pulumi.export("service", etcd.service_address)
