"""States of earlier releases: the newest component has nothing to change in them."""

import json
from pathlib import Path

import pytest
from earlier_releases import STATE, releases, rendering_project


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.name)
def test_p16_a_state_of_an_earlier_release_needs_no_change(release: Path, env: dict[str, str], tmp_path: Path) -> None:
    """Every argument that it had, in a program that stayed as it was."""
    project = rendering_project(tmp_path, env, release)
    project.must("stack", "import", "--file", str(release / STATE))
    recorded = json.loads((release / STATE).read_text())["deployment"]["resources"]
    said = project.must("preview", "--expect-no-changes")
    assert f"{len(recorded)} unchanged" in said


def test_a_state_is_recorded() -> None:
    """There is at least one, or the test above runs nothing."""
    assert releases()
