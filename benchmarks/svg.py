"""A small SVG writer: boxes, lines and texts, in colours for light and for dark pages.

Every picture has a background of its own, so it is legible also where a page and the browser disagree about the colour
scheme. A text that does not fit its box, and two boxes that overlap, are errors: what was drawn once stays legible.
"""

from dataclasses import dataclass, field
from html import escape

SANS = 12.0
SMALL = 11.0
LINE = 16.0
"""From one line of text to the next."""
_WIDTH_SANS = 0.6
"""Of a character, as a part of the font's size; that of the widest common fonts."""
_WIDTH_MONO = 0.605
_MARGIN = 8.0
"""Between a box and its text, on both sides together."""

_LIGHT = {
    "page": "#ffffff",
    "text": "#1f2328",
    "dim": "#59636e",
    "line": "#818b98",
    "grid": "#d1d9e0",
    "plain": "#f6f8fa",
    "old": "#ddf4ff",
    "new": "#ffe8c7",
    "done": "#dafbe1",
    "stop": "#ffebe9",
    "c0": "#0969da",
    "c1": "#bc4c00",
    "c2": "#1a7f37",
    "c3": "#8250df",
    "c4": "#6e7781",
}
_DARK = {
    "page": "#0d1117",
    "text": "#f0f6fc",
    "dim": "#9198a1",
    "line": "#656c76",
    "grid": "#2f353d",
    "plain": "#161b22",
    "old": "#0c2d4d",
    "new": "#4a2f06",
    "done": "#0f3a20",
    "stop": "#4c1a1d",
    "c0": "#4493f8",
    "c1": "#f0883e",
    "c2": "#3fb950",
    "c3": "#ab7df8",
    "c4": "#8b949e",
}


@dataclass(frozen=True)
class Rectangle:
    """A place."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """Half-way down."""
        return self.y + self.height / 2

    def overlaps(self, other: "Rectangle") -> bool:
        """Whether both cover a common area."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom


@dataclass
class Drawing:
    """A picture while it is drawn."""

    width: float
    height: float
    title: str
    """What it shows, for those who do not see it."""
    _parts: list[str] = field(default_factory=list)
    _boxes: list[Rectangle] = field(default_factory=list)

    def box(self, place: Rectangle, lines: list[str], kind: str = "plain", *, dashed: bool = False) -> None:
        """A box with lines of text in its middle; a line in backticks is code."""
        overlapping = [each for each in self._boxes if each.overlaps(place)]
        if overlapping or place.right > self.width or place.bottom > self.height:
            raise ValueError(f"{self.title}: the box {lines} overlaps {overlapping or 'the edge'}")
        self._boxes.append(place)
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self._add(
            f'<rect class="{kind} edge" x="{place.x:g}" y="{place.y:g}" width="{place.width:g}" '
            f'height="{place.height:g}" rx="6"{dash}/>'
        )
        top = place.middle - LINE * (len(lines) - 1) / 2
        for number, line in enumerate(lines):
            if text_width(line, SANS) + _MARGIN > place.width or LINE * len(lines) > place.height:
                raise ValueError(f"{self.title}: {line!r} does not fit its box")
            self.text(place.x + place.width / 2, top + LINE * number + 4, line, anchor="middle")

    def text(
        self, x: float, y: float, line: str, *, anchor: str = "start", size: float = SANS, look: str = "text"
    ) -> None:
        """One line, with its base line at y."""
        begin = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * text_width(line, size)
        if begin < 0 or begin + text_width(line, size) > self.width:
            raise ValueError(f"{self.title}: {line!r} leaves the picture")
        code = line.startswith("`")
        self._add(
            f'<text class="{look}{" code" if code else ""}" x="{x:g}" y="{y:g}" font-size="{size:g}" '
            f'text-anchor="{anchor}">{escape(line.strip("`"))}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, look: str = "line", width: float = 1) -> None:
        """A straight line."""
        self._add(f'<line class="s-{look}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke-width="{width:g}"/>')

    def arrow(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """A straight line with a head, to the right or down."""
        self.line(x1, y1, x2, y2, "line", 1.5)
        across, down = (4, 7) if x1 == x2 else (7, 4)
        points = (
            f"{x2 - across:g},{y2 - down:g} {x2 + across:g},{y2 - down:g}"
            if x1 == x2
            else f"{x2 - across:g},{y2 - down:g} {x2 - across:g},{y2 + down:g}"
        )
        self._add(f'<polygon class="f-line" points="{x2:g},{y2:g} {points}"/>')

    def bar(self, place: Rectangle, colour: str) -> None:
        """A filled area."""
        self._add(
            f'<rect class="f-{colour}" x="{place.x:g}" y="{place.y:g}" width="{place.width:g}" '
            f'height="{place.height:g}"/>'
        )

    def dot(self, x: float, y: float, colour: str) -> None:
        """A mark of a plot."""
        self._add(f'<circle class="f-{colour}" cx="{x:g}" cy="{y:g}" r="3.5"/>')

    def written(self) -> str:
        """The file."""
        size = f"{self.width:g}", f"{self.height:g}"
        return "\n".join(
            [
                (
                    '<svg xmlns="http://www.w3.org/2000/svg" role="img" '
                    f'viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}">'
                ),
                f"<title>{escape(self.title)}</title>",
                "<style>",
                "text { font-family: 'Segoe UI', 'Noto Sans', Helvetica, Arial, 'DejaVu Sans', sans-serif; }",
                "text.code { font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }",
                *_rules(_LIGHT),
                "@media (prefers-color-scheme: dark) {",
                *_rules(_DARK),
                "}",
                "</style>",
                '<rect class="page" width="100%" height="100%" rx="8"/>',
                *self._parts,
                "</svg>",
                "",
            ]
        )

    def _add(self, element: str) -> None:
        self._parts.append(element)


def text_width(line: str, size: float) -> float:
    """How wide a line is at most."""
    code = line.startswith("`")
    return len(line.strip("`")) * size * (_WIDTH_MONO if code else _WIDTH_SANS)


def _rules(colours: dict[str, str]) -> list[str]:
    fills = [f".{name} {{ fill: {colour}; }}" for name, colour in colours.items()]
    marks = [
        f".f-{name} {{ fill: {colour}; }} .s-{name} {{ stroke: {colour}; }}"
        for name, colour in colours.items()
        if name[0] == "c" or name in ("line", "grid")
    ]
    return [*fills, f".edge {{ stroke: {colours['line']}; }}", *marks]
