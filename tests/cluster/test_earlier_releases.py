"""States of earlier releases: the newest component finds nothing to change."""

import json
from pathlib import Path

import pytest
from earlier_releases import STATE, releases, rendering_project


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.name)
def test_p16_a_state_of_an_earlier_release_needs_no_change(release: Path, env: dict[str, str], tmp_path: Path) -> None:
    """A program with every argument of that release, unchanged."""
    project = rendering_project(tmp_path, env, release)
    project.must("stack", "import", "--file", str(release / STATE))
    recorded = json.loads((release / STATE).read_text())["deployment"]["resources"]
    said = project.must("preview", "--expect-no-changes")
    assert f"{len(recorded)} unchanged" in said


def test_a_state_is_recorded() -> None:
    """At least one, so that the test above runs."""
    assert releases()
