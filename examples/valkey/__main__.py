"""Valkey with Sentinel: a primary, its replicas, and Sentinels that agree on who is the primary."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import ContainerMountArgs, StatefulService

FILES = ("start.sh", "primary.sh", "stop.sh", "join.sh", "leave.sh", "sentinels.sh", "sentinel.conf")
FOLDERS: list[ContainerMountArgs] = [{"volume": name, "mount_path": f"/{name}"} for name in ("data", "tmp")]
SCRIPTS: list[ContainerMountArgs] = [
    {"volume": "config-files", "mount_path": f"/scripts/{name}", "sub_path": f"scripts.{name}"} for name in FILES
]
config = pulumi.Config()
cluster = kubernetes.Provider("cluster", context=config.require("context"))
valkey = StatefulService(
    "valkey",
    {
        "image": config.require("image"),
        "command": ["sh", "/scripts/start.sh", "server"],
        "namespace": config.require("namespace"),
        "replicas": config.require_int("replicas"),
        "ports": {"client": 6379},
        "sidecars": [
            {
                "name": "sentinel",
                "command": ["sh", "/scripts/start.sh", "sentinel"],
                "ports": {"sentinel": 26379},
                "instance_env": True,
                "mounts": [*FOLDERS, *SCRIPTS],
            }
        ],
        # After a stop of all the primary may be any of them, and replicas are ready when they have found it.
        "pod_management_policy": "Parallel",
        "publish_not_ready_addresses": True,
        "discovery": {},
        # The first instance is the primary at the very beginning; afterwards the Sentinels decide.
        "form_cluster": {"command": ["touch", "/data/first"], "check": ["sh", "-c", "[ -e /data/first ]"]},
        "members": {
            "join": {"command": ["sh", "/scripts/join.sh", "{address}"], "timeout_seconds": 300},
            "leave": {"command": ["sh", "/scripts/leave.sh", "{address}"], "timeout_seconds": 300},
        },
        "leader_last": {"exec": {"command": ["valkey-cli", "role"]}, "contains": "master"},
        "lifecycle": {"pre_stop": {"exec": {"command": ["sh", "/scripts/stop.sh"]}}},
        "config_files": {f"/scripts/{name}": Path(name).read_text() for name in FILES},
        "env": {"MAX_CLIENTS": config.require("maxClients")},
        "readiness_probe": {
            "exec": {"command": ["sh", "-c", "valkey-cli info replication | grep -E 'role:master|link_status:up'"]},
            "period_seconds": 1,
        },
        "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
        "quorum": True,
        "scratch_volumes": [{"name": "tmp", "mount_path": "/tmp"}],
        "volumes": [{"name": "data", "mount_path": "/data", "size": config.require("size")}],
    },
    pulumi.ResourceOptions(provider=cluster),
)

pulumi.export("service", valkey.service_address)
