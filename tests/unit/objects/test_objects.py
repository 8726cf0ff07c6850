"""What each argument becomes, in Kubernetes' own words."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_stateful_service import StatefulService, StatefulServiceArgs
from pulumi_stateful_service.foundation.names import component_label
from pulumi_stateful_service.objects.strategic_merge import strategic_merge
from pulumi_stateful_service.testing import LOAD_BALANCER_IP, Deployment, deploy

ZONE = {"key": "topology.kubernetes.io/zone", "values": ["a"]}
Chapter = Callable[..., Deployment]
COMPONENT = "urn:pulumi:stack::project::pulumi:pulumi:Stack$stateful-service:index:StatefulService::rg"


def container(deployed: Deployment) -> dict[str, Any]:
    [only] = deployed.stateful_set().spec["template"]["spec"]["containers"]
    return dict(only)


def pod_spec(deployed: Deployment) -> dict[str, Any]:
    return dict(deployed.stateful_set().spec["template"]["spec"])


def test_the_chapters_set(chapter: Chapter) -> None:
    """The whole set of the chapter's example, field by field."""
    labels = {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"}
    assert chapter().stateful_set().inputs == {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": "rg",
            "labels": {**labels, "pulumi-stateful-service/component": component_label(COMPONENT)},
            "annotations": {
                "pulumi.com/patchFieldManager": "pulumi-stateful-service.rg",
                "pulumi.com/patchForce": "true",
                "pulumi.com/waitFor": "jsonpath={.metadata.uid}",
                "pulumi-stateful-service/volume-sizes": '{"logs": "10Mi"}',
            },
        },
        "spec": {
            "replicas": 2,
            "serviceName": "random-generator",
            "selector": {"matchLabels": labels},
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "terminationGracePeriodSeconds": 30,
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "fsGroup": 65532,
                        "fsGroupChangePolicy": "OnRootMismatch",
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "topologySpreadConstraints": [
                        {
                            "maxSkew": 1,
                            "topologyKey": key,
                            "whenUnsatisfiable": "ScheduleAnyway",
                            "labelSelector": {"matchLabels": labels},
                            "nodeTaintsPolicy": "Honor",
                        }
                        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
                    ],
                    "containers": [
                        {
                            "name": "app",
                            "image": "random-generator:1.0",
                            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                            "ports": [{"name": "http", "containerPort": 8080}],
                            "env": [{"name": "LOG_FILE", "value": "/opt/logs/random.log"}],
                            "volumeMounts": [{"name": "logs", "mountPath": "/opt/logs"}],
                        }
                    ],
                },
            },
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "logs"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
                }
            ],
        },
    }


def test_the_chapters_governing_service(chapter: Chapter) -> None:
    """The whole governing Service, field by field."""
    labels = {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"}
    assert chapter().governing_service().inputs == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "random-generator",
            "labels": labels,
            "annotations": {"pulumi.com/patchFieldManager": "pulumi-stateful-service.rg"},
        },
        "spec": {
            "clusterIP": "None",
            "selector": labels,
            "ports": [{"name": "http", "port": 8080, "targetPort": "http"}],
        },
    }


def test_the_smallest_service() -> None:
    """An image is enough: one instance, without ports or disks, its Service named like its set."""
    deployed = deploy(lambda: StatefulService("rg", {"image": "a"}))
    spec = deployed.stateful_set("rg").spec
    assert (spec["replicas"], spec["serviceName"]) == (1, "rg")
    assert "volumeClaimTemplates" not in spec
    assert "ports" not in deployed.governing_service().spec


def test_outputs(chapter: Chapter) -> None:  # noqa: ARG001 - the same example, built here for its outputs
    """The outputs name what other stacks need."""

    def program() -> dict[str, object]:
        rg = StatefulService(
            "rg",
            {
                "image": "a",
                "replicas": pulumi.Output.from_input(1),
                "service_name": "random-generator",
                "ports": {"http": 8080},
                "volumes": [{"name": "logs", "mount_path": "/opt/logs", "size": "1Mi"}],
                "storage_class": {"provisioner": "p"},
                "load_balancer": {"port": 80},
                "namespace": "prod",
                "cluster_domain": "example.org",
            },
        )
        return {
            "service": rg.service_name,
            "set": rg.stateful_set_name,
            "namespace": rg.namespace,
            "address": rg.service_address,
            "srv": rg.srv_names,
            "instances": rg.instances,
            "class": rg.storage_class_name,
            "load_balancer": rg.load_balancer_address,
        }

    domain = "random-generator.prod.svc.example.org"
    assert deploy(program).result == {
        "service": "random-generator",
        "set": "rg",
        "namespace": "prod",
        "address": domain,
        "srv": {"http": f"_http._tcp.{domain}"},
        "instances": [{"ordinal": 0, "pod": "rg-0", "address": f"rg-0.{domain}", "claims": ["logs-rg-0"]}],
        "class": "project-stack-rg",
        "load_balancer": "random-generator-lb.prod.svc.example.org",
    }


def test_the_address_that_a_load_balancer_got() -> None:
    """For a Service of type LoadBalancer the address is the one in its status."""

    def computed(_: str, inputs: Any) -> Any:
        if inputs.get("spec", {}).get("type") != "LoadBalancer":
            return {}
        return {"status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}}

    def program() -> pulumi.Output[str | None]:
        return StatefulService(
            "rg", {"image": "a", "ports": {"http": 8080}, "load_balancer": {"type": "LoadBalancer"}}
        ).load_balancer_address

    assert deploy(program, computed=computed).result == "lb.example.org"
    assert deploy(program).result == LOAD_BALANCER_IP


def test_the_storage_class(chapter: Chapter) -> None:
    """Its defaults keep the data, wait for the Pod, and let the disks grow; the volumes use it."""
    deployed = chapter(storage_class={"provisioner": "p", "parameters": {"type": "fast"}, "mount_options": ["noatime"]})
    made = deployed.one("StorageClass", "project-stack-rg").inputs
    assert "namespace" not in made["metadata"]
    assert {key: value for key, value in made.items() if key not in {"metadata", "kind", "apiVersion"}} == {
        "provisioner": "p",
        "parameters": {"type": "fast"},
        "mountOptions": ["noatime"],
        "reclaimPolicy": "Retain",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }
    [template] = deployed.stateful_set().spec["volumeClaimTemplates"]
    assert template["spec"]["storageClassName"] == "project-stack-rg"


def test_the_storage_class_says_what_it_is_told(chapter: Chapter) -> None:
    """Every default of the class can be changed."""
    wanted = {
        "provisioner": "p",
        "name": "fast",
        "reclaim_policy": "Delete",
        "volume_binding_mode": "Immediate",
        "allow_volume_expansion": False,
    }
    made = chapter(storage_class=wanted).one("StorageClass", "fast").inputs
    assert (made["reclaimPolicy"], made["volumeBindingMode"], made["allowVolumeExpansion"]) == (
        "Delete",
        "Immediate",
        False,
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"storage_class_name": "taken"}, "taken"),
        ({"storage_class_name": lambda: pulumi.Output.from_input("taken")}, "taken"),
        ({"volumes": [{"name": "a", "mount_path": "/a", "size": "1", "storage_class_name": "own"}]}, "own"),
    ],
)
def test_p07_the_class_of_a_claim(chapter: Chapter, changes: Any, expected: str | None) -> None:
    """An existing class, a volume's own, or none for the cluster's default."""
    [template] = chapter(**changes).stateful_set().spec["volumeClaimTemplates"]
    assert template["spec"].get("storageClassName") == expected


def test_everything_a_claim_can_say(chapter: Chapter) -> None:
    """Each argument of a volume is the claim's field of that name."""
    volume = {
        "name": "a",
        "mount_path": "/dev/a",
        "size": "1Gi",
        "volume_mode": "Block",
        "volume_attributes_class_name": "gold",
        "selector": {"disk": "a"},
        "data_source": {"kind": "VolumeSnapshot", "name": "s", "api_group": "snapshot.storage.k8s.io"},
        "labels": {"l": "1"},
        "annotations": {"n": "2"},
        "storage_class_name": "",
    }
    deployed = chapter(volumes=[volume])
    [template] = deployed.stateful_set().spec["volumeClaimTemplates"]
    assert template == {
        "metadata": {"name": "a", "labels": {"l": "1"}, "annotations": {"n": "2"}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "volumeMode": "Block",
            "volumeAttributesClassName": "gold",
            "selector": {"matchLabels": {"disk": "a"}},
            "dataSource": {"kind": "VolumeSnapshot", "name": "s", "apiGroup": "snapshot.storage.k8s.io"},
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    assert container(deployed)["volumeDevices"] == [{"name": "a", "devicePath": "/dev/a"}]
    assert "volumeMounts" not in container(deployed)


def test_p06_claims_are_deleted_only_on_request(chapter: Chapter) -> None:
    """Both halves of the retention policy can be set, each by itself."""
    policy = chapter(persistent_volume_claim_retention_policy={"when_scaled": "Delete"}).stateful_set().spec
    assert policy["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Delete"}


def test_disks_grow_without_a_new_set(chapter: Chapter) -> None:
    """The set's own templates keep their first size; what is asked for now is noted on the set."""
    made = chapter().stateful_set()
    assert made.options.ignore_changes == ["spec.volumeClaimTemplates[*].spec.resources.requests.storage"]


def test_a_class_whose_fields_are_fixed_is_replaced(chapter: Chapter) -> None:
    """What the API refuses to change replaces the class, old one first since both have one name, and nothing else."""
    deployed = chapter(storage_class={"provisioner": "p", "default": True, "allowed_topologies": [ZONE]})
    made = deployed.one("StorageClass")
    assert made.options.replace_on_changes == ["reclaimPolicy", "volumeBindingMode"]
    assert made.options.delete_before_replace
    assert made.metadata["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert made.inputs["allowedTopologies"] == [{"matchLabelExpressions": [ZONE]}]
    # A set that used an output of the class would be replaced with it.
    assert made.urn not in frozenset().union(*deployed.stateful_set().uses.values())


def test_the_order_of_volumes_does_not_matter(chapter: Chapter) -> None:
    """The templates have an order of their own: another one would replace the set."""
    volumes = [{"name": name, "mount_path": f"/{name}", "size": "1Gi"} for name in ("b", "a")]
    spec = chapter(volumes=volumes).stateful_set().spec
    assert [template["metadata"]["name"] for template in spec["volumeClaimTemplates"]] == ["a", "b"]
    sizes = (
        chapter(volumes=volumes[::-1]).stateful_set().metadata["annotations"]["pulumi-stateful-service/volume-sizes"]
    )
    assert sizes == '{"a": "1Gi", "b": "1Gi"}'


def test_a_secret_kubeconfig_makes_no_secret_outputs() -> None:
    """How the cluster is reached is a secret; the instances' names are not."""

    async def secrets() -> list[bool]:
        cluster = kubernetes.Provider("cluster", kubeconfig=pulumi.Output.secret("a: b"))
        rg = StatefulService("rg", {"image": "a"}, pulumi.ResourceOptions(provider=cluster))
        return [await output.is_secret() for output in (rg.instances, rg.revisions, rg.service_address)]

    assert deploy(secrets).result == [False, False, False]


def test_a_volumes_arguments(chapter: Chapter) -> None:
    """Access modes, reading only and a folder of the volume reach the claim and the mount."""
    volume = {"name": "a", "mount_path": "/a", "size": "1Gi", "sub_path": "b", "read_only": True}
    deployed = chapter(volumes=[volume | {"access_modes": ["ReadWriteOncePod"]}])
    [template] = deployed.stateful_set().spec["volumeClaimTemplates"]
    assert template["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert container(deployed)["volumeMounts"] == [
        {"name": "a", "mountPath": "/a", "subPath": "b", "readOnly": True},
    ]


@pytest.mark.parametrize(
    ("argument", "value", "path", "expected"),
    [
        ("replicas", 0, "replicas", 0),
        ("pod_management_policy", "Parallel", "podManagementPolicy", "Parallel"),
        ("partition", 1, "updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}),
        ("canary", 2, "updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
        ("canary", 1, "updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}),
        ("canary", 0, "updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}),
        (
            "max_unavailable",
            "50%",
            "updateStrategy",
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": "50%"}},
        ),
        ("update_strategy", "OnDelete", "updateStrategy", {"type": "OnDelete"}),
        ("min_ready_seconds", 5, "minReadySeconds", 5),
        ("revision_history_limit", 0, "revisionHistoryLimit", 0),
        ("ordinals", {"start": 5}, "ordinals", {"start": 5}),
    ],
)
def test_fields_of_the_set(chapter: Chapter, argument: str, value: Any, path: str, expected: Any) -> None:
    """An argument of the set is the field of that name, zero included."""
    assert chapter(**{argument: value}).stateful_set().spec[path] == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ({"partition": 6}, 1),
        ({"partition": 3}, 0),
        ({"canary": 1}, 1),
        ({"canary": lambda: pulumi.Output.from_input(2)}, 0),
    ],
)
def test_p10_steps_where_the_numbering_starts_elsewhere(chapter: Chapter, steps: Any, expected: int) -> None:
    """A partition is an ordinal; Kubernetes gets it counted from the first one."""
    strategy = chapter(ordinals={"start": 5}, **steps).stateful_set().spec["updateStrategy"]
    assert strategy["rollingUpdate"]["partition"] == expected


@pytest.mark.parametrize("held_back", [{"partition": 1}, {"canary": 1}])
def test_the_provider_does_not_judge_a_set_that_is_held_back(chapter: Chapter, held_back: Any) -> None:
    """With a partition the provider's check is off for refresh too, and a deletion leaves nothing half-deleted."""
    assert chapter(**held_back).stateful_set().metadata["annotations"] == {
        "pulumi-stateful-service/volume-sizes": '{"logs": "10Mi"}',
        "pulumi.com/patchFieldManager": "pulumi-stateful-service.rg",
        "pulumi.com/patchForce": "true",
        "pulumi.com/skipAwait": "true",
        "pulumi.com/deletionPropagationPolicy": "background",
    }


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
    """An argument of the Pods is the field of that name in the template."""
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
    """An argument of the container is the field of that name."""
    assert container(chapter(**{argument: value}))[field] == expected


def test_values_can_refer_to_variables_from_other_objects(chapter: Chapter) -> None:
    """Variables from Secrets and ConfigMaps come first, since $(NAME) refers to what comes before."""
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


def test_labels_and_annotations(chapter: Chapter) -> None:
    """Labels reach every object and the Pods, but no claim template; annotations every object but not the Pods."""
    deployed = chapter(
        labels={"team": "a"},
        annotations={"note": "b"},
        pod_annotations={"scrape": "true"},
        storage_class={"provisioner": "p"},
        load_balancer={"annotations": {"internal": "true"}},
    )
    for made in deployed.resources[1:]:
        assert made.metadata["labels"]["team"] == "a"
        assert made.metadata["annotations"]["note"] == "b"
    assert deployed.stateful_set().metadata["annotations"]["pulumi.com/waitFor"]
    assert deployed.one("Service", "random-generator-lb").metadata["annotations"]["internal"] == "true"
    template = deployed.stateful_set().spec["template"]
    assert template["metadata"]["labels"]["team"] == "a"
    assert template["metadata"]["annotations"] == {"scrape": "true"}
    assert deployed.stateful_set().spec["volumeClaimTemplates"][0]["metadata"] == {"name": "logs"}
    assert "team" not in deployed.stateful_set().spec["selector"]["matchLabels"]


def test_p03_peers_before_they_are_ready(chapter: Chapter) -> None:
    """On request the governing Service lists instances that are not ready."""
    assert chapter(publish_not_ready_addresses=True).governing_service().spec["publishNotReadyAddresses"] is True


@pytest.mark.parametrize(
    ("load_balancer", "kind", "ports"),
    [
        ({}, "ClusterIP", [{"name": "http", "port": 8080, "targetPort": "http"}]),
        ({"port": 80}, "ClusterIP", [{"name": "http", "port": 80, "targetPort": "http"}]),
        ({"type": "NodePort"}, "NodePort", [{"name": "http", "port": 8080, "targetPort": "http"}]),
        ({"type": "LoadBalancer", "port": 80, "target_port": "http"}, "LoadBalancer", None),
    ],
)
def test_p12_the_load_balancing_service(chapter: Chapter, load_balancer: Any, kind: str, ports: Any) -> None:
    """Any type; by default every port under its own number."""
    spec = chapter(load_balancer=load_balancer).one("Service", "random-generator-lb").spec
    assert spec["type"] == kind
    assert spec["ports"] == (ports or [{"name": "http", "port": 80, "targetPort": "http"}])
    assert spec["selector"] == {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"}


def test_p12_everything_a_load_balancer_can_say(chapter: Chapter) -> None:
    """Class, networks, traffic, affinity, families and ports under Kubernetes' names."""
    service = chapter(
        ports={"http": 8080, "dns": 53},
        port_protocols={"dns": "UDP"},
        app_protocols={"http": "kubernetes.io/h2c"},
        ip_family_policy="PreferDualStack",
        ip_families=["IPv6", "IPv4"],
        load_balancer={
            "type": "LoadBalancer",
            "ports": {"http": 80},
            "load_balancer_class": "example.com/lb",
            "load_balancer_source_ranges": ["10.0.0.0/8"],
            "external_traffic_policy": "Local",
            "internal_traffic_policy": "Cluster",
            "traffic_distribution": "PreferSameZone",
            "session_affinity": "ClientIP",
            "session_affinity_timeout_seconds": 60,
            "wait_for_address": False,
        },
    ).one("Service", "random-generator-lb")
    assert service.metadata["annotations"]["pulumi.com/skipAwait"] == "true"
    assert service.spec == {
        "type": "LoadBalancer",
        "selector": {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"},
        "ports": [{"name": "http", "port": 80, "targetPort": "http", "appProtocol": "kubernetes.io/h2c"}],
        "loadBalancerClass": "example.com/lb",
        "loadBalancerSourceRanges": ["10.0.0.0/8"],
        "externalTrafficPolicy": "Local",
        "internalTrafficPolicy": "Cluster",
        "trafficDistribution": "PreferSameZone",
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
        "ipFamilyPolicy": "PreferDualStack",
        "ipFamilies": ["IPv6", "IPv4"],
    }


def test_p03_protocols_reach_containers_services_and_srv_names() -> None:
    """A UDP port is one everywhere, and its SRV name says so."""

    def program() -> Any:
        args: StatefulServiceArgs = {"image": "a", "ports": {"dns": 53}, "port_protocols": {"dns": "UDP"}}
        return StatefulService("rg", args).srv_names

    deployed = deploy(program)
    assert container(deployed)["ports"] == [{"name": "dns", "containerPort": 53, "protocol": "UDP"}]
    assert deployed.governing_service().spec["ports"] == [
        {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"}
    ]
    assert deployed.result == {"dns": "_dns._udp.rg.default.svc.cluster.local"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"instance_services": {}}, ["rg-0", "rg-1"]),
        ({"instance_services": {}, "ordinals": {"start": 5}}, ["rg-5", "rg-6"]),
        ({"instance_services": {"ordinals": [1, 7]}}, ["rg-1"]),
        ({"instance_services": {"ordinals": [1, 7]}, "autoscaled": True}, ["rg-1", "rg-7"]),
        ({}, []),
    ],
)
def test_p12_services_of_instances(chapter: Chapter, changes: Any, expected: list[str]) -> None:
    """Each instance that there is, or each chosen one, has a Service that leads to it alone, made after the set."""
    deployed = chapter(**changes)
    services = [each for each in deployed.all("Service") if each.metadata["name"] != "random-generator"]
    assert sorted(service.metadata["name"] for service in services) == expected
    for service in services:
        name = service.metadata["name"]
        assert service.spec["selector"]["statefulset.kubernetes.io/pod-name"] == name
        assert deployed.comes_after(service, deployed.stateful_set())


def test_p12_addresses_of_instances() -> None:
    """An instance with a Service of its own has an address of its own; one that has none yet is left out."""

    def computed(_: str, inputs: Any) -> Any:
        ingress = [{"hostname": "first.example.org"}] if inputs.get("metadata", {}).get("name") == "rg-0" else []
        return {"metadata": {"namespace": "prod"}, "status": {"loadBalancer": {"ingress": ingress}}}

    def program(kind: str) -> Any:
        args: StatefulServiceArgs = {
            "image": "a",
            "replicas": 2,
            "ports": {"http": 80},
            "instance_services": {"type": kind},
        }
        return StatefulService("rg", args).instance_service_addresses

    inside = "prod.svc.cluster.local"
    assert deploy(lambda: program("LoadBalancer"), computed=computed).result == {"rg-0": "first.example.org"}
    assert deploy(lambda: program("ClusterIP"), computed=computed).result == {
        "rg-0": f"rg-0.{inside}",
        "rg-1": f"rg-1.{inside}",
    }


def test_p02_p03_an_instance_is_told_its_names(chapter: Chapter) -> None:
    """Its own names, its Service's, and its peers' in any form, before the user's variables, which refer to them."""
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
        {"name": "SERVICE_NAME", "value": "random-generator"},
        {"name": "SERVICE_ADDRESS", "value": "random-generator.$(POD_NAMESPACE).svc.example.org"},
        {"name": "POD_ADDRESS", "value": "$(POD_NAME).$(SERVICE_ADDRESS)"},
        {"name": "CLUSTER", "value": "rg-3=http://rg-3.$(SERVICE_ADDRESS):3,rg-4=http://rg-4.$(SERVICE_ADDRESS):4"},
        {"name": "URL", "value": "http://$(POD_ADDRESS)"},
    ]


def test_secret_variables_are_kept_in_a_secret(chapter: Chapter) -> None:
    """The set refers to them by name; a new value changes the Pods by something that tells nothing of it."""
    deployed = chapter(secret_env={"PASSWORD": "swordfish"})
    secret = deployed.one("Secret", "rg-env")
    assert "'PASSWORD': 'swordfish'" in str(secret.inputs["stringData"])
    assert container(deployed)["env"][0] == {
        "name": "PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "rg-env", "key": "PASSWORD"}},
    }
    assert "swordfish" not in str(deployed.stateful_set().inputs)
    assert deployed.comes_after(deployed.stateful_set(), secret)

    def version(of: Deployment) -> Any:
        return of.stateful_set().spec["template"]["metadata"]["annotations"]["pulumi-stateful-service/secret-env"]

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
def test_what_an_image_needs_is_opened(chapter: Chapter, security: Any, pod: Any, of_container: Any) -> None:
    """Users, groups and capabilities are given; a lesser standard leaves them to the image."""
    deployed = chapter(security=security)
    common = {"fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"}}
    assert pod_spec(deployed)["securityContext"] == {**common, **pod}
    assert container(deployed).get("securityContext") == of_container


def test_nothing_is_said_of_a_privileged_pod(chapter: Chapter) -> None:
    """Then everything is the user's to say."""
    deployed = chapter(security={"standard": "privileged"})
    assert "securityContext" not in pod_spec(deployed)
    assert "securityContext" not in container(deployed)


def test_the_network_policy(chapter: Chapter) -> None:
    """Peers may use every port, clients those of the service, or those given."""
    selector = {"matchLabels": {"app.kubernetes.io/name": "rg", "app.kubernetes.io/instance": "rg"}}
    policy = chapter(
        ports={"http": 8080, "dns": 53},
        port_protocols={"dns": "UDP"},
        network_policy={
            "clients": [
                {"pod_labels": {"app": "shop"}},
                {"namespace": "monitoring", "ports": ["http"]},
                {"namespace_labels": {"team": "a"}, "pod_labels": {"app": "b"}},
                {"cidr": "10.0.0.0/8"},
            ]
        },
    ).one("NetworkPolicy", "rg")
    http, dns = {"port": 8080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}
    assert policy.spec == {
        "podSelector": selector,
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"podSelector": selector}]},
            {"from": [{"podSelector": {"matchLabels": {"app": "shop"}}}], "ports": [http, dns]},
            {
                "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
                "ports": [http],
            },
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"team": "a"}},
                        "podSelector": {"matchLabels": {"app": "b"}},
                    }
                ],
                "ports": [http, dns],
            },
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [http, dns]},
        ],
    }


def test_an_autoscaler_owns_the_number_of_instances(chapter: Chapter) -> None:
    """The number is sent once, and Pulumi does not look at it again."""
    deployed = chapter(autoscaled=True)
    assert deployed.stateful_set().spec["replicas"] == 2
    assert "spec.replicas" in deployed.stateful_set().options.ignore_changes
    assert "spec.replicas" not in chapter().stateful_set().options.ignore_changes


def test_instances_are_kept_apart_as_told(chapter: Chapter) -> None:
    """Strictly, softly, or not at all, over nodes and zones."""
    constraints = pod_spec(chapter(spread_over_nodes="DoNotSchedule", spread_over_zones="Off"))
    assert [(each["topologyKey"], each["whenUnsatisfiable"]) for each in constraints["topologySpreadConstraints"]] == [
        ("kubernetes.io/hostname", "DoNotSchedule")
    ]
    assert "topologySpreadConstraints" not in pod_spec(chapter(spread_over_nodes="Off", spread_over_zones="Off"))


def test_null_takes_a_field_away(chapter: Chapter) -> None:
    """As in a strategic merge."""
    deployed = chapter(pod_template={"spec": {"securityContext": {"fsGroup": None, "fsGroupChangePolicy": None}}})
    assert pod_spec(deployed)["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_every_argument_may_be_an_output(chapter: Chapter) -> None:
    """Outputs in place of values give the same objects."""

    def apply_inputs(value: Any) -> Any:
        return lambda: pulumi.Output.from_input(value)

    plain = chapter(storage_class={"provisioner": "p"}, load_balancer={"port": 80}, partition=1, labels={"a": "b"})
    outputs = chapter(
        image=apply_inputs("random-generator:1.0"),
        name=apply_inputs("rg"),
        replicas=apply_inputs(2),
        service_name=apply_inputs("random-generator"),
        ports={"http": apply_inputs(8080)},
        env={"LOG_FILE": apply_inputs("/opt/logs/random.log")},
        volumes=[{"name": "logs", "mount_path": apply_inputs("/opt/logs"), "size": apply_inputs("10Mi")}],
        storage_class={"provisioner": apply_inputs("p")},
        load_balancer={"port": apply_inputs(80)},
        partition=apply_inputs(1),
        labels={"a": apply_inputs("b")},
    )
    assert {made.type + made.name: made.inputs for made in outputs.resources} == {
        made.type + made.name: made.inputs for made in plain.resources
    }


def test_the_pod_template_is_laid_over(chapter: Chapter) -> None:
    """Side-cars are added, the component's own container is extended, all in Kubernetes' words."""
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


def test_an_overlay_changes_nothing_below_it() -> None:
    """The base stays as it was, and what the overlay does not mention stays in the result."""
    base = {"a": {"b": 1}, "env": [{"name": "x", "value": "1"}], "args": ["a"]}
    result = strategic_merge(base, {"a": {"c": 2}, "env": [{"name": "y"}, {"name": "x", "value": "2"}], "args": ["b"]})
    assert result == {
        "a": {"b": 1, "c": 2},
        "env": [{"name": "x", "value": "2"}, {"name": "y"}],
        "args": ["b"],
    }
    assert base == {"a": {"b": 1}, "env": [{"name": "x", "value": "1"}], "args": ["a"]}
