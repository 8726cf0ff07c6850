"""Databases in ``examples/`` of which one client finds by itself who takes writes, as the table of faults sees them."""

from typing import ClassVar

from database_faults import Client, Database
from example_stacks import NumberWriter
from test_kafka import JAVA, Kafka, Producer
from test_strongbox import Strongbox
from test_valkey import Valkey

NO_SECRET = {"a Secret alone": "the example has none"}


class OneClient(Database):
    """One client writes to whoever takes writes."""

    def written_to(self) -> list[str]:
        """The leader, or another one that the client finds when that is away."""
        return [self.leader()]


class ValkeyFaults(OneClient):
    """Valkey with Sentinel: the client asks the Sentinels for the primary, and waits until a replica has each write."""

    name = "valkey"
    images = ("valkey",)
    program = "valkey-server"
    file = "start.sh"
    setting = "maxClients"
    numbers = (1000, 900)
    promise = (
        "A write is acknowledged when the primary has it on disk, and here also when a replica has it (`WAIT 1`). With "
        "a server the Sentinel of its Pod is killed."
    )
    not_applicable: ClassVar = NO_SECRET
    example = Valkey
    live: Valkey

    def is_well(self, count: int) -> bool:
        return self.live.is_well(count)

    def leader(self) -> str:
        return self.live.leader()

    def writer(self, instance: str, first: int) -> Client:  # noqa: ARG002 - the Sentinels tell which
        return NumberWriter(self.live.setter, first)

    def stored(self) -> set[int]:
        return self.live.stored(self.live.leader())


class StrongboxFaults(OneClient):
    """The program of our own in the manner of Vault: the first server takes writes."""

    name = "strongbox"
    images = ("strongbox",)
    program = "strongbox"
    file = "start.sh"
    setting = "writeTimeout"
    numbers = (2, 3)
    promise = "A write is acknowledged when the first server and a standby have it on disk. Nobody takes over."
    not_applicable: ClassVar = NO_SECRET
    example = Strongbox
    live: Strongbox

    def is_well(self, count: int) -> bool:
        return self.live.is_well(count)

    def fresh(self) -> None:
        """Without the keys of before, too, which are never overwritten."""
        self.live.kubectl("delete", "secret", "strongbox-keys", "--ignore-not-found")
        super().fresh()

    def writer(self, instance: str, first: int) -> Client:  # noqa: ARG002 - always the first one
        return NumberWriter(self.live.putter, first)

    def stored(self) -> set[int]:
        return self.live.stored(self.instance(0))


class Brokers(Kafka):
    """Kafka, of which the brokers count as the instances."""

    def pods(self) -> dict[str, object]:
        """The brokers."""
        return {name: pod for name, pod in super().pods().items() if "-brokers-" in name}

    def claims(self) -> dict[str, object]:
        """Those of the brokers."""
        return {name: claim for name, claim in super().claims().items() if "-brokers-" in name}


class KafkaFaults(OneClient):
    """Kafka: a producer sends to the leaders of all partitions."""

    name = "kafka"
    images = ("kafka",)
    program = "java"
    file = "server.properties"
    setting = "maxBytes"
    numbers = (1_048_588, 2_000_000)
    promise = (
        "A message is acknowledged when two of three brokers have it (`acks=all`). The rows are those of brokers. "
        "Where all are killed, the controllers are, too."
    )
    not_applicable: ClassVar = NO_SECRET | {
        "restore from snapshots": "disks of several servers, which agree on the messages, have no common moment",
    }
    # Of the controllers.
    other_disks = ("1Gi",) * 3
    example = Brokers
    client: ClassVar = ("apache/kafka:4.1.0", JAVA)
    live: Brokers

    def instance(self, ordinal: int) -> str:
        return f"kafka-brokers-{ordinal}"

    def everyone(self) -> list[str]:
        """The controllers, too."""
        return [*super().everyone(), *(f"kafka-controllers-{ordinal}" for ordinal in range(3))]

    def prepare(self) -> None:
        self.live.create_topic()

    def is_well(self, count: int) -> bool:
        return self.live.registered() == count and (not self.acknowledged or self.live.is_well())

    def leader(self) -> str:
        return self.live.leader()

    def writer(self, instance: str, first: int) -> Client:  # noqa: ARG002 - all of them
        return Producer(self.live, first)

    def stored(self) -> set[int]:
        return self.live.stored()


KINDS = (KafkaFaults, StrongboxFaults, ValkeyFaults)
