"""A Redis Cluster: each server holds a share of the keys, which moves when servers join and leave."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import MemberCommandArgs, StatefulService

SCRIPTS = {f"/scripts/{name}.sh": Path(f"{name}.sh").read_text() for name in ("start", "form", "join", "leave")}

config = pulumi.Config()
cluster = kubernetes.Provider("cluster", context=config.require("context"))


def script(name: str) -> MemberCommandArgs:
    """A command that runs a script for one server. It moves keys, which takes as long as there are keys."""
    return {"command": ["sh", f"/scripts/{name}.sh", "{address}"], "timeout_seconds": 3600}


redis = StatefulService(
    "redis",
    {
        "image": config.require("image"),
        "command": ["sh", "/scripts/start.sh"],
        "namespace": config.require("namespace"),
        "replicas": config.require_int("replicas"),
        "ports": {"client": 6379, "bus": 16379},
        "publish_not_ready_addresses": True,
        "discovery": {},
        "form_cluster": {
            "command": ["sh", "/scripts/form.sh"],
            "check": ["sh", "-c", "redis-cli cluster info | grep cluster_slots_assigned:16384"],
            "timeout_seconds": 300,
        },
        "members": {"join": script("join"), "leave": script("leave")},
        "config_files": SCRIPTS,
        "env": {"FIRST_SERVERS": "redis-0 redis-1 redis-2", "MAX_CLIENTS": config.require("maxClients")},
        # The others must know a server that was replaced by its new address before the next one is.
        "readiness_probe": {"exec": {"command": ["redis-cli", "ping"]}, "period_seconds": 1},
        "min_ready_seconds": 3,
        "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
        "quorum": True,
        "volumes": [{"name": "data", "mount_path": "/data", "size": config.require("size")}],
    },
    pulumi.ResourceOptions(provider=cluster),
)

pulumi.export("service", redis.service_address)
