"""Measuring two or more ways of doing the same: in alternating rounds, compared within a round, never across runs.

What is kept of a run is a JSON file; plots and tables are made from it (``report.py``).
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
COUNTED = ("requests", "runs of a credential plugin")
"""Units that are counts."""


@dataclass
class Row:
    """One thing that was measured: the values of each way, a value for each round."""

    what: str
    unit: str
    values: dict[str, list[float]] = field(default_factory=dict)
    start: str = ""
    """The row that says what the engine's start alone takes, where that is to be told."""
    measured: str = ""
    """When, and at which commit: ``2026-11-29, 89921e8``."""

    def add(self, way: str, value: float) -> None:
        """Keeps a value."""
        self.values.setdefault(way, []).append(round(value, 3))

    def median(self, way: str) -> float:
        """The median of a way's values."""
        return statistics.median(self.values[way])


@dataclass
class Part:
    """One part of the benchmarks: its rows, and what the values depend on."""

    name: str
    machine: Mapping[str, str]
    rows: list[Row] = field(default_factory=list)

    def row(self, what: str, unit: str = "s") -> Row:
        """The row of this name."""
        found = next((row for row in self.rows if (row.what, row.unit) == (what, unit)), None)
        if found is None:
            found = Row(what, unit)
            self.rows.append(found)
        return found

    def timed(self, what: str, way: str, do: Callable[[], object], start: str = "") -> None:
        """Does something, and keeps how long it took and how much processor time its processes used."""
        seconds, processor = _seconds(do)
        self.row(what).add(way, seconds)
        self.row(what).start = start
        self.row(what, "CPU s").add(way, processor)
        print(f"  {what:32} {way:10} {seconds:7.2f} s {processor:7.2f} CPU s", flush=True)

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return RESULTS / f"{self.name}.json"

    def save(self, *, keep: bool) -> None:
        """Writes the JSON file; ``keep`` keeps rows of earlier runs, in their order, that this one did not measure."""
        RESULTS.mkdir(exist_ok=True)
        if keep and self.file.exists():
            measured = {(row.what, row.unit): row for row in self.rows}
            earlier = [measured.pop((row.what, row.unit), row) for row in load(self.name).rows]
            self.rows = [*earlier, *measured.values()]
        self.write()

    def write(self) -> None:
        """Writes the JSON file. Rows without a note of when they were measured get that of now."""
        for row in self.rows:
            row.measured = row.measured or now()
        self.file.write_text(json.dumps(asdict(self), indent=1) + "\n")


@cache
def now() -> str:
    """The day and the commit, with a plus where the package differs from it."""
    folder = Path(__file__).parents[1]
    commit = run(["git", "rev-parse", "--short=7", "HEAD"], os.environ, folder).strip()
    changed = run(["git", "status", "--porcelain", "--", "components"], os.environ, folder)
    return f"{datetime.now(UTC).date().isoformat()}, {commit}{'+' if changed else ''}"


def load(name: str) -> Part:
    """A part as it was last measured."""
    kept = json.loads((RESULTS / f"{name}.json").read_text())
    return Part(kept["name"], kept["machine"], [Row(**row) for row in kept["rows"]])


def alternating(ways: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Round and way: each round takes every way, and each begins with another one."""
    for number in range(rounds):
        first = number % len(ways)
        for way in (*ways[first:], *ways[:first]):
            yield number, way


def table(part: Part, ours: str, unit: str = "s") -> list[str]:
    """The rows as a table in Markdown: medians, and how our way compares with each of the others, with the spread."""
    rows = {row.what: row for row in part.rows if row.unit == unit and ours in row.values}
    others = list(dict.fromkeys(way for row in rows.values() for way in row.values if way != ours))
    starts = {what: rows[row.start].median(ours) for what, row in rows.items() if row.start in rows}
    heads = [unit if " " in unit else " ", ours, *others, *(f"to {way}" for way in others)]
    heads += [*(f"to {way}, less the engine's start" for way in others if starts), "measured"]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for what, row in rows.items():
        cells = [what, *(_value(row, way) for way in (ours, *others)), *(compared(row, ours, way) for way in others)]
        cells += [*(compared(row, ours, way, starts.get(what)) for way in others if starts), row.measured]
        lines.append(cells)
    return [f"| {' | '.join(cells)} |" for cells in lines]


def machine(versions: Mapping[str, str]) -> dict[str, str]:
    """What a reader must know to compare."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processors": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "Python": platform.python_version(),
        **versions,
    }


def number_of_services(count: int) -> str:
    """So many services, in words for a row."""
    return f"{count} service{'s' if count > 1 else ''}"


def run(command: Sequence[str], env: Mapping[str, str], folder: Path | None = None) -> str:
    """A command that has to succeed; what it prints."""
    result = subprocess.run(command, env=dict(env), cwd=folder, check=False, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def _seconds(do: Callable[[], object]) -> tuple[float, float]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    do()
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _value(row: Row, way: str) -> str:
    if way not in row.values:
        return " "
    median = row.median(way)
    if row.unit in COUNTED:
        return f"{median:.0f}"
    digits = 2 if median < 10 else 1 if median < 100 else 0  # noqa: PLR2004 - three digits at least
    return f"{median:.{digits}f} {row.unit.rpartition(' ')[2]}"


def compared(row: Row, way: str, to: str, less: float | None = 0) -> str:
    """A way as a multiple of another one: the median of the rounds, and the smallest and the largest."""
    if to not in row.values or less is None:
        return " "
    ratios = [(ours - less) / theirs for ours, theirs in zip(row.values[way], row.values[to], strict=False)]
    spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
    return f"{statistics.median(ratios):.2f}{spread}"
