"""The StatefulSet that the engine is asked for, and what is noted on it of its identity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.outputs import contains_unknown
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.state.stateful_set_fields import IDENTITY_FIELDS

IGNORED = tuple(f"spec.{field}" for field in IDENTITY_FIELDS)
"""They are left to the guard: the engine never replaces the StatefulSet for them, and the provider sends live ones."""

IGNORED_WITH_CLAIMS = ("metadata.name", "metadata.namespace")
"""Claims are found by them, so that a StatefulSet that has claims must keep them."""


@dataclass(frozen=True)
class DesiredStatefulSet:
    """The StatefulSet as the component registers it, or as the engine sends it after all transforms."""

    change: Change
    protected: bool
    ignored: Sequence[str] = ()
    """The paths whose changes the engine ignores: there it sends what its state has."""

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

    def with_sent(self, change: Change, *, is_update: bool) -> "DesiredStatefulSet":
        """The same as the engine sends it, with what is wanted where it sends what its state has.

        The engine ignores changes of fields that the component changes itself. Without a state it sends them as well.
        """
        sent = change.stateful_set
        for path in self.ignored if is_update else ():
            sent = _with_field(sent, self.change.stateful_set, path.split("."))
        return replace(self, change=replace(change, stateful_set=sent))

    def with_uid(self, uid: str | None) -> "DesiredStatefulSet":
        """The same for the StatefulSet with this uid, which Pulumi's state has."""
        return replace(self, change=replace(self.change, uid=uid))

    def where(self, cluster: Cluster) -> tuple[str, str]:
        """Its namespace and name."""
        return self.metadata.get("namespace") or cluster.default_namespace, self.metadata["name"]


def _with_field(target: KubernetesObject, source: Mapping[str, Any], path: Sequence[str]) -> KubernetesObject:
    """A copy of an object with the field at a path as another object has it."""
    name, *inner = path
    result = {**target}
    if name not in source:
        result.pop(name, None)
    elif inner and isinstance(source[name], Mapping) and isinstance(target.get(name), Mapping):
        result[name] = _with_field(target[name], source[name], inner)
    else:
        result[name] = source[name]
    return result
