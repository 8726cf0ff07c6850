"""Values and files of earlier versions: kept while a Pod refers to them, dropped with the next change."""

import asyncio
from typing import Any

import pytest
from pulumi_stateful_service.live.earlier_values import earlier_data

METADATA = {"name": "rg-env", "namespace": "default"}


class OneObject:
    """A cluster with one Secret or ConfigMap, and Pods."""

    default_namespace = "default"

    def __init__(self, data: dict[str, str] | None, pods: list[dict[str, Any]]) -> None:
        self.data = data
        self.pods = pods

    async def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        assert (namespace, name) == ("default", "rg-env")
        return None if self.data is None else {"kind": kind, "data": self.data}

    async def list(self, *_: object) -> list[dict[str, Any]]:
        return self.pods


def kept(kind: str, data: dict[str, str] | None, new: list[str], *pods: dict[str, Any]) -> dict[str, str]:
    cluster: Any = OneObject(data, list(pods))
    return asyncio.run(earlier_data(cluster, kind, METADATA, dict.fromkeys(new, "")))


def with_variable(key: str, of: str = "rg-env", container: str = "containers") -> dict[str, Any]:
    variable = {"name": "P", "valueFrom": {"secretKeyRef": {"name": of, "key": key}}}
    containers: dict[str, Any] = {"containers": [{"name": "app"}]}
    return {"spec": {**containers, container: [{"name": "a", "env": [{"name": "Q", "value": "1"}, variable]}]}}


def with_file(source: str, named: str, key: str) -> dict[str, Any]:
    volume = {"name": "files", source: {named: "rg-env", "items": [{"key": key, "path": "a"}]}}
    return {"spec": {"containers": [{"name": "app"}], "volumes": [{"name": "tmp", "emptyDir": {}}, volume]}}


@pytest.mark.parametrize("pod", [with_variable("P.1"), with_variable("P.1", container="initContainers")])
def test_a_value_that_a_pod_refers_to_stays(pod: Any) -> None:
    """In the component's container or another one; what none refers to goes with the change."""
    assert kept("Secret", {"P.0": "a", "P.1": "b"}, ["P.2"], pod) == {"P.1": "b"}


@pytest.mark.parametrize(
    ("kind", "source", "named"), [("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")]
)
def test_a_file_that_a_pod_mounts_stays(kind: str, source: str, named: str) -> None:
    """From either kind of object."""
    assert kept(kind, {"f.0": "a", "f.1": "b"}, ["f.2"], with_file(source, named, "f.1")) == {"f.1": "b"}


def test_nothing_changes_where_no_value_does() -> None:
    """Otherwise an up without a change would have one: what nobody needs stays until then."""
    assert kept("Secret", {"P.0": "a", "P.1": "b"}, ["P.1"]) == {"P.0": "a"}


def test_other_objects_do_not_count() -> None:
    """A key of the same name in another Secret; and a first version has none before it."""
    assert not kept("Secret", {"P.1": "b"}, ["P.2"], with_variable("P.1", of="other"))
    assert not kept("Secret", None, ["P.1"])
