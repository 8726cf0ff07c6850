"""Restores the snapshots of one instance into a Job of their own before the change begins, and runs a check there.

A Job that an ``up`` has left that was killed is found by its name, and awaited; nobody needs to delete it (its
``ttlSecondsAfterFinished``).
"""

import asyncio
import time
from collections.abc import Mapping
from http import HTTPStatus

import pulumi

from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import RESTORE_TEST_ANNOTATION, SNAPSHOT, field_manager
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.object_notes import annotate
from pulumi_stateful_service.live.state.restore_test import (
    JOB,
    Restored,
    RestoreTest,
    has_passed,
    restore_test_job,
    why_failed,
    why_waiting,
)
from pulumi_stateful_service.live.state.volume_snapshots import note_of_test

_FIRST_PAUSE, _LAST_PAUSE = 0.2, 2.0
"""Seconds between two looks."""
_GRACE_SECONDS = 30
"""How much later than its own time limit the Job may say that it has ended."""


class RestoreFailedError(Exception):
    """Why the snapshots could not be restored, or the check did not pass."""


async def test_restore(
    cluster: Cluster,
    stateful_set: KubernetesObject,
    namespace: str,
    restored: Restored,
    test: RestoreTest,
    labels: Mapping[str, str],
    resource: pulumi.Resource,
) -> None:
    """Runs the test, notes on the snapshots whether it passed, and deletes the Job and its volumes where it has.

    Raises RestoreFailedError where it has not; the Job stays for an hour then, so that its Pod can be looked at.
    """
    job = restore_test_job(stateful_set, restored, test, labels)
    name, set_name = job["metadata"]["name"], stateful_set["metadata"]["name"]
    try:
        await cluster.create(JOB, namespace, job, action=Action.TEST_RESTORE, field_manager=field_manager(set_name))
    except ClusterError as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
    problem = await _problem(cluster, namespace, name, restored, test, resource)
    noted = {RESTORE_TEST_ANNOTATION: note_of_test(cluster.now(), passed=not problem)}
    for snapshot in restored.snapshots.values():
        await annotate(cluster, SNAPSHOT, namespace, snapshot, noted, set_name, action=Action.NOTE_RESTORE_TEST)
    if problem:
        raise RestoreFailedError(
            f"{problem}. Job {name} is kept for an hour: kubectl --namespace {namespace} describe job {name}"
        )
    await cluster.delete(JOB, namespace, name, action=Action.END_RESTORE_TEST)


async def _problem(
    cluster: Cluster, namespace: str, name: str, restored: Restored, test: RestoreTest, resource: pulumi.Resource
) -> str:
    """Why the test failed; empty where it passed."""
    pause, deadline = _FIRST_PAUSE, time.monotonic() + test.timeout_seconds + _GRACE_SECONDS
    where = f"Job {name}, which restores {', '.join(sorted(restored.snapshots.values()))}"
    while True:
        job = await cluster.get(JOB, namespace, name)
        if job is None:
            return f"{where}, was deleted"
        passed = has_passed(job)
        if passed:
            return ""
        pods = await cluster.list("Pod", namespace, labels={"batch.kubernetes.io/job-name": name})
        if passed is False:
            return f"{where}: {why_failed(job, pods)}"
        waiting = "; ".join(filter(None, map(why_waiting, pods))) or "the check runs"
        if time.monotonic() > deadline:
            return f"{where}, has not ended within snapshots.restore_test.timeout_seconds: {waiting}"
        messages.info(f"{restored.pod} is restored from its snapshots: {waiting}", resource, ephemeral=True)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LAST_PAUSE)
