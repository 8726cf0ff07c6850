"""Processes are found by what they run and stopped without hitting others."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import processes
from local.errors import LocalError
from local.paths import CLONE
from local.processes import Process

_STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
)
_PLAIN = "import time; print('up', flush=True); time.sleep(60)"

Starter = Callable[[str, Path], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts a Python program with a path among its arguments, and waits until it is up."""
    started: list[subprocess.Popen[bytes]] = []

    def start_program(program: str, mark: Path) -> subprocess.Popen[bytes]:
        log = tmp_path / f"log-{len(started)}"
        started.append(processes.start([sys.executable, "-c", program, mark], log))
        processes.wait_until("it", log, lambda: "up" in log.read_text(), 10)
        return started[-1]

    yield start_program
    for each in started:
        each.kill()
        each.wait()


NAME = Path(sys.executable).name
_ASK = f"{sys.executable} -c 'import signal; print(signal.getsignal(2) is signal.SIG_IGN)'"


@pytest.mark.parametrize(
    ("first", "ignored"), [("", "True"), ("heed_interrupts(); ", "False")], ids=["without it", "with it"]
)
def test_what_is_started_heeds_sigint(first: str, ignored: str) -> None:
    """Also where we were started with SIGINT ignored, as a shell without job control does in its background."""
    imports = "import subprocess; from local.processes import heed_interrupts"
    program = f"{imports}; {first}subprocess.run({_ASK!r}, shell=True)"
    command = ["sh", "-c", 'trap \'\' INT; exec "$0" -c "$1"', sys.executable, program]
    asked = subprocess.run(command, cwd=CLONE, check=True, stdout=subprocess.PIPE, text=True)
    assert asked.stdout.strip() == ignored


class TestFinding:
    def test_a_process_is_ours_by_its_program_and_a_path_of_ours(self, start: Starter, tmp_path: Path) -> None:
        """Of two processes of one program, only that with our path is found."""
        ours = start(_PLAIN, tmp_path / "ours" / "file")
        start(_PLAIN, tmp_path / "theirs")
        assert [each.pid for each in processes.of_program(NAME, tmp_path / "ours")] == [ours.pid]
        assert processes.of_program("other-program", tmp_path / "ours") == []

    def test_a_dead_process_is_not_found(self, start: Starter, tmp_path: Path) -> None:
        """One that has ended but was not collected by its parent yet does not count as running."""
        ours = start(_PLAIN, tmp_path / "ours")
        ours.kill()
        time.sleep(0.1)
        assert processes.of_program(NAME, tmp_path / "ours") == []


class TestStopping:
    def test_a_process_is_asked_to_end(self, start: Starter, tmp_path: Path) -> None:
        """The first signal is the polite one."""
        ours = start(_PLAIN, tmp_path / "ours")
        processes.stop(processes.of_program(NAME, tmp_path / "ours"), 5)
        assert ours.wait(5) == -15

    def test_one_that_does_not_listen_is_killed(self, start: Starter, tmp_path: Path) -> None:
        """After its time the process is killed."""
        ours = start(_STUBBORN, tmp_path / "ours")
        processes.stop(processes.of_program(NAME, tmp_path / "ours"), 0.2)
        assert ours.wait(5) == -9

    def test_another_process_that_got_the_same_number_is_left_alone(self, start: Starter, tmp_path: Path) -> None:
        """A process whose command line is not the one that was found is somebody else's."""
        theirs = start(_PLAIN, tmp_path / "theirs")
        processes.stop([Process(theirs.pid, ("etcd", "--data-dir=ours"))], 0.1)
        assert theirs.poll() is None


class TestWaiting:
    def test_a_part_that_ends_shows_the_end_of_its_log(self, tmp_path: Path) -> None:
        """The message has the last lines and says where the rest is."""
        log = tmp_path / "part.log"
        log.write_text("".join(f"line {number}\n" for number in range(100)))
        with pytest.raises(LocalError, match=r"The part ended.*part\.log(?s:.*)line 99") as caught:
            processes.wait_until("The part", log, lambda: False, 10, lambda: False)
        assert "line 80" not in str(caught.value)

    def test_a_part_that_does_not_get_ready_is_not_waited_for_forever(self, tmp_path: Path) -> None:
        """Without a log, the message says that there is none."""
        with pytest.raises(LocalError, match=r"not ready after 0 s. It wrote no log"):
            processes.wait_until("The part", tmp_path / "none.log", lambda: False, 0.05)
