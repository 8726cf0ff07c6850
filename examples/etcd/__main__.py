"""A cluster of etcd members, built with nothing but the component's arguments."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_stateful_service import StatefulService, StatefulServiceArgs

CLIENT, PEER, METRICS = 2379, 2380, 2381

config = pulumi.Config()
joining = config.require_int("joining")

args: StatefulServiceArgs = {
    "image": config.require("image"),
    "command": ["etcd"],
    "namespace": config.require("namespace"),
    "replicas": config.require_int("replicas"),
    "ports": {"client": CLIENT, "peer": PEER, "metrics": METRICS},
    # A member alone never becomes ready: all start at once, and find each other before they are ready.
    "pod_management_policy": "Parallel",
    "publish_not_ready_addresses": True,
    "quorum": True,
    "security": {"run_as_user": 65532, "read_only_root_filesystem": True},
    "discovery": {"peers": {"ETCD_INITIAL_CLUSTER": f"{{pod}}=http://{{address}}:{PEER}"}},
    "env": {
        "ETCD_NAME": "$(POD_NAME)",
        # etcd wants a folder of mode 0700, which the disk's own is not.
        "ETCD_DATA_DIR": "/var/lib/etcd/data",
        "ETCD_LISTEN_PEER_URLS": f"http://0.0.0.0:{PEER}",
        "ETCD_LISTEN_CLIENT_URLS": f"http://0.0.0.0:{CLIENT}",
        "ETCD_LISTEN_METRICS_URLS": f"http://0.0.0.0:{METRICS}",
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": f"http://$(POD_ADDRESS):{PEER}",
        "ETCD_ADVERTISE_CLIENT_URLS": f"http://$(POD_ADDRESS):{CLIENT}",
        "ETCD_INITIAL_CLUSTER_TOKEN": "$(SERVICE_ADDRESS)",
        "ETCD_INITIAL_CLUSTER_STATE": "existing" if joining else "new",
        "ETCD_AUTO_COMPACTION_RETENTION": config.require("retention"),
    },
    # A learner is ready once it has caught up, so that it can be promoted.
    "readiness_probe": {
        "http_get": {"path": "/readyz?exclude=non_learner", "port": "metrics"},
        "period_seconds": 1,
        "timeout_seconds": 5,
    },
    "liveness_probe": {
        "http_get": {"path": "/livez", "port": "metrics"},
        "failure_threshold": 8,
        "timeout_seconds": 15,
    },
    # Opening a large database takes time.
    "startup_probe": {"http_get": {"path": "/livez", "port": "metrics"}, "period_seconds": 1, "failure_threshold": 300},
    "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}},
    "volumes": [{"name": "data", "mount_path": "/var/lib/etcd", "size": config.require("size")}],
}
if joining:
    args["partition"] = joining
else:
    # One election for each update, not one for each member.
    args["leader_last"] = {
        "http_get": {"path": "/metrics", "port": "metrics"},
        "contains": "etcd_server_is_leader 1\n",
    }

cluster = kubernetes.Provider("cluster", context=config.require("context"))
etcd = StatefulService("etcd", args, pulumi.ResourceOptions(provider=cluster))

pulumi.export("namespace", etcd.namespace)
pulumi.export("service", etcd.service_address)
pulumi.export(
    "endpoints",
    etcd.instances.apply(lambda members: ",".join(f"http://{member['address']}:{CLIENT}" for member in members)),
)
