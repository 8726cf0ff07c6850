"""Measuring two or more ways of doing the same: in alternating rounds, compared within a round, never across runs.

What is kept of a run is a JSON file; tables are made from it, here and in ``docs/performance.md``.
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
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass
class Row:
    """One thing that was measured: the values of each way, a value for each round."""

    what: str
    unit: str
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, way: str, value: float) -> None:
        """Keeps a value."""
        self.values.setdefault(way, []).append(round(value, 3))

    def median(self, way: str) -> float:
        """The median of a way's values."""
        return statistics.median(self.values[way])

    def ratios(self, way: str, to: str) -> list[float]:
        """What a way costs for 1 of another, for each round."""
        return [a / b for a, b in zip(self.values[way], self.values[to], strict=True)]


@dataclass
class Part:
    """One part of the benchmarks: its rows, and what the values depend on."""

    name: str
    machine: Mapping[str, str]
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def row(self, what: str, unit: str = "s") -> Row:
        """The row of this name."""
        found = next((row for row in self.rows if (row.what, row.unit) == (what, unit)), None)
        if found is None:
            found = Row(what, unit)
            self.rows.append(found)
        return found

    def timed(self, what: str, way: str, do: Callable[[], object]) -> None:
        """Does something, and keeps how long it took and how much processor time its processes used."""
        seconds, processor = _seconds(do)
        self.row(what).add(way, seconds)
        self.row(what, "CPU s").add(way, processor)
        print(f"  {what:32} {way:10} {seconds:7.2f} s {processor:7.2f} CPU s", flush=True)

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return RESULTS / f"{self.name}.json"

    def save(self) -> None:
        """Writes the JSON file."""
        RESULTS.mkdir(exist_ok=True)
        self.file.write_text(json.dumps(asdict(self), indent=1) + "\n")


def load(name: str) -> Part:
    """A part as it was last measured."""
    kept = json.loads((RESULTS / f"{name}.json").read_text())
    return Part(kept["name"], kept["machine"], [Row(**row) for row in kept["rows"]], kept["notes"])


def alternating(ways: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Round and way: each round takes every way, and each begins with another one."""
    for number in range(rounds):
        first = number % len(ways)
        for way in (*ways[first:], *ways[:first]):
            yield number, way


def table(part: Part, ours: str, unit: str = "s") -> list[str]:
    """The rows as a table in Markdown: medians, and how our way compares with each of the others."""
    rows = [row for row in part.rows if row.unit == unit and ours in row.values]
    others = list(dict.fromkeys(way for row in rows for way in row.values if way != ours))
    processor = {row.what: row for row in part.rows if row.unit == "CPU s"} if unit == "s" else {}
    heads = ["", ours, *others, *(f"to {way}" for way in others)]
    if processor:
        heads += [f"processor time to {way}" for way in others]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for row in rows:
        present = [way for way in others if way in row.values]
        cells = [row.what, *(_value(row, way) if way in row.values else "" for way in (ours, *others))]
        cells += [_compared(row, ours, way) if way in present else "" for way in others]
        if processor:
            used = processor[row.what]
            cells += [_compared(used, ours, way) if way in present else "" for way in others]
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
    digits = 2 if row.median(way) < 10 else 1 if row.median(way) < 100 else 0  # noqa: PLR2004 - three digits at least
    return f"{row.median(way):.{digits}f} {row.unit}"


def _compared(row: Row, way: str, to: str) -> str:
    ratios = row.ratios(way, to)
    spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
    return f"{statistics.median(ratios):.2f}{spread}"
