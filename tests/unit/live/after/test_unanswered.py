"""What is not answered: asked again within a bound, and never taken for a failure, in steps, members and leaders."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from instances import NEW, OLD, a_pod, a_set, partition
from pulumi_stateful_service import RolloutError
from pulumi_stateful_service.live.after import eviction, leader_last, members, rollout_wait, steps
from pulumi_stateful_service.live.after import target as target_module
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError, PodError
from pulumi_stateful_service.live.instance_checks import HttpCheck
from pulumi_stateful_service.live.rollout_plan import LeaderCheck, RolloutCheck, RolloutPlan, first_partition
from pulumi_stateful_service.live.state.member_changes import MemberCommand, MemberPlan

TARGET: Any = target_module.RolloutTarget(
    prefix="StatefulService 'rg'",
    namespace="default",
    name="rg",
    uid="the-set",
    generation=1,
    claims={},
    claim_labels={},
    max_unavailable=None,
    rollout_timeout_seconds=5,
    growth_timeout_seconds=5,
)
AWAY = ClusterError("the connection broke", transient=True)
FAILED: tuple[int, bytes] = (503, b"not yet")
PASSED: tuple[int, bytes] = (200, b"ok")
RESOURCE: Any = None


class Cluster:
    """Two instances and their set; requests to instances are answered in turn, and then as the last one."""

    users = 1

    def __init__(self, answers: Iterable[Any], *, held_back: int = 1, seconds_ready: float = 100) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.evicted: list[str] = []
        self.partitions: list[int] = []
        self.partition = held_back
        self.revisions = [NEW if ordinal >= held_back else OLD for ordinal in (0, 1)]
        self.ready_since = datetime.now(UTC) - timedelta(seconds=seconds_ready)
        self.clock = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock

    @property
    def set(self) -> dict[str, Any]:
        live: dict[str, Any] = a_set(
            replicas=2, strategy=partition(self.partition), updatedReplicas=self.revisions.count(NEW)
        )
        if not self.partition:
            live["status"]["currentRevision"] = NEW
        live["metadata"] |= {"namespace": "default", "uid": "the-set"}
        return live

    async def get_stateful_set(self, *_: object) -> dict[str, Any]:
        return self.set

    async def list_pods(self, *_: object) -> list[dict[str, Any]]:
        pods = [a_pod(ordinal, revision) for ordinal, revision in enumerate(self.revisions)]
        for pod in pods:
            pod["status"]["conditions"][1]["lastTransitionTime"] = self.ready_since.isoformat()
            pod["metadata"]["namespace"] = "default"
        return pods

    async def list_warning_events(self, *_: object) -> list[dict[str, Any]]:
        return []

    async def patch_stateful_set(self, _: object, *, spec: dict[str, Any], **__: Any) -> dict[str, Any]:
        self.partition = spec["updateStrategy"]["rollingUpdate"]["partition"]
        self.partitions.append(self.partition)
        self.revisions = [NEW if ordinal >= self.partition else each for ordinal, each in enumerate(self.revisions)]
        return self.set

    async def evict_pod(self, _: str, name: str, __: str, **___: Any) -> bool:
        self.evicted.append(name)
        self.revisions[int(name[-1])] = OLD
        return True

    async def get_from_pod(self, _: str, pod: str, *__: Any) -> Any:
        return self.answer(pod)

    async def run_in_pod(self, _: str, pod: str, *__: Any, **___: Any) -> Any:
        return self.answer(pod)

    def answer(self, pod: str) -> Any:
        self.asked.append(pod)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (steps, "_PAUSE"),
        (steps, "_SHORTEST_PAUSE"),
        (leader_last, "_PAUSE"),
        (leader_last, "_UNANSWERED_PAUSE"),
        (members, "_PAUSE"),
        (eviction, "_PAUSE"),
        (target_module, "_MAX_PAUSE"),
    ):
        monkeypatch.setattr(module, name, 0.01)


CHECK = RolloutCheck("answers", HttpCheck(80), period_seconds=1, failure_threshold=2)
PLAN = RolloutPlan([1], checks=[CHECK], rolls_back=True)


def roll_out(cluster: Any, plan: RolloutPlan = PLAN, seconds: float = 5) -> None:
    target: Any = replace(TARGET, rollout_timeout_seconds=seconds)
    asyncio.run(steps.roll_out_in_steps(cluster, target, plan, RESOURCE))


class TestSteps:
    @pytest.mark.parametrize("answers", [[AWAY] * 5 + [PASSED], [AWAY, FAILED, AWAY, AWAY, PASSED]])
    def test_only_answers_count_against_the_threshold(self, answers: list[Any]) -> None:
        """However often the API server is away between them."""
        cluster = Cluster(answers)
        roll_out(cluster)
        assert cluster.partitions == [0]
        assert cluster.evicted == []

    @pytest.mark.parametrize("answers", [[FAILED], [AWAY, FAILED, AWAY, FAILED], [PodError("no answer within 1 s")]])
    def test_failures_in_a_row_roll_back(self, answers: list[Any]) -> None:
        """What was not answered in between is none, and ends no row."""
        cluster = Cluster(answers)
        with pytest.raises(RolloutError, match=r"check answers of rg-1 failed: .*\n.*rolled back"):
            roll_out(cluster)
        assert (cluster.partitions, cluster.revisions) == ([2], [OLD, OLD])
        assert cluster.evicted == ["rg-1"]

    def test_what_was_rolled_back_begins_again(self) -> None:
        """With the first step, as if it had never begun."""
        cluster = Cluster([FAILED])
        for _ in range(2):
            with pytest.raises(RolloutError, match="rolled back"):
                roll_out(cluster)
        assert (cluster.partitions, cluster.revisions) == ([2, 1, 2], [OLD, OLD])
        assert cluster.evicted == ["rg-1", "rg-1"]

    def test_what_stays_unanswered_stops_and_rolls_nothing_back(self) -> None:
        """A healthy version is not rolled back for a cluster that is away."""
        cluster = Cluster([AWAY])
        with pytest.raises(RolloutError) as caught:
            roll_out(cluster, seconds=0.1)
        said = str(caught.value)
        assert (
            "check answers of rg-1 was not answered within rollout_timeout_seconds (0.1): the connection broke" in said
        )
        assert "nothing is rolled back" in said
        assert "continues with this step" in said
        assert (cluster.partitions, cluster.evicted) == ([], [])

    def test_a_cluster_that_is_away_while_instances_start_rolls_nothing_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whether the instances became ready is not known."""
        cluster = Cluster([PASSED])

        async def unready(*_: object, **__: object) -> None:
            cluster.get_stateful_set = away  # type: ignore[method-assign]
            raise AWAY

        async def away(*_: object) -> dict[str, Any]:
            raise AWAY

        monkeypatch.setattr(rollout_wait, "read_rollout", unready)
        with pytest.raises(RolloutError, match=r"nothing is rolled back:\n.*the Kubernetes API does not answer"):
            roll_out(cluster, seconds=0.1)
        assert (cluster.partitions, cluster.evicted) == ([], [])

    def test_a_missing_right_ends_it_at_once(self) -> None:
        """And rolls nothing back."""
        cluster = Cluster([ForbiddenError("no right")])
        with pytest.raises(ForbiddenError):
            roll_out(cluster)
        assert (len(cluster.asked), cluster.partitions) == (1, [])

    @pytest.mark.parametrize("minutes", [-5, 5])
    def test_bake_time_is_by_the_clock_of_the_cluster(self, minutes: float) -> None:
        """Whether this machine's is ahead or behind: ready for 100 s there is ready for 100 s."""
        cluster: Any = Cluster([PASSED], seconds_ready=100 + 60 * minutes)
        cluster.clock = timedelta(minutes=-minutes)
        step = steps._Step(cluster, TARGET, PLAN, RESOURCE, "step", 160)
        pods = asyncio.run(cluster.list_pods())
        assert step._remaining(pods) == pytest.approx(60, abs=5)


class TestFirstPartition:
    """How many instances keep their version when a rollout begins."""

    @pytest.mark.parametrize(
        ("pods", "steps", "expected"),
        [
            ([True, True, True], [1], 3),
            ([False], [1], 0),
            ([], [1], 0),
            ([False, False, False], [1], 0),
            ([True, True, False], [1], 2),
            ([True, False, False], [1], 2),
            ([True, False, False], [2], 1),
            ([True, False, True], [2], 3),
            ([False, True, True], [1], 3),
        ],
    )
    def test_all_that_serve_are_held_back(self, pods: list[bool], steps: list[int], expected: int) -> None:
        """None where none does; those of the first step that never did are not waited for."""
        live = a_set(replicas=3)
        found = [a_pod(ordinal, ready=serves, was_ready=serves) for ordinal, serves in enumerate(pods)]
        assert first_partition(RolloutPlan(steps), live, found, 3) == expected

    def test_an_instance_that_was_ready_may_be_again(self) -> None:
        """A restart at the wrong moment lets no step be skipped; one that crashes again and again is broken."""
        live = a_set(replicas=1)
        assert first_partition(RolloutPlan([1]), live, [a_pod(0, ready=False)], 1) == 1
        crashing: dict[str, Any] = {
            "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
        }
        assert first_partition(RolloutPlan([1]), live, [a_pod(0, ready=False, **crashing)], 1) == 0
        assert first_partition(RolloutPlan([1]), live, [], 0) == 0

    def test_nothing_is_rolled_back_to_a_version_that_never_ran(self) -> None:
        """The second version does not start either: it is not replaced by the first."""
        cluster = Cluster([PASSED], held_back=2)

        revisions = [NEW, OLD]

        async def broken(*_: object) -> list[dict[str, Any]]:
            revision = revisions.pop() if len(revisions) > 1 else NEW
            return [a_pod(0, revision, ready=False, was_ready=False)]

        cluster.list_pods = broken  # type: ignore[method-assign]
        cluster.partition = 0
        live = cluster.set
        live["status"]["currentRevision"] = OLD

        async def get(*_: object) -> dict[str, Any]:
            return live

        cluster.get_stateful_set = get  # type: ignore[method-assign]
        with pytest.raises(RolloutError, match="since none was ready with the previous one"):
            roll_out(cluster, seconds=0.1)
        assert cluster.evicted == []


class TestMembers:
    @staticmethod
    def _join(cluster: Any, seconds: int = 1, away: float = 5) -> None:
        command = MemberCommand(["join"], timeout_seconds=seconds, runs_in_instance=True)
        plan = MemberPlan(2, "rg", "cluster.local", join=command)
        target: Any = replace(TARGET, rollout_timeout_seconds=away)

        async def roll_out() -> Any:
            raise AssertionError

        asyncio.run(members.Members(cluster, target, plan, RESOURCE, roll_out).join(1))

    def test_the_time_does_not_count_in_which_the_cluster_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A command has its time when it is run."""
        monkeypatch.setattr(members, "_PAUSE", 0.3)
        cluster = Cluster([AWAY] * 5 + [(0, "")])
        self._join(cluster)
        assert len(cluster.asked) == 6

    def test_what_stays_unanswered_is_said(self) -> None:
        """It is no failure of the command."""
        with pytest.raises(
            RolloutError, match=r"join of rg-1 was not answered within 1 s: the connection broke\. It has"
        ):
            self._join(Cluster([AWAY]), away=0.1)

    @pytest.mark.parametrize(
        ("answer", "said"),
        [((3, "no \x1b[31mquorum"), "exit status 3 in rg-1: no quorum"), (PodError("no answer"), "no answer")],
    )
    def test_a_failure_is_said(self, answer: Any, said: str) -> None:
        """With what the command printed."""
        with pytest.raises(RolloutError, match=rf"did not succeed within 1 s: {said}\."):
            self._join(Cluster([answer]))


class TestLeaders:
    CHECK = LeaderCheck(HttpCheck(80, contains="leads"), hand_over=["step-down"])
    LEADS, FOLLOWS = (200, b"it leads"), (404, b"")

    def _asked(self, function: str, cluster: Any, seconds: float = 5) -> Any:
        target: Any = replace(TARGET, rollout_timeout_seconds=seconds)
        more = [RESOURCE] if function == "_hand_over" else []
        return asyncio.run(getattr(leader_last, function)(cluster, target, self.CHECK, a_pod(1), *more))

    @pytest.mark.parametrize(("answer", "leads"), [(LEADS, True), (FOLLOWS, False), (PodError("refused"), False)])
    def test_who_leads_is_asked_until_it_is_answered(self, answer: Any, leads: bool) -> None:
        """A leader that could not be asked is no follower."""
        cluster = Cluster([AWAY, AWAY, answer])
        assert self._asked("_leads", cluster) is leads
        assert len(cluster.asked) == 3

    def test_nothing_is_replaced_where_it_is_not_known(self) -> None:
        """The next up asks again."""
        cluster: Any = Cluster([AWAY], held_back=2)
        target: Any = replace(TARGET, rollout_timeout_seconds=0.1)
        with pytest.raises(RolloutError, match="so whether rg-1 leads is not known: the connection broke"):
            asyncio.run(leader_last.update_leader_last(cluster, target, self.CHECK, RESOURCE))
        assert cluster.evicted == []

    @pytest.mark.parametrize(
        ("answers", "asked"),
        [
            ([(0, ""), FOLLOWS], 2),
            ([AWAY, FOLLOWS, FOLLOWS], 3),
            ([AWAY, LEADS, (0, ""), FOLLOWS], 4),
            ([AWAY, AWAY, (0, ""), LEADS, FOLLOWS], 5),
        ],
    )
    def test_a_command_whose_end_is_not_known_may_have_succeeded(self, answers: list[Any], asked: int) -> None:
        """So the leader is identified again, and it is run again where that is still the same."""
        cluster = Cluster(answers)
        self._asked("_hand_over", cluster)
        assert len(cluster.asked) == asked

    def test_a_command_that_fails_is_said(self) -> None:
        """In one line."""
        with pytest.raises(RolloutError, match="hand_over failed in rg-1 with exit status 1: no"):
            self._asked("_hand_over", Cluster([(1, "\x1b[2Jno\n")]))


class TestEviction:
    def test_a_cluster_that_is_away_is_asked_again(self) -> None:
        """Within the time that there is."""
        cluster: Any = Cluster([PASSED])
        left = [AWAY, AWAY]
        evict = cluster.evict_pod

        async def evict_pod(*args: Any, **options: Any) -> bool:
            if left:
                raise left.pop()
            return bool(await evict(*args, **options))

        cluster.evict_pod = evict_pod
        action = Action.EVICT_POD_IN_TURN
        asyncio.run(eviction.evict_when_allowed(cluster, {}, "rg-1", "it", 5, action=action))
        assert cluster.evicted == ["rg-1"]
        left[:] = [AWAY] * 10**4
        with pytest.raises(RolloutError, match="the Kubernetes API does not answer: the connection broke"):
            asyncio.run(eviction.evict_when_allowed(cluster, {}, "rg-0", "it", 0.05, action=action))
