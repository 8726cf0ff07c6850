"""The files that the documentation tells."""

import re
import tomllib
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_FILE = re.compile(r"^```(?:python|yaml)\n# (\S+\.(?:py|yaml))\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def files(document: str, heading: str) -> dict[str, str]:
    """The blocks of a section that begin with the name of a file, by that name."""
    section = (DOCS / document).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = dict(_FILE.findall(section))
    assert found, f"docs/{document} has no files under {heading}"
    return found


def canary_versions() -> list[list[str]]:
    """The versions of the instances in the picture of the canary: at rest, before and after each of its steps."""
    diagrams = tomllib.loads((DOCS / "diagrams" / "diagrams.toml").read_text())
    states = [[text for text, _ in step["state"][:3]] for step in diagrams["canary"]["steps"]]
    # The last step is the other way out, back to the earlier version.
    return [[text.split()[0] for text in each] for each in states[:-1] if "being replaced" not in each]
