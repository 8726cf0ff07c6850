"""Draws the diagrams of ``diagrams.toml``: each is a table of steps, or boxes in stages with arrows between them."""

import tomllib
from pathlib import Path
from typing import Any

from .svg import LINE, MUTED, SIZE, TEXT, Drawing, width_of, wrapped

FOLDER = Path(__file__).parent
SOURCE = FOLDER / "diagrams.toml"
TONES = {
    "old": ("#e8eaf6", "#7986cb"),
    "new": ("#d7f2e3", "#3c9d6b"),
    "busy": ("#fff3d1", "#d29b1c"),
    "gone": ("#fde2e1", "#d0605e"),
    "plain": ("#f5f7fa", "#cbd2d9"),
}
"""Fill and border of a box, by what it tells."""
_EDGE = 24
_GAP = 12
_PADDING = 10
_ARROW = 44


def diagrams() -> dict[str, str]:
    """Each diagram's file name and its SVG."""
    return {f"{name}.svg": _drawn(source) for name, source in tomllib.loads(SOURCE.read_text()).items()}


def _drawn(source: dict[str, Any]) -> str:
    drawing = Drawing(source["title"])
    width, height = _steps(drawing, source) if "steps" in source else _stages(drawing, source)
    return drawing.written(width, height)


def _heading(drawing: Drawing, source: dict[str, Any]) -> float:
    drawing.text(_EDGE, _EDGE + SIZE, source["title"], bold=True, size=SIZE + 2)
    return _EDGE + 2.2 * LINE


def _footer(drawing: Drawing, source: dict[str, Any], y: float, width: float) -> float:
    for line in wrapped(source.get("note", ""), width - 2 * _EDGE):
        drawing.text(_EDGE, y + LINE, line, fill=MUTED)
        y += LINE
    return y + _EDGE


def _steps(drawing: Drawing, source: dict[str, Any]) -> tuple[float, float]:
    """A row for each step: what is done, who does it, and what then is the state of each column."""
    widths = source["widths"]
    lefts = [_EDGE + sum(widths[:number]) + _GAP * number for number in range(len(widths))]
    width = lefts[-1] + widths[-1] + _EDGE
    y = _heading(drawing, source)
    for left, column, text in zip(lefts, widths, source["columns"], strict=True):
        for number, line in enumerate(wrapped(text, column, bold=True)):
            drawing.text(left, y + number * LINE, line, bold=True, fill=MUTED)
    y += LINE * max(
        len(wrapped(text, column, bold=True)) for text, column in zip(source["columns"], widths, strict=True)
    )
    for step in source["steps"]:
        cells = [step["do"], step["who"], *step["state"]]
        lines = [_lines(cell, column) for cell, column in zip(cells, widths, strict=True)]
        height = LINE * max(map(len, lines)) + _PADDING
        for number, (cell, left, column) in enumerate(zip(cells, lefts, widths, strict=True)):
            if isinstance(cell, list):
                drawing.box(left, y, column, height, *TONES[cell[1]])
            inset = _PADDING if isinstance(cell, list) else 0
            top = y + (height - LINE * len(lines[number])) / 2 + LINE - 5
            for place, line in enumerate(lines[number]):
                code = line.startswith("`")
                drawing.text(left + inset, top + place * LINE, line.strip("`"), code=code, size=SIZE - code)
        y += height + _GAP / 2
    return width, _footer(drawing, source, y, width)


def _lines(cell: str | list[str], column: float) -> list[str]:
    text = cell[0] if isinstance(cell, list) else cell
    inside = column - 2 * _PADDING if isinstance(cell, list) else column
    lines = []
    for paragraph in text.splitlines():
        code = paragraph.startswith("`")
        found = wrapped(paragraph.strip("`"), inside, size=SIZE - code, code=code)
        lines += [f"`{line}`" for line in found] if code else found
    return lines


def _stages(drawing: Drawing, source: dict[str, Any]) -> tuple[float, float]:
    """A column for each stage; each waits for the one before it."""
    top = _heading(drawing, source)
    left, bottom = float(_EDGE), 0.0
    middle = top + 3 * LINE
    for place, stage in enumerate(source["stages"]):
        width = stage["width"]
        y = top
        for line in wrapped(stage["title"], width, bold=True):
            drawing.text(left, y, line, bold=True, fill=MUTED)
            y += LINE
        y = top + 1.5 * LINE
        for kind, name, tone in stage["boxes"]:
            names = wrapped(name, width - 2 * _PADDING, size=SIZE - 1) if name else []
            height = LINE * (1 + len(names)) + _PADDING
            drawing.box(left, y, width, height, *TONES[tone])
            drawing.text(left + _PADDING, y + LINE, kind, bold=True, fill=TEXT)
            for number, line in enumerate(names):
                drawing.text(left + _PADDING, y + LINE * (2 + number), line, size=SIZE - 1, fill=MUTED)
            y += height + _GAP / 2
            if width_of(kind, bold=True) > width - 2 * _PADDING:
                raise ValueError(f"{kind!r} is wider than its stage")
        bottom = max(bottom, y)
        if place:
            drawing.line([(left - _ARROW + 5, middle), (left - 5, middle)], width=2, arrow=True)
        left += width + _ARROW
    width = left - _ARROW + _EDGE
    return width, _footer(drawing, source, bottom, width)


def write() -> None:
    """Writes every diagram beside its source."""
    for name, text in diagrams().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    write()
