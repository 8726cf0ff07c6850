"""P02, P05, P06, P14 by a program that nobody here wrote: NATS with JetStream, as ``examples/nats`` deploys it.

A client publishes one number after the other to a stream with three replicas, throughout.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from example_stacks import Example, NumberWriter, changed_throughout, restricted
from harness import eventually, local
from lightkube import Client as Kubernetes
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.client import JetStreamContext

PASSWORD = "Correct-Horse"  # noqa: S105 - of this test alone
STREAM, SUBJECT = "written", "numbers"
EACH_ONCE = ConsumerConfig(ack_policy=AckPolicy.NONE)


@dataclass
class Nats(Example):
    """Servers with JetStream."""

    example: str = "nats"

    def monitor(self, pod: str, path: str) -> Any:
        """What a server's monitoring endpoint answers."""
        return self.http(pod, path, port=8222).raise_for_status().json()

    def is_well(self, count: int) -> bool:
        """Whether the servers agree on a leader and on the members, and none is behind."""
        for number in range(count):
            meta = self.monitor(f"nats-{number}", "/jsz").get("meta_cluster", {})
            if meta.get("cluster_size") != count or not meta.get("leader") or meta.get("pending"):
                return False
        return True

    def leader(self) -> str:
        """Which server leads the stream."""
        with self.connected() as (run, stream):
            cluster = run(stream.stream_info(STREAM)).cluster
        assert cluster
        assert cluster.leader
        return str(cluster.leader)

    @contextmanager
    def connected(self, server: str = "") -> Iterator[tuple[Callable[[Any], Any], JetStreamContext]]:
        """A connection to JetStream, and what runs its coroutines."""
        with asyncio.Runner() as runner:
            address = f"nats://{self.host('nats-client', server)}:4222"
            # By default it tries the address of a Pod that is gone for minutes.
            connecting = nats.connect(address, connect_timeout=2, allow_reconnect=False)
            connection = runner.run(asyncio.wait_for(connecting, 4))
            try:
                yield runner.run, connection.jetstream(timeout=2)
            finally:
                runner.run(connection.close())

    def has_a_stream(self) -> None:
        """Creates the stream."""
        with self.connected() as (run, stream):
            run(stream.add_stream(name=STREAM, subjects=[SUBJECT], num_replicas=3))

    @contextmanager
    def publisher(self, server: str = "") -> Iterator[Callable[[int], None]]:
        """What publishes a number, and waits until it is stored."""
        with self.connected(server) as (run, stream):
            yield lambda number: run(stream.publish(SUBJECT, str(number).encode(), timeout=2))

    def stored(self) -> set[int]:
        """All numbers in the stream, once it can be read."""
        found: set[int] = set()

        def read_all() -> bool:
            found.clear()
            with suppress(nats.errors.Error), self.connected() as (run, stream):
                messages = run(stream.stream_info(STREAM)).state.messages
                subscription = run(stream.pull_subscribe(SUBJECT, stream=STREAM, config=EACH_ONCE))
                while len(found) < messages:
                    found.update(int(each.data) for each in run(subscription.fetch(500, timeout=5)))
                return True
            return False

        eventually("the stream is read", read_all)
        return found


@pytest.fixture
def server(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[Nats]:
    """The example in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "nats", "nats-box")
    made = Nats(tmp_path / "nats", env, namespace=namespace, client=client)
    made.must("config", "set", "--secret", "adminPassword", PASSWORD)
    with restricted(made):
        yield made


@pytest.mark.long
def test_p14_nats_keeps_every_acknowledged_write(server: Nats, record_property: Callable[[str, object], None]) -> None:
    """Three servers: updated, deleted, grown, five, three again; no message that was acknowledged is lost."""
    server.up()
    eventually("they form a cluster", lambda: server.is_well(3))
    server.has_a_stream()
    writer = NumberWriter(server.publisher)
    try:
        changed_throughout(server, writer, server.is_well, server.leader, maxPayload="2MB")
    finally:
        writer.end()
    writer.report(record_property)
    assert writer.acknowledged <= server.stored()


@pytest.mark.long
def test_p14_a_server_that_leads_the_others_leaves(server: Nats) -> None:
    """NATS removes no server that leads; and the command succeeds where it has succeeded before."""
    server.configure(replicas=4)
    server.up()
    eventually("they form a cluster", lambda: server.is_well(4))
    admin = 'XDG_CONFIG_HOME=/tmp /tool/nats --server nats:4222 --user admin --password "$ADMIN_PASSWORD" --timeout 30s'
    server.kubectl("exec", "nats-0", "--", "sh", "-c", f"{admin} server cluster step-down --force --host nats-3")
    assert server.monitor("nats-0", "/jsz")["meta_cluster"]["leader"] == "nats-3"
    server.configure(replicas=3)
    server.up()
    eventually("three are left", lambda: server.is_well(3))
    server.kubectl("exec", "nats-0", "--", "sh", "/etc/nats/leave.sh", "nats-3")
