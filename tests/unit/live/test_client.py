"""What the client asks of the API server, and what it makes of the answers."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest
from api_server import OBJECT, ApiServer, Request
from kubeconfigs import Kubeconfig, look
from pulumi_stateful_service.documentation import TROUBLESHOOTING
from pulumi_stateful_service.live.client import api as api_module
from pulumi_stateful_service.live.client import kubeconfig as kubeconfig_module
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.api import AT_ONCE
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError

T = TypeVar("T")
Ask = Callable[[Callable[[Cluster], Awaitable[T]]], T]


@pytest.fixture
def ask(kubeconfig: Kubeconfig) -> Callable[[Callable[[Cluster], Awaitable[Any]]], Any]:
    """Does something with the cluster."""

    def asked(do: Callable[[Cluster], Awaitable[Any]]) -> Any:
        async def connect() -> Any:
            async with connected(Connection(kubeconfig())) as cluster:
                return await do(cluster)

        return asyncio.run(connect())

    return asked


def items(*names: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """A list as the API answers with it."""
    return 200, {"kind": "List", "metadata": more, "items": [{"metadata": {"name": name}} for name in names]}


def query(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}


def path(request: Request) -> str:
    return urlsplit(request.path).path


class TestSharing:
    def test_requests_keep_their_connections(self, api: ApiServer, kubeconfig: Kubeconfig) -> None:
        """Two hundred services look at the cluster one after another, in phases, over a few connections."""
        config = kubeconfig()

        async def service(namespace: str) -> None:
            async with connected(Connection(config, namespace=namespace)) as cluster:
                assert cluster.default_namespace == namespace
                await cluster.get("Namespace", None, namespace)

        async def program() -> None:
            for _ in range(3):
                await asyncio.gather(*(service(f"ns-{number}") for number in range(200)))

        asyncio.run(program())
        assert len(api.requests) == 600
        assert api.connections <= AT_ONCE

    def test_who_uses_a_cluster_is_counted(self, kubeconfig: Kubeconfig) -> None:
        """Those that use it now, by whatever connection to it."""

        async def program() -> None:
            async with connected(Connection(kubeconfig(), namespace="a")) as one:
                async with connected(Connection(kubeconfig(), namespace="b")) as other:
                    assert (one.users, other.users) == (2, 2)
                assert one.users == 1

        asyncio.run(program())

    def test_requests_under_way_are_bounded(self, api: ApiServer, ask: Ask[Any]) -> None:
        """Many requests go at once, but not more than the limit."""
        now, most, lock = 0, 0, threading.Lock()

        def answer(_: Request) -> tuple[int, Any]:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.02)
            with lock:
                now -= 1
            return 200, OBJECT

        api.answer = answer

        async def look_at_all(cluster: Cluster) -> None:
            await asyncio.gather(*(cluster.get("Service", "ns", f"p-{n}") for n in range(100)))

        ask(look_at_all)
        assert 1 < most <= AT_ONCE

    def test_nothing_is_imported_before_it_is_needed(self) -> None:
        """A program that needs no look imports no HTTP client: not more than pulumi and its provider's SDK do."""
        program = (
            "import sys, pulumi_stateful_service; before = set(sys.modules)\n"
            "import pulumi_stateful_service.live.client.cluster; print(*set(sys.modules) - before, sep='\\n')"
        )
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        heavy = {"aiohttp", "truststore", "ssl", api_module.__name__, kubeconfig_module.__name__}
        assert heavy.isdisjoint(done.stdout.splitlines())


class TestAnyKind:
    def test_get(self, api: ApiServer, ask: Ask[Any]) -> None:
        """An object comes as the API gives it, without its nulls; one that does not exist is None."""
        api.answer = lambda _: (200, b'{"metadata":{"name":"x","creationTimestamp":null},"data":{"someKey":"a:null"}}')
        assert ask(lambda c: c.get("ConfigMap", "ns", "x")) == {
            "metadata": {"name": "x"},
            "data": {"someKey": "a:null"},
        }
        api.answer = lambda _: (404, {"message": "not found"})
        assert ask(lambda c: c.get("StorageClass", None, "x")) is None
        assert [request.path for request in api.requests] == [
            "/api/v1/namespaces/ns/configmaps/x",
            "/apis/storage.k8s.io/v1/storageclasses/x",
        ]

    def test_list(self, api: ApiServer, ask: Ask[Any]) -> None:
        """A list comes page by page, with its selectors on each."""
        api.answer = lambda request: (
            items("b") if query(request).get("continue") else items("a", **{"continue": "next"})
        )
        labels: dict[str, Any] = {"app": "x", "of": ["1", "2"]}
        found = ask(lambda c: c.list("Event", "ns", labels=labels, fields={"type": "Warning"}))
        assert [each["metadata"]["name"] for each in found] == ["a", "b"]
        assert [query(request) for request in api.requests] == [
            {"labelSelector": "app=x,of in (1,2)", "fieldSelector": "type=Warning", "limit": "500", **more}
            for more in ({}, {"continue": "next"})
        ]

    def test_a_list_that_changed_meanwhile(self, api: ApiServer, ask: Ask[Any]) -> None:
        """A page that is gone makes the list be had at once."""

        def answer(request: Request) -> tuple[int, Any]:
            if "continue" in query(request):
                return 410, {"message": "too old"}
            return items("a", **{"continue": "n"}) if "limit" in query(request) else items("a", "b")

        api.answer = answer
        found = ask(lambda c: c.list("Pod", None))
        assert [each["metadata"]["name"] for each in found] == ["a", "b"]
        assert path(api.requests[0]) == "/api/v1/pods"

    def test_create_and_patch(self, api: ApiServer, ask: Ask[Any]) -> None:
        """Writes say who writes, and may be dry runs."""
        body: dict[str, Any] = {"metadata": {"name": "s"}}
        ask(lambda c: c.create("StatefulSet", "ns", body, action=Action.FORECAST, field_manager="m"))
        ask(lambda c: c.patch("StatefulSet", "ns", "s", {"spec": {"replicas": 1}}, action=Action.SET_REPLICAS))
        how: dict[str, Any] = {"patch_type": "apply", "field_manager": "m", "force": True}
        ask(lambda c: c.patch("StatefulSet", "ns", "s", {}, action=Action.CREATE_STATEFUL_SET, **how))
        created, scaled, applied = api.requests
        assert (created.method, path(created), query(created)) == (
            "POST",
            "/apis/apps/v1/namespaces/ns/statefulsets",
            {"dryRun": "All", "fieldManager": "m"},
        )
        assert created.json == {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}}
        assert (scaled.method, scaled.path) == ("PATCH", "/apis/apps/v1/namespaces/ns/statefulsets/s")
        assert (scaled.header("Content-Type"), scaled.json) == (
            ["application/merge-patch+json"],
            {"spec": {"replicas": 1}},
        )
        assert applied.header("Content-Type") == ["application/apply-patch+yaml"]
        assert query(applied) == {"fieldManager": "m", "force": "true"}

    def test_delete(self, api: ApiServer, ask: Ask[Any]) -> None:
        """Only the very object is deleted."""
        assert ask(lambda c: c.delete("Secret", "ns", "s", action=Action.DELETE_VERSION, uid="1")) is True
        assert api.requests[0].json["preconditions"] == {"uid": "1"}
        for status in (404, 409):
            api.answer = lambda _, status=status: (status, {})  # type: ignore[misc]
            assert ask(lambda c: c.delete("Secret", "ns", "s", action=Action.DELETE_VERSION, uid="1")) is False

    def test_names_cannot_leave_their_place(self, api: ApiServer, ask: Ask[Any]) -> None:
        """A name is one part of the path, whatever is in it."""
        ask(lambda c: c.get("Secret", "ns", "../../pods?x"))
        assert api.requests[0].path == "/api/v1/namespaces/ns/secrets/..%2F..%2Fpods%3Fx"


class TestErrors:
    @pytest.mark.parametrize(
        ("do", "named"),
        [
            (lambda c: c.list("PersistentVolumeClaim", "prod"), "list persistentvolumeclaims in namespace prod"),
            (lambda c: c.list("Pod", None), "list pods in all namespaces"),
            (lambda c: c.get("StorageClass", None, "fast"), "get storageclasses/fast (cluster-wide)"),
            (
                lambda c: c.patch_claim("prod", "data-0", {}, action=Action.CHANGE_CLAIM, field_manager="me"),
                "patch persistentvolumeclaims/data-0 in namespace prod",
            ),
            (
                lambda c: c.evict_pod("prod", "db-0", "1", action=Action.EVICT_UNREADY_POD),
                "create pods/db-0/eviction in namespace prod",
            ),
            (lambda c: c.delete_orphaning("prod", "db", "1"), "delete statefulsets/db in namespace prod"),
        ],
    )
    def test_a_right_that_is_missing_is_named(
        self, api: ApiServer, ask: Ask[Any], do: Callable[[Cluster], Awaitable[Any]], named: str
    ) -> None:
        """A refusal names verb, resource and namespace, and comes at once."""
        api.answer = lambda _: (403, {"message": 'pods is forbidden: User "jane" cannot do it'})
        with pytest.raises(ForbiddenError) as caught:
            ask(do)
        assert str(caught.value) == (
            f"Kubernetes cluster (context 'it'): no right to {named} (403 Forbidden): "
            f'pods is forbidden: User "jane" cannot do it ({TROUBLESHOOTING})'
        )
        assert not caught.value.transient
        assert len(api.requests) == 1

    def test_an_api_server_that_is_away(self, kubeconfig: Kubeconfig) -> None:
        """An address at which nothing answers is named, and may answer later."""
        config = kubeconfig(cluster={"server": "https://127.0.0.1:1"})
        with pytest.raises(
            ClusterError, match=r"\(context 'it'\): 127.0.0.1:1 cannot be reached: Connection refused"
        ) as caught:
            look(config)
        assert caught.value.transient
        with pytest.raises(ClusterError, match=r"no\.invalid:1"):
            look(kubeconfig(cluster={"server": "https://no.invalid:1"}))

    @pytest.mark.parametrize("answer", [b"<html>", b"[]"])
    def test_what_is_no_api_server(self, api: ApiServer, ask: Ask[Any], answer: bytes) -> None:
        """A web page, such as a proxy's, is not taken for an object."""
        api.answer = lambda _: (200, answer)
        with pytest.raises(ClusterError, match="not a Kubernetes API server"):
            ask(lambda c: c.get("Service", "ns", "p"))


class TestComponent:
    def test_pods_of_a_set(self, api: ApiServer, ask: Ask[Any]) -> None:
        """The Pods of a set are those that it owns."""
        pods = [
            {"metadata": {"name": "db-0", "ownerReferences": [{"uid": "1"}]}},
            {"metadata": {"name": "db-x", "ownerReferences": [{"uid": "2"}]}},
            {"metadata": {"name": "lone"}},
        ]
        api.answer = lambda _: (200, {"items": pods})
        stateful_set = {"metadata": {"namespace": "ns", "uid": "1"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}}
        assert ask(lambda c: c.list_pods(stateful_set)) == pods[:1]
        assert query(api.requests[0])["labelSelector"] == "a=b"

    def test_sets_by_their_labels(self, api: ApiServer, ask: Ask[Any]) -> None:
        """Sets are looked up in their namespace."""
        api.answer = lambda request: items("db") if "namespaces" in request.path else (403, {})
        assert ask(lambda c: c.find_stateful_sets("ns", {"k": ["v"]})) == [{"metadata": {"name": "db"}}]
        assert query(api.requests[-1])["labelSelector"] == "k in (v)"

    def test_claims_without_labels(self, api: ApiServer, ask: Ask[Any]) -> None:
        """Claims that lack the set's labels are found too, and others left out."""

        def answer(request: Any) -> Any:
            if "labelSelector" in query(request):
                return items("a-0")
            name = request.path.rpartition("/")[2]
            return (200, {"metadata": {"name": name}}) if name in {"a-0", "a-1", "b"} else (404, {})

        api.answer = answer
        labelled = ask(lambda c: c.list_claims("ns", {"a-0"}, {"x": "y"}))
        assert [each["metadata"]["name"] for each in labelled] == ["a-0"]
        assert len(api.requests) == 1
        found = ask(lambda c: c.list_claims("ns", {"a-0", "a-1", "a-2"}, {"x": "y"}))
        assert {each["metadata"]["name"] for each in found} == {"a-0", "a-1"}

    def test_storage_classes(self, api: ApiServer, ask: Ask[Any]) -> None:
        """Whether a class lets volumes grow is unknown where classes may not be read."""
        answers = {
            "grows": (200, {"allowVolumeExpansion": True}),
            "hidden": (403, {}),
            "fixed": (200, {}),
            "none": (404, {}),
        }
        api.answer = lambda request: answers[request.path.rpartition("/")[2]]
        assert ask(lambda c: c.get_expandable(["", *answers])) == {
            "grows": True,
            "hidden": None,
            "fixed": False,
            "none": False,
        }

    def test_events(self, api: ApiServer, ask: Ask[Any]) -> None:
        """The latest warning comes last."""
        about = {"kind": "Pod", "name": "db-0"}
        events = [
            {"involvedObject": about, "message": "late", "lastTimestamp": "2026-01-02T00:00:00Z"},
            {"involvedObject": about, "message": "early", "eventTime": "2026-01-01T00:00:00Z"},
        ]
        api.answer = lambda _: (200, {"items": [events.pop(0)]})
        found = ask(lambda c: c.list_warning_events("ns", {"1", "2"}))
        assert [each["message"] for each in found] == ["early", "late"]
        selectors = sorted(query(request)["fieldSelector"] for request in api.requests)
        assert selectors == ["involvedObject.uid=1,type=Warning", "involvedObject.uid=2,type=Warning"]

    def test_size_of_a_claim(self, api: ApiServer, ask: Ask[Any]) -> None:
        """A claim is patched, under a name of the component's own."""
        patch = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
        ask(lambda c: c.patch_claim("ns", "data-0", patch, action=Action.CHANGE_CLAIM, field_manager="me"))
        assert api.requests[0].json == patch
        assert "fieldManager=me" in api.requests[0].path

    @pytest.mark.parametrize(("status", "evicted"), [(201, True), (404, False), (409, False), (429, False)])
    def test_eviction(self, api: ApiServer, ask: Ask[Any], status: int, evicted: bool) -> None:
        """The very Pod is evicted; a disruption budget that does not allow it is not asked again at once."""
        api.answer = lambda _: (status, OBJECT)
        assert ask(lambda c: c.evict_pod("ns", "db-0", "7", action=Action.EVICT_UNREADY_POD)) is evicted
        [request] = api.requests
        assert request.path == "/api/v1/namespaces/ns/pods/db-0/eviction"
        assert (request.json["kind"], request.json["deleteOptions"]) == ("Eviction", {"preconditions": {"uid": "7"}})

    def test_orphaning(self, api: ApiServer, ask: Ask[Any]) -> None:
        """The very set is deleted without its Pods, and awaited."""
        looks = [(200, {"metadata": {"uid": "1"}}), (404, {})]
        api.answer = lambda request: (200, OBJECT) if request.method == "DELETE" else looks.pop(0)
        ask(lambda c: c.delete_orphaning("ns", "db", "1"))
        assert looks == []
        assert api.requests[0].json == {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Orphan",
            "preconditions": {"uid": "1"},
        }

    def test_orphaning_another_set(self, api: ApiServer, ask: Ask[Any]) -> None:
        """A set of that name that was made meanwhile is left alone."""
        api.answer = lambda request: (409, {}) if request.method == "DELETE" else (200, {"metadata": {"uid": "2"}})
        ask(lambda c: c.delete_orphaning("ns", "db", "1"))
        assert len(api.requests) == 2

    @pytest.mark.parametrize(
        ("finalizers", "named"),
        [(["orphan", "example.com/keep"], "held by finalizers: example.com/keep"), (["orphan"], "garbage collector")],
    )
    def test_orphaning_that_does_not_end(
        self, api: ApiServer, ask: Ask[Any], finalizers: list[str], named: str
    ) -> None:
        """A set that stays is waited for no longer than told, and what keeps it is named."""
        api.answer = lambda _: (200, {"metadata": {"uid": "1", "finalizers": finalizers}})
        with pytest.raises(
            ClusterError, match=rf"StatefulSet ns/db was deleted and is still there after 0.1 .*{named}"
        ):
            ask(lambda c: c.delete_orphaning("ns", "db", "1", timeout=0.1))
