"""One look for many: what is read at the same time is asked for once, and never before it was called for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from api_server import ApiServer, Request
from kubeconfigs import Kubeconfig
from processes import until
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError

Do = Callable[[Cluster], Awaitable[Any]]
LABELS = {"of": "us"}


@pytest.fixture
def ask(kubeconfig: Kubeconfig) -> Callable[[Do], Any]:
    """Does something with the cluster."""

    async def program(do: Do) -> Any:
        async with connected(Connection(kubeconfig())) as cluster:
            return await do(cluster)

    return lambda do: asyncio.run(program(do))


def numbered(api: ApiServer, *, without: str = "", forbidden: bool = False) -> None:
    """Objects tell the number of the request that they come from; ``without`` has no label."""

    def answer(request: Request) -> tuple[int, Any]:
        parts = urlsplit(request.path)
        name, number = parts.path.rpartition("/")[2], len(api.requests)
        if not parts.query:
            return (404, {}) if name == "none" else (200, {"metadata": {"name": name, "number": number}})
        if forbidden:
            return 403, {"message": "no"}
        assert parse_qs(parts.query)["labelSelector"] == ["of=us"]
        names = [each for each in ("a", "b", "c", "d", "e", "f", "g") if each != without]
        return 200, {"items": [{"metadata": {"name": each, "number": number}} for each in names]}

    api.answer = answer


def numbers(found: list[Any]) -> list[Any]:
    return [each and each["metadata"]["number"] for each in found]


class TestTheSame:
    def test_the_same_is_read_once(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """By two hundred services that start at the same time; what differs is read by itself."""
        numbered(api)

        async def looks(cluster: Cluster) -> list[Any]:
            same = [cluster.get("Namespace", None, "shop") for _ in range(200)]
            others = [
                cluster.get("Service", "one", "a"),
                cluster.get("Service", "two", "a"),
                cluster.get("Secret", "one", "a"),
            ]
            return await asyncio.gather(*same, *others)

        found = ask(looks)
        assert len(api.requests) == 4
        assert len(set(numbers(found[:200]))) == 1
        assert len({id(each["metadata"]) for each in found[:200]}) == 200

    def test_a_read_begins_after_the_call(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """One who asks when the request is under way does not get its answer."""
        numbered(api)

        async def looks(cluster: Cluster) -> list[Any]:
            first = asyncio.create_task(cluster.get("Service", "ns", "a"))
            await until(lambda: api.requests)
            second = asyncio.create_task(cluster.get("Service", "ns", "a"))
            return [await first, await second, await cluster.get("Service", "ns", "a")]

        assert numbers(ask(looks)) == [1, 2, 3]

    def test_what_fails_fails_for_all(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """And is asked again by the next."""
        api.answer = lambda _: (403, {"message": "no"})

        async def looks(cluster: Cluster) -> list[Any]:
            failed = await asyncio.gather(
                *(cluster.get("Service", "ns", "a") for _ in range(5)), return_exceptions=True
            )
            numbered(api)
            return [*failed, await cluster.get("Service", "ns", "a")]

        *failed, found = ask(looks)
        assert {type(each) for each in failed} == {ForbiddenError}
        assert numbers([found]) == [2]

    def test_one_who_stops_waiting_stops_nobody_else(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """The first of them, too."""
        numbered(api)

        async def looks(cluster: Cluster) -> Any:
            first, second = (asyncio.create_task(cluster.get("Service", "ns", "a")) for _ in range(2))
            await asyncio.sleep(0)
            first.cancel()
            return await second

        assert ask(looks)["metadata"]["name"] == "a"
        assert len(api.requests) == 1


def get_all(names: str) -> Do:
    async def looks(cluster: Cluster) -> list[Any]:
        return await asyncio.gather(*(cluster.get("StatefulSet", "ns", name, labels=LABELS) for name in names))

    return looks


class TestLists:
    def test_many_come_from_one_list(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """Who asks for one that others ask for, too, gets an object of its own."""
        numbered(api)
        found = ask(get_all("abcdefga"))
        assert [each["metadata"]["name"] for each in found] == list("abcdefga")
        assert len(api.requests) == 1
        assert found[0] is not found[-1]

    def test_one_without_the_labels_is_found_all_the_same(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """By a read of its own; one that does not exist is not found."""
        numbered(api, without="c")

        async def looks(cluster: Cluster) -> list[Any]:
            return [*await get_all("abcdef")(cluster), await cluster.get("StatefulSet", "ns", "none", labels=LABELS)]

        found = ask(looks)
        assert numbers(found) == [1, 1, 2, 1, 1, 1, None]
        assert len(api.requests) == 3

    def test_one_alone_is_read_by_name(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """There is nobody to share a list with."""
        numbered(api)
        found = ask(get_all("aa"))
        assert [each["metadata"]["name"] for each in found] == ["a", "a"]
        assert all(not urlsplit(request.path).query for request in api.requests)

    def test_who_may_not_list_reads_one_by_one(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """The right to get is enough."""
        numbered(api, forbidden=True)
        assert len(ask(get_all("abcdef"))) == 6
        assert len(api.requests) == 7

    def test_a_list_begins_after_the_call(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """One who asks when it is under way starts another."""
        numbered(api)

        async def looks(cluster: Cluster) -> list[Any]:
            first = asyncio.ensure_future(get_all("abcdef")(cluster))
            await until(lambda: api.requests)
            return [*await get_all("abcdef")(cluster), *await first]

        assert sorted(numbers(ask(looks))) == [1] * 6 + [2] * 6

    def test_what_fails_fails_for_all(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """With the error of the list."""
        api.answer = lambda _: (422, {"message": "no"})
        with pytest.raises(ClusterError, match="cannot list statefulsets in namespace ns: no"):
            ask(get_all("abcdef"))


class TestListsByLabels:
    """Each service lists what has its own labels."""

    @staticmethod
    def of_services(names: str, kind: str = "Pod") -> Do:
        async def looks(cluster: Cluster) -> list[Any]:
            labels = [{"name": name, "instance": name} for name in names]
            return await asyncio.gather(*(cluster.list(kind, "ns", labels=each) for each in labels))

        return looks

    @staticmethod
    def selected(api: ApiServer) -> None:
        """Pods of services a to g, two of each, and one that has a label of one service and another one's."""

        def answer(request: Request) -> tuple[int, Any]:
            [selector] = parse_qs(urlsplit(request.path).query)["labelSelector"]
            pods = [(name, name) for name in "abcdefg" for _ in range(2)] + [("a", "b")]
            items = [
                {"metadata": {"name": f"{name}-{number}", "labels": {"name": name, "instance": instance}}}
                for number, (name, instance) in enumerate(pods)
                if f"name={name}" in selector or "name in" in selector
            ]
            return 200, {"items": items}

        api.answer = answer

    def test_many_lists_are_one(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """And each gets what has its labels, and nothing else."""
        self.selected(api)
        found = ask(self.of_services("abcdefg"))
        [request] = api.requests
        selector = parse_qs(urlsplit(request.path).query)["labelSelector"]
        assert selector == ["name in (a,b,c,d,e,f,g),instance in (a,b,c,d,e,f,g)"]
        names = [[pod["metadata"]["name"] for pod in each] for each in found]
        assert names == [[f"{name}-{2 * at}", f"{name}-{2 * at + 1}"] for at, name in enumerate("abcdefg")]

    def test_one_alone_is_sent_as_it_is(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """As kubectl would send it."""
        self.selected(api)
        assert len(ask(self.of_services("a"))[0]) == 3
        [request] = api.requests
        assert parse_qs(urlsplit(request.path).query)["labelSelector"] == ["name=a,instance=a"]

    def test_an_address_has_an_end(self, api: ApiServer, ask: Callable[[Do], Any]) -> None:
        """Two hundred services are four lists."""
        api.answer = lambda _: (200, {"items": []})

        async def looks(cluster: Cluster) -> list[Any]:
            labels = [{"name": f"a-service-{number}"} for number in range(200)]
            return await asyncio.gather(*(cluster.list("Pod", "ns", labels=each) for each in labels))

        assert ask(looks) == [[]] * 200
        assert len(api.requests) == 4
        assert max(len(request.path) for request in api.requests) < 2000
