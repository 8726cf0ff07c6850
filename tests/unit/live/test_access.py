"""The table of what the component does to a cluster: it is all that is sent, and says nothing that is not done."""

import ast
import asyncio
import typing
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_server import ApiServer
from kubeconfigs import Kubeconfig
from pulumi_stateful_service.arguments import types
from pulumi_stateful_service.live.client.access import READS, Action, Right
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.resources import RESOURCES
from pulumi_stateful_service.resources import RESOURCES as REGISTERED

LIVE = Path(types.__file__).parents[1] / "live"
ROWS = [*READS, *(action.row for action in Action)]


def sources() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(LIVE.rglob("*.py")):
        yield str(file.relative_to(LIVE)), ast.parse(file.read_text())


@pytest.mark.parametrize(
    "do",
    [
        lambda c: c.get("Pod", "ns", "p"),
        lambda c: c.list("Node", None),
        lambda c: c.create("Secret", "ns", {}, action=Action.CREATE_STATEFUL_SET),
        lambda c: c.patch("Service", "ns", "s", {}, action=Action.SET_REPLICAS),
        lambda c: c.delete("Secret", "ns", "s", action=Action.OWN_VERSION, uid="1"),
        lambda c: c.evict_pod("ns", "p", "1", action=Action.RUN_CHECK),
        lambda c: c.resize_pod({"metadata": {"namespace": "ns", "name": "p"}}, {}, action=Action.LABEL_POD),
        lambda c: c.patch("Pod", "ns", "p", {}, action=Action.RESIZE_POD),
        lambda c: c.run_in_pod("ns", "p", "app", ["a"], 5, action=Action.EVICT_UNREADY_POD),
    ],
)
def test_what_has_no_row_is_not_sent(
    api: ApiServer, kubeconfig: Kubeconfig, do: Callable[[Cluster], Awaitable[Any]]
) -> None:
    """A mistake of the program's author, which any test of that request shows."""

    async def ask() -> None:
        async with connected(Connection(kubeconfig())) as cluster:
            await do(cluster)

    with pytest.raises(LookupError, match=r"client/access.py"):
        asyncio.run(ask())
    assert api.requests == []


def test_requests_are_sent_in_one_place() -> None:
    """Where they are held against the table: a new function that sends something has to do that, and is added here."""
    sending = {
        (file, function.name)
        for file, module in sources()
        for function in ast.walk(module)
        if isinstance(function, ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if call.func.attr == "_ask" or ast.unparse(call.func) in {f"self._api.{each}" for each in _SENDING}
    }
    objects = {"get", "read", "_list", "create", "patch", "delete", "_ask"}
    pods = {"resizes_pods", "resize_pod", "evict_pod", "get_from_pod", "ended_in_pod", "_whose_time"}
    expected = {("client/objects.py", each) for each in objects} | {("client/cluster.py", each) for each in pods}
    assert sending == expected


_SENDING = ("ask", "request", "run_command")


def test_each_action_is_taken() -> None:
    """The table has no row of something that the component does not do any more."""
    taken = {
        node.attr
        for file, module in sources()
        if file != "client/access.py"
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Action"
    }
    assert taken == {action.name for action in Action}


def test_each_kind_is_read() -> None:
    """Named where it is read, or one of those that the component registers; only the provider reads Endpoints."""
    named = {
        node.value
        for file, module in sources()
        if file not in {"client/access.py", "client/resources.py"}
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {kind for row in READS for kind in row.kinds} <= named | REGISTERED.keys() | {"Endpoints"}
    assert {kind for row in ROWS for kind in row.kinds} == RESOURCES.keys()


def test_each_argument_exists() -> None:
    """By its path from the arguments of the component."""
    for path in {argument for row in ROWS for argument in row.arguments}:
        fields: dict[str, Any] = types.StatefulServiceArgs.__annotations__
        for name in path.split("."):
            assert name in fields, path
            fields = fields_of(fields[name])


def fields_of(annotation: Any) -> dict[str, Any]:
    """The fields of the TypedDict in an annotation, also where it is one of a list or map."""
    if typing.is_typeddict(annotation):
        return dict(annotation.__annotations__)
    return {name: field for each in typing.get_args(annotation) for name, field in fields_of(each).items()}


def test_each_right_is_documented_once() -> None:
    """Optional rights say what happens without them, changes on which occasion they are made."""
    for row in READS:
        assert bool(row.without) == (row.right is Right.OPTIONAL), row
    for action in Action:
        assert bool(action.row.when) == action.row.changes, action
