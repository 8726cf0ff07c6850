"""Which versions have used the data of each instance, and what another version is to them."""

from typing import Any

import pytest
from pulumi_stateful_service.foundation.image_versions import Version, parsed_tag
from pulumi_stateful_service.live.state.application_versions import (
    VersionCommand,
    VersionPlan,
    WantedVersion,
    data_of_instances,
    downgraded,
    has_run,
    lagging_notes,
    noted_version,
    skipping,
    version_plan,
)

NOTE = "pulumi-stateful-service/data-version"
RUNS: dict[str, Any] = {"state": {"running": {}}}


def stateful_set(replicas: int = 3) -> dict[str, Any]:
    templates = [{"metadata": {"name": volume}} for volume in ("data", "wal")]
    return {"metadata": {"name": "db"}, "spec": {"replicas": replicas, "volumeClaimTemplates": templates}}


def claim(ordinal: int, version: str = "", volume: str = "data") -> dict[str, Any]:
    return {"metadata": {"name": f"{volume}-db-{ordinal}", "annotations": {NOTE: version} if version else None}}


def pod(ordinal: int, image: str, container: Any = RUNS, *, ready: bool = True, init: Any = ()) -> dict[str, Any]:
    names = [f"data-db-{ordinal}", "shared"]
    return {
        "metadata": {"name": f"db-{ordinal}", "uid": f"u{ordinal}", "namespace": "prod"},
        "spec": {
            "containers": [{"name": "metrics", "image": "m"}, {"name": "app", "image": image}],
            "initContainers": [{"name": each["name"], "image": each.get("image", image)} for each in init],
            "volumes": [{"persistentVolumeClaim": {"claimName": name}} for name in names],
        },
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "app", **container}, {"name": "metrics", **RUNS}],
            "initContainerStatuses": list(init),
        },
    }


def version(text: str) -> Version:
    found = parsed_tag(text)
    assert found is not None
    return found


def wanted(image: str, **plan: Any) -> WantedVersion:
    return WantedVersion(VersionPlan(**plan), image)


def names(found: list[Any]) -> list[int]:
    return [each.ordinal for each in found]


@pytest.mark.parametrize(
    ("container", "ran"),
    [
        (RUNS, True),
        ({"state": {"waiting": {"reason": "ImagePullBackOff"}}}, False),
        ({"state": {"waiting": {}}, "lastState": {"terminated": {"reason": "Error", "exitCode": 1}}}, True),
        ({"state": {"terminated": {"reason": "Completed"}}}, True),
        ({"state": {"waiting": {}}, "lastState": {"terminated": {"reason": "StartError"}}}, False),
        ({}, False),
    ],
)
def test_a_version_has_run_when_its_process_has(container: Any, ran: bool) -> None:
    """Side-cars are not the application, and an image that cannot be pulled has used nothing."""
    assert has_run(pod(0, "db:16", container)) is ran


def test_an_init_container_of_the_same_image_uses_the_data_too() -> None:
    waiting: dict[str, Any] = {"state": {"waiting": {}}}
    assert has_run(pod(0, "db:16", waiting, init=[{"name": "migrate", **RUNS}]))
    assert not has_run(pod(0, "db:16", waiting, init=[{"name": "chown", "image": "tools", **RUNS}]))


class TestNotes:
    """What is noted on claims."""

    def test_it_rises_with_what_runs(self) -> None:
        """On the set's own claims; a note that tells less is made exact, and a damaged one written anew."""
        claims = [claim(0, "15.2"), claim(1), claim(2, "16"), claim(3, "?"), {"metadata": {"name": "shared"}}]
        pods = [pod(ordinal, "db:16.4") for ordinal in range(4)]
        notes = lagging_notes(stateful_set(), pods, claims, wanted("db:16.4"))
        assert {name: str(each) for name, each in notes.items()} == dict.fromkeys(
            ["data-db-0", "data-db-1", "data-db-2", "data-db-3"], "16.4"
        )
        assert noted_version(claim(3, "?")) is None

    @pytest.mark.parametrize(("plan", "ready", "falls"), [({}, True, False), ({"allows_downgrade": True}, True, True)])
    def test_it_falls_by_the_users_word(self, plan: Any, ready: bool, falls: bool) -> None:
        notes = lagging_notes(stateful_set(), [pod(0, "db:16", ready=ready)], [claim(0, "17")], wanted("db:16", **plan))
        assert bool(notes) is falls

    def test_it_falls_only_when_the_instance_is_ready(self) -> None:
        back = wanted("db:17", rolls_back=True)
        assert lagging_notes(stateful_set(), [pod(0, "db:16", ready=False)], [claim(0, "17")], back) == {}
        assert lagging_notes(stateful_set(), [pod(0, "db:16")], [claim(0, "17")], back) == {"data-db-0": version("16")}

    def test_what_is_not_known_is_not_noted(self) -> None:
        """A digest; the program's number is of its own image alone."""
        pods = [pod(0, "db@sha256:1"), pod(1, "db@sha256:2")]
        claims = [claim(0), claim(1)]
        assert lagging_notes(stateful_set(), pods, claims, wanted("db@sha256:2")) == {}
        told = wanted("db@sha256:2", number=version("17.1"))
        assert lagging_notes(stateful_set(), pods, claims, told) == {"data-db-1": version("17.1")}


class TestJudgement:
    """What another version is to the data."""

    def downgraded(self, claims: Any, pods: Any, image: str, replicas: int = 3) -> list[int]:
        desired, asked = stateful_set(replicas), wanted(image)
        assert asked.version is not None
        return names(downgraded(data_of_instances(desired, claims, pods, asked), desired, asked.version))

    def test_a_downgrade_by_notes_alone(self) -> None:
        """The latest of an instance's claims counts."""
        claims = [claim(0, "16.4"), claim(1, "16.4"), claim(1, "17.0", "wal"), claim(2)]
        assert self.downgraded(claims, [], "db:16.4") == [1]
        assert self.downgraded(claims, [], "db:16.3") == [0, 1]
        assert self.downgraded(claims, [], "db:17") == []

    def test_a_downgrade_by_what_runs(self) -> None:
        assert self.downgraded([claim(0)], [pod(0, "db:17.1")], "db:16") == [0]
        assert self.downgraded([claim(0)], [pod(0, "db:17.1", {"state": {"waiting": {}}})], "db:16") == []

    def test_what_runs_it_already_is_not_judged(self) -> None:
        """As after a rollout that was rolled back."""
        assert self.downgraded([claim(0, "17")], [pod(0, "db:16.4")], "db:16.4") == []
        assert self.downgraded([claim(0, "17")], [pod(0, "db:16.3")], "db:16.4") == []
        assert self.downgraded([claim(0, "17")], [pod(0, "db:16.5")], "db:16.4") == [0]

    def test_instances_that_were_scaled_away(self) -> None:
        """Those that are to be added, and all while none is to run."""
        claims = [claim(0, "16"), claim(2, "17")]
        assert self.downgraded(claims, [], "db:16", replicas=2) == []
        assert self.downgraded(claims, [], "db:16", replicas=3) == [2]
        assert self.downgraded(claims, [], "db:16", replicas=0) == [2]

    def test_claims_of_others_do_not_count(self) -> None:
        others = [{"metadata": {"name": name, "annotations": {NOTE: "17"}}} for name in ("shared", "data-db-x", "db-0")]
        assert self.downgraded(others, [], "db:16") == []

    @pytest.mark.parametrize(
        ("image", "plan", "found"),
        [
            ("db:17", {}, [0]),
            ("db:16", {}, []),
            ("db:17", {"max_majors": 2}, []),
            ("db:15.9", {"major_parts": 2}, [0]),
            ("db:15.5", {"major_parts": 2}, []),
        ],
    )
    def test_a_skipped_major(self, image: str, plan: Any, found: list[int]) -> None:
        asked, desired = wanted(image, **plan), stateful_set()
        assert asked.version is not None
        data = data_of_instances(desired, [claim(0, "15.4"), claim(1, "16.9"), claim(2)], [], asked)
        assert names(skipping(data[:1], desired, asked.version, asked.plan)) == found


def test_the_plan() -> None:
    """Of arguments whose values are known."""
    assert version_plan(None, None) is None
    assert version_plan({}, None) == VersionPlan()
    given = {"number": "16.4", "downgrade": "Allow", "max_majors": 2, "major_parts": 2, "before": {"command": ["a"]}}
    assert version_plan(given, {"on_failure": "RollBack"}) == VersionPlan(
        version("16.4"),
        allows_downgrade=True,
        max_majors=2,
        major_parts=2,
        before=VersionCommand(["a"]),
        rolls_back=True,
    )
    words = VersionCommand(["may", "{pod}", "{ordinal}", "{image}"]).words(pod(2, "db:1"), "db:2")
    assert words == ["may", "db-2", "2", "db:2"]
