"""Which Pods get new CPU and memory in place: by their own templates, and by the API server's word on each."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.live.before.forecast import Resizes
from pulumi_stateful_service.live.client.access import Action
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ClusterError
from pulumi_stateful_service.live.pod_templates import read_templates
from pulumi_stateful_service.live.rollout_plan import ResizePlan
from pulumi_stateful_service.live.state.pod_status import is_terminating, ordinal_of, revision
from pulumi_stateful_service.live.state.pod_template_changes import pod_template_changes
from pulumi_stateful_service.live.state.resize import PodResize, ResizeStep, next_step, why_replaced, without_request
from pulumi_stateful_service.live.state.stateful_set_fields import desired_ordinals, is_updated_on_delete

_RIGHTS = (("patch", "resize"), ("patch", ""))
"""Verb and subresource of Pods."""


async def find_resizes(
    cluster: Cluster,
    plan: ResizePlan,
    live: KubernetesObject,
    after: KubernetesObject,
    pods: Sequence[KubernetesObject],
    new_revision: str | None,
    *,
    leader_last: bool,
) -> Resizes:
    """The Pods that get the CPU and memory of ``after`` in place, and why others, or all, are replaced for them.

    ``new_revision`` is None where no Pod runs it yet. Raises ClusterError where the API server does not answer.
    """
    by_ordinal = sorted(pods, key=ordinal_of, reverse=True)
    remaining = [pod for pod in by_ordinal if ordinal_of(pod) in desired_ordinals(after) and not is_terminating(pod)]
    templates = await read_templates(cluster, live)
    steps: dict[str, PodResize] = {}
    reasons: list[str] = []
    for pod in remaining:
        why = why_replaced(pod, templates.get(revision(pod)), after)
        if why is not None:
            reasons += [why] * (revision(pod) != new_revision)
            continue
        step = next_step(pod, after["spec"]["template"], new_revision)
        if step.step is ResizeStep.STUCK and plan.replaces:
            reasons.append(step.why)
        elif step.step is not ResizeStep.NOTHING:
            steps[pod["metadata"]["name"]] = step
    if not steps:
        return Resizes(why_not=_worth_saying(reasons, live, after))
    if why_none := plan.why_not or _strategy_reason(live, after, leader_last=leader_last):
        return Resizes(why_not=why_none)
    if not await cluster.resizes_pods():
        return Resizes(why_not="this cluster has no pods/resize, which Kubernetes 1.33 brought")
    missing = await _missing_rights(cluster, live["metadata"]["namespace"])
    if missing:
        return Resizes(missing_rights=missing)
    by_name = {pod["metadata"]["name"]: pod for pod in remaining}
    answers = await asyncio.gather(*(_refusal(cluster, by_name[name], step, after) for name, step in steps.items()))
    refusals = {name: answer for name, answer in zip(steps, answers, strict=True) if answer is not None}
    refused = {name: each.why for name, each in refusals.items() if each.is_of_pod and not plan.replaces}
    reasons += [each.why for each in refusals.values()]
    accepted = {name: step for name, step in steps.items() if name not in refusals}
    return Resizes(accepted, _worth_saying(reasons, live, after), refused=refused)


@dataclass(frozen=True)
class _Refusal:
    """Why the API server does not make a resize."""

    why: str
    is_of_pod: bool
    """Whether it could be: node, quota or admission are in the way, and no rule of Kubernetes."""


def _worth_saying(reasons: Sequence[str], live: KubernetesObject, after: KubernetesObject) -> str:
    """The first reason, where CPU or memory change at all."""
    concerned = any(each.endswith("resources") for each in pod_template_changes(live, after))
    return reasons[0] if reasons and concerned else ""


def _strategy_reason(live: KubernetesObject, after: KubernetesObject, *, leader_last: bool) -> str:
    before, later = is_updated_on_delete(live), is_updated_on_delete(after)
    if before != later:
        return "the update strategy changes with them"
    return "with OnDelete you decide when an instance gets the change" if later and not leader_last else ""


async def _missing_rights(cluster: Cluster, namespace: str) -> list[str]:
    async def may(verb: str, subresource: str) -> bool:
        try:
            return await cluster.may(namespace, verb, "", "pods", subresource)
        except ClusterError:
            return True  # An API server that does not tell: what is missing shows in the dry run.

    allowed = await asyncio.gather(*(may(*each) for each in _RIGHTS))
    return [
        f"{verb} {'/'.join(filter(None, ['pods', subresource]))}"
        for (verb, subresource), is_allowed in zip(_RIGHTS, allowed, strict=True)
        if not is_allowed
    ]


async def _refusal(
    cluster: Cluster, pod: KubernetesObject, step: PodResize, after: KubernetesObject
) -> _Refusal | None:
    """Why the API server does not make the resize of a Pod, or makes another of it; None where it would."""
    if step.step is not ResizeStep.RESIZE:
        return None
    try:
        stored = await cluster.resize_pod(pod, step.spec, action=Action.FORECAST_RESIZE)
    except ClusterError as error:
        if error.transient or not error.status:
            raise
        return _Refusal(without_request(error.problem), is_of_pod=error.status == HTTPStatus.FORBIDDEN)
    if next_step(stored, after["spec"]["template"], None).step is ResizeStep.RESIZE:
        return _Refusal("an admission sets other resources", is_of_pod=True)
    return None
