"""The names that Kubernetes derives, as pure functions of a set's name, an ordinal and a namespace.

They are a contract with the user's data: a claim is found again by its name alone.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TypedDict


class Instance(TypedDict):
    """One instance, as other stacks need it."""

    # Single words, since Pulumi passes the keys of listed objects on to other languages as they are.

    ordinal: int
    """Its number."""
    pod: str
    """Its Pod's name, which is its hostname too."""
    address: str
    """Its stable DNS name."""
    claims: Sequence[str]
    """The names of its claims, in the order of ``volumes``."""


COMPONENT_TYPE = "stateful-service:index:StatefulService"
"""The component's type token in Pulumi."""

CONTAINER_NAME = "app"
"""The component's container, for ``kubectl logs -c`` and for ``pod_template``."""

MAX_SET_NAME_LENGTH = 52
"""A Pod carries ``SET-HASH`` as a label, its hash up to ten characters long; a label has at most 63."""

OWN_PREFIX = "pulumi-stateful-service/"
"""Begins the keys of all labels and annotations that the component keeps for itself."""

SIZES_ANNOTATION = "pulumi-stateful-service/volume-sizes"
"""On the set: the size that each volume was last asked for, since the set's own templates keep the first."""

CLAIM_METADATA_ANNOTATION = "pulumi-stateful-service/claim-metadata"
"""On a claim: the keys of the labels and annotations that the component has set, so that it can remove them."""

RESTORED_ANNOTATION = "pulumi-stateful-service/restored-from"
"""On a restored claim, and for all of them on the StatefulSet: what it was created from."""

RECREATE_CLAIMS_ANNOTATION = "pulumi-stateful-service/recreate-claims"
"""On the StatefulSet: whose claims are recreated where they differ from the templates, and what becomes of volumes."""

REBUILD_ANNOTATION = "pulumi-stateful-service/rebuild"
"""On the StatefulSet: which volumes of instances were last given up, so that these start again with empty ones."""

REPLICAS_ANNOTATION = "pulumi-stateful-service/replicas"
"""On the StatefulSet of a service with ``members``: the number of instances that the program asks for."""

MEMBERS_ANNOTATION = "pulumi-stateful-service/members"
"""On the governing Service of such a service: how many instances, from the first, are members."""

REJOINING_ANNOTATION = "pulumi-stateful-service/rejoining"
"""On the same Service: the ordinal of the instance whose volume is being recreated, until it is a member again."""

IDENTITY_ANNOTATION = "pulumi-stateful-service/identity"
"""On the StatefulSet: the fields that cannot be changed in place, as they were last asked for."""

NAMESPACE_REPLACED_ANNOTATION = "pulumi-stateful-service/namespace-replaced"
"""On the StatefulSet: the namespace that an ``up`` asked for instead; Pulumi may have this one as pending deletion."""

ATTEMPT_ANNOTATION = "pulumi-stateful-service/attempt"
"""On the StatefulSet: raised by an ``up`` that continues what an earlier one did not complete."""

COMPONENT_LABEL = "pulumi-stateful-service/component"
"""On the set: which component it belongs to, by a digest of the component's URN."""

GROUP_LABEL = "pulumi-stateful-service/group"
"""On the StatefulSets of a service with ``groups``, and on their Pods: the name of the group."""

GROUPS_ANNOTATION = "pulumi-stateful-service/groups"
"""On the governing Service of such a service: the names of its StatefulSets, by the names of the groups."""

VERSION_LABEL = "pulumi-stateful-service/version-of"
"""On the Secrets and ConfigMaps with values and files: the name of the StatefulSet whose Pods refer to them."""

SNAPSHOT_GROUP, SNAPSHOT = "snapshot.storage.k8s.io", "VolumeSnapshot"
"""API group and kind of a snapshot."""

SNAPSHOTTED_WITH_LABEL = "pulumi-stateful-service/snapshotted-with"
"""On a claim: with which others it is snapshotted at one moment, by a digest of their names."""

SNAPSHOT_LABEL = "pulumi-stateful-service/snapshot-of"
"""On the VolumeSnapshots that are made before a change: the name of the StatefulSet."""

CHANGE_LABEL = "pulumi-stateful-service/change"
"""On the same: the change before which it was made, by a digest of the StatefulSet that is asked for."""

BEFORE_LAST_ROLLOUT = "BeforeLastRollout"
"""In place of a snapshot's name: the newest one that was made before the last rollout."""

SNAPSHOT_OF_ANNOTATION = "pulumi-stateful-service/snapshot"
"""On the same: of which claim and which Pod, by their uids, and of which generation of the StatefulSet."""

RESTORE_TEST_LABEL = "pulumi-stateful-service/restore-test-of"
"""On the Jobs that restore such snapshots to test them, and on their Pods: the name of the StatefulSet."""

RESTORE_TEST_ANNOTATION = "pulumi-stateful-service/restore-test"
"""On a VolumeSnapshot: whether it was restored and passed the test, and when."""

DATA_VERSION_ANNOTATION = "pulumi-stateful-service/data-version"
"""On a claim of a service with ``version``: the version of the application that its data are of."""

CLUSTER_ANNOTATION = "pulumi-stateful-service/cluster"
"""On the governing Service and the claims of a service with ``form_cluster``: that the application's cluster is formed,
or, on the Service, since when the command runs."""

FORMED_LABEL = "pulumi-stateful-service/output-of"
"""On the Secret with what ``form_cluster`` has printed: the name of the StatefulSet."""

RECOVERY_ANNOTATION = "pulumi-stateful-service/recovery"
"""On the governing Service and the claims of a service with ``recover``: the last recovery, from which instance, and
on the Service how far it has come."""

QUIESCED_ANNOTATION = "pulumi-stateful-service/quiesced"
"""On a claim: since when its instance is quiesced, until it is resumed."""

SERVICE_ROLE_LABEL = "pulumi-stateful-service/service-role"
"""On each Service: which of the component's it is. All select the same Pods, which a monitor should find once."""


class ServiceRole(StrEnum):
    """The values of ``SERVICE_ROLE_LABEL``."""

    GOVERNING = "governing"
    LOAD_BALANCING = "load-balancing"
    CLIENT = "client"
    INSTANCE = "instance"


POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
"""On each Pod of a StatefulSet: its name."""

FIELD_MANAGER_ANNOTATION = "pulumi.com/patchFieldManager"
"""On each object: the name under which Pulumi's provider owns its fields."""


def component_label(urn: str) -> str:
    """The value of ``COMPONENT_LABEL``: a URN is longer than a label may be."""
    return hashlib.sha256(urn.encode()).hexdigest()[:32]


def field_manager(set_name: str) -> str:
    """Under which name the fields of the component's objects are owned."""
    return f"pulumi-stateful-service.{set_name}"


def set_of_field_manager(manager: str) -> str:
    """Name of the StatefulSet whose objects this field manager owns."""
    return manager.removeprefix("pulumi-stateful-service.")


ALL_ORDINALS = "*"
"""In place of an ordinal, in the name of a claim that stands for those of all instances: no name has it."""


def group_set_name(service: str, group: str) -> str:
    """The default name of the StatefulSet of a group."""
    return f"{service}-{group}"


def pod_name(set_name: str, ordinal: int | str) -> str:
    """The Pod's name and hostname."""
    return f"{set_name}-{ordinal}"


def claim_name(volume_name: str, set_name: str, ordinal: int | str) -> str:
    """The claim that a template makes for one instance."""
    return f"{volume_name}-{pod_name(set_name, ordinal)}"


def service_address(service_name: str, namespace: str, cluster_domain: str) -> str:
    """A Service's DNS name; of a headless one, it leads to every instance."""
    return f"{service_name}.{namespace}.svc.{cluster_domain}"


def pod_address(pod: str, governing_service_address: str) -> str:
    """An instance's stable DNS name."""
    return f"{pod}.{governing_service_address}"


def for_instance(template: str, pod: str, ordinal: int | str) -> str:
    """A text with the names of one instance in it. Other braces stay: annotations are often JSON."""
    return template.replace("{pod}", pod).replace("{ordinal}", str(ordinal))


def srv_name(port_name: str, protocol: str, governing_service_address: str) -> str:
    """The name whose SRV records list every instance with the number of this port."""
    return f"_{port_name}._{protocol.lower()}.{governing_service_address}"


def load_balancer_name(service_name: str) -> str:
    """The default name of the Service over all instances."""
    return f"{service_name}-lb"


def secret_name(set_name: str) -> str:
    """What the names of the Secrets that hold the values of ``secret_env`` begin with."""
    return f"{set_name}-env"


FILE_VOLUMES = {"config_files": "config-files", "secret_files": "secret-files"}
"""The volumes with the files of these arguments."""


_NOT_IN_KEYS = re.compile(r"[^-._a-zA-Z0-9]")
_MAX_READABLE = 200
"""Of a key's 253 characters; a digest may follow."""


def files_name(set_name: str) -> str:
    """What the names of the ConfigMaps of ``config_files`` and of the Secrets of ``secret_files`` begin with."""
    return f"{set_name}-files"


def file_keys(paths: Iterable[str]) -> dict[str, str]:
    """The key of each file by its absolute path, and the file's name in its volume: no two files have the same.

    A path whose key another path or no path could have gets a digest in it.
    """
    readable = {path: _NOT_IN_KEYS.sub("_", path.strip("/").replace("/", ".")) for path in paths}
    users = Counter(readable.values())
    return {
        path: key
        if users[key] == 1 and not key.startswith("..") and len(key) <= _MAX_READABLE
        else _digest_key(path, key)
        for path, key in readable.items()
    }


def _digest_key(path: str, readable: str) -> str:
    return f"{readable.lstrip('.')[:_MAX_READABLE]}-{hashlib.sha256(path.encode()).hexdigest()[:16]}"


def version_name(name: str, digest: str) -> str:
    """Name of the Secret or ConfigMap with the values that have this digest."""
    return f"{name}-{digest}"


_VERSION = re.compile(r"(.+)-([0-9a-f]{24})")


def name_and_digest(version: str) -> tuple[str, str] | None:
    """What ``version_name`` was made from; None for another name."""
    found = _VERSION.fullmatch(version)
    return (found[1], found[2]) if found else None


def storage_class_name(project: str, stack: str, set_name: str) -> str:
    """The default name of a class that the component makes: cluster-wide, so it carries project and stack."""
    return f"{project}-{stack}-{set_name}".lower().replace("_", "-")


def instances(
    set_name: str,
    governing_service_address: str,
    volume_names: Sequence[str],
    ordinals: range,
) -> list[Instance]:
    """Every instance with its names."""
    return [
        Instance(
            ordinal=ordinal,
            pod=(pod := pod_name(set_name, ordinal)),
            address=pod_address(pod, governing_service_address),
            claims=[claim_name(volume, set_name, ordinal) for volume in volume_names],
        )
        for ordinal in ordinals
    ]


DISCOVERED = (
    *("POD_NAME", "POD_ORDINAL", "POD_NAMESPACE", "POD_IP", "HOST_IP", "NODE_NAME"),
    *("SERVICE_NAME", "SERVICE_ADDRESS", "POD_ADDRESS", "FIRST_POD_ADDRESS"),
    *("LOAD_BALANCER_ADDRESS", "INSTANCE_SERVICE_ADDRESS"),
)
"""The variables that ``discovery`` gives, besides the lists of peers."""

DISCOVERED_IN_GROUPS = ("GROUP_NAME",)
"""The variables that ``discovery`` gives besides in a service with ``groups``."""
