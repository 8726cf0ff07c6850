"""Versions of values: which are owned, deleted and created again; and the names of before."""

import asyncio
from typing import Any, cast

import pulumi
import pytest
from pulumi_stateful_service.foundation.names import VERSION_LABEL, field_manager, name_and_digest, version_name
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.versions.earlier_names import earlier_digests, earlier_name, with_earlier_names
from pulumi_stateful_service.live.versions.version_objects import Version, delete_superseded, ensure, own

DIGEST, OTHER = "0123456789abcdef01234567", "f" * 24
SET = {
    "metadata": {"name": "rg", "namespace": "default", "uid": "set-2"},
    "spec": {
        "selector": {"matchLabels": {"app": "rg"}},
        "template": {"spec": {"containers": [{"envFrom": [{"secretRef": {"name": "rg-env-live"}}]}]}},
    },
    "status": {"currentRevision": "rg-1", "updateRevision": "rg-2"},
}
OWNER = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "rg", "uid": "set-2"}
EARLIER_OWNER = {**OWNER, "uid": "set-1"}
SOMEBODY = {"apiVersion": "v1", "kind": "Pod", "name": "rg", "uid": "set-1"}


def secret(name: str, *owners: dict[str, str], manager: str = field_manager("rg")) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid of {name}",
            "resourceVersion": "7",
            "labels": {VERSION_LABEL: "rg"},
            "annotations": {"pulumi.com/patchFieldManager": manager},
            **({"ownerReferences": [*owners]} if owners else {}),
        }
    }


class OneNamespace:
    """A cluster with these Secrets and revisions. A patch that is refused has the object gone, as after a race."""

    def __init__(self, *secrets: dict[str, Any], revisions: tuple[str, ...] = ()) -> None:
        self.secrets = {each["metadata"]["name"]: each for each in secrets}
        self.revisions = revisions
        self.refuses = False
        self.deleted: list[tuple[str, str]] = []

    async def get_stateful_set(self, _: str, __: str) -> dict[str, Any]:
        return SET

    async def get(self, _: str, __: str, name: str) -> dict[str, Any] | None:
        return self.secrets.get(name)

    async def list(self, kind: str, namespace: str, labels: dict[str, str]) -> list[dict[str, Any]]:
        assert namespace == "default"
        if kind == "ControllerRevision":
            assert labels == {"app": "rg"}
            return [
                {"metadata": {"name": f"rg-{number}"}, "data": {"name": name}}
                for number, name in enumerate(self.revisions)
            ]
        assert (kind, labels) == ("Secret", {VERSION_LABEL: "rg"})
        return list(self.secrets.values())

    async def patch(self, _: str, __: str, name: str, body: dict[str, Any], **options: Any) -> None:
        if options.get("patch_type") == "apply":
            self.secrets[name] = secret(name)
            return
        if self.refuses:
            del self.secrets[name]
            raise ClusterError("changed", status=409)
        metadata = self.secrets[name]["metadata"]
        assert body["metadata"].items() >= {"uid": metadata["uid"], "resourceVersion": "7"}.items()
        metadata["ownerReferences"] = body["metadata"]["ownerReferences"]

    async def delete(self, _: str, __: str, name: str, *, uid: str, **___: Any) -> bool:
        self.deleted.append((name, uid))
        return True

    @property
    def owners(self) -> dict[str, Any]:
        return {name: each["metadata"].get("ownerReferences", []) for name, each in self.secrets.items()}

    def as_cluster(self) -> Cluster:
        return cast("Cluster", self)


def test_versions_are_owned_by_the_stateful_set_that_is_there() -> None:
    """Instead of the one before; other owners stay, and what is not the component's is left alone."""
    strange = secret("c", manager="somebody")
    cluster = OneNamespace(secret("a"), secret("b", SOMEBODY, EARLIER_OWNER), strange)
    asyncio.run(own(cluster.as_cluster(), SET, ["Secret"]))
    assert cluster.owners == {"a": [OWNER], "b": [SOMEBODY, OWNER], "c": []}


def test_only_what_no_revision_refers_to_is_deleted() -> None:
    """Not what the StatefulSet or Pulumi refers to, what it does not own, or what is not the component's."""
    cluster = OneNamespace(
        secret("rg-env-live", OWNER),
        secret("rg-env-revision", OWNER),
        secret("rg-env-pulumi", OWNER),
        secret("rg-env-not-owned"),
        secret("rg-env-strange", OWNER, manager="somebody"),
        secret("rg-env-revisio", OWNER),
        revisions=("rg-env-revision",),
    )
    deleted = asyncio.run(delete_superseded(cluster.as_cluster(), SET, ["Secret"], {"rg-env-pulumi"}))
    assert [version.described for version in deleted] == ["Secret default/rg-env-revisio"]
    assert cluster.deleted == [("rg-env-revisio", "uid of rg-env-revisio")]


@pytest.mark.parametrize(
    ("owners", "uid", "kept"),
    [
        ([], "", []),
        ([OWNER], "set-2", [OWNER]),
        ([EARLIER_OWNER], "set-2", []),
        ([OWNER], "", []),
        ([SOMEBODY, EARLIER_OWNER], "", [SOMEBODY]),
    ],
)
def test_a_version_is_released_from_a_stateful_set_that_is_gone(owners: Any, uid: str, kept: Any) -> None:
    """Before the garbage collector deletes it."""
    cluster = OneNamespace(secret("a", *owners))
    assert not asyncio.run(ensure(cluster.as_cluster(), Version("Secret", secret("a")), "rg", uid))
    assert cluster.owners == {"a": kept}


def test_a_version_that_is_gone_is_created_again() -> None:
    """Also where the garbage collector was faster."""
    for cluster in (OneNamespace(), OneNamespace(secret("a", EARLIER_OWNER))):
        cluster.refuses = True
        assert asyncio.run(ensure(cluster.as_cluster(), Version("Secret", secret("a")), "rg", "set-2"))
        assert cluster.owners == {"a": []}


def test_a_versions_name_tells_what_it_is_made_from() -> None:
    """Other names do not look like one."""
    assert name_and_digest(version_name("rg-env", DIGEST)) == ("rg-env", DIGEST)
    assert [name_and_digest(each) for each in ("rg-env", f"rg-{DIGEST[1:]}", f"rg-{DIGEST.upper()}", DIGEST)] == [
        None
    ] * 4


def earlier(digest: str = DIGEST, name: str = "rg-files") -> dict[str, Any]:
    return template(name, f".{digest}")


def template(name: str, ending: str = "") -> dict[str, Any]:
    variable = {"name": "A", "valueFrom": {"secretKeyRef": {"name": name, "key": f"A{ending}"}}}
    items = [{"key": f"etc.a{ending}", "path": "etc.a"}]
    return {
        "spec": {
            "containers": [{"name": "app", "env": [variable, {"name": "B", "value": "c"}]}],
            "volumes": [
                {"name": "config-files", "configMap": {"name": name, "items": items}},
                {"name": "secret-files", "secret": {"secretName": name, "items": items}},
            ],
        }
    }


def test_live_pods_that_refer_to_earlier_names_keep_doing_so() -> None:
    """In variables and volumes, of this version alone."""
    digests = earlier_digests(earlier())
    assert digests == {DIGEST}
    assert earlier_name(f"rg-env-{DIGEST}", digests) == ("rg-env", f".{DIGEST}")
    assert earlier_name(f"rg-env-{OTHER}", digests) is None
    assert not earlier_digests(template(f"rg-files-{DIGEST}"))

    async def renamed(digest: str, *, in_output: bool = False) -> Any:
        wanted: Any = template(f"rg-files-{digest}")
        if in_output:
            wanted["spec"]["volumes"] = pulumi.Output.from_input(wanted["spec"]["volumes"])
            source = wanted["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]
            source["name"] = pulumi.Output.from_input(source["name"])
        return await with_earlier_names(wanted, digests)

    assert asyncio.run(renamed(DIGEST)) == earlier()
    assert asyncio.run(renamed(DIGEST, in_output=True)) == earlier()
    assert asyncio.run(renamed(OTHER)) == template(f"rg-files-{OTHER}")
