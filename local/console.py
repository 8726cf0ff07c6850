"""What the user sees while things happen: all of it on standard error, so that standard output stays for `eval`."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(line: str = "") -> None:
    """Print a line now."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print what begins, and behind it how long it took or that it failed."""
    started = time.monotonic()
    print(f"{what} … ", end="", file=sys.stderr, flush=True)
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say(seconds(time.monotonic() - started))


def seconds(duration: float) -> str:
    """A duration as a person would say it: "0.4 s", "24 s", "7 min 20 s"."""
    minutes, rest = divmod(round(duration), 60)
    if minutes:
        return f"{minutes} min {rest} s"
    return f"{duration:.1f} s" if rest < _SHORT else f"{rest} s"


def about(duration: float) -> str:
    """A duration that is only estimated: "about 24 min"."""
    minutes = round(duration / 60)
    return f"about {minutes} min" if minutes else "less than a minute"


_SHORT = 10  # seconds, below which tenths are of interest


def last_lines(text: str, count: int) -> str:
    """The end of a log, indented to stand inside a message."""
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines()[-count:])
