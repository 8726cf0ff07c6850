"""An SVG drawing: shapes and text on a background of its own, so that it is legible in light and in dark mode.

Text is never measured by a renderer: widths are estimated for a wide font, so that text fits with narrower ones too.
"""

from xml.sax.saxutils import escape, quoteattr

FONT = "DejaVu Sans, Verdana, Segoe UI, Helvetica, Arial, sans-serif"
MONOSPACE = "DejaVu Sans Mono, Menlo, Consolas, monospace"
SIZE = 13
LINE = 18

BACKGROUND = "#ffffff"
TEXT = "#1f2933"
MUTED = "#52606d"
RULE = "#cbd2d9"

_NARROW = "ijl.,:;'|!()[]frtI-/ "
_WIDE = "mwMWGOQDHNU@%→"


class Drawing:
    """What is drawn, in the order in which it is drawn."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.parts: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, fill: str, stroke: str = RULE) -> None:
        """A rectangle with round corners."""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" fill="{fill}" stroke="{stroke}"/>'
        )

    def bar(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled area."""
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}"/>')

    def line(
        self, points: list[tuple[float, float]], stroke: str = MUTED, width: float = 1, *, arrow: bool = False
    ) -> None:
        """A line through points, with an arrowhead at its end on request."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        end = ' marker-end="url(#arrow)"' if arrow else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="{width:g}"{end}/>')

    def dot(self, x: float, y: float, fill: str) -> None:
        """A small circle."""
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="3.5" fill="{fill}"/>')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        fill: str = TEXT,
        size: float = SIZE,
        bold: bool = False,
        code: bool = False,
        anchor: str = "start",
    ) -> None:
        """One line of text; ``y`` is its baseline, ``anchor`` which part of it is at ``x``."""
        weight = ' font-weight="bold"' if bold else ""
        family = f' font-family="{MONOSPACE}"' if code else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{fill}" text-anchor="{anchor}"{weight}{family}>'
            f"{escape(text)}</text>"
        )

    def written(self, width: float, height: float) -> str:
        """The file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" role="img" aria-label={quoteattr(self.title)} font-family="{FONT}">'
        )
        marker = (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            f'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{MUTED}"/></marker></defs>'
        )
        background = (
            f'<rect x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8" fill="{BACKGROUND}" '
            f'stroke="{RULE}"/>'
        )
        lines = [head, f"<title>{escape(self.title)}</title>", marker, background, *self.parts, "</svg>", ""]
        return "\n".join(lines)


def width_of(text: str, *, size: float = SIZE, bold: bool = False, code: bool = False) -> float:
    """How wide a line of text is at most."""
    if code:
        return 0.61 * size * len(text)
    ems = sum(0.40 if char in _NARROW else 0.92 if char in _WIDE else 0.64 for char in text)
    return ems * size * (1.12 if bold else 1)


def wrapped(text: str, width: float, *, size: float = SIZE, bold: bool = False, code: bool = False) -> list[str]:
    """Text in lines that fit into a width; a line break in the text stays one."""
    lines = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and width_of(longer, size=size, bold=bold, code=code) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    for line in lines:
        if width_of(line, size=size, bold=bold, code=code) > width:
            raise ValueError(f"{line!r} is wider than {width:g}")
    return lines
