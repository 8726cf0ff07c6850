"""How a running Pod gets the CPU and memory of a Pod template without being replaced: by the subresource ``resize``.

When a Pod has them and nothing else differs, it is what the StatefulSet would create from the template. Then the
controller takes it for one of the new revision as soon as it has the label of that revision.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pulumi_stateful_service.foundation.kubernetes_object import KubernetesObject
from pulumi_stateful_service.foundation.names import CONTAINER_NAME
from pulumi_stateful_service.foundation.quantities import amount
from pulumi_stateful_service.live.state.pod_status import revision
from pulumi_stateful_service.live.state.stateful_set_fields import claim_templates
from pulumi_stateful_service.outside_text import cleaned

_RESIZABLE = ("cpu", "memory")
_PARTS = ("requests", "limits")
_LISTS = ("containers", "initContainers")
_PENDING, _IN_PROGRESS = "PodResizePending", "PodResizeInProgress"

OTHER_FIELDS = "the Pod template changes in more than CPU and memory"


class ResizeStep(Enum):
    """What comes next for a Pod."""

    NOTHING = "nothing"
    """It is as the template, and has its revision."""
    RESIZE = "resize"
    WAIT = "wait"
    """The kubelet does not have the new values yet."""
    STUCK = "stuck"
    """The kubelet says that the node cannot give them: now (``Deferred``) or at all (``Infeasible``)."""
    LABEL = "label"
    """It is as the template, and lacks the revision's label."""


@dataclass(frozen=True)
class PodResize:
    """What is left to do for one Pod."""

    step: ResizeStep
    spec: KubernetesObject = field(default_factory=dict)
    """Of ``RESIZE``: what is sent, a strategic merge patch."""
    changes: str = ""
    """Of ``RESIZE``: the values before and after, ``cpu 500m to 1``."""
    restarts: Sequence[str] = ()
    """Of ``RESIZE``: the containers that restart for it (``resizePolicy``)."""
    why: str = ""
    """Of ``WAIT`` and ``STUCK``: what the kubelet says."""
    is_infeasible: bool = False
    """Of ``STUCK``: whether waiting does not help."""


def template_of(controller_revision: Mapping[str, Any]) -> KubernetesObject:
    """The Pod template that a ControllerRevision keeps."""
    template = ((controller_revision.get("data") or {}).get("spec") or {}).get("template") or {}
    return {key: value for key, value in template.items() if key != "$patch"}


def why_replaced(
    pod: KubernetesObject, own_template: KubernetesObject | None, stateful_set: KubernetesObject
) -> str | None:
    """Why a resize cannot make the Pod what the StatefulSet would create; None where it can.

    ``own_template`` is the one that the Pod was created from. It tells what the program no longer has, and the Pod's
    own spec what others have changed since: an admission, or somebody by hand.
    """
    template = stateful_set["spec"]["template"]
    if own_template is None:
        return "the revision that the Pod runs could not be read"
    if _comparable(own_template) != _comparable(template):
        return OTHER_FIELDS
    after = _containers(template["spec"])
    for name, container in _containers(own_template["spec"]).items():
        for part, resource in sorted(_amounts(container).keys() - _amounts(after[name]).keys()):
            return f"{_of(name)}{resource} {part.removesuffix('s')} is removed, which a resize cannot do"
    if path := _missing(_without_claims(_without_resources(template), stateful_set), _without_resources(pod)):
        return f"the Pod is not as its Pod template, since an admission or somebody else has changed it: {path}"
    return None


def next_step(pod: KubernetesObject, template: KubernetesObject, update_revision: str | None) -> PodResize:
    """What is left to do for a Pod that a resize makes what the StatefulSet would create.

    ``update_revision`` is None where it is not known yet, and the Pod has another.
    """
    live, wanted = _containers(pod["spec"]), _containers(template["spec"])
    differing = {name: each for name in wanted if (each := _differences(live[name], wanted[name]))}
    if differing:
        return PodResize(
            ResizeStep.RESIZE,
            _patch(pod["spec"], differing),
            "; ".join(f"{_of(name)}{_changes_text(each)}" for name, each in differing.items()),
            [name for name, each in differing.items() if _restarts(live[name], each)],
        )
    if stuck := _condition(pod, _PENDING):
        return PodResize(ResizeStep.STUCK, why=_told(stuck), is_infeasible=stuck.get("reason") == "Infeasible")
    running = _condition(pod, _IN_PROGRESS)
    if running or not _has_them(pod, wanted):
        return PodResize(ResizeStep.WAIT, why=_told(running) if running else "the kubelet has not resized it yet")
    return PodResize(ResizeStep.NOTHING if revision(pod) == update_revision else ResizeStep.LABEL)


def without_request(problem: str) -> str:
    """What the API server says of a resize that it refuses, without the request that the user did not write."""
    return problem.rpartition("is forbidden: ")[2].rpartition("is invalid: ")[2]


_Amounts = dict[tuple[str, str], str]
"""Quantities by ``requests`` or ``limits``, and the resource."""


def _containers(spec: Mapping[str, Any]) -> dict[str, KubernetesObject]:
    """The containers that keep running, by name: side-cars are among the init containers."""
    return {each["name"]: each for key in _LISTS for each in spec.get(key) or [] if _keeps_running(key, each)}


def _keeps_running(key: str, container: Mapping[str, Any]) -> bool:
    return key == "containers" or container.get("restartPolicy") == "Always"


def _amounts(container: Mapping[str, Any]) -> _Amounts:
    """CPU and memory as a Pod has them: the API server takes a limit for the request where there is none."""
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    parts = {"requests": {**limits, **(resources.get("requests") or {})}, "limits": limits}
    return {(part, key): str(parts[part][key]) for part in _PARTS for key in _RESIZABLE if key in parts[part]}


def _differences(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, str]]:
    """What differs, before and after. What the program does not set is left: a LimitRange has set it."""
    before = _amounts(live)
    return {
        key: (before.get(key, "none"), value)
        for key, value in _amounts(wanted).items()
        if key not in before or amount(before[key]) != amount(value)
    }


def _patch(spec: Mapping[str, Any], differing: Mapping[str, Mapping[tuple[str, str], tuple[str, str]]]) -> Any:
    patch: dict[str, list[KubernetesObject]] = {}
    for key in _LISTS:
        for container in spec.get(key) or []:
            if changes := differing.get(container["name"]):
                resources: dict[str, dict[str, str]] = {}
                for (part, resource), (_, after) in changes.items():
                    resources.setdefault(part, {})[resource] = after
                patch.setdefault(key, []).append({"name": container["name"], "resources": resources})
    return patch


def _restarts(live: Mapping[str, Any], changes: Mapping[tuple[str, str], Any]) -> bool:
    policies = {each["resourceName"]: each["restartPolicy"] for each in live.get("resizePolicy") or []}
    return any(policies.get(resource) == "RestartContainer" for _, resource in changes)


def _changes_text(changes: Mapping[tuple[str, str], tuple[str, str]]) -> str:
    texts = []
    for resource in _RESIZABLE:
        by_part = {part: changes[part, resource] for part in _PARTS if (part, resource) in changes}
        if len(set(by_part.values())) == 1 and len(by_part) == len(_PARTS):
            texts.append(f"{resource} {' to '.join(by_part['limits'])}")
        else:
            texts += [f"{resource} {part.removesuffix('s')} {' to '.join(each)}" for part, each in by_part.items()]
    return ", ".join(texts)


def _of(container: str) -> str:
    return "" if container == CONTAINER_NAME else f"{container}: "


def _condition(pod: KubernetesObject, kind: str) -> KubernetesObject | None:
    """A condition that is true of the Pod as it is now: it may be older than the last resize."""
    for each in pod.get("status", {}).get("conditions", []):
        is_current = each.get("observedGeneration", 0) >= pod["metadata"].get("generation", 0)
        if each["type"] == kind and each["status"] == "True" and (is_current or "observedGeneration" not in each):
            return dict(each)
    return None


def _told(condition: Mapping[str, Any]) -> str:
    reason, message = str(condition.get("reason") or "in progress"), cleaned(condition.get("message") or "")
    return f"{reason}: {message}" if message else reason


def _has_them(pod: KubernetesObject, wanted: Mapping[str, KubernetesObject]) -> bool:
    """Whether the kubelet says that each container has what is wanted."""
    status = pod.get("status", {})
    found = {
        each["name"]: each for key in ("containerStatuses", "initContainerStatuses") for each in status.get(key) or []
    }
    return all(name in found and not _differences(found[name], each) for name, each in wanted.items())


def _comparable(template: Mapping[str, Any]) -> KubernetesObject:
    """A Pod template without what a resize changes, and without what says nothing."""
    return {
        "metadata": _without_empty(template.get("metadata") or {}),
        "spec": _without_empty(_without_resources(template)["spec"]),
    }


def _without_resources(template: Mapping[str, Any]) -> KubernetesObject:
    """A Pod, or a Pod template, without CPU and memory of the containers that keep running."""
    spec = dict(template["spec"])
    for key in _LISTS:
        if key in spec:
            spec[key] = [_without_amounts(each) if _keeps_running(key, each) else each for each in spec[key] or []]
    return {**template, "spec": spec}


def _without_amounts(container: Mapping[str, Any]) -> KubernetesObject:
    resources = {**(container.get("resources") or {})}
    for part in _PARTS:
        resources[part] = {key: each for key, each in (resources.get(part) or {}).items() if key not in _RESIZABLE}
    return {**container, "resources": resources}


def _without_claims(template: KubernetesObject, stateful_set: KubernetesObject) -> KubernetesObject:
    """Without volumes in whose place the controller puts claims."""
    claims = claim_templates(stateful_set)
    volumes = [each for each in template["spec"].get("volumes") or [] if each["name"] not in claims]
    return {**template, "spec": {**template["spec"], "volumes": volumes}}


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        parts = {key: _without_empty(each) for key, each in value.items()}
        return {key: each for key, each in parts.items() if each not in (None, {}, [])}
    return [_without_empty(each) for each in value] if isinstance(value, list) else value


def _missing(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str | None:
    """The path of what a template has and a Pod has not. A Pod has more than its template: defaults, and a token."""
    metadata = {key: wanted.get("metadata", {}).get(key) for key in ("labels", "annotations")}
    beside = {"metadata": metadata, "spec": wanted["spec"]}
    return next(_missing_paths(_without_empty(beside), found, ""), None)


def _missing_paths(wanted: Any, found: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key, value in wanted.items():
            yield from _missing_paths(value, found.get(key), f"{path}.{key}".removeprefix("."))
    elif isinstance(wanted, list) and isinstance(found, list) and all(isinstance(each, Mapping) for each in wanted):
        for item in wanted:
            if all(any(_missing_paths(item, each, path)) for each in found):
                named = next((each for each in found if each.get("name") == item.get("name") is not None), None)
                where = f"{path}[{item.get('name', '')}]"
                yield next(_missing_paths(item, named, where), where) if named is not None else where
    elif wanted != found:
        yield path
