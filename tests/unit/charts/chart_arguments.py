"""The charts' StatefulSets as arguments of the component: typed ones alone, none of ``pod_template``."""

from typing import cast

from pulumi_stateful_service import ContainerArgs, ProbeArgs, ResourcesArgs, StatefulServiceArgs, VolumeArgs

TEMPORARY, SHARED_MEMORY = "/tmp", "/dev/shm"  # noqa: S108 - in the container


def _data(name: str, mount_path: str, size: str) -> VolumeArgs:
    return {"name": name, "mount_path": mount_path, "size": size}


def _ready(command: list[str], **settings: int) -> ProbeArgs:
    return cast("ProbeArgs", {"exec": {"command": command}, **settings})


CASSANDRA: StatefulServiceArgs = {
    "image": "gcr.io/google-samples/cassandra:v13",
    "image_pull_policy": "Always",
    "replicas": 3,
    "ports": {"intra-node": 7000, "tls-intra-node": 7001, "jmx": 7199, "cql": 9042},
    "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}},
    "security": {"standard": "privileged", "add_capabilities": ["IPC_LOCK"]},
    "lifecycle": {"pre_stop": {"exec": {"command": ["/bin/sh", "-c", "nodetool drain"]}}},
    "termination_grace_period_seconds": 500,
    "discovery": {},
    "env": {
        "MAX_HEAP_SIZE": "512M",
        "HEAP_NEWSIZE": "100M",
        "CASSANDRA_SEEDS": "cassandra-0.cassandra.default.svc.cluster.local",
        "CASSANDRA_CLUSTER_NAME": "K8Demo",
        "CASSANDRA_DC": "DC1-K8Demo",
        "CASSANDRA_RACK": "Rack1-K8Demo",
    },
    "readiness_probe": _ready(["/bin/bash", "-c", "/ready-probe.sh"], initial_delay_seconds=15, timeout_seconds=5),
    "storage_class_name": "fast",
    "volumes": [_data("cassandra-data", "/cassandra_data", "1Gi")],
}

_ZOOKEEPER_READY = _ready(["sh", "-c", "zookeeper-ready 2181"], initial_delay_seconds=10, timeout_seconds=5)
ZOOKEEPER: StatefulServiceArgs = {
    "name": "zk",
    "service_name": "zk-hs",
    "image": "registry.k8s.io/kubernetes-zookeeper:1.0-3.4.10",
    "image_pull_policy": "Always",
    "command": ["sh", "-c", "start-zookeeper --servers=3"],
    "replicas": 3,
    "update_strategy": "RollingUpdate",
    "pod_management_policy": "OrderedReady",
    "ports": {"client": 2181, "server": 2888, "leader-election": 3888},
    "load_balancer": {"name": "zk-cs", "ports": {"client": 2181}},
    "disruption_budget": {"max_unavailable": 1},
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {
                    "labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["zk"]}]},
                    "topologyKey": "kubernetes.io/hostname",
                }
            ]
        }
    },
    "resources": {"requests": {"memory": "1Gi", "cpu": "0.5"}},
    "security": {"run_as_user": 1000, "fs_group": 1000},
    "readiness_probe": _ZOOKEEPER_READY,
    "liveness_probe": _ZOOKEEPER_READY,
    "volumes": [_data("datadir", "/var/lib/zookeeper", "10Gi")],
}

_XTRABACKUP = "gcr.io/google-samples/xtrabackup:1.0"
_SCRIPT = ["bash", "-c", "the script"]
MYSQL: StatefulServiceArgs = {
    "image": "mysql:5.7",
    "replicas": 3,
    "ports": {"mysql": 3306},
    "env": {"MYSQL_ALLOW_EMPTY_PASSWORD": "1"},
    "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
    "security": {"standard": "baseline"},
    "init_containers": [
        {
            "name": "init-mysql",
            "command": _SCRIPT,
            "mounts": [
                {"volume": "conf", "mount_path": "/mnt/conf.d"},
                {"volume": "config-map", "mount_path": "/mnt/config-map"},
            ],
        },
        {
            "name": "clone-mysql",
            "image": _XTRABACKUP,
            "command": _SCRIPT,
            "mounts": [
                {"volume": "data", "mount_path": "/var/lib/mysql", "sub_path": "mysql"},
                {"volume": "conf", "mount_path": "/etc/mysql/conf.d"},
            ],
        },
    ],
    "sidecars": [
        {
            "name": "xtrabackup",
            "image": _XTRABACKUP,
            "command": _SCRIPT,
            "ports": {"xtrabackup": 3307},
            "mounts": [
                {"volume": "data", "mount_path": "/var/lib/mysql", "sub_path": "mysql"},
                {"volume": "conf", "mount_path": "/etc/mysql/conf.d"},
            ],
            "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}},
        }
    ],
    "liveness_probe": _ready(["mysqladmin", "ping"], initial_delay_seconds=30, timeout_seconds=5),
    "readiness_probe": _ready(
        ["mysql", "-h", "127.0.0.1", "-e", "SELECT 1"], initial_delay_seconds=5, period_seconds=2
    ),
    "scratch_volumes": [{"name": "conf", "mount_path": "/etc/mysql/conf.d"}],
    "projected_volumes": [{"name": "config-map", "sources": [{"config_map": "mysql"}]}],
    "volumes": [{"name": "data", "mount_path": "/var/lib/mysql", "sub_path": "mysql", "size": "10Gi"}],
}

COCKROACHDB: StatefulServiceArgs = {
    "image": "cockroachdb/cockroach:v24.1.3",
    "image_pull_policy": "IfNotPresent",
    "command": ["/bin/bash", "-ecx", "exec /cockroach/cockroach start --insecure"],
    "replicas": 3,
    "pod_management_policy": "Parallel",
    "update_strategy": "RollingUpdate",
    "ports": {"grpc": 26257, "http": 8080},
    "publish_not_ready_addresses": True,
    "governing_service": {"annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}},
    "load_balancer": {"name": "cockroachdb-public"},
    "disruption_budget": {"max_unavailable": 1},
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {
                        "labelSelector": {
                            "matchExpressions": [{"key": "app", "operator": "In", "values": ["cockroachdb"]}]
                        },
                        "topologyKey": "kubernetes.io/hostname",
                    },
                }
            ]
        }
    },
    "termination_grace_period_seconds": 60,
    "resources": {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"cpu": "2", "memory": "8Gi"}},
    "security": {"standard": "baseline"},
    "env": {"COCKROACH_CHANNEL": "kubernetes-insecure"},
    "env_from_resources": {
        "GOMAXPROCS": {"resource": "limits.cpu", "divisor": "1"},
        "MEMORY_LIMIT_MIB": {"resource": "limits.memory", "divisor": "1Mi"},
    },
    "readiness_probe": {
        "http_get": {"path": "/health?ready=1", "port": "http"},
        "initial_delay_seconds": 10,
        "period_seconds": 5,
        "failure_threshold": 2,
    },
    "volumes": [_data("datadir", "/cockroach/cockroach-data", "100Gi")],
}

VAULT: StatefulServiceArgs = {
    "image": "hashicorp/vault:1.20.4",
    "image_pull_policy": "IfNotPresent",
    "service_name": "vault-internal",
    "command": ["/bin/sh", "-ec"],
    "args": ["exec vault server -config=/tmp/storageconfig.hcl"],
    "replicas": 3,
    "pod_management_policy": "Parallel",
    "update_strategy": "OnDelete",
    "publish_not_ready_addresses": True,
    "ports": {"http": 8200, "https-internal": 8201, "http-rep": 8202},
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {
                    "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "vault", "component": "server"}},
                    "topologyKey": "kubernetes.io/hostname",
                }
            ]
        }
    },
    "termination_grace_period_seconds": 10,
    "service_account_name": "vault",
    "automount_service_account_token": True,
    "security": {"run_as_user": 100, "run_as_group": 1000, "fs_group": 1000},
    "discovery": {},
    "env": {
        "VAULT_K8S_POD_NAME": "$(POD_NAME)",
        "VAULT_K8S_NAMESPACE": "$(POD_NAMESPACE)",
        "VAULT_ADDR": "http://127.0.0.1:8200",
        "VAULT_API_ADDR": "http://$(POD_IP):8200",
        "SKIP_CHOWN": "true",
        "SKIP_SETCAP": "true",
        "HOSTNAME": "$(POD_NAME)",
        "VAULT_CLUSTER_ADDR": "https://$(HOSTNAME).vault-internal:8201",
        "VAULT_RAFT_NODE_ID": "$(POD_NAME)",
        "HOME": "/home/vault",
    },
    "readiness_probe": _ready(
        ["/bin/sh", "-ec", "vault status -tls-skip-verify"],
        failure_threshold=2,
        initial_delay_seconds=5,
        period_seconds=5,
        timeout_seconds=3,
    ),
    "lifecycle": {
        "pre_stop": {"exec": {"command": ["/bin/sh", "-c", "sleep 5 && kill -SIGTERM $(pidof vault)"]}},
    },
    "scratch_volumes": [{"name": "home", "mount_path": "/home/vault"}],
    "projected_volumes": [
        {"name": "config", "mount_path": "/vault/config", "sources": [{"config_map": "vault-config"}]}
    ],
    "volumes": [_data("data", "/vault/data", "10Gi")],
}

NATS: StatefulServiceArgs = {
    "image": "nats:2.12.1-alpine",
    "service_name": "nats-headless",
    "args": ["--config", "/etc/nats-config/nats.conf"],
    "replicas": 3,
    "pod_management_policy": "Parallel",
    "publish_not_ready_addresses": True,
    "ports": {"nats": 4222, "cluster": 6222, "monitor": 8222},
    "share_process_namespace": True,
    "security": {"standard": "baseline"},
    "discovery": {},
    "env": {"SERVER_NAME": "$(POD_NAME)"},
    "sidecars": [
        {
            "name": "reloader",
            "image": "natsio/nats-server-config-reloader:0.20.1",
            "args": ["-pid", "/var/run/nats/nats.pid", "-config", "/etc/nats-config/nats.conf"],
            "mounts": [
                {"volume": "pid", "mount_path": "/var/run/nats"},
                {"volume": "config", "mount_path": "/etc/nats-config"},
            ],
        }
    ],
    "lifecycle": {"pre_stop": {"exec": {"command": ["nats-server", "-sl=ldm=/var/run/nats/nats.pid"]}}},
    "startup_probe": {
        "http_get": {"path": "/healthz", "port": "monitor"},
        "initial_delay_seconds": 10,
        "timeout_seconds": 5,
        "failure_threshold": 90,
    },
    "readiness_probe": {
        "http_get": {"path": "/healthz?js-server-only=true", "port": "monitor"},
        "initial_delay_seconds": 10,
        "timeout_seconds": 5,
    },
    "liveness_probe": {
        "http_get": {"path": "/healthz?js-enabled-only=true", "port": "monitor"},
        "initial_delay_seconds": 10,
        "timeout_seconds": 5,
        "period_seconds": 30,
    },
    "scratch_volumes": [{"name": "pid", "mount_path": "/var/run/nats"}],
    # The side-car has the server read its new text: no rollout.
    "projected_volumes": [
        {"name": "config", "mount_path": "/etc/nats-config", "sources": [{"config_map": "nats-config"}]}
    ],
    "volumes": [_data("nats-js", "/data/jetstream", "10Gi")],
}


def _spread(component: str) -> dict[str, object]:
    """Bitnami's way of preferring different nodes."""
    term = {
        "labelSelector": {"matchLabels": {"app.kubernetes.io/component": component}},
        "topologyKey": "kubernetes.io/hostname",
    }
    preferred = [{"weight": 1, "podAffinityTerm": term}]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


KAFKA: StatefulServiceArgs = {
    "name": "kafka-controller",
    "image": "docker.io/bitnami/kafka:3.9.0",
    "image_pull_policy": "IfNotPresent",
    "service_name": "kafka-controller-headless",
    "replicas": 3,
    "pod_management_policy": "Parallel",
    "update_strategy": "RollingUpdate",
    "pod_annotations": {"checksum/configuration": "the digest"},
    "enable_service_links": True,
    "service_account_name": "kafka",
    "affinity": _spread("controller-eligible"),
    "security": {"run_as_user": 1001, "run_as_group": 1001, "fs_group": 1001, "read_only_root_filesystem": True},
    "ports": {"controller": 9093, "client": 9092, "interbroker": 9094},
    "discovery": {},
    "env": {"BITNAMI_DEBUG": "false", "KAFKA_HEAP_OPTS": "-Xmx1024m -Xms1024m"},
    "env_from_secrets": {
        "KAFKA_KRAFT_CLUSTER_ID": {"name": "kafka-kraft-cluster-id", "key": "kraft-cluster-id"},
        "KAFKA_CLIENT_PASSWORDS": {"name": "kafka-user-passwords", "key": "client-passwords"},
    },
    "init_containers": [
        {
            "name": "kafka-init",
            "command": ["/bin/bash"],
            "args": ["-ec", "/scripts/kafka-init.sh"],
            "instance_env": True,
            "env": {"MY_POD_NAME": "$(POD_NAME)", "KAFKA_VOLUME_DIR": "/bitnami/kafka", "KAFKA_MIN_ID": "0"},
            "mounts": [
                {"volume": "data", "mount_path": "/bitnami/kafka"},
                {"volume": "kafka-config", "mount_path": "/config"},
                {"volume": "kafka-configmaps", "mount_path": "/configmaps"},
                {"volume": "kafka-secret-config", "mount_path": "/secret-config"},
                {"volume": "scripts", "mount_path": "/scripts"},
                {"volume": "tmp", "mount_path": TEMPORARY},
            ],
        }
    ],
    "liveness_probe": {
        "tcp_socket": {"port": "controller"},
        "initial_delay_seconds": 10,
        "timeout_seconds": 5,
    },
    "readiness_probe": {
        "tcp_socket": {"port": "controller"},
        "failure_threshold": 6,
        "initial_delay_seconds": 5,
        "timeout_seconds": 5,
    },
    "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"cpu": "750m", "memory": "768Mi"}},
    "scratch_volumes": [
        {"name": "kafka-secret-config"},
        {
            "name": "kafka-config",
            "mount_path": "/opt/bitnami/kafka/config/server.properties",
            "sub_path": "server.properties",
        },
        {"name": "tmp", "mount_path": TEMPORARY},
        {"name": "logs", "mount_path": "/opt/bitnami/kafka/logs"},
    ],
    "projected_volumes": [
        {"name": "kafka-configmaps", "sources": [{"config_map": "kafka-controller-configuration"}]},
        {"name": "scripts", "mode": "0755", "sources": [{"config_map": "kafka-scripts"}]},
    ],
    "volumes": [_data("data", "/bitnami/kafka", "8Gi")],
}

_IS_READY = 'exec pg_isready -U "postgres" -h 127.0.0.1 -p 5432'
_BITNAMI_RESOURCES: ResourcesArgs = {
    "limits": {"cpu": "150m", "ephemeral-storage": "2Gi", "memory": "192Mi"},
    "requests": {"cpu": "100m", "ephemeral-storage": "50Mi", "memory": "128Mi"},
}
POSTGRESQL: StatefulServiceArgs = {
    "image": "docker.io/bitnami/postgresql:16.3.0",
    "image_pull_policy": "IfNotPresent",
    "service_name": "postgresql-hl",
    "replicas": 1,
    "update_strategy": "RollingUpdate",
    "service_account_name": "postgresql",
    "affinity": _spread("primary"),
    "security": {"run_as_user": 1001, "run_as_group": 1001, "fs_group": 1001, "read_only_root_filesystem": True},
    "ports": {"tcp-postgresql": 5432},
    "env": {
        "BITNAMI_DEBUG": "false",
        "POSTGRESQL_PORT_NUMBER": "5432",
        "POSTGRESQL_VOLUME_DIR": "/bitnami/postgresql",
        "PGDATA": "/bitnami/postgresql/data",
        "POSTGRESQL_ENABLE_LDAP": "no",
        "POSTGRESQL_ENABLE_TLS": "no",
        "POSTGRESQL_LOG_HOSTNAME": "false",
        "POSTGRESQL_CLIENT_MIN_MESSAGES": "error",
        "POSTGRESQL_SHARED_PRELOAD_LIBRARIES": "pgaudit",
    },
    "env_from_secrets": {"POSTGRES_PASSWORD": {"name": "postgresql", "key": "postgres-password"}},
    "liveness_probe": _ready(
        ["/bin/sh", "-c", _IS_READY], failure_threshold=6, initial_delay_seconds=30, timeout_seconds=5
    ),
    "readiness_probe": _ready(
        ["/bin/sh", "-c", "-e", _IS_READY], failure_threshold=6, initial_delay_seconds=5, timeout_seconds=5
    ),
    "resources": _BITNAMI_RESOURCES,
    "scratch_volumes": [
        {
            "name": "empty-dir",
            "mount_path": TEMPORARY,
            "sub_path": "tmp-dir",
            "mounts": [
                {"mount_path": "/opt/bitnami/postgresql/conf", "sub_path": "app-conf-dir"},
                {"mount_path": "/opt/bitnami/postgresql/tmp", "sub_path": "app-tmp-dir"},
            ],
        },
        {"name": "dshm", "mount_path": SHARED_MEMORY, "in_memory": True},
    ],
    "volumes": [_data("data", "/bitnami/postgresql", "8Gi")],
}

_METRICS: ContainerArgs = {
    "name": "metrics",
    "image": "docker.io/bitnami/redis-exporter:1.66.0",
    "command": ["/bin/bash", "-c", "redis_exporter"],
    "instance_env": True,
    "env": {
        "REDIS_ALIAS": "redis",
        "REDIS_EXPORTER_WEB_LISTEN_ADDRESS": ":9121",
        "REDIS_USER": "default",
    },
    "ports": {"metrics": 9121},
    "liveness_probe": {
        "tcp_socket": {"port": "metrics"},
        "failure_threshold": 5,
        "initial_delay_seconds": 10,
        "timeout_seconds": 5,
    },
    "readiness_probe": {"http_get": {"path": "/", "port": "metrics"}, "initial_delay_seconds": 5},
    "mounts": [{"volume": "empty-dir", "mount_path": TEMPORARY, "sub_path": "tmp-dir"}],
}
REDIS: StatefulServiceArgs = {
    "name": "redis-replicas",
    "image": "docker.io/bitnami/redis:7.4.1",
    "image_pull_policy": "IfNotPresent",
    "service_name": "redis-headless",
    "command": ["/bin/bash"],
    "args": ["-c", "/opt/bitnami/scripts/start-scripts/start-replica.sh"],
    "replicas": 3,
    "update_strategy": "RollingUpdate",
    "pod_management_policy": "OrderedReady",
    "service_account_name": "redis-replica",
    "enable_service_links": True,
    "affinity": _spread("replica"),
    "security": {"run_as_user": 1001, "run_as_group": 1001, "fs_group": 1001, "read_only_root_filesystem": True},
    "ports": {"redis": 6379},
    "env": {
        "BITNAMI_DEBUG": "false",
        "REDIS_REPLICATION_MODE": "replica",
        "REDIS_MASTER_HOST": "redis-master-0.redis-headless.default.svc.cluster.local",
        "REDIS_MASTER_PORT_NUMBER": "6379",
        "ALLOW_EMPTY_PASSWORD": "no",
        "REDIS_TLS_ENABLED": "no",
        "REDIS_PORT": "6379",
    },
    "env_from_secrets": {
        "REDIS_PASSWORD": {"name": "redis", "key": "redis-password"},
        "REDIS_MASTER_PASSWORD": {"name": "redis", "key": "redis-password"},
    },
    "sidecars": [_METRICS],
    "startup_probe": {
        "tcp_socket": {"port": "redis"},
        "failure_threshold": 22,
        "initial_delay_seconds": 10,
        "timeout_seconds": 5,
    },
    "liveness_probe": _ready(
        ["sh", "-c", "/health/ping_liveness_local_and_master.sh 5"],
        failure_threshold=5,
        initial_delay_seconds=20,
        period_seconds=5,
        timeout_seconds=6,
    ),
    "readiness_probe": _ready(
        ["sh", "-c", "/health/ping_readiness_local_and_master.sh 1"],
        failure_threshold=5,
        initial_delay_seconds=20,
        period_seconds=5,
        timeout_seconds=2,
    ),
    "resources": _BITNAMI_RESOURCES,
    "scratch_volumes": [
        {
            "name": "empty-dir",
            "mount_path": TEMPORARY,
            "sub_path": "tmp-dir",
            "mounts": [{"mount_path": "/opt/bitnami/redis/etc", "sub_path": "app-conf-dir"}],
        }
    ],
    "projected_volumes": [
        {
            "name": "start-scripts",
            "mount_path": "/opt/bitnami/scripts/start-scripts",
            "mode": "0755",
            "sources": [{"config_map": "redis-scripts"}],
        },
        {"name": "health", "mount_path": "/health", "mode": "0755", "sources": [{"config_map": "redis-health"}]},
        {
            "name": "config",
            "mount_path": "/opt/bitnami/redis/mounted-etc",
            "sources": [{"config_map": "redis-configuration"}],
        },
    ],
    "volumes": [_data("redis-data", "/data", "8Gi")],
}

SERVICES: dict[str, StatefulServiceArgs] = {
    "cassandra": CASSANDRA,
    "zookeeper": ZOOKEEPER,
    "mysql": MYSQL,
    "cockroachdb": COCKROACHDB,
    "vault": VAULT,
    "nats": NATS,
    "kafka": KAFKA,
    "postgresql": POSTGRESQL,
    "redis": REDIS,
}
