"""RabbitMQ: a cluster whose quorum queues have a replica on each server."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService, StatefulServiceArgs

SCRIPTS = ("start", "stop", "leave", "remove", "alive", "recover")
config = pulumi.Config()
cluster = kubernetes.Provider("cluster", context=config.require("context"))
namespace = config.require("namespace")
settings = Path("rabbitmq.conf").read_text()
settings = settings.replace("$ADDRESS", f"rabbitmq.{namespace}.svc.cluster.local")
settings = settings.replace("$MEMORY_SHARE", config.require("memoryShare"))
args: StatefulServiceArgs = {
    "image": config.require("image"),
    "command": ["sh", "/scripts/start.sh"],
    "namespace": namespace,
    "replicas": config.require_int("replicas"),
    "ports": {"amqp": 5672, "epmd": 4369, "peer": 25672},
    # After a stop of all, a server waits for the others: they must start together.
    "pod_management_policy": "Parallel",
    "publish_not_ready_addresses": True,
    "quorum": True,
    "members": {
        "join": {"command": ["rabbitmq-queues", "grow", "rabbit@{address}", "all"], "timeout_seconds": 3600},
        "leave": {"command": ["sh", "/scripts/leave.sh", "rabbit@{address}"], "timeout_seconds": 3600},
        "remove": {"command": ["sh", "/scripts/remove.sh", "rabbit@{address}"]},
    },
    "config_files": {
        "/etc/rabbitmq/rabbitmq.conf": settings,
        **{f"/scripts/{name}.sh": Path(f"{name}.sh").read_text() for name in SCRIPTS},
    },
    "discovery": {},
    "env": {
        "RABBITMQ_NODENAME": "rabbit@$(POD_ADDRESS)",
        "RABBITMQ_USE_LONGNAME": "true",
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_LOG_BASE": "/tmp",
        "HOME": "/tmp",
    },
    "secret_env": {
        "RABBITMQ_ERLANG_COOKIE": config.require_secret("cookie"),
        "RABBITMQ_DEFAULT_USER": "app",
        "RABBITMQ_DEFAULT_PASS": config.require_secret("password"),
    },
    "readiness_probe": {"tcp_socket": {"port": "amqp"}, "period_seconds": 2},
    "liveness_probe": {
        "exec": {"command": ["sh", "/scripts/alive.sh"]},
        "period_seconds": 60,
        "timeout_seconds": 30,
        "failure_threshold": 2,
    },
    "lifecycle": {"pre_stop": {"exec": {"command": ["sh", "/scripts/stop.sh"]}}},
    "termination_grace_period_seconds": 180,
    "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
    "scratch_volumes": [{"name": "tmp", "mount_path": "/tmp"}],
    "volumes": [{"name": "data", "mount_path": "/var/lib/rabbitmq", "size": config.require("size")}],
    "load_balancer": {"name": "rabbitmq-client", "ports": {"amqp": 5672}},
}
# A server whose disk is lost gets an empty one.
if rebuild := config.get_object("rebuild"):
    args["rebuild"] = rebuild
# After a crash of all in which one has lost its disk, a server starts without waiting for that one.
if request := config.get("recover"):
    args["recover"] = {
        "request": request,
        "ordinal": config.require_int("recoverFrom"),
        "command": ["sh", "/scripts/recover.sh"],
    }
rabbitmq = StatefulService("rabbitmq", args, pulumi.ResourceOptions(provider=cluster))
pulumi.export("client", rabbitmq.load_balancer_address)
