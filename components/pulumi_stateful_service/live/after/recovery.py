"""Recovers the application from one instance after a crash of all, once per request, and notes how far it has come.

The order: it is noted in which instance the command is about to run, it runs there, that is noted, the instance becomes
ready, and that is noted: on the claims first, which outlive the Service. An ``up`` that is killed is continued in the
same instance, whatever the numbers are by then; the command runs again only where it is not known that it succeeded.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from pulumi_stateful_service.arguments.types import WaitFor
from pulumi_stateful_service.documentation import RECOVERY
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import CONTAINER_NAME, RECOVERY_ANNOTATION, pod_name
from pulumi_stateful_service.live.after.check_result import Outcome, asked
from pulumi_stateful_service.live.after.target import (
    RolloutTarget,
    list_pods_until_answered,
    pause,
    read_service_and_claims,
    read_until_answered,
    retry_until_answered,
)
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.instance_numbers import asked_number
from pulumi_stateful_service.live.object_notes import annotate
from pulumi_stateful_service.live.state.pod_status import Diagnostics, is_ready, ordinal_of, why_not_ready
from pulumi_stateful_service.live.state.recovery import (
    Progress,
    RecoveryNote,
    RecoveryPlan,
    claims_without,
    compared_text,
    has_service_note,
    highest,
    latest_note,
    note_of,
    ready_names,
    ready_refusal,
    why_not_reached,
    why_not_running,
)
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals
from pulumi_stateful_service.outside_text import exit_problem


async def recover(cluster: Cluster, target: RolloutTarget, plan: RecoveryPlan, resource: pulumi.Resource) -> None:
    """Recovers the application where that is not done yet.

    Raises RolloutError where instances are ready without it, where one cannot be asked, and where the chosen one does
    not become ready.
    """
    live = await read_until_answered(cluster, target)
    if len(desired_ordinals(live)):
        await _Recovery(cluster, target, plan, resource).recover(live)


async def note_recovered(cluster: Cluster, target: RolloutTarget, plan: RecoveryPlan) -> None:
    """Notes the recovery that is done on what has come since and has no note of it."""
    service, claims = await read_service_and_claims(cluster, target, plan.service_name)
    note = latest_note(service, claims)
    if note is not None and note.progress is Progress.DONE:
        await _note_done(cluster, target, plan, note, service, claims)


async def note_nothing_to_recover(cluster: Cluster, namespace: str, name: str, plan: RecoveryPlan) -> None:
    """Notes of a service that is about to be created that its recovery is done: it has no data yet."""
    note = note_of(plan, Progress.DONE, cluster.now(), None)
    noted = {RECOVERY_ANNOTATION: str(note)}
    await annotate(cluster, "Service", namespace, plan.service_name, noted, name, action=Action.NOTE_RECOVERY)


async def _note_done(
    cluster: Cluster,
    target: RolloutTarget,
    plan: RecoveryPlan,
    note: RecoveryNote,
    service: KubernetesObject | None,
    claims: list[KubernetesObject],
) -> None:
    for name in claims_without(note, claims):
        noted = {RECOVERY_ANNOTATION: str(note)}

        async def write(name: str = name, noted: Mapping[str, str] = noted) -> None:
            await annotate(
                cluster,
                "PersistentVolumeClaim",
                target.namespace,
                name,
                noted,
                target.name,
                action=Action.NOTE_RECOVERY_ON_CLAIM,
                may_be_gone=True,
            )

        await retry_until_answered(target, write)
    if not has_service_note(note, service):
        await _note_on_service(cluster, target, plan, note)


async def _note_on_service(cluster: Cluster, target: RolloutTarget, plan: RecoveryPlan, note: RecoveryNote) -> None:
    noted, action = {RECOVERY_ANNOTATION: str(note)}, Action.NOTE_RECOVERY
    await retry_until_answered(
        target,
        lambda: annotate(cluster, "Service", target.namespace, plan.service_name, noted, target.name, action=action),
    )


_PAUSE = 0.2
"""Seconds between two attempts: a container that crashes at once is to be met while it runs."""
_REPORT_INTERVAL = 5.0
"""Seconds after which the user sees what is waited for."""


@dataclass(frozen=True)
class _Recovery:
    """One recovery."""

    cluster: Cluster
    target: RolloutTarget
    plan: RecoveryPlan
    resource: pulumi.Resource

    async def recover(self, live: KubernetesObject) -> None:
        service, claims = await read_service_and_claims(self.cluster, self.target, self.plan.service_name)
        noted = latest_note(service, claims)
        if noted is not None and noted.request != self.plan.request:
            noted = None
        if noted is not None and noted.progress is Progress.DONE:
            return
        if noted is not None and noted.ordinal is not None:
            ordinal, why = noted.ordinal, "in which it was begun"
            if ready := await self._ready(live):
                await self._done(ordinal, claims)
                self._say(f"recover {self.plan.request!r} is done: {', '.join(ready)} ready.")
                return
        else:
            ordinal, why = await self._choose(live)
            await self._note(Progress.BEGUN, ordinal)
        pod = pod_name(self.target.name, ordinal)
        self._say(f"recover {self.plan.request!r} runs in {pod}, {why}.")
        if noted is None or noted.progress is Progress.BEGUN:
            await self._tell(live, ordinal)
            await self._note(Progress.TOLD, ordinal)
        if self.target.wait_for == WaitFor.READY:
            await self._until_ready(live, ordinal)
        await self._done(ordinal, claims)
        self._say(f"recover {self.plan.request!r} is done: {pod} has started the application.")

    async def _ready(self, live: KubernetesObject) -> list[str]:
        if self.plan.despite_ready:
            return []
        return ready_names(await list_pods_until_answered(self.cluster, self.target, live))

    async def _choose(self, live: KubernetesObject) -> tuple[int, str]:
        """The ordinal of the instance, and why it is that one."""
        if ready := await self._ready(live):
            raise self._runs_already(ready)
        if self.plan.ordinal is not None:
            return self.plan.ordinal, "as recover.ordinal says"
        numbers = await self._numbers(live)
        text = compared_text(self.target.name, numbers)
        return highest(numbers), f"which has the highest number ({text})"

    async def _numbers(self, live: KubernetesObject) -> dict[int, int]:
        """The number of each instance. One that was told stays: between two crashes of a container it may be asked."""
        where, numbers = (self.target.namespace, self.target.name), dict[int, int]()
        started = shown = time.monotonic()
        while True:
            pods = await list_pods_until_answered(self.cluster, self.target, live)
            if not self.plan.despite_ready and (ready := ready_names(pods)):
                raise self._runs_already(ready)
            missing = [each for each in self.plan.ordinals(live) if each not in numbers]
            answers = await asyncio.gather(
                *(asked_number(self.cluster, self.plan, where, ordinal, pods) for ordinal in missing)
            )
            answered = dict(zip(missing, answers, strict=True))
            numbers |= {ordinal: each for ordinal, each in answered.items() if isinstance(each, int)}
            if len(numbers) == len(self.plan.ordinals(live)):
                return numbers
            why = "; ".join(
                f"{pod_name(self.target.name, ordinal)}: {each}"
                for ordinal, each in answered.items()
                if isinstance(each, str)
            )
            if time.monotonic() - started > self.target.rollout_timeout_seconds:
                raise self._error(
                    f"recover {self.plan.request!r} has chosen no instance: within {self._seconds} not each has told "
                    f"its number: {why}. An instance whose data are lost is left out by recover.compare.ordinals, and "
                    "recover.ordinal chooses without asking. The next pulumi up continues"
                )
            if time.monotonic() - shown > _REPORT_INTERVAL:
                shown = time.monotonic()
                messages.info(f"recover: {why}", self.resource, ephemeral=True)
            await asyncio.sleep(_PAUSE)

    async def _tell(self, live: KubernetesObject, ordinal: int) -> None:
        """Runs the command until it succeeds."""
        pod, started, shown = pod_name(self.target.name, ordinal), time.monotonic(), ""
        while True:
            pods = await list_pods_until_answered(self.cluster, self.target, live)
            why = why_not_reached(ordinal, pods)
            if why is None:
                result = await asked(self._failure(ordinal))
                if result.outcome is Outcome.PASSED:
                    return
                why = why_not_running(ordinal, pods) or result.why
            if time.monotonic() - started > self.target.rollout_timeout_seconds:
                raise self._error(
                    f"recover.command did not succeed in {pod} within {self._seconds}: {why}. The next pulumi up runs "
                    "it there again. To recover from another instance, give recover.request another value"
                )
            if why != shown:
                shown = why
                messages.info(f"recover.command of {pod}: {why}", self.resource, ephemeral=True)
            await asyncio.sleep(_PAUSE)

    async def _failure(self, ordinal: int) -> str | None:
        words = self.plan.words(self.plan.command, self.target.namespace, self.target.name, ordinal)
        status, output = await self.cluster.run_in_pod(
            self.target.namespace,
            pod_name(self.target.name, ordinal),
            CONTAINER_NAME,
            words,
            self.plan.timeout_seconds,
            action=Action.RECOVER_FROM,
        )
        return exit_problem(status, output)

    async def _until_ready(self, live: KubernetesObject, ordinal: int) -> None:
        started = time.monotonic()
        while True:
            pods = await list_pods_until_answered(self.cluster, self.target, live)
            pod = next((each for each in pods if ordinal_of(each) == ordinal), None)
            if pod is not None and is_ready(pod):
                return
            if time.monotonic() - started > self.target.rollout_timeout_seconds:
                name = pod_name(self.target.name, ordinal)
                why = "it does not exist" if pod is None else why_not_ready(pod, Diagnostics())
                raise self._error(
                    f"recover.command has succeeded in {name}, which was not ready within {self._seconds}: {why}. The "
                    "next pulumi up waits for it again, without the command. To run it again, there or in another "
                    "instance, give recover.request another value"
                )
            await pause(self.cluster, started)

    async def _note(self, progress: Progress, ordinal: int) -> None:
        note = note_of(self.plan, progress, self.cluster.now(), ordinal)
        await _note_on_service(self.cluster, self.target, self.plan, note)

    async def _done(self, ordinal: int, claims: list[KubernetesObject]) -> None:
        note = note_of(self.plan, Progress.DONE, self.cluster.now(), ordinal)
        await _note_done(self.cluster, self.target, self.plan, note, None, claims)

    @property
    def _seconds(self) -> str:
        return f"rollout_timeout_seconds ({self.target.rollout_timeout_seconds})"

    def _say(self, text: str) -> None:
        messages.info(f"{self.target.prefix}: {text}", self.resource)

    def _runs_already(self, ready: list[str]) -> RolloutError:
        return self._error(f"{ready_refusal(self.plan, ready)}. The command was not run")

    def _error(self, what: str) -> RolloutError:
        return RolloutError(f"{self.target.prefix}: {what} ({RECOVERY}).")
