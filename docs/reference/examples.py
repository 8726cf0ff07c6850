"""The examples of the reference page, by theme and by type; other languages get the same ones."""

from collections.abc import Mapping
from typing import Any

from docs.reference.languages import Secret

_DB: Mapping[str, Any] = {"image": "postgres:17"}
_DATA: Mapping[str, Any] = {"name": "data", "mount_path": "/var/lib/postgresql/data", "size": "10Gi"}
_SNAPSHOT: Mapping[str, Any] = {
    "api_group": "snapshot.storage.k8s.io",
    "kind": "VolumeSnapshot",
    "name": "data-db-0-monday",
}

THEMES: Mapping[str, Mapping[str, Any]] = {
    "Most used": {
        "image": "postgres:17",
        "replicas": 3,
        "ports": {"client": 5432},
        "volumes": [_DATA],
        "env": {"PGDATA": "/var/lib/postgresql/data/17"},
    },
    "Pods": {
        **_DB,
        "namespace": "databases",
        "pod_management_policy": "Parallel",
        "args": ["-c", "config_file=/etc/postgresql/postgresql.conf"],
        "secret_env": {"POSTGRES_PASSWORD": Secret("password")},
        "config_files": {"/etc/postgresql/postgresql.conf": "max_connections = 200\n"},
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "readiness_probe": {"exec": {"command": ["pg_isready"]}, "period_seconds": 5},
        "node_selector": {"example.com/pool": "databases"},
        "termination_grace_period_seconds": 60,
        "pod_annotations": {"example.com/scrape": "true"},
        "pod_template": {"spec": {"runtimeClassName": "gvisor"}},
    },
    "Ports and clients": {
        **_DB,
        "replicas": 3,
        "ports": {"client": 5432, "metrics": 9187},
        "app_protocols": {"metrics": "http"},
        "service_name": "db-instances",
        "load_balancer": {"name": "db", "port": 5432, "target_port": "client"},
        "instance_services": {"ordinals": [0]},
        "publish_not_ready_addresses": True,
    },
    "Disks": {
        **_DB,
        "replicas": 3,
        "volumes": [{"name": "data", "mount_path": "/var/lib/postgresql/data"}],
        "volume_sizes": {"data": "100Gi"},
        "storage_class_name": "fast",
        "persistent_volume_claim_retention_policy": {"when_scaled": "Delete"},
        "scratch_volumes": [{"name": "run", "mount_path": "/var/run/postgresql", "in_memory": True}],
        "growth_timeout_seconds": 900,
    },
    "Rollout": {
        **_DB,
        "replicas": 5,
        "ports": {"client": 5432},
        "readiness_probe": {"tcp_socket": {"port": "client"}},
        "rollout": {
            "steps": [1, "50%"],
            "bake_seconds": 300,
            "checks": [{"exec": {"command": ["pg_isready"]}}],
            "on_failure": "RollBack",
        },
        "min_ready_seconds": 10,
        "rollout_timeout_seconds": 1200,
        "revision_history_limit": 5,
    },
    "Availability": {
        **_DB,
        "replicas": 3,
        "quorum": True,
        "spread_over_nodes": "DoNotSchedule",
        "spread_over_zones": "ScheduleAnyway",
    },
    "Groups": {
        "image": "elasticsearch:9.2.0",
        "ports": {"http": 9200},
        "volumes": [{"name": "data", "mount_path": "/usr/share/elasticsearch/data", "size": "100Gi"}],
        "groups": {
            "hot": {"replicas": 3, "volumes": {"data": {"storage_class_name": "fast"}}},
            "warm": {"replicas": 2, "volumes": {"data": {"size": "1Ti"}}},
        },
        "group_order": ["warm", "hot"],
    },
    "Security": {
        **_DB,
        "ports": {"client": 5432},
        "security": {"run_as_user": 999, "run_as_group": 999, "read_only_root_filesystem": True},
        "network_policy": {"clients": [{"pod_labels": {"app": "shop"}, "ports": ["client"]}]},
        "service_account_name": "db",
        "automount_service_account_token": True,
    },
    "Adoption": {
        **_DB,
        "name": "shop-postgresql",
        "service_name": "shop-postgresql-hl",
        "selector": {"app.kubernetes.io/name": "postgresql", "app.kubernetes.io/instance": "shop"},
        "adopt": True,
    },
}
"""By the heading of the theme."""

TYPES: Mapping[str, Mapping[str, Any]] = {
    "KeyRefArgs": {
        **_DB,
        "env_from_secrets": {"POSTGRES_PASSWORD": {"name": "db-admin", "key": "password"}},
        "env_from_config_maps": {"TZ": {"name": "site", "key": "timezone", "optional": True}},
    },
    "ResourceRefArgs": {
        **_DB,
        "resources": {"limits": {"memory": "1Gi"}},
        "env_from_resources": {"MEMORY_MIB": {"resource": "limits.memory", "divisor": "1Mi"}},
    },
    "EnvFromArgs": {
        **_DB,
        "env_from": [{"config_map": "site", "prefix": "SITE_"}, {"secret": "db-admin", "optional": True}],
    },
    "ResourcesArgs": {
        **_DB,
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    },
    "ResizePolicyArgs": {
        **_DB,
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "resize": "InPlace",
        "resize_policy": {"memory": "RestartContainer"},
    },
    "HttpGetArgs": {
        "image": "nats:2.12",
        "ports": {"client": 4222, "monitor": 8222},
        "readiness_probe": {
            "http_get": {
                "path": "/healthz",
                "port": "monitor",
                "scheme": "HTTP",
                "http_headers": {"X-Asked-By": "kubelet"},
            },
        },
    },
    "TcpSocketArgs": {
        **_DB,
        "ports": {"client": 5432},
        "readiness_probe": {"tcp_socket": {"port": "client"}},
    },
    "GrpcArgs": {
        "image": "example.com/ledger:1.4",
        "readiness_probe": {"grpc": {"port": 50051, "service": "ledger.v1.Ledger"}},
    },
    "ExecArgs": {**_DB, "readiness_probe": {"exec": {"command": ["pg_isready", "--username", "postgres"]}}},
    "ProbeArgs": {
        **_DB,
        "ports": {"client": 5432},
        "startup_probe": {"tcp_socket": {"port": "client"}, "period_seconds": 5, "failure_threshold": 60},
        "readiness_probe": {"exec": {"command": ["pg_isready"]}, "timeout_seconds": 5},
    },
    "LifecycleHandlerArgs": {**_DB, "lifecycle": {"pre_stop": {"sleep_seconds": 10}}},
    "LifecycleArgs": {
        "image": "rabbitmq:4",
        "lifecycle": {
            "post_start": {"exec": {"command": ["rabbitmqctl", "wait", "--timeout", "60"]}},
            "pre_stop": {"exec": {"command": ["rabbitmq-upgrade", "drain"]}},
        },
    },
    "ContainerMountArgs": {
        **_DB,
        "volumes": [_DATA],
        "sidecars": [
            {
                "name": "backup",
                "image": "example.com/backup:2.1",
                "mounts": [{"volume": "data", "mount_path": "/data", "sub_path": "17", "read_only": True}],
            }
        ],
    },
    "ContainerArgs": {
        **_DB,
        "sidecars": [
            {
                "name": "exporter",
                "image": "example.com/postgres-exporter:0.17",
                "args": ["--no-collector.wal"],
                "env": {"DATA_SOURCE_URI": "localhost:5432/postgres"},
                "ports": {"metrics": 9187},
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
                "readiness_probe": {"http_get": {"port": "metrics"}},
            }
        ],
        "init_containers": [
            {"name": "migrate", "command": ["/scripts/migrate.sh"], "instance_env": True},
        ],
    },
    "TolerationArgs": {
        **_DB,
        "tolerations": [
            {"key": "example.com/pool", "value": "databases", "effect": "NoSchedule"},
            {
                "key": "node.kubernetes.io/unreachable",
                "operator": "Exists",
                "effect": "NoExecute",
                "toleration_seconds": 60,
            },
        ],
    },
    "DataSourceArgs": {**_DB, "volumes": [{**_DATA, "data_source": _SNAPSHOT}]},
    "DataSourceRefArgs": {
        **_DB,
        "volumes": [
            {
                **_DATA,
                "data_source_ref": {"api_group": "example.com", "kind": "Dump", "name": "monday", "namespace": "dumps"},
            }
        ],
    },
    "SelectorRequirementArgs": {
        **_DB,
        "volumes": [
            {
                **_DATA,
                "storage_class_name": "",
                "selector_expressions": [{"key": "example.com/disk", "operator": "In", "values": ["nvme", "ssd"]}],
            }
        ],
    },
    "MountArgs": {
        **_DB,
        "volumes": [
            {
                **_DATA,
                "mounts": [{"mount_path": "/archive", "sub_path": "archive", "read_only": True}],
            }
        ],
    },
    "ScratchVolumeArgs": {
        **_DB,
        "scratch_volumes": [
            {"name": "cache", "mount_path": "/cache", "in_memory": True, "size_limit": "256Mi"},
        ],
    },
    "ServiceAccountTokenArgs": {
        **_DB,
        "projected_volumes": [
            {
                "name": "vault-token",
                "mount_path": "/var/run/secrets/vault",
                "sources": [
                    {"service_account_token": {"path": "token", "audience": "vault", "expiration_seconds": 7200}},
                ],
            }
        ],
    },
    "ProjectedSourceArgs": {
        **_DB,
        "projected_volumes": [
            {
                "name": "identity",
                "mount_path": "/etc/identity",
                "sources": [
                    {"secret": "db-tls", "items": {"tls.crt": "server.crt", "tls.key": "server.key"}},
                    {"config_map": "trusted-roots", "optional": True},
                    {"pod_fields": {"labels": "metadata.labels"}},
                ],
            }
        ],
    },
    "ProjectedVolumeArgs": {
        **_DB,
        "projected_volumes": [
            {"name": "tls", "mount_path": "/etc/tls", "mode": "0440", "sources": [{"secret": "db-tls"}]},
        ],
    },
    "VolumeArgs": {
        **_DB,
        "replicas": 3,
        "volumes": [
            {
                **_DATA,
                "storage_class_name": "fast",
                "volume_attributes_class_name": "gold",
                "labels": {"example.com/backup": "daily"},
            },
            {"name": "wal", "mount_path": "/wal", "size": "5Gi", "access_modes": ["ReadWriteOncePod"]},
        ],
    },
    "RestoredClaimArgs": {**_DB, "volumes": [_DATA], "restore": [{"ordinal": 0, "data_source": _SNAPSHOT}]},
    "QuiesceArgs": {
        **_DB,
        "volumes": [_DATA],
        "snapshots": {
            "quiesce": {
                "command": ["/scripts/freeze.sh", "{pod}"],
                "resume": ["/scripts/thaw.sh", "{pod}"],
                "timeout_seconds": 10,
            },
        },
    },
    "RestoreTestArgs": {
        **_DB,
        "volumes": [_DATA],
        "snapshots": {"restore_test": {"command": ["/scripts/check.sh", "/data"], "timeout_seconds": 900}},
    },
    "SnapshotsArgs": {
        **_DB,
        "volumes": [_DATA],
        "snapshots": {"class_name": "nightly", "before": ["Rollout", "ScaleDown"], "keep": 5},
    },
    "TopologyArgs": {
        **_DB,
        "volumes": [_DATA],
        "storage_class": {
            "provisioner": "ebs.csi.aws.com",
            "allowed_topologies": [
                {"key": "topology.kubernetes.io/zone", "values": ["eu-central-1a", "eu-central-1b"]},
            ],
        },
    },
    "StorageClassArgs": {
        **_DB,
        "volumes": [_DATA],
        "storage_class": {
            "name": "databases",
            "provisioner": "ebs.csi.aws.com",
            "parameters": {"type": "gp3", "encrypted": "true"},
            "reclaim_policy": "Retain",
        },
    },
    "ClaimRetentionPolicyArgs": {
        **_DB,
        "volumes": [_DATA],
        "persistent_volume_claim_retention_policy": {"when_deleted": "Retain", "when_scaled": "Delete"},
    },
    "LoadBalancerArgs": {
        **_DB,
        "ports": {"client": 5432},
        "load_balancer": {
            "type": "LoadBalancer",
            "ports": {"client": 5432},
            "load_balancer_source_ranges": ["10.0.0.0/8"],
            "external_traffic_policy": "Local",
            "annotations": {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"},
        },
    },
    "ClientServiceArgs": {
        **_DB,
        "ports": {"client": 5432},
        "client_services": {"db-primary": {"selector": {"role": "primary"}, "ports": {"client": 5432}}},
    },
    "InstanceServicesArgs": {
        **_DB,
        "replicas": 3,
        "ports": {"client": 5432},
        "instance_services": {
            "type": "LoadBalancer",
            "annotations": {"external-dns.alpha.kubernetes.io/hostname": "{pod}.example.com"},
        },
    },
    "GoverningServiceArgs": {
        **_DB,
        "governing_service": {
            "labels": {"example.com/scrape": "true"},
            "annotations": {"example.com/owner": "databases"},
        },
    },
    "DiscoveryArgs": {
        "image": "quay.io/coreos/etcd:v3.6.5",
        "replicas": 3,
        "ports": {"client": 2379, "peer": 2380},
        "publish_not_ready_addresses": True,
        "discovery": {"peers": {"ETCD_INITIAL_CLUSTER": "{pod}=http://{address}:2380"}, "peer_separator": ","},
        "env": {
            "ETCD_NAME": "$(POD_NAME)",
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": "http://$(POD_ADDRESS):2380",
        },
    },
    "SecurityArgs": {
        "image": "redis:8",
        "security": {
            "standard": "restricted",
            "run_as_user": 999,
            "run_as_group": 1000,
            "fs_group": 1000,
            "read_only_root_filesystem": True,
        },
    },
    "NetworkClientArgs": {
        **_DB,
        "ports": {"client": 5432, "metrics": 9187},
        "network_policy": {
            "clients": [
                {"namespace": "shop", "pod_labels": {"app": "shop"}, "ports": ["client"]},
                {"namespace_labels": {"team": "monitoring"}, "ports": ["metrics"]},
                {"cidr": "10.0.0.0/8", "ports": ["client"]},
            ],
        },
    },
    "PrometheusArgs": {
        **_DB,
        "replicas": 3,
        "rollout": {
            "steps": [1],
            "checks": [
                {
                    "prometheus": {
                        "url": "http://prometheus.example.com:9090",
                        "query": 'sum(rate(pg_stat_database_deadlocks{service="db"}[5m]))',
                        "at_most": 0.1,
                    },
                }
            ],
        },
    },
    "RolloutCheckArgs": {
        **_DB,
        "replicas": 3,
        "rollout": {
            "steps": [1],
            "bake_seconds": 60,
            "checks": [
                {
                    "name": "accepts connections",
                    "exec": {"command": ["pg_isready"]},
                    "period_seconds": 5,
                    "failure_threshold": 2,
                }
            ],
        },
    },
    "RolloutArgs": {
        **_DB,
        "replicas": 5,
        "rollout": {"steps": [1, "50%"], "bake_seconds": 300, "on_failure": "RollBack"},
    },
    "LeaderArgs": {
        "image": "redis:8",
        "replicas": 3,
        "leader_last": {
            "exec": {"command": ["redis-cli", "role"]},
            "contains": "master",
            "hand_over": {"command": ["redis-cli", "failover"]},
        },
    },
    "FormClusterArgs": {
        "image": "cockroachdb/cockroach:v24.1.0",
        "replicas": 3,
        "pod_management_policy": "Parallel",
        "publish_not_ready_addresses": True,
        "form_cluster": {
            "command": ["cockroach", "init", "--host={address}"],
            "check": ["cockroach", "node", "status", "--host={address}"],
            "timeout_seconds": 120,
        },
    },
    "RecoverArgs": {
        "image": "mariadb:11.8",
        "replicas": 3,
        "pod_management_policy": "Parallel",
        "publish_not_ready_addresses": True,
        "recover": {
            "request": "2026-11-30",
            "compare": {"command": ["sh", "/scripts/position.sh"]},
            "command": ["sh", "/scripts/start-alone.sh"],
        },
    },
    "RecoveryComparisonArgs": {
        "image": "mariadb:11.8",
        "replicas": 3,
        "pod_management_policy": "Parallel",
        "recover": {
            "request": "2026-11-30",
            "compare": {"command": ["sh", "/scripts/position.sh"], "ordinals": [0, 1]},
            "command": ["sh", "/scripts/start-alone.sh"],
        },
    },
    "MemberCommandArgs": {
        "image": "nats:2.12",
        "replicas": 3,
        "members": {
            "leave": {
                "command": ["/scripts/leave.sh", "{pod}", "{ordinal}", "{address}"],
                "run_in": "Peer",
                "timeout_seconds": 120,
            },
        },
    },
    "MembersArgs": {
        "image": "quay.io/coreos/etcd:v3.6.5",
        "replicas": 5,
        "members": {
            "add": {"command": ["etcdctl", "member", "add", "{pod}", "--peer-urls", "http://{address}:2380"]},
            "join": {"command": ["etcdctl", "endpoint", "health"], "run_in": "Instance"},
            "leave": {"command": ["/scripts/leave.sh", "{pod}"]},
            "remove": {"command": ["/scripts/remove.sh", "{pod}"]},
        },
    },
    "VersionCommandArgs": {
        **_DB,
        "volumes": [_DATA],
        "version": {"before": {"command": ["/scripts/may-upgrade.sh", "{image}"], "timeout_seconds": 300}},
    },
    "VersionArgs": {
        "image": "quay.io/coreos/etcd:v3.6.5",
        "volumes": [_DATA],
        "version": {"major_parts": 2, "max_majors": 1},
    },
    "RecreateClaimsArgs": {
        **_DB,
        "replicas": 3,
        "volumes": [{**_DATA, "storage_class_name": "fast"}],
        "recreate_claims": {"ordinals": [2, 1, 0], "reclaim_policy": "Retain"},
    },
    "RebuildArgs": {
        **_DB,
        "replicas": 3,
        "quorum": True,
        "volumes": [_DATA],
        "rebuild": [{"ordinal": 2, "volume_name": "pvc-1d9a7c52", "lost_node": "node-b", "reclaim_policy": "Retain"}],
    },
    "NetworkPolicyArgs": {
        **_DB,
        "ports": {"client": 5432},
        "network_policy": {"clients": [{"pod_labels": {"app": "shop"}}]},
    },
    "DisruptionBudgetArgs": {**_DB, "replicas": 3, "disruption_budget": {"max_unavailable": 1}},
    "GroupArgs": {
        "image": "etcd:3.7.3",
        "ports": {"client": 2379, "peer": 2380},
        "quorum": True,
        "groups": {"a": {"zone": "eu-1a"}, "b": {"zone": "eu-1b"}, "c": {"zone": "eu-1c"}},
    },
    "GroupVolumeArgs": {
        **_DB,
        "volumes": [_DATA],
        "groups": {"large": {"volumes": {"data": {"size": "1Ti", "storage_class_name": "fast"}}}, "small": {}},
    },
    "OrdinalsArgs": {**_DB, "replicas": 3, "ordinals": {"start": 1}},
}
"""By the name of the type."""
