"""States of earlier releases: the newest component finds nothing to change."""

import json
import re
from pathlib import Path

import pytest
from earlier_releases import PROGRAM, STATE, releases, rendering_project


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.name)
def test_p16_a_state_of_an_earlier_release_needs_no_change(release: Path, env: dict[str, str], tmp_path: Path) -> None:
    """A program with every argument of that release, unchanged."""
    project = rendering_project(tmp_path, env, release)
    project.must("stack", "import", "--file", str(release / STATE))
    recorded = json.loads((release / STATE).read_text())["deployment"]["resources"]
    said = project.must("preview", "--expect-no-changes")
    assert f"{len(recorded)} unchanged" in said


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.name)
def test_the_first_change_after_an_upgrade_is_the_only_one(release: Path, env: dict[str, str], tmp_path: Path) -> None:
    """Another image of one service updates its StatefulSet, and nothing else."""
    project = rendering_project(tmp_path, env, release)
    project.must("stack", "import", "--file", str(release / STATE))
    program = json.loads((tmp_path / PROGRAM).read_text())
    program["services"]["labelled"]["image"] = "random-generator:2.0"
    (tmp_path / PROGRAM).write_text(json.dumps(program))
    said = project.must("preview", "--diff")
    assert re.search(r"^ +~ 1 to update$", said, re.MULTILINE), said
    assert re.search(r"image *: \"random-generator:1.0\" => \"random-generator:2.0\"", said), said
    assert not re.search(r"to (create|delete|replace)", said), said


def test_a_state_is_recorded() -> None:
    """At least one, so that the test above runs."""
    assert releases()
