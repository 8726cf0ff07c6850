"""What the pages say of Pods, claims and data: no sentence is without a test on the cluster, or a source."""

import re
import tomllib
from pathlib import Path

import pytest

from docs.generate import statements
from docs.generate import tests as found_tests

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            *("rollouts", "rollout-steps", "storage", "volumes", "members", "adoption", "operating", "gitops"),
            *("customising", "discovery", "kubeconfig", "versions", "in-cluster", "postgresql", "environments"),
            *("upgrading", "report", "troubleshooting", "snapshots", "application-versions", "databases"),
            "groups",
            "recovery",
        )
    ),
)
"""The pages that tell users what becomes of their instances and data."""
_ABOUT = re.compile(r"\b(Pods?|instances?|claims?|PersistentVolumeClaims?|disks?|volumes?|data|StatefulSets?)\b")
_HAPPENS = re.compile(
    r"\b(kept|keeps?|stays?|deleted|deletes|lost|loses|restarts?|evict(s|ed)|replaced|replaces|expanded|recreated|"
    r"recreates|refused|rejected|untouched|removed|overwritten)\b"
)


def words(text: str) -> str:
    """The text in one line."""
    return " ".join(text.replace("\n>", "\n").split())


def sentences(page: str) -> list[str]:
    """The sentences of a page, and the cells of its tables, without its headings and blocks of code."""
    prose = re.sub(r"^(```.*?^```|#.*?)$", "", page, flags=re.DOTALL | re.MULTILINE)
    blocks = re.split(r"\n\s*\n|\n(?=\||- |\d+\. )", prose)
    parts = (re.split(r"(?<=[.;:])\s+(?=[A-Z`*])|\s\|\s", words(block)) for block in blocks)
    return [each.strip(" |-") for block in parts for each in block]


@pytest.mark.parametrize("page", statements())
def test_a_page_says_what_is_tested(page: str) -> None:
    """Word for word, and by tests that exist or by a page of the project that decides it."""
    text = words((ROOT / page).read_text())
    known = {test.name for folder in ("unit", "cluster") for test in found_tests(ROOT / "tests" / folder)}
    for statement, shown_by in statements()[page].items():
        assert statement in text
        if isinstance(shown_by, list):
            assert shown_by
            assert set(shown_by) <= known
        else:
            assert shown_by == "description" or re.fullmatch(r"https://\S+", shown_by)


@pytest.mark.parametrize("page", PAGES)
def test_no_statement_is_without_a_test_or_a_source(page: str) -> None:
    """A sentence on what happens to Pods, claims or data is in docs/statements.yaml, whole or in part."""
    known = list(statements().get(page, {}))
    missing = [
        sentence
        for sentence in sentences((ROOT / page).read_text())
        if _ABOUT.search(sentence)
        and _HAPPENS.search(sentence)
        and "](http" not in sentence
        and not any(each in sentence or sentence in each or overlap(each, sentence) for each in known)
    ]
    assert missing == [], f"add the tests that show it to docs/statements.yaml, or a source: {missing}"


def test_no_note_of_a_picture_is_without_a_test_or_a_source() -> None:
    """Each sentence below one; what the steps and boxes say is held by other tests."""
    pictures = tomllib.loads((ROOT / "docs" / "diagrams" / "diagrams.toml").read_text())
    notes = [sentence for each in pictures.values() for sentence in re.split(r"(?<=[.])\s+", each["note"])]
    assert set(notes) <= statements()["docs/diagrams/diagrams.toml"].keys()


def overlap(statement: str, sentence: str) -> bool:
    """Whether a statement that goes over the end of a sentence begins, or ends, in this one."""
    pieces = statement.split()
    cuts = range(4, len(pieces))
    return any(" ".join(pieces[:cut]) in sentence and sentence.endswith(" ".join(pieces[:cut])) for cut in cuts) or any(
        sentence.startswith(" ".join(pieces[-cut:])) for cut in cuts
    )


def test_sentences_are_told_apart() -> None:
    """By their ends, in tables by their cells, in lists by their items."""
    page = "# A Pod\n\nOne stays. Two\ngoes: Three.\n- Four\n- Five\n\n| a | b |\n|---|---|\n| c | d |\n```sh\nx\n```\n"
    assert [each for each in sentences(page) if re.search(r"\w", each)] == (
        ["One stays.", "Two goes:", "Three.", "Four", "Five", "a", "b", "c", "d"]
    )
