"""Kafka in KRaft mode: controllers that agree on who does what, and brokers that keep the messages, as two groups."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService

SCRIPTS = {f"/scripts/{name}.sh": Path(f"{name}.sh").read_text() for name in ("start", "stop", "leave")}

config = pulumi.Config()
cluster = kubernetes.Provider("cluster", context=config.require("context"))
kafka = StatefulService(
    "kafka",
    {
        "image": config.require("image"),
        "command": ["sh", "/scripts/start.sh"],
        "namespace": config.require("namespace"),
        # Of the quorum in controllers, for clients in brokers: one number, so that one probe fits both.
        "ports": {"kafka": 9092},
        "groups": {
            "controllers": {"replicas": 3, "volumes": {"data": {"size": "1Gi"}}},
            "brokers": {"replicas": config.require_int("replicas")},
        },
        "group_order": ["controllers", "brokers"],
        # One away at a time: two of three brokers have each message, and two of three controllers agree.
        "disruption_budget": {"max_unavailable": 1},
        "pod_management_policy": "Parallel",
        "publish_not_ready_addresses": True,
        "discovery": {},
        "members": {"leave": {"command": ["sh", "/scripts/leave.sh", "{pod}", "{ordinal}"], "timeout_seconds": 3600}},
        "config_files": {"/etc/kafka/server.properties": Path("server.properties").read_text(), **SCRIPTS},
        "env": {
            "CLASSPATH": "/opt/kafka/libs/*",
            "JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=40",
            "LOG4J_LEVEL": "WARN",
            "CLUSTER_ID": config.require("clusterId"),
            "MAX_BYTES": config.require("maxBytes"),
        },
        "readiness_probe": {"tcp_socket": {"port": "kafka"}, "period_seconds": 2},
        # After a crash a broker reads its logs before it opens its port.
        "startup_probe": {"tcp_socket": {"port": "kafka"}, "period_seconds": 1, "failure_threshold": 1800},
        "rollout_timeout_seconds": 600,
        "lifecycle": {"pre_stop": {"exec": {"command": ["sh", "/scripts/stop.sh"]}}},
        # When all are destroyed, brokers wait for controllers that are gone, until this is over.
        "termination_grace_period_seconds": 60,
        "resources": {"requests": {"cpu": "100m", "memory": "384Mi"}, "limits": {"memory": "1Gi"}},
        "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
        "scratch_volumes": [{"name": "tmp", "mount_path": "/tmp"}],
        "volumes": [{"name": "data", "mount_path": "/data", "size": config.require("size")}],
        # Clients begin with any broker, and are led to the others by their names.
        "client_services": {"kafka-client": {"selector": {"pulumi-stateful-service/group": "brokers"}}},
    },
    pulumi.ResourceOptions(provider=cluster),
)

pulumi.export("client", kafka.client_service_addresses["kafka-client"])
