"""Finds out what a change of the version is to the data that there are: refuses it, or says what comes before it.

Only reads. Without a version that is known nothing is judged, and that is said.
"""

from collections.abc import Collection, Sequence

from pulumi_stateful_service.documentation import APPLICATION_VERSIONS
from pulumi_stateful_service.errors import RefusedError
from pulumi_stateful_service.foundation.image_versions import Version
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import claim_name
from pulumi_stateful_service.foundation.outputs import contains_unknown
from pulumi_stateful_service.live.before.change import Change
from pulumi_stateful_service.live.client.cluster import Cluster
from pulumi_stateful_service.live.state.application_versions import (
    InstanceData,
    VersionPlan,
    VersionWork,
    WantedVersion,
    data_of_instances,
    downgraded,
    image_of,
    lagging_notes,
    skipping,
)
from pulumi_stateful_service.live.state.pod_status import is_ready, is_terminating, ordinal_of
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, desired_ordinals

_MAX_SHOWN = 10


def wanted_version(change: Change) -> WantedVersion | None:
    """The version that the change asks for; None where the program has none, or the image is not known yet."""
    image = image_of(change.stateful_set["spec"]["template"]["spec"])
    if change.version is None or contains_unknown(image):
        return None
    return WantedVersion(change.version, str(image))


async def version_work(
    cluster: Cluster,
    change: Change,
    live: KubernetesObject | None,
    claims: Sequence[KubernetesObject],
    replaced: Collection[str] = (),
) -> VersionWork | None:
    """What is to be done; None where nothing is asked for. Claims that are ``replaced`` by others count no more.

    Raises RefusedError for a downgrade, a skipped major, and a check that no instance can run.
    """
    wanted = wanted_version(change)
    if wanted is None:
        return None
    desired = change.stateful_set
    pods = await cluster.list_pods(live) if live is not None else []
    known = claims if live is not None else await kept_claims(cluster, change)
    kept = [claim for claim in known if claim["metadata"]["name"] not in replaced]
    data = data_of_instances(desired, kept, pods, wanted)
    notes = lagging_notes(live or desired, pods, kept, wanted)
    if wanted.version is not None and (refusals := _refusals(change, data, wanted.version)):
        raise RefusedError(f"{change.prefix}: {' '.join(refusals)}")
    checked_in = _to_check(change, wanted, pods)
    return VersionWork(wanted, notes, checked_in, _lines(wanted, checked_in))


async def kept_claims(cluster: Cluster, change: Change) -> list[KubernetesObject]:
    """The claims that a StatefulSet which does not exist finds when it is created."""
    desired, namespace = change.stateful_set, change.namespace or cluster.default_namespace
    name, labels = desired["metadata"]["name"], desired["spec"]["selector"]["matchLabels"]
    names = {
        claim_name(volume, name, each) for volume in claim_templates(desired) for each in desired_ordinals(desired)
    }
    return await cluster.list_set_claims(namespace, names, labels)


def _refusals(change: Change, data: Sequence[InstanceData], version: Version) -> list[str]:
    plan, desired = change.version or VersionPlan(), change.stateful_set
    refusals = []
    if not plan.allows_downgrade and (found := downgraded(data, desired, version)):
        latest = found[0].latest
        refusals.append(
            f"version {version} of image would run on data that {latest} has used ({_claims(found)}), which most "
            f"databases cannot read. Set an image of {latest} or later. To go back with the data of before, restore a "
            "snapshot of them. If the application can read what the later version has written, set "
            f"version.downgrade='Allow' for this pulumi up ({APPLICATION_VERSIONS})."
        )
    if found := skipping(data, desired, version, plan):
        latest = found[0].latest
        majors = latest.majors_to(version, plan.major_parts) if latest else 0
        refusals.append(
            f"the data are of version {latest} ({_claims(found)}), {version} of image is {majors} majors later, and "
            f"version.max_majors is {plan.max_majors}. Go to the versions in between first. If the application can "
            f"skip them, set version.max_majors={majors} ({APPLICATION_VERSIONS})."
        )
    return refusals


def _claims(data: Sequence[InstanceData]) -> str:
    names = [name for each in data for name in each.claims]
    more = len(names) - _MAX_SHOWN
    return ", ".join(names[:_MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _not_judged(wanted: WantedVersion) -> str:
    return (
        f"image {wanted.image!r} does not tell its version, so neither a downgrade nor a skipped major is refused, and "
        f"no version is noted. To have them judged, set version.number ({APPLICATION_VERSIONS})"
    )


def _to_check(change: Change, wanted: WantedVersion, pods: Sequence[KubernetesObject]) -> KubernetesObject | None:
    """The instance in which the check runs before the first Pod gets another image: the first one that is ready."""
    images = {image_of(pod["spec"]) for pod in pods}
    if wanted.plan.before is None or not pods or wanted.image in images:
        return None
    usable = sorted((pod for pod in pods if is_ready(pod) and not is_terminating(pod)), key=ordinal_of)
    if usable:
        return usable[0]
    raise RefusedError(
        f"{change.prefix}: version.before cannot run, because no instance is ready, so this change is not made. Remove "
        f"version.before from the program to make it without the check ({APPLICATION_VERSIONS})."
    )


def _lines(wanted: WantedVersion, checked_in: KubernetesObject | None) -> list[str]:
    lines = [] if wanted.version is not None else [_not_judged(wanted)]
    if checked_in is not None:
        lines.append(f"before this change version.before runs in {checked_in['metadata']['name']}")
    return lines
