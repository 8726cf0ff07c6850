"""What the cluster tests share: the running cluster, a namespace each, and a service in it."""

import uuid
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from forked_programs import forked_programs
from harness import Service, absent_as_none, client_for, environment, eventually, local
from lightkube import ApiError, Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, Node, Pod
from lightkube.resources.storage_v1 import StorageClass

from local import simulated_nodes
from local.locks import locked
from local.paths import STATE


@pytest.fixture(scope="session")
def env() -> Iterator[dict[str, str]]:
    """The settings for Pulumi and kubectl; programs without an environment of their own run in forks."""
    with forked_programs(environment()) as forking:
        yield forking


@pytest.fixture(scope="session")
def client(env: dict[str, str]) -> Iterator[Client]:
    """A client of the cluster, which must have a node on which Pods really run."""
    with client_for(env) as connected:
        nodes: list[Any] = list(connected.list(Node))
        real = [node for node in nodes if (node.metadata.labels or {}).get("type") != "kwok"]
        if not real:
            pytest.exit(
                "These tests need a real node, and the cluster has simulated ones alone: run them as root "
                "(make cluster says which it has).",
                returncode=3,
            )
        # msgspec, with which lightkube reads answers, crashes where two threads have it read the first of a kind.
        list(connected.list(Pod, namespace="kube-system"))
        absent_as_none(lambda: connected.get(Pod, "there-is-none", namespace="default"))
        yield connected


@pytest.fixture(scope="module")
def three_nodes() -> Iterator[None]:
    """Three real nodes; afterwards one, as before."""
    local("cluster", "--nodes", "3")
    yield
    local("cluster", "--nodes", "1")


@pytest.fixture
def uncordoned(client: Client) -> Iterator[None]:
    """Afterwards each node takes Pods again, also where the test that drained it has failed."""
    yield
    for node in client.list(Node):
        if node.spec and node.spec.unschedulable:
            client.patch(Node, str(node.metadata and node.metadata.name), {"spec": {"unschedulable": None}})


@pytest.fixture
def program_stacks() -> Iterator[None]:
    """The stacks in `stacks/`, which have one namespace each: for one test at a time."""
    with locked(STATE / "program-stacks.lock", "using the program's stacks"):
        yield


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    """A namespace for one test, deleted afterwards with everything in it."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    eventually("there is a namespace", lambda: _has_namespace(client, name))
    yield name
    client.delete(Namespace, name)


def _has_namespace(client: Client, name: str) -> bool:
    """Creates a namespace, unless the API server's database is too slow for it at the moment."""
    try:
        client.create(Namespace(metadata=ObjectMeta(name=name)))
    except ApiError as error:
        if error.status.code == HTTPStatus.CONFLICT:
            return True  # what timed out was done all the same
        if error.status.code is None or error.status.code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return False
    return True


@pytest.fixture
def second_class(client: Client, namespace: str) -> Iterator[str]:
    """Name of another storage class, which gives volumes as the standard one does."""
    standard = client.get(StorageClass, "standard")
    made = StorageClass(
        metadata=ObjectMeta(name=f"second-{namespace}"),
        provisioner=standard.provisioner,
        volumeBindingMode=standard.volumeBindingMode,
        allowVolumeExpansion=True,
    )
    client.create(made)
    yield f"second-{namespace}"
    client.delete(StorageClass, f"second-{namespace}")


@pytest.fixture
def service(env: dict[str, str], client: Client, namespace: str, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Creates the project of the chapter's service with changed arguments; nothing is deployed yet."""
    made: list[Service] = []

    def make(**changes: Any) -> Service:
        new = Service(tmp_path / f"project-{len(made)}", env, namespace=namespace, client=client)
        new.set(**changes)
        made.append(new)
        return new

    yield make
    for each in made:
        each.run("destroy", "--yes", "--skip-preview")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests measured (``record_property``); none of it is asserted."""
    for report in terminalreporter.getreports("passed"):
        for what, value in report.user_properties:
            terminalreporter.line(f"{report.nodeid.rpartition('::')[2]}: {what}: {value}")


@pytest.fixture
def three_simulated_nodes() -> Iterator[None]:
    """Nodes for many Pods; afterwards as many as before."""
    before = simulated_nodes.count()
    local("scale-simulated-nodes", str(max(3, before)))
    yield
    local("scale-simulated-nodes", str(before))
