"""P02, P05, P06, P14 by a program that nobody here wrote: ZooKeeper, as ``examples/zookeeper`` deploys it.

A client creates one node of the tree after the other, throughout.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from example_stacks import Example, NumberWriter, changed_throughout, restricted
from harness import CommandError, eventually, local
from kazoo.client import KazooClient
from lightkube import Client as Kubernetes


@dataclass
class ZooKeeper(Example):
    """Servers that agree on a tree."""

    example: str = "zookeeper"

    def mode(self, number: int) -> str:
        """A server's role now; empty during an election."""
        try:
            return self.kubectl("exec", f"zookeeper-{number}", "--", "sh", "/scripts/mode.sh").strip()
        except CommandError:
            return ""

    def is_well(self, count: int) -> bool:
        """Whether exactly this many servers are members, and one of them leads."""
        with self.connected() as client:
            servers = client.get("/zookeeper/config")[0].decode().splitlines()
        members = [line for line in servers if ":participant" in line]
        modes = sorted(self.mode(number) for number in range(count))
        return len(members) == count and modes == ["Mode: follower"] * (count - 1) + ["Mode: leader"]

    def leader(self) -> str:
        """Which server leads."""
        return next(f"zookeeper-{number}" for number in range(3) if self.mode(number) == "Mode: leader")

    @contextmanager
    def connected(self, server: str = "") -> Iterator[KazooClient]:
        """A client with a session."""
        client = KazooClient(f"{self.host('zookeeper-client', server)}:2181", timeout=4)
        client.start(timeout=4)
        try:
            yield client
        finally:
            client.stop()
            client.close()

    @contextmanager
    def creator(self, server: str = "") -> Iterator[Callable[[int], None]]:
        """What creates a node with a number as its name."""
        with self.connected(server) as client:
            client.ensure_path("/written")
            yield lambda number: client.create_async(f"/written/{number}").get(timeout=2)

    def stored(self) -> set[int]:
        """The names of all nodes that were created."""
        with self.connected() as client:
            client.sync("/written")
            return {int(name) for name in client.get_children("/written")}


@pytest.fixture
def servers(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[ZooKeeper]:
    """The example in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "zookeeper")
    made = ZooKeeper(tmp_path / "zookeeper", env, namespace=namespace, client=client)
    with restricted(made):
        yield made


@pytest.mark.long
def test_p14_zookeeper_keeps_every_acknowledged_write(
    servers: ZooKeeper, record_property: Callable[[str, object], None]
) -> None:
    """Three servers: updated, deleted, grown, five, three again; no node that was created is lost."""
    servers.up()
    eventually("they form a cluster", lambda: servers.is_well(3))
    writer = NumberWriter(servers.creator)
    try:
        changed_throughout(servers, writer, servers.is_well, servers.leader, maxConnections=70)
    finally:
        writer.end()
    writer.report(record_property)
    assert writer.acknowledged <= servers.stored()
