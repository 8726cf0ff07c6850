"""Breaks parts while a service is being changed, and watches what must hold nevertheless.

What an instance has confirmed is on its disk afterwards; no identity ever has two Pods running, nor two processes on
its disk; no claim is deleted.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
from api_server_proxy import troubled
from harness import CHAPTER, CommandError, Service, eventually
from lightkube import ApiError
from lightkube.resources.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod

MOMENTS = int(os.environ.get("FAULT_MOMENTS", "2"))
"""At how many moments each operation is interrupted."""

Make = Callable[..., Service]

UPSERT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"
"""The setting with which one `pulumi up` adopts objects that exist and that Pulumi's state does not know."""

_LINE = re.compile(r"(\d+) (\S+) (\S+) (\d+)")
_HIGHEST = 3
"""More instances than that are not written to."""


@dataclass
class _Life:
    """What was seen of one Pod."""

    name: str
    started: datetime | None = None
    ended: datetime | None = None
    gone: bool = False
    running_when_gone: bool = False
    end_unseen: bool = False
    """Whether it went while the API server was away, and kept no account of it."""

    def note(self, pod: Any, *, gone: bool) -> None:
        """Records what the API server lists now."""
        states = [each.state for each in (pod.status and pod.status.containerStatuses) or [] if each.state]
        lasts = [each.lastState for each in (pod.status and pod.status.containerStatuses) or [] if each.lastState]
        for state in (*lasts, *states):
            began = state.running or state.terminated
            if began is not None and began.startedAt is not None:
                self.started = min(self.started or began.startedAt, began.startedAt)
            if state.terminated is not None and state.terminated.finishedAt is not None:
                self.ended = max(self.ended or state.terminated.finishedAt, state.terminated.finishedAt)
        self.gone = gone
        self.running_when_gone = gone and any(state.running is not None for state in states)


class Witness:
    """Has the instances write continuously, and records the life of every Pod and claim of the namespace."""

    def __init__(self, rg: Service) -> None:
        self._rg = rg
        self._stop = threading.Event()
        self._confirmed: dict[str, dict[int, str]] = {}
        self._lives: dict[str, _Life] = {}
        self._claims: dict[str, str] = {}
        self._deleted_claims: list[str] = []
        self._versions: dict[Any, int] = {}
        self.happenings = 0
        """How often a Pod or a claim changed."""

    def start(self, *, writes: bool) -> None:
        """Begins."""
        for kind, note in ((Pod, self._note_pod), (PersistentVolumeClaim, self._note_claim)):
            threading.Thread(target=self._watch, args=(kind, note), daemon=True).start()
        for ordinal in range(_HIGHEST if writes else 0):
            threading.Thread(target=self._write, args=(f"rg-{ordinal}",), daemon=True).start()

    def stop(self) -> None:
        """Ends."""
        self._stop.set()

    def wrote(self, pod: str) -> int:
        """The number of lines that an instance has acknowledged."""
        return len(self._confirmed.get(pod, {}))

    def check(self, deleted_claims: tuple[str, ...] = ()) -> None:
        """Fails where something was lost or ran twice; ``deleted_claims`` are those that the test itself deleted."""
        self._catch_up()
        for pod, lines in self._confirmed.items():
            if f"logs-{pod}" not in deleted_claims:
                self._check_log(pod, dict(lines))
        assert sorted(self._deleted_claims) == sorted(deleted_claims)
        by_name: dict[str, list[_Life]] = {}
        for life in list(self._lives.values()):
            by_name.setdefault(life.name, []).append(life)
        for name, lives in by_name.items():
            assert not any(life.running_when_gone for life in lives), f"{name} was removed while it ran: {lives}"
            assert all(life.gone for life in lives[:-1]), f"two Pods {name}: {lives}"
            for one, other in pairwise(life for life in lives if life.started):
                if one.end_unseen:
                    continue  # what it wrote to its disk tells all the same
                assert one.ended, f"{name}: a successor, but nothing tells that the first one ended: {lives}"
                assert other.started, other
                assert one.ended <= other.started, f"{name} ran twice: {lives}"

    def _check_log(self, pod: str, confirmed: dict[int, str]) -> None:
        text = self._log(pod)
        parsed = [found for line in text.splitlines() if (found := _LINE.fullmatch(line))]
        numbers = [int(found[1]) for found in parsed]
        assert all(a < b for a, b in pairwise(numbers)), f"two processes wrote to {pod}'s disk"
        there = {int(found[1]): found[4] for found in parsed}
        lost = {number for number, value in confirmed.items() if there.get(number) != value}
        assert not lost, f"{pod} lost {len(lost)} lines of {len(confirmed)}: {sorted(lost)[:10]}"

    def _log(self, pod: str) -> str:
        """Reads through the instance, or, where it does not run, from its disk, which is a folder of this machine."""
        if self._rg.is_ready(pod):
            return "\n".join(self._rg.log(pod))
        claim = self._rg.claims()[f"logs-{pod}"]
        volume: Any = self._rg.client.get(PersistentVolume, claim.spec.volumeName)
        return (Path(volume.spec.hostPath.path) / "random.log").read_text()

    def _catch_up(self) -> None:
        """Waits until what is on the cluster now has been seen."""
        live = self._live()
        eventually("all was seen", lambda: all(self._versions.get(uid, 0) >= version for uid, version in live.items()))
        uids = {pod.metadata.uid for pod in self._rg.pods().values()}
        eventually("all ends were seen", lambda: {uid for uid, life in self._lives.items() if not life.gone} <= uids)

    def _live(self) -> dict[Any, int]:
        objects = [*self._rg.pods().values(), *self._rg.claims().values()]
        return {each.metadata.uid: int(each.metadata.resourceVersion) for each in objects}

    def _watch(self, kind: Any, note: Callable[[str, Any], None]) -> None:
        """Sees every event; after the API server was away it goes on from the version that was seen last.

        One that was killed may not know that version any more (410): then everything is listed again.
        """
        version: str | None = None
        while not self._stop.is_set():
            try:
                if version is None:
                    listed: Any = self._rg.client.list(kind, namespace=self._rg.namespace)
                    there = list(listed)
                    for each in there:
                        note("ADDED", each)
                    self._note_missing(kind, {each.metadata.uid for each in there})
                    version = listed.resourceVersion
                for event, each in self._rg.client.watch(kind, namespace=self._rg.namespace, resource_version=version):
                    note(event, each)
                    self.happenings += 1
                    version = each.metadata.resourceVersion
                    if self._stop.is_set():
                        return
            except httpx2.HTTPError as error:
                if isinstance(error, ApiError) and error.status.code == 410:
                    version = None
                self._stop.wait(0.1)

    def _note_missing(self, kind: Any, there: set[Any]) -> None:
        if kind is Pod:
            for uid, life in self._lives.items():
                if uid not in there and not life.gone:
                    life.gone = life.end_unseen = True
        else:
            self._deleted_claims.extend(self._claims.pop(uid) for uid in self._claims.keys() - there)

    def _note_pod(self, event: str, pod: Any) -> None:
        uid = pod.metadata.uid
        self._lives.setdefault(uid, _Life(pod.metadata.name)).note(pod, gone=event == "DELETED")
        self._versions[uid] = int(pod.metadata.resourceVersion)

    def _note_claim(self, event: str, claim: Any) -> None:
        self._claims[claim.metadata.uid] = claim.metadata.name
        if event == "DELETED":
            self._deleted_claims.append(self._claims.pop(claim.metadata.uid))
        self._versions[claim.metadata.uid] = int(claim.metadata.resourceVersion)

    def _write(self, pod: str) -> None:
        address = None
        with httpx2.Client(timeout=2, trust_env=False) as http:
            while not self._stop.wait(0.1):
                try:
                    live = self._rg.pod(pod) if address is None else None
                    address = address or (live and live.status and live.status.podIP)
                    if address is None:
                        continue
                    answer = http.get(f"http://{address}:8080/")
                    told = answer.json() if answer.is_success else {}
                except (httpx2.HTTPError, ApiError):
                    address = None
                    continue
                # An address may belong to another test's Pod by now: the version is this test's own name.
                if (told.get("instance"), told.get("version")) == (pod, self._rg.namespace):
                    self._confirmed.setdefault(pod, {})[told["line"]] = str(told["random"])
                else:
                    address = None


@contextmanager
def witnessed(rg: Service, *, deleted_claims: tuple[str, ...] = (), writes: bool = True) -> Iterator[Witness]:
    """A witness while the service is broken; what must hold is checked at the end.

    ``writes`` says whether the instances take what it writes.
    """
    rg.set(env={**CHAPTER["env"], "VERSION": rg.namespace})
    witness = Witness(rg)
    witness.start(writes=writes)
    try:
        yield witness
        witness.check(deleted_claims)
    finally:
        witness.stop()


class Running:
    """A Pulumi command that is running."""

    def __init__(self, rg: Service, witness: Witness, *arguments: str) -> None:
        self._witness = witness
        self._before = witness.happenings
        self._lines: list[str] = []
        self._doomed: list[int] = []
        self._process = subprocess.Popen(
            ["pulumi", *arguments, "--yes", "--skip-preview", "--non-interactive", "--color", "never"],
            cwd=rg.folder,
            env=rg.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.append(line)

    @property
    def said(self) -> str:
        """The output so far."""
        return "".join(self._lines)

    @property
    def happenings(self) -> int:
        """The progress: the number of printed lines about resources and of changes to Pods and claims."""
        lines = [line for line in list(self._lines) if "kubernetes:" in line or "waiting for" in line]
        return len(lines) + self._witness.happenings - self._before

    def reach(self, moment: Callable[[], Any]) -> bool:
        """Waits for a condition; returns False where the command ends first."""
        while not moment():
            if self._process.poll() is not None:
                return False
            time.sleep(0.005)
        return True

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the engine, and waits until it has ended.

        What it had started is left alone, as it is where a machine runs out of memory or a job is cancelled.
        """
        self._doomed = _descendants(self._process.pid)
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        self._process.wait(120)

    def provider(self) -> int | None:
        """The process of Pulumi's Kubernetes provider, once it runs."""
        children = _descendants(self._process.pid)
        return next((pid for pid in children if b"pulumi-resource-kubernetes" in _command(pid)), None)

    def end(self) -> int:
        """Waits until the command has ended; its exit code."""
        try:
            code = self._process.wait(300)
        except subprocess.TimeoutExpired as error:
            raise CommandError(f"{error}:\n{self.said}") from None
        self._reader.join(10)
        return code

    def clear(self) -> None:
        """Kills the processes that a killed engine has left behind."""
        for pid in self._doomed:
            if b"pulumi" in _command(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _descendants(pid: int) -> list[int]:
    children = []
    with suppress(OSError):
        # A program in Go starts its children from any of its threads, which come and go.
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                children += [int(each) for each in thread.read_text().split()]
    return [found for child in children for found in (child, *_descendants(child))]


def lose_the_state(rg: Service) -> None:
    """Deletes Pulumi's state and creates the stack again, as on a new machine."""
    shutil.rmtree(rg.folder / "state")
    (rg.folder / "state").mkdir()
    rg.init()


def recovered(rg: Service, command: str = "up") -> str:
    """One more command, and before it what the last message asks for; returns its output."""
    result = rg.run(command, "--yes", "--skip-preview")
    if result.returncode and "the stack is currently locked" in result.stdout:
        assert "`pulumi cancel`" in result.stdout
        rg.must("cancel", "--yes")
        result = rg.run(command, "--yes", "--skip-preview")
    # Where the engine has found nothing to do, it is a warning.
    if "run pulumi refresh and then pulumi up" in result.stdout:
        rg.refresh()
        result = rg.run(command, "--yes", "--skip-preview")
    if result.returncode and f"{UPSERT}=true" in result.stdout:
        # Pulumi's provider from 4.29 on does not create what exists.
        rg.env[UPSERT] = "true"
        result = rg.run(command, "--yes", "--skip-preview")
        del rg.env[UPSERT]
    assert result.returncode == 0, result.stdout
    assert "Traceback" not in result.stdout
    return result.stdout


def killed_at_requests(rg: Service, prepare: Callable[[], object], check: Callable[[], object]) -> None:
    """Kills an ``up`` before one of its requests has reached the API server, at ``MOMENTS`` of them.

    They are spread from the first that changes something to the last. ``prepare`` sets what is deployed, ``check``
    tells whether it was, by the next ``up``.
    """
    prepare()
    with troubled(rg, lambda *_: None) as between:
        rg.up()
    check()
    changes = [is_change(method, path) for _, method, path in between.asked]
    after_first = len(changes) - changes.index(True)
    for moment in range(MOMENTS):
        prepare()
        killed_before(rg, round(after_first * (moment + 0.5) / MOMENTS))
        recovered(rg)
        check()


def is_change(method: str, path: str) -> bool:
    """Whether a request changes an object."""
    return method in {"POST", "PATCH", "DELETE"} and "dryRun" not in path and "selfsubject" not in path


def killed_before(rg: Service, number: int) -> None:
    """Kills an ``up`` before this request, counted from its first change, reaches the API server, if it makes so many.

    One that ends before does not fail.
    """
    reached, seen = threading.Event(), 0

    def refuse(_: int, method: str, path: str) -> int | None:
        nonlocal seen
        if seen or is_change(method, path):
            seen += 1
        if seen > number:
            reached.set()
            return 0
        return None

    with troubled(rg, refuse):
        running = rg.start_up()
        try:
            eventually("the request, or the end", lambda: reached.is_set() or running.poll() is not None)
        finally:
            if running.poll() is None:
                rg.kill(running)


def as_asked(rg: Service) -> None:
    """Asserts that the live service is as its arguments say."""
    args = rg.args
    names = [f"rg-{ordinal}" for ordinal in range(args["replicas"])]
    live = rg.stateful_set()
    assert live.spec.replicas == args["replicas"]
    assert live.spec.podManagementPolicy == args.get("pod_management_policy", "OrderedReady")
    pods = rg.pods()
    assert sorted(pods) == names
    assert all(rg.is_ready(name) for name in names)
    for name in names[-args.get("canary", len(names)) :]:
        assert pods[name].spec.containers[0].image == args["image"]
    claims = rg.claims()
    for volume in args["volumes"]:
        for name in names:
            assert claims[f"{volume['name']}-{name}"].status.capacity["storage"] == volume["size"]
            assert volume["name"] in {mounted.name for mounted in pods[name].spec.volumes}
