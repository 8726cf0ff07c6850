"""P05, P06, P14: one table of faults for the databases in ``examples/``, and a client that writes to each server.

``DATABASES`` names those whose whole table is run (``make test-databases``), ``ROWS`` some of its rows by words of
their names, ``DATABASE_TABLES`` a file for the tables.
"""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from database_faults import ROWS, Row, table
from databases import ALL
from example_stacks import PipedWriter, WithClient, restricted
from harness import local
from lightkube import Client

WHOLE = os.environ.get("DATABASES", "").split()
WANTED = os.environ.get("ROWS", "").split(",")
FILE = os.environ.get("DATABASE_TABLES")


def rows() -> list[Row]:
    """Those that are wanted."""
    return [row for row in ROWS if any(word in row.name for word in WANTED)]


@pytest.mark.long
@pytest.mark.parametrize("name", WHOLE or sorted(ALL))
def test_p14_a_database_keeps_every_acknowledged_write(
    name: str, env: dict[str, str], client: Client, namespace: str, tmp_path: Path
) -> None:
    """Each fault of the table: what was acknowledged is there, and the database is well again without a hand in it."""
    kind = ALL[name]
    local("load-image", *kind.images)
    live = kind.in_folder(tmp_path / name, env, namespace, client)
    with restricted(live):
        results = table(kind(live), rows(), said)
    assert not [result for result in results if result.failed]


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
