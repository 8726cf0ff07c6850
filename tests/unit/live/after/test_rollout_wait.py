"""The wait in ``pulumi up``, against a scripted cluster: what a real one cannot be made to do on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pulumi
import pytest
from pulumi_stateful_service import RolloutError
from pulumi_stateful_service.documentation import TROUBLESHOOTING
from pulumi_stateful_service.live.after import follow_rollout, rollout_wait
from pulumi_stateful_service.live.after import target as target_module
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.state.claim_changes import DesiredClaim
from pulumi_stateful_service.live.state.rollout_status import BlockingPod, Rollout

TARGET = target_module.RolloutTarget(
    prefix="StatefulService 'rg'",
    namespace="default",
    name="rg",
    uid="the-set",
    generation=1,
    claims={"logs": DesiredClaim("20Mi")},
    claim_labels={},
    max_unavailable=None,
    rollout_timeout_seconds=1,
    growth_timeout_seconds=1,
)
SET = {
    "metadata": {"name": "rg", "namespace": "default", "uid": "the-set", "generation": 1},
    "spec": {"replicas": 1, "selector": {"matchLabels": {}}},
    "status": {
        "observedGeneration": 1,
        "replicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "currentRevision": "a",
        "updateRevision": "a",
    },
}
POD: dict[str, Any] = {
    "metadata": {"name": "rg-0", "uid": "the-pod", "labels": {"controller-revision-hash": "a"}},
    "spec": {"volumes": [{"name": "logs", "persistentVolumeClaim": {"claimName": "logs-rg-0"}}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


class ScriptedCluster:
    """A cluster that answers as the test says, and records the requests."""

    users = 1

    def __init__(
        self,
        uid: str = "the-set",
        failures: int = 0,
        reads_until_bound: int = 0,
        status: dict[str, Any] | None = None,
        events: dict[str, str] | ClusterError | None = None,
    ) -> None:
        self.requests: list[str] = []
        self.uid = uid
        self.failures = failures
        self.reads_until_bound = reads_until_bound
        self.size = "10Mi"
        self.pod = {**POD, "status": POD["status"] if status is None else status}
        self.events = events or {}

    async def get_stateful_set(self, *_: object) -> dict[str, Any]:
        self.requests.append("set")
        return {**SET, "metadata": {**SET["metadata"], "uid": self.uid}}

    async def list_pods(self, *_: object) -> list[dict[str, Any]]:
        self.requests.append("pods")
        return [self.pod]

    async def list_warning_events(self, *_: object) -> list[dict[str, Any]]:
        if isinstance(self.events, ClusterError):
            raise self.events
        return [{"involvedObject": {"uid": uid}, "message": message} for uid, message in self.events.items()]

    async def list_claims(self, *_: object) -> list[dict[str, Any]]:
        self.requests.append("claims")
        if self.failures:
            self.failures -= 1
            raise ClusterError("connection refused")
        bound = {"phase": "Bound", "capacity": {"storage": self.size}}
        status = {"phase": "Pending"} if self.reads_until_bound else bound
        self.reads_until_bound = max(0, self.reads_until_bound - 1)
        requests = {"requests": {"storage": self.size}}
        return [
            {"metadata": {"name": "logs-rg-0", "uid": "the-claim"}, "spec": {"resources": requests}, "status": status}
        ]

    async def patch_claim(
        self, _: str, claim: str, patch: dict[str, Any], *, field_manager: str, **__: Any
    ) -> dict[str, Any]:
        assert field_manager == "pulumi-stateful-service.rg"
        self.requests.append(f"grow {claim}")
        if self.reads_until_bound:
            raise ClusterError("spec is immutable except for bound claims")
        self.size = patch["spec"]["resources"]["requests"]["storage"]
        [changed] = await self.list_claims()
        return changed


def wait(
    cluster: ScriptedCluster, monkeypatch: pytest.MonkeyPatch, target: target_module.RolloutTarget = TARGET
) -> Any:
    @asynccontextmanager
    async def connected(_: Connection) -> AsyncIterator[ScriptedCluster]:
        yield cluster

    monkeypatch.setattr(follow_rollout, "connected", connected)
    monkeypatch.setattr(target_module, "_MAX_PAUSE", 0.01)
    resource: Any = None
    return asyncio.run(follow_rollout.wait_for_rollout(Connection(), target, resource))


def test_another_cluster_is_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A StatefulSet with another uid is on another cluster than the provider's: no claim is changed there."""
    cluster = ScriptedCluster(uid="somebody-elses")
    with pytest.raises(RolloutError, match="StatefulSet default/rg, which Pulumi's provider created, has another uid"):
        wait(cluster, monkeypatch)
    assert cluster.requests == ["set"]


def test_volumes_grow_before_the_rollout_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pod may wait for space on its volume."""
    cluster = ScriptedCluster()
    assert wait(cluster, monkeypatch).is_complete
    assert cluster.requests.index("grow logs-rg-0") < cluster.requests.index("pods")
    assert cluster.size == "20Mi"


def test_nothing_is_waited_for_with_created(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a Pod nor a claim that has no volume yet."""
    cluster = ScriptedCluster(reads_until_bound=99)
    wait(cluster, monkeypatch, replace(TARGET, wait_for="Created"))
    assert cluster.requests.count("pods") == 1


@pytest.mark.parametrize("reads", [1, 2, 3])
def test_a_claim_grows_once_it_is_bound(monkeypatch: pytest.MonkeyPatch, reads: int) -> None:
    """The claim of a new Pod has the first size, and cannot be changed before it is bound."""
    cluster = ScriptedCluster(reads_until_bound=reads)
    assert wait(cluster, monkeypatch).is_complete
    assert cluster.requests.count("grow logs-rg-0") == 1
    assert cluster.size == "20Mi"


def test_requests_are_repeated_while_the_api_server_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the timeout; then its error is raised."""
    cluster = ScriptedCluster(failures=3)
    assert wait(cluster, monkeypatch).is_complete
    with pytest.raises(ClusterError, match="connection refused"):
        wait(ScriptedCluster(failures=10**6), monkeypatch)


def fail(monkeypatch: pytest.MonkeyPatch, **script: Any) -> list[str]:
    """The lines of the error after the timeout."""
    cluster = ScriptedCluster(**script)
    with pytest.raises(RolloutError) as raised:
        wait(cluster, monkeypatch)
    return str(raised.value).splitlines()


def test_the_error_after_the_timeout_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each instance with its reason, the command for the log, and the command that deletes the Pod."""
    crash = {"exitCode": 1, "reason": "Error", "message": "starting\nFATAL: no space left\n"}
    container = {
        "name": "app",
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": crash},
    }
    assert fail(monkeypatch, status={"containerStatuses": [container]}) == [
        "StatefulService 'rg': the rollout did not complete within rollout_timeout_seconds (1):",
        "  rg-0: container app: CrashLoopBackOff: exit code 1 (Error): FATAL: no space left",
        (
            f"Fix the cause and run pulumi up again ({TROUBLESHOOTING}#rollout-timeouts). Pods of an outdated revision "
            "that never became ready are replaced automatically."
        ),
        "To see why a container terminated:",
        "  kubectl --namespace default logs rg-0 --container app --previous",
        "If a Pod still blocks the rollout, delete it; its PersistentVolumeClaims and data are kept:",
        "  kubectl --namespace default delete pod rg-0",
    ]


@pytest.mark.parametrize(
    ("uid", "expected"),
    [
        ("the-pod", "  rg-0: starting: Back-off"),
        ("an-earlier-pod", "  rg-0: starting"),
        ("the-claim", "  rg-0: PersistentVolumeClaim logs-rg-0 is not bound: Back-off"),
    ],
)
def test_events_are_matched_by_uid(monkeypatch: pytest.MonkeyPatch, uid: str, expected: str) -> None:
    """Those of an earlier Pod of the same name are not this one's."""
    unbound = 10**6 if uid == "the-claim" else 0
    lines = fail(monkeypatch, status={"phase": "Pending"}, events={uid: "Back-off"}, reads_until_bound=unbound)
    assert lines[1] == expected


def test_a_missing_right_hides_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known is said, and what is not, is added."""
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off\x1b[31m pulling"}}
    status = {"containerStatuses": [{"name": "app", "state": waiting}]}
    lines = fail(monkeypatch, status=status, events=ForbiddenError("no right to list events in namespace default"))
    assert lines[1:3] == [
        "  rg-0: container app: ImagePullBackOff: Back-off pulling",
        "More may be known: no right to list events in namespace default.",
    ]


def node(ready: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "Ready", "status": ready}]}}


@pytest.mark.parametrize(
    ("answer", "is_evicted"),
    [(node("True"), True), (node("Unknown"), False), (ForbiddenError("no right to get nodes"), True)],
)
def test_a_pod_is_not_evicted_from_a_node_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, answer: Any, is_evicted: bool
) -> None:
    """As far as that may be read: its successor could not start there."""
    monkeypatch.setattr(pulumi.log, "warn", lambda *_: None)
    cluster: Any = Mock(
        get=AsyncMock(side_effect=[answer]),
        evict_pod=AsyncMock(return_value=True),
    )
    broken = Rollout(blocking={"rg-0": BlockingPod("the-pod", "node-1", "never became ready", is_hopeless=True)})
    resource: Any = None
    asyncio.run(rollout_wait._evict_unready_pods(cluster, TARGET, broken, resource))
    assert cluster.evict_pod.called == is_evicted


def test_what_was_known_last_is_said_where_the_cluster_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside that it is away."""
    cluster = ScriptedCluster(status={"phase": "Pending"})
    read, answers = cluster.get_stateful_set, [True] * 3

    async def away_after_a_while(*_: object) -> dict[str, Any]:
        if not answers:
            raise ClusterError("connection refused")
        answers.pop()
        return await read()

    monkeypatch.setattr(cluster, "get_stateful_set", away_after_a_while)
    with pytest.raises(RolloutError) as raised:
        wait(cluster, monkeypatch)
    heading, *rest = str(raised.value).splitlines()
    assert heading.endswith("rollout_timeout_seconds (1): the Kubernetes API does not answer: connection refused")
    assert rest == ["Before that, it waited for:", "  rg-0: starting", f"See {TROUBLESHOOTING}."]


def test_a_cluster_without_max_unavailable_is_named() -> None:
    """The API server drops a field that it does not know."""
    live: Any = {"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}}
    assert (follow_rollout.max_unavailable_warning(live, "50%") or "").startswith(
        "max_unavailable='50%' has no effect: this cluster does not support maxUnavailable for StatefulSets"
    )
    assert follow_rollout.max_unavailable_warning(live, None) is None
    live["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = "50%"
    assert follow_rollout.max_unavailable_warning(live, "50%") is None


def test_nothing_is_read_twice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollout that is complete when it is first looked at takes one look at each kind of object."""
    cluster = ScriptedCluster()
    cluster.size = "20Mi"
    assert wait(cluster, monkeypatch).is_complete
    assert cluster.requests == ["set", "claims", "pods", "claims"]


def test_what_was_seen_before_is_seen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A StatefulSet whose change was not observed at the first look is read again, until it was."""
    cluster: Any = ScriptedCluster()
    unobserved = {**SET, "status": {**SET["status"], "observedGeneration": 0}}
    monkeypatch.setattr(target_module, "_MAX_PAUSE", 0.01)
    resource: Any = None
    rollout = asyncio.run(rollout_wait.wait_until_complete(cluster, TARGET, resource, unobserved))
    assert rollout.is_complete
    assert cluster.requests == ["set", "pods"]
