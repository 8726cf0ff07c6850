"""Three real nodes, faults that are injected into them, and a watch for identities that run twice."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from example_stacks import Writer
from harness import Service, eventually, local
from lightkube import ApiError, Client
from lightkube.resources.core_v1 import Node

from local import real_nodes

SOON_EVICTED: list[dict[str, Any]] = [
    {"key": f"node.kubernetes.io/{taint}", "operator": "Exists", "effect": "NoExecute", "toleration_seconds": 2}
    for taint in ("unreachable", "not-ready")
]
"""Tolerations of an instance that is to leave a node soon after that has stopped answering."""


def act(action: str, node: str) -> None:
    """Injects a fault into a node."""
    local("node", action, node)


def heal() -> None:
    """Brings all nodes back."""
    local("cluster")


def answers(client: Client, node: str) -> bool:
    """Whether Kubernetes considers a node ready."""
    status: Any = client.get(Node, node).status
    return any(each.type == "Ready" and each.status == "True" for each in status.conditions)


def until_noticed(client: Client, node: str) -> None:
    """Waits until Kubernetes considers a node not ready."""
    eventually(f"{node} is not ready", lambda: not answers(client, node))


@contextlib.contextmanager
def known_to_be_gone(rg: Service, node: str) -> Iterator[None]:
    """Marks a node as out of service, as its administrator does; removes the mark afterwards."""
    taint = "node.kubernetes.io/out-of-service"
    rg.kubectl("taint", "node", node, f"{taint}=nodeshutdown:NoExecute")
    try:
        yield
    finally:
        rg.kubectl("taint", "node", node, f"{taint}-")


def node_of(rg: Service, pod: str) -> str:
    """The node on which an instance is."""
    return str(rg.pods()[pod].spec.nodeName)


def place(rg: Service) -> dict[str, str]:
    """The node of each instance."""
    return {name: str(pod.spec.nodeName) for name, pod in rg.pods().items()}


@dataclass(frozen=True)
class _Running:
    """A container with a live process; a stopped (SIGSTOP) one counts."""

    node: str
    pod: str
    pid_namespace: str


class IdentityWatch(threading.Thread):
    """Watches the processes of this machine, whatever the API server says: no Pod's name may run twice."""

    def __init__(self, namespace: str) -> None:
        """``namespace`` is found in the environment of the Pods."""
        super().__init__(daemon=True)
        self.twice: list[Sequence[_Running]] = []
        self.looks = 0
        self._mark = namespace.encode()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
        assert self.looks
        assert not self.twice, f"ran twice: {self.twice[:3]}"

    def run(self) -> None:
        while not self._ended.wait(0.05):
            self.look()

    def look(self) -> None:
        """Records the names that run twice now."""
        found = self.running()
        for pod in {each.pod for each in found}:
            same = [each for each in found if each.pod == pod]
            # What is seen twice must still be there: a container may have ended while others were looked at.
            if len(same) > 1 and set(same) <= self.running():
                self.twice.append(same)
        self.looks += 1

    def running(self) -> set[_Running]:
        """What runs in our containers."""
        parents: dict[str, str] = {}
        shims: dict[str, str] = {}
        sockets = {str(node.containerd_socket): node.name for node in real_nodes.ALL}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                parents[folder.name] = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if command[0].endswith("containerd-shim-runc-v2"):
                    shims[folder.name] = next(sockets[each] for each in command if each in sockets)
        return {
            container
            for pid, parent in parents.items()
            if parent in shims and (container := self._container(pid, shims[parent]))
        }

    def _container(self, pid: str, node: str) -> _Running | None:
        folder = Path("/proc", pid)
        with contextlib.suppress(OSError):
            environment = (folder / "environ").read_bytes()
            if self._mark in environment:
                [name] = [each[9:] for each in environment.split(b"\0") if each.startswith(b"HOSTNAME=")]
                return _Running(node, name.decode(), str((folder / "ns" / "pid").readlink()))
        return None

    def nodes(self, pod: str) -> list[str]:
        """The nodes on which a Pod's processes are."""
        return [each.node for each in self.running() if each.pod == pod]


class LogWriter(Writer):
    """Has each instance write to its log in turn, and remembers the lines that were acknowledged."""

    def __init__(self, rg: Service) -> None:
        super().__init__()
        self._rg = rg
        self.acknowledged: dict[str, set[int]] = {}

    def run(self) -> None:
        while not self.ended.wait(0.05):
            for pod in sorted(self._pods()):
                if self.ended.is_set():
                    return
                self._write(pod)

    def _pods(self) -> list[str]:
        with contextlib.suppress(ApiError, OSError):
            return [name for name in self._rg.pods() if self._rg.is_ready(name)]
        return []

    def _write(self, pod: str) -> None:
        # A Pod that has just gone, and a line that was not written, are answered alike.
        with contextlib.suppress(Exception):
            answer = self._rg.http(pod, timeout=1).raise_for_status().json()
            self.acknowledged.setdefault(str(answer["instance"]), set()).add(int(answer["line"]))
            self.acknowledged_one()

    def lost(self) -> dict[str, set[int]]:
        """The acknowledged lines that an instance does not have."""
        found = {pod: {int(line.split()[0]) for line in self._rg.log(pod)} for pod in self.acknowledged}
        return {pod: lines - found[pod] for pod, lines in self.acknowledged.items() if lines - found[pod]}
