"""Makes VolumeSnapshots before a change, waits until they are ready to use, and deletes those that they supersede.

What an ``up`` that is killed leaves is found by the next one: snapshots by their labels, and an instance that is
quiesced by the note on its claim, which is written before the command runs.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi

from pulumi_stateful_service.documentation import SNAPSHOTS
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import (
    COMPONENT_LABEL,
    CONTAINER_NAME,
    QUIESCED_ANNOTATION,
    SNAPSHOT,
    field_manager,
)
from pulumi_stateful_service.live.after.group_snapshots import GroupFailedError, make_group
from pulumi_stateful_service.live.after.restore_test import RestoreFailedError, test_restore
from pulumi_stateful_service.live.after.target import RolloutTarget
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.object_notes import annotate
from pulumi_stateful_service.live.state.pod_status import is_running, is_terminating, ordinal_of
from pulumi_stateful_service.live.state.restore_test import Restored, restore_test_labels
from pulumi_stateful_service.live.state.rollout_status import Rollout
from pulumi_stateful_service.live.state.volume_snapshots import (
    GROUP_SNAPSHOT,
    InstanceToSnapshot,
    Quiesce,
    SnapshotWork,
    claim_of,
    failure,
    group_of,
    holds_data,
    is_ready,
    kind_of,
    new_snapshot,
    newest,
    restore_tests,
)
from pulumi_stateful_service.outside_text import exit_problem

_FIRST_PAUSE, _LAST_PAUSE = 0.1, 1.0
"""Seconds between two looks."""
_ERROR_SECONDS = 5.0
"""How long a snapshot must have failed: the snapshot controller tries again, and writes errors that pass by."""
_NOT_MADE = "the volumes were not snapshotted before this change"
_NOT_TESTED = "the volumes were snapshotted before this change, and the snapshots are not good"
_NOT_BEGUN = "The change was not begun, and no instance was touched"


@dataclass(frozen=True)
class _Where:
    """The StatefulSet whose volumes are snapshotted."""

    prefix: str
    namespace: str
    name: str


async def take_snapshots(
    cluster: Cluster,
    prefix: str,
    live: KubernetesObject,
    desired: KubernetesObject,
    work: SnapshotWork,
    resource: pulumi.Resource,
) -> None:
    """Does all that is to be done before the change from the live StatefulSet to the desired one.

    Raises RefusedError where a snapshot fails, is not ready in time or does not pass its test: the change must not
    begin then.
    """
    where = _Where(prefix, live["metadata"]["namespace"], live["metadata"]["name"])
    await _Snapshots(cluster, where, work, desired, resource).take()


async def with_snapshots(cluster: Cluster, target: RolloutTarget, rollout: Rollout) -> Rollout:
    """The rollout with the snapshots that were made before changes, where there are to be any and they can be read."""
    if not target.snapshot_labels:
        return rollout
    try:
        found = await cluster.list(SNAPSHOT, target.namespace, labels=target.snapshot_labels)
    except ClusterError:
        return rollout
    return replace(rollout, snapshots=newest(found), restore_tests=restore_tests(found))


class _Snapshots:
    """The snapshots of one change."""

    def __init__(
        self,
        cluster: Cluster,
        where: _Where,
        work: SnapshotWork,
        desired: KubernetesObject,
        resource: pulumi.Resource,
    ) -> None:
        self._cluster = cluster
        self._where = where
        self._work = work
        self._desired = desired
        self._resource = resource
        self._made: dict[str, str] = dict(work.again)
        """Name of the snapshot of each claim."""

    async def take(self) -> None:
        try:
            await self._resume_what_is_left()
            await self._delete(self._work.failed)
            deadline = time.monotonic() + self._work.plan.timeout_seconds
            for instance in self._work.instances:
                await self._make(instance, deadline)
            if self._made:
                await self._wait("ready to use", "snapshots.timeout_seconds", deadline, is_ready, self._made)
                self._say(f"VolumeSnapshots are ready: {', '.join(sorted(self._made.values()))}.")
                await self._test_restore()
                await self._delete(self._work.superseded)
        except ClusterError as error:
            raise self._refused(error.problem) from error

    async def _make(self, instance: InstanceToSnapshot, deadline: float) -> None:
        """Makes the snapshots of one instance, one right after another or at one moment."""
        quiesce = self._work.plan.quiesce
        if quiesce is None:
            await self._create(instance, deadline)
        elif not is_running(instance.pod) or is_terminating(instance.pod):
            self._say(f"{_name(instance.pod)} does not run, so its snapshots are made without snapshots.quiesce.")
            await self._create(instance, deadline)
        else:
            await self._make_quiesced(instance, quiesce)

    async def _make_quiesced(self, instance: InstanceToSnapshot, quiesce: Quiesce) -> None:
        pod, claim = instance.pod, instance.claims[0]
        await self._note(claim, f"{self._cluster.now():%Y-%m-%dT%H:%M:%SZ}")
        try:
            await self._run(pod, quiesce, quiesce.command, "snapshots.quiesce.command")
            deadline = time.monotonic() + quiesce.timeout_seconds
            made = await self._create(instance, deadline)
            await self._wait("taken", "snapshots.quiesce.timeout_seconds", deadline, holds_data, made)
        finally:
            # Also where the engine is interrupted, which cancels what waits above.
            await asyncio.shield(self._resume(pod, claim, quiesce))

    async def _resume_what_is_left(self) -> None:
        quiesce = self._work.plan.quiesce
        for claim, pod in self._work.quiesced:
            if quiesce is None:
                continue
            if pod is not None and is_running(pod):
                await self._resume(pod, claim, quiesce)
                self._say(f"{_name(pod)} is resumed, which a pulumi up that was interrupted had quiesced.")
            else:
                await self._note(claim, None)  # what was quiesced runs no more

    async def _resume(self, pod: KubernetesObject, claim: KubernetesObject, quiesce: Quiesce) -> None:
        await self._run(pod, quiesce, quiesce.resume, "snapshots.quiesce.resume", ". It may still be quiesced")
        await self._note(claim, None)

    async def _run(
        self, pod: KubernetesObject, quiesce: Quiesce, command: Sequence[str], what: str, consequence: str = ""
    ) -> None:
        words, seconds = quiesce.words(command, pod), quiesce.timeout_seconds
        try:
            status, output = await self._cluster.run_in_pod(
                self._where.namespace, _name(pod), CONTAINER_NAME, words, seconds, action=Action.RUN_QUIESCE
            )
        except ClusterError as error:
            raise self._refused(f"{what} of {_name(pod)}: {error.problem}{consequence}") from error
        if (why := exit_problem(status, output)) is not None:
            raise self._refused(f"{what} of {_name(pod)}: {why}{consequence}")

    async def _note(self, claim: KubernetesObject, since: str | None) -> None:
        """Notes on the claim since when its instance is quiesced, or that it is not."""
        await annotate(
            self._cluster,
            "PersistentVolumeClaim",
            self._where.namespace,
            claim["metadata"]["name"],
            {QUIESCED_ANNOTATION: since},
            self._where.name,
            action=Action.NOTE_QUIESCED,
        )

    async def _create(self, instance: InstanceToSnapshot, deadline: float) -> dict[str, str]:
        if self._work.plan.group_class_name is None:
            made = await self._create_each(instance)
        else:
            try:
                made = await make_group(self._cluster, self._where.namespace, self._work, instance, deadline)
            except GroupFailedError as error:
                raise self._refused(str(error)) from None
        self._made |= made
        return made

    async def _create_each(self, instance: InstanceToSnapshot) -> dict[str, str]:
        now, manager = self._cluster.now(), field_manager(self._where.name)
        made: dict[str, str] = {}
        for claim in instance.claims:
            body, name = new_snapshot(self._work, instance, claim, now), claim["metadata"]["name"]
            try:
                await self._cluster.create(
                    SNAPSHOT, self._where.namespace, body, action=Action.MAKE_SNAPSHOT, field_manager=manager
                )
            except ClusterError as error:
                raise self._refused(f"{name}: {error.problem}") from error
            made[name] = body["metadata"]["name"]
        return made

    async def _wait(
        self,
        what: str,
        argument: str,
        deadline: float,
        is_done: Callable[[KubernetesObject], bool],
        wanted: Mapping[str, str],
    ) -> None:
        """Waits until a condition holds for these snapshots."""
        pause, names = _FIRST_PAUSE, set(wanted.values())
        failing_since: dict[str, float] = {}
        while True:
            listed = await self._cluster.list(SNAPSHOT, self._where.namespace, labels=self._work.labels)
            found = {each["metadata"]["name"]: each for each in listed if each["metadata"]["name"] in names}
            now = time.monotonic()
            failing_since = {name: failing_since.get(name, now) for name, each in found.items() if failure(each)}
            problems = [
                f"{claim_of(found[name])}: VolumeSnapshot {name} failed: {failure(found[name])}"
                for name, since in failing_since.items()
                if now - since >= _ERROR_SECONDS
            ]
            problems += [
                f"{claim}: VolumeSnapshot {name} was deleted" for claim, name in wanted.items() if name not in found
            ]
            if problems:
                raise self._refused("; ".join(problems))
            waiting = [f"{claim_of(each)} ({name})" for name, each in found.items() if not is_done(each)]
            if not waiting:
                return
            if time.monotonic() > deadline:
                raise self._refused(f"VolumeSnapshots were not {what} within {argument}: {', '.join(waiting)}")
            messages.info(f"VolumeSnapshots are not {what} yet: {', '.join(waiting)}", self._resource, ephemeral=True)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LAST_PAUSE)

    async def _test_restore(self) -> None:
        """Restores the snapshots of one instance, so that none is relied on that could not be used."""
        tested, test = self._work.tested, self._work.plan.restore_test
        if tested is None or test is None:
            return
        snapshots = {name: self._made[name] for each in tested.claims if (name := each["metadata"]["name"])}
        restored = Restored(ordinal_of(tested.pod), _name(tested.pod), snapshots, tested.claims)
        labels = restore_test_labels(self._where.name, self._work.labels[COMPONENT_LABEL])
        try:
            await test_restore(
                self._cluster, self._desired, self._where.namespace, restored, test, labels, self._resource
            )
        except RestoreFailedError as error:
            raise self._refused(f"snapshots.restore_test did not pass: {error}", _NOT_TESTED) from None
        self._say(f"{restored.pod} was restored from its snapshots, and snapshots.restore_test passed.")

    async def _delete(self, snapshots: Sequence[KubernetesObject]) -> None:
        """Deletes snapshots, and of those of a group the group."""
        found = [group_of(each) or {"kind": kind_of(each), **each["metadata"]} for each in snapshots]
        actions = {SNAPSHOT: Action.DELETE_SNAPSHOT, GROUP_SNAPSHOT: Action.DELETE_GROUP_SNAPSHOT}
        for uid, each in {each["uid"]: each for each in found}.items():
            kind = each["kind"]
            await self._cluster.delete(kind, self._where.namespace, each["name"], action=actions[kind], uid=uid)

    def _refused(self, why: str, what: str = _NOT_MADE) -> RefusedError:
        return RefusedError(
            f"{self._where.prefix}: {what}: {why}. {_NOT_BEGUN}. The next pulumi up continues ({SNAPSHOTS})."
        )

    def _say(self, text: str) -> None:
        messages.info(f"{self._where.prefix}: {text}", self._resource)


def _name(pod: KubernetesObject) -> str:
    return str(pod["metadata"]["name"])
