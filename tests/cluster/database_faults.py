"""One table of faults for every database in ``examples/``: the rows, and what is measured in each.

A database is described by a ``Database``: how it is written to and read, who leads, which process is the server. A
client writes to each instance throughout, and counts what is acknowledged.
"""

import json
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import nodes
from example_stacks import CLIENT, Example, WithClient, WriterOfNumbers, enforce
from harness import CommandError, eventually, is_serving
from lightkube import Client as Kubernetes
from lightkube.resources.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod
from test_faults_refusals import disk, make_volume, remove, volumes_by_hand
from test_rebuild import delete_volume

COUNT = 3
LARGER = "6Gi"
SMALL, LARGER_THAN_SMALL = "600M", "1200M"
UNNOTICED = 10.0
"""Seconds without an acknowledgement after which a full disk counts as noticed."""
PASSWORD = "Correct"  # noqa: S105 - of these tests alone
"""What secrets of the stack's configuration are at first."""
_EACH = 10_000_000
"""Numbers that one client has for itself in one row."""
_MORE_ARGUMENTS = """\
import json
from pathlib import Path

from pulumi_stateful_service import StatefulService

made = StatefulService.__init__


def made_with_more(self, name, args, opts=None):
    merged = {**args, **json.loads(Path("more.json").read_text())}
    made(self, name, {key: value for key, value in merged.items() if value is not None}, opts)


StatefulService.__init__ = made_with_more
"""


Client = WriterOfNumbers


class Database(ABC):
    """An example as the table sees it. Instances are named as the example, but for a number."""

    name: ClassVar[str]
    example: ClassVar[type[Any]]
    """The class of the example's project."""
    secrets: ClassVar[Mapping[str, str]] = {}
    """The secrets of the stack's configuration."""
    client: ClassVar[tuple[str, Mapping[str, str]] | None] = None
    """The image and the environment of the Pod that has the clients, where they need one."""
    images: ClassVar[Sequence[str]]
    """Those that the embedded cluster is to have."""
    program: ClassVar[str]
    """The name of the server's process."""
    file: ClassVar[str]
    """One of the example's files that are mounted, in which ``#`` begins a comment."""
    setting: ClassVar[str]
    """A number in the stack's configuration that a rolling update brings to the servers."""
    numbers: ClassVar[Sequence[object]]
    """What it is by default, and what it becomes."""
    rotated: ClassVar[str] = ""
    """A secret of the stack's configuration that can change while clients write; none by default."""
    rebuilt: ClassVar[bool] = False
    """Whether a disk that is lost is given up by the stack's configuration ``rebuild``."""
    recovered: ClassVar[Mapping[str, object]] = {}
    """The stack's configuration by which it comes back from a crash of all in which one disk is lost."""
    leaving: ClassVar[str] = "leave.sh"
    """A word of the command by which a member leaves."""
    promise: ClassVar[str]
    """What the database promises of a write that it has acknowledged."""
    not_promised: ClassVar[Mapping[str, str]] = {}
    """The rows that it does not promise to survive without a loss, and why."""
    not_applicable: ClassVar[Mapping[str, str]] = {}
    """The rows that are not for it, and why."""
    other_disks: ClassVar[Sequence[str]] = ()
    """The sizes of the disks that the example has besides one of each instance."""

    def __init__(self, live: Example, **always: object) -> None:
        """``always`` are further arguments of the service."""
        self.live = live
        self._always = always
        self.acknowledged: set[int] = set()
        self.writing: list[Client] = []
        """The clients that write at the moment."""
        self._changes = self._settings = 0
        self.current_secret, self.next_secret = PASSWORD, f"{PASSWORD}1"
        self._rows = 0
        main = live.folder / "__main__.py"
        main.write_text(f"import more_arguments\n{main.read_text()}")
        (live.folder / "more_arguments.py").write_text(_MORE_ARGUMENTS)
        self.with_more()

    @classmethod
    def in_folder(cls, folder: Path, env: dict[str, str], namespace: str, client: Kubernetes) -> Example:
        """The example's project, configured; nothing is deployed yet."""
        made: Example = cls.example(folder, env, namespace=namespace, client=client)
        for name, value in cls.secrets.items():
            made.must("config", "set", "--secret", name, value)
        if cls.client is not None:
            image, variables = cls.client
            assert isinstance(made, WithClient)
            made.start_client(image, **variables)
        return made

    def prepare(self) -> None:  # noqa: B027 - not every database needs it
        """What is done once, when the servers run; nothing by default."""

    @abstractmethod
    def is_well(self, count: int) -> bool:
        """Whether so many servers are members and in step. May raise an error where not."""

    @abstractmethod
    def writer(self, instance: str, first: int) -> Client:
        """A client of one instance that writes numbers from ``first`` on."""

    @abstractmethod
    def stored(self) -> set[int]:
        """All numbers that a client reads now."""

    def leader(self) -> str:
        """The instance that leads; the first one where none does."""
        return self.instance(0)

    def written_to(self) -> Sequence[str]:
        """The instances that take writes."""
        return [self.instance(ordinal) for ordinal in range(COUNT)]

    def restore(self) -> None:
        """Deploys with all instances restored from snapshots of different moments; one ``up`` by default."""
        self.live.up()

    def instance(self, ordinal: int) -> str:
        """The name of an instance."""
        return f"{self.name}-{ordinal}"

    def everyone(self) -> list[str]:
        """All instances, and whoever else belongs to the database."""
        return [self.instance(ordinal) for ordinal in range(COUNT)]

    def start(self) -> None:
        """Deploys it, and waits until it is well."""
        self.acknowledged.clear()
        self.live.up()
        self.until_well()
        self.prepare()

    def fresh(self) -> None:
        """Deploys it again, without anything of before."""
        self.live.run("cancel", "--yes")
        self.live.configure(replicas=COUNT)
        self.live.destroy()
        self.live.kubectl("delete", "pvc", "--all", "--timeout=120s")
        self.start()

    def with_more(self, **arguments: object) -> None:
        """Further arguments of the service from now on; None removes one."""
        self.more = arguments
        (self.live.folder / "more.json").write_text(json.dumps({**self._always, **arguments}))

    def until_well(self, count: int = COUNT) -> None:
        """Waits until so many servers are well."""

        def well() -> bool:
            with suppress(Exception):
                pods = self.live.pods()
                names = [self.instance(ordinal) for ordinal in range(count)]
                return all(name in pods and is_serving(pods[name]) for name in names) and self.is_well(count)
            return False

        eventually(f"{count} are well", well)

    def change_setting(self) -> None:
        """Sets the stack's configuration to what the servers do not have yet."""
        self._settings += 1
        self.live.configure(**{self.setting: self.numbers[self._settings % len(self.numbers)]})

    def change_file(self) -> None:
        """Changes a file that is mounted."""
        self._changes += 1
        with (self.live.folder / self.file).open("a") as file:
            file.write(f"# {self._changes}\n")

    def change_secret(self) -> None:
        """Changes the secret."""
        self.live.must("config", "set", "--secret", self.rotated, self.next_secret)
        self.current_secret, self.next_secret = self.next_secret, f"{self.next_secret}1"

    def kill(self, *instances: str) -> None:
        """Ends the server's process of instances, all at once, by SIGKILL."""
        uids = [str(self.live.pod(instance).metadata.uid) for instance in instances]
        doomed = [pid for uid in uids for pid in processes(uid, self.program)]
        assert doomed, f"no process {self.program} in {instances}"
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def clients(self) -> list[Client]:
        """Clients with numbers of their own, which do not write yet."""
        self._rows += 1
        firsts = [(self._rows * 10 + index) * _EACH for index in range(len(self.written_to()))]
        return [self.writer(instance, first) for instance, first in zip(self.written_to(), firsts, strict=True)]


def processes(uid: str, program: str) -> list[int]:
    """The processes of this machine that run a program in the Pod with this uid."""
    return [int(folder.name) for folder in _in_pod(uid) if _read(folder / "comm").strip() == program]


def runs_a_command(uids: Collection[str], word: str) -> bool:
    """Whether a command with a word in it runs in one of these Pods."""
    return any(word in _read(folder / "cmdline") for uid in uids for folder in _in_pod(uid))


def _in_pod(uid: str) -> list[Path]:
    return [folder for folder in Path("/proc").glob("[0-9]*") if f"/pod{uid}/" in _read(folder / "cgroup")]


def _read(file: Path) -> str:
    with suppress(OSError):
        return file.read_text(errors="replace")
    return ""


@dataclass(frozen=True)
class Row:
    """A fault."""

    name: str
    does: Callable[[Database], object]
    replaced: int = 0
    """How many of the instances get another Pod; of the others none restarts but by the fault itself."""
    count: int = COUNT
    """How many instances there are afterwards."""
    within: Callable[[Database], AbstractContextManager[object]] = nullcontext
    """How the database is deployed for it; by default as it is."""
    measured: bool = True
    """Whether clients write throughout; otherwise it says itself what held."""


@dataclass(frozen=True)
class Result:
    """What was measured in a row."""

    row: str
    acknowledged: int = 0
    lost: int = 0
    longest: float = 0
    """Seconds: the longest pause of a client, most often of that of the instance that is hit."""
    nobody: float = 0
    """Seconds: the longest time in which no client was acknowledged anything, as without a quorum."""
    replaced: int = 0
    note: str = ""
    failed: bool = False

    def line(self) -> str:
        """The row in Markdown."""
        if not self.acknowledged:
            return f"| {self.row} | | | | | | {self.note} |"
        seconds = f"{self.longest:.1f} s | {self.nobody:.1f} s"
        return f"| {self.row} | {self.acknowledged} | {self.lost} | {seconds} | {self.replaced} | {self.note} |"


HEADER = (
    "| fault | writes acknowledged | lost | longest pause of a client | nobody could write | Pods replaced | |",
    "|---|---|---|---|---|---|---|",
)


@contextmanager
def writing(database: Database) -> Iterator[list[Client]]:
    """A client that writes to each instance meanwhile; each has written once when it begins."""
    clients = database.clients()
    with ExitStack() as ending:
        for client in clients:
            ending.callback(client.end)
            client.start()
        for client in clients:
            client.wait_for_a_write()
        database.writing = clients
        yield clients


def measured(database: Database, row: Row) -> Result:
    """Causes a fault while clients write."""
    before = _uids(database)
    with writing(database) as clients:
        firsts = [len(client.times) - 1 for client in clients]
        note = row.does(database)
        database.until_well(row.count)
        for client in clients:
            client.wait_for_a_write()
    times = [client.times[first:] for client, first in zip(clients, firsts, strict=True)]
    written = {number for client in clients for number in client.acknowledged}
    database.acknowledged |= written
    uids = _uids(database)
    return Result(
        row.name,
        acknowledged=len(written),
        lost=len(database.acknowledged - database.stored()),
        longest=max(map(_longest, times)),
        nobody=_longest(sorted(time for each in times for time in each)),
        replaced=sum(uids.get(name) != uid for name, uid in before.items()),
        note=note if isinstance(note, str) else "",
    )


def _uids(database: Database) -> dict[str, str]:
    """Those of the instances that are there in every row."""
    names = [database.instance(ordinal) for ordinal in range(COUNT)]
    return {name: uid for name, uid in database.live.uids().items() if name in names}


def _longest(times: Sequence[float]) -> float:
    return max((later - earlier for earlier, later in pairwise(times)), default=0)


def judged(database: Database, row: Row, result: Result) -> Result:
    """The result, with what is wrong in it."""
    wrong = []
    if result.lost and row.name not in database.not_promised:
        wrong.append(f"{result.lost} acknowledged writes are lost")
    if result.acknowledged and result.replaced != row.replaced:
        wrong.append(f"{result.replaced} Pods were replaced, and not {row.replaced}")
    if not wrong:
        return replace(result, note="; ".join(filter(None, [result.note, database.not_promised.get(row.name, "")])))
    return replace(result, note="; ".join(wrong), failed=True)


def _result(database: Database, row: Row) -> Result:
    if why := database.not_applicable.get(row.name):
        return Result(row.name, note=why)
    with row.within(database):
        if row.measured:
            return judged(database, row, measured(database, row))
        return Result(row.name, note=str(row.does(database)))


def table(database: Database, rows: Sequence[Row], said: Callable[[str], object]) -> list[Result]:
    """Causes the faults one after another; after one that went wrong the database is deployed again."""
    results = []
    for line in (f"### {database.name}", "", database.promise, "", *HEADER):
        said(line)
    database.start()
    for row in rows:
        try:
            result = _result(database, row)
        except (AssertionError, Exception) as error:  # noqa: BLE001 - the table has all rows
            lines = str(error).strip().splitlines()
            what = next((line.strip() for line in lines if "error: " in line), lines[0])
            result = Result(row.name, note=f"failed: {what}", failed=True)
        said(result.line())
        results.append(result)
        if result.failed:
            database.with_more()
            database.fresh()
    return results


def _rolling_update(database: Database) -> None:
    database.change_setting()
    database.live.up()


def _config_alone(database: Database) -> None:
    database.change_file()
    database.live.up()


def _secret_alone(database: Database) -> None:
    database.change_secret()
    database.live.up()


def _deleted_pod(database: Database) -> None:
    database.live.replace_pod(database.leader())


def _killed_leader(database: Database) -> None:
    database.kill(database.leader())


def _killed_each(database: Database) -> None:
    for ordinal in range(COUNT):
        database.kill(database.instance(ordinal))
        database.until_well()


def _killed_all(database: Database) -> None:
    database.kill(*database.everyone())


def _killed_all_and_deleted(database: Database) -> None:
    database.kill(*database.everyone())
    for name in database.everyone():
        database.live.client.delete(Pod, name, namespace=database.live.namespace)


@contextmanager
def _up_meanwhile(database: Database, notes: list[str]) -> Iterator[Future[str]]:
    """An ``up`` that goes on meanwhile; where it fails, the next one continues it."""
    with ThreadPoolExecutor() as threads:
        running = threads.submit(database.live.up)
        yield running
        try:
            running.result()
        except CommandError:
            database.live.up()
            notes.append("by the next `pulumi up`")


def _leader_killed(database: Database, when: Callable[[], bool]) -> str:
    """The leader's server is killed during an ``up``, as soon as something holds."""
    notes: list[str] = []
    with _up_meanwhile(database, notes) as running:
        eventually("the moment", lambda: when() or running.done())
        assert not running.done(), "the change was done before the moment"
        database.kill(database.leader())
    return "".join(notes)


def _killed_in_a_rollout(database: Database) -> str:
    before = database.live.uids()
    database.change_setting()
    return _leader_killed(database, lambda: len(set(before.items()) & set(database.live.uids().items())) < COUNT)


def _killed_in_a_growth(database: Database) -> str:
    database.live.configure(size=LARGER)

    def begun() -> bool:
        return any(claim.spec.resources.requests["storage"] == LARGER for claim in database.live.claims().values())

    return _leader_killed(database, begun)


def _killed_in_a_join(database: Database) -> str:
    database.live.configure(replicas=COUNT + 1)
    return _leader_killed(database, lambda: database.live.pod(database.instance(COUNT)) is not None)


def _killed_in_a_leave(database: Database) -> str:
    """While the command runs by which it leaves, or else when its Pod ends."""
    live, leaving = database.live, database.instance(COUNT)
    assert live.pod(leaving), "nobody has joined"
    live.configure(replicas=COUNT)
    uids = live.uids()

    def leaves() -> bool:
        pod = live.pod(leaving)
        return pod is None or pod.metadata.deletionTimestamp or runs_a_command(uids.values(), database.leaving)

    note = _leader_killed(database, leaves)
    eventually(f"{leaving} is gone", lambda: live.pod(leaving) is None)
    for claim in [name for name in live.claims() if name.endswith(leaving)]:
        live.client.delete(PersistentVolumeClaim, claim, namespace=live.namespace)
    return note


def _lose_the_last_disk(database: Database) -> None:
    """The last instance comes back without data: by itself where its claim is deleted, else by one ``up``."""
    instance, live = database.instance(COUNT - 1), database.live
    before, lost = live.uids()[instance], ""
    for claim in [name for name in live.claims() if name.endswith(instance)]:
        if database.rebuilt:
            lost = delete_volume(live, claim)
        else:
            live.kubectl("delete", "pvc", claim, "--wait=false")
    live.client.delete(Pod, instance, namespace=live.namespace)
    eventually(f"{instance} is another Pod", lambda: live.uids().get(instance) not in (None, before))
    if lost:
        live.configure(rebuild=json.dumps([{"ordinal": COUNT - 1, "volume_name": lost}]))
        live.up()


def _killed_all_and_lost_a_disk(database: Database) -> None:
    """Comes back by at most one ``up``."""
    _killed_all(database)
    database.live.configure(**database.recovered)
    _lose_the_last_disk(database)
    if database.recovered and not database.rebuilt:
        database.live.up()


def _destroyed(database: Database) -> None:
    database.live.destroy()
    eventually("all are gone", lambda: not database.live.pods())
    database.live.up()


_ON_CSI: dict[str, object] = {"storage_class_name": "csi", "snapshots": {"class_name": "csi"}}


@contextmanager
def _on_csi(database: Database) -> Iterator[None]:
    database.with_more(**_ON_CSI)
    database.fresh()
    yield
    database.with_more()


def _restored(database: Database) -> str:
    """What was acknowledged before the snapshots is there after the restore, and no more is asked for."""
    kept = {str(claim.spec.volumeName) for claim in database.live.claims().values()}
    with writing(database) as clients:
        before = {number for client in clients for number in client.acknowledged}
        database.change_setting()
        database.live.up()
    # A service with members cannot be restored while it has them.
    database.with_more(**_ON_CSI, restore=[{"snapshot": "BeforeLastRollout"}], members=None)
    database.change_setting()
    database.restore()
    database.until_well()
    lost = before - database.stored()
    for volume in kept:
        database.live.client.delete(PersistentVolume, volume)
    assert not lost, f"{len(lost)} of {len(before)} writes of before the snapshots are lost"
    return f"all {len(before)} writes of before the snapshots are there"


@contextmanager
def _on_small_disks(database: Database) -> Iterator[None]:
    """On file systems of their own, whose driver the test plays."""
    live = database.live
    folders = [live.folder / f"disk-{number}" for number in range(COUNT + len(database.other_disks))]
    names = [f"by-hand-{live.namespace}-{number}" for number in range(len(folders))]
    with ExitStack() as stack:
        for folder in folders:
            stack.enter_context(disk(folder, SMALL))
        stack.callback(lambda: remove(live, names))
        stack.callback(lambda: live.kubectl("delete", "pvc", "--all", "--timeout=120s"))
        storage_class = stack.enter_context(volumes_by_hand(live, f"{SMALL}i", *folders[:COUNT]))
        for name, size, folder in zip(names[COUNT:], database.other_disks, folders[COUNT:], strict=True):
            make_volume(live, name, storage_class, size, folder)
        database.with_more(storage_class_name=storage_class)
        live.configure(size=f"{SMALL}i")
        database.fresh()
        yield


def _full_disk(database: Database) -> None:
    """The leader's disk is full, the others' are not; `pulumi up` with a larger size cures it."""
    live, full = database.live, database.leader()
    [index] = [number for number, name in enumerate(database.written_to()) if name == full]
    client = database.writing[index]
    folder = _folder(live, full)
    _fill(folder)

    def noticed() -> bool:
        return not live.is_ready(full) or time.monotonic() - client.times[-1] > UNNOTICED

    eventually("the server has noticed it", noticed)
    live.configure(size=f"{LARGER_THAN_SMALL}i")
    with ThreadPoolExecutor() as threads:
        running = threads.submit(live.up)
        eventually("all disks are larger", lambda: _grown(live) or running.done())
        running.result()


def _fill(folder: Path) -> None:
    """Takes what is free, half by half: the server takes some meanwhile, and more than there is gives nothing."""
    taken = 0
    with (folder / "filling").open("wb") as file, suppress(OSError):
        while True:
            now = os.statvfs(folder)
            size = max(now.f_bavail // 2, 1) * now.f_frsize
            os.posix_fallocate(file.fileno(), taken, size)
            taken += size


def _folder(live: Example, instance: str) -> Path:
    """Where the disk of an instance is."""
    [claim] = [claim for name, claim in live.claims().items() if name.endswith(instance)]
    spec = live.client.get(PersistentVolume, str(claim.spec.volumeName)).spec
    assert spec
    assert spec.hostPath
    return Path(spec.hostPath.path)


def _grown(live: Example) -> bool:
    """Makes the disks larger whose claims ask for it: the driver's part, played."""
    size = f"{LARGER_THAN_SMALL}i"
    claims = live.claims()
    for name, claim in claims.items():
        if claim.spec.resources.requests["storage"] == size != claim.status.capacity["storage"]:
            folder = _folder(live, name.removeprefix("data-"))
            subprocess.run(["mount", "-o", f"remount,size={LARGER_THAN_SMALL}", folder], check=True)
            capacity = {"capacity": {"storage": size}}
            live.client.patch(PersistentVolume, str(claim.spec.volumeName), {"spec": capacity})
            live.client.patch(PersistentVolumeClaim.Status, name, {"status": capacity}, namespace=live.namespace)
    return all(claim.status.capacity["storage"] == size for claim in claims.values())


def _node_of_leader(database: Database) -> str:
    return nodes.node_of(database.live, database.leader())


@contextmanager
def _one_on_each_node(database: Database) -> Iterator[None]:
    """Each instance is on a node of its own, and the clients' Pod is not on the one that is hit."""
    live = database.live
    if len(set(nodes.place(live).values())) < COUNT:
        database.fresh()
    hit = _node_of_leader(database)
    if database.client is not None and isinstance(live, WithClient):
        image, variables = database.client
        live.kubectl("delete", "pod", CLIENT)
        live.kubectl("cordon", hit)
        # The client is no part of the example, and not restricted.
        enforce(live, "privileged")
        live.start_client(image, **variables)
        enforce(live, "restricted")
        live.kubectl("uncordon", hit)
    yield


def _drained(database: Database) -> None:
    """The node takes Pods again only when the leader is elsewhere."""
    live, leader = database.live, database.leader()
    node = nodes.node_of(live, leader)
    try:
        selector = f"--pod-selector=statefulset.kubernetes.io/pod-name={leader}"
        options = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=300s")
        live.kubectl("drain", node, selector, *options)
        database.until_well()
    finally:
        live.kubectl("uncordon", node)


def _switched_off(database: Database) -> None:
    """Kubernetes starts the instance elsewhere when its administrator says that the node is gone."""
    live, node = database.live, _node_of_leader(database)
    nodes.act("off", node)
    try:
        nodes.until_noticed(live.client, node)
        with nodes.known_to_be_gone(live, node):
            database.until_well()
    finally:
        nodes.heal()


ON_THREE_NODES: Mapping[str, object] = {"storage_class_name": "network", "tolerations": nodes.SOON_EVICTED}
"""The disks follow an instance to another node, which it leaves soon after that has stopped answering."""
NODE_ROWS = (
    Row("drained node of the leader", _drained, 1, within=_one_on_each_node),
    Row("node of the leader switched off", _switched_off, 1, within=_one_on_each_node),
)
ROWS = (
    Row("rolling update", _rolling_update, COUNT),
    Row("deleted Pod of the leader", _deleted_pod, 1),
    Row("SIGKILL in the leader", _killed_leader),
    Row("a config file alone", _config_alone, COUNT),
    Row("SIGKILL in each in turn", _killed_each),
    Row("a Secret alone", _secret_alone, COUNT),
    Row("SIGKILL in all at once", _killed_all),
    Row("SIGKILL in the leader during a rollout", _killed_in_a_rollout, COUNT),
    Row("SIGKILL in the leader while disks grow", _killed_in_a_growth),
    Row("SIGKILL in the leader while one joins", _killed_in_a_join, count=COUNT + 1),
    Row("SIGKILL in the leader while one leaves", _killed_in_a_leave),
    Row("lost disk", _lose_the_last_disk, 1),
    Row("destroy, and up on the kept claims", _destroyed, COUNT),
    Row("SIGKILL in all, and all Pods deleted", _killed_all_and_deleted, COUNT),
    Row("SIGKILL in all, and a disk lost", _killed_all_and_lost_a_disk, 1),
    Row("restore from snapshots", _restored, within=_on_csi, measured=False),
    Row("full disk of the leader", _full_disk, within=_on_small_disks),
)
