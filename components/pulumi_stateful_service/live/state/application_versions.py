"""The versions of an application that have used the data of each instance, and what a change to another one is to them.

A claim's note is the version that its data are of: it rises when an instance has run a later one on it, and falls only
by the user's word, when an instance is ready with an earlier one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi_stateful_service.arguments.types import Downgrade
from pulumi_stateful_service.foundation.image_versions import Version, parsed_tag, version_of_image
from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import CONTAINER_NAME, DATA_VERSION_ANNOTATION, for_instance
from pulumi_stateful_service.live.state.pod_status import claim_names, is_ready, is_terminating, ordinal_of
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates, desired_ordinals

_NEVER_BEGAN = ("StartError", "ContainerCannotRun")
"""Reasons with which a container ends whose process never ran."""


@dataclass(frozen=True)
class VersionCommand:
    """A command that tells whether the application can get another version."""

    command: Sequence[str]
    timeout_seconds: int = 60

    def words(self, pod: KubernetesObject, image: str) -> list[str]:
        """The command for one instance, and the image that it is to get."""
        named = [for_instance(word, pod["metadata"]["name"], ordinal_of(pod)) for word in self.command]
        return [word.replace("{image}", image) for word in named]


@dataclass(frozen=True)
class VersionPlan:
    """What the program allows."""

    number: Version | None = None
    """The version of the image, by the program; None for that of its tag."""
    allows_downgrade: bool = False
    max_majors: int = 1
    major_parts: int = 1
    before: VersionCommand | None = None
    rolls_back: bool = False
    """Whether ``pulumi up`` itself goes back to the earlier version where the new one fails."""

    @property
    def lowers_notes(self) -> bool:
        """Whether data may be of an earlier version again, by the user's word."""
        return self.allows_downgrade or self.rolls_back


def version_plan(given: Mapping[str, Any] | None, rollout: Mapping[str, Any] | None) -> VersionPlan | None:
    """The plan of the argument ``version``, beside ``rollout``; their values are known."""
    if given is None:
        return None
    return VersionPlan(
        parsed_tag(given.get("number", "")),
        given.get("downgrade") == Downgrade.ALLOW,
        given.get("max_majors", 1),
        given.get("major_parts", 1),
        VersionCommand(**given["before"]) if "before" in given else None,
        rolls_back=(rollout or {}).get("on_failure") == "RollBack",
    )


@dataclass(frozen=True)
class WantedVersion:
    """What instances are to run."""

    plan: VersionPlan
    image: str

    @property
    def version(self) -> Version | None:
        """None where neither the program nor the tag tells it."""
        return self.of(self.image)

    def of(self, image: str) -> Version | None:
        """The version of an image: what the program says is of its own image alone."""
        return (self.plan.number if image == self.image else None) or version_of_image(image)


@dataclass(frozen=True)
class VersionWork:
    """What is done before instances get another version."""

    wanted: WantedVersion
    notes: Mapping[str, Version] = field(default_factory=dict)
    """What an ``up`` that was interrupted has not noted, by the claim's name."""
    checked_in: KubernetesObject | None = None
    """The Pod in which the check runs; None where none does."""
    lines: Sequence[str] = ()
    """What the user reads of it."""


def image_of(pod_spec: KubernetesObject) -> Any:
    """The image of the component's container; it may be unknown in a preview."""
    return next((each.get("image") for each in pod_spec["containers"] if each["name"] == CONTAINER_NAME), "")


def has_run(pod: KubernetesObject) -> bool:
    """Whether the application, or an init container of the same image, has run in the Pod: it may have used the data.

    Not where the image could not be pulled, or its program could not be started.
    """
    image, status = image_of(pod["spec"]), pod.get("status", {})
    same = {each["name"] for each in pod["spec"].get("initContainers", []) if each.get("image") == image}
    statuses = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return any(_has_run(each) for each in statuses if each["name"] in {CONTAINER_NAME, *same})


def _has_run(container: KubernetesObject) -> bool:
    states = [container.get("state", {}), container.get("lastState", {})]
    ends = [each["terminated"] for each in states if "terminated" in each]
    return "running" in states[0] or any(end.get("reason") not in _NEVER_BEGAN for end in ends)


def noted_version(claim: KubernetesObject) -> Version | None:
    """The version that the claim's data are of; None where none is noted, or somebody has damaged the note."""
    return parsed_tag((claim["metadata"].get("annotations") or {}).get(DATA_VERSION_ANNOTATION) or "")


@dataclass(frozen=True)
class InstanceData:
    """The data of one instance, and what uses them."""

    ordinal: int
    claims: Mapping[str, Version | None]
    """Which version each claim is of, as far as it is known."""
    runs: Version | None = None
    """The version that its Pod has run; None where there is none, or it is not known."""

    @property
    def latest(self) -> Version | None:
        """The latest version that has used them."""
        latest = None
        for version in [*self.claims.values(), self.runs]:
            if version is not None and (latest is None or latest.is_below(version)):
                latest = version
        return latest


def data_of_instances(
    stateful_set: KubernetesObject,
    claims: Iterable[KubernetesObject],
    pods: Iterable[KubernetesObject],
    wanted: WantedVersion,
) -> list[InstanceData]:
    """The data of each instance that has claims, also of those that were scaled away, by ordinal."""
    runs = {ordinal_of(pod): wanted.of(image_of(pod["spec"])) for pod in pods if has_run(pod)}
    by_ordinal: dict[int, dict[str, Version | None]] = {}
    for claim in claims:
        name = claim["metadata"]["name"]
        if (ordinal := _ordinal_of_claim(stateful_set, name)) is not None:
            by_ordinal.setdefault(ordinal, {})[name] = noted_version(claim)
    return [InstanceData(each, by_ordinal[each], runs.get(each)) for each in sorted(by_ordinal)]


def _ordinal_of_claim(stateful_set: KubernetesObject, name: str) -> int | None:
    set_name = stateful_set["metadata"]["name"]
    begins = (f"{volume}-{set_name}-" for volume in claim_templates(stateful_set))
    ordinals = (name.removeprefix(begin) for begin in begins if name.startswith(begin))
    return next((int(each) for each in ordinals if each.isascii() and each.isdigit()), None)


def downgraded(data: Sequence[InstanceData], desired: KubernetesObject, version: Version) -> list[InstanceData]:
    """The instances whose data have been used by a later version than the one that they would get.

    Not those that run the wanted version, or an earlier one, already: whatever has brought them there, a roll-back of
    others does not concern them. Where no instance is wanted, all that have data count: they are to start some day.
    """
    ordinals = desired_ordinals(desired)
    return [
        each
        for each in data
        if (each.ordinal in ordinals or not ordinals)
        and not (each.runs is not None and not version.is_below(each.runs))
        and each.latest is not None
        and version.is_below(each.latest)
    ]


def skipping(
    data: Sequence[InstanceData], desired: KubernetesObject, version: Version, plan: VersionPlan
) -> list[InstanceData]:
    """The instances whose data would skip a major."""
    ordinals = desired_ordinals(desired)
    return [
        each
        for each in data
        if (each.ordinal in ordinals or not ordinals)
        and each.latest is not None
        and each.latest.majors_to(version, plan.major_parts) > plan.max_majors
    ]


def lagging_notes(
    stateful_set: KubernetesObject,
    pods: Iterable[KubernetesObject],
    claims: Iterable[KubernetesObject],
    wanted: WantedVersion,
) -> dict[str, Version]:
    """What is to be noted on claims, by their names: what has run on them since, or runs again by the user's word."""
    # A Pod can mount claims of others too.
    names = {each: claim for claim in claims if (each := claim["metadata"]["name"])}
    by_name = {each: claim for each, claim in names.items() if _ordinal_of_claim(stateful_set, each) is not None}
    notes: dict[str, Version] = {}
    for pod in pods:
        version = wanted.of(image_of(pod["spec"]))
        if version is None or not has_run(pod):
            continue
        lowers = wanted.plan.lowers_notes and is_ready(pod) and not is_terminating(pod)
        for name in claim_names(pod):
            if name in by_name and _is_to_note(noted_version(by_name[name]), version, lowers=lowers):
                notes[name] = version
    return notes


def _is_to_note(noted: Version | None, version: Version, *, lowers: bool) -> bool:
    if noted is None or noted.is_below(version) or version.is_exactly(noted):
        return True
    return lowers and version.is_below(noted)
