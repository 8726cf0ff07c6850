"""P02, P05, P06, P14 by a program that nobody here wrote: RabbitMQ, as ``examples/rabbitmq`` deploys it.

A client publishes one number after the other to a quorum queue, throughout, and waits until each is confirmed.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest
from example_stacks import Example, NumberWriter, changed_throughout, restricted
from harness import eventually, local
from lightkube import Client as Kubernetes
from pika.adapters.blocking_connection import BlockingChannel

PASSWORD = "Correct-Horse"  # noqa: S105 - of this test alone
QUEUE = "written"


@dataclass
class RabbitMQ(Example):
    """Servers with quorum queues."""

    example: str = "rabbitmq"

    def ctl(self, program: str, *arguments: str) -> Any:
        """The output of one of RabbitMQ's command line tools."""
        answer = self.kubectl("exec", "rabbitmq-0", "--", program, "--formatter", "json", "--quiet", *arguments)
        return json.loads(answer)

    def is_well(self, count: int) -> bool:
        """Whether exactly this many servers are members, all run, and each has a replica of the queue."""
        replicas = self.ctl("rabbitmqctl", "list_queues", "name", "members", "online")
        if {len(queue[field]) for queue in replicas for field in ("members", "online")} != {count}:
            return False
        status = self.ctl("rabbitmqctl", "cluster_status")
        return len(status["running_nodes"]) == len(status["disk_nodes"]) == count

    def leader(self) -> str:
        """Which server leads the queue."""
        [queue] = self.ctl("rabbitmqctl", "list_queues", "name", "leader")
        return str(queue["leader"]).partition("@")[2].partition(".")[0]

    @contextmanager
    def channel(self, server: str = "") -> Iterator[BlockingChannel]:
        """A channel whose publishing is confirmed."""
        parameters = pika.ConnectionParameters(
            self.host("rabbitmq-client", server),
            credentials=pika.PlainCredentials("app", PASSWORD),
            socket_timeout=2,
            stack_timeout=4,
            heartbeat=4,
            blocked_connection_timeout=4,
        )
        connection = pika.BlockingConnection(parameters)
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
            yield channel
        finally:
            if connection.is_open:
                connection.close()

    @contextmanager
    def publisher(self, server: str = "") -> Iterator[Callable[[int], None]]:
        """What publishes a number, and waits until it is confirmed."""
        with self.channel(server) as channel:
            yield lambda number: channel.basic_publish("", QUEUE, str(number).encode(), mandatory=True)

    def stored(self) -> set[int]:
        """All numbers in the queue."""
        found = set()
        with self.channel() as channel:
            for _, _, body in channel.consume(QUEUE, auto_ack=True, inactivity_timeout=5):
                if body is None:
                    break
                found.add(int(body))
        return found


@pytest.fixture
def servers(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[RabbitMQ]:
    """The example in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "rabbitmq")
    made = RabbitMQ(tmp_path / "rabbitmq", env, namespace=namespace, client=client)
    made.must("config", "set", "--secret", "password", PASSWORD)
    made.must("config", "set", "--secret", "cookie", "Battery-Staple")
    with restricted(made):
        yield made


@pytest.mark.long
def test_p14_rabbitmq_keeps_every_acknowledged_write(
    servers: RabbitMQ, record_property: Callable[[str, object], None]
) -> None:
    """Three servers: updated, deleted, grown, five, three again; no message that was confirmed is lost."""
    servers.up()
    with servers.channel():
        eventually("they form a cluster", lambda: servers.is_well(3))
    writer = NumberWriter(servers.publisher)
    try:
        changed_throughout(servers, writer, servers.is_well, servers.leader, memoryShare="0.5")
    finally:
        writer.end()
    writer.report(record_property)
    assert writer.acknowledged <= servers.stored()


@pytest.mark.long
def test_p14_a_rabbitmq_server_without_its_database_starts_again(servers: RabbitMQ) -> None:
    """As after a full disk: it runs and listens, but knows no queues any more. Its container starts again, alone."""
    servers.up()
    with servers.channel():
        eventually("they form a cluster", lambda: servers.is_well(3))
    uids = servers.uids()
    servers.kubectl("exec", "rabbitmq-1", "--", "rabbitmqctl", "eval", "mnesia:stop().")

    def restarts() -> list[int]:
        return [servers.pod(f"rabbitmq-{ordinal}").status.containerStatuses[0].restartCount for ordinal in range(3)]

    eventually("its container starts again", lambda: restarts() == [0, 1, 0])
    eventually("all are well", lambda: servers.is_well(3))
    assert (servers.uids(), restarts()) == (uids, [0, 1, 0])
