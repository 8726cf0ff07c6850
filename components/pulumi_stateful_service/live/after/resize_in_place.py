"""Changes CPU and memory of the running Pods, and has the StatefulSet follow without a rollout (``resize``).

The partition, or ``OnDelete``, holds every instance back meanwhile. What is left to do is read from the Pods at each
turn, so an ``up`` that was killed is continued by the next, and a Pod that was created again is resized again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import pulumi

from pulumi_stateful_service.documentation import RESIZE
from pulumi_stateful_service.errors import RolloutError
from pulumi_stateful_service.foundation import messages
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.after.target import (
    NotAnsweredError,
    RolloutTarget,
    indented,
    pause,
    read_observed,
    retry_until_answered,
    set_partition,
)
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError, ForbiddenError
from pulumi_stateful_service.live.pod_templates import read_templates
from pulumi_stateful_service.live.rollout_plan import ResizePlan
from pulumi_stateful_service.live.state.pod_status import is_ready, is_terminating, ordinal_of, ready_since, revision
from pulumi_stateful_service.live.state.resize import PodResize, ResizeStep, next_step, why_replaced, without_request
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals, partition_of, updated_at_a_time

_RETURN_SECONDS = 30
"""Beyond its grace period, in which a Pod that was deleted is there again."""
_CHANGED_MEANWHILE = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@dataclass(frozen=True)
class _Work:
    """A Pod that is not as the template, or lacks its revision, and what comes next for it."""

    pod: KubernetesObject
    next: PodResize

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.pod["metadata"]["uid"])


async def resize_in_place(cluster: Cluster, target: RolloutTarget, plan: ResizePlan, resource: pulumi.Resource) -> None:
    """Resizes and labels one Pod after another, and returns when none is left that can be.

    Those that cannot be resized keep their revision, for the rollout to replace them. Raises RolloutError where a node
    cannot give a Pod what it asks for and ``plan`` does not say to replace it, or where it takes too long.
    """
    resizing = _Resizing(cluster, target, plan, resource)
    while await resizing.turn():
        await pause(cluster, resizing.started)


async def release(cluster: Cluster, target: RolloutTarget) -> None:
    """Ends the holding back: the instances that were not resized are replaced."""
    live = await read_observed(cluster, target)
    if partition_of(live):
        await set_partition(cluster, target, live, 0)


class _Resizing:
    """The Pods of one StatefulSet while they are resized."""

    def __init__(self, cluster: Cluster, target: RolloutTarget, plan: ResizePlan, resource: pulumi.Resource) -> None:
        self._cluster = cluster
        self._target = target
        self._plan = plan
        self._resource = resource
        self._given_up: set[str] = set()
        self.started = time.monotonic()
        """When the last Pod was done."""

    async def turn(self) -> bool:
        """Does what can be done now, and tells whether anything is left."""
        live = await read_observed(self._cluster, self._target)
        pods = await retry_until_answered(self._target, lambda: self._cluster.list_pods(live))
        work = await self._work(live, pods)
        for each in work:
            if each.next.step is ResizeStep.STUCK:
                self._give_up(each, each.next.why, is_final=each.next.is_infeasible)
        work = [each for each in work if each.uid not in self._given_up]
        try:
            for each in work:
                if each.next.step is ResizeStep.LABEL:
                    await self._label(each, live)
            for each in self._to_begin(live, pods, work):
                await self._begin(each)
        except ForbiddenError:
            raise
        except ClusterError as error:
            self._check_time(work, error.problem)
            return True
        self._check_time(work)
        return bool(work) or self._is_one_coming_back(live, pods)

    async def _work(self, live: KubernetesObject, pods: Sequence[KubernetesObject]) -> list[_Work]:
        """What is left to do, the highest ordinal first."""
        update_revision, template = live["status"].get("updateRevision"), live["spec"]["template"]
        templates = await retry_until_answered(self._target, lambda: read_templates(self._cluster, live))
        work = []
        for pod in sorted(pods, key=ordinal_of, reverse=True):
            is_due = ordinal_of(pod) in desired_ordinals(live) and not is_terminating(pod)
            if not is_due or pod["metadata"]["uid"] in self._given_up:
                continue
            if why_replaced(pod, templates.get(revision(pod)), live) is None:
                step = next_step(pod, template, update_revision)
                work += [_Work(pod, step)] * (step.step is not ResizeStep.NOTHING)
        return work

    def _is_one_coming_back(self, live: KubernetesObject, pods: Sequence[KubernetesObject]) -> bool:
        """Whether a Pod that is held back was deleted: it comes back with the revision before, and is resized then.

        One that takes longer than it should is left to the rollout, which says why.
        """
        there = {ordinal_of(pod) for pod in pods if not is_terminating(pod)}
        held_back = desired_ordinals(live)[: partition_of(live)]
        grace = live["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", 30) + _RETURN_SECONDS
        return not there.issuperset(held_back) and time.monotonic() - self.started < grace

    def _to_begin(self, live: KubernetesObject, pods: Sequence[KubernetesObject], work: Sequence[_Work]) -> list[_Work]:
        """Those that are not ready at once; of the others as many as may be unavailable, when all are available."""
        waiting = [each for each in work if each.next.step is ResizeStep.RESIZE]
        unready = [each for each in waiting if not is_ready(each.pod)]
        begun = [each for each in work if each.next.step in (ResizeStep.WAIT, ResizeStep.STUCK)]
        if unready or not self._are_available(live, pods):
            return unready
        return waiting[: max(0, updated_at_a_time(live) - len(begun))]

    def _are_available(self, live: KubernetesObject, pods: Sequence[KubernetesObject]) -> bool:
        now, seconds = self._cluster.now(), live["spec"].get("minReadySeconds", 0)
        since = [ready_since(pod) for pod in pods if not is_terminating(pod)]
        available = [each for each in since if each is not None and (now - each).total_seconds() >= seconds]
        return len(available) >= len(desired_ordinals(live))

    async def _begin(self, work: _Work) -> None:
        try:
            await self._cluster.resize_pod(work.pod, work.next.spec, action=Action.RESIZE_POD)
        except ClusterError as error:
            if error.transient or not error.status:
                raise
            if error.status not in _CHANGED_MEANWHILE:
                self._give_up(work, without_request(error.problem), is_final=True)
            return
        messages.info(f"{work.name}: {work.next.changes} in place", self._resource, ephemeral=True)

    async def _label(self, work: _Work, live: KubernetesObject) -> None:
        labels = {"controller-revision-hash": live["status"]["updateRevision"]}
        try:
            await self._cluster.label_pod(work.pod, labels, action=Action.LABEL_POD)
        except ClusterError as error:
            if error.status not in _CHANGED_MEANWHILE:
                raise
            return  # It is compared again.
        self.started = time.monotonic()
        messages.info(f"{work.name}: resized in place", self._resource, ephemeral=True)

    def _give_up(self, work: _Work, why: str, *, is_final: bool) -> None:
        """Leaves a Pod to the rollout, if the program says so. Raises RolloutError where it does not, and never will.

        A node that cannot give it now may do so later.
        """
        if self._plan.replaces:
            self._given_up.add(work.uid)
            said = f"{work.name} cannot be resized in place, so it is replaced (resize): {why}"
            messages.warn(f"{self._target.prefix}: {said}", self._resource)
        elif is_final:
            raise RolloutError(self._problem([f"{work.name}: {why}"]))

    def _check_time(self, work: Sequence[_Work], problem: str = "") -> None:
        seconds = self._target.rollout_timeout_seconds
        if time.monotonic() - self.started < seconds:
            return
        if problem:
            raise NotAnsweredError(self._problem([f"the Kubernetes API does not answer: {problem}"]))
        waiting = [f"{each.name}: {each.next.why or 'waits for the others to be ready'}" for each in work]
        raise RolloutError(self._problem([*waiting, f"Waited for rollout_timeout_seconds ({seconds})."]))

    def _problem(self, lines: Sequence[str]) -> str:
        remedy = (
            "No Pod was replaced. The next pulumi up continues; set other resources, free the node, or set resize to "
            f"InPlaceOrReplace to have the instance replaced ({RESIZE})."
        )
        return "\n".join(
            [f"{self._target.prefix}: CPU and memory could not be changed in place:", *indented(lines), remedy]
        )
