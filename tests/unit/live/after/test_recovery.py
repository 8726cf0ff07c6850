"""One instance is told to start first, and never two: whenever ``up`` is killed, and whatever instances say."""

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest
from pulumi_stateful_service import RefusedError, RolloutError
from pulumi_stateful_service.live.after import recovery as module
from pulumi_stateful_service.live.after import target as target_module
from pulumi_stateful_service.live.after.recovery import note_nothing_to_recover, note_recovered, recover
from pulumi_stateful_service.live.after.target import RolloutTarget
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.before.recovery import is_new, is_to_be_recovered, recovery_line
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError, PodError
from pulumi_stateful_service.live.client.exec import Ended
from pulumi_stateful_service.live.state.claim_changes import DesiredClaim
from pulumi_stateful_service.live.state.recovery import (
    RecoveryPlan,
    highest,
    latest_note,
    number_in,
    recovery_plan,
)

NOTE = "pulumi-stateful-service/recovery"
PLAN = RecoveryPlan("first", ["start", "{pod}"], "svc", "cluster.local", compare=["position", "{ordinal}", "{address}"])
START = datetime(2026, 11, 30, 1, tzinfo=UTC)
ALL_NOTED = ["data-rg-0", "data-rg-1", "data-rg-2", "svc"]


class KilledError(BaseException):
    """Nothing more of this ``up`` happens."""


class ScriptedCluster:
    """Three instances that wait, their claims and Service; dies before a request of a certain number."""

    users, default_namespace = 1, "db"

    def __init__(self, policy: str = "Parallel") -> None:
        self.policy = policy
        self.answers: dict[int, Any] = {0: "7\n", 1: "12", 2: " 12 "}
        """What each instance prints, or how asking it fails."""
        self.notes: dict[str, str] = {}
        self.told: list[int] = []
        self.ready: set[int] = set()
        self.gone: set[int] = set()
        self.fails: list[Any] = []
        """What comes of the next runs of the command instead of success."""
        self.state: Any = {"name": "app", "state": {"running": {}}}
        """Of each container."""
        self.misses = 0
        """How many commands come while it does not run."""
        self.starts = True
        """Whether an instance that is told becomes ready, and the others after it."""
        self.exists = True
        self.asked: list[list[str]] = []
        self.requests, self.dies_at, self.seconds = 0, 10**9, 0.0

    def now(self) -> datetime:
        self.seconds += 1
        return START + timedelta(seconds=self.seconds)

    def _request(self) -> None:
        self.requests += 1
        if self.requests >= self.dies_at:
            raise KilledError

    def _miss(self) -> None:
        self.misses -= 1
        if self.misses >= 0:
            raise PodError("container not found")

    @property
    def stateful_set(self) -> Any:
        spec = {
            "replicas": 3,
            "podManagementPolicy": self.policy,
            "selector": {"matchLabels": {}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        }
        return {"metadata": {"name": "rg", "namespace": "db", "uid": "1", "generation": 1}, "spec": spec}

    async def get_stateful_set(self, *_: str) -> Any:
        return self.stateful_set

    async def list_pods(self, _: Any) -> Any:
        return [pod(each, self.state, ready=each in self.ready) for each in range(3) if each not in self.gone]

    async def get_service(self, *_: str) -> Any:
        return {"metadata": {"annotations": {NOTE: self.notes["svc"]} if "svc" in self.notes else None}}

    async def list_set_claims(self, _: str, names: Any, __: Any) -> Any:
        if not self.exists:
            return []
        return [{"metadata": {"name": name, "annotations": {NOTE: self.notes.get(name)}}} for name in sorted(names)]

    async def patch(self, kind: str, _: str, name: str, patch: Any, *, action: Action, field_manager: str) -> None:
        action.require("patch", kind)
        assert field_manager == "pulumi-stateful-service.rg"
        self._request()
        self.notes[name] = patch["metadata"]["annotations"][NOTE]

    async def ended_in_pod(self, *asked: Any, action: Action) -> Ended:
        assert action is Action.COMPARE_INSTANCES
        self._request()
        self.asked.append(asked[3])
        self._miss()
        answer = self.answers[int(asked[1].removeprefix("rg-"))]
        if isinstance(answer, ClusterError):
            raise answer
        return Ended(3, "not now", "") if answer is None else Ended(0, answer, answer)

    async def run_in_pod(self, *asked: Any, action: Action) -> tuple[int, str]:
        assert action is Action.RECOVER_FROM
        assert asked[3] == ["start", asked[1]]
        self._request()
        self._miss()
        result = self.fails.pop(0) if self.fails else 0
        if isinstance(result, ClusterError):
            raise result
        if result == 0:
            self.told.append(int(asked[1].removeprefix("rg-")))
            self.ready = {0, 1, 2} if self.starts else set()
        return result, "said"


def pod(ordinal: int, state: Any, *, ready: bool = False) -> Any:
    status = {
        "phase": "Running",
        "containerStatuses": [state],
        "conditions": [{"type": "Ready", "status": str(ready)}],
    }
    metadata = {"name": f"rg-{ordinal}", "namespace": "db", "uid": str(ordinal)}
    return {"metadata": metadata, "spec": {}, "status": status}


def target() -> RolloutTarget:
    return RolloutTarget("P", "db", "rg", "1", 1, {"data": DesiredClaim("1Gi")}, {}, None, 60, 60)


def up(cluster: ScriptedCluster, plan: RecoveryPlan = PLAN, wait_for: str = "Ready") -> None:
    """One ``up``, which may be killed."""
    wanted = replace(target(), wait_for=wait_for)
    asyncio.run(recover(cast("Any", cluster), wanted, plan, cast("Any", None)))
    asyncio.run(note_recovered(cast("Any", cluster), wanted, plan))


def change(cluster: ScriptedCluster, plan: RecoveryPlan = PLAN) -> Change:
    return Change("P", [], "db", cluster.stateful_set, {}, None, False, False, False, recovery=plan)


def line(cluster: ScriptedCluster, plan: RecoveryPlan = PLAN, *, asks: bool = True, exists: bool = True) -> str:
    """What is said before the change, by its claims as they are."""
    found: Any = cluster
    claims = asyncio.run(cluster.list_set_claims("", ["data-rg-0", "data-rg-1", "data-rg-2"], {}))
    live = cluster.stateful_set if exists else None
    return asyncio.run(recovery_line(found, live, claims if exists else [], change(cluster, plan), asks=asks))


def is_due(cluster: ScriptedCluster, plan: RecoveryPlan = PLAN) -> bool:
    found: Any = cluster
    claims = asyncio.run(cluster.list_set_claims("", ["data-rg-0", "data-rg-1", "data-rg-2"], {}))
    return asyncio.run(is_to_be_recovered(found, cluster.stateful_set, claims, change(cluster, plan)))


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said; time passes by the attempts alone."""
    lines: list[str] = []

    async def nothing(*_: Any) -> None:
        pass

    monkeypatch.setattr(pulumi.log, "info", lambda text, *_, **__: lines.append(text))
    monkeypatch.setattr(module, "pause", nothing)
    monkeypatch.setattr(module, "_PAUSE", 0)
    monotonic = itertools.count(step=2)
    for each in (module, target_module):
        monkeypatch.setattr(each, "time", SimpleNamespace(monotonic=lambda: next(monotonic)))
    return lines


def test_the_highest_number_is_told_once(said: list[str]) -> None:
    """Of two the lower ordinal; noted everywhere; and not again, also after the set, the state and the Service."""
    cluster = ScriptedCluster()
    assert is_due(cluster)
    for _ in range(3):
        up(cluster)
    assert cluster.told == [1]
    assert ["position", "2", "rg-2.svc.db.svc.cluster.local"] in cluster.asked
    assert "runs in rg-1, which has the highest number (rg-0: 7, rg-1: 12, rg-2: 12)" in said[0]
    assert sorted(cluster.notes) == ALL_NOTED
    assert not is_due(cluster)
    del cluster.notes["svc"]
    cluster.ready = set()
    up(cluster)
    assert cluster.told == [1]
    # Another request is another recovery; the first one is over.
    cluster.answers[2] = "13"
    assert is_due(cluster, replace(PLAN, request="second"))
    up(cluster, replace(PLAN, request="second"))
    assert cluster.told == [1, 2]


def test_a_kill_before_any_request_is_continued_in_the_same_instance() -> None:
    """Though another has the highest number by then; the command runs again only where nobody knows of the first."""
    whole = ScriptedCluster()
    up(whole)
    repeated = []
    for moment, starts in itertools.product(range(1, whole.requests + 1), (True, False)):
        cluster = ScriptedCluster()
        cluster.dies_at, cluster.starts = moment, starts
        with pytest.raises(KilledError):
            up(cluster) if starts else killed_while_waiting(cluster)
        begun = "svc" in cluster.notes
        cluster.dies_at, cluster.answers[2], cluster.starts = 10**9, "99", True
        if cluster.told and not cluster.ready and "told" in cluster.notes["svc"]:
            cluster.ready = {1}  # it has been told, and comes up
        up(cluster)
        assert len(set(cluster.told)) == 1
        assert cluster.told[0] == (1 if begun else 2)
        assert sorted(cluster.notes) == ALL_NOTED
        assert len({note.split(" ")[0] for note in cluster.notes.values()}) == 1
        repeated += [moment] * (len(cluster.told) - 1)
    assert len(repeated) <= 1


def killed_while_waiting(cluster: ScriptedCluster) -> None:
    """An ``up`` that is killed at a request, or after all of them."""
    try:
        up(cluster)
    except RolloutError:
        raise KilledError from None


def test_nothing_starts_beside_instances_that_are_ready() -> None:
    """Before it is begun it is refused; where it was begun, it is done; by the user's word it is done all the same."""
    cluster = ScriptedCluster()
    cluster.ready = {2}
    with pytest.raises(RefusedError, match="of which no instance is ready, and rg-2 is: one that starts"):
        line(cluster)
    with pytest.raises(RolloutError, match=r"and rg-2 is: .*The command was not run"):
        up(cluster)
    assert cluster.notes == {}
    assert "runs in rg-1" in line(cluster, replace(PLAN, despite_ready=True))
    up(cluster, replace(PLAN, despite_ready=True))
    assert cluster.told == [1]

    begun = ScriptedCluster()
    begun.notes["svc"] = "begun 2026-11-30T00:00:00Z first 0"
    assert line(begun) == "recover 'first' was begun in rg-0, and goes on there"
    begun.ready = {1}
    assert line(begun) == ""
    up(begun)
    assert (begun.told, sorted(begun.notes)) == ([], ALL_NOTED)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "exit status 3: not now"),
        (PodError("container not found"), "container not found"),
        ("\x1b[2Jrm -rf\n", "it printed 'rm -rf', which is no whole number of at most 20 digits"),
        ("1" * 21, "it printed '111111111111111111111', which"),
        ("1 2", "it printed '1 2', which"),
        ("٣", "it printed '٣', which"),
    ],
)
def test_an_instance_that_tells_no_number_lets_none_be_chosen(answer: Any, why: str) -> None:
    """The preview says so and goes on; it is asked again, and is left out only by the user's word."""
    cluster = ScriptedCluster()
    cluster.answers[0] = answer
    assert f"until each instance tells its number; now rg-0: {why}" in line(cluster)
    with pytest.raises(RolloutError, match="has chosen no instance: within rollout_timeout_seconds"):
        up(cluster)
    assert (cluster.told, cluster.notes) == ([], {})
    up(cluster, replace(PLAN, compared=[1, 2]))
    assert cluster.told == [1]


def test_a_preview_without_the_right_to_ask_says_so() -> None:
    """And ``up`` fails at once, with the right that it needs."""
    cluster = ScriptedCluster()
    cluster.answers[1] = ForbiddenError("no right to create pods/exec")
    assert line(cluster) == (
        "recover 'first' compares the instances in pulumi up, and not in this preview: no right to create pods/exec"
    )
    with pytest.raises(ForbiddenError, match="no right to create pods/exec"):
        up(cluster)


def test_a_command_that_fails_is_repeated_there() -> None:
    """In the same ``up`` and the next; an instance that was told and does not start is not told again."""
    cluster = ScriptedCluster()
    cluster.fails = [1, ClusterError("away"), 0]
    up(cluster)
    assert cluster.told == [1]

    failing = ScriptedCluster()
    failing.fails = [1] * 1000
    with pytest.raises(
        RolloutError, match=r"recover.command did not succeed in rg-1 .*: exit status 1: said\. The next"
    ):
        up(failing)
    with pytest.raises(RefusedError, match=r"was begun in rg-1, and recover\.ordinal is 0 now"):
        line(failing, replace(PLAN, ordinal=0))
    failing.fails, failing.answers[0] = [], "100"
    up(failing)
    assert failing.told == [1]

    stuck = ScriptedCluster()
    stuck.starts = False
    for _ in range(2):
        with pytest.raises(RolloutError, match=r"has succeeded in rg-1, which was not ready .*give recover.request an"):
            up(stuck)
    assert stuck.told == [1]
    up(stuck, wait_for="Running")
    assert (stuck.told, sorted(stuck.notes)) == ([1], ALL_NOTED)
    stuck.starts = True
    up(stuck, replace(PLAN, request="second", ordinal=0))
    assert stuck.told == [1, 0]


def test_a_named_instance_is_told_without_asking_any() -> None:
    """Also where others do not exist; one that there is not, or that does not come, is refused."""
    cluster = ScriptedCluster("OrderedReady")
    named = replace(PLAN, ordinal=2, compare=())
    assert line(cluster, named) == "recover 'first' runs in rg-2, as recover.ordinal says"
    cluster.gone = {1, 2}
    with pytest.raises(RefusedError, match="recover needs rg-2, which does not exist, and with pod_management_policy"):
        line(cluster, named)
    with pytest.raises(RefusedError, match="recover needs rg-1, rg-2, which do not exist"):
        line(cluster)
    assert "runs in rg-0" in line(cluster, replace(named, ordinal=0))
    cluster.policy = "Parallel"
    assert "now rg-1: it does not exist; rg-2: it does not exist" in line(cluster)
    assert line(cluster, asks=False) == ""
    with pytest.raises(RefusedError, match="recover names ordinal 7, and there is no such instance"):
        line(cluster, replace(named, ordinal=7))
    cluster.gone = set()
    up(cluster, named)
    assert (cluster.told, cluster.asked[3:]) == ([2], [])


def test_a_container_that_crashes_is_met_while_it_runs() -> None:
    """It is asked although it is not known to run; the reason is its state and not the failed attempt."""
    cluster = ScriptedCluster()
    crashing = {"waiting": {"reason": "CrashLoopBackOff"}}
    cluster.state = {"name": "app", "state": crashing, "restartCount": 3, "lastState": {"terminated": {"exitCode": 1}}}
    cluster.misses = 5
    assert "rg-1: container app: CrashLoopBackOff: exit code 1" in line(cluster)
    assert len(cluster.asked) == 3
    up(cluster)
    assert cluster.told == [1]
    cluster = ScriptedCluster()
    cluster.state = {"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}}
    assert "rg-1: running but not ready" in line(cluster)
    assert cluster.asked == []


def test_a_new_service_has_nothing_to_recover() -> None:
    """It is noted before its StatefulSet is made, so that a killed first ``up`` is not followed by a recovery."""
    cluster = ScriptedCluster()
    found: Any = cluster
    cluster.exists = False
    assert asyncio.run(is_new(found, None, change(cluster)))
    assert line(cluster, exists=False) == ""
    asyncio.run(note_nothing_to_recover(found, "db", "rg", PLAN))
    cluster.exists = True
    assert is_due(cluster)  # its claims have to be noted
    assert line(cluster) == ""
    up(cluster)
    assert (cluster.told, sorted(cluster.notes)) == ([], ALL_NOTED)
    assert not is_due(cluster)
    # On the claims that a service has left, another request is a recovery.
    assert not asyncio.run(is_new(found, None, change(cluster)))
    assert "now rg-0: it does not exist" in line(cluster, replace(PLAN, request="second"), exists=False)


def test_the_latest_note_counts() -> None:
    """Of claims that were away at the last recovery; what somebody has damaged is no note."""
    notes = ["done 2026-11-30T00:00:00Z old 1", "begun 2026-11-30T00:00:02Z new 2", "done 9999 x 1", "", None]
    objects = [{"metadata": {"annotations": {NOTE: note}}} for note in notes]
    note = latest_note(None, objects)
    assert note is not None
    assert (note.request, note.ordinal) == ("new", 2)
    assert latest_note({"metadata": {}}, objects[2:]) is None


def test_numbers() -> None:
    """Whole numbers of up to 20 digits, with white space around them."""
    assert [number_in(text) for text in (" -1\n", "+7", "18446744073709551615", "1.5", "", "0x10", "1_0")] == [
        *(-1, 7, 2**64 - 1),
        *[None] * 4,
    ]
    assert highest({0: -1, 2: 5, 1: 5}) == 1


def test_the_plan_of_the_argument() -> None:
    """With its comparison."""
    given = {"request": "a", "command": ["b"], "compare": {"command": ["c"], "ordinals": [1]}}
    assert recovery_plan(given, "svc", "d") == RecoveryPlan("a", ["b"], "svc", "d", compare=["c"], compared=[1])
    assert recovery_plan(None, "svc", "d") is None
