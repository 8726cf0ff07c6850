"""P02, P05, P06, P08, P14 by a program that nobody here wrote: Valkey with Sentinel, as ``examples/valkey`` deploys it.

A client sets one key after the other at the primary that the Sentinels name, throughout, and waits until a replica has
each (``WAIT``).
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from example_stacks import Example, NumberWriter, changed_throughout, restricted
from harness import eventually, local
from lightkube import Client as Kubernetes

SERVER, SENTINEL = 6379, 26379
PRIMARY = "SENTINEL get-master-addr-by-name main"


@dataclass
class Valkey(Example):
    """A primary, its replicas, and a Sentinel beside each."""

    example: str = "valkey"

    def ask(self, pod: str, command: str, port: int = SERVER) -> list[str]:
        """The lines of an answer; none where nobody answers."""
        try:
            with conversation(self.addresses()[pod], port) as ask:
                return ask(command)
        except (OSError, KeyError):
            return []

    def servers(self) -> list[str]:
        """The Pods' names."""
        return sorted(self.addresses())

    def leader(self) -> str:
        """Whom the Sentinels name as the primary, when all agree."""
        return eventually("the Sentinels agree on the primary", self._agreed)

    def _agreed(self) -> str:
        named = {"".join(self.ask(pod, PRIMARY, SENTINEL)[:1]).partition(".")[0] for pod in self.servers()}
        return named.pop() if len(named) == 1 else ""

    def is_well(self, count: int) -> bool:
        """Whether all Sentinels know all servers and each other, and one primary has all replicas with all its data."""
        servers = self.servers()
        infos = {pod: dict(_fields(self.ask(pod, "INFO replication"))) for pod in servers}
        primaries = [pod for pod, info in infos.items() if info.get("role") == "master"]
        following = [info for info in infos.values() if info.get("master_link_status") == "up"]
        known = [dict(_pairs(self.ask(pod, "SENTINEL master main", SENTINEL))) for pod in servers]
        peers = {(each.get("num-slaves"), each.get("num-other-sentinels"), each.get("flags")) for each in known}
        return (
            len(servers) == count
            and primaries == [self._agreed()]
            and len(following) == count - 1
            and peers == {(str(count - 1), str(count - 1), "master")}
        )

    def gets_well(self, count: int) -> bool:
        """Waits until ``is_well``: each Sentinel looks for new replicas every ten seconds."""
        return eventually("all are well", lambda: self.is_well(count))

    @contextmanager
    def setter(self) -> Iterator[Callable[[int], None]]:
        """What sets a key, and raises where no replica has it within half a second."""
        addresses = self.addresses()
        named = filter(None, (self.ask(pod, PRIMARY, SENTINEL) for pod in sorted(addresses)))
        primary = next(named)[0].partition(".")[0]
        with conversation(addresses[primary], SERVER) as ask:

            def write(number: int) -> None:
                if ask(f"SET key/{number} {number}") != ["OK"] or ask("WAIT 1 500") in (["0"], []):
                    raise OSError(number)

            yield write

    def stored(self, pod: str) -> set[int]:
        """All numbers that a server has."""
        return {int(key.rpartition("/")[2]) for key in self.ask(pod, "KEYS key/*")}


@contextmanager
def conversation(address: str, port: int) -> Iterator[Callable[[str], list[str]]]:
    """Asks one server: each command gives the lines of its answer; raises where there is none."""
    with socket.create_connection((address, port), timeout=1) as connection, connection.makefile("rb") as answers:

        def line() -> str:
            text: bytes = answers.readline()
            if not text.endswith(b"\r\n") or text.startswith(b"-"):
                raise OSError(text)
            return text.decode().rstrip()

        def answer() -> list[str]:
            kind, rest = (first := line())[0], first[1:]
            if kind == "*":
                return [each for _ in range(max(int(rest), 0)) for each in answer()]
            if kind == "$":
                return answers.read(int(rest) + 2).decode().splitlines() or [""] if int(rest) >= 0 else []
            return [rest]

        def ask(command: str) -> list[str]:
            connection.sendall(command.encode() + b"\r\n")
            return answer()

        yield ask


def _fields(lines: list[str]) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, _, value in (line.partition(":") for line in lines))


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    return zip(lines[::2], lines[1::2], strict=False)


@pytest.fixture
def servers(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[Valkey]:
    """The example in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "valkey")
    made = Valkey(tmp_path / "valkey", env, namespace=namespace, client=client)
    with restricted(made):
        yield made


@pytest.mark.long
def test_p14_valkey_keeps_every_acknowledged_write(
    servers: Valkey, record_property: Callable[[str, object], None]
) -> None:
    """Three servers: updated, deleted, grown, five, three again, all ended with the primary's disk lost: no key is."""
    servers.up()
    eventually("they have a primary", lambda: servers.is_well(3))
    writer = NumberWriter(servers.setter)
    try:
        changed_throughout(servers, writer, servers.gets_well, servers.leader, maxClients=900)
    finally:
        writer.end()
    writer.report(record_property)
    for pod in servers.servers():
        assert writer.acknowledged <= servers.stored(pod)

    lost = servers.leader()
    servers.kubectl("delete", "pvc", f"data-{lost}", "--wait=false")
    # All at once, by which nobody has the time to take over before.
    servers.kubectl("delete", "pods", *servers.servers(), "--grace-period=0", "--force")
    eventually("another one is the primary", lambda: servers.is_well(3))
    assert servers.leader() != lost
    for pod in servers.servers():
        assert writer.acknowledged <= servers.stored(pod)
