"""Every mistake gets one message that names the argument, its value and what is allowed."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_stateful_service import ArgumentError, StatefulService, StatefulServiceArgs
from pulumi_stateful_service.testing import Deployment, deploy

Chapter = Callable[..., Deployment]
ZONE = {"key": "topology.kubernetes.io/zone", "values": ["a"]}
VOLUME = {"name": "logs", "mount_path": "/opt/logs", "size": "10Mi"}

MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"replicas": -1}, "replicas is -1; it must be a whole number from 0"),
    ({"host_aliases": {"db": ["a"]}}, "a key of host_aliases is 'db'; it must be an IP address"),
    ({"host_aliases": {"::1": ["A"]}}, "host_aliases['::1'][0] is 'A'; it must be a DNS subdomain"),
    ({"host_aliases": {"::1": []}}, "host_aliases['::1'] is []; it must not be empty"),
    (
        {"governing_service": {"labels": {"app.kubernetes.io/name": "a"}}},
        "governing_service.labels['app.kubernetes.io/name'] cannot be set: the selector uses this label",
    ),
    ({"replicas": 1.5}, "replicas is 1.5; it must be a whole number"),
    ({"replicas": "3"}, "replicas is '3'; it must be a whole number"),
    ({"replicas": True}, "replicas is True; it must be a whole number"),
    (
        {"volumes": [{**VOLUME, "size": "ten"}]},
        "volumes[0].size is 'ten'; it must be a Kubernetes quantity greater than zero",
    ),
    (
        {"volumes": [{**VOLUME, "size": "0Gi"}]},
        "volumes[0].size is '0Gi'; it must be a Kubernetes quantity greater than zero",
    ),
    ({"volumes": [{**VOLUME, "size": 10}]}, "volumes[0].size is 10; it must be a string"),
    (
        {"volumes": [{"name": "logs", "mount_path": "/a"}]},
        "volumes[0].size is required, or a size for 'logs' in volume_siz",
    ),
    (
        {"volumes": [VOLUME], "volume_sizes": {"logs": "1Gi"}},
        "volumes[0].size and volume_sizes['logs'] are mutually exclusive",
    ),
    ({"volumes": [], "snapshots": {}}, "snapshots requires volumes"),
    (
        {"volumes": [VOLUME], "restore": [{"ordinal": 0, "snapshot": "a"}], "rollout": {"steps": [1]}},
        "restore[0].snapshot and rollout are mutually exclusive",
    ),
    (
        {"volumes": [VOLUME], "restore": [{"ordinal": 0, "snapshot": "a"}], "members": {"join": {"command": ["a"]}}},
        "restore[0].snapshot and members are mutually exclusive",
    ),
    (
        {"volumes": [VOLUME], "snapshots": {"volumes": ["log"]}},
        "snapshots.volumes[0] is 'log'; it must be one of logs",
    ),
    (
        {"form_cluster": {"command": ["a"], "check": ["a"], "output": ["a"]}},
        "form_cluster.output requires form_cluster.secret_name",
    ),
    ({"form_cluster": {"command": ["a"]}}, "form_cluster.check is required"),
    ({"recover": {"request": "a", "command": ["a"]}}, "recover requires exactly one of ordinal, compare"),
    (
        {"recover": {"request": "a", "command": ["a"], "ordinal": 0, "compare": {"command": ["a"]}}},
        "recover requires exactly one of ordinal, compare",
    ),
    ({"recover": {"request": "A!", "command": ["a"], "ordinal": 0}}, "recover.request is 'A!'; it must be a DNS sub"),
    ({"recover": {"request": "a", "command": [], "ordinal": 0}}, "recover.command is []; it must not be empty"),
    (
        {"recover": {"request": "a", "command": ["a"], "ordinal": -1}},
        "recover.ordinal is -1; it must be a whole number",
    ),
    (
        {"recover": {"request": "a", "command": ["a"], "compare": {"command": ["a"], "ordinals": [1, 1]}}},
        "recover.compare.ordinals is [1, 1]; it must not be empty or contain duplicates",
    ),
    (
        {"recover": {"request": "a", "command": ["a"], "ordinal": 0}, "wait_for": "Created"},
        "recover requires wait_for Ready or Running",
    ),
    ({"form_cluster": {"command": [], "check": ["a"]}}, "form_cluster.command is []; it must not be empty"),
    ({"form_cluster": {"command": ["a"], "check": ["a"], "secret_name": "A"}}, "form_cluster.secret_name is 'A'; it m"),
    (
        {"form_cluster": {"command": ["a"], "check": ["a"]}, "wait_for": "Created"},
        "form_cluster requires wait_for Ready or Running",
    ),
    ({"volumes": [], "version": {}}, "version requires volumes"),
    (
        {"volumes": [VOLUME], "version": {"number": "latest"}},
        "version.number is 'latest'; it must begin with a version, such as '16.4' or '17-rc1'",
    ),
    ({"volumes": [VOLUME], "version": {"max_majors": 0}}, "version.max_majors is 0; it must be a whole number from 1"),
    ({"volumes": [VOLUME], "version": {"major_parts": 3}}, "version.major_parts is 3; it must be"),
    ({"volumes": [VOLUME], "version": {"downgrade": "Yes"}}, "version.downgrade is 'Yes'; it must be one of Refuse"),
    ({"volumes": [VOLUME], "version": {"before": {"command": []}}}, "version.before.command is []; it must not be em"),
    ({"volumes": [VOLUME], "snapshots": {"keep": 0}}, "snapshots.keep is 0; it must be a whole number from 1"),
    ({"volumes": [VOLUME], "snapshots": {"before": []}}, "snapshots.before is []; it must not be empty"),
    (
        {"volumes": [VOLUME], "snapshots": {"before": ["Destroy"]}},
        "snapshots.before[0] is 'Destroy'; it must be one of Rollout, ClaimChange, ScaleDown: Pulumi runs no program",
    ),
    ({"volumes": [VOLUME], "snapshots": {"quiesce": {"command": ["a"]}}}, "snapshots.quiesce.resume is required"),
    (
        {"volumes": [VOLUME], "restore": [{"snapshot": "a"}]},
        "restore[0].ordinal must be set, unless snapshot is BeforeLastRollout",
    ),
    (
        {"volumes": [VOLUME], "restore": [{"ordinal": 0, "snapshot": "a"}, {"snapshot": "BeforeLastRollout"}]},
        "restore[1] has no ordinal, so it is for all instances, and must be the only item of restore",
    ),
    (
        {"volumes": [VOLUME], "restore": [{"ordinal": 0, "snapshot": "BeforeLastrollout"}]},
        "restore[0].snapshot is 'BeforeLastrollout'; it must be BeforeLastRollout or a name. A name must be a DNS",
    ),
    (
        {"volumes": [], "restore": [{"snapshot": "BeforeLastRollout"}]},
        "restore[0].volume must be set, because volumes has 0",
    ),
    (
        {"volumes": [VOLUME], "snapshots": {"class_name": "a", "group_class_name": "b"}},
        "snapshots.class_name and snapshots.group_class_name are mutually exclusive",
    ),
    (
        {"volumes": [VOLUME], "restore": [{"ordinal": 0}]},
        "restore[0] requires exactly one of volume_name, data_source, data_source_ref, snapshot",
    ),
    (
        {"volumes": [VOLUME], "restore": [{"ordinal": 0, "volume": "log", "volume_name": "a"}]},
        "restore[0].volume is 'log'; it must be one of logs",
    ),
    (
        {"volumes": [], "restore": [{"ordinal": 0, "volume": "log", "volume_name": "a"}]},
        "restore[0].volume is 'log'; it must be one of volumes, of which there are none",
    ),
    (
        {"volumes": [], "restore": [{"ordinal": 0, "volume_name": "a"}]},
        "restore[0].volume must be set, because volumes has 0",
    ),
    (
        {"volumes": [VOLUME], "restore": [{"ordinal": 0, "volume_name": "a"}, {"ordinal": 0, "volume_name": "b"}]},
        "restore has 2 items with volume and ordinal 'logs of ordinal 0'",
    ),
    (
        {"volumes": [VOLUME], "volume_sizes": {"log": "1Gi"}},
        "volume_sizes has 'log', which is not the name of a volume; there are: logs",
    ),
    (
        {"volumes": [VOLUME], "scratch_volumes": [{"name": "logs", "mount_path": "/scratch"}]},
        "volumes, scratch_volumes and projected_volumes has 2 items with name 'logs'",
    ),
    (
        {"projected_volumes": [{"name": "tls", "mount_path": "/tls", "sources": []}]},
        "projected_volumes[0].sources is []; it must not be empty",
    ),
    (
        {"projected_volumes": [{"name": "tls", "mount_path": "/tls", "sources": [{"secret": "a", "config_map": "b"}]}]},
        "projected_volumes[0].sources[0] requires exactly one of secret, config_map, service_account_token, pod_fields",
    ),
    (
        {
            "projected_volumes": [
                {"name": "t", "mount_path": "/t", "sources": [{"pod_fields": {"a": "metadata.name"}, "optional": True}]}
            ]
        },
        "projected_volumes[0].sources[0].optional requires secret or config_map",
    ),
    (
        {"projected_volumes": [{"name": "t", "mount_path": "/t", "sources": [{"secret": "a"}], "mode": "0999"}]},
        "projected_volumes[0].mode is '0999'; it must be three or four octal digits, such as 0440",
    ),
    (
        {"projected_volumes": [{"name": "t", "mount_path": "/t", "sources": [{"secret": "a", "items": {"k": "/x"}}]}]},
        "projected_volumes[0].sources[0].items['k'] is '/x'; it must be a relative path without '..'",
    ),
    (
        {"env_from_resources": {"LIMIT": {"resource": "memory"}}},
        "env_from_resources['LIMIT'].resource is 'memory'; it must be limits or requests, '.', and cpu, memory, ",
    ),
    (
        {"env_from_resources": {"LIMIT": {"resource": "limits.memory", "divisor": "10Gi"}}},
        "env_from_resources['LIMIT'].divisor is '10Gi'; it must be 1, 1m, 1k, 1M and so on, or 1Ki, 1Mi and so on",
    ),
    (
        {"env_from_resources": {"LIMIT": {"resource": "limits.cpu", "divisor": "1Mi"}}},
        "env_from_resources['LIMIT'].divisor is '1Mi'; it must be 1 or 1m for processors",
    ),
    (
        {"env": {"LIMIT": "1"}, "env_from_resources": {"LIMIT": {"resource": "limits.memory"}}},
        "env_from_resources['LIMIT'] is set by env too; an environment variable has one source",
    ),
    (
        {"volumes": [VOLUME], "scratch_volumes": [{"name": "tmp", "mount_path": "/opt/logs"}]},
        "volumes has 2 items with mount_path '/opt/logs'",
    ),
    (
        {"volumes": [VOLUME | {"mounts": [{"mount_path": "/b", "sub_path": "a", "sub_path_expr": "b"}]}]},
        "volumes[0].mounts[0].sub_path and volumes[0].mounts[0].sub_path_expr are mutually exclusive",
    ),
    (
        {"volumes": [VOLUME | {"mounts": [{"mount_path": "/b"}], "volume_mode": "Block"}]},
        "volumes[0].mounts is not possible with volume_mode Block",
    ),
    (
        {"volumes": [VOLUME | {"selector_expressions": [{"key": "a", "operator": "Is"}]}]},
        "volumes[0].selector_expressions[0].operator is 'Is'; it must be one of In, NotIn",
    ),
    (
        {
            "volumes": [
                VOLUME
                | {
                    "data_source": {"kind": "PersistentVolumeClaim", "name": "a"},
                    "data_source_ref": {"kind": "A", "name": "a"},
                }
            ]
        },
        "volumes[0].data_source and volumes[0].data_source_ref are mutually exclusive",
    ),
    (
        {"volumes": [VOLUME, VOLUME | {"mount_path": "/b"}]},
        "volumes has 2 items with name 'logs'; each name must be unique",
    ),
    (
        {"volumes": [VOLUME, VOLUME | {"name": "b"}]},
        "volumes has 2 items with mount_path '/opt/logs'; each mount_path must be unique",
    ),
    (
        {"volumes": [VOLUME, VOLUME | {"name": "b", "mount_path": "/opt/logs/"}]},
        "volumes has 2 items with mount_path '/opt/logs'; each mount_path must be unique",
    ),
    ({"volumes": [VOLUME | {"mount_path": "opt/logs"}]}, "volumes[0].mount_path is 'opt/logs'; it must be an absolute"),
    ({"volumes": [VOLUME | {"access_modes": ["RWO"]}]}, "volumes[0].access_modes[0] is 'RWO'; it must be one of"),
    ({"volumes": VOLUME}, "volumes is {'name': 'logs'"),
    ({"partition": -1}, "partition is -1; it must be a whole number from 0"),
    ({"canary": -1}, "canary is -1; it must be a whole number from 0"),
    ({"canary": 3}, "canary is 3; it must be at most replicas, which is 2"),
    ({"canary": 1, "partition": 1}, "partition and canary are mutually exclusive"),
    (
        {"canary": 1, "update_strategy": "OnDelete"},
        "canary requires update_strategy RollingUpdate; with OnDelete an instance is updated when you delete its Pod",
    ),
    (
        {"partition": 1, "update_strategy": "OnDelete"},
        "partition requires update_strategy RollingUpdate; with OnDelete an instance is updated when",
    ),
    ({"rollout": {"steps": [1]}, "canary": 1}, "rollout and canary are mutually exclusive"),
    ({"rollout": {"steps": [1]}, "partition": 1}, "rollout and partition are mutually exclusive"),
    ({"rollout": {"steps": [1]}, "update_strategy": "OnDelete"}, "rollout requires update_strategy RollingUpdate"),
    ({"rollout": {"steps": [1]}, "wait_for": "Created"}, "rollout requires wait_for Ready"),
    ({"resize": "Live"}, "resize is 'Live'; it must be one of Replace, InPlace, InPlaceOrReplace"),
    ({"resize": "InPlace", "wait_for": "Created"}, "resize requires wait_for Ready"),
    ({"resize": "InPlace", "update_strategy": "OnDelete"}, "resize requires update_strategy RollingUpdate"),
    (
        {"resize_policy": {"memory": "Restart"}},
        "resize_policy.memory is 'Restart'; it must be one of NotRequired, Restart",
    ),
    (
        {"init_containers": [{"name": "a", "resize_policy": {"cpu": "NotRequired"}}]},
        "init_containers[0].resize_policy cannot be set: an init container runs to its end",
    ),
    ({"rollout": {"steps": []}}, "rollout.steps is []; it must not be empty"),
    ({"rollout": {"steps": ["half"]}}, "rollout.steps[0] is 'half'; it must be a whole number from 1, or a percentage"),
    (
        {"rollout": {"steps": [1], "on_failure": "Undo"}},
        "rollout.on_failure is 'Undo'; it must be one of Stop, RollBack",
    ),
    (
        {"rollout": {"steps": [1], "checks": [{}]}},
        "rollout.checks[0] requires exactly one of http_get, exec, prometheus",
    ),
    (
        {"rollout": {"steps": [1], "checks": [{"http_get": {"port": "web"}}]}},
        "rollout.checks[0].http_get.port is 'web'; it must be one of ports",
    ),
    (
        {"rollout": {"steps": [1], "checks": [{"prometheus": {"url": "prometheus:9090", "query": "q", "at_most": 1}}]}},
        "rollout.checks[0].prometheus.url is 'prometheus:9090'; it must be an address that begins with http:// or",
    ),
    (
        {"rollout": {"steps": [1], "checks": [{"prometheus": {"url": "http://p", "query": "q"}}]}},
        "rollout.checks[0].prometheus requires at_least, at_most or both",
    ),
    (
        {"rollout": {"steps": [1], "checks": [{"prometheus": {"url": "http://p", "query": "q", "at_most": "1"}}]}},
        "rollout.checks[0].prometheus.at_most is '1'; it must be a number",
    ),
    (
        {"sidecars": [{"name": "app"}]},
        "sidecars[0].name is 'app'; another container has this name",
    ),
    (
        {"init_containers": [{"name": "a", "startup_probe": {"exec": {"command": ["b"]}}}]},
        "init_containers[0].startup_probe cannot be set: an init container runs to its end",
    ),
    (
        {"sidecars": [{"name": "a", "readiness_probe": {"tcp_socket": {"port": "http"}}}]},
        "sidecars[0].readiness_probe.tcp_socket.port is 'http'; it must be one of ports: there are none",
    ),
    (
        {"sidecars": [{"name": "a", "mounts": [{"volume": "other", "mount_path": "/a"}]}]},
        "sidecars[0].mounts[0].volume is 'other'; it must be one of volumes, scratch_volumes or projected_volumes: ",
    ),
    ({"lifecycle": {"pre_stop": {}}}, "lifecycle.pre_stop requires exactly one of exec, http_get, sleep_seconds"),
    (
        {"lifecycle": {"pre_stop": {"http_get": {"port": "web"}}}},
        "lifecycle.pre_stop.http_get.port is 'web'; it must be one of ports",
    ),
    ({"tolerations": [{"value": "a"}]}, "tolerations[0] requires key, or the operator Exists"),
    (
        {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]},
        "tolerations[0].value requires the operator Equal",
    ),
    (
        {"tolerations": [{"key": "a", "toleration_seconds": 5}]},
        "tolerations[0].toleration_seconds requires the effect NoExecute",
    ),
    ({"tolerations": [{"effect": "Never"}]}, "tolerations[0].effect is 'Never'; it must be one of NoSchedule"),
    (
        {"rollout": {"steps": [1], "checks": [{"http_get": {"port": 80, "http_headers": {"a": "b"}}}]}},
        "rollout.checks[0].http_get.http_headers cannot be set",
    ),
    ({"config_files": {"etc/a": "b"}}, "a key of config_files is 'etc/a'; it must be the absolute path of a file"),
    ({"config_files": {"/etc/": "b"}}, "a key of config_files is '/etc/'; it must be the absolute path of a file"),
    (
        {"config_files": {"/a": "b"}, "scratch_volumes": [{"name": "a", "mount_path": "/a/"}]},
        "volumes and files has 2 items with mount_path '/a'",
    ),
    (
        {
            "scratch_volumes": [{"name": "a", "mount_path": "/a"}],
            "sidecars": [
                {"name": "b", "mounts": [{"volume": "a", "mount_path": "/c"}, {"volume": "a", "mount_path": "/c/"}]}
            ],
        },
        "sidecars[0].mounts has several items with mount_path '/c'; each must be unique",
    ),
    (
        {"config_files": {"/etc/a": "c"}, "secret_files": {"/etc//./a": "c"}},
        "volumes and files has 2 items with mount_path '/etc/a'",
    ),
    (
        {"config_files": {"/a": "b"}, "scratch_volumes": [{"name": "config-files", "mount_path": "/c"}]},
        "a volume cannot be named 'config-files': the component's own volume has this name",
    ),
    (
        {"resources": {"limits": {"example.com/gpu": "100m"}}},
        "resources.limits['example.com/gpu'] is '100m'; it must be a whole number",
    ),
    (
        {"sidecars": [{"name": "b", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}]},
        "sidecars[0].resources.requests['cpu'] is '2'; it must be at most its limit, 1",
    ),
    ({"leader_last": {}}, "leader_last requires exactly one of labels, http_get, exec"),
    ({"leader_last": {"labels": {"a": "b"}, "contains": "x"}}, "leader_last.contains requires http_get or exec"),
    ({"leader_last": {"labels": {"a": "b"}}, "canary": 1}, "leader_last and canary are mutually exclusive"),
    (
        {"leader_last": {"http_get": {"port": "web"}}},
        "leader_last.http_get.port is 'web'; it must be one of ports",
    ),
    ({"members": {}}, "members requires at least one of add, join, leave"),
    ({"members": {"reuse_claims": True}}, "members requires at least one of add, join, leave"),
    ({"members": {"leave": {"command": []}}}, "members.leave.command is []; it must not be empty"),
    (
        {"members": {"leave": {"command": ["a"], "run_in": "Job"}}},
        "members.leave.run_in is 'Job'; it must be one of Peer, Instance",
    ),
    (
        {"members": {"add": {"command": ["a"], "run_in": "Instance"}}},
        "members.add.run_in must be Peer: the instance does not exist when the command runs",
    ),
    ({"members": {"leave": {"command": ["a"]}}, "autoscaled": True}, "members and autoscaled are mutually exclusive"),
    (
        {"members": {"leave": {"command": ["a"]}}, "wait_for": "Created"},
        "members requires wait_for Ready",
    ),
    ({"wait_for": "Running"}, "wait_for Running requires pod_management_policy Parallel"),
    ({"wait_for": "Nothing"}, "wait_for is 'Nothing'; it must be one of Ready, Running, Created"),
    (
        {"annotations": {"pulumi.com/skipAwait": "true"}},
        "annotations['pulumi.com/skipAwait'] cannot be set: the component waits for the instances itself; use wait_for",
    ),
    (
        {"annotations": {"pulumi.com/timeoutSeconds": "60"}},
        "annotations['pulumi.com/timeoutSeconds'] cannot be set: the component waits for the instances itself",
    ),
    (
        {"recreate_claims": {"ordinals": [0]}, "replicas": 1},
        "recreate_claims requires at least 2 replicas (there is 1): an instance with an empty volume gets its data",
    ),
    ({"recreate_claims": {"ordinals": [0]}, "volumes": []}, "recreate_claims requires volumes"),
    (
        {"rebuild": [{"ordinal": 0, "volume_name": "pv"}], "replicas": 1},
        "rebuild requires at least 2 replicas (there is 1): an instance with an empty volume gets its data",
    ),
    ({"rebuild": [{"ordinal": 0, "volume_name": "pv"}], "volumes": []}, "rebuild requires volumes"),
    ({"rebuild": [{"ordinal": 0}]}, "rebuild[0].volume_name is required"),
    ({"rebuild": [{"ordinal": -1, "volume_name": "pv"}]}, "rebuild[0].ordinal is -1; it must be a whole number from 0"),
    (
        {"rebuild": [{"ordinal": 0, "volume": "x", "volume_name": "pv"}]},
        "rebuild[0].volume is 'x'; it must be one of",
    ),
    (
        {"rebuild": [{"ordinal": each, "volume_name": "pv"} for each in (0, 1)]},
        "rebuild has 2 items with volume_name 'pv'; each volume_name must be unique",
    ),
    (
        {
            "rebuild": [{"ordinal": 0, "volume_name": "pv"}],
            "restore": [{"ordinal": 0, "volume_name": "pv"}],
        },
        "restore and rebuild have the same volume_name 'pv': a volume that is restored is not given up",
    ),
    (
        {"rebuild": [{"ordinal": 0, "volume_name": "pv"}], "wait_for": "Created"},
        "rebuild requires wait_for Ready",
    ),
    (
        {"members": {"leave": {"command": ["x"]}, "remove": {"command": ["x"], "run_in": "Instance"}}},
        "members.remove.run_in must be Peer: it is for an instance that cannot be asked",
    ),
    ({"recreate_claims": {"ordinals": []}}, "recreate_claims.ordinals is []; it must not be empty"),
    ({"update_strategy": "Recreate"}, "update_strategy is 'Recreate'; it must be one of RollingUpdate, OnDelete"),
    ({"max_unavailable": 0}, "max_unavailable is 0; it must be a whole number from 1, or a percentage"),
    ({"max_unavailable": "0%"}, "max_unavailable is '0%'; it must be a whole number from 1, or a percentage"),
    ({"max_unavailable": "101%"}, "max_unavailable is '101%'; it must be a whole number from 1, or a percentage"),
    ({"min_ready_seconds": -1}, "min_ready_seconds is -1; it must be a whole number from 0"),
    ({"ordinals": {"start": -1}}, "ordinals.start is -1; it must be a whole number from 0"),
    ({"rollout_timeout_seconds": 0}, "rollout_timeout_seconds is 0; it must be a whole number from 1"),
    ({"name": "Rg"}, "name is 'Rg'; it must be a DNS label"),
    ({"name": "r" * 53}, "it must have at most 52 characters (it has 53)"),
    ({"service_name": "1rg"}, "service_name is '1rg'; it must be a DNS label that starts with a letter"),
    ({"namespace": "a.b"}, "namespace is 'a.b'; it must be a DNS label"),
    ({"ports": {"http": 0}}, "ports['http'] is 0; it must be a port number from 1 to 65535"),
    ({"ports": {"http": 65536}}, "ports['http'] is 65536; it must be a port number from 1 to 65535"),
    ({"ports": {"HTTP": 80}}, "a key of ports is 'HTTP'; it must be a port name"),
    (
        {"storage_class": {"provisioner": "a"}, "storage_class_name": "b"},
        "storage_class and storage_class_name are mutually exclusive",
    ),
    ({"replica": 3}, "replica is not an argument; did you mean 'replicas'?"),
    ({"xyz": 3}, "xyz is not an argument; StatefulServiceArgs has adopt, affinity, "),
    ({"volumes": [VOLUME | {"sise": "1Gi"}]}, "volumes[0].sise is not an argument; did you mean 'size'?"),
    (
        {"storage_class": {"provisoner": "a"}},
        "storage_class.provisoner is not an argument; did you mean 'provisioner'?",
    ),
    ({"load_balancer": {"prot": 80}}, "load_balancer.prot is not an argument; did you mean 'port'?"),
    ({"readiness_probe": {"httpget": {}}}, "readiness_probe.httpget is not an argument; did you mean 'http_get'?"),
    (
        {"pod_management_policy": "Paralel"},
        "pod_management_policy is 'Paralel'; it must be one of OrderedReady, Parallel; did you mean 'Parallel'?",
    ),
    (
        {"storage_class": {"provisioner": "a", "reclaim_policy": "Keep"}},
        "storage_class.reclaim_policy is 'Keep'; it must",
    ),
    ({"image": ""}, "image is ''; it must not be empty"),
    ({"image": None}, "image is required"),
    ({"env": {"A=B": "c"}}, "a key of env is 'A=B'"),
    ({"env": {"A": 1}}, "env['A'] is 1; it must be a string"),
    (
        {"env": {"A": "1"}, "env_from_secrets": {"A": {"name": "s", "key": "k"}}},
        "env_from_secrets['A'] is set by env too; an environment variable has one source",
    ),
    ({"env_from": [{"prefix": "A_"}]}, "env_from[0] requires exactly one of secret, config_map; it has none"),
    (
        {"readiness_probe": {"period_seconds": 1}},
        "readiness_probe requires exactly one of http_get, tcp_socket, grpc, exec; it has none",
    ),
    (
        {"readiness_probe": {"tcp_socket": {"port": "htp"}}},
        "readiness_probe.tcp_socket.port is 'htp'; it must be one of",
    ),
    (
        {"liveness_probe": {"exec": {"command": ["true"]}, "success_threshold": 2}},
        "liveness_probe.success_threshold is 2; it must be 1",
    ),
    ({"load_balancer": {}, "ports": {}}, "load_balancer requires at least one entry in ports"),
    (
        {"load_balancer": {"port": 80}, "ports": {"a": 1, "b": 2}},
        "load_balancer.port requires target_port, one of a, b: there is more than one port",
    ),
    ({"load_balancer": {"target_port": "http"}}, "load_balancer.target_port requires load_balancer.port"),
    ({"load_balancer": {"port": 80, "target_port": "x"}}, "load_balancer.target_port is 'x'; it must be one of ports"),
    (
        {"load_balancer": {"name": "random-generator"}},
        "load_balancer.name is 'random-generator'; it must not be the name of the governing Service too",
    ),
    ({"load_balancer": {"type": "Ingress"}}, "load_balancer.type is 'Ingress'; it must be one of ClusterIP"),
    (
        {"termination_grace_period_seconds": 0},
        "termination_grace_period_seconds is 0; it must be a whole number from 1",
    ),
    (
        {"pod_template": {"spec": {"terminationGracePeriodSeconds": 0}}},
        "pod_template.spec.terminationGracePeriodSeconds",
    ),
    ({"pod_template": {"metadata": {"labels": {"app.kubernetes.io/name": "x"}}}}, "pod_template.metadata.labels"),
    ({"pod_template": {"sepc": {}}}, "pod_template.sepc is not a field; did you mean 'spec'?"),
    ({"pod_template": []}, "pod_template is []; it must be a mapping"),
    ({"pod_template": {"spec": "x"}}, "pod_template.spec is 'x'; it must be a mapping"),
    ({"pod_template": {"spec": {"nodeSelector": ["a"]}}}, "pod_template.spec.nodeSelector is ['a']; it must be a mapp"),
    ({"pod_template": {"spec": {"nodeSelector": {"a": []}}}}, "spec.nodeSelector['a'] is []; it must be a string"),
    ({"pod_template": {"spec": {"hostname": []}}}, "pod_template.spec.hostname is []; it must be a string"),
    ({"pod_template": {"spec": {1: "x"}}}, "a key of pod_template.spec is 1; it must be a string"),
    (
        {"pod_template": {"spec": {"containers": [{"name": "app", "env": "x"}]}}},
        "pod_template.spec.containers[0].env is 'x'; it must be a list",
    ),
    ({"pod_template": {"spec": {"volumes": [None]}}}, "pod_template.spec.volumes[0] is None; it must not be null"),
    (
        {"pod_template": {"spec": lambda: pulumi.Output.from_input({"dnsConfig": ["x"]})}},
        "pod_template.spec.dnsConfig is ['x']; it must be a mapping",
    ),
    ({"affinity": {"nodeAffinity": ["x"]}}, "affinity.nodeAffinity is ['x']; it must be a mapping"),
    (
        {"labels": {"app.kubernetes.io/name": "x"}},
        "labels['app.kubernetes.io/name'] cannot be set: the selector uses this label to find the Pods",
    ),
    ({"labels": {"a b": "x"}}, "a key of labels is 'a b'"),
    ({"port_protocols": {"dns": "UDP"}}, "a key of port_protocols is 'dns'; it must be one of ports: http"),
    ({"port_protocols": {"http": "udp"}}, "port_protocols['http'] is 'udp'; it must be one of TCP, UDP, SCTP"),
    ({"ip_families": ["ipv4"]}, "ip_families[0] is 'ipv4'; it must be one of IPv4, IPv6"),
    (
        {"discovery": {"peers": {"ALL": "all"}}},
        "discovery.peers['ALL'] is 'all'; it must be a template for one instance",
    ),
    ({"discovery": {"peers": {"ALL": "{host}"}}}, "discovery.peers['ALL'] is '{host}'; it must be a template for"),
    (
        {"discovery": {}, "env": {"POD_NAME": "a"}},
        "env['POD_NAME'] is set by discovery too; an environment variable has one source",
    ),
    (
        {"discovery": {"peers": {"A": "{pod}"}}, "env": {"A": "a"}},
        "env['A'] is set by discovery.peers too; an environment variable has one source",
    ),
    (
        {"secret_env": {"A": "b"}, "env": {"A": "c"}},
        "secret_env['A'] is set by env too; an environment variable has one source",
    ),
    ({"load_balancer": {"ports": {"htp": 80}}}, "a key of load_balancer.ports is 'htp'; it must be one of ports: http"),
    (
        {"load_balancer": {"ports": {"http": 80}, "port": 80}},
        "load_balancer.port and load_balancer.ports are mutually exclusive",
    ),
    (
        {"load_balancer": {"load_balancer_source_ranges": ["10.0.0.0/8"]}},
        "load_balancer.load_balancer_source_ranges requires type LoadBalancer; it is ClusterIP",
    ),
    (
        {"load_balancer": {"type": "LoadBalancer", "load_balancer_source_ranges": ["10.0.0.1/8"]}},
        "load_balancer.load_balancer_source_ranges[0] is '10.0.0.1/8'; it must be a network",
    ),
    (
        {"load_balancer": {"external_traffic_policy": "Local"}},
        "load_balancer.external_traffic_policy requires type NodePort or LoadBalancer; it is ClusterIP",
    ),
    (
        {"load_balancer": {"session_affinity_timeout_seconds": 60}},
        "load_balancer.session_affinity_timeout_seconds requires session_affinity ClientIP; it is None",
    ),
    (
        {"instance_services": {"name": "x"}},
        "instance_services.name is 'x'; it must be the name of a Service (a DNS label that starts with a letter)",
    ),
    (
        {"instance_services": {"node_ports": {"http": 30080}}},
        "instance_services.node_ports requires type NodePort or LoadBalancer; it is ClusterIP",
    ),
    (
        {"instance_services": {"type": "NodePort", "node_ports": {"web": 30080}}},
        "a key of instance_services.node_ports is 'web'; it must be one of ports: http",
    ),
    ({"client_services": {"a": {"selector": {}}}}, "client_services['a'].selector is {}; it must not be empty"),
    (
        {"client_services": {"random-generator": {"selector": {"a": "b"}}}},
        "a key of client_services is 'random-generator'; it must not be the name of the governing Service too",
    ),
    (
        {"client_services": {"rg-1": {"selector": {"a": "b"}}}, "instance_services": {}},
        "instance_services.name is 'rg-1'; it must not be the name of a Service of client_services too",
    ),
    (
        {"load_balancer": {"name": "rg-1"}, "instance_services": {}},
        "instance_services.name is 'rg-1'; it must not be the name of the load-balancing Service too",
    ),
    (
        {"service_name": "rg-1", "instance_services": {}},
        "instance_services.name is 'rg-1'; it must not be the name of the governing Service too",
    ),
    ({"client_services": {"a": {"selector": {"a": "b"}}}, "ports": {}}, "client_services['a'] requires at least one"),
    (
        {"client_services": {"a": {"selector": {"a": "b"}, "ports": {"web": 80}}}},
        "a key of client_services['a'].ports is 'web'; it must be one of ports: http",
    ),
    ({"instance_services": {}, "ports": {}}, "instance_services requires at least one entry in ports"),
    ({"instance_services": {"ordinals": [-1]}}, "instance_services.ordinals[0] is -1; it must be a whole number"),
    ({"instance_services": {}, "name": "1rg"}, "name is '1rg'; it must be a DNS label that starts with a letter"),
    (
        {"instance_services": {}, "autoscaled": True},
        "instance_services requires instance_services.ordinals with autoscaled: the number of instances",
    ),
    (
        {"instance_services": {}, "replicas": lambda: pulumi.Output.from_input(2)},
        "instance_services requires a plain value of replicas, and it is an Output: it decides which",
    ),
    ({"security": {"standard": "strict"}}, "security.standard is 'strict'; it must be one of restricted, baseline"),
    (
        {"security": {"run_as_user": 0}},
        "security.run_as_user is 0 (root), which the restricted standard does not allow; set",
    ),
    (
        {"pod_template": {"spec": {"securityContext": {"runAsUser": 0}}}},
        "pod_template.spec.securityContext.runAsUser is 0 (root), which the restricted standard does",
    ),
    ({"security": {"add_capabilities": ["CAP_CHOWN"]}}, "security.add_capabilities[0] is 'CAP_CHOWN'; it must be"),
    (
        {"security": {"add_capabilities": ["SYS_ADMIN"]}},
        "security.add_capabilities has SYS_ADMIN, and the restricted standard allows NET_BIND_SERVICE",
    ),
    (
        {"network_policy": {"clients": [{}]}},
        "network_policy.clients[0] requires namespace, namespace_labels, pod_labels or cidr",
    ),
    (
        {"network_policy": {"clients": [{"cidr": "10.0.0.0/8", "namespace": "a"}]}},
        "network_policy.clients[0].cidr and network_policy.clients[0].namespace are mutually exclusive;",
    ),
    (
        {"network_policy": {"clients": [{"namespace_labels": {"a": "b"}, "namespace": "a"}]}},
        "network_policy.clients[0].namespace and network_policy.clients[0].namespace_labels are mutually exclusive",
    ),
    (
        {"network_policy": {"clients": [{"namespace": "a", "ports": ["grpc"]}]}},
        "network_policy.clients[0].ports is 'grpc'; it must be one of ports: http",
    ),
    (
        {"network_policy": {"clients": [{"namespace": "a"}]}, "ports": {}},
        "network_policy.clients[0] requires at least one entry in ports",
    ),
    (
        {"autoscaled": True, "rollout": {"steps": [1]}},
        "rollout and autoscaled are mutually exclusive: instances that an autoscaler adds meanwhile get the new",
    ),
    (
        {"autoscaled": True, "canary": 1},
        "canary and autoscaled are mutually exclusive: the number of instances is not known here; use",
    ),
    (
        {"autoscaled": True, "discovery": {"peers": {"A": "{pod}"}}},
        "discovery.peers and autoscaled are mutually exclusive: the list would not follow the",
    ),
    ({"ip_families": ["IPv4", "IPv4"]}, "ip_families is ['IPv4', 'IPv4']; it must not be empty or contain duplicates"),
    ({"env_from_secrets": {"A": {"name": "a", "key": "b/c"}}}, "env_from_secrets['A'].key is 'b/c'; it must be a key"),
    ({"readiness_probe": {"exec": {"command": []}}}, "readiness_probe.exec.command is []; it must not be empty"),
    ({"volumes": [VOLUME | {"access_modes": []}]}, "volumes[0].access_modes is []; it must not be empty"),
    (
        {"volumes": [VOLUME | {"data_source": {"kind": "VolumeSnapshot", "name": "a"}}]},
        "volumes[0].data_source.kind is 'VolumeSnapshot'; it requires api_group, unless it is",
    ),
    (
        {"storage_class": {"provisioner": "a", "allowed_topologies": [ZONE, ZONE]}},
        "storage_class.allowed_topologies has 2 items with key 'topology.kubernetes.io/zone'; each key must be unique",
    ),
    (
        {"resources": {"requests": {"cpus": "1"}}},
        "a key of resources.requests is 'cpus'; it must be one of cpu, memory",
    ),
    (
        {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}},
        "resources.requests['cpu'] is '2'; it must be at most its limit, 1500m",
    ),
    (
        {"resources": {"requests": {"a.b/gpu": "1"}, "limits": {"a.b/gpu": "2"}}},
        "resources.requests['a.b/gpu'] is '1'; it must be equal to its limit, 2",
    ),
    (
        {"resources": {"requests": {"a.b/gpu": "1"}}},
        "resources.requests['a.b/gpu'] requires a limit of the same amount in resources.limits: only",
    ),
    ({"spread_over_nodes": "Strict"}, "spread_over_nodes is 'Strict'; it must be one of ScheduleAnyway, DoNotSchedule"),
]


def refusal(deployed: Callable[[], Deployment]) -> str:
    with pytest.raises(ArgumentError) as caught:
        deployed()
    return str(caught.value)


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_a_mistake_is_named(chapter: Chapter, mistake: Any, message: str) -> None:
    """The message names the argument, the value and what is allowed, in one line."""
    said = refusal(lambda: chapter(**mistake))
    assert said.startswith("StatefulService 'rg': ")
    assert message in said
    assert "\n" not in said


def test_nothing_is_registered_before_a_mistake_is_found() -> None:
    """A mistake in the last argument keeps the first object from being made."""
    registered: list[str] = []

    def computed(type_token: str, inputs: Any) -> Any:
        registered.append(type_token)
        return inputs

    args: StatefulServiceArgs = {"image": "a", "cluster_domain": "."}
    with pytest.raises(ArgumentError):
        deploy(lambda: StatefulService("rg", args), computed=computed)
    assert registered in ([], ["stateful-service:index:StatefulService"])


def test_args_must_be_a_mapping() -> None:
    """A string in place of the arguments is a mistake like any other."""
    nonsense: Any = "nonsense"
    assert "args is 'nonsense'; it must be a mapping" in refusal(
        lambda: deploy(lambda: StatefulService("rg", nonsense))
    )


def test_the_components_name_must_serve_as_the_sets() -> None:
    """Where the component's own name can't name a set, the message asks for one that can."""
    said = refusal(lambda: deploy(lambda: StatefulService("Random Generator", {"image": "a"})))
    assert "name is required, because the component's name cannot name a StatefulSet: it must be a DNS label" in said


@pytest.mark.parametrize("argument", ["replicas", "partition"])
def test_a_mistake_in_an_output_is_named_when_it_is_known(chapter: Chapter, argument: str) -> None:
    """An Output is held to the same rules, and the set is never registered with what it refuses."""
    said = refusal(lambda: chapter(**{argument: lambda: pulumi.Output.from_input(-1)}))
    assert f"{argument} is -1; it must be a whole number from 0" in said


def test_a_secret_is_not_shown() -> None:
    """The message about a secret value names the argument alone."""

    def program() -> None:
        args: Any = {"image": "a", "env": {"PASSWORD": pulumi.Output.secret(4711)}}
        StatefulService("rg", args)

    said = refusal(lambda: deploy(program))
    assert "env['PASSWORD'] has a secret value that is not allowed; it must be a string" in said
    assert "4711" not in said


def test_mount_paths_that_meet_only_when_known_are_refused(chapter: Chapter) -> None:
    """Two volumes whose paths are Outputs are compared when both are known."""
    volumes = [VOLUME, {"name": "b", "mount_path": lambda: pulumi.Output.from_input("/opt/logs"), "size": "1Gi"}]
    assert "volumes has 2 items with mount_path '/opt/logs'" in refusal(lambda: chapter(volumes=volumes))


def test_what_decides_which_resources_there_are_must_be_plain(chapter: Chapter) -> None:
    """An Output in place of the volumes is refused with the reason."""
    said = refusal(lambda: chapter(volumes=lambda: pulumi.Output.from_input([VOLUME])))
    assert "volumes must be a plain value, not an Output" in said


@pytest.mark.parametrize("partition", [2, lambda: pulumi.Output.from_input(5)])
def test_a_partition_beyond_the_last_ordinal_warns(chapter: Chapter, partition: Any) -> None:
    """It is allowed, since it holds every instance back, but it is said."""
    deployed = chapter(partition=partition)
    [(severity, text)] = deployed.log
    assert severity == "warning"
    assert "the last ordinal is 1: no instance is updated" in text


def test_whole_numbers_from_other_languages_are_whole(chapter: Chapter) -> None:
    """Other languages send 2 as 2.0."""
    deployed = chapter(replicas=2.0, ports={"http": 8080.0})
    assert deployed.stateful_set().spec["replicas"] == 2
