"""Redis on instances with stable names, each with a disk of its own."""

import pulumi
from pulumi_stateful_service import StatefulService

config = pulumi.Config()

cache = StatefulService(
    "cache",
    {
        "image": config.require("image"),
        # As in the official image, Redis accepts clients from other Pods, without a password.
        "command": ["redis-server", "--dir", "/data", "--appendonly", "yes", "--protected-mode", "no"],
        "replicas": config.require_int("replicas"),
        "ports": {"client": 6379},
        "readiness_probe": {"exec": {"command": ["redis-cli", "-e", "ping"]}},
        "security": {"run_as_user": 999},
        "volumes": [{"name": "data", "mount_path": "/data", "size": config.require("size")}],
    },
)

pulumi.export("service", cache.service_address)
pulumi.export("instances", cache.instances)
