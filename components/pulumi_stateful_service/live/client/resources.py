"""Kubernetes objects as the API has them: where each kind is found, and what the requests about it are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject

KubernetesObjects = list[KubernetesObject]


@dataclass(frozen=True)
class Resource:
    """Where a kind is found."""

    api_version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of an object, or without a name of all: those of a namespace, or those of all namespaces."""
        root = "apis" if "/" in self.api_version else "api"
        scope = ["namespaces", namespace] if self.namespaced and namespace else []
        parts = [root, *self.api_version.split("/"), *scope, self.plural, name, subresource]
        return "".join(f"/{quote(part, safe='')}" for part in parts if part)

    def described(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The same in words, as kubectl says it: ``persistentvolumeclaims/data-0 in namespace prod``."""
        what = "/".join(part for part in (self.plural, name, subresource) if part)
        if not self.namespaced:
            return f"{what} (cluster-wide)"
        return f"{what} in namespace {namespace}" if namespace else f"{what} in all namespaces"


RESOURCES = {
    "ConfigMap": Resource("v1", "configmaps"),
    "ControllerRevision": Resource("apps/v1", "controllerrevisions"),
    "Endpoints": Resource("v1", "endpoints"),
    "EndpointSlice": Resource("discovery.k8s.io/v1", "endpointslices"),
    "Event": Resource("v1", "events"),
    "Job": Resource("batch/v1", "jobs"),
    "Namespace": Resource("v1", "namespaces", namespaced=False),
    "NetworkPolicy": Resource("networking.k8s.io/v1", "networkpolicies"),
    "Node": Resource("v1", "nodes", namespaced=False),
    "PersistentVolume": Resource("v1", "persistentvolumes", namespaced=False),
    "PersistentVolumeClaim": Resource("v1", "persistentvolumeclaims"),
    "Pod": Resource("v1", "pods"),
    "PodDisruptionBudget": Resource("policy/v1", "poddisruptionbudgets"),
    "Secret": Resource("v1", "secrets"),
    "SelfSubjectAccessReview": Resource("authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False),
    "Service": Resource("v1", "services"),
    "StatefulSet": Resource("apps/v1", "statefulsets"),
    "StorageClass": Resource("storage.k8s.io/v1", "storageclasses", namespaced=False),
    "VolumeGroupSnapshot": Resource("groupsnapshot.storage.k8s.io/v1", "volumegroupsnapshots"),
    "VolumeGroupSnapshotClass": Resource(
        "groupsnapshot.storage.k8s.io/v1", "volumegroupsnapshotclasses", namespaced=False
    ),
    "VolumeSnapshot": Resource("snapshot.storage.k8s.io/v1", "volumesnapshots"),
    "VolumeSnapshotClass": Resource("snapshot.storage.k8s.io/v1", "volumesnapshotclasses", namespaced=False),
}
"""The kinds that can be asked for."""

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "apply": "application/apply-patch+yaml",
    "strategic": "application/strategic-merge-patch+json",
}


def label_selector(labels: Mapping[str, str | Sequence[str]]) -> str:
    """A label selector: a value, or one of several, for each key."""
    return ",".join(
        f"{key}={value}" if isinstance(value, str) else f"{key} in ({','.join(value)})" for key, value in labels.items()
    )


def field_selector(fields: Mapping[str, str]) -> str:
    """A field selector."""
    return ",".join(f"{key}={value}" for key, value in fields.items())


def with_query(path: str, query: Mapping[str, str | None]) -> str:
    """A path with those parameters that have a value."""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
