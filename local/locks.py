"""One at a time: two clones, or two terminals, must not build or start the same thing at once."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.console import say


@contextmanager
def locked(path: Path, doing: str) -> Iterator[None]:
    """Hold the lock file while in the block; wait for another holder, and say so. It ends with the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            say(f"Waiting for another run that is {file.read().strip() or 'at work'} (lock {path}) …")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(doing)
        file.flush()
        # What is started inside the block does not keep the lock: Python's files are not inherited.
        yield
        file.truncate(0)
