"""P05: PostgreSQL is rolled back to before a bad migration, by the snapshot that ``pulumi up`` made before it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from harness import CommandError, Service, eventually, local
from lightkube.resources.core_v1 import PersistentVolume
from test_snapshots import snapshots

Make = Callable[..., Service]

BINARIES = "/usr/lib/postgresql/17/bin"
START = """\
test -s "$PGDATA/PG_VERSION" || initdb --auth=trust
exec postgres -c listen_addresses= -c unix_socket_directories=/tmp
"""
CHECK = """\
pg_ctl start --wait --options='-c listen_addresses= -c unix_socket_directories=/tmp' &&
psql --host=/tmp --dbname=postgres --command='SELECT sum(n) FROM written'
"""
MANY = 20
"""Rows that are written before ``up`` begins."""
PSQL = [f"{BINARIES}/psql", "--host=/tmp", "--dbname=postgres", "--quiet", "--no-align", "--tuples-only", "--command"]
POSTGRESQL: dict[str, Any] = {
    "image": "postgres:17",
    "command": ["sh", "-c", START],
    "env": {"PATH": f"{BINARIES}:/usr/bin:/bin", "PGDATA": "/var/lib/postgresql/data/pgdata"},
    "replicas": 1,
    "ports": {"client": 5432},
    "readiness_probe": {"exec": {"command": ["pg_isready", "--quiet", "--host=/tmp"]}, "period_seconds": 1},
    "security": {"run_as_user": 999},
    "volumes": [{"name": "data", "mount_path": "/var/lib/postgresql/data", "size": "1Gi", "storage_class_name": "csi"}],
    "snapshots": {
        "class_name": "csi",
        # It starts on the restored files, as after a crash, and reads every row.
        "restore_test": {
            "command": ["sh", "-c", CHECK],
            "timeout_seconds": 180,
        },
    },
}


def sql(rg: Service, command: str) -> str:
    """The server's answer."""
    return rg.kubectl("exec", "rg-0", "--", *PSQL, command).strip()


@contextmanager
def writing(rg: Service) -> Iterator[dict[int, datetime]]:
    """Commits one row after the other meanwhile; when the commit of each was acknowledged."""
    acknowledged: dict[int, datetime] = {}
    ended = threading.Event()

    def write() -> None:
        number = 0
        while not ended.wait(0.01):
            number += 1
            try:
                sql(rg, f"INSERT INTO written VALUES ({number})")  # noqa: S608 - a number
            except CommandError:
                continue
            acknowledged[number] = datetime.now(UTC)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield acknowledged
    finally:
        ended.set()
        thread.join()


@pytest.mark.long
def test_p05_postgresql_is_rolled_back_to_before_a_bad_migration(
    service: Make, record_property: Callable[[str, object], None]
) -> None:
    """No row is lost whose commit was acknowledged before the snapshot; the disk with the migration is kept."""
    local("load-image", "postgres")
    rg = service(**POSTGRESQL)
    rg.up()
    sql(rg, "CREATE TABLE written (n bigint PRIMARY KEY)")
    rg.set(env={**POSTGRESQL["env"], "RELEASE": "2"})
    with writing(rg) as acknowledged:
        eventually("some rows are written", lambda: len(acknowledged) > MANY)
        rg.up()
    [(name, snapshot)] = snapshots(rg).items()
    made = datetime.fromisoformat(str(snapshot.metadata.creationTimestamp))
    before = {number for number, when in acknowledged.items() if when < made}
    record_property("rows before the snapshot, and in all", [len(before), len(acknowledged)])
    assert len(before) > MANY / 2
    sql(rg, "DROP TABLE written")
    kept = str(rg.claims()["data-rg-0"].spec.volumeName)
    try:
        rg.deploy(restore=[{"ordinal": 0, "snapshot": name}])
        rows = {int(each) for each in sql(rg, "SELECT n FROM written").split()}
        assert before <= rows
        assert rg.claims()["data-rg-0"].spec.volumeName != kept
        rg.unchanged()
    finally:
        rg.client.delete(PersistentVolume, kept)
