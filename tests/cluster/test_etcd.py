"""P02, P03, P05, P06, P10, P14 by a program that nobody here wrote: etcd, as ``examples/etcd`` deploys it.

A client writes throughout; the longest time without an acknowledged write is reported at the end of the run.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from etcd_members import Etcd, encoded
from example_stacks import Writer, restricted
from harness import eventually, is_serving, local, only, watching
from lightkube import ApiError
from lightkube import Client as Kubernetes


class Client(Writer):
    """Writes one key after another to one member, and to the next one when that fails."""

    def __init__(self, etcd: Etcd) -> None:
        super().__init__()
        self.etcd = etcd
        self.acknowledged: dict[str, int] = {}
        self._number = 0

    def run(self) -> None:
        with httpx2.Client(timeout=httpx2.Timeout(1, connect=0.2)) as http:
            while not self.ended.wait(0.01):
                for address in self._addresses():
                    while not self.ended.wait(0.01) and self._write(http, address):
                        pass

    def _addresses(self) -> list[str]:
        try:
            return list(self.etcd.addresses().values())
        except (ApiError, httpx2.HTTPError):
            return []

    def _write(self, http: httpx2.Client, address: str) -> bool:
        # Each attempt has a key of its own: one without an answer may have been written or not.
        self._number += 1
        key = f"key/{self._number:08}"
        try:
            answer = http.post(f"http://{address}:2379/v3/kv/put", json={"key": encoded(key), "value": encoded("x")})
        except httpx2.HTTPError:
            return False
        if answer.is_success:
            self.acknowledged[key] = int(answer.json()["header"]["revision"])
            self.acknowledged_one()
        return answer.is_success


@pytest.fixture
def etcd(env: dict[str, str], client: Kubernetes, namespace: str, tmp_path: Path) -> Iterator[Etcd]:
    """The example in a namespace that wants restricted Pods; nothing is deployed yet."""
    local("load-image", "etcd:v3.7.3", "busybox")
    made = Etcd(tmp_path / "etcd", env, namespace=namespace, client=client)
    with restricted(made):
        yield made


@pytest.fixture
def writer(etcd: Etcd) -> Iterator[Client]:
    """A client, not started yet."""
    made = Client(etcd)
    yield made
    made.end()


@pytest.mark.long
def test_p14_etcd_keeps_its_quorum_and_every_acknowledged_write(
    etcd: Etcd, writer: Client, second_class: str, record_property: Callable[[str, object], None]
) -> None:
    """Three members keep their quorum: update, deleted Pod, growth, two more members, new disks, three again."""
    more, fewer = etcd.commands("From three members to five, and back")
    other_class = etcd.commands("Another storage class")[0]
    etcd.up()
    assert etcd.peers() == peers(etcd.namespace, 3)
    writer.start()

    with writer.during("a rolling update"):
        before = etcd.uids()
        leader, term = etcd.leader()
        etcd.configure(retention="2h")
        with watching(etcd) as events:
            etcd.up()
        assert not set(before.values()) & set(etcd.uids().values())
        deleted = [pod for _, pod in only(events, "deleted")]
        assert deleted[-1] == leader, "the leader comes last"
        assert etcd.leader()[1] == term + 1, "with one election"

    with writer.during("a deleted Pod"):
        leader, _ = etcd.leader()
        etcd.replace_pod(next(name for name in etcd.pods() if name != leader))

    with writer.during("a deleted leader"):
        leader, term = etcd.leader()
        etcd.replace_pod(leader)
        assert etcd.leader()[1] > term

    with writer.during("a grown disk"):
        before = etcd.uids()
        etcd.configure(size="6Gi")
        etcd.up()
        assert [claim.status.capacity["storage"] for claim in etcd.claims().values()] == ["6Gi"] * 3
        assert etcd.uids() == before

    with writer.during("two members that join"):
        etcd.follow(more)
        assert etcd.peers() == peers(etcd.namespace, 5)
        assert before.items() <= etcd.uids().items(), "only the new members are started"

    with writer.during("an update of five members"):
        etcd.configure(retention="3h")
        etcd.up()

    with writer.during("another storage class"):
        etcd.follow(other_class.replace("standard-2", second_class).replace("0,1,2", "0,1,2,3,4"))
        classes: dict[str, str] = {name: claim.spec.storageClassName for name, claim in etcd.claims().items()}
        assert classes == {f"data-etcd-{number}": second_class for number in range(5)}
        assert etcd.peers() == peers(etcd.namespace, 5)

    with writer.during("two members that leave"):
        before = etcd.uids()
        etcd.follow(fewer)
        assert etcd.peers() == peers(etcd.namespace, 3)
        assert etcd.uids() == {name: before[name] for name in peers(etcd.namespace, 3)}, "the others are not restarted"

    writer.end()
    writer.report(record_property)
    for member in peers(etcd.namespace, 3):
        lost = writer.acknowledged.items() - etcd.written(member).items()
        assert not lost, f"{member} lost {sorted(lost)[:10]}"


def peers(namespace: str, count: int, stateful_set: str = "etcd") -> Mapping[str, list[str]]:
    """Members that find each other by their stable names."""
    names = [f"{stateful_set}-{number}" for number in range(count)]
    return {name: [f"http://{name}.etcd.{namespace}.svc.cluster.local:2380"] for name in names}


@pytest.mark.long
def test_p10_the_leader_comes_last_in_every_rollout(etcd: Etcd) -> None:
    """Twenty rollouts, each after another member has taken the lead: one election each, by the term."""
    etcd.up()
    for number in range(20):
        following = f"etcd-{number % 3}"
        eventually("it leads", lambda following=following: etcd.is_led_by(following))  # type: ignore[misc]
        term = etcd.leader()[1]
        etcd.configure(retention=f"{number + 2}h")
        with watching(etcd) as events:
            etcd.up()
        assert [pod for _, pod in only(events, "deleted")][-1] == following
        assert etcd.leader()[1] == term + 1


@dataclass(frozen=True)
class _Vote:
    """Who could vote at one moment."""

    voters: frozenset[str]
    """By the list of members."""
    ready: frozenset[str]
    """Those of them whose Pods are ready and are not ending."""


@contextmanager
def votes(etcd: Etcd) -> Iterator[list[_Vote]]:
    """Who can vote meanwhile, looked at continuously."""
    seen: list[_Vote] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            ready = {name for name, pod in etcd.pods().items() if is_serving(pod)}
            voters = etcd.peers().keys()
            seen.append(_Vote(frozenset(voters), frozenset(ready & voters)))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join(60)


@pytest.mark.long
def test_p14_etcd_moves_to_other_disks_by_groups(
    etcd: Etcd, writer: Client, record_property: Callable[[str, object], None]
) -> None:
    """Into a group without a restart, to another with other disks by turns: three votes throughout, no write lost."""
    into, move, remove = etcd.commands("Move to other disks, machines or zones")
    etcd.up()
    before = etcd.uids()
    writer.start()
    etcd.follow(into)
    assert etcd.uids() == before, "no Pod restarts"

    with writer.during("the move to a new group"), watching(etcd) as events, votes(etcd) as seen:
        etcd.follow(move)
    new = [f"etcd-new-{number}" for number in range(3)]
    moves = [each for each in only(events, "ready", "ending") if each[1] in {*before, *new}]
    turns = [
        (("ready", joins), ("ending", leaves)) for joins, leaves in zip(new, sorted(before, reverse=True), strict=True)
    ]
    assert moves == [each for turn in turns for each in turn], events
    assert etcd.peers() == peers(etcd.namespace, 3, "etcd-new")
    assert list(etcd.pods()) == new
    classes = {name: claim.spec.storageClassName for name, claim in etcd.claims().items()}
    assert {name: classes[name] for name in classes if "new" in name} == {f"data-{name}": "network" for name in new}
    fewest, fewest_ready = (min(len(getattr(each, what)) for each in seen) for what in ("voters", "ready"))
    assert fewest == 3, seen
    assert all(len(each.ready) > len(each.voters) // 2 for each in seen), seen
    assert fewest_ready >= 2, seen

    etcd.follow(remove)
    assert list(etcd.pods()) == new
    assert {f"data-etcd-{number}" for number in range(3)} < set(etcd.claims()), "the old claims stay"
    writer.end()
    writer.report(record_property)
    record_property("looks at who can vote", len(seen))
    record_property("fewest members with a vote, and fewest of them ready", f"{fewest}, {fewest_ready}")
    for member in new:
        lost = writer.acknowledged.items() - etcd.written(member).items()
        assert not lost, f"{member} lost {sorted(lost)[:10]}"


@pytest.mark.long
def test_p14_etcd_begins_with_a_member_in_each_of_three_groups(etcd: Etcd) -> None:
    """Groups that are created together form the cluster together, and a group that is added joins it."""
    etcd.configure(groups='{"a": {}, "b": {}, "c": {}}', firstMembers="etcd-a-0 etcd-b-0 etcd-c-0")
    etcd.up()
    before = etcd.uids()
    assert sorted(etcd.peers()) == ["etcd-a-0", "etcd-b-0", "etcd-c-0"] == sorted(before)
    etcd.configure(groups='{"a": {}, "b": {}, "c": {}, "d": {}}')
    etcd.up()
    assert sorted(etcd.peers()) == ["etcd-a-0", "etcd-b-0", "etcd-c-0", "etcd-d-0"]
    assert before.items() < etcd.uids().items()
    etcd.unchanged()
