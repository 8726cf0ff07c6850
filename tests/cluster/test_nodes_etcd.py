"""etcd on three nodes, of which one after another loses power, is frozen or is cut off.

``NODE_FAULTS`` is the number of faults, ``NODE_SEED`` chooses their order.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nodes
import pytest
from etcd_history import History
from etcd_members import Etcd
from example_stacks import restricted
from harness import eventually, local
from lightkube import Client
from lightkube.resources.core_v1 import Node
from nodes import IdentityWatch

FAULTS = int(os.environ.get("NODE_FAULTS", "2"))
SEED = int(os.environ.get("NODE_SEED", "1"))
MEMBERS = ("etcd-0", "etcd-1", "etcd-2")

pytestmark = [pytest.mark.alone, pytest.mark.long, pytest.mark.usefixtures("three_nodes")]


@pytest.fixture
def on_network_disks(env: dict[str, str], client: Client, namespace: str, tmp_path: Path) -> Iterator[Etcd]:
    """The example, on network disks; nothing is deployed yet."""
    local("load-image", "etcd:v3.7.3", "busybox")
    made = Etcd(tmp_path / "etcd", env, namespace=namespace, client=client)
    with restricted(made):
        made.configure(storageClass="network")
        yield made
        nodes.heal()


@pytest.fixture
def etcd(on_network_disks: Etcd) -> Etcd:
    """The example with one member on each node."""
    on_network_disks.up()
    assert len(set(nodes.place(on_network_disks).values())) == 3
    return on_network_disks


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
            eventually(f"all are ready after {happened[-1]}", lambda: all(map(etcd.is_ready, MEMBERS)))
    verdict = history.check()
    record_property("node faults", len(happened))
    record_property("acknowledged writes", history.puts())
    record_property("the checker's verdict, and operations", verdict)
    record_property("looks at what runs", watch.looks)


def test_p14_with_a_group_for_each_zone_a_rollout_waits_for_a_lost_zone(
    on_network_disks: Etcd, client: Client, namespace: str, record_property: Callable[[str, object], None]
) -> None:
    """A zone is lost: the rollout stops nobody in the others until it is back, and no acknowledged value is lost."""
    etcd = on_network_disks
    [commands] = etcd.commands("One group for each zone")
    etcd.follow(commands)
    where = {name: client.get(Node, node).metadata for name, node in nodes.place(etcd).items()}
    zones = {name: str(each and (each.labels or {})["topology.kubernetes.io/zone"]) for name, each in where.items()}
    assert zones == {f"etcd-{zone}-0": zone for zone in "abc"}
    with IdentityWatch(namespace), History(etcd) as history:
        history.until_a_put()
        lost, before = nodes.node_of(etcd, "etcd-b-0"), etcd.uids()
        nodes.act("off", lost)
        nodes.until_noticed(client, lost)
        history.until_a_put()
        etcd.configure(retention="2h")
        with ThreadPoolExecutor() as threads:
            rollout = threads.submit(etcd.up)
            eventually("the lost zone has the new version", lambda: _has_new_revision(etcd, "etcd-b"))
            history.until_a_put()
            assert etcd.uids().items() >= {each for each in before.items() if each[0] != "etcd-b-0"}
            nodes.heal()
            rollout.result()
        assert not set(before.values()) & set(etcd.uids().values())
        eventually("all are ready", lambda: all(map(etcd.is_ready, zones)))
    verdict = history.check()
    etcd.unchanged()
    record_property("acknowledged writes", history.puts())
    record_property("the checker's verdict, and operations", verdict)


def _has_new_revision(etcd: Etcd, name: str) -> bool:
    status = etcd.stateful_set(name).status
    return bool(status.updateRevision != status.currentRevision)


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
        etcd.until_replaced(member, before)
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
