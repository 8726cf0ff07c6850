"""P05, P06, P11, P14: one table of faults for the databases in ``examples/``, and a client that writes to each server.

``DATABASES`` names those whose whole table is run (``make test-databases``), ``ROWS`` some of its rows by words of
their names, ``DATABASE_TABLES`` a file for the tables.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from database_faults import NODE_ROWS, ON_THREE_NODES, ROWS, Row, table
from databases import ALL
from example_stacks import PipedWriter, WithClient, restricted
from harness import local
from lightkube import Client

WHOLE = os.environ.get("DATABASES", "").split()
WANTED = os.environ.get("ROWS", "").split(",")
FILE = os.environ.get("DATABASE_TABLES")
IN_SHORT = (
    "rolling update",
    "SIGKILL in all at once",
    "SIGKILL in the leader while one joins",
    "SIGKILL in the leader while one leaves",
    "SIGKILL in all, and all Pods deleted",
)
"""The rows that two databases meet in ``make test``."""


def wanted(rows: Sequence[Row]) -> list[Row]:
    """Those that are wanted."""
    return [row for row in rows if any(word in row.name for word in WANTED)]


def of_databases(rows: Sequence[Row]) -> pytest.MarkDecorator:
    """The databases of which such rows are wanted."""
    return pytest.mark.parametrize("name", (WHOLE or sorted(ALL)) if wanted(rows) else [])


@pytest.mark.long
@of_databases(ROWS)
def test_p14_a_database_keeps_every_acknowledged_write(
    name: str, env: dict[str, str], client: Client, namespace: str, tmp_path: Path
) -> None:
    """Each fault of the table: what was acknowledged is there, and the database is well again without a hand in it."""
    survives(name, env, client, namespace, tmp_path, wanted(ROWS))


@pytest.mark.parametrize("name", ["etcd", "postgresql"])
def test_p14_two_databases_keep_every_acknowledged_write(
    name: str, env: dict[str, str], client: Client, namespace: str, tmp_path: Path
) -> None:
    """Updated, all killed, all in other Pods, the leader killed while one joins and leaves: no write is lost."""
    survives(name, env, client, namespace, tmp_path, [row for row in ROWS if row.name in IN_SHORT])


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.usefixtures("three_nodes")
@of_databases(NODE_ROWS)
def test_p11_a_database_outlives_the_node_of_its_leader(
    name: str, env: dict[str, str], client: Client, namespace: str, tmp_path: Path
) -> None:
    """Its leader's node is drained, and another loses power for good: what was acknowledged is there, elsewhere."""
    survives(name, env, client, namespace, tmp_path, wanted(NODE_ROWS), **ON_THREE_NODES)


def survives(
    name: str,
    env: dict[str, str],
    client: Client,
    namespace: str,
    folder: Path,
    rows: Sequence[Row],
    **always: object,
) -> None:
    """Deploys a database, with further arguments of the service, and causes faults one after another."""
    kind = ALL[name]
    local("load-image", *kind.images)
    live = kind.in_folder(folder / name, env, namespace, client)
    with restricted(live):
        results = table(kind(live, **always), rows, said)
    assert not [result for result in results if result.failed], "\n".join(result.line() for result in results)


def test_a_client_goes_on_when_its_program_has_ended(tmp_path: Path) -> None:
    """It writes to a program that answers once and ends, and starts it again each time."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\nread number; echo $number\n")
    kubectl.chmod(0o755)
    example = cast("WithClient", SimpleNamespace(namespace="default", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}))
    writer = PipedWriter(example, [], "{0}", "{0}")
    writer.start()
    for _ in range(10):
        writer.wait_for_a_write()
    writer.end()


def said(line: str) -> None:
    """Adds a line to the tables, which are printed when all have been run."""
    print(line)  # noqa: T201 - shown where the test fails
    if FILE:
        with Path(FILE).open("a") as file:
            file.write(f"{line}\n")
