"""Starts, finds and stops the cluster's own processes, and never anybody else's.

A process is ours when it runs exactly the program we would start and one of its arguments names our own state or run
folder. That is read from the system each time instead of from files with process ids: such files go stale with a
reboot or a kill, and their ids are given to other processes. A signal goes through a file descriptor that stands for
the process found, not for its number, so it cannot hit a later process of the same number either.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.console import last_lines
from local.errors import LocalError

_LOG_LIMIT = 20_000_000


@dataclass(frozen=True)
class Process:
    """A running process and its command line."""

    pid: int
    command: tuple[str, ...]

    def still_itself(self) -> bool:
        """Whether this number still belongs to the process that was found."""
        return _command(self.pid) == self.command


def running(matches: Callable[[tuple[str, ...]], bool]) -> list[Process]:
    """All running processes (no zombies, which have no command line) whose command line matches."""
    found = []
    for pid in all_pids():
        command = _command(pid)
        if command and matches(command):
            found.append(Process(pid, command))
    return found


def all_pids() -> list[int]:
    """The numbers of all processes there are."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def is_running(pid: int, name: str) -> bool:
    """Whether the process of this number is a running program of this name."""
    command = _command(pid)
    return bool(command) and Path(command[0]).name == name


def of_program(name: str, *marks: Path | str) -> list[Process]:
    """The running processes of a program of this name that have one of our own paths in their arguments."""
    texts = [str(mark) for mark in marks]

    def matches(command: tuple[str, ...]) -> bool:
        return Path(command[0]).name == name and any(text in each for each in command[1:] for text in texts)

    return running(matches)


def children(pids: Iterable[int]) -> list[Process]:
    """The running direct children of these processes."""
    parents = set(pids)
    found = []
    for pid in all_pids():
        if _parent(pid) in parents:
            command = _command(pid)
            if command:
                found.append(Process(pid, command))
    return found


def descendants(pids: Iterable[int]) -> list[Process]:
    """The running children of these processes, and their children."""
    found: list[Process] = []
    generation = list(pids)
    while generation:
        born = children(generation)
        found += born
        generation = [each.pid for each in born]
    return found


def signal_all(found: Iterable[Process], number: signal.Signals) -> None:
    """Sends a signal to processes that are still what they were when they were found."""
    for process in found:
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(process.pid)
            try:
                if process.still_itself():
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)


def resume(found: Iterable[Process]) -> None:
    """Lets processes go on that have been stopped; others do not notice."""
    signal_all(found, signal.SIGCONT)


def _command(pid: int) -> tuple[str, ...]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(os.fsdecode(part) for part in raw.rstrip(b"\0").split(b"\0")) if raw else ()


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return -1


def heed_interrupts() -> None:
    """Have SIGINT end what is started, also where a shell without job control has started us in its background.

    It has us ignore SIGINT, which goes on to whatever we start. Pulumi's engine ends its plugins by SIGINT, and by
    force five seconds later: each of its commands would take so much longer.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def start(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process that outlives this one, with its output in a log that is emptied at 20 MB."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.rename(log.with_suffix(".old.log"))
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=None if environment is None else dict(environment),
            cwd="/",
        )


def stop(found: Iterable[Process], patience: float) -> None:
    """Ask these processes to end, and kill those that still run after the given seconds."""
    with contextlib.ExitStack() as stack:
        handles: list[int] = []
        for process in found:
            try:
                handle = os.pidfd_open(process.pid)
            except OSError:
                continue
            stack.callback(os.close, handle)
            if process.still_itself():
                handles.append(handle)
        for number, limit in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
            for handle in handles:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            handles = _not_ended(handles, limit)


def _not_ended(handles: list[int], limit: float) -> list[int]:
    deadline = time.monotonic() + limit
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)
    left = set(handles)
    while left and (rest := deadline - time.monotonic()) > 0:
        for handle, _ in poll.poll(rest * 1000):
            poll.unregister(handle)
            left.discard(handle)
    return list(left)


def wait_until(
    what: str, log: Path, condition: Callable[[], object], limit: float, alive: Callable[[], object] | None = None
) -> None:
    """Wait for a condition; when it does not come, or the process ends, fail with the end of its log."""
    deadline = time.monotonic() + limit
    pause = 0.02
    while not condition():
        ended = alive is not None and not alive()
        if ended or time.monotonic() > deadline:
            why = "ended" if ended else f"is not ready after {limit:.0f} s"
            raise LocalError(f"{what} {why}. {end_of_log(log)}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def end_of_log(log: Path, count: int = 12) -> str:
    """The end of a log and where the rest is, for a message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 20_000))
            text = file.read().decode(errors="replace")
    except OSError:
        return f"It wrote no log ({log})."
    if not text.strip():
        return f"Its log is empty ({log})."
    return f"The end of its log ({log}):\n{last_lines(text, count)}"
