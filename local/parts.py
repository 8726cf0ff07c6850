"""A process of the cluster that we start ourselves: how it is started, and how it shows that it is ready."""

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from local import processes, templates
from local.debian import PATH
from local.errors import LocalError
from local.paths import LOGS
from local.processes import Process

Condition = Callable[[], bool]


@dataclass(frozen=True)
class Part:
    """One process; the rest is the same for all."""

    name: str
    title: str
    command: list[str]
    marks: tuple[Path | str, ...]
    """Paths by which its command line shows that it is ours."""
    ready: Condition
    limit: float = 60
    shown: str = ""
    """What it is called in lists, and its log: the program's name where that says which it is."""

    @property
    def log(self) -> Path:
        """Where it writes its log."""
        return LOGS / f"{self.shown or self.name}.log"

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


def settings_file(folder: Path, name: str, **values: object) -> Path:
    """A configuration file with its values filled in.

    Its name depends on what is in it, so a part that was started with other settings has another command line.
    """
    text = templates.rendered(name, **values)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:8]}-{name}"
    templates.write(path, text)
    return path


def answers(url: str) -> bool:
    """Whether a program answers that it is well."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, urllib.error.URLError):
        return False
