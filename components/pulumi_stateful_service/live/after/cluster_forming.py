"""Forms the application's cluster, once: runs the command when the first instances run, and keeps what it prints.

The order: the Secret is made, empty; that the command begins is noted; it runs; its output is stored; that the cluster
is formed is noted. So what is stored is noted last, and no right or quota fails when there is something to lose. An
``up`` that is killed while the command runs, or before its output is stored, loses it, which the next one says; with a
command of its own for the output (``output``) it does not.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import pulumi

from pulumi_stateful_service.documentation import FORMING
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import (
    CLUSTER_ANNOTATION,
    CONTAINER_NAME,
    FORMED_LABEL,
    field_manager,
)
from pulumi_stateful_service.live.after.check_result import CheckResult, Outcome, asked
from pulumi_stateful_service.live.after.target import (
    RolloutTarget,
    list_claims_until_answered,
    list_pods_until_answered,
    pause,
    read_service_and_claims,
    read_until_answered,
    retry_until_answered,
)
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.object_notes import annotate
from pulumi_stateful_service.live.state.cluster_forming import (
    FormPlan,
    began,
    formed_note,
    forming_note,
    instance_to_form_in,
    is_formed,
    may_still_run,
    without_note,
)
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals
from pulumi_stateful_service.outside_text import exit_problem

if TYPE_CHECKING:
    from pulumi_stateful_service.live.client.exec import Ended

_T = TypeVar("_T")

_PAUSE = 1.0
"""Seconds between two attempts."""
OUTPUT_KEY = "output"
"""The key of the output in its Secret."""
_MAX_OUTPUT = 512 * 1024
"""Bytes of output that a Secret takes; more is cut."""


async def form_cluster(cluster: Cluster, target: RolloutTarget, plan: FormPlan, resource: pulumi.Resource) -> None:
    """Forms the application's cluster where it has none, and notes it.

    Raises RolloutError where the command does not succeed in time, and where its output was lost.
    """
    live = await read_until_answered(cluster, target)
    if len(desired_ordinals(live)):
        await _Forming(cluster, target, plan, resource).form(live)


async def note_formed(cluster: Cluster, target: RolloutTarget, plan: FormPlan) -> None:
    """Notes that the application has a cluster, where it has, on what has come since and has no note."""
    service, claims = await read_service_and_claims(cluster, target, plan.service_name)
    if is_formed(service, claims):
        await retry_until_answered(target, lambda: _note_on_claims(cluster, target, claims))
        if not is_formed(service, []):
            await _note_on_service(cluster, target, plan, formed_note(cluster.now()))


async def _note_on_service(cluster: Cluster, target: RolloutTarget, plan: FormPlan, note: str | None) -> None:
    noted, action = {CLUSTER_ANNOTATION: note}, Action.NOTE_CLUSTER
    await retry_until_answered(
        target,
        lambda: annotate(cluster, "Service", target.namespace, plan.service_name, noted, target.name, action=action),
    )


async def _note_on_claims(cluster: Cluster, target: RolloutTarget, claims: list[KubernetesObject]) -> None:
    for name in without_note(claims):
        await annotate(
            cluster,
            "PersistentVolumeClaim",
            target.namespace,
            name,
            {CLUSTER_ANNOTATION: formed_note(cluster.now())},
            target.name,
            action=Action.NOTE_CLUSTER_ON_CLAIM,
            may_be_gone=True,
        )


@dataclass(frozen=True)
class _Forming:
    """The forming of one cluster."""

    cluster: Cluster
    target: RolloutTarget
    plan: FormPlan
    resource: pulumi.Resource

    async def form(self, live: KubernetesObject) -> None:
        service, claims = await read_service_and_claims(self.cluster, self.target, self.plan.service_name)
        if is_formed(service, claims):
            return
        pod = await self._running_instance(live)
        since, ended = began(service), time.monotonic() + self.plan.timeout_seconds
        if may_still_run(since, self.cluster.now(), self.plan):
            ended += self.plan.timeout_seconds
        why = "no answer"
        while time.monotonic() < ended:
            result = await self._asks(pod)
            if result.outcome is Outcome.PASSED:
                await self._found_formed(pod, was_begun=since is not None)
                return
            if result.outcome is Outcome.NOT_ANSWERED or may_still_run(since, self.cluster.now(), self.plan):
                why = f"form_cluster.check: {result.why}"
            else:
                status, why = await _to_its_end(self._run(pod))
                if status == 0:
                    return
                since = self.cluster.now() if status is None else None
            messages.info(f"form_cluster: {why}", self.resource, ephemeral=True)
            await asyncio.sleep(_PAUSE)
        raise self._error(
            f"form_cluster did not succeed within {self.plan.timeout_seconds} s: {why}. The next pulumi up continues"
        )

    async def _running_instance(self, live: KubernetesObject) -> KubernetesObject:
        started = time.monotonic()
        while True:
            pods = await list_pods_until_answered(self.cluster, self.target, live)
            if (pod := instance_to_form_in(live, pods)) is not None:
                return pod
            seconds = self.target.rollout_timeout_seconds
            if time.monotonic() - started > seconds:
                raise self._error(
                    f"form_cluster was not run, because the first instances did not all run within "
                    f"rollout_timeout_seconds ({seconds}). See why: kubectl --namespace {self.target.namespace} get "
                    f"pods. The next pulumi up continues"
                )
            await pause(self.cluster, started)

    async def _asks(self, pod: KubernetesObject) -> CheckResult:
        """Whether the application has a cluster."""

        async def failure() -> str | None:
            words = self.plan.words(self.plan.check, pod, self.target.name)
            seconds = float(self.plan.timeout_seconds)
            status, output = await self.cluster.run_in_pod(
                self.target.namespace,
                pod["metadata"]["name"],
                CONTAINER_NAME,
                words,
                seconds,
                action=Action.CHECK_CLUSTER,
            )
            return exit_problem(status, output)

        return await asked(failure())

    async def _run(self, pod: KubernetesObject) -> tuple[int | None, str]:
        """Runs the command, and stores and notes what follows. Status and why; None where it is not known."""
        await self._prepare_secret()
        await self._note_on_service(forming_note(self.cluster.now()))
        try:
            ended = await self._ended(pod, self.plan.command)
        except ClusterError as error:
            return None, error.problem
        if (why := exit_problem(ended.status, ended.output)) is not None:
            await self._note_on_service(None)
            return ended.status, why
        await (self._store(ended.stdout) if self.plan.output is None else self._store_printed(pod, self.plan.output))
        await self._note_formed()
        kept = f" What it printed is in Secret {self.plan.secret_name}." if self.plan.secret_name else ""
        self._say(f"form_cluster has formed the application's cluster in {pod['metadata']['name']}.{kept}")
        return 0, ""

    async def _ended(self, pod: KubernetesObject, command: Sequence[str]) -> "Ended":
        words = self.plan.words(command, pod, self.target.name)
        return await self.cluster.ended_in_pod(
            self.target.namespace,
            pod["metadata"]["name"],
            CONTAINER_NAME,
            words,
            self.plan.timeout_seconds,
            action=Action.FORM_CLUSTER,
        )

    async def _store_printed(self, pod: KubernetesObject, command: Sequence[str]) -> None:
        """Stores what a command of its own prints. Raises RolloutError where it fails: the next ``up`` repeats it."""
        try:
            ended = await self._ended(pod, command)
            why = f"exit status {ended.status}" if ended.status else ""
        except ClusterError as error:
            why = error.problem
        if why:
            raise self._error(
                f"form_cluster has formed the application's cluster, and form_cluster.output has failed: {why}. "
                "The next pulumi up runs it again"
            )
        await self._store(ended.stdout)

    async def _found_formed(self, pod: KubernetesObject, *, was_begun: bool) -> None:
        """Notes that there is a cluster: one of an earlier time, or of an ``up`` that was interrupted."""
        is_missing = self.plan.secret_name is not None and not await self._stored()
        if is_missing and self.plan.output is not None:
            await self._make_secret()
            await self._store_printed(pod, self.plan.output)
        elif is_missing and was_begun:
            secret = f"{self.target.namespace}/{self.plan.secret_name}"
            raise self._error(
                f"form_cluster has formed the application's cluster, and what it printed is lost: the pulumi up that "
                f"ran it was interrupted before it was stored in Secret {secret}. If you have it, store it: kubectl "
                f"--namespace {self.target.namespace} patch secret {self.plan.secret_name} --patch "
                f'\'{{"stringData":{{"{OUTPUT_KEY}":"…"}}}}\'. To go on without it, remove '
                "form_cluster.secret_name. To form the cluster anew, destroy the service and delete its claims"
            )
        await self._note_formed()
        self._say("form_cluster did not run: form_cluster.check says that the application has a cluster.")

    async def _note_formed(self) -> None:
        """On the claims first: they outlive the Service."""
        claims = await list_claims_until_answered(self.cluster, self.target)
        await retry_until_answered(self.target, lambda: _note_on_claims(self.cluster, self.target, claims))
        await self._note_on_service(formed_note(self.cluster.now()))

    async def _note_on_service(self, note: str | None) -> None:
        await _note_on_service(self.cluster, self.target, self.plan, note)

    async def _stored(self) -> bool:
        """Whether the Secret has an output. Raises RolloutError where it is not the component's."""
        name = self.plan.secret_name
        found = await self.cluster.get("Secret", self.target.namespace, name) if name is not None else None
        if found is not None and (found["metadata"].get("labels") or {}).get(FORMED_LABEL) != self.target.name:
            raise self._error(
                f"Secret {self.target.namespace}/{name} exists, and is not of this service: form_cluster.secret_name "
                "must be another one. The application's cluster was not formed"
            )
        return bool(found and (found.get("data") or {}).get(OUTPUT_KEY))

    async def _prepare_secret(self) -> None:
        """Makes the Secret, empty, before there is something to lose. One with an output is never overwritten."""
        name = self.plan.secret_name
        if name is None:
            return
        if await retry_until_answered(self.target, self._stored):
            raise self._error(
                f"Secret {self.target.namespace}/{name} has the output of an earlier form_cluster, which would be "
                "overwritten. The application's cluster was not formed. If it is of no use any more, delete it: "
                f"kubectl --namespace {self.target.namespace} delete secret {name}"
            )
        await self._make_secret()

    async def _make_secret(self) -> None:
        labels = {FORMED_LABEL: self.target.name}
        body = {"metadata": {"name": self.plan.secret_name, "labels": labels}, "type": "Opaque"}
        try:
            await self.cluster.create(
                "Secret",
                self.target.namespace,
                body,
                action=Action.MAKE_OUTPUT_SECRET,
                field_manager=field_manager(self.target.name),
            )
        except ClusterError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    async def _store(self, output: str) -> None:
        name = self.plan.secret_name
        if name is None:
            return
        kept = output.encode()[:_MAX_OUTPUT].decode(errors="ignore")
        await retry_until_answered(
            self.target,
            lambda: self.cluster.patch(
                "Secret",
                self.target.namespace,
                name,
                {"stringData": {OUTPUT_KEY: kept}},
                action=Action.STORE_OUTPUT,
                field_manager=field_manager(self.target.name),
            ),
        )

    def _say(self, text: str) -> None:
        messages.info(f"{self.target.prefix}: {text}", self.resource)

    def _error(self, what: str) -> RolloutError:
        return RolloutError(f"{self.target.prefix}: {what} ({FORMING}).")


async def _to_its_end(work: Coroutine[Any, Any, _T]) -> _T:
    """Awaits work also where an interruption cancels what waits for it: its result would be lost."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
