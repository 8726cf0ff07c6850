"""etcd on three nodes, of which one after another loses power, is frozen or is cut off.

``NODE_FAULTS`` is the number of faults, ``NODE_SEED`` chooses their order.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nodes
import pytest
from etcd_history import History
from etcd_members import Etcd
from example_stacks import restricted
from harness import eventually, local
from lightkube import Client
from nodes import IdentityWatch

FAULTS = int(os.environ.get("NODE_FAULTS", "2"))
SEED = int(os.environ.get("NODE_SEED", "1"))
MEMBERS = ("etcd-0", "etcd-1", "etcd-2")

pytestmark = [pytest.mark.alone, pytest.mark.long, pytest.mark.usefixtures("three_nodes")]


@pytest.fixture
def etcd(env: dict[str, str], client: Client, namespace: str, tmp_path: Path) -> Iterator[Etcd]:
    """The example with one member on each node, on network disks."""
    local("load-image", "etcd:v3.7.3", "busybox")
    made = Etcd(tmp_path / "etcd", env, namespace=namespace, client=client)
    with restricted(made):
        made.configure(storageClass="network")
        made.up()
        assert len(set(nodes.place(made).values())) == 3
        yield made
        nodes.heal()


def test_p14_nodes_fail_one_after_another_and_no_write_is_lost(
    etcd: Etcd, client: Client, namespace: str, record_property: Callable[[str, object], None]
) -> None:
    """Many node faults: no acknowledged value is lost or read stale, and no member runs twice."""
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    happened: list[str] = []
    with IdentityWatch(namespace) as watch, History(etcd) as history:
        for _ in range(FAULTS):
            fault = chance.choice((switched_off, switched_off_for_good, hanging, cut_off))
            member = chance.choice(MEMBERS)
            happened.append(f"{fault.__name__} under {member}")
            history.until_a_put()
            fault(etcd, client, member, chance)
            eventually(f"all are ready after {happened[-1]}", lambda: all(map(etcd.is_ready, MEMBERS)), 180)
    verdict = history.check()
    record_property("node faults", len(happened))
    record_property("acknowledged writes", history.puts())
    record_property("the checker's verdict, and operations", verdict)
    record_property("looks at what runs", watch.looks)


def switched_off(etcd: Etcd, _client: Client, member: str, chance: random.Random) -> None:
    """A node loses power for a few seconds."""
    nodes.act("off", nodes.node_of(etcd, member))
    time.sleep(chance.uniform(0, 5))  # how long it lasts is part of the fault
    nodes.heal()


def switched_off_for_good(etcd: Etcd, client: Client, member: str, _chance: random.Random) -> None:
    """A node loses power and is marked as out of service: the member moves."""
    node, before = nodes.node_of(etcd, member), etcd.uids()[member]
    nodes.act("off", node)
    nodes.until_noticed(client, node)
    with nodes.known_to_be_gone(etcd, node):
        moved = lambda: etcd.uids().get(member) not in (None, before) and etcd.is_ready(member)  # noqa: E731
        eventually(f"{member} has moved", moved, 180)
    nodes.heal()


def hanging(etcd: Etcd, _client: Client, member: str, chance: random.Random) -> None:
    """A node is frozen for a while, and continues."""
    node = nodes.node_of(etcd, member)
    nodes.act("freeze", node)
    time.sleep(chance.uniform(1, 8))
    nodes.act("thaw", node)


def cut_off(etcd: Etcd, _client: Client, member: str, chance: random.Random) -> None:
    """A node is cut off for a while; its member keeps running."""
    node = nodes.node_of(etcd, member)
    nodes.act("cut-off", node)
    time.sleep(chance.uniform(1, 8))
    nodes.act("reconnect", node)
