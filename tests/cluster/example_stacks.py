"""The examples in ``examples/``, each deployed as its README says, and a client that writes to one throughout."""

import re
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from harness import ROOT, Project, Service, eventually, printed
from lightkube.resources.core_v1 import Namespace

EXAMPLES = ROOT / "examples"


@dataclass
class Example(Service):
    """An example, in a folder and a namespace of its own."""

    example: str = ""

    def __post_init__(self) -> None:
        Project.__post_init__(self)
        left_out = shutil.ignore_patterns(".venv", "Pulumi.*.yaml")
        shutil.copytree(EXAMPLES / self.example, self.folder, dirs_exist_ok=True, ignore=left_out)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")
        self.init()
        self.configure(namespace=self.namespace)

    def configure(self, **settings: object) -> None:
        """Sets the stack's configuration."""
        for key, value in settings.items():
            self.must("config", "set", key, str(value))

    def follow(self, commands: str) -> None:
        """Runs commands of the example's README."""
        printed("bash", "-euc", commands, env=self.env, folder=self.folder, timeout=300)

    def addresses(self) -> dict[str, str]:
        """The current address of each instance."""
        return {name: pod.status.podIP for name, pod in self.pods().items() if pod.status and pod.status.podIP}

    def host(self, service: str, instance: str = "") -> str:
        """Where clients on the node reach an instance, or by default whichever the Service chooses."""
        return self.addresses()[instance] if instance else self.cluster_ip(service)

    def commands(self, heading: str) -> list[str]:
        """The blocks of commands that the example's README has under a heading."""
        readme = (EXAMPLES / self.example / "README.md").read_text()
        section = readme.split(f"## {heading}\n")[1].partition("\n## ")[0]
        return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


_Example = TypeVar("_Example", bound=Example)


@contextmanager
def restricted(example: _Example) -> Iterator[_Example]:
    """The example in a namespace that enforces the restricted Pod Security Standard; destroyed afterwards."""
    enforce(example, "restricted")
    yield example
    example.run("destroy", "--yes", "--skip-preview")


def enforce(example: Example, standard: str) -> None:
    """Has the example's namespace enforce a Pod Security Standard."""
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": standard}}}
    example.client.patch(Namespace, example.namespace, labels)


CLIENT = "client"


class WithClient(Example):
    """An example, and a Pod that is no part of it, for clients to run in."""

    def pods(self) -> dict[str, Any]:
        """The live Pods by name, without the client's."""
        return {name: pod for name, pod in super().pods().items() if name != CLIENT}

    def start_client(self, image: str, **env: str) -> None:
        """Starts the client's Pod."""
        self.kubectl(
            *("run", CLIENT, f"--image={image}", "--image-pull-policy=Never"),
            *(f"--env={name}={value}" for name, value in env.items()),
            *("--overrides", '{"spec": {"terminationGracePeriodSeconds": 0}}', "--command", "--", "sleep", "3600"),
        )
        self.kubectl("wait", "--for=condition=Ready", f"pod/{CLIENT}")


class Writer(threading.Thread):
    """A client that writes continuously and measures the pauses between acknowledgements."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.times: list[float] = []
        self.pauses: dict[str, float] = {}
        self.ended = threading.Event()

    def acknowledged_one(self) -> None:
        """Records an acknowledgement."""
        self.times.append(time.monotonic())

    def wait_for_a_write(self) -> None:
        """Waits until one more write is acknowledged."""
        before = len(self.times)
        eventually("a write is acknowledged", lambda: len(self.times) > before)

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Measures the longest pause while something is done."""
        self.wait_for_a_write()
        first = len(self.times) - 1
        yield
        self.wait_for_a_write()
        self.pauses[what] = max(later - earlier for earlier, later in pairwise(self.times[first:]))

    def end(self) -> None:
        """Stops writing."""
        self.ended.set()
        if self.is_alive():
            self.join(15)

    def report(self, record_property: Callable[[str, object], None]) -> None:
        """Reports what is not asserted."""
        record_property("acknowledged writes", len(self.times))
        for what, seconds in self.pauses.items():
            record_property(f"longest pause during {what}", f"{seconds:.2f} s")


class WriterOfNumbers(Writer):
    """A client that writes numbers, and keeps those that are acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged: set[int] = set()


class NumberWriter(WriterOfNumbers):
    """Writes one number after the other by a client library; connects again when it fails.

    Each attempt has a number of its own: one that failed may have been written or not.
    """

    def __init__(self, connect: Callable[[], AbstractContextManager[Callable[[int], None]]], first: int = 1) -> None:
        """``connect`` gives what writes a number, and raises where that is not acknowledged."""
        super().__init__()
        self._connect = connect
        self._number = first - 1

    def run(self) -> None:
        while not self.ended.wait(0.05):
            with suppress(Exception), self._connect() as write:
                while not self.ended.wait(0.01):
                    self._number += 1
                    write(self._number)
                    self.acknowledged.add(self._number)
                    self.acknowledged_one()


class PipedWriter(WriterOfNumbers):
    """Sends one line after the other to a program in the client's Pod; starts it again when it ends or does not answer.

    Each attempt has a number of its own: one without an answer may have been written or not.
    """

    def __init__(self, example: WithClient, command: Sequence[str], line: str, answer: str, first: int = 1) -> None:
        """``{}`` in ``line`` and ``answer`` is the number that is written."""
        super().__init__()
        self._example = example
        self._command = ["kubectl", "--namespace", example.namespace, "exec", "--stdin", CLIENT, "--", *command]
        self._line, self._answer = line, answer
        self._number = first - 1

    def run(self) -> None:
        while not self.ended.wait(0.05):
            self._write_until_it_ends()

    def _write_until_it_ends(self) -> None:
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        # What was not sent to a program that has ended is tried once more, and fails again, when its pipe is closed.
        with (
            suppress(BrokenPipeError),
            subprocess.Popen(self._command, env=self._example.env, text=True, **pipes) as client,
            ExitStack() as ending,
        ):
            ending.callback(client.kill)
            self._write_to(client)

    def _write_to(self, client: subprocess.Popen[str]) -> None:
        assert client.stdin
        assert client.stdout
        while not self.ended.wait(0.01):
            self._number += 1
            client.stdin.write(f"{self._line.format(self._number)}\n")
            client.stdin.flush()
            # A connection to a Pod that is gone may never answer.
            answered, _, _ = select.select([client.stdout], [], [], 2)
            answer = client.stdout.readline().strip() if answered else ""
            if answer != self._answer.format(self._number):
                break
            self.acknowledged.add(self._number)
            self.acknowledged_one()


def changed_throughout(
    example: Example, writer: Writer, is_well: Callable[[int], bool], leader: Callable[[], str], **update: object
) -> None:
    """Three servers that a client writes to: updated, deleted, their leader deleted, grown, made five, and three again.

    ``is_well`` tells whether so many servers are members of the cluster and agree; ``update`` is the configuration that
    rolls out.
    """
    writer.start()
    with writer.during("a rolling update"):
        example.configure(**update)
        example.up()
        eventually("all are well", lambda: is_well(3))

    name = example.example
    with writer.during("a deleted Pod"):
        example.replace_pod(next(f"{name}-{number}" for number in (2, 1) if leader() != f"{name}-{number}"))
        eventually("all are well", lambda: is_well(3))

    with writer.during("a deleted leader"):
        example.replace_pod(leader())
        eventually("all are well", lambda: is_well(3))

    with writer.during("a grown disk"):
        before = example.uids()
        example.configure(size="2Gi")
        example.up()
        assert example.uids() == before

    with writer.during("three servers becoming five"):
        example.configure(replicas=5)
        example.up()
        assert is_well(5)

    with writer.during("five servers becoming three"):
        example.configure(replicas=3)
        example.up()
        eventually("all are well", lambda: is_well(3))
        assert example.uids() == before
    writer.end()
