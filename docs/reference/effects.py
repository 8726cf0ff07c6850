"""What changing an argument does to a service that runs: derived from what the component makes of it, and judges.

Each argument is changed in services that use it, and everything that the component would register before and after is
compared. The StatefulSet goes through the component's own refusals and its forecast, so nothing here says by itself
that Pods restart, or that a change is refused. What an object's own kind does not allow stands in ``_FIXED``.
"""

import asyncio
import contextlib
import functools
import io
import json
import re
import typing
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pulumi_stateful_service import ArgumentError, RefusedError, StatefulServiceArgs
from pulumi_stateful_service.arguments import types
from pulumi_stateful_service.arguments.check_arguments import check_arguments
from pulumi_stateful_service.arguments.groups import service_groups
from pulumi_stateful_service.foundation.names import claim_name, field_manager
from pulumi_stateful_service.foundation.outputs import resolve
from pulumi_stateful_service.live.before.forecast import ClaimOutcome, ForecastOutput, InstanceOutcome
from pulumi_stateful_service.live.before.refusals.identity import name_refusals, namespace_refusals, ordinals_refusals
from pulumi_stateful_service.live.before.refusals.restore import claims_to_replace, restore_refusals
from pulumi_stateful_service.live.before.refusals.update import update_terms
from pulumi_stateful_service.live.before.refusals.volumes import claim_field_changes
from pulumi_stateful_service.live.state.outdated_claims import API_DEFAULTS
from pulumi_stateful_service.live.state.stateful_set_fields import IDENTITY_FIELDS, claim_templates, desired_ordinals
from pulumi_stateful_service.live.versions.version_objects import VERSIONED
from pulumi_stateful_service.objects.shared import Shared
from pulumi_stateful_service.objects.storage import restored_claims
from pulumi_stateful_service.plan import Planned, plan
from pulumi_stateful_service.testing.live_set import forecast_of_live_set

from docs.reference import yaml_example
from docs.reference.argument_types import Path, at, removed, replaced, type_at, used_fields

RESTART = "Pods restart"
IN_PLACE = "{} in place"
UP_ONLY = "`pulumi up` only"
NEW_CLAIMS = "for new claims"
_RECREATED = "with `recreate_keeping_pods` only"
_NOT_BEFORE = "no effect before the StatefulSet is recreated"
_REFUSED_BY_THE_API = "refused by the API server"
_ALONE = ("refused", _RECREATED, _NOT_BEFORE)
"""What is said by itself: no other object changes then, or none that matters."""

PLAIN: dict[str, Any] = {
    "image": "db:1",
    "name": "db",
    "namespace": "shop",
    "replicas": 3,
    "ports": {"client": 5432, "peer": 7000},
    "env": {"MODE": "primary"},
    "volumes": [{"name": "data", "mount_path": "/data", "size": "10Gi", "volume_mode": "Filesystem"}],
    "load_balancer": {"port": 80, "target_port": "client", "session_affinity": "ClientIP"},
    "instance_services": {"ordinals": [0]},
}
"""The service in which arguments are changed first."""

_RESTORED: dict[str, Any] = {
    **{key: PLAIN[key] for key in ("image", "name", "namespace", "replicas")},
    "volumes": [{"name": name, "mount_path": f"/{name}", "size": "10Gi"} for name in ("data", "wal")],
    "restore": [{"ordinal": 0, "volume": "data", "volume_name": "kept"}],
    "rebuild": [{"ordinal": 1, "volume": "data", "volume_name": "given-up"}],
}

_BASIC = {
    "image",
    "name",
    "namespace",
    "replicas",
    "ports",
    "volumes",
    "volume_sizes",
    "scratch_volumes",
    "projected_volumes",
}
"""What is left of a service beside the argument that is changed: others would hide what a change does."""

_HIDING = {"leader_last", "canary", "partition", "rollout", "recreate_claims", "rebuild"}
"""With them the component replaces Pods that the StatefulSet alone would not, or the other way round."""

_OF_ALL_OBJECTS = {"labels", "annotations"}

_NEEDED = {"image", "name", "key", "ports", "selector"}
"""What is left beside an argument where others forbid a change."""

_ENUMERATIONS = [[*map(str, each)] for each in vars(types).values() if hasattr(each, "__members__")]

_ANOTHER = (
    "192.168.0.0/16",
    "0400",
    "1Ki",
    "limits.memory",
    "PreferSameNode",
    "IPv6",
    "peer",
    "identity",
    "wal",
)
"""Values of which one is right where a longer text is not."""

_REPLACED_FOR: Mapping[str, Sequence[str]] = {
    "StorageClass": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
}
"""Fields for which Pulumi replaces an object, beside its name: its provider's rules, and those that ``plan`` adds."""


@functools.cache
def effects() -> Mapping[tuple[str, str], str]:
    """What a change does, by the name of the arguments' type and the argument's."""
    with contextlib.redirect_stderr(io.StringIO()):  # warnings of arguments that nobody would write
        return asyncio.run(_effects())


async def _effects() -> dict[tuple[str, str], str]:
    comparison = _Comparison()
    found: dict[tuple[str, str], dict[str, str]] = {}
    for case in _cases():
        for of, name, path in used_fields(case, StatefulServiceArgs):
            places, place = found.setdefault((of, name), {}), str(path[0])
            if place not in places and (said := await comparison.effect(case, path)):
                places[place] = said
    return {argument: _joined(places) for argument, places in found.items() if places}


def _cases() -> Iterator[dict[str, Any]]:
    yield PLAIN
    yield _RESTORED
    for name, args in yaml_example.services_in_python("default").items():
        if "groups" in args:
            groups = {group: {**own, "replicas": own.get("replicas") or 3} for group, own in args["groups"].items()}
            yield {"name": name, **args, "groups": groups}
        else:
            yield {"name": name, **args, "replicas": args["replicas"] or 3}


def _joined(places: Mapping[str, str]) -> str:
    """One text where it is the same wherever the argument stands; else each with the arguments in which it stands."""
    by_text: dict[str, list[str]] = {}
    for place, said in places.items():
        by_text.setdefault(said, []).append(f"`{place}`")
    if len(by_text) == 1:
        return next(iter(by_text))
    return "; ".join(f"in {', '.join(where)}: {said}" for said, where in by_text.items())


@dataclass(frozen=True)
class _Service:
    """A service of arguments that the component accepts."""

    args: StatefulServiceArgs
    planned: Mapping[tuple[str, str], Planned]
    """By kind and name."""


class _Comparison:
    """Services before and after a change."""

    def __init__(self) -> None:
        self._known: dict[str, _Service | None] = {}

    async def effect(self, case: Mapping[str, Any], path: Path) -> str:
        """What a change of the argument at this place does; empty where the component accepts no other value there."""
        kept = case.keys() if path[0] in _OF_ALL_OBJECTS else {*_BASIC, path[0]}
        case = {key: value for key, value in case.items() if key == path[0] or key not in _HIDING}
        basic = {key: value for key, value in case.items() if key in kept}
        beside = at(basic, path[:-1])
        alone = replaced(basic, path[:-1], {key: beside[key] for key in beside if key in {*_NEEDED, path[-1]}})
        said = ""
        for context in (basic, case, *[alone] * (not said or len(path) == 1)):
            if said in ("", UP_ONLY):
                said = await self._effect_in(context, path) or said
        return said or await self._effect_in(basic, path, inside=True)

    async def _effect_in(self, case: Mapping[str, Any], path: Path, *, inside: bool = False) -> str:
        by_how: dict[str, set[str]] = {}
        async for how, said in self._outcomes(case, path, inside=inside):
            by_how.setdefault(how, set()).add(said)
        return _as_text(by_how)

    async def _outcomes(self, case: Mapping[str, Any], path: Path, *, inside: bool) -> AsyncIterator[tuple[str, str]]:
        whole = await self._service(case)
        if whole is None:
            return
        value, hint = at(case, path), type_at(StatefulServiceArgs, path)
        for kind in _others(value, hint, inside=inside):
            for how, other in kind:
                if other != value and (changed := await self._service(replaced(case, path, other))) is not None:
                    yield how, _outcome(whole, changed)
                    if isinstance(value, bool):
                        yield how, _outcome(changed, whole)
                    break
        if (without := await self._service(removed(case, path))) is not None:
            yield "set", _outcome(without, whole)
            yield "removed", _outcome(whole, without)

    async def _service(self, args: Mapping[str, Any]) -> _Service | None:
        """None where the arguments are refused."""
        key = json.dumps(args)
        if key not in self._known:
            self._known[key] = await _service(args)
        return self._known[key]


async def _service(args: Mapping[str, Any]) -> _Service | None:
    try:
        checked, _ = check_arguments("db", args)
    except ArgumentError:
        return None
    settings = checked.get("storage_class")
    class_name = settings.get("name", "class") if settings is not None else checked.get("storage_class_name")
    planned = plan(service_groups(checked), class_name, "component")
    # The names of Secrets and ConfigMaps are Outputs: digests of what is in them.
    resolved = [replace(each, fields=(await resolve(each.fields)).value) for each in planned]
    return _Service(checked, {(each.kind, each.suffix): each for each in resolved})


_ORDER = ("increased", "decreased", "set", "changed", "removed")


def _as_text(by_how: dict[str, set[str]]) -> str:
    """The outcomes of each kind of change, the same ones together."""
    increased, decreased = by_how.get("increased"), by_how.get("decreased")
    if increased is None or decreased is None or increased == decreased:
        both = (by_how.pop("increased", set()), by_how.pop("decreased", set()))
        by_how["changed"] = by_how.get("changed", set()).union(*both)
    by_text: dict[str, list[str]] = {}
    for how in _ORDER:
        for said in sorted(by_how.get(how, ())):
            by_text.setdefault(said, []).append(how)
    if len(by_text) > 1:
        by_text.pop(UP_ONLY, None)  # another way to write the default
    if len(by_text) <= 1:
        return next(iter(by_text), "")
    if all(each.startswith(("creates the", "deletes the")) for each in by_text):
        return f"creates or deletes the {next(iter(by_text)).rpartition(' ')[2]}"
    return "; ".join(f"{_labelled(labels)}: {said}" for said, labels in by_text.items())


def _labelled(labels: Sequence[str]) -> str:
    amounts = [each for each in labels if each in ("increased", "decreased")]
    return " or ".join(amounts or labels)


_Others = Iterator[Sequence[tuple[str, Any]]]
"""Kinds of changes; of each kind, values of which the first is taken that the component accepts."""


def _others(value: Any, hint: Any, *, inside: bool) -> _Others:
    """Others than a value. The fields of a TypedDict are arguments of their own: changed here only ``inside``."""
    if isinstance(value, bool):
        yield [("changed", not value)]
    elif isinstance(value, int | float):
        yield [("increased", value + 1)]
        yield [("decreased", max(0, value - 1))]
    elif isinstance(value, str):
        yield from _other_texts(value)
    elif value and (inside or not typing.is_typeddict(hint)):
        yield from _other_collections(value, hint, inside=inside)


def _other_collections(value: Any, hint: Any, *, inside: bool) -> _Others:
    """A list or map with less in it, and with another first item."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    yield [("removed", removed(value, (keys[-1],)))]
    for kind in _others(value[keys[0]], type_at(hint, (keys[0],)), inside=inside):
        yield [(how, replaced(value, (keys[0],), other)) for how, other in kind]


def _other_texts(value: str) -> _Others:
    if amount := re.fullmatch(r"([1-9]\d*)(|%|m|[KMGT]i)", value):
        number, unit = int(amount[1]), amount[2]
        yield [("increased", f"{number * 2}{unit}")]
        yield [("decreased", f"{number // 2}{unit}"), ("decreased", "1Mi")]
        yield [("changed", each) for each in _ANOTHER]
    elif members := {each: None for known in _ENUMERATIONS if value in known for each in known}:
        yield from ([("changed", each)] for each in members)
    else:
        yield [("changed", f"{value}x"), *(("changed", each) for each in _ANOTHER)]


def _outcome(before: _Service, after: _Service) -> str:
    """What changing the one service to the other does."""
    said = _set_outcome(before, after)
    if said.startswith(_ALONE):
        return said
    parts: dict[str, list[str]] = {said: ["StatefulSet"]} if said else {}
    for key in dict.fromkeys([*before.planned, *after.planned]):
        kind, _ = key
        if kind == "StatefulSet" or (kind in VERSIONED and RESTART in parts):
            continue  # the Pods refer to another Secret or ConfigMap then
        if done := _object_outcome(before.planned.get(key), after.planned.get(key)):
            kinds = parts.setdefault(done, [])
            kinds.extend([kind] * (kind not in kinds))
    if _REFUSED_BY_THE_API in parts:
        return _REFUSED_BY_THE_API
    return ", ".join(each.format(_listed(kinds)) for each, kinds in parts.items()) or UP_ONLY


def _listed(kinds: Sequence[str]) -> str:
    *first, last = kinds
    return f"{', '.join(first)} and {last}" if first else last


def _object_outcome(old: Planned | None, new: Planned | None) -> str:
    if old is None:
        return "creates the {}"
    if new is None:
        return "deletes the {}"
    if old.fields == new.fields:
        return ""
    before, after = old.fields, new.fields
    is_renamed = before["metadata"]["name"] != after["metadata"]["name"]
    if is_renamed or any(before.get(each) != after.get(each) for each in _REPLACED_FOR.get(old.kind, ())):
        return "replaces the {}"
    if old.kind == "Service" and _is_refused_by_the_api(before["spec"], after["spec"]):
        return _REFUSED_BY_THE_API
    return IN_PLACE


def _is_refused_by_the_api(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a Service cannot become the other: its class, and its primary IP family, are for ever."""
    first, later = (list(spec.get("ipFamilies", [])) for spec in (before, after))
    is_other_family = bool(first and later) and first[0] != later[0]
    return is_other_family or before.get("loadBalancerClass") != after.get("loadBalancerClass")


def _set_outcome(before: _Service, after: _Service) -> str:
    """What becomes of the StatefulSets, their Pods and their claims."""
    suffixes = [suffix for kind, suffix in {**before.planned, **after.planned} if kind == "StatefulSet"]
    said = []
    for suffix in suffixes:
        old, new = (service.planned.get(("StatefulSet", suffix)) for service in (before, after))
        if old is None:
            said.append("adds instances")
        elif new is None:
            said.append("refused: the StatefulSet has instances")
        else:
            said.append(_outcome_of_set(old, new))
    return next((each for each in said if each.startswith("refused")), ", ".join(dict.fromkeys(filter(None, said))))


def _outcome_of_set(before: Planned, after: Planned) -> str:
    old, new = before.fields, after.fields
    args_before, args_after = _args_of(before), _args_of(after)
    live, desired = _live(old), {**new, "spec": dict(new["spec"])}
    autoscaled = args_after.get("autoscaled", False)
    if autoscaled:
        desired["spec"]["replicas"] = live["spec"]["replicas"]
    if claims_to_replace(_restored(args_after), _existing(live, args_before)):
        return "stops the instance and replaces its claim"
    if restore_refusals(_restored(args_after), _existing(live, args_before)):
        return "refused where the claim exists"
    if refused := _named_after(live, desired, autoscaled=autoscaled):
        return f"refused with `volumes`: {_reason(refused[0])}"
    if refusals := update_terms(live, desired, recreate_keeping_pods=True).refusals:
        return f"refused: {_reason(refusals[0])}"
    parts = _forecast_parts(live, desired)
    if not update_terms(live, desired, recreate_keeping_pods=False).refusals and NEW_CLAIMS not in parts:
        return ", ".join(parts) or _otherwise(old, new)
    return f"{_RECREATED}: {', '.join(parts) or 'no Pod restarts'}"


def _args_of(planned: Planned) -> StatefulServiceArgs:
    """The arguments of the group that a StatefulSet is."""
    assert planned.group is not None  # noqa: S101
    return planned.group.args


def _forecast_parts(live: dict[str, Any], desired: dict[str, Any]) -> list[str]:
    try:
        parts = _instances_and_claims(forecast_of_live_set(live, desired))
    except RefusedError:  # of a smaller size, which new claims get from a StatefulSet that is recreated
        return [NEW_CLAIMS]
    return [*parts, *[NEW_CLAIMS] * bool(claim_field_changes(live, desired))]


def _otherwise(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What becomes of the StatefulSet where neither instances nor claims change."""
    if _sent(old) != _sent(new):
        return IN_PLACE
    return "" if _with_defaults(old) == _with_defaults(new) else _NOT_BEFORE


def _named_after(live: Mapping[str, Any], desired: Mapping[str, Any], *, autoscaled: bool) -> list[str]:
    """Refusals of what the claims' names are made from."""
    volumes = list(claim_templates(dict(live)))
    namespaces = [each["metadata"].get("namespace", "default") for each in (live, desired)]
    names = [each["metadata"]["name"] for each in (live, desired)]
    return [
        *name_refusals(names[:1], names[1], volumes),
        *namespace_refusals(namespaces[0], namespaces[1], names[1], volumes),
        *ordinals_refusals(dict(live), dict(desired), autoscaled=autoscaled),
    ]


def _sent(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What of a StatefulSet reaches the live one in an update; the limit of revisions the component sends itself."""
    kept = set(IDENTITY_FIELDS) - {"revisionHistoryLimit"}
    return {**fields, "spec": {key: value for key, value in fields["spec"].items() if key not in kept}}


def _with_defaults(fields: Mapping[str, Any]) -> list[Any]:
    """The claim templates, with what the API server fills in."""
    return [{**each["spec"], **API_DEFAULTS, **each["spec"]} for each in claim_templates(dict(fields)).values()]


def _instances_and_claims(forecast: ForecastOutput) -> list[str]:
    instances, claims = set(forecast["instances"].values()), set(forecast["claims"].values())
    sentences = {
        RESTART: InstanceOutcome.REPLACED in instances,
        "adds instances": InstanceOutcome.ADDED in instances,
        "removes instances": InstanceOutcome.REMOVED in instances,
        "expands the volumes in place": ClaimOutcome.EXPANDED in claims,
        "claims in place": ClaimOutcome.MODIFIED in claims,
        "creates claims": ClaimOutcome.CREATED in claims and InstanceOutcome.ADDED not in instances,
        "keeps the claims": ClaimOutcome.LEFT_BEHIND in claims,
        "deletes claims": ClaimOutcome.DELETED in claims,
    }
    return [sentence for sentence, holds in sentences.items() if holds]


def _live(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The StatefulSet as the API server has it: all its fields are the component's."""
    metadata = {"namespace": "default", **fields["metadata"]}
    entry = {"manager": field_manager(metadata["name"]), "operation": "Apply", "fieldsV1": _owned(fields)}
    return {"metadata": {**metadata, "managedFields": [entry]}, "spec": fields["spec"]}


def _owned(value: Any) -> dict[str, Any]:
    return {f"f:{key}": _owned(each) for key, each in value.items()} if isinstance(value, Mapping) else {}


def _restored(args: StatefulServiceArgs) -> list[dict[str, Any]]:
    return restored_claims(Shared.of_service(service_groups(args)), args, None)


def _existing(live: Mapping[str, Any], args: StatefulServiceArgs) -> dict[str, Any]:
    """The claims of the instances: they began empty, or were restored as the arguments say."""
    empty: dict[str, Any] = {
        claim_name(volume, live["metadata"]["name"], ordinal): {"metadata": {}}
        for volume in claim_templates(dict(live))
        for ordinal in desired_ordinals(dict(live))
    }
    return {**empty, **{claim["metadata"]["name"]: claim for claim in _restored(args)}}


def _reason(refusal: str) -> str:
    """Why a change is refused, from the message that says it."""
    said = re.sub(r"\{.*?\}", "", refusal).partition(": ")[2]
    return re.split(r"[:.,;(] ?", said.strip(), maxsplit=1)[0].strip()
