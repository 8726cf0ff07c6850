"""What a change of the version needs, what is refused, the notes and the check, against a scripted cluster."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest
from pulumi_stateful_service import RefusedError
from pulumi_stateful_service.foundation.image_versions import Version
from pulumi_stateful_service.foundation.outputs import UNKNOWN
from pulumi_stateful_service.live.after.application_versions import NotingCluster, check_version, note_versions
from pulumi_stateful_service.live.before.application_versions import version_work
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.preflight import rendering_warnings
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.errors import ClusterError, PodError
from pulumi_stateful_service.live.state.application_versions import (
    VersionCommand,
    VersionPlan,
    VersionWork,
    WantedVersion,
)

NOTE = "pulumi-stateful-service/data-version"
PLAN = VersionPlan(before=VersionCommand(["may", "{pod}", "{image}"], 7))


def stateful_set(image: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "db", "namespace": "prod"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"spec": {"containers": [{"name": "app", "image": image}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        },
    }


def change(image: Any, plan: VersionPlan | None = PLAN) -> Change:
    of = stateful_set(image)
    made = Change("P", ["ours"], "prod", of, {}, None, recreate_keeping_pods=False, adopt=False, autoscaled=False)
    return replace(made, version=plan)


def claim(ordinal: int, version: str) -> dict[str, Any]:
    return {"metadata": {"name": f"data-db-{ordinal}", "annotations": {NOTE: version}}}


def pod(ordinal: int, image: str, *, ready: bool = True) -> dict[str, Any]:
    return {
        "metadata": {"name": f"db-{ordinal}", "uid": f"u{ordinal}{image}", "namespace": "prod"},
        "spec": {
            "containers": [{"name": "app", "image": image}],
            "volumes": [{"persistentVolumeClaim": {"claimName": f"data-db-{ordinal}"}}],
        },
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "app", "state": {"running": {}}}],
        },
    }


class Cluster:
    """A cluster with these Pods and claims; what is noted on claims is kept."""

    default_namespace = "prod"
    description = ""

    def __init__(self, pods: Any = (), claims: Any = (), answer: Any = (0, "")) -> None:
        self.pods, self.claims, self.answer = list(pods), list(claims), answer
        self.notes: list[tuple[str, str]] = []
        self.ran: list[Any] = []
        self._api = self

    async def list(self, kind: str, namespace: str, *, labels: Any) -> Any:
        assert (kind, namespace, labels) == ("Pod", "prod", {"app": "db"})
        return [{**each, "metadata": {**each["metadata"], "ownerReferences": [{"uid": "set"}]}} for each in self.pods]

    async def list_pods(self, _: Any) -> Any:
        return self.pods

    async def list_set_claims(self, namespace: str, names: Any, labels: Any) -> Any:
        assert (namespace, labels) == ("prod", {"app": "db"})
        assert names == {"data-db-0", "data-db-1"}
        return self.claims

    async def list_claims(self, _: str, names: Any, __: Any) -> Any:
        return [each for each in self.claims if each["metadata"]["name"] in names]

    async def patch(self, kind: str, _: str, name: str, patch: Any, *, action: Action, field_manager: str) -> None:
        action.require("patch", kind)
        assert (action, field_manager) == (Action.NOTE_DATA_VERSION, "pulumi-stateful-service.db")
        if not any(each["metadata"]["name"] == name for each in self.claims):
            raise ClusterError("no such claim", status=404)
        self.notes.append((name, patch["metadata"]["annotations"][NOTE]))

    async def run_in_pod(self, *asked: Any, action: Action) -> Any:
        self.ran.append((*asked, action))
        if isinstance(self.answer, ClusterError):
            raise self.answer
        return self.answer


LIVE = stateful_set("db:16")
PODS = [pod(1, "db:16"), pod(0, "db:16")]
CLAIMS = [claim(0, "16"), claim(1, "16")]


def work(asked: Change, pods: Any = PODS, claims: Any = CLAIMS, live: Any = LIVE, replaced: Any = ()) -> Any:
    cluster = cast("Any", Cluster(pods, claims))
    return asyncio.run(version_work(cluster, asked, live, claims if live else (), replaced))


def test_nothing_is_asked_for() -> None:
    """Without the argument, and while the image is not known."""
    assert work(change("db:17", None)) is None
    assert work(change(UNKNOWN)) is None


def test_a_downgrade_is_refused_with_the_ways_out() -> None:
    """By notes alone too, of a StatefulSet that is created again; not by the user's word, nor for replaced claims."""
    newer = [claim(0, "16"), claim(1, "17.1")]
    with pytest.raises(RefusedError, match=r"data that 17\.1 has used \(data-db-1\).*downgrade='Allow'") as refused:
        work(change("db:16"), [], newer, live=None)
    assert "application-versions.md" in str(refused.value)
    assert work(change("db:16", VersionPlan(allows_downgrade=True)), [], newer, live=None) is not None
    assert work(change("db:16"), [], newer, replaced={"data-db-1"}) is not None


def test_a_skipped_major_is_refused() -> None:
    why = r"of version 16 \(data-db-0, data-db-1\), 18\.1 of image is 2 majors later, and version.max_majors is 1"
    with pytest.raises(RefusedError, match=why):
        work(change("db:18.1"))


def test_an_image_without_a_version_is_not_judged_and_that_is_said() -> None:
    """Its check runs all the same."""
    made = work(change("db:latest"), claims=[claim(0, "99")])
    assert made.lines[0].startswith("image 'db:latest' does not tell its version, so neither a downgrade")
    assert made.lines[1:] == ["before this change version.before runs in db-0"]


class TestCheck:
    """The command before the first Pod is replaced."""

    def test_where_it_runs(self) -> None:
        """In the first instance that is ready; no more where one has the image already, or none exists."""
        assert work(change("db:17")).checked_in is PODS[1]
        assert work(change("db:17"), [PODS[0], pod(0, "db:16", ready=False)]).checked_in is PODS[0]
        assert work(change("db:17"), [PODS[0], pod(0, "db:17")]).checked_in is None
        assert work(change("db:16")).checked_in is None
        assert work(change("db:17"), []).checked_in is None
        assert work(change("db:17", VersionPlan())).lines == []

    def test_none_is_ready(self) -> None:
        with pytest.raises(RefusedError, match=r"version.before cannot run, because no instance is ready"):
            work(change("db:17"), [pod(0, "db:16", ready=False)])

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            ((3, "fix this first\n"), "exit status 3: fix this first"),
            ((3, ""), r"exit status 3\. The change"),
            (PodError("no answer within 7 s"), "no answer within 7 s"),
        ],
    )
    def test_it_fails(self, answer: Any, why: str) -> None:
        with pytest.raises(RefusedError, match=rf"version.before did not pass in db-1: {why}"):
            self.run(Cluster(answer=answer))

    def test_it_passes(self) -> None:
        cluster = Cluster()
        self.run(cluster)
        assert cluster.ran == [("prod", "db-1", "app", ["may", "db-1", "db:17"], 7, Action.CHECK_VERSION)]

    def run(self, cluster: Cluster) -> None:
        made = VersionWork(WantedVersion(PLAN, "db:17"), checked_in=PODS[0])
        asyncio.run(check_version(cast("Any", cluster), "P", made))


class TestNoting:
    """What is written to claims while the Pods are followed."""

    def test_a_look_at_the_pods_notes_what_runs_once(self) -> None:
        cluster = Cluster([pod(0, "db:17"), pod(1, "db:16")], CLAIMS)
        noting = self.noting(cluster)
        live = {**LIVE, "metadata": {**LIVE["metadata"], "uid": "set"}}
        for _ in range(2):
            assert len(asyncio.run(noting.list_pods(live))) == len(cluster.pods)
        assert cluster.notes == [("data-db-0", "17")]
        cluster.pods[1] = pod(1, "db:17")
        asyncio.run(noting.list_pods(live))
        assert cluster.notes[1:] == [("data-db-1", "17")]

    def noting(self, cluster: Cluster) -> NotingCluster:
        noting = NotingCluster(cast("Any", cluster), WantedVersion(PLAN, "db:17"))
        for name in ("list", "list_claims", "patch"):
            setattr(noting, name, getattr(cluster, name))
        return noting

    def test_a_claim_that_is_gone_needs_no_note(self) -> None:
        cluster = Cluster(claims=[claim(1, "16")])
        notes = {"data-db-0": Version((17,)), "data-db-1": Version((17,))}
        asyncio.run(note_versions(cast("Any", cluster), LIVE, notes))
        assert cluster.notes == [("data-db-1", "17")]


def test_rendered_manifests_compare_nothing() -> None:
    assert "version has no effect in rendered manifests" in rendering_warnings(change("db:17"))[0]
