"""Text from outside, as messages show it: what Pods, plugins, servers and other people's objects say.

It may have anything in it: sequences that move a terminal's cursor or change its title, characters that reverse the
order of others, lines that look like ours, or a megabyte of log.
"""

import re
import unicodedata

MAX_SHOWN = 300
"""Characters of one text that are shown, where nothing else is said."""
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|\Z)"  # titles, links, other strings
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROLS = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Unicode's categories of what has no shape of its own: controls, directions, private use, halves, other line ends."""
_LINES = "\n\t"
_LOOKED_AT = 8
"""How many times more characters are read than shown: those of escapes are not shown."""


def cleaned(text: object, limit: int = MAX_SHOWN, *, end: bool = False) -> str:
    """The text on one line without controls, at most ``limit`` characters: its beginning, or with ``end`` its end."""
    given = str(text)
    part = given[-limit * _LOOKED_AT :] if end else given[: limit * _LOOKED_AT]
    line = " ".join(without_controls(part).split())
    if len(line) <= limit and len(part) == len(given):
        return line
    return "…" + line[max(0, len(line) - limit + 1) :] if end else line[: limit - 1] + "…"


def exit_problem(status: int, output: object, where: str = "") -> str | None:
    """Why a command did not succeed, with the end of what it printed; None where it did. ``where`` it ran."""
    if not status:
        return None
    problem = f"exit status {status} in {where}" if where else f"exit status {status}"
    return f"{problem}: {said}" if (said := cleaned(output, end=True)) else problem


def without_controls(text: str) -> str:
    """The text without terminal escapes and control characters. It keeps its lines and tabs."""
    if text.isascii() and text.isprintable():
        return text
    plain = _ESCAPES.sub("", "\n".join(text.splitlines()) if "\r" in text or "\x85" in text else text)
    return "".join(each for each in plain if each in _LINES or unicodedata.category(each) not in _CONTROLS)
