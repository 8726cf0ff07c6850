"""What each argument becomes, in Kubernetes' own words."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_stateful_service import StatefulService
from pulumi_stateful_service._names import component_label
from pulumi_stateful_service._overlay import overlaid
from pulumi_stateful_service.testing import Deployment, deploy

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
        "metadata": {"name": "random-generator", "labels": labels},
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
            return inputs
        return {**inputs, "status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}}

    def program() -> pulumi.Output[str | None]:
        return StatefulService(
            "rg", {"image": "a", "ports": {"http": 8080}, "load_balancer": {"type": "LoadBalancer"}}
        ).load_balancer_address

    assert deploy(program, computed=computed).result == "lb.example.org"
    assert deploy(program).result is None


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
        ({"storage_class_name": pulumi.Output.from_input("taken")}, "taken"),
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
    assert list(made.request.ignoreChanges) == ["spec.volumeClaimTemplates[*].spec.resources.requests.storage"]


def test_a_class_whose_fields_are_fixed_is_replaced(chapter: Chapter) -> None:
    """What the API refuses to change replaces the class, old one first since both have one name, and nothing else."""
    deployed = chapter(storage_class={"provisioner": "p", "default": True, "allowed_topologies": [ZONE]})
    made = deployed.one("StorageClass")
    assert list(made.request.replaceOnChanges) == ["reclaimPolicy", "volumeBindingMode"]
    assert made.request.deleteBeforeReplace
    assert made.metadata["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert made.inputs["allowedTopologies"] == [{"matchLabelExpressions": [ZONE]}]
    # A set that used an output of the class would be replaced with it.
    used = deployed.stateful_set().request.propertyDependencies
    assert not [urn for of in used.values() for urn in of.urns if urn == made.urn]


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
    [({"partition": 6}, 1), ({"partition": 3}, 0), ({"canary": 1}, 1), ({"canary": pulumi.Output.from_input(2)}, 0)],
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


def test_every_argument_may_be_an_output(chapter: Chapter) -> None:
    """Outputs in place of values give the same objects."""

    def lifted(value: Any) -> Any:
        return pulumi.Output.from_input(value)

    plain = chapter(storage_class={"provisioner": "p"}, load_balancer={"port": 80}, partition=1, labels={"a": "b"})
    outputs = chapter(
        image=lifted("random-generator:1.0"),
        name=lifted("rg"),
        replicas=lifted(2),
        service_name=lifted("random-generator"),
        ports={"http": lifted(8080)},
        env={"LOG_FILE": lifted("/opt/logs/random.log")},
        volumes=[{"name": "logs", "mount_path": lifted("/opt/logs"), "size": lifted("10Mi")}],
        storage_class={"provisioner": lifted("p")},
        load_balancer={"port": lifted(80)},
        partition=lifted(1),
        labels={"a": lifted("b")},
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
    result = overlaid(base, {"a": {"c": 2}, "env": [{"name": "y"}, {"name": "x", "value": "2"}], "args": ["b"]})
    assert result == {
        "a": {"b": 1, "c": 2},
        "env": [{"name": "x", "value": "2"}, {"name": "y"}],
        "args": ["b"],
    }
    assert base == {"a": {"b": 1}, "env": [{"name": "x", "value": "1"}], "args": ["a"]}
