"""PostgreSQL: the first instance is the primary, the others are standbys that replay what it writes."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService

config = pulumi.Config()
cluster = kubernetes.Provider("cluster", context=config.require("context"))
postgresql = StatefulService(
    "postgresql",
    {
        "image": config.require("image"),
        "command": ["sh", "/scripts/start.sh"],
        "namespace": config.require("namespace"),
        "replicas": config.require_int("replicas"),
        "ports": {"client": 5432},
        "discovery": {},
        # A new database is made once: not where a disk is lost later.
        "form_cluster": {
            "command": ["touch", "/var/lib/postgresql/data/form"],
            "check": ["test", "-s", "/var/lib/postgresql/data/pgdata/PG_VERSION"],
        },
        "config_files": {"/scripts/start.sh": Path("start.sh").read_text()},
        "secret_env": {"PGPASSWORD": config.require_secret("password")},
        "env": {
            "PATH": f"{config.require('binaries')}:/usr/bin:/bin",
            # Below the mount: the image declares a volume there, and without the mount its data would go with the Pod.
            "PGDATA": "/var/lib/postgresql/data/pgdata",
            "MAX_CONNECTIONS": config.require("maxConnections"),
            # With standbys, a commit waits until one of them has it.
            "SYNCHRONOUS_STANDBYS": "ANY 1 (*)" if config.require_int("replicas") > 1 else "",
        },
        "readiness_probe": {"exec": {"command": ["pg_isready", "--quiet", "--host=/tmp"]}, "period_seconds": 2},
        # The first start of a standby copies the primary's data.
        "startup_probe": {
            "exec": {"command": ["pg_isready", "--quiet", "--host=/tmp"]},
            "period_seconds": 1,
            "failure_threshold": 3600,
        },
        "rollout_timeout_seconds": 600,
        # A fast shutdown: what clients have committed is on the standbys before the primary ends.
        "lifecycle": {"pre_stop": {"exec": {"command": ["pg_ctl", "stop", "--mode=fast", "--timeout=25"]}}},
        # The image has to know its user: initdb looks up the name.
        "security": {"run_as_user": config.require_int("user")},
        "quorum": True,
        "volumes": [{"name": "data", "mount_path": "/var/lib/postgresql/data", "size": config.require("size")}],
        # Writers go to the primary, readers to any server.
        "client_services": {"postgresql-primary": {"selector": {"apps.kubernetes.io/pod-index": "0"}}},
        "load_balancer": {"name": "postgresql-read"},
    },
    pulumi.ResourceOptions(provider=cluster),
)

pulumi.export("primary", postgresql.client_service_addresses["postgresql-primary"])
pulumi.export("read", postgresql.load_balancer_address)
