"""The Pod template: Pod, container, environment, security contexts, and what users merge into it."""

import re
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_stateful_service.arguments.value_checks.checks import config_key
from pulumi_stateful_service.objects.strategic_merge import strategic_merge
from pulumi_stateful_service.testing import Deployment
from rendered import container, pod_spec

Chapter = Callable[..., Deployment]


@pytest.mark.parametrize(
    ("argument", "value", "field", "expected"),
    [
        ("termination_grace_period_seconds", 5, "terminationGracePeriodSeconds", 5),
        ("service_account_name", "rg", "serviceAccountName", "rg"),
        ("automount_service_account_token", True, "automountServiceAccountToken", True),
        ("image_pull_secrets", ["a"], "imagePullSecrets", [{"name": "a"}]),
    ],
)
def test_fields_of_the_pod(chapter: Chapter, argument: str, value: Any, field: str, expected: Any) -> None:
    """Each argument sets the field of that name in the template."""
    assert pod_spec(chapter(**{argument: value}))[field] == expected


@pytest.mark.parametrize(
    ("argument", "value", "field", "expected"),
    [
        ("command", ["sh"], "command", ["sh"]),
        ("args", ["-c", "true"], "args", ["-c", "true"]),
        ("image_pull_policy", "Never", "imagePullPolicy", "Never"),
        ("resources", {"requests": {"cpu": "1"}}, "resources", {"requests": {"cpu": "1"}}),
        ("resources", {"limits": {"memory": "1Gi"}}, "resources", {"limits": {"memory": "1Gi"}}),
        (
            "resize_policy",
            {"cpu": "NotRequired", "memory": "RestartContainer"},
            "resizePolicy",
            [
                {"resourceName": "cpu", "restartPolicy": "NotRequired"},
                {"resourceName": "memory", "restartPolicy": "RestartContainer"},
            ],
        ),
        (
            "env_from",
            [{"secret": "s", "prefix": "S_"}, {"config_map": "c", "optional": True}],
            "envFrom",
            [{"secretRef": {"name": "s"}, "prefix": "S_"}, {"configMapRef": {"name": "c", "optional": True}}],
        ),
        (
            "readiness_probe",
            {"http_get": {"port": "http", "path": "/ready", "scheme": "HTTP"}, "period_seconds": 1},
            "readinessProbe",
            {"httpGet": {"port": "http", "path": "/ready", "scheme": "HTTP"}, "periodSeconds": 1},
        ),
        (
            "liveness_probe",
            {"tcp_socket": {"port": 8080}, "initial_delay_seconds": 0, "timeout_seconds": 2, "failure_threshold": 5},
            "livenessProbe",
            {"tcpSocket": {"port": 8080}, "initialDelaySeconds": 0, "timeoutSeconds": 2, "failureThreshold": 5},
        ),
        (
            "startup_probe",
            {"exec": {"command": ["true"]}, "success_threshold": 1},
            "startupProbe",
            {"exec": {"command": ["true"]}, "successThreshold": 1},
        ),
        (
            "readiness_probe",
            {"grpc": {"port": 1, "service": "s"}},
            "readinessProbe",
            {"grpc": {"port": 1, "service": "s"}},
        ),
    ],
)
def test_fields_of_the_container(chapter: Chapter, argument: str, value: Any, field: str, expected: Any) -> None:
    """Each argument sets the field of that name."""
    assert container(chapter(**{argument: value}))[field] == expected


def test_topology_spread(chapter: Chapter) -> None:
    """Required, preferred or off, over nodes and over zones."""
    constraints = pod_spec(chapter(spread_over_nodes="DoNotSchedule", spread_over_zones="Off"))
    assert [(each["topologyKey"], each["whenUnsatisfiable"]) for each in constraints["topologySpreadConstraints"]] == [
        ("kubernetes.io/hostname", "DoNotSchedule")
    ]
    assert "topologySpreadConstraints" not in pod_spec(chapter(spread_over_nodes="Off", spread_over_zones="Off"))


def test_variables_from_other_objects_come_first(chapter: Chapter) -> None:
    """$(NAME) refers only to variables before it."""
    deployed = chapter(
        env={"URL": "http://$(USER)@$(HOST)"},
        env_from_secrets={"USER": {"name": "s", "key": "user"}},
        env_from_config_maps={"HOST": {"name": "c", "key": "host", "optional": True}},
    )
    assert container(deployed)["env"] == [
        {"name": "USER", "valueFrom": {"secretKeyRef": {"name": "s", "key": "user"}}},
        {"name": "HOST", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "host", "optional": True}}},
        {"name": "URL", "value": "http://$(USER)@$(HOST)"},
    ]


def test_p02_p03_discovery_variables(chapter: Chapter) -> None:
    """Names of the instance, its Service and its peers come before the user's variables, which refer to them."""
    deployed = chapter(
        discovery={"peers": {"CLUSTER": "{pod}=http://{address}:{ordinal}"}},
        env={"URL": "http://$(POD_ADDRESS)"},
        ordinals={"start": 3},
        cluster_domain="example.org",
    )

    def field(path: str) -> Any:
        return {"valueFrom": {"fieldRef": {"fieldPath": path}}}

    assert container(deployed)["env"] == [
        {"name": "POD_NAME", **field("metadata.name")},
        {"name": "POD_ORDINAL", **field("metadata.labels['apps.kubernetes.io/pod-index']")},
        {"name": "POD_NAMESPACE", **field("metadata.namespace")},
        {"name": "POD_IP", **field("status.podIP")},
        {"name": "HOST_IP", **field("status.hostIP")},
        {"name": "NODE_NAME", **field("spec.nodeName")},
        {"name": "SERVICE_NAME", "value": "random-generator"},
        {"name": "SERVICE_ADDRESS", "value": "random-generator.$(POD_NAMESPACE).svc.example.org"},
        {"name": "POD_ADDRESS", "value": "$(POD_NAME).$(SERVICE_ADDRESS)"},
        {"name": "FIRST_POD_ADDRESS", "value": "rg-3.$(SERVICE_ADDRESS)"},
        {"name": "CLUSTER", "value": "rg-3=http://rg-3.$(SERVICE_ADDRESS):3,rg-4=http://rg-4.$(SERVICE_ADDRESS):4"},
        {"name": "URL", "value": "http://$(POD_ADDRESS)"},
    ]


def test_p03_peers_counted_from_one_and_separated_by_spaces(chapter: Chapter) -> None:
    """As ZooKeeper's servers are."""
    peers = {"SERVERS": "server.{number}={address}:2888:3888"}
    deployed = chapter(discovery={"peers": peers, "peer_separator": " "})
    [servers] = [each["value"] for each in container(deployed)["env"] if each["name"] == "SERVERS"]
    assert servers == "server.1=rg-0.$(SERVICE_ADDRESS):2888:3888 server.2=rg-1.$(SERVICE_ADDRESS):2888:3888"


def test_p03_a_list_of_peers_changes_with_their_number(chapter: Chapter) -> None:
    """With a list of peers, another number of instances is another revision; without one it is not."""
    peers = {"discovery": {"peers": {"ALL": "{pod}"}}}
    assert pod_spec(chapter(**peers, replicas=2)) != pod_spec(chapter(**peers, replicas=3))
    assert pod_spec(chapter(discovery={}, replicas=2)) == pod_spec(chapter(discovery={}, replicas=3))


def test_secret_variables_are_in_a_secret(chapter: Chapter) -> None:
    """The StatefulSet refers to them by name; a new value is in another one, whose name does not reveal it."""
    deployed = chapter(secret_env={"PASSWORD": "swordfish"})
    secret = deployed.one("Secret")
    name = secret.metadata["name"]
    assert re.fullmatch("rg-env-[0-9a-f]{24}", name)
    variable = container(deployed)["env"][0]
    assert variable == {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": name, "key": "PASSWORD"}}}
    assert "'PASSWORD': 'swordfish'" in str(secret.inputs["stringData"])
    assert secret.metadata["labels"]["pulumi-stateful-service/version-of"] == "rg"
    assert secret.inputs["immutable"] is True
    assert "swordfish" not in str(deployed.stateful_set().inputs)
    assert deployed.comes_after(deployed.stateful_set(), secret)

    def version(of: Deployment) -> Any:
        return container(of)["env"]

    assert version(deployed) == version(chapter(secret_env={"PASSWORD": "swordfish"}))
    assert version(deployed) != version(chapter(secret_env={"PASSWORD": "marlin"}))


@pytest.mark.parametrize(
    ("security", "pod", "of_container"),
    [
        (
            {"run_as_user": 1000, "run_as_group": 2000},
            {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 2000},
            {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        ),
        (
            {"fs_group": 0, "read_only_root_filesystem": True, "add_capabilities": ["NET_BIND_SERVICE"]},
            {"runAsNonRoot": True, "fsGroup": 0},
            {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                "readOnlyRootFilesystem": True,
            },
        ),
        ({"standard": "baseline", "run_as_user": 0}, {"runAsUser": 0, "fsGroup": 65532}, None),
    ],
)
def test_security_contexts(chapter: Chapter, security: Any, pod: Any, of_container: Any) -> None:
    """Users, groups and capabilities can be set; a lower standard leaves them to the image."""
    deployed = chapter(security=security)
    common = {"fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"}}
    assert pod_spec(deployed)["securityContext"] == {**common, **pod}
    assert container(deployed).get("securityContext") == of_container


def test_a_privileged_pod_has_no_security_context(chapter: Chapter) -> None:
    """With that standard, pod_template sets it."""
    deployed = chapter(security={"standard": "privileged"})
    assert "securityContext" not in pod_spec(deployed)
    assert "securityContext" not in container(deployed)


def test_the_pod_template_is_merged(chapter: Chapter) -> None:
    """Side-cars are added, the component's container is extended, with the field names of Kubernetes."""
    deployed = chapter(
        pod_template={
            "metadata": {"labels": {"tier": "data"}},
            "spec": {
                "nodeSelector": {"disk": "ssd"},
                "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "proxy", "image": "proxy:1"}, {"name": "app", "tty": True}],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        }
    )
    template = deployed.stateful_set().spec["template"]
    app, proxy = template["spec"]["containers"]
    assert (app["image"], app["tty"], proxy["image"]) == ("random-generator:1.0", True, "proxy:1")
    assert template["metadata"]["labels"] == {
        "tier": "data",
        "app.kubernetes.io/name": "rg",
        "app.kubernetes.io/instance": "rg",
    }
    assert template["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert template["spec"]["volumes"] == [{"name": "tmp", "emptyDir": {}}]


def test_ports_are_merged_by_number_and_protocol(chapter: Chapter) -> None:
    """As the API tells them apart: one number for UDP and for TCP, as a DNS server has."""
    both: dict[str, Any] = {"ports": {"dns-udp": 8080, "dns-tcp": 8080}, "port_protocols": {"dns-udp": "UDP"}}
    udp, tcp = (
        {"containerPort": 8080, "protocol": "UDP", "hostPort": 5353},
        {"containerPort": 8080, "hostPort": 5354},
    )

    def merged(*ports: Any, **args: Any) -> Any:
        template = {"spec": {"containers": [{"name": "app", "ports": list(ports)}]}}
        return container(chapter(**{**both, **args}, pod_template=template))["ports"]

    own_udp = {"name": "dns-udp", "containerPort": 8080, "protocol": "UDP"}
    own_tcp = {"name": "dns-tcp", "containerPort": 8080}
    assert merged(udp) == [{**own_udp, "hostPort": 5353}, own_tcp]
    assert merged(tcp, udp) == [{**own_udp, "hostPort": 5353}, {**own_tcp, "hostPort": 5354}]
    assert merged({**tcp, "protocol": "TCP"}) == [own_udp, {**own_tcp, "protocol": "TCP", "hostPort": 5354}]
    assert merged(udp, ports={"dns-tcp": 8080}, port_protocols={}) == [own_tcp, udp]
    number = lambda: pulumi.Output.from_input(8080)  # noqa: E731
    assert merged(udp, ports={"dns-udp": number, "dns-tcp": number}) == [{**own_udp, "hostPort": 5353}, own_tcp]


def test_topology_constraints_are_merged_by_key_and_by_what_happens_where_they_cannot_be_met(chapter: Chapter) -> None:
    """One that leaves the latter out changes the one that there is."""

    def merged(**constraint: Any) -> Any:
        template = {"spec": {"topologySpreadConstraints": [{"topologyKey": "kubernetes.io/hostname", **constraint}]}}
        made = pod_spec(chapter(spread_over_zones="Off", pod_template=template))["topologySpreadConstraints"]
        return [(each["whenUnsatisfiable"], each["maxSkew"]) for each in made]

    assert merged(maxSkew=2) == [("ScheduleAnyway", 2)]
    assert merged(maxSkew=2, whenUnsatisfiable="ScheduleAnyway") == [("ScheduleAnyway", 2)]
    assert merged(maxSkew=2, whenUnsatisfiable="DoNotSchedule") == [("ScheduleAnyway", 1), ("DoNotSchedule", 2)]


def test_an_empty_list_in_place_of_a_map_is_an_empty_map(chapter: Chapter) -> None:
    """And the reverse: other languages write either where they cannot write null."""
    plain = chapter().stateful_set().inputs
    empty: Any = {"nodeSelector": [], "securityContext": [], "containers": {}, "tolerations": {}, "dnsConfig": []}
    made = chapter(pod_template={"metadata": [], "spec": empty}).stateful_set().inputs
    added: dict[str, Any] = {"nodeSelector": {}, "tolerations": [], "dnsConfig": {}}
    expected = {**plain["spec"]["template"]["spec"], **added}
    assert made["spec"]["template"] == {**plain["spec"]["template"], "spec": expected}
    unknown: Any = {"spec": lambda: pulumi.Output.from_input({"securityContext": []})}
    assert chapter(pod_template=unknown).stateful_set().inputs == plain
    assert chapter(pod_template={"spec": []}).stateful_set().inputs == plain


def test_null_deletes_a_field(chapter: Chapter) -> None:
    """As in a strategic merge patch."""
    deployed = chapter(pod_template={"spec": {"securityContext": {"fsGroup": None, "fsGroupChangePolicy": None}}})
    assert pod_spec(deployed)["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


@pytest.mark.parametrize(("policy", "expected"), [("File", "File"), (None, None)])
def test_the_termination_message_policy_can_be_changed(
    chapter: Chapter, policy: str | None, expected: str | None
) -> None:
    """In pod_template; null leaves it to Kubernetes."""
    own = {"name": "app", "terminationMessagePolicy": policy}
    assert container(chapter(pod_template={"spec": {"containers": [own]}})).get("terminationMessagePolicy") == expected


def test_a_merge_changes_neither_of_its_parts() -> None:
    """What the patch does not mention stays in the result."""
    base = {"a": {"b": 1}, "env": [{"name": "x", "value": "1"}], "args": ["a"]}
    result = strategic_merge(base, {"a": {"c": 2}, "env": [{"name": "y"}, {"name": "x", "value": "2"}], "args": ["b"]})
    assert result == {
        "a": {"b": 1, "c": 2},
        "env": [{"name": "x", "value": "2"}, {"name": "y"}],
        "args": ["b"],
    }
    assert base == {"a": {"b": 1}, "env": [{"name": "x", "value": "1"}], "args": ["a"]}


def test_resources_in_the_environment(chapter: Chapter) -> None:
    """What the container may use, for a program that divides it."""
    limits = {"GOMAXPROCS": {"resource": "limits.cpu"}, "MEMORY": {"resource": "limits.memory", "divisor": "1Mi"}}
    assert container(chapter(env={}, env_from_resources=limits))["env"] == [
        {"name": "GOMAXPROCS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    ]


def test_other_containers_have_what_the_component_gives(chapter: Chapter) -> None:
    """Security settings always, the environment on request; side-cars start first and go on running."""
    deployed = chapter(
        discovery={},
        env={"MODE": "main"},
        scratch_volumes=[{"name": "shared", "mount_path": "/shared"}],
        init_containers=[
            {
                "name": "prepare",
                "command": ["prepare"],
                "instance_env": True,
                "env": {"TARGET": "$(POD_NAME)"},
                "mounts": [{"volume": "shared", "mount_path": "/a", "sub_path": "b", "read_only": True}],
            }
        ],
        sidecars=[
            {
                "name": "exporter",
                "image": "exporter:1",
                "ports": {"metrics": 9100},
                "readiness_probe": {"http_get": {"port": "metrics", "http_headers": {"X-A": "b"}}},
                "resources": {"limits": {"memory": "64Mi"}},
            }
        ],
    )
    exporter, prepare = deployed.stateful_set().spec["template"]["spec"]["initContainers"]
    own = container(deployed)
    assert exporter == {
        "name": "exporter",
        "image": "exporter:1",
        "ports": [{"name": "metrics", "containerPort": 9100}],
        "readinessProbe": {"httpGet": {"port": "metrics", "httpHeaders": [{"name": "X-A", "value": "b"}]}},
        "resources": {"limits": {"memory": "64Mi"}},
        "securityContext": own["securityContext"],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "restartPolicy": "Always",
    }
    assert prepare == {
        "name": "prepare",
        "image": own["image"],
        "command": ["prepare"],
        "env": [*own["env"], {"name": "TARGET", "value": "$(POD_NAME)"}],
        "securityContext": own["securityContext"],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "shared", "mountPath": "/a", "subPath": "b", "readOnly": True}],
    }


def test_where_the_instances_run_and_how_they_stop(chapter: Chapter) -> None:
    """Node labels, taints, affinity, priority and lifecycle, in Kubernetes' words."""
    affinity: Any = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}
    deployed = chapter(
        node_selector={"disk": "ssd"},
        tolerations=[{"key": "db", "operator": "Exists", "effect": "NoExecute", "toleration_seconds": 60}],
        affinity=affinity,
        priority_class_name="databases",
        enable_service_links=True,
        lifecycle={
            "pre_stop": {"sleep_seconds": 5},
            "post_start": {"exec": {"command": ["a"]}},
        },
        host_aliases={"10.0.0.1": ["backup", "backup.example.com"]},
        share_process_namespace=True,
    )
    spec = deployed.stateful_set().spec["template"]["spec"]
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert spec["tolerations"] == [{"key": "db", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}]
    assert spec["affinity"] == affinity
    assert (spec["priorityClassName"], spec["enableServiceLinks"]) == ("databases", True)
    assert container(deployed)["lifecycle"] == {
        "preStop": {"sleep": {"seconds": 5}},
        "postStart": {"exec": {"command": ["a"]}},
    }
    assert spec["hostAliases"] == [{"ip": "10.0.0.1", "hostnames": ["backup", "backup.example.com"]}]
    assert spec["shareProcessNamespace"] is True


def test_files_are_mounted_one_by_one_and_roll_out(chapter: Chapter) -> None:
    """Text in a ConfigMap, secret text in a Secret, under names that change with it."""
    files = {"/etc/db/main.conf": "a=1", "/etc/db/more/b.conf": "b"}
    deployed = chapter(config_files=files, secret_files={"/etc/db/password": "swordfish"})
    made = deployed.stateful_set()
    config_map, secret = deployed.one("ConfigMap"), deployed.one("Secret")
    config, hidden = made.spec["template"]["spec"]["volumes"]
    assert config_map.inputs["data"] == {"etc.db.main.conf": "a=1", "etc.db.more.b.conf": "b"}
    assert config["configMap"]["name"] == config_map.metadata["name"]
    assert re.fullmatch("rg-files-[0-9a-f]{24}", config_map.metadata["name"])
    assert hidden["secret"]["secretName"] == secret.metadata["name"]
    assert (config["configMap"]["defaultMode"], hidden["secret"]["defaultMode"]) == (0o444, 0o440)
    assert "swordfish" not in str(made.inputs)
    assert hidden["secret"]["items"][0]["key"] in str(secret.inputs["stringData"])
    assert container(deployed)["volumeMounts"][1:] == [
        {"name": "config-files", "mountPath": path, "subPath": file, "readOnly": True}
        for path, file in (("/etc/db/main.conf", "etc.db.main.conf"), ("/etc/db/more/b.conf", "etc.db.more.b.conf"))
    ] + [{"name": "secret-files", "mountPath": "/etc/db/password", "subPath": "etc.db.password", "readOnly": True}]
    assert deployed.comes_after(made, config_map)
    assert deployed.comes_after(made, secret)
    other = chapter(config_files={**files, "/etc/db/main.conf": "a=2"}).stateful_set()
    assert other.spec["template"]["spec"]["volumes"][0] != config


@pytest.mark.parametrize("argument", ["config_files", "secret_files"])
def test_every_file_has_its_own_text(chapter: Chapter, argument: str) -> None:
    """Whatever its path is like: what a key cannot say, or another path's would be, a digest tells apart."""
    alike = ["/etc/app/a b.conf", "/etc/app/a_b.conf", "/etc/app/a:b.conf".replace(":", "\t"), "/etc/app.a_b.conf"]
    paths = [*alike, "/etc/ä", "/etc/ö", "/..data", f"/etc/{'a' * 250}/b", f"/etc/{'a' * 250}/c", "/etc/plain.conf"]
    deployed = chapter(**{argument: {path: f"text of {path}" for path in paths}})
    kind, field, name = {
        "config_files": ("ConfigMap", "data", "configMap"),
        "secret_files": ("Secret", "stringData", "secret"),
    }[argument]
    texts = deployed.one(kind).inputs[field]
    texts = texts.get("value", texts)
    [volume] = pod_spec(deployed)["volumes"]
    keys = {item["path"]: item["key"] for item in volume[name]["items"]}
    mounts = container(deployed)["volumeMounts"][1:]
    assert {mount["mountPath"]: texts[keys[mount["subPath"]]] for mount in mounts} == {
        path: f"text of {path}" for path in paths
    }
    assert all(config_key(key) is None for key in texts)
    assert mounts[-1]["subPath"] == "etc.plain.conf"
