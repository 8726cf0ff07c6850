"""The StorageClass, the claim templates, and the retention policy."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_stateful_service.testing import Deployment
from rendered import container

ZONE = {"key": "topology.kubernetes.io/zone", "values": ["a"]}
Chapter = Callable[..., Deployment]


def test_the_storage_class(chapter: Chapter) -> None:
    """By default it retains volumes, binds them when a Pod is scheduled, and allows expansion. The volumes use it."""
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


def test_fields_of_the_storage_class(chapter: Chapter) -> None:
    """Every default can be changed."""
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


def test_a_change_of_an_immutable_field_replaces_the_storage_class(chapter: Chapter) -> None:
    """The old one is deleted first, because both have one name; the StatefulSet is not replaced with it."""
    deployed = chapter(storage_class={"provisioner": "p", "default": True, "allowed_topologies": [ZONE]})
    made = deployed.one("StorageClass")
    assert made.options.replace_on_changes == ["reclaimPolicy", "volumeBindingMode"]
    assert made.options.delete_before_replace
    assert made.metadata["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert made.inputs["allowedTopologies"] == [{"matchLabelExpressions": [ZONE]}]
    # A set that used an output of the class would be replaced with it.
    assert made.urn not in frozenset().union(*deployed.stateful_set().uses.values())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"storage_class_name": "taken"}, "taken"),
        ({"storage_class_name": lambda: pulumi.Output.from_input("taken")}, "taken"),
        ({"volumes": [{"name": "a", "mount_path": "/a", "size": "1", "storage_class_name": "own"}]}, "own"),
    ],
)
def test_p07_the_storage_class_of_a_claim(chapter: Chapter, changes: Any, expected: str | None) -> None:
    """An existing one, the volume's own, or none for the cluster's default."""
    [template] = chapter(**changes).stateful_set().spec["volumeClaimTemplates"]
    assert template["spec"].get("storageClassName") == expected


def test_fields_of_a_claim_template(chapter: Chapter) -> None:
    """Each argument of a volume sets the field of that name."""
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
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
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


def test_fields_of_a_volume_mount(chapter: Chapter) -> None:
    """The access mode goes to the claim, the others to the mount."""
    volume = {"name": "a", "mount_path": "/a", "size": "1Gi", "sub_path": "b", "read_only": True}
    deployed = chapter(volumes=[volume | {"access_modes": ["ReadWriteOncePod"]}])
    [template] = deployed.stateful_set().spec["volumeClaimTemplates"]
    assert template["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert container(deployed)["volumeMounts"] == [
        {"name": "a", "mountPath": "/a", "subPath": "b", "readOnly": True},
    ]


def test_more_fields_of_a_claim_template(chapter: Chapter) -> None:
    """Any data source, requirements on labels, and the most that may be requested."""
    volume = {
        "name": "a",
        "size": "1Gi",
        "size_limit": "2Gi",
        "selector": {"disk": "a"},
        "selector_expressions": [{"key": "zone", "operator": "In", "values": ["x"]}],
        "data_source_ref": {"kind": "Dump", "name": "d", "api_group": "example.com", "namespace": "dumps"},
    }
    deployed = chapter(volumes=[volume])
    [template] = deployed.stateful_set().spec["volumeClaimTemplates"]
    assert template["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "selector": {
            "matchLabels": {"disk": "a"},
            "matchExpressions": [{"key": "zone", "operator": "In", "values": ["x"]}],
        },
        "dataSourceRef": {"apiGroup": "example.com", "kind": "Dump", "name": "d", "namespace": "dumps"},
        "resources": {"requests": {"storage": "1Gi"}, "limits": {"storage": "2Gi"}},
    }
    # For a side-car alone.
    assert "volumeMounts" not in container(deployed)


def test_a_volume_at_several_places(chapter: Chapter) -> None:
    """Each with a directory of its own; an expression may refer to the environment."""
    mounts = [{"mount_path": "/b", "sub_path": "b", "read_only": True}, {"mount_path": "/c", "sub_path_expr": "$(A)"}]
    deployed = chapter(volumes=[{"name": "a", "mount_path": "/a", "size": "1Gi", "mounts": mounts}])
    assert container(deployed)["volumeMounts"] == [
        {"name": "a", "mountPath": "/a"},
        {"name": "a", "mountPath": "/b", "readOnly": True, "subPath": "b"},
        {"name": "a", "mountPath": "/c", "subPathExpr": "$(A)"},
    ]


def test_sizes_in_one_place(chapter: Chapter) -> None:
    """For the volumes that have none of their own; as Outputs too."""
    volumes = [{"name": "a", "mount_path": "/a"}, {"name": "b", "mount_path": "/b", "size": "3Gi"}]
    deployed = chapter(volumes=volumes, volume_sizes={"a": lambda: pulumi.Output.from_input("2Gi")})
    assert set(deployed.service().claims.values()) == {"2Gi", "3Gi"}


def test_scratch_volumes(chapter: Chapter) -> None:
    """On the node's disk or in memory, without a claim."""
    scratch = [
        {"name": "tmp", "mount_path": "/scratch"},
        {"name": "cache", "mount_path": "/cache", "in_memory": True, "size_limit": "64Mi"},
        {"name": "parts", "sub_path": "a", "mount_path": "/a", "mounts": [{"mount_path": "/b", "sub_path": "b"}]},
        {"name": "elsewhere"},
    ]
    deployed = chapter(volumes=[], scratch_volumes=scratch)
    assert deployed.stateful_set().spec["template"]["spec"]["volumes"] == [
        {"name": "tmp", "emptyDir": {}},
        {"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"name": "parts", "emptyDir": {}},
        {"name": "elsewhere", "emptyDir": {}},
    ]
    assert container(deployed)["volumeMounts"] == [
        {"name": "tmp", "mountPath": "/scratch"},
        {"name": "cache", "mountPath": "/cache"},
        {"name": "parts", "mountPath": "/a", "subPath": "a"},
        {"name": "parts", "mountPath": "/b", "subPath": "b"},
    ]
    assert "volumeClaimTemplates" not in deployed.stateful_set().spec


def test_projected_volumes(chapter: Chapter) -> None:
    """Files of Secrets, ConfigMaps, tokens and the Pod's own fields, in one folder, for reading."""
    volume = {
        "name": "identity",
        "mount_path": "/identity",
        "mode": lambda: pulumi.Output.from_input("0440"),
        "sources": [
            {"secret": "tls", "items": {"tls.crt": "server.pem"}, "optional": True},
            {"config_map": "authorities"},
            {"service_account_token": {"path": "token", "audience": "vault", "expiration_seconds": 600}},
            {"pod_fields": {"labels": "metadata.labels"}},
        ],
    }
    deployed = chapter(volumes=[], projected_volumes=[volume])
    assert deployed.stateful_set().spec["template"]["spec"]["volumes"] == [
        {
            "name": "identity",
            "projected": {
                "defaultMode": 0o440,
                "sources": [
                    {"secret": {"name": "tls", "items": [{"key": "tls.crt", "path": "server.pem"}], "optional": True}},
                    {"configMap": {"name": "authorities"}},
                    {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 600}},
                    {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
                ],
            },
        }
    ]
    assert container(deployed)["volumeMounts"] == [{"name": "identity", "mountPath": "/identity", "readOnly": True}]


def test_claims_of_all_instances_are_noted(chapter: Chapter) -> None:
    """For all volumes that are snapshotted, and whatever the number of instances."""
    volumes = [{"name": name, "mount_path": f"/{name}", "size": "1Mi"} for name in ("a", "b", "c")]
    word = json.dumps({"snapshot": "BeforeLastRollout"})
    for more, expected in (({}, ["a", "b", "c"]), ({"snapshots": {"volumes": ["b"]}}, ["b"])):
        made = chapter(volumes=volumes, restore=[{"snapshot": "BeforeLastRollout"}], **more)
        note = made.stateful_set().metadata["annotations"]["pulumi-stateful-service/restored-from"]
        assert json.loads(note) == {f"{name}-rg-*": word for name in expected}


def test_restored_claims_are_noted(chapter: Chapter) -> None:
    """On the StatefulSet, so that Pulumi updates it when they change: they are created in that operation."""
    restore = [{"ordinal": 1, "volume_name": lambda: pulumi.Output.from_input("pv-1")}]
    metadata = chapter(restore=restore).stateful_set().metadata
    assert json.loads(metadata["annotations"]["pulumi-stateful-service/restored-from"]) == {
        "logs-rg-1": '{"volumeName": "pv-1"}'
    }


def test_claim_templates_are_sorted(chapter: Chapter) -> None:
    """Another order would replace the StatefulSet."""
    volumes = [{"name": name, "mount_path": f"/{name}", "size": "1Gi"} for name in ("b", "a")]
    spec = chapter(volumes=volumes).stateful_set().spec
    assert [template["metadata"]["name"] for template in spec["volumeClaimTemplates"]] == ["a", "b"]
    sizes = (
        chapter(volumes=volumes[::-1]).stateful_set().metadata["annotations"]["pulumi-stateful-service/volume-sizes"]
    )
    assert sizes == '{"a": "1Gi", "b": "1Gi"}'


def test_a_larger_size_does_not_replace_the_stateful_set(chapter: Chapter) -> None:
    """The templates keep their first size: Pulumi ignores changes to it."""
    made = chapter().stateful_set()
    assert "spec.volumeClaimTemplates" in made.options.ignore_changes


def test_p06_claims_are_deleted_only_on_request(chapter: Chapter) -> None:
    """Both fields of the retention policy can be set, each by itself."""
    policy = chapter(persistent_volume_claim_retention_policy={"when_scaled": "Delete"}).stateful_set().spec
    assert policy["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Delete"}
