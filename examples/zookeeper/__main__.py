"""ZooKeeper: servers that agree on who belongs to them, and are added and removed while they run."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import MemberCommandArgs, StatefulService

SCRIPTS = {f"/scripts/{name}.sh": Path(f"{name}.sh").read_text() for name in ("start", "member", "mode")}

config = pulumi.Config()
cluster = kubernetes.Provider("cluster", context=config.require("context"))


def member(action: str) -> MemberCommandArgs:
    """A command that adds or removes a server."""
    return {"command": ["sh", "/scripts/member.sh", action, "{ordinal}", "{address}"], "timeout_seconds": 300}


zookeeper = StatefulService(
    "zookeeper",
    {
        "image": config.require("image"),
        "command": ["sh", "/scripts/start.sh"],
        "namespace": config.require("namespace"),
        "replicas": config.require_int("replicas"),
        "ports": {"client": 2181, "peer": 2888, "election": 3888},
        # A server alone serves nobody: the first ones start at once, and find each other before they are ready.
        "pod_management_policy": "Parallel",
        "publish_not_ready_addresses": True,
        "quorum": True,
        "members": {"join": member("add"), "leave": member("remove")},
        "leader_last": {"exec": {"command": ["sh", "/scripts/mode.sh"]}, "contains": "leader"},
        "config_files": {"/etc/zookeeper/zoo.cfg": Path("zoo.cfg").read_text(), **SCRIPTS},
        "discovery": {},
        "env": {
            # ZooKeeper is in the image's working directory, whose name has the version; in /conf is what it logs.
            "CLASSPATH": "/conf:lib/*",
            "JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=50",
            "MAX_CONNECTIONS": config.require("maxConnections"),
        },
        "readiness_probe": {
            "exec": {"command": ["sh", "/scripts/mode.sh"]},
            "period_seconds": 2,
            "timeout_seconds": 5,
        },
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
        "scratch_volumes": [{"name": "tmp", "mount_path": "/tmp"}],
        "volumes": [{"name": "data", "mount_path": "/data", "size": config.require("size")}],
        "load_balancer": {"name": "zookeeper-client", "ports": {"client": 2181}},
    },
    pulumi.ResourceOptions(provider=cluster),
)

pulumi.export("client", zookeeper.load_balancer_address)
