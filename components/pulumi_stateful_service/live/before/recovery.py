"""What ``recover`` will do: from which instance, and why. It is refused beside a cluster that runs."""

import asyncio
from collections.abc import Sequence

from pulumi_stateful_service.documentation import RECOVERY
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import claim_name, pod_name
from pulumi_stateful_service.live.before.application_versions import kept_claims
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.client.errors import ForbiddenError
from pulumi_stateful_service.live.instance_numbers import asked_number
from pulumi_stateful_service.live.state.recovery import (
    Progress,
    RecoveryNote,
    RecoveryPlan,
    claims_without,
    compared_text,
    has_service_note,
    highest,
    latest_note,
    never_created,
    ready_names,
    ready_refusal,
)
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, desired_ordinals


async def is_to_be_recovered(
    cluster: Cluster, live: KubernetesObject, claims: Sequence[KubernetesObject], change: Change
) -> bool:
    """Whether the recovery that the program asks for is not done, or not noted everywhere."""
    plan = change.recovery
    if plan is None or not desired_ordinals(live):
        return False
    service = await cluster.get_service(live["metadata"]["namespace"], plan.service_name)
    note = latest_note(service, claims)
    if note is None or not _is_done(note, plan):
        return True
    name, ordinals = live["metadata"]["name"], desired_ordinals(live)
    names = {claim_name(volume, name, ordinal) for volume in claim_templates(live) for ordinal in ordinals}
    current = [claim for claim in claims if claim["metadata"]["name"] in names]
    return bool(claims_without(note, current)) or not has_service_note(note, service)


async def is_new(cluster: Cluster, live: KubernetesObject | None, change: Change) -> bool:
    """Whether a service with ``recover`` has no data yet, so that nothing can be recovered."""
    return (
        change.recovery is not None
        and live is None
        and not change.restored_claims
        and not await kept_claims(cluster, change)
    )


async def recovery_line(
    cluster: Cluster,
    live: KubernetesObject | None,
    claims: Sequence[KubernetesObject],
    change: Change,
    *,
    asks: bool,
) -> str:
    """What is said of the recovery that is to be done; empty where there is none.

    With ``asks`` the instances are compared as they are now. Raises RefusedError where it must not be done, or could
    not.
    """
    plan = change.recovery
    if plan is None or not desired_ordinals(change.stateful_set) or await is_new(cluster, live, change):
        return ""
    namespace = change.namespace or cluster.default_namespace
    found = claims if live is not None else await kept_claims(cluster, change)
    note = latest_note(await cluster.get_service(namespace, plan.service_name), found)
    pods = await cluster.list_pods(live) if live is not None else []
    if note is not None and note.request == plan.request:
        return _of_begun(change, plan, note, pods)
    if refusal := _refusal(change.stateful_set, plan, pods):
        raise _refused(change, refusal)
    if plan.ordinal is not None:
        return f"recover {plan.request!r} runs in {pod_name(change.set_name, plan.ordinal)}, as recover.ordinal says"
    return await _compared(cluster, change, plan, pods) if asks else ""


def _of_begun(change: Change, plan: RecoveryPlan, note: RecoveryNote, pods: Sequence[KubernetesObject]) -> str:
    if note.progress is Progress.DONE or note.ordinal is None:
        return ""
    begun_in = pod_name(change.set_name, note.ordinal)
    if plan.ordinal not in {None, note.ordinal}:
        raise _refused(
            change,
            f"recover {plan.request!r} was begun in {begun_in}, and recover.ordinal is {plan.ordinal} now. To recover "
            "from another instance, give recover.request another value",
        )
    is_over = ready_names(pods) and not plan.despite_ready
    return "" if is_over else f"recover {plan.request!r} was begun in {begun_in}, and goes on there"


def _refusal(desired: KubernetesObject, plan: RecoveryPlan, pods: Sequence[KubernetesObject]) -> str:
    """Why a recovery is not begun; empty where it is."""
    ready = [] if plan.despite_ready else ready_names(pods)
    if ready:
        return ready_refusal(plan, ready)
    if unknown := [each for each in plan.ordinals(desired) if each not in desired_ordinals(desired)]:
        return f"recover names ordinal {unknown[0]}, and there is no such instance"
    if missing := never_created(desired, plan, pods):
        return (
            f"recover needs {', '.join(missing)}, which {'does' if len(missing) == 1 else 'do'} not exist, and with "
            "pod_management_policy OrderedReady Kubernetes creates none before the ones below are ready. Set "
            "pod_management_policy='Parallel', with recreate_keeping_pods=True for this pulumi up"
        )
    return ""


async def _compared(cluster: Cluster, change: Change, plan: RecoveryPlan, pods: Sequence[KubernetesObject]) -> str:
    """Which instance would be chosen now, and why; or which cannot be asked."""
    name, ordinals = change.set_name, plan.ordinals(change.stateful_set)
    where = (change.namespace or cluster.default_namespace, name)
    try:
        answers = await asyncio.gather(*(asked_number(cluster, plan, where, ordinal, pods) for ordinal in ordinals))
    except ForbiddenError as error:
        return f"recover {plan.request!r} compares the instances in pulumi up, and not in this preview: {error.problem}"
    by_ordinal = dict(zip(ordinals, answers, strict=True))
    numbers = {ordinal: each for ordinal, each in by_ordinal.items() if isinstance(each, int)}
    if len(numbers) < len(by_ordinal):
        why = [f"{pod_name(name, ordinal)}: {each}" for ordinal, each in by_ordinal.items() if isinstance(each, str)]
        return f"recover {plan.request!r} waits in pulumi up until each instance tells its number; now {'; '.join(why)}"
    chosen = pod_name(name, highest(numbers))
    return f"recover {plan.request!r} runs in {chosen}, which has the highest number ({compared_text(name, numbers)})"


def _is_done(note: RecoveryNote, plan: RecoveryPlan) -> bool:
    return note.request == plan.request and note.progress is Progress.DONE


def _refused(change: Change, why: str) -> RefusedError:
    return RefusedError(f"{change.prefix}: {why} ({RECOVERY}).")
