"""P08, P09, P05: the forecast of a preview, for every instance and every claim, is what then happens.

Random pairs of arguments, before and after. Each pair is sent to the API server as Pulumi's provider sends it, by
server-side apply, with Pods on simulated nodes; the forecast is compared with identities and sizes.
``FORECAST_PAIRS`` says how many pairs. With ``FORECAST_NODE=real`` the Pods run, on the real node.
"""

import asyncio
import os
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest
from harness import PATIENCE, local
from lightkube import Client
from lightkube.resources.core_v1 import Pod
from pulumi_stateful_service.foundation.names import field_manager
from pulumi_stateful_service.foundation.quantities import size_in_bytes
from pulumi_stateful_service.live.after.follow_rollout import wait_for_rollout
from pulumi_stateful_service.live.after.target import RolloutTarget
from pulumi_stateful_service.live.before.dry_run import predict
from pulumi_stateful_service.live.before.forecast import ClaimOutcome, Forecast, InstanceOutcome, StatefulSetOutcome
from pulumi_stateful_service.live.before.refusals.held_back import held_back_refusals
from pulumi_stateful_service.live.before.refusals.update import update_terms
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster, connected
from pulumi_stateful_service.live.client.connection import Connection
from pulumi_stateful_service.live.state.claim_changes import desired_claims
from pulumi_stateful_service.live.state.stateful_set_fields import (
    IDENTITY_FIELDS,
    claim_templates,
)
from random_arguments import DATA, choices, stateful_set

PAIRS = int(os.environ.get("FORECAST_PAIRS", "100"))
ON_REAL_NODE = os.environ.get("FORECAST_NODE") == "real"
AT_ONCE = 4 if ON_REAL_NODE else 12
CHOICES = choices(on_real_node=ON_REAL_NODE)


@dataclass
class Change:
    """A pair of arguments, and the StatefulSets that the component creates from them."""

    name: str
    arguments: tuple[dict[str, Any], dict[str, Any]]
    sets: tuple[dict[str, Any], dict[str, Any]]


def changes(seed: int) -> Iterator[Change]:
    """Pairs that the component accepts, the same for a seed; the second differs from the first in a few arguments."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    number = 0
    while True:
        before: dict[str, Any] = {"image": CHOICES["image"][0], "replicas": dice.choice([1, 2, 3]), "volumes": [DATA]}
        for argument in dice.sample(list(CHOICES), 3):
            before[argument] = dice.choice(CHOICES[argument])
        after = dict(before)
        for argument in dice.sample(list(CHOICES), dice.choice([1, 1, 2, 3])):
            after[argument] = dice.choice(CHOICES[argument])
        name = f"s{number}"
        first, second = (stateful_set(name, each, on_real_node=ON_REAL_NODE) for each in (before, after))
        if first and second:
            yield Change(name, (before, after), (first, second))
            number += 1


class Deletions:
    """The Pods of a namespace in the order in which they were deleted."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client, self._namespace = client, namespace
        self.names: list[str] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        listed = self._client.list(Pod, namespace=self._namespace)
        list(listed)
        version = listed.resourceVersion
        threading.Thread(target=self._watch, args=(version,), daemon=True).start()
        yield

    def _watch(self, version: str | None) -> None:
        seen = set()
        pod: Any
        for kind, pod in self._client.watch(Pod, namespace=self._namespace, resource_version=version):
            ending = kind == "DELETED" or pod.metadata.deletionTimestamp is not None
            if ending and pod.metadata.uid not in seen:
                seen.add(pod.metadata.uid)
                self.names.append(str(pod.metadata.name))


async def send(cluster: Cluster, namespace: str, desired: dict[str, Any], live: Any, *, recreate: bool) -> Any:
    """Sends the StatefulSet as the component and Pulumi's provider do."""
    name, spec = desired["metadata"]["name"], desired["spec"]
    if live is not None and recreate:
        await cluster.delete_orphaning(namespace, name, live["metadata"]["uid"])
    elif live is not None:
        kept = {field: live["spec"][field] for field in IDENTITY_FIELDS if field in live["spec"]}
        kept["revisionHistoryLimit"] = spec.get("revisionHistoryLimit", 10)
        spec = {**{key: value for key, value in spec.items() if key not in IDENTITY_FIELDS}, **kept}
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": desired["metadata"], "spec": spec}
    action, manager = Action.CREATE_STATEFUL_SET, field_manager(name)
    return await cluster.patch(
        "StatefulSet", namespace, name, body, action=action, patch_type="apply", field_manager=manager, force=True
    )


async def settle(connection: Connection, namespace: str, desired: dict[str, Any], stored: Any) -> None:
    """Grows the volumes and waits for the rollout, as ``pulumi up`` does."""
    spec, metadata = desired["spec"], stored["metadata"]
    target = RolloutTarget(
        prefix=metadata["name"],
        namespace=namespace,
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        claims=desired_claims({"metadata": desired["metadata"], "spec": spec}),
        claim_labels=spec["selector"]["matchLabels"],
        max_unavailable=None,
        rollout_timeout_seconds=120,
        growth_timeout_seconds=60,
    )
    await wait_for_rollout(connection, target, pulumi.Resource.__new__(pulumi.Resource))


@dataclass(frozen=True)
class Seen:
    """The identities of Pods and claims, and what the claims ask for."""

    stateful_set: str
    pods: Mapping[str, str]
    claims: Mapping[str, tuple[str, int]]
    """Uid and requested size."""
    marks: Mapping[str, Any]
    """Labels and annotations of each claim."""


async def look(cluster: Cluster, namespace: str, name: str, selector: Mapping[str, str]) -> Seen:
    live = await cluster.get_stateful_set(namespace, name)
    assert live
    pods = await cluster.list("Pod", namespace, labels=selector)
    claims = await cluster.list("PersistentVolumeClaim", namespace, labels=selector)
    return Seen(
        live["metadata"]["uid"],
        {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods},
        {
            claim["metadata"]["name"]: (
                claim["metadata"]["uid"],
                int(size_in_bytes(claim["spec"]["resources"]["requests"]["storage"])),
            )
            for claim in claims
            if "deletionTimestamp" not in claim["metadata"]
        },
        {
            claim["metadata"]["name"]: [
                claim["metadata"].get("labels"),
                {key: value for key, value in claim["metadata"]["annotations"].items() if "kubernetes.io" not in key},
            ]
            for claim in claims
        },
    )


def instance_outcome(before: Mapping[str, str], after: Mapping[str, str], name: str) -> InstanceOutcome:
    """What happened to an instance."""
    if name not in before:
        return InstanceOutcome.ADDED
    if name not in after:
        return InstanceOutcome.REMOVED
    return InstanceOutcome.KEPT if before[name] == after[name] else InstanceOutcome.REPLACED


def claim_outcome(before: Seen, after: Seen, name: str, used: set[str]) -> ClaimOutcome:
    """What happened to a claim."""
    if name not in before.claims:
        return ClaimOutcome.CREATED
    if name not in after.claims:
        return ClaimOutcome.DELETED
    assert before.claims[name][0] == after.claims[name][0], f"claim {name} was replaced"
    if name not in used:
        return ClaimOutcome.LEFT_BEHIND
    if before.claims[name][1] != after.claims[name][1]:
        return ClaimOutcome.EXPANDED
    return ClaimOutcome.KEPT if before.marks[name] == after.marks[name] else ClaimOutcome.MODIFIED


def happened(before: Seen, after: Seen, used: set[str]) -> tuple[StatefulSetOutcome, Any, Any]:
    """What a change did."""
    outcome = StatefulSetOutcome.UPDATED if before.stateful_set == after.stateful_set else StatefulSetOutcome.RECREATED
    pods = before.pods.keys() | after.pods.keys()
    claims = before.claims.keys() | after.claims.keys()
    return (
        outcome,
        {name: instance_outcome(before.pods, after.pods, name) for name in pods},
        {name: claim_outcome(before, after, name, used) for name in claims},
    )


async def carried_out(connection: Connection, namespace: str, change: Change, deletions: Deletions) -> Forecast | None:
    """Deploys the change and fails where its effect is not the forecast; None where it is refused."""
    first, second = change.sets
    selector = second["spec"]["selector"]["matchLabels"]
    async with connected(connection) as cluster:
        await settle(connection, namespace, first, await send(cluster, namespace, first, None, recreate=False))
        before = await look(cluster, namespace, change.name, selector)
        live = await cluster.get_stateful_set(namespace, change.name)
        assert live
        allowed = bool(change.arguments[1].get("recreate_keeping_pods"))
        terms = update_terms(live, second, recreate_keeping_pods=allowed)
        if terms.refusals:
            return None
        predicted = await predict(cluster, namespace, second["metadata"], second["spec"], live, recreate=terms.recreate)
        assert predicted
        if held_back_refusals(predicted, adopting=False):
            return None
        stored = await send(cluster, namespace, second, live, recreate=terms.recreate)
        await settle(connection, namespace, second, stored)
        used = {f"{volume}-{pod}" for volume in claim_templates(second) for pod in predicted.instances}
        expected = (predicted.stateful_set, dict(predicted.instances), dict(predicted.claims))
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:  # claims are deleted after their Pods
            seen = await look(cluster, namespace, change.name, selector)
            still_used = used - {f"{volume}-{pod}" for volume in claim_templates(second) for pod in removed(predicted)}
            found = happened(before, seen, still_used)
            if found == expected or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.2)
        assert found == expected, f"{change.arguments[0]}\n  -> {change.arguments[1]}"
        if predicted.at_a_time == 1:
            # The controller may create a Pod once more with the old revision, by a status that it has not updated yet.
            order = list(dict.fromkeys(name for name in deletions.names if name in predicted.order))
            assert order == list(predicted.order), f"{change.arguments[0]}\n  -> {change.arguments[1]}"
        for claim, (_, size) in predicted.sizes.items():
            assert seen.claims[claim][1] == size_in_bytes(size)
        await cluster.delete("StatefulSet", namespace, change.name, action=Action.DELETE_STATEFUL_SET)
        return predicted


def removed(predicted: Forecast) -> list[str]:
    return predicted.of(InstanceOutcome.REMOVED)


@pytest.fixture
def simulated_nodes() -> Iterator[None]:
    """Nodes for many Pods, deleted afterwards."""
    local("scale-simulated-nodes", "3")
    yield
    local("scale-simulated-nodes", "0")


@pytest.mark.alone
@pytest.mark.usefixtures("simulated_nodes")
def test_p09_the_forecast_is_what_happens(
    client: Client,
    namespace: str,
    env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
) -> None:
    """Identities of Pods, claims and StatefulSets, sizes, and the order of replacement, for random changes."""
    for level in ("info", "warn"):
        monkeypatch.setattr(pulumi.log, level, lambda *_, **__: None)
    monkeypatch.setenv("KUBECONFIG", env["KUBECONFIG"])
    seed = int(os.environ.get("FORECAST_SEED", "0"))
    pairs = [change for change, _ in zip(changes(seed), range(PAIRS), strict=False)]
    deletions = Deletions(client, namespace)

    async def all_pairs() -> list[Forecast | BaseException | None]:
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(change: Change) -> Forecast | None:
            async with limit:
                return await carried_out(Connection(), namespace, change, deletions)

        return await asyncio.gather(*map(one, pairs), return_exceptions=True)

    with deletions.watched():
        results = asyncio.run(all_pairs())
    failed = [each for each in results if isinstance(each, BaseException)]
    done = [each for each in results if isinstance(each, Forecast)]
    record_property("changes that were carried out", f"{len(done)} of {len(pairs)}")
    record_property("changes that replace Pods", sum(bool(each.order) for each in done))
    assert not failed, "\n\n".join(str(each) for each in failed)
    assert len(done) > PAIRS / 3
