"""What is said of the Namespace that the claims are in."""

import asyncio
from typing import Any

import pulumi
from pulumi.resource import DependencyResource
from pulumi_stateful_service.foundation.names import NAMESPACE_REPLACED_ANNOTATION
from pulumi_stateful_service.live.before.refusals.namespaces import deletion_refusals, pending_deletion_refusals
from pulumi_stateful_service.live.namespace_source import NamespaceSource


def namespace(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "db", **metadata}}


def a_resource(urn: str, *, protect: bool = False) -> Any:
    made = DependencyResource(urn)
    made._protect = protect
    return made


URN = "urn:pulumi:dev::db::kubernetes:core/v1:Namespace::db"


def source(*resources: Any, depends_on: Any = None) -> NamespaceSource:
    known: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    known.set_result("db")
    is_known: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    is_known.set_result(True)
    return NamespaceSource(pulumi.Output(set(resources), known, is_known), depends_on)


def test_a_namespace_of_the_program() -> None:
    """By its name's origin or by ``depends_on``, inside a component too; not where it is protected, or plain text."""

    async def check() -> None:
        component = URN.replace("kubernetes:core", "team:index:Place$kubernetes:core")
        patched = URN.replace("Namespace::", "NamespacePatch::")
        assert await source(a_resource(URN)).is_deleted_with_the_program()
        assert await source(a_resource(component)).is_deleted_with_the_program()
        assert await source(depends_on=[a_resource(URN)]).is_deleted_with_the_program()
        assert await source(depends_on=a_resource(URN)).is_deleted_with_the_program()
        assert not await source(a_resource(URN, protect=True)).is_deleted_with_the_program()
        assert not await source(a_resource(patched)).is_deleted_with_the_program()
        assert not await NamespaceSource("db").is_deleted_with_the_program()
        assert not await NamespaceSource(None).is_deleted_with_the_program()

    asyncio.run(check())


def test_a_namespace_that_is_being_deleted() -> None:
    """Nothing is changed in it."""
    [refusal] = deletion_refusals(namespace(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert refusal.startswith("Namespace db is being deleted")
    assert not deletion_refusals(namespace())
    assert not deletion_refusals(None)


def test_a_namespace_that_may_be_pending_deletion() -> None:
    """The note is shown, and how it is removed; however long it is."""
    live = {"metadata": {"name": "rg", "namespace": "db", "annotations": {NAMESPACE_REPLACED_ANNOTATION: "x" * 300}}}
    [refusal] = pending_deletion_refusals(live)
    assert refusal.endswith(f"kubectl --namespace db annotate statefulset rg {NAMESPACE_REPLACED_ANNOTATION}-")
    assert len(refusal) < 700
    assert not pending_deletion_refusals({"metadata": {"name": "rg", "namespace": "db"}})
