"""NATS with JetStream: servers that keep each stream on three of them."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService, StatefulServiceArgs

config = pulumi.Config()
cluster = kubernetes.Provider("cluster", context=config.require("context"))
args: StatefulServiceArgs = {
    "image": config.require("image"),
    "command": ["nats-server", "--config", "/etc/nats/nats.conf"],
    "namespace": config.require("namespace"),
    "replicas": config.require_int("replicas"),
    "ports": {"client": 4222, "route": 6222, "monitor": 8222},
    # A server alone is not healthy: the first ones start at once, and find each other before they are ready.
    "pod_management_policy": "Parallel",
    "publish_not_ready_addresses": True,
    "quorum": True,
    "members": {
        "leave": {"command": ["sh", "/etc/nats/leave.sh", "{pod}"], "timeout_seconds": 600},
        # One that has lost its disk stays a member, which has no vote before it has caught up.
        "remove": {"command": ["sh", "-c", ":"]},
    },
    "config_files": {f"/etc/nats/{name}": Path(name).read_text() for name in ("nats.conf", "leave.sh")},
    # The image of the server has no command line tool.
    "init_containers": [
        {
            "name": "tool",
            "image": config.require("toolImage"),
            "command": ["sh", "-c", 'cp "$(command -v nats)" /tool/'],
            "mounts": [{"volume": "tool", "mount_path": "/tool"}],
        }
    ],
    "discovery": {},
    "secret_env": {"ADMIN_PASSWORD": config.require_secret("adminPassword")},
    "env": {"MAX_PAYLOAD": config.require("maxPayload")},
    # Healthy when its streams have caught up, so that the next server is not replaced before.
    "startup_probe": {
        "http_get": {"path": "/healthz", "port": "monitor"},
        "period_seconds": 1,
        "failure_threshold": 600,
    },
    "readiness_probe": {"http_get": {"path": "/healthz?js-server-only=true", "port": "monitor"}, "period_seconds": 2},
    # Where a disk is full, JetStream is off until the server starts again.
    "liveness_probe": {"http_get": {"path": "/healthz?js-enabled-only=true", "port": "monitor"}, "timeout_seconds": 5},
    # Hands its streams and clients over before it ends.
    "lifecycle": {"pre_stop": {"exec": {"command": ["nats-server", "--signal", "ldm=/tmp/nats.pid"]}}},
    "termination_grace_period_seconds": 60,
    "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
    "scratch_volumes": [{"name": "tmp", "mount_path": "/tmp"}, {"name": "tool", "mount_path": "/tool"}],
    "volumes": [{"name": "data", "mount_path": "/data", "size": config.require("size")}],
    "load_balancer": {"name": "nats-client", "ports": {"client": 4222}},
}
# A server whose disk is lost gets an empty one.
if rebuild := config.get_object("rebuild"):
    args["rebuild"] = rebuild
nats = StatefulService("nats", args, pulumi.ResourceOptions(provider=cluster))
pulumi.export("client", nats.load_balancer_address)
