"""Two kinds of plots: ratios in panels, and horizontal bars."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from docs.diagrams.svg import MUTED, RULE, SIZE, Drawing, width_of

_EDGE = 16.0
_WIDTH = 892.0
_TOP = 58.0
_SMALL = SIZE - 2
_COLOURS = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#6e7781")


@dataclass(frozen=True)
class _Area:
    """Where a panel is plotted."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True)
class Point:
    """What was measured at one place of the horizontal axis: the median, and the smallest and largest value."""

    at: str
    way: str
    median: float
    least: float
    most: float


@dataclass(frozen=True)
class Panel:
    """One of several plots on the same scale."""

    title: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Bars:
    """A group of bars: for each way median, smallest and largest value."""

    what: str
    values: Mapping[str, tuple[float, float, float]]


def panels(title: str, drawn: Sequence[Panel], ways: Sequence[str], *, across: str, columns: int) -> str:
    """Panels of ratios; the line at 1 is what they compare with."""
    height, left, gap, below = 150.0, 34.0, 14.0, 44.0
    rows = -(-len(drawn) // columns)
    width = (_WIDTH - 2 * _EDGE - left - gap * (columns - 1)) / columns
    drawing = Drawing(title)
    _heading(drawing, title, ways)
    all_points = [point for panel in drawn for point in panel.points]
    # An outlier of one round must not flatten the rest: it is cut off at the edge.
    high = min(max([1.5, *(point.most for point in all_points)]), 1.6 * max([1.0, *(p.median for p in all_points)]))
    low = min([0.8, *(point.least for point in all_points)])
    if any(point.most > high for point in all_points):
        drawing.text(_WIDTH - _EDGE, 42, "a line that ends at the top goes on", anchor="end", size=_SMALL, fill=MUTED)
    step = next(size for size in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0) if (high - low) / size <= 6)  # noqa: PLR2004
    for number, panel in enumerate(drawn):
        area = _Area(
            _EDGE + left + number % columns * (width + gap),
            _TOP + number // columns * (height + below) + 14,
            width,
            height - 14,
        )

        def y(value: float, area: _Area = area) -> float:
            return area.bottom - (min(max(value, low), high) - low) / (high - low) * area.height

        drawing.text(area.x, area.y - 6, panel.title, size=_SMALL)
        tick = step * -(-low // step)
        while tick <= high:
            colour = MUTED if abs(tick - 1) < step / 10 else RULE
            drawing.line([(area.x, y(tick)), (area.right, y(tick))], colour)
            if number % columns == 0:
                drawing.text(area.x - 6, y(tick) + 4, f"{tick:.1f}", anchor="end", size=_SMALL, fill=MUTED)
            tick += step
        _points(drawing, area, panel, ways, y)
        if number // columns == rows - 1:
            drawing.text(area.x + width / 2, area.bottom + 32, across, anchor="middle", size=_SMALL, fill=MUTED)
    return drawing.written(_WIDTH, _TOP + rows * (height + below) + 8)


def bars(title: str, groups: Sequence[Bars], ways: Sequence[str]) -> str:
    """Horizontal bars with their values; a thin line goes from the smallest to the largest value."""
    thick, space, after = 14.0, 8.0, 64.0
    left = _EDGE + max(width_of(group.what, size=_SMALL) for group in groups) + 8
    height = sum(thick * len(group.values) + space for group in groups)
    drawing = Drawing(title)
    _heading(drawing, title, ways)
    most = max(value[2] for group in groups for value in group.values.values())
    scale = (_WIDTH - _EDGE - after - left) / most
    y = _TOP
    for group in groups:
        tall = thick * len(group.values)
        drawing.text(left - 8, y + tall / 2 + 4, group.what, anchor="end", size=_SMALL)
        for way in ways:
            if way not in group.values:
                continue
            median, least, largest = group.values[way]
            drawing.bar(left, y, max(median * scale, 1), thick - 3, _COLOURS[ways.index(way)])
            middle = y + (thick - 3) / 2
            drawing.line([(left + least * scale, middle), (left + largest * scale, middle)], width=2)
            drawing.text(left + largest * scale + 6, middle + 4, f"{median:.3g} s", size=_SMALL, fill=MUTED)
            y += thick
        y += space
    return drawing.written(_WIDTH, _TOP + height + 6)


def _points(drawing: Drawing, area: _Area, panel: Panel, ways: Sequence[str], y: Callable[[float], float]) -> None:
    places = list(dict.fromkeys(point.at for point in panel.points))
    for number, place in enumerate(places):
        x = area.x + (number + 0.5) * area.width / len(places)
        drawing.text(x, area.bottom + 16, place, anchor="middle", size=_SMALL, fill=MUTED)
        for point in panel.points:
            if point.at == place:
                colour = _COLOURS[ways.index(point.way)]
                beside = x + (ways.index(point.way) - (len(ways) - 1) / 2) * min(12, area.width / len(places) / 6)
                drawing.line([(beside, y(point.least)), (beside, y(point.most))], colour, 1.5)
                drawing.dot(beside, y(point.median), colour)


def _heading(drawing: Drawing, title: str, ways: Sequence[str]) -> None:
    drawing.text(_EDGE, 22, title, bold=True)
    x = _EDGE
    for number, way in enumerate(ways):
        drawing.bar(x, 33, 10, 10, _COLOURS[number])
        drawing.text(x + 15, 42, way, size=_SMALL, fill=MUTED)
        x += 15 + width_of(way, size=_SMALL) + 14
