"""The code blocks of the documentation."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def block(document: str, after: str, language: str) -> str:
    """The first block in a language after a text."""
    rest = (DOCS / document).read_text().partition(after)[2]
    found = re.search(rf"```{language}\n(.*?)```", rest, re.DOTALL)
    assert found, f"docs/{document} has no {language} block after {after!r}"
    return found[1]
