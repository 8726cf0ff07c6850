"""P02, P05, P06, P14 by a program that nobody here wrote: a Redis Cluster, as ``examples/redis`` deploys it.

A client sets one key after the other, throughout; the keys are spread over the servers, and move as these come and go.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from example_stacks import CLIENT, PipedWriter, WithClient, restricted
from harness import eventually, local
from lightkube import Client as Kubernetes


@dataclass
class Redis(WithClient):
    """A Redis Cluster."""

    example: str = "redis"

    def cli(self, *command: str, server: str = "redis-0.redis") -> str:
        """A server's answer, reached by the name that clients use."""
        return self.kubectl("exec", CLIENT, "--", "redis-cli", "-h", server, *command)

    def servers(self) -> dict[str, int]:
        """How many of the 16,384 slots each member of the cluster has."""
        nodes = [line.split() for line in self.cli("cluster", "nodes").splitlines() if line.strip()]
        ranges = {node[1].split(",")[1].partition(".")[0]: node[8:] for node in nodes}
        return {server: sum(map(_slots, ranges[server])) for server in sorted(ranges)}

    def is_well(self, count: int) -> bool:
        """Whether all servers know exactly this many, are connected to them, and all slots are served."""
        servers = [f"redis-{number}.redis" for number in range(count)]
        states = [self.cli("cluster", "nodes", server=server) for server in servers]
        infos = [self.cli("cluster", "info", server=server) for server in servers]
        apart = any(word in state for state in states for word in ("fail", "disconnected"))
        return not apart and all(
            "cluster_state:ok" in info and f"cluster_known_nodes:{count}\n" in info for info in infos
        )


def _slots(part: str) -> int:
    first, _, last = part.partition("-")
    return int(last or first) - int(first) + 1


@pytest.fixture
def redis(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[Redis]:
    """The example in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "redis")
    made = Redis(tmp_path / "redis", env, namespace=namespace, client=client)
    made.start_client("redis:8")
    with restricted(made):
        yield made


@pytest.fixture
def writer(redis: Redis) -> Iterator[PipedWriter]:
    """A client, not started yet."""
    # Without the lines that say where a key is.
    command = "redis-cli -c -h redis | grep --line-buffered -v '^->'"
    made = PipedWriter(redis, ["sh", "-c", command], "SET key/{0} {0}", "OK")
    yield made
    made.end()


@pytest.mark.long
def test_p14_redis_keeps_every_acknowledged_write(
    redis: Redis, writer: PipedWriter, record_property: Callable[[str, object], None]
) -> None:
    """Three servers: updated, deleted, grown, five that share the keys, three again; no key is lost."""
    redis.up()
    eventually("they form a cluster", lambda: redis.is_well(3))
    writer.start()

    with writer.during("a rolling update"):
        redis.configure(maxClients=900)
        redis.up()
        eventually("all are well", lambda: redis.is_well(3))

    with writer.during("a deleted Pod"):
        redis.replace_pod("redis-1")
        eventually("all are well", lambda: redis.is_well(3))

    with writer.during("a grown disk"):
        before = redis.uids()
        redis.configure(size="2Gi")
        redis.up()
        assert redis.uids() == before

    with writer.during("three servers becoming five"):
        redis.configure(replicas=5)
        redis.up()
        assert set(redis.servers()) == {f"redis-{number}" for number in range(5)}
        assert min(redis.servers().values()) > 3000, "each has its share"

    with writer.during("five servers becoming three"):
        redis.configure(replicas=3)
        redis.up()
        assert set(redis.servers()) == {"redis-0", "redis-1", "redis-2"}
        assert redis.uids() == before

    writer.end()
    writer.report(record_property)
    eventually("all are well", lambda: redis.is_well(3))
    keys = {key for number in range(3) for key in redis.cli("keys", "key/*", server=f"redis-{number}.redis").split()}
    assert {f"key/{number}" for number in writer.acknowledged} <= keys
