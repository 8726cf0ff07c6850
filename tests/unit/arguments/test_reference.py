"""The reference page groups the arguments by theme."""

import inspect
from pathlib import Path

from pulumi_stateful_service import StatefulServiceArgs
from pulumi_stateful_service.arguments import types

from docs.generate import DOCS, argument_groups

GROUPS = argument_groups(Path(inspect.getsourcefile(types) or "").read_text())


def test_every_argument_is_in_exactly_one_group() -> None:
    """Each argument stands below one heading, and no other heading exists."""
    assert list(GROUPS) == [
        "Most used",
        "Pods",
        "Ports and clients",
        "Disks",
        "Rollout",
        "Availability",
        "Groups",
        "Security",
        "Adoption",
    ]
    grouped = [argument for arguments in GROUPS.values() for argument in arguments]
    assert sorted(grouped) == sorted(inspect.get_annotations(StatefulServiceArgs))


def test_the_most_used_arguments_come_first() -> None:
    """Five arguments are enough for most programs."""
    assert GROUPS["Most used"] == ["image", "replicas", "ports", "volumes", "env"]


def test_the_page_has_each_argument_below_its_heading() -> None:
    """The table below a heading has the arguments of its group, in their order."""
    page = (DOCS / "arguments.md").read_text().partition("## Arguments\n")[2].partition("\n## ")[0]
    sections = dict(section.split("\n", 1) for section in page.split("\n### ")[1:])
    tables = {
        heading: [row.split("`")[1] for row in section.splitlines() if row.startswith("| `")]
        for heading, section in sections.items()
    }
    assert tables == GROUPS


def test_an_argument_without_a_heading_is_seen() -> None:
    """An argument above the first heading has none."""
    source = "class StatefulServiceArgs:\n    a: int\n    # == Pods ==\n    b: int\n    c: int\n"
    assert argument_groups(source) == {"": ["a"], "Pods": ["b", "c"]}
