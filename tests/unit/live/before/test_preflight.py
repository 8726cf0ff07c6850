"""What is read and refused before anything is sent, against a scripted cluster."""

import asyncio
from dataclasses import replace
from typing import Any, cast
from unittest.mock import AsyncMock

import pulumi
import pytest
from pulumi_stateful_service import RefusedError
from pulumi_stateful_service.foundation.names import COMPONENT_LABEL
from pulumi_stateful_service.live.before import preflight
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.client.errors import ForbiddenError
from pulumi_stateful_service.live.rollout_plan import RolloutPlan

LABELS = {"app": "db"}
TEMPLATE: dict[str, Any] = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
STATEFUL_SET: dict[str, Any] = {
    "metadata": {"name": "db", "namespace": "prod", "annotations": {}, "labels": {}},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": LABELS},
        "serviceName": "db",
        "podManagementPolicy": "OrderedReady",
        "volumeClaimTemplates": [TEMPLATE],
    },
}
CHANGE = Change(
    prefix="StatefulService 'db'",
    component_labels=["ours"],
    namespace="prod",
    stateful_set=STATEFUL_SET,
    governing_service={"metadata": {"name": "db"}, "spec": {"selector": LABELS}},
    disruption_budget="db",
    recreate_keeping_pods=False,
    adopt=False,
    autoscaled=False,
)
SETTLED = {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "a"}
NOT_HEADLESS = {"metadata": {"name": "db"}, "spec": {"selector": LABELS, "clusterIP": "10.96.0.7"}}
MAX_UNAVAILABLE = {"metadata": {"name": "db"}, "spec": {"maxUnavailable": 1}}


class ScriptedCluster:
    """A cluster with the given objects."""

    default_namespace = "default"

    def __init__(self, live: Any = None, service: Any = None, budget: Any = None, known: tuple[str, ...] = ()) -> None:
        self.live, self.service, self.budget, self.known = live, service, budget, known

    async def get_stateful_set(self, *_: str) -> Any:
        return self.live

    async def find_stateful_sets(self, *_: object) -> Any:
        return [{"metadata": {"name": name}} for name in self.known]

    async def get_service(self, *_: str) -> Any:
        return self.service

    async def get(self, *_: str) -> Any:
        return self.budget

    async def list_claims(self, *_: object) -> list[Any]:
        resources = {"requests": {"storage": "1Gi"}}
        return [{"metadata": {"name": "data-db-0"}, "spec": {"storageClassName": "fast", "resources": resources}}]

    async def get_expandable(self, *_: object) -> dict[str, bool]:
        return {"fast": True}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user sees."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: lines.append(message))
    monkeypatch.setattr(pulumi.log, "info", lambda message, *_: lines.append(message))
    return lines


@pytest.fixture
def examine(log: list[str]) -> Any:  # noqa: ARG001 - nothing is printed
    def examine(cluster: ScriptedCluster, change: Change = CHANGE) -> Any:
        anything: Any = cluster
        return asyncio.run(preflight.refuse_or_recreate(anything, change, cluster.live, cast("Any", None)))

    return examine


def ours(**metadata: Any) -> dict[str, Any]:
    labels = {COMPONENT_LABEL: "ours"}
    return {**STATEFUL_SET, "metadata": {**STATEFUL_SET["metadata"], "labels": labels, **metadata}}


def test_nothing_stands_in_the_way_of_a_new_service(examine: Any) -> None:
    """Neither where nothing exists, nor where nothing changes."""
    assert examine(ScriptedCluster()) is False
    assert examine(ScriptedCluster(ours())) is False


@pytest.mark.parametrize(
    ("objects", "refusal"),
    [
        ({"service": NOT_HEADLESS}, "StatefulService 'db': Service default/db already exists and is not headless"),
        ({"budget": MAX_UNAVAILABLE}, "StatefulService 'db': PodDisruptionBudget default/db already exists"),
    ],
)
@pytest.mark.parametrize("adopting", [True, False])
def test_objects_that_cannot_become_the_components_are_refused(
    examine: Any, objects: Any, refusal: str, adopting: bool
) -> None:
    """Both for an adoption and for a new service; the component's own are not looked at once it has a StatefulSet."""
    live = STATEFUL_SET if adopting else None
    with pytest.raises(RefusedError, match=refusal):
        examine(ScriptedCluster(live, **objects), replace(CHANGE, adopt=adopting))
    assert examine(ScriptedCluster(ours(), **objects)) is False


def ending(**volume: Any) -> None:
    """Removes an instance whose claim somebody has deleted, on a cluster that answers so about its volume."""
    claim = {
        "metadata": {"name": "data-db-0", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"volumeName": "pv-0"},
    }
    cluster = cast("Any", AsyncMock(get=AsyncMock(**volume)))
    asyncio.run(preflight.refuse_to_end_claims(cluster, CHANGE, [claim], {"data-db-0": "db-0"}, ["db-0"]))


def test_a_volume_that_may_not_be_read_is_taken_for_one_that_goes() -> None:
    """Its claim is not ended; one whose volume is known to stay is."""
    ending(return_value={"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    with pytest.raises(RefusedError, match="db-0 would be removed"):
        ending(return_value={"spec": {"persistentVolumeReclaimPolicy": "Delete"}})
    with pytest.raises(RefusedError, match="db-0 would be removed"):
        ending(side_effect=ForbiddenError("no right to get persistentvolumes"))


def test_a_rollout_that_holds_instances_back_is_unfinished() -> None:
    """So that an up without a change goes on with it, also after a roll-back; a partition of the program is none."""
    strategy = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}
    live = {**ours(generation=1), "spec": {**STATEFUL_SET["spec"], **strategy}, "status": SETTLED}

    def is_unfinished(change: Change) -> bool:
        return asyncio.run(preflight._unfinished_rollout(cast("Any", None), live, change))

    assert is_unfinished(replace(CHANGE, rollout=RolloutPlan([1])))
    assert not is_unfinished(CHANGE)


def test_without_a_disruption_budget_none_is_read(examine: Any) -> None:
    """One that exists is another's, and stays."""
    assert examine(ScriptedCluster(budget=MAX_UNAVAILABLE), replace(CHANGE, disruption_budget=None)) is False


def test_a_stateful_set_of_others_is_refused_before_its_service_is(examine: Any) -> None:
    """As long as it is not to be adopted, its Service does not matter."""
    with pytest.raises(RefusedError, match="already exists and is not managed by this component") as raised:
        examine(ScriptedCluster(STATEFUL_SET, service=NOT_HEADLESS))
    assert "headless" not in str(raised.value)


def test_an_adopted_stateful_set_is_recreated(examine: Any, log: list[str]) -> None:
    """With an announcement."""
    assert examine(ScriptedCluster(STATEFUL_SET), replace(CHANGE, adopt=True)) is True
    assert log[0].startswith("StatefulService 'db': StatefulSet prod/db is adopted: ")


def test_several_refusals_are_listed(examine: Any) -> None:
    """One line for each."""
    other = {**STATEFUL_SET, "spec": {**STATEFUL_SET["spec"], "replicas": 3}}
    with pytest.raises(RefusedError) as raised:
        examine(ScriptedCluster(other, service=NOT_HEADLESS), replace(CHANGE, adopt=True))
    heading, *lines = str(raised.value).splitlines()
    assert heading == "StatefulService 'db': this change is refused:"
    assert [line.split(" has ")[0].split(" already ")[0] for line in lines] == [
        "  StatefulSet prod/db",
        "  Service default/db",
    ]


def test_another_name_is_refused(examine: Any) -> None:
    """The StatefulSet of the component is found by its label."""
    with pytest.raises(RefusedError, match="name cannot be changed from 'rg' to 'db'"):
        examine(ScriptedCluster(known=("rg",)))
