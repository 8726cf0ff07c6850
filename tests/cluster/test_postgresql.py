"""P02, P05, P06, P12, P14 by a program that nobody here wrote: PostgreSQL, as ``examples/postgresql`` deploys it.

A client commits one row after the other at the primary, throughout.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from example_stacks import CLIENT, PipedWriter, WithClient, restricted
from harness import CommandError, eventually, local, only, watching
from lightkube import Client as Kubernetes
from lightkube.resources.core_v1 import Pod

PASSWORD = "Correct-Horse"  # noqa: S105 - of this test alone


@dataclass
class PostgreSQL(WithClient):
    """A primary and its standbys."""

    example: str = "postgresql"

    def psql(self, host: str, *commands: str) -> list[str]:
        """A server's answer, reached by the name that clients use."""
        sql = [argument for command in commands for argument in ("--command", command)]
        return self.kubectl("exec", "--stdin", CLIENT, "--", *psql(host), *sql).splitlines()

    def logs(self, instance: str) -> str:
        """What a server has said; nothing while its container does not run."""
        with suppress(CommandError):
            return self.kubectl("logs", instance)
        return ""

    def received(self, standby: str) -> int:
        """How far a standby has the primary's log, in bytes."""
        [position] = self.psql(f"{standby}.postgresql", "SELECT pg_last_wal_receive_lsn() - '0/0'")
        return int(position)


def psql(host: str) -> list[str]:
    """The psql command of the client's Pod."""
    uri = f"postgresql://postgres@{host}/postgres?connect_timeout=2"
    program = ["/usr/lib/postgresql/17/bin/psql", uri, "--quiet", "--no-align", "--tuples-only"]
    return [*program, "--set=ON_ERROR_STOP=1"]


@pytest.fixture
def postgresql(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[PostgreSQL]:
    """The example in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "postgres")
    made = PostgreSQL(tmp_path / "postgresql", env, namespace=namespace, client=client)
    made.must("config", "set", "--secret", "password", PASSWORD)
    made.start_client("postgres:17", PGPASSWORD=PASSWORD)
    with restricted(made):
        yield made


@pytest.fixture
def writer(postgresql: PostgreSQL) -> Iterator[PipedWriter]:
    """A client, not started yet."""
    made = PipedWriter(postgresql, psql("postgresql-primary"), "INSERT INTO written VALUES ({0}) RETURNING n;", "{0}")
    yield made
    made.end()


def standbys(postgresql: PostgreSQL) -> list[str]:
    """The standbys that replay what the primary writes; none while the primary does not answer."""
    streaming = "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' ORDER BY 1"
    with suppress(CommandError):
        return postgresql.psql("postgresql-primary", streaming)
    return []


def rows(postgresql: PostgreSQL, server: int) -> set[int]:
    """The rows on one server."""
    return set(map(int, postgresql.psql(f"postgresql-{server}.postgresql", "SELECT n FROM written")))


@pytest.mark.long
def test_p14_postgresql_keeps_every_acknowledged_write(
    postgresql: PostgreSQL, writer: PipedWriter, record_property: Callable[[str, object], None]
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


@pytest.mark.long
def test_p14_a_primary_that_has_lost_its_disk_waits_for_a_copy(postgresql: PostgreSQL, writer: PipedWriter) -> None:
    """It makes no empty database; as the README says, it copies the standby that has most, and no row is lost."""
    postgresql.up()
    eventually("both replay", lambda: standbys(postgresql) == ["standby_1", "standby_2"])
    postgresql.psql("postgresql-primary", "CREATE TABLE written (n bigint PRIMARY KEY)")
    writer.start()
    writer.wait_for_a_write()
    before = postgresql.uids()["postgresql-0"]
    postgresql.kubectl("delete", "pvc", "data-postgresql-0", "--wait=false")
    postgresql.client.delete(Pod, "postgresql-0", namespace=postgresql.namespace)
    eventually("it is another one", lambda: postgresql.uids().get("postgresql-0") not in (None, before))
    eventually("it waits", lambda: "Waiting for data" in postgresql.logs("postgresql-0"))

    here = f"kubectl --namespace {postgresql.namespace} "
    ask, copy = (commands.replace("kubectl ", here) for commands in postgresql.commands("A lost disk"))
    postgresql.follow(ask)
    most = max((1, 2), key=lambda number: postgresql.received(f"postgresql-{number}"))
    postgresql.follow(copy.replace("postgresql-1", f"postgresql-{most}"))
    eventually("both replay", lambda: standbys(postgresql) == ["standby_1", "standby_2"])
    writer.wait_for_a_write()
    writer.end()
    for server in range(3):
        eventually(
            f"postgresql-{server} has each row",
            lambda server=server: not writer.acknowledged - rows(postgresql, server),  # type: ignore[misc]
            timeout=20,
        )
