"""Strongbox, a server in the manner of Vault: initialised from outside, and sealed until it is given its keys."""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService

config = pulumi.Config()
cluster = kubernetes.Provider("cluster", context=config.require("context"))
KEYS = "strongbox-keys"

strongbox = StatefulService(
    "strongbox",
    {
        "image": config.require("image"),
        "command": ["sh", "/scripts/start.sh"],
        "namespace": config.require("namespace"),
        "replicas": config.require_int("replicas"),
        "ports": {"api": 8200},
        # No server is ready before it is initialised: all must run for that, and find each other.
        "pod_management_policy": "Parallel",
        "publish_not_ready_addresses": True,
        "discovery": {},
        # What it prints, the keys, is printed once, and goes to a Secret.
        "form_cluster": {
            "command": ["sh", "/scripts/form.sh"],
            "check": ["sh", "-c", "strongbox status localhost | grep '\"initialised\":true'"],
            "secret_name": KEYS,
        },
        "config_files": {f"/scripts/{name}": Path(name).read_text() for name in ("start.sh", "form.sh")},
        "projected_volumes": [
            {
                "name": "keys",
                "mount_path": "/keys",
                "mode": "0440",
                "sources": [{"secret": KEYS, "items": {"output": "output"}, "optional": True}],
            }
        ],
        "env": {
            "NAME": "$(POD_NAME)",
            "DATA": "/data",
            "FIRST_SERVERS": "strongbox-0 strongbox-1 strongbox-2",
            "WRITE_TIMEOUT": config.require("writeTimeout") + "s",
            "KEYS_FILE": "/keys/output" if config.require_bool("autoUnseal") else "",
        },
        # A sealed server is not ready, so that a rolling update does not seal the next one.
        "readiness_probe": {"http_get": {"path": "/v1/health", "port": "api"}, "period_seconds": 1},
        "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
        "quorum": True,
        "volumes": [{"name": "data", "mount_path": "/data", "size": config.require("size")}],
        "load_balancer": {"name": "strongbox-client", "ports": {"api": 8200}},
        "client_services": {"strongbox-primary": {"selector": {"apps.kubernetes.io/pod-index": "0"}}},
    },
    pulumi.ResourceOptions(provider=cluster),
)

pulumi.export("service", strongbox.service_address)
