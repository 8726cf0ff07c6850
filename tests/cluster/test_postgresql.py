"""P02, P05, P06, P12, P14 by a program that nobody here wrote: PostgreSQL, as ``examples/postgresql`` deploys it.

A client commits one row after the other at the primary, throughout.
"""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from example_stacks import Example, Writer
from harness import eventually, local, only, watching
from lightkube import Client as Kubernetes
from lightkube.resources.core_v1 import Namespace

CLIENT = "client"
PASSWORD = "Correct-Horse"  # noqa: S105 - of this test alone


@dataclass
class PostgreSQL(Example):
    """A primary and its standbys, and a Pod with ``psql`` in it."""

    example: str = "postgresql"

    def pods(self) -> dict[str, Any]:
        """The live Pods by name, without the client's."""
        return {name: pod for name, pod in super().pods().items() if name != CLIENT}

    def start_client(self) -> None:
        """Starts a Pod that is no part of the service, for clients to run in."""
        self.kubectl(
            *("run", CLIENT, "--image=postgresql:15", "--image-pull-policy=Never", f"--env=PGPASSWORD={PASSWORD}"),
            *("--overrides", '{"spec": {"terminationGracePeriodSeconds": 0}}', "--command", "--", "sleep", "3600"),
        )
        self.kubectl("wait", "--for=condition=Ready", f"pod/{CLIENT}")

    def psql(self, host: str, *commands: str) -> list[str]:
        """What a server answers, by the name that clients have for it."""
        sql = [argument for command in commands for argument in ("--command", command)]
        return self.kubectl(*self.connecting_to(host), *sql).splitlines()

    def connecting_to(self, host: str) -> list[str]:
        """What kubectl runs in the client's Pod to talk to a server."""
        uri = f"postgresql://postgres@{host}/postgres?connect_timeout=2"
        client = ["exec", "--stdin", CLIENT, "--", "/usr/lib/postgresql/15/bin/psql", uri]
        return [*client, "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]


class Client(Writer):
    """Inserts one row after the other; connects again when the connection is lost."""

    def __init__(self, postgresql: PostgreSQL) -> None:
        super().__init__()
        self.postgresql = postgresql
        self.acknowledged: set[int] = set()
        self._number = 0

    def run(self) -> None:
        while not self.ended.wait(0.05):
            self._write_until_disconnected()

    def _write_until_disconnected(self) -> None:
        command = ["kubectl", "--namespace", self.postgresql.namespace]
        command += self.postgresql.connecting_to("postgresql-primary")
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env=self.postgresql.env, text=True, **pipes) as psql:
            assert psql.stdin
            assert psql.stdout
            with contextlib.suppress(BrokenPipeError):
                while not self.ended.wait(0.01):
                    # Each attempt is a row of its own: one without an answer may have been committed or not.
                    self._number += 1
                    psql.stdin.write(f"INSERT INTO written VALUES ({self._number}) RETURNING n;\n")  # noqa: S608
                    psql.stdin.flush()
                    answer = psql.stdout.readline().strip()
                    if not answer:
                        break
                    self.acknowledged.add(int(answer))
                    self.acknowledged_one()
            psql.kill()


@pytest.fixture
def postgresql(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[PostgreSQL]:
    """The example in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "postgresql")
    made = PostgreSQL(tmp_path / "postgresql", env, namespace=namespace, client=client)
    made.must("config", "set", "--secret", "password", PASSWORD)
    made.start_client()
    restricted = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    client.patch(Namespace, namespace, restricted)
    yield made
    made.run("destroy", "--yes", "--skip-preview")


@pytest.fixture
def writer(postgresql: PostgreSQL) -> Iterator[Client]:
    """A client, which starts when it is told to."""
    made = Client(postgresql)
    yield made
    made.end()


def standbys(postgresql: PostgreSQL) -> list[str]:
    """The standbys that replay what the primary writes."""
    streaming = "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' ORDER BY 1"
    return postgresql.psql("postgresql-primary", streaming)


def rows(postgresql: PostgreSQL, server: int) -> set[int]:
    """What was written, as one server has it."""
    return set(map(int, postgresql.psql(f"postgresql-{server}.postgresql", "SELECT n FROM written")))


def test_p14_postgresql_keeps_every_acknowledged_write(
    postgresql: PostgreSQL, writer: Client, record_property: Callable[[str, object], None]
) -> None:
    """A primary and two standbys: updated, deleted one by one, grown, five, three again; no committed row is lost."""
    postgresql.up()
    eventually("both replay", lambda: standbys(postgresql) == ["standby_1", "standby_2"])
    postgresql.psql("postgresql-primary", "CREATE TABLE written (n bigint PRIMARY KEY)")
    writer.start()

    with writer.during("a rolling update"):
        postgresql.configure(maxConnections=120)
        with watching(postgresql) as events:
            postgresql.up()
        replaced = [pod for _, pod in only(events, "deleted")]
        assert replaced == ["postgresql-2", "postgresql-1", "postgresql-0"], "the primary comes last"

    with writer.during("a deleted standby"):
        postgresql.replace_pod("postgresql-1")
        eventually("both replay", lambda: standbys(postgresql) == ["standby_1", "standby_2"])

    with writer.during("a deleted primary"):
        postgresql.replace_pod("postgresql-0")
        eventually("both replay", lambda: standbys(postgresql) == ["standby_1", "standby_2"])

    with writer.during("a grown disk"):
        before = postgresql.uids()
        postgresql.configure(size="2Gi")
        postgresql.up()
        assert postgresql.uids() == before

    with writer.during("three servers becoming five, and three again"):
        postgresql.configure(replicas=5)
        postgresql.up()
        eventually("all replay", lambda: standbys(postgresql) == [f"standby_{number}" for number in range(1, 5)])
        postgresql.configure(replicas=3)
        postgresql.up()
        assert postgresql.uids() == before

    writer.end()
    writer.report(record_property)
    assert postgresql.psql("postgresql-primary", "SHOW max_connections") == ["120"]
    for server in range(3):
        eventually(
            f"postgresql-{server} has each row",
            lambda server=server: not writer.acknowledged - rows(postgresql, server),  # type: ignore[misc]
            timeout=20,
        )
