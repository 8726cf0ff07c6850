"""A MariaDB Galera Cluster: servers that all take writes, and have each of them before it is acknowledged."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import ExecArgs, StatefulService, StatefulServiceArgs

FILES = ("galera.cnf", "start.sh", "form.sh", "stop.sh", "recover.sh")
# Fails where a server is not, or not yet, in step with a majority of the others.
QUERY: ExecArgs = {"command": ["mariadb", "--execute=DO (SELECT count(*) FROM mysql.global_priv)"]}
config = pulumi.Config()
args: StatefulServiceArgs = {
    "image": config.require("image"),
    "command": ["sh", "/scripts/start.sh"],
    "namespace": config.require("namespace"),
    "replicas": config.require_int("replicas"),
    "ports": {"client": 3306, "group": 4567, "changes": 4568, "copies": 4444},
    # After a stop of all, the others wait for the one that stopped last: they must start together.
    "pod_management_policy": "Parallel",
    "publish_not_ready_addresses": True,
    "form_cluster": {
        "command": ["sh", "/scripts/form.sh"],
        "check": ["grep", "uuid: *[1-9a-f]", "/var/lib/mysql/data/grastate.dat"],
        "timeout_seconds": 300,
    },
    "config_files": {f"/scripts/{name}": Path(name).read_text() for name in FILES},
    "discovery": {},
    "env": {
        "FIRST_SERVERS": "galera-0 galera-1 galera-2",
        "MAX_CONNECTIONS": config.require("maxConnections"),
        "MYSQL_UNIX_PORT": "/tmp/mariadb.sock",
        "USER": "root",
    },
    "secret_env": {"MYSQL_PWD": config.require_secret("password")},
    "readiness_probe": {"exec": QUERY, "period_seconds": 1, "timeout_seconds": 5},
    # A server without data copies those of another.
    "startup_probe": {"exec": QUERY, "period_seconds": 1, "timeout_seconds": 5, "failure_threshold": 3600},
    "rollout_timeout_seconds": 3600,
    "lifecycle": {"pre_stop": {"exec": {"command": ["sh", "/scripts/stop.sh"]}}},
    # A large buffer pool is written before a server ends.
    "termination_grace_period_seconds": 120,
    "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
    "scratch_volumes": [{"name": "tmp", "mount_path": "/tmp"}],
    "quorum": True,
    "volumes": [{"name": "data", "mount_path": "/var/lib/mysql", "size": config.require("size")}],
    "load_balancer": {"name": "galera-client", "ports": {"client": 3306}},
}
# After a crash of all that do not find each other again: the server with the latest transaction starts first.
if request := config.get("recover"):
    args["recover"] = {
        "request": request,
        "compare": {"command": ["cut", "--delimiter=:", "--fields=2", "/tmp/position"]},
        "command": ["sh", "/scripts/recover.sh"],
    }
cluster = kubernetes.Provider("cluster", context=config.require("context"))
galera = StatefulService("galera", args, pulumi.ResourceOptions(provider=cluster))
pulumi.export("client", galera.load_balancer_address)
