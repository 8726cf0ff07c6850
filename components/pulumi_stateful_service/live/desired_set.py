"""The StatefulSet that the engine is asked for, and what is noted on it of its identity."""

import json
from dataclasses import dataclass, replace
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.outputs import UNKNOWN, contains_unknown
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.preflight import Change
from pulumi_stateful_service.live.stateful_set_fields import IDENTITY_FIELDS

IGNORED = tuple(f"spec.{field}" for field in IDENTITY_FIELDS)
"""They are left to the guard: the engine never replaces the StatefulSet for them, and the provider sends live ones."""

IGNORED_WITH_CLAIMS = ("metadata.name", "metadata.namespace")
"""Claims are found by them, so that a StatefulSet that has claims must keep them."""


@dataclass(frozen=True)
class DesiredStatefulSet:
    """The StatefulSet as the engine is asked for it, after all transformations."""

    change: Change
    protected: bool

    @property
    def metadata(self) -> KubernetesObject:
        """Its metadata."""
        return dict(self.change.stateful_set["metadata"])

    @property
    def spec(self) -> KubernetesObject:
        """Its spec."""
        return dict(self.change.stateful_set["spec"])

    @property
    def is_named(self) -> bool:
        """Whether its name and namespace are known."""
        return not contains_unknown([self.metadata.get("name"), self.metadata.get("namespace")])

    @property
    def keeps_replicas(self) -> bool:
        """Whether the number of instances stays as it is when the StatefulSet is sent: others change it."""
        return self.change.autoscaled or self.change.members is not None

    def with_replicas(self, live: KubernetesObject) -> "DesiredStatefulSet":
        """The same with the live number of replicas."""
        spec = {**self.spec, "replicas": live["spec"].get("replicas", 1)}
        return replace(self, change=replace(self.change, stateful_set={"metadata": self.metadata, "spec": spec}))

    def with_uid(self, uid: str | None) -> "DesiredStatefulSet":
        """The same for the StatefulSet with this uid, which Pulumi's state has."""
        return replace(self, change=replace(self.change, uid=uid))

    def where(self, cluster: Cluster) -> tuple[str, str]:
        """Its namespace and name."""
        return self.metadata.get("namespace") or cluster.default_namespace, self.metadata["name"]


def identity_note(metadata: KubernetesObject, spec: KubernetesObject) -> Any:
    """The identity fields as the annotation notes them. Sizes are not among them: volumes grow in place."""
    fields = {field: spec.get(field) for field in IDENTITY_FIELDS if spec.get(field) is not None}
    fields |= {field: metadata[field] for field in ("name", "namespace") if field in metadata}
    if contains_unknown(fields):
        return UNKNOWN
    noted = json.loads(json.dumps(fields))
    for template in noted.get("volumeClaimTemplates", []):
        template["spec"].pop("resources", None)
    return json.dumps(noted, sort_keys=True, separators=(",", ":"))
