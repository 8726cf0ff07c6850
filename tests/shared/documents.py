"""The files that the documentation tells."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_FILE = re.compile(r"^```(?:python|yaml)\n# (\S+\.(?:py|yaml))\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def files(document: str, heading: str) -> dict[str, str]:
    """The blocks of a section that begin with the name of a file, by that name."""
    section = (DOCS / document).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = dict(_FILE.findall(section))
    assert found, f"docs/{document} has no files under {heading}"
    return found
