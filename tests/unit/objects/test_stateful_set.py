"""The StatefulSet, its outputs, and what all objects have in common."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_stateful_service import StatefulService
from pulumi_stateful_service.foundation.names import component_label
from pulumi_stateful_service.testing import Deployment, deploy

Chapter = Callable[..., Deployment]
COMPONENT = "urn:pulumi:stack::project::pulumi:pulumi:Stack$stateful-service:index:StatefulService::rg"


def test_the_whole_stateful_set(chapter: Chapter) -> None:
    """The chapter's example, field by field."""
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
                    "enableServiceLinks": False,
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
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "volumeMounts": [{"name": "logs", "mountPath": "/opt/logs"}],
                        }
                    ],
                },
            },
            "volumeClaimTemplates": [
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "metadata": {"name": "logs"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
                }
            ],
        },
    }


def test_an_image_is_enough() -> None:
    """One instance without ports or volumes, whose governing Service has the name of the StatefulSet."""
    deployed = deploy(lambda: StatefulService("rg", {"image": "a"}))
    spec = deployed.stateful_set("rg").spec
    assert (spec["replicas"], spec["serviceName"]) == (1, "rg")
    assert "volumeClaimTemplates" not in spec
    assert "ports" not in deployed.governing_service().spec


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
def test_fields_of_the_stateful_set(chapter: Chapter, argument: str, value: Any, path: str, expected: Any) -> None:
    """Each argument sets the field of that name, zero included."""
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
def test_p10_a_partition_with_ordinals_from_five(chapter: Chapter, steps: Any, expected: int) -> None:
    """The argument is an ordinal; Kubernetes counts from the first one."""
    strategy = chapter(ordinals={"start": 5}, **steps).stateful_set().spec["updateStrategy"]
    assert strategy["rollingUpdate"]["partition"] == expected


@pytest.mark.parametrize("held_back", [{"partition": 1}, {"canary": 1}])
def test_pulumis_provider_does_not_wait_for_a_partitioned_stateful_set(chapter: Chapter, held_back: Any) -> None:
    """Nor in a refresh. It then does not wait for a deletion either, so that must leave nothing half-deleted."""
    assert chapter(**held_back).stateful_set().metadata["annotations"] == {
        "pulumi-stateful-service/volume-sizes": '{"logs": "10Mi"}',
        "pulumi.com/patchFieldManager": "pulumi-stateful-service.rg",
        "pulumi.com/patchForce": "true",
        "pulumi.com/skipAwait": "true",
        "pulumi.com/deletionPropagationPolicy": "background",
    }


def test_replicas_are_an_autoscalers(chapter: Chapter) -> None:
    """The number is sent once, and Pulumi ignores later changes."""
    deployed = chapter(autoscaled=True)
    assert deployed.stateful_set().spec["replicas"] == 2
    assert "spec.replicas" in deployed.stateful_set().options.ignore_changes
    assert "spec.replicas" not in chapter().stateful_set().options.ignore_changes


def test_labels_and_annotations(chapter: Chapter) -> None:
    """Labels go to every object and to the Pods, but not to claim templates; annotations not to the Pods."""
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


def test_every_argument_may_be_an_output(chapter: Chapter) -> None:
    """Outputs give the same objects as their values."""

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


def test_outputs(chapter: Chapter) -> None:  # noqa: ARG001 - the same example, built here for its outputs
    """The names that other stacks need."""

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


def test_a_secret_kubeconfig_makes_no_secret_outputs() -> None:
    """How to reach the cluster is a secret; the names of the instances are not."""

    async def secrets() -> list[bool]:
        cluster = kubernetes.Provider("cluster", kubeconfig=pulumi.Output.secret("a: b"))
        rg = StatefulService("rg", {"image": "a"}, pulumi.ResourceOptions(provider=cluster))
        return [await output.is_secret() for output in (rg.instances, rg.revisions, rg.service_address)]

    assert deploy(secrets).result == [False, False, False]
