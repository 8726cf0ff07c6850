"""What was measured, for readers: the plots and the tables of docs/performance.md, from ``results/`` alone."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .imports import imported_beyond_plain
from .measure import RESULTS, Part, Row, compared, load, number_of_services, table
from .plots import Bars, Panel, Point, bars, panels

OURS = "component"
DOCS = Path(__file__).parents[1] / "docs"
_PAGE = DOCS / "performance.md"
_PLOTS = DOCS / "plots"
_PLACE = re.compile(r"(<!-- (?P<part>\w+) (?P<unit>[\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_OVERHEAD = re.compile(r"(?P<services>\d+) (?P<place>rendered|on the cluster), (?P<operation>.*)")
_PLACES = ("rendered", "on the cluster")
_COMPARED = ("plain", "registered", "guarded", "chart")
_OPERATIONS = ("preview", "first up", "unchanged up", "destroy")


@dataclass(frozen=True)
class _Key:
    """A row of the summary."""

    says: str
    part: str
    what: str
    to: Sequence[str]


def _keys(overhead: Part) -> list[_Key]:
    """Programs of each number of services that was measured, and what else users ask first."""
    services = sorted({int(found["services"]) for row in overhead.rows if (found := _OVERHEAD.match(row.what))})
    many = [
        _Key(
            f"{operation} of {number_of_services(count)}, {place}",
            "overhead",
            f"{count} {place}, {operation}",
            _COMPARED,
        )
        for count in services
        for place in _PLACES
        for operation in ("preview", "first up", "unchanged up")
    ]
    return [
        *many,
        _Key("3 instances ready, real node, in order", "ready", "3 on the real node, OrderedReady", ["kubectl"]),
        _Key("a canary of 1 in 3", "operations", "canary of 1 in 3", ["kubectl"]),
        _Key("3 claims expanded", "operations", "growth of 3 claims", ["kubectl"]),
        _Key("100 claims expanded", "operations", "growth of 100 claims", ["kubectl"]),
    ]


def performance_page() -> dict[Path, str]:
    """The page, with its tables as they were last measured."""
    return {_PAGE: _PLACE.sub(_written, _PAGE.read_text())}


def plots() -> dict[Path, str]:
    """The plots of the page."""
    overhead = load("overhead")
    return {
        _PLOTS / "overhead-time.svg": _overhead(overhead, "s", "Time of the whole command, as a multiple of plain"),
        _PLOTS / "overhead-processor.svg": _overhead(
            overhead, "CPU s", "Processor time of all processes, as a multiple of plain"
        ),
        _PLOTS / "ready.svg": _bars(load("ready"), "Seconds until every instance is ready"),
        _PLOTS / "operations.svg": _bars(load("operations"), "Seconds of each operation"),
    }


def write() -> None:
    """Writes both, and notes for rows without a date that they were measured now."""
    for file in sorted(RESULTS.glob("*.json")):
        load(file.stem).write()
    for file, content in {**performance_page(), **plots()}.items():
        file.write_text(content)


def _overhead(part: Part, unit: str, title: str) -> str:
    """A panel for each place and operation: against plain, by the number of services in one program."""
    ways = list(dict.fromkeys(way for row in part.rows for way in row.values if way != "plain"))
    drawn = []
    for place in _PLACES:
        for operation in _OPERATIONS:
            points = []
            for row in part.rows:
                found = _OVERHEAD.match(row.what)
                if row.unit == unit and found and (found["place"], found["operation"]) == (place, operation):
                    points += [
                        Point(found["services"], way, statistics.median(ratios), min(ratios), max(ratios))
                        for way in ways
                        if (ratios := _ratios(row, way, "plain"))
                    ]
            drawn.append(Panel(f"{operation}, {place}", points))
    return panels(title, drawn, ways, across="services in one program", columns=len(_OPERATIONS))


def _ratios(row: Row, way: str, to: str) -> list[float]:
    """A way's values as multiples of those of another way in the same round."""
    return [ours / theirs for ours, theirs in zip(row.values.get(way, []), row.values.get(to, []), strict=False)]


def _bars(part: Part, title: str) -> str:
    rows = sorted((row for row in part.rows if row.unit == "s"), key=_size)
    ways = list(dict.fromkeys(way for row in rows for way in row.values))
    return bars(
        title,
        [
            Bars(row.what, {way: (row.median(way), min(row.values[way]), max(row.values[way])) for way in row.values})
            for row in rows
        ],
        ways,
    )


def _size(row: Row) -> int:
    """How many instances a row is about, if it begins with that; rows without a number stay in their order."""
    found = re.match(r"[\d,]+", row.what)
    return int(found[0].replace(",", "")) if found else 0


def _written(place: re.Match[str]) -> str:
    name, unit = place["part"], place["unit"]
    if name == "summary":
        lines = _summary()
    elif not (RESULTS / f"{name}.json").exists():
        return place[0]
    elif unit == "machine":
        lines = [f"- {key}: {value}" for key, value in load(name).machine.items()]
    elif unit == "imports":
        lines = [f"- imported beyond plain: {', '.join(imported_beyond_plain())}"]
    elif unit == "dates":
        lines = [f"Measured: {'; '.join(dict.fromkeys(row.measured for row in load(name).rows))}."]
    else:
        part = load(name)
        part.rows.sort(key=_size)
        lines = table(part, OURS, unit)
    return place[1] + "\n".join(lines) + "\n" + place[4]


def _summary() -> list[str]:
    """The key ratios, in time and in processor time."""
    parts = {name: load(name) for name in ("overhead", "ready", "operations")}
    lines = ["| what | component | to | time | processor time | measured |"]
    lines.append("| --- | ---: | --- | ---: | ---: | --- |")
    for key in _keys(parts["overhead"]):
        rows = {row.unit: row for row in parts[key.part].rows if row.what == key.what}
        if "s" not in rows:
            continue
        for number, way in enumerate(way for way in key.to if way in rows["s"].values):
            head = (key.says, f"{rows['s'].median(OURS):.1f} s") if number == 0 else (" ", " ")
            ratios = (compared(rows[unit], OURS, way) if unit in rows else " " for unit in ("s", "CPU s"))
            when = rows["s"].measured if number == 0 else " "
            lines.append(f"| {' | '.join([*head, way, *ratios, when])} |")
    return lines
