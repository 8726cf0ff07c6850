"""A process of the cluster that we start ourselves: how it is started, and how it shows that it is ready."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local import processes
from local.debian import PATH
from local.errors import LocalError
from local.paths import LOGS
from local.processes import Process


@dataclass(frozen=True)
class Part:
    """One process; the rest is the same for all."""

    name: str
    title: str
    command: list[str]
    marks: tuple[Path, ...]
    """Paths by which its command line shows that it is ours."""
    ready: Callable[[], bool]
    limit: float = 60

    @property
    def log(self) -> Path:
        """Where it writes its log."""
        return LOGS / f"{self.name}.log"

    def running(self) -> list[Process]:
        """Its processes."""
        return processes.of_program(self.name, *self.marks)

    def start(self) -> None:
        """Start it if it does not run as it should, and wait until it is ready."""
        found = self.running()
        if found and not (self._is_current(found) and self._comes_back()):
            processes.stop(found, 5)
            found = []
        if not found:
            processes.start(self.command, self.log, {**os.environ, "PATH": PATH})
            processes.wait_until(self.title, self.log, lambda: bool(self.running()), 10)
        processes.wait_until(self.title, self.log, self.ready, self.limit, lambda: bool(self.running()))

    def healthy(self) -> bool:
        """Whether it runs as it would be started now, and is ready."""
        found = self.running()
        return bool(found) and self._is_current(found) and self.ready()

    def _is_current(self, found: list[Process]) -> bool:
        return all(each.command == tuple(self.command) for each in found)

    def _comes_back(self) -> bool:
        """Whether it is ready, or gets so within a moment."""
        try:
            processes.wait_until(self.title, self.log, self.ready, 3)
        except LocalError:
            return False
        return True
