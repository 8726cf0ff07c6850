"""What a step of a history has done to a service, and where that is not what was said before."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness import Service, absent_as_none, condition
from history_program import Said
from lightkube.resources.apps_v1 import StatefulSet
from pulumi_stateful_service.foundation.quantities import size_in_bytes
from pulumi_stateful_service.live.state.pod_template_changes import pod_template_changes

RESTARTED = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim."""

    uid: str
    requested: int
    """Bytes."""
    is_terminating: bool


@dataclass(frozen=True)
class Seen:
    """A service as it is on the cluster."""

    stateful_set: Mapping[str, Any]
    """Empty where there is none."""
    pods: Mapping[str, str]
    """The uid of each Pod, by its name."""
    claims: Mapping[str, Claim]
    is_quiet: bool
    """Whether the controller has nothing to do, and every Pod is ready."""

    @property
    def template(self) -> Any:
        """The Pod template."""
        return _without_restart(self.stateful_set["spec"]["template"]) if self.stateful_set else None

    @property
    def uid(self) -> str:
        """The StatefulSet's."""
        return str(self.stateful_set["metadata"]["uid"]) if self.stateful_set else ""


def _without_restart(template: Mapping[str, Any]) -> Any:
    """The template without the note of ``kubectl rollout restart``, which is kept and not reported when it is done."""
    metadata = template.get("metadata") or {}
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != RESTARTED}
    return {**template, "metadata": {**metadata, "annotations": annotations}}


def look(rg: Service) -> Seen:
    """Reads the service."""
    live: Any = absent_as_none(lambda: rg.client.get(StatefulSet, "rg", namespace=rg.namespace))
    pods, claims = rg.pods(), rg.claims()
    return Seen(
        live.to_dict() if live else {},
        {name: str(pod.metadata.uid) for name, pod in pods.items()},
        {
            name: Claim(
                str(claim.metadata.uid),
                int(size_in_bytes(claim.spec.resources.requests["storage"])),
                claim.metadata.deletionTimestamp is not None,
            )
            for name, claim in claims.items()
        },
        _is_quiet(live, pods) if live else not pods,
    )


def _is_quiet(live: Any, pods: Mapping[str, Any]) -> bool:
    status = live.status
    is_seen = status and status.observedGeneration == live.metadata.generation
    is_counted = len(pods) == live.spec.replicas == (status and status.replicas)
    are_ready = all(
        condition(pod, "Ready") == "True" and pod.metadata.deletionTimestamp is None for pod in pods.values()
    )
    rolling = live.spec.updateStrategy.rollingUpdate
    holds_back = live.spec.updateStrategy.type == "OnDelete" or bool(rolling and rolling.partition)
    is_updated = holds_back or all(
        pod.metadata.labels.get("controller-revision-hash") == status.updateRevision for pod in pods.values()
    )
    return bool(is_seen and is_counted and are_ready and is_updated)


_INSTANCES = {
    "Kept": "stays",
    "Resized": "stays",
    "Replaced": "is replaced",
    "Added": "is added",
    "Removed": "is removed",
}
_CLAIMS = {
    "Kept": "stays",
    "LeftBehind": "stays",
    "Modified": "stays",
    "Terminating": "stays",
    "Expanded": "grows",
    "Reduced": "shrinks",
    "Created": "is added",
    "Recreated": "is replaced",
    "Deleted": "is removed",
}


def _fate(before: str | None, after: str | None) -> str:
    if before is None or after is None:
        return "is added" if before is None else "is removed"
    return "stays" if before == after else "is replaced"


def _claim_fates(before: Seen, after: Seen) -> Iterator[tuple[str, str]]:
    for name in sorted(before.claims.keys() | after.claims.keys()):
        old, new = before.claims.get(name), after.claims.get(name)
        fate = _fate(old.uid if old else None, new.uid if new else None)
        if fate == "stays" and old and new and new.is_terminating and not old.is_terminating:
            fate = "is removed"
        elif fate == "stays" and old and new and old.requested != new.requested:
            fate = "grows" if new.requested > old.requested else "shrinks"
        yield name, fate


def differences(before: Seen, after: Seen, forecast: Mapping[str, Any]) -> list[str]:
    """Where what happened is not the forecast."""
    instances = {name: _INSTANCES[each] for name, each in forecast["instances"].items()}
    claims = {name: _CLAIMS[each] for name, each in forecast["claims"].items()}
    found = [
        *_differing("Pod", instances, _pod_fates(before, after)),
        *_differing("claim", claims, dict(_claim_fates(before, after))),
    ]
    happened = _outcome(before, after)
    if happened != forecast["set"] and (happened, forecast["set"]) != ("Unchanged", "Updated"):
        found.append(f"StatefulSet: {forecast['set']} was said, {happened} is so")
    if before.stateful_set and after.stateful_set and forecast["set"] != "Created":
        changed = pod_template_changes(dict(before.stateful_set), dict(after.stateful_set))
        if set(changed) != set(forecast["reasons"]):
            found.append(f"template: {sorted(forecast['reasons'])} was said to change, {sorted(changed)} did")
    return found


def _pod_fates(before: Seen, after: Seen) -> dict[str, str]:
    return {
        name: _fate(before.pods.get(name), after.pods.get(name))
        for name in sorted(before.pods.keys() | after.pods.keys())
    }


def _differing(kind: str, said: Mapping[str, str], happened: Mapping[str, str]) -> list[str]:
    names = sorted(said.keys() | happened.keys())
    pairs = [(name, said.get(name, "stays"), happened.get(name, "stays")) for name in names]
    return [f"{kind} {name}: {expected} was said, {fate} is so" for name, expected, fate in pairs if expected != fate]


def misreported(before: Seen, said: Said) -> list[str]:
    """Where the report of a preview says something else than the preview, or knows what nobody could know."""
    told, forecast = said.report, said.forecast
    found = [] if said.is_complete == said.done else [f"complete is {said.is_complete}, and the preview {said.done}"]
    if told is None:
        return [*found, "the report lacks the service"] if said.done else found
    if not said.done:
        return found if told["state"] in {"Refused", "Unknown"} else [*found, f"refused, and reported as {told}"]
    if told["set"] == "Replaced":
        return found
    if forecast is None or not before.stateful_set:
        expected = {"Unknown"} if forecast is None else {"Unknown", "Changed"}
        return found if told["state"] in expected else [*found, f"nobody knew it, and it is reported as {told}"]
    state = "Unchanged" if forecast["set"] == "Unchanged" else "Changed"
    if told["state"] != state or any(told[field] != value for field, value in forecast.items()):
        found.append(f"the preview said {forecast}, and the report {told}")
    return found


def replaced_otherwise(before: Seen, after: Seen, said: Said) -> list[str]:
    """Where what happened is not what the report says of a StatefulSet that Pulumi replaces: only the report does."""
    told = said.report
    if told is None or told["set"] != "Replaced":
        return []
    instances = {name: _INSTANCES[each] for name, each in told["instances"].items()}
    gone = [f"claim {name} is lost, and the report keeps it" for name in lost(before, after) if name in told["claims"]]
    return [*_differing("Pod", instances, _pod_fates(before, after)), *gone]


def _outcome(before: Seen, after: Seen) -> str:
    if before.uid != after.uid:
        return "Recreated" if before.uid else "Created"
    generations = [seen.stateful_set.get("metadata", {}).get("generation") for seen in (before, after)]
    return "Unchanged" if generations[0] == generations[1] else "Updated"


def lost(before: Seen, after: Seen) -> list[str]:
    """The claims that are gone, or about to be."""
    return [name for name, fate in _claim_fates(before, after) if fate in {"is removed", "is replaced"}]


def lost_without_a_word(before: Seen, after: Seen, said: Said) -> list[str]:
    """The claims that were lost although the preview has not said of them that they are deleted."""
    lines = [line for line in said.text.splitlines() if re.search(r"\bdeleted\b", line)]
    return [
        f"claim {name} is lost, and the preview has not said that it is deleted"
        for name in lost(before, after)
        if not any(re.search(rf"\b{name}\b", line) for line in lines)
    ]


def changed(before: Seen, after: Seen) -> list[str]:
    """What is not as it was."""
    nothing = {"set": "Unchanged", "instances": {}, "claims": {}, "reasons": []}
    return [each.replace("was said", "was refused") for each in differences(before, after, nothing)]


def unnamed(now: Seen, own_template: Any, said: Said) -> list[str]:
    """What others have done that a preview has to name, and has not."""
    found = [
        f"claim {name} is being deleted, and the preview does not name it"
        for name, claim in now.claims.items()
        if claim.is_terminating and name not in said.text
    ]
    if own_template is not None and now.template != own_template and "outside Pulumi" not in said.text:
        before, after = (
            {"metadata": {"name": "rg"}, "spec": {"template": each}} for each in (own_template, now.template)
        )
        what = pod_template_changes(before, after)
        found.append(f"somebody else has changed {', '.join(what)} of the template, and the preview does not name it")
    return found
