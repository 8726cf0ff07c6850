"""The databases in ``examples/``, as the table of faults sees them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import databases_with_one_client
import httpx2
from database_faults import COUNT, PASSWORD, Client, Database
from etcd_members import Etcd, encoded
from example_stacks import NumberWriter, PipedWriter, WithClient
from harness import CommandError, eventually
from test_nats import Nats
from test_postgresql import PostgreSQL, psql, rows, standbys
from test_rabbitmq import PASSWORD as RABBITMQ_PASSWORD
from test_rabbitmq import RabbitMQ
from test_redis import Redis
from test_zookeeper import ZooKeeper


class EtcdFaults(Database):
    """etcd: a member confirms a write when a majority has it on disk."""

    name = "etcd"
    images = ("etcd:v3.7.3", "busybox")
    program = "etcd"
    rebuilt = True
    file = "start.sh"
    setting = "retention"
    numbers = ("1h", "2h")
    promise = "A write is acknowledged when a majority of the members has it on disk."
    not_applicable: ClassVar = {"a Secret alone": "the example has none"}
    example = Etcd
    live: Etcd

    def is_well(self, count: int) -> bool:
        return len(self.live.peers()) == count and all(
            self.live.ask_once(self.instance(ordinal), "maintenance/status").get("leader") for ordinal in range(count)
        )

    def leader(self) -> str:
        return self.live.leader()[0]

    def writer(self, instance: str, first: int) -> Client:
        return NumberWriter(partial(self._putting, instance), first)

    @contextmanager
    def _putting(self, instance: str) -> Iterator[Callable[[int], None]]:
        url = f"http://{self.live.addresses()[instance]}:2379/v3/kv/put"
        with httpx2.Client(timeout=httpx2.Timeout(1, connect=0.2), trust_env=False) as http:
            yield lambda number: put(http, url, number)

    def stored(self) -> set[int]:
        return {int(key.removeprefix("key/")) for key in self.live.written(self.instance(0))}


def put(http: httpx2.Client, url: str, number: int) -> None:
    body = {"key": encoded(f"key/{number:012}"), "value": encoded("x")}
    http.post(url, json=body).raise_for_status()


@dataclass
class Galera(WithClient):
    """Servers that replicate each transaction to all."""

    example: str = "galera"

    def sql(self, instance: str, command: str) -> str:
        """A server's answer to its own Pod's client."""
        return self.kubectl("exec", instance, "--", "mariadb", "--batch", "--skip-column-names", "--execute", command)


class GaleraFaults(Database):
    """MariaDB Galera: there is no leader, and each server takes writes."""

    name = "galera"
    images = ("mariadb",)
    program = "mariadbd"
    file = "galera.cnf"
    setting = "maxConnections"
    numbers = (100, 120)
    rotated = "password"
    leaving = "no command"
    promise = "A write is acknowledged when all servers of the majority have received it, and one has it on disk."
    example = Galera
    secrets: ClassVar = {"password": PASSWORD}
    # The others wait for the one that has forgotten who it was.
    recovered: ClassVar = {"recover": "worst-night"}
    client: ClassVar = ("mariadb:11.8", {})
    live: Galera

    def restore(self) -> None:
        """They find each other as after a crash of all; where the disks name different members, `recover` is needed."""
        more = self.more
        self.with_more(**more, rollout_timeout_seconds=300)
        try:
            self.live.up()
        except CommandError as error:
            if "running but not ready" not in str(error):
                raise
            self.live.configure(recover="restored")
            self.live.up()
        self.with_more(**more)

    def prepare(self) -> None:
        self.live.sql(self.instance(0), "CREATE DATABASE app; CREATE TABLE app.written (n bigint PRIMARY KEY)")

    def is_well(self, count: int) -> bool:
        wanted = {"wsrep_cluster_size": str(count), "wsrep_local_state_comment": "Synced"}
        query = f"SHOW STATUS WHERE Variable_name IN {tuple(wanted)}"
        answers = [self.live.sql(self.instance(ordinal), query).splitlines() for ordinal in range(count)]
        return all(dict(line.split() for line in lines) == wanted for lines in answers)

    def writer(self, instance: str, first: int) -> Client:
        """A client that knows the password that is about to come, too."""
        client = f"mariadb --host={instance}.galera --user=root --connect-timeout=2 --skip-ssl --batch --unbuffered"
        passwords = f"{self.current_secret} {self.next_secret}"
        command = (
            f"for MYSQL_PWD in {passwords}; do export MYSQL_PWD; "
            f"{client} --execute 'DO 1' && exec {client} --skip-column-names; done"
        )
        return PipedWriter(
            self.live, ["sh", "-c", command], "INSERT INTO app.written VALUES ({0}); SELECT {0};", "{0}", first
        )

    def stored(self) -> set[int]:
        rows = self.live.sql(self.instance(0), "SET SESSION wsrep_sync_wait = 1; SELECT n FROM app.written")
        return set(map(int, rows.split()))


class PostgreSQLFaults(Database):
    """PostgreSQL: the first instance is the primary, and stays it."""

    name = "postgresql"
    images = ("postgres",)
    program = "postgres"
    file = "start.sh"
    setting = "maxConnections"
    # Only upwards: a standby refuses fewer than its primary has.
    numbers = tuple(range(100, 200, 10))
    leaving = "no command"
    promise = "A commit is acknowledged when the primary and one standby have it on disk. No standby takes over."
    not_applicable: ClassVar = {"a Secret alone": "the password is set once, when the database is made"}
    example = PostgreSQL
    secrets: ClassVar = {"password": PASSWORD}
    client: ClassVar = ("postgres:17", {"PGPASSWORD": PASSWORD})
    live: PostgreSQL

    def prepare(self) -> None:
        self.live.psql("postgresql-primary", "CREATE TABLE written (n bigint PRIMARY KEY)")

    def is_well(self, count: int) -> bool:
        return standbys(self.live) == [f"standby_{ordinal}" for ordinal in range(1, count)]

    def written_to(self) -> list[str]:
        return [self.instance(0)]

    def restore(self) -> None:
        """The primary alone; the standbys, which have what it has no longer, copy it anew, as the README says."""
        claims = self.live.claims()
        volumes = {ordinal: str(claims[f"data-{self.instance(ordinal)}"].spec.volumeName) for ordinal in (1, 2)}
        more = self.more | {"restore": [{"ordinal": 0, "snapshot": "BeforeLastRollout"}]}
        self.with_more(**more)
        self.live.up()
        rebuild = [{"ordinal": ordinal, "volume_name": volume} for ordinal, volume in volumes.items()]
        self.with_more(**more, rebuild=rebuild)
        self.live.up()
        self.until_well()
        eventually("all have the same rows", self._agree)

    def _agree(self) -> bool:
        return len({frozenset(rows(self.live, server)) for server in range(COUNT)}) == 1

    def writer(self, instance: str, first: int) -> Client:
        command = psql(f"{instance}.postgresql")
        return PipedWriter(self.live, command, "INSERT INTO written VALUES ({0}) RETURNING n;", "{0}", first)

    def stored(self) -> set[int]:
        """Asked again until the primary answers."""

        def numbers() -> list[set[int]]:
            with suppress(CommandError):
                return [rows(self.live, 0)]
            return []

        [found] = eventually("the primary answers", numbers)
        return found


class RedisFaults(Database):
    """Redis Cluster: each server has a share of the keys, and a client is led to the one that has a key."""

    name = "redis"
    images = ("redis",)
    program = "redis-server"
    file = "start.sh"
    setting = "maxClients"
    numbers = (1000, 900)
    promise = "A write is acknowledged when its server has it on disk. No other server has it."
    not_applicable: ClassVar = {
        "a Secret alone": "the example has none",
        "lost disk": "no server has a replica: what is lost is restored from a snapshot",
        "SIGKILL in all, and a disk lost": "as above",
    }
    example = Redis
    client: ClassVar = ("redis:8", {})
    live: Redis

    def is_well(self, count: int) -> bool:
        return self.live.is_well(count)

    def writer(self, instance: str, first: int) -> Client:
        # Without the lines that say where a key is.
        command = f"redis-cli -c -h {instance}.redis | grep --line-buffered -v '^->'"
        return PipedWriter(self.live, ["sh", "-c", command], "SET key/{0} {0}", "OK", first)

    def stored(self) -> set[int]:
        servers = [name for name in self.live.pods() if name.startswith("redis-")]
        keys = [self.live.cli("keys", "key/*", server=f"{server}.redis").split() for server in servers]
        return {int(key.removeprefix("key/")) for each in keys for key in each}


class NatsFaults(Database):
    """NATS with JetStream: a stream with three replicas."""

    name = "nats"
    images = ("nats", "nats-box")
    program = "nats-server"
    rebuilt = True
    file = "nats.conf"
    setting = "maxPayload"
    numbers = ("1MB", "2MB")
    rotated = "adminPassword"
    promise = "A message is acknowledged when a majority of its stream's replicas has it on disk."
    example = Nats
    secrets: ClassVar = {"adminPassword": PASSWORD}
    live: Nats

    def prepare(self) -> None:
        self.live.has_a_stream()

    def is_well(self, count: int) -> bool:
        return self.live.is_well(count)

    def leader(self) -> str:
        return self.live.leader()

    def writer(self, instance: str, first: int) -> Client:
        return NumberWriter(partial(self.live.publisher, instance), first)

    def stored(self) -> set[int]:
        return self.live.stored()


class RabbitMQFaults(Database):
    """RabbitMQ: a quorum queue."""

    name = "rabbitmq"
    images = ("rabbitmq",)
    program = "beam.smp"
    rebuilt = True
    recovered: ClassVar = {"recover": "worst-night"}
    file = "rabbitmq.conf"
    setting = "memoryShare"
    numbers = ("0.4", "0.5")
    promise = "A message is confirmed when a majority of the queue's replicas has it on disk."
    not_applicable: ClassVar = {"a Secret alone": "password and cookie are set once, when the servers are made"}
    example = RabbitMQ
    secrets: ClassVar = {"password": RABBITMQ_PASSWORD, "cookie": "BatteryStaple"}
    live: RabbitMQ

    def __init__(self, live: RabbitMQ, **always: object) -> None:
        super().__init__(live, **always)
        self._read: set[int] = set()

    def prepare(self) -> None:
        with self.live.channel():
            pass

    def is_well(self, count: int) -> bool:
        if not self.live.ctl("rabbitmqctl", "list_queues", "name"):
            self.prepare()
        return self.live.is_well(count)

    def leader(self) -> str:
        return self.live.leader()

    def writer(self, instance: str, first: int) -> Client:
        return NumberWriter(partial(self.live.publisher, instance), first)

    def stored(self) -> set[int]:
        """Reading takes a message out of the queue."""
        self._read |= self.live.stored()
        return self._read


class ZooKeeperFaults(Database):
    """ZooKeeper: a tree."""

    name = "zookeeper"
    images = ("zookeeper",)
    program = "java"
    file = "zoo.cfg"
    setting = "maxConnections"
    numbers = (60, 70)
    leaving = "member.sh"
    promise = "A write is acknowledged when a majority of the servers has it on disk."
    not_applicable: ClassVar = {"a Secret alone": "the example has none"}
    example = ZooKeeper
    live: ZooKeeper

    def is_well(self, count: int) -> bool:
        return self.live.is_well(count)

    def leader(self) -> str:
        return eventually("there is a leader", self.live.leader)

    def writer(self, instance: str, first: int) -> Client:
        return NumberWriter(partial(self.live.creator, instance), first)

    def stored(self) -> set[int]:
        return self.live.stored()


_KINDS: tuple[type[Database], ...] = (
    EtcdFaults,
    GaleraFaults,
    NatsFaults,
    PostgreSQLFaults,
    RabbitMQFaults,
    RedisFaults,
    ZooKeeperFaults,
    *databases_with_one_client.KINDS,
)
ALL: dict[str, type[Database]] = {each.name: each for each in _KINDS}
"""By the folder of the example."""
