"""One service with two tiers: hot instances with fast disks, and warm ones with large disks."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService

config = pulumi.Config()
cluster = kubernetes.Provider("cluster", context=config.require("context"))
tiers = StatefulService(
    "tiers",
    {
        "image": config.require("image"),
        "namespace": config.require("namespace"),
        "ports": {"http": 8080},
        "quorum": True,
        "discovery": {},
        "env": {"LOG_FILE": "/data/random.log"},
        "readiness_probe": {"http_get": {"path": "/ready", "port": "http"}, "period_seconds": 1},
        "volumes": [{"name": "data", "mount_path": "/data", "size": "10Mi"}],
        "groups": {
            "hot": {
                "replicas": config.require_int("hotReplicas"),
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                "volumes": {"data": {"storage_class_name": config.require("hotStorageClass")}},
            },
            "warm": {
                "replicas": config.require_int("warmReplicas"),
                "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
                "volumes": {"data": {"size": "50Mi", "storage_class_name": config.require("warmStorageClass")}},
            },
        },
        # A new version meets the tier first that fewer clients ask.
        "group_order": ["warm", "hot"],
        # Clients that write ask the hot tier alone. The load balancer has all instances.
        "client_services": {"tiers-hot": {"selector": {"pulumi-stateful-service/group": "hot"}}},
        "load_balancer": {"port": 80},
    },
    pulumi.ResourceOptions(provider=cluster),
)

pulumi.export("instances", tiers.instances)
pulumi.export("all", tiers.load_balancer_address)
